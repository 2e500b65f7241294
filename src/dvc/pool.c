#define _GNU_SOURCE
#include "dvc/pool.h"

#include "core/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define THREADS_MAX 16
#define THREADS_OWN 8

struct pool {
	size_t n;
	jm_dvc_work_fn work;
	void *ctx;
	const struct jm_dvc_progress *progress;
	atomic_size_t next;
	pthread_mutex_t lock; /* what follows, and progress */
	size_t done;
	int rc;
	struct jm_error err;
};

static void item_done(struct pool *p, int rc, const struct jm_error *err)
{
	const struct jm_dvc_progress *progress = p->progress;

	pthread_mutex_lock(&p->lock);
	p->done++;
	if (rc && !p->rc) {
		p->rc = rc;
		p->err = *err;
	} else if (!p->rc && progress && progress->fn && progress->fn(progress->ctx, progress->what, p->done, p->n)) {
		p->rc = jm_error_set(&p->err, JM_E_CANCELLED, "stopped after %zu of %zu files", p->done, p->n);
	}
	if (p->rc)
		atomic_store(&p->next, p->n);
	pthread_mutex_unlock(&p->lock);
}

static void *run(void *argument)
{
	struct pool *p = argument;
	struct jm_dvc_worker worker = {0};
	struct jm_error err = {0};
	int rc = jm_dvc_worker_init(&worker);
	size_t i;

	if (rc) {
		jm_error_set(&err, rc, "out of memory for a thread");
		item_done(p, rc, &err);
	}
	while (rc == 0 && (i = atomic_fetch_add(&p->next, 1)) < p->n) {
		rc = p->work(p->ctx, &worker, i, &err);
		item_done(p, rc, &err);
	}
	jm_dvc_worker_finish(&worker);
	return NULL;
}

static unsigned default_threads(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > THREADS_OWN ? THREADS_OWN : (unsigned)n;
}

int jm_dvc_pool_run(unsigned n_threads, size_t n, jm_dvc_work_fn work, void *ctx,
		    const struct jm_dvc_progress *progress, struct jm_error *err)
{
	struct pool p = {.n = n, .work = work, .ctx = ctx, .progress = progress};
	pthread_t threads[THREADS_MAX];
	unsigned started = 0, i;

	if (n == 0)
		return 0;
	n_threads = n_threads ? n_threads : default_threads();
	if (n_threads > THREADS_MAX)
		n_threads = THREADS_MAX;
	if (n_threads > n)
		n_threads = (unsigned)n;
	pthread_mutex_init(&p.lock, NULL);
	/* This thread works too, so that fewer threads than wished for are enough. */
	while (started + 1 < n_threads && pthread_create(&threads[started], NULL, run, &p) == 0)
		started++;
	run(&p);
	for (i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&p.lock);
	if (p.rc && err)
		*err = p.err;
	return p.rc;
}
