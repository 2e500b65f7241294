/* Processes under watch: one snapshot of all of them at a time.
 *
 *   roots (or all) ──list of /proc──> slots ──clock and stat of each, descriptors kept──> samples that changed
 *
 * Processor time is read from the process's own clock (ns, all threads, one call and no text); where /proc is not that of our
 * own namespace there is none, and utime + stime of stat (ticks of 10 ms) take its place. schedstat, which counts ns too, speaks
 * of the main thread alone. A process whose clock has not moved has not run: nothing else of it is read. One thread uses a
 * watch at a time. */
#ifndef PROCESS_WATCH_H
#define PROCESS_WATCH_H

#include "core/env.h"
#include "core/process.h"

/* Processes watched at one time: a fork bomb must not take our memory, too. */
#define JM_PROCESS_MAX 65536

struct jm_process_options {
	bool is_all;          /* every process of the machine; else roots and what descends from them */
	size_t max_watched;   /* at one time; 0: JM_PROCESS_MAX */
	size_t max_described; /* behind one snapshot, three files each, others behind the next; 0: 256 */
	size_t max_open;      /* descriptors kept open; 0: as many as the limit of the process leaves */
	bool with_counts; /* count cycles, instructions and cache misses of each process, too, where that is allowed */
};

struct jm_process_watch;

/* What one snapshot found; arrays are borrowed until the next. */
struct jm_process_snapshot {
	struct jm_process_step step;
	const struct jm_process *described; /* new processes, and those whose description changed */
	size_t n_described;
	const struct jm_process_sample *samples; /* those of which something changed, the new ones included */
	size_t n_samples;
	const struct jm_process_memory *memory; /* some, in turn: each about once a minute */
	size_t n_memory;
	const struct jm_process_count
	    *counts; /* of processes that have a sample, where they are counted; and the machine */
	size_t n_counts;
	const uint32_t *gone; /* ids of those that ended since the last one */
	size_t n_gone;
};

/* Errors: JM_E_NOT_FOUND: there is no /proc below env's root; JM_E_NOMEM. */
int jm_process_watch_create(const struct jm_env *env, const struct jm_process_options *options,
			    struct jm_process_watch **out, struct jm_error *err);
void jm_process_watch_destroy(struct jm_process_watch *w);

/* Adds a root: the process of that number, and what descends from it. is_new: it was started just now, by us, so that all of
 * its time counts; else its time counts from the next snapshot. Errors: JM_E_NOT_FOUND: no such process; JM_E_PERMISSION: there
 * is one, but /proc hides it; JM_E_FULL: too many are watched. */
int jm_process_watch_add(struct jm_process_watch *w, int64_t pid, bool is_new, struct jm_error *err);

/* Gives the id of a process under watch. Errors: JM_E_NOT_FOUND. */
int jm_process_watch_id(const struct jm_process_watch *w, int64_t pid, uint32_t *out);

/* Watches those no more that stays, which is asked for each, does not want; snapshots say nothing of them from now on. */
void jm_process_watch_prune(struct jm_process_watch *w, bool (*stays)(void *ctx, uint32_t id), void *ctx);

/* Takes a snapshot. Errors: JM_E_NOMEM; what cannot be read of single processes is left out. */
int jm_process_watch_scan(struct jm_process_watch *w, struct jm_process_snapshot *out);

/* Processes alive at the last snapshot. */
size_t jm_process_watch_n(const struct jm_process_watch *w);

/* Gives the id of a process that was alive at the last snapshot. Errors: JM_E_NOT_FOUND. */
int jm_process_watch_find(const struct jm_process_watch *w, int64_t pid, uint32_t *id_out);

/* Where processor times come from: "process clock (ns)", or "stat (10 ms ticks)". */
const char *jm_process_watch_clock(const struct jm_process_watch *w);

/* Their resolution, ns. */
int64_t jm_process_watch_quantum_ns(const struct jm_process_watch *w);

/* Says what of processes is counted ("user mode", "user and kernel mode"); NULL: nothing, and why_out (NULL: not wanted) says why
 * not. Both borrowed. */
const char *jm_process_watch_counts(const struct jm_process_watch *w, const char **why_out);

/* Gives the i-th remark (hidden processes, too many processes), or NULL behind the last. Borrowed. */
const char *jm_process_watch_note(const struct jm_process_watch *w, size_t i);

#endif
