/* Warm-up until latency settles: the medians of three blocks of calls that follow each other lie within a fraction. */
#ifndef RUNNER_SETTLE_H
#define RUNNER_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#define JM_SETTLE_BLOCK 9 /* calls in a block */

struct jm_settle {
	double fraction;
	int64_t calls[JM_SETTLE_BLOCK], medians[3];
	unsigned n_calls, n_medians; /* of the block; of the last three */
};

/* fraction: by which medians may differ, of one. */
void jm_settle_init(struct jm_settle *s, double fraction);
/* Takes the latency of the next call. Gives true once it has settled. */
bool jm_settle_add(struct jm_settle *s, int64_t latency_ns);
/* Median of the last whole block; 0: there is none yet. */
int64_t jm_settle_latency_ns(const struct jm_settle *s);

#endif
