/* Hardware counters of each watched process: what its processor time was worth.
 *
 * An event counts one thread. Threads that are there when a process comes under watch have their own; those they start later are
 * counted with them (attr.inherit_thread, Linux 5.13), processes they start are not: those come under watch themselves.
 * Cost: three descriptors a thread, and a read(2) of each behind every snapshot in which the process ran. */
#ifndef PROCESS_COUNTS_H
#define PROCESS_COUNTS_H

#include "core/env.h"
#include "core/process.h"

/* How much of a process's work is counted. */
enum jm_counts_mode { JM_COUNTS_NONE, JM_COUNTS_USER, JM_COUNTS_ALL };

/* "user mode" or "user and kernel mode". */
const char *jm_counts_mode_text(enum jm_counts_mode mode);

/* Finds out what the kernel lets us count of our own processes. Errors: JM_E_PERMISSION, JM_E_UNSUPPORTED; err says what would
 * mend it. */
int jm_counts_probe(const struct jm_env *env, enum jm_counts_mode *out, struct jm_error *err);

struct jm_counts {
	int *fds; /* JM_N_COUNTS for each thread or processor; -1: not to be had */
	size_t n;
};

/* Opens the counters of a process, all its threads, from now on; at most max_threads. proc_fd: /proc. Those that cannot be had stay
 * closed. Errors: JM_E_FULL: too many threads; JM_E_GONE; JM_E_NOT_FOUND: nothing of it can be counted; JM_E_NOMEM. */
int jm_counts_open(const struct jm_env *env, int proc_fd, int64_t pid, enum jm_counts_mode mode, size_t max_threads,
		   struct jm_counts *out);
/* Opens those of processors 0 to n_cpus - 1, whoever runs there. Errors: as above; JM_E_PERMISSION. */
int jm_counts_open_machine(const struct jm_env *env, enum jm_counts_mode mode, size_t n_cpus, struct jm_counts *out);
/* Reads the sums; out: JM_N_COUNTS entries, < 0: not counted by all threads. Scaled where the processor had to take turns. */
void jm_counts_read(const struct jm_counts *c, int64_t *out);
void jm_counts_close(struct jm_counts *c);

#endif
