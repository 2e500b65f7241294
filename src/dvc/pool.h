/* Work on many files by several threads. */
#ifndef DVC_POOL_H
#define DVC_POOL_H

#include "dvc/oid.h"

/* Works on item i. Called from several threads at once, each with its own worker and err. Gives 0 or a JM_E_ code, which ends
 * the whole. */
typedef int (*jm_dvc_work_fn)(void *ctx, struct jm_dvc_worker *w, size_t i, struct jm_error *err);

struct jm_dvc_progress {
	jm_progress_fn fn; /* may be NULL */
	void *ctx;
	const char *what;
};

/* Runs work on items 0 to n - 1, by at most n_threads threads (0: as many as there are processors, at most 8). progress is told
 * after each item, by one thread at a time. Errors: the first that work gave; JM_E_CANCELLED: progress asked to stop. */
int jm_dvc_pool_run(unsigned n_threads, size_t n, jm_dvc_work_fn work, void *ctx,
		    const struct jm_dvc_progress *progress, struct jm_error *err);

#endif
