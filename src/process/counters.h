/* Hardware counters of a command and all it starts, as `perf stat` has them. */
#ifndef PROCESS_COUNTERS_H
#define PROCESS_COUNTERS_H

#include "core/env.h"

#include "core/process.h"

#define JM_N_COUNTERS JM_N_COUNTS

struct jm_counters {
	int fds[JM_N_COUNTERS]; /* -1: not to be had */
};

/* Opens the counters for what the calling thread starts from now on: they begin with its exec. Those that cannot be had stay closed.
 * Errors: none could be opened; err says why and what would mend it. */
int jm_counters_open(const struct jm_env *env, struct jm_counters *out, struct jm_error *err);
/* Gives counter i, scaled up where the processor had to take turns. Errors: JM_E_NOT_FOUND: not open, or it never ran. */
int jm_counters_read(const struct jm_counters *c, int i, int64_t *out);
void jm_counters_close(struct jm_counters *c);
const char *jm_counters_key(int i);
/* Perf's number of the hardware event: perf_event_open(2). */
uint64_t jm_counters_event(int i);

#endif
