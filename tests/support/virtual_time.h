/* Time that passes only when all wait for it. Threads of the code under test wait through a struct jm_env; one thread, the
 * test's, lets time pass with virtual_time_pass(): it moves the clock to the earliest deadline, wakes that one thread, and goes
 * on when it waits again. So at any moment one thread runs, and a run repeats itself exactly. */
#ifndef SUPPORT_VIRTUAL_TIME_H
#define SUPPORT_VIRTUAL_TIME_H

#include "core/env.h"
#include "core/error.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define VIRTUAL_LOOK_NS 1000000 /* real time after which the threads are counted anew */

struct virtual_waiter {
	int64_t t_ns;
	uint64_t number; /* in order of asking: settles equal deadlines */
	sem_t *wake;
	bool is_due, is_asleep; /* is_asleep: cannot be cancelled */
	struct virtual_waiter *next;
};

struct virtual_time {
	pthread_mutex_t lock;
	pthread_cond_t arrived;
	pthread_t driver; /* the test's thread */
	int64_t now_ns;
	int64_t realtime_offset_ns;
	double realtime_ppm; /* by how much the wall clock runs fast against the monotonic one */
	int64_t anchor_ns;   /* where both agree but for the offset */
	struct virtual_waiter *waiters;
	size_t n_waiters;
	size_t n_others; /* threads that were there before: the test's, a sanitizer's */
	uint64_t n_asked;
	bool is_released; /* the test's thread lets no more time pass: who sleeps moves the clock himself */
};

static inline size_t virtual_count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	size_t n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n > 2 ? n - 2 : 1; /* "." and ".." */
}

static inline int64_t virtual_now(void *ctx)
{
	struct virtual_time *v = ctx;
	int64_t now_ns;

	pthread_mutex_lock(&v->lock);
	now_ns = v->now_ns;
	pthread_mutex_unlock(&v->lock);
	return now_ns;
}

static inline int64_t virtual_to_realtime(const struct virtual_time *v, int64_t t_ns)
{
	return t_ns + v->realtime_offset_ns + (int64_t)(1e-6 * v->realtime_ppm * (double)(t_ns - v->anchor_ns));
}

static inline int64_t virtual_realtime(void *ctx)
{
	return virtual_to_realtime(ctx, virtual_now(ctx));
}

/* Waits as a thread under test. Gives JM_E_CANCELLED when wake was posted by another than the clock. */
static inline int virtual_wait(struct virtual_time *v, int64_t t_ns, sem_t *wake, bool is_asleep)
{
	struct virtual_waiter me = {.t_ns = t_ns, .wake = wake, .is_asleep = is_asleep}, **at;
	bool is_due;

	pthread_mutex_lock(&v->lock);
	if (t_ns <= v->now_ns) {
		pthread_mutex_unlock(&v->lock);
		return sem_trywait(wake) == 0 ? JM_E_CANCELLED : 0;
	}
	me.number = v->n_asked++;
	me.next = v->waiters;
	v->waiters = &me;
	v->n_waiters++;
	pthread_cond_signal(&v->arrived);
	pthread_mutex_unlock(&v->lock);
	while (sem_wait(wake))
		;
	pthread_mutex_lock(&v->lock);
	is_due = me.is_due;
	for (at = &v->waiters; !is_due && *at; at = &(*at)->next) {
		if (*at != &me)
			continue;
		*at = me.next;
		v->n_waiters--;
		break;
	}
	pthread_mutex_unlock(&v->lock);
	return is_due ? 0 : JM_E_CANCELLED;
}

/* Takes the earliest waiter before t_ns off the list; NULL: there is none. lock is held. */
static inline struct virtual_waiter *virtual_take_earliest(struct virtual_time *v, int64_t t_ns)
{
	struct virtual_waiter **at, **best = NULL, *w;

	for (at = &v->waiters; *at; at = &(*at)->next)
		if (!best || (*at)->t_ns < (*best)->t_ns ||
		    ((*at)->t_ns == (*best)->t_ns && (*at)->number < (*best)->number))
			best = at;
	if (!best || (*best)->t_ns > t_ns)
		return NULL;
	w = *best;
	*best = w->next;
	v->n_waiters--;
	return w;
}

/* Waits, in real time, until every other thread waits here. lock is held. */
static inline void virtual_settle(struct virtual_time *v)
{
	size_t n = virtual_count_threads() - v->n_others;

	while (v->n_waiters < n) {
		struct timespec soon;

		clock_gettime(CLOCK_REALTIME, &soon);
		soon.tv_nsec += VIRTUAL_LOOK_NS;
		soon.tv_sec += soon.tv_nsec / 1000000000;
		soon.tv_nsec %= 1000000000;
		/* A thread that has ended is seen for a moment longer. */
		if (pthread_cond_timedwait(&v->arrived, &v->lock, &soon))
			n = virtual_count_threads() - v->n_others;
	}
}

/* Lets time pass until t_ns. By the test's thread. */
static inline void virtual_time_pass(struct virtual_time *v, int64_t t_ns)
{
	struct virtual_waiter *w;

	pthread_mutex_lock(&v->lock);
	virtual_settle(v);
	while ((w = virtual_take_earliest(v, t_ns))) {
		size_t n = v->n_waiters + 1;

		v->now_ns = w->t_ns > v->now_ns ? w->t_ns : v->now_ns;
		w->is_due = true;
		sem_post(w->wake);
		while (v->n_waiters < n)
			pthread_cond_wait(&v->arrived, &v->lock);
	}
	v->now_ns = t_ns > v->now_ns ? t_ns : v->now_ns;
	pthread_mutex_unlock(&v->lock);
}

/* Call before the threads are told to stop: a read that waits for its device must end all the same. */
static inline void virtual_time_release(struct virtual_time *v)
{
	struct virtual_waiter **at, *w;

	pthread_mutex_lock(&v->lock);
	v->is_released = true;
	for (at = &v->waiters; (w = *at);) {
		if (!w->is_asleep) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		v->n_waiters--;
		v->now_ns = w->t_ns > v->now_ns ? w->t_ns : v->now_ns;
		w->is_due = true;
		sem_post(w->wake);
	}
	pthread_mutex_unlock(&v->lock);
}

static inline int virtual_wait_until(void *ctx, int64_t t_ns, sem_t *cancel)
{
	return virtual_wait(ctx, t_ns, cancel, false);
}

/* Sleeps: the test's thread by letting time pass, another by waiting for that. */
static inline int virtual_sleep_until(void *ctx, int64_t t_ns)
{
	struct virtual_time *v = ctx;
	bool is_released;
	sem_t wake;

	if (pthread_equal(pthread_self(), v->driver)) {
		virtual_time_pass(v, t_ns);
		return 0;
	}
	pthread_mutex_lock(&v->lock);
	is_released = v->is_released;
	if (is_released && t_ns > v->now_ns)
		v->now_ns = t_ns;
	pthread_mutex_unlock(&v->lock);
	if (is_released)
		return 0;
	sem_init(&wake, 0, 0);
	virtual_wait(v, t_ns, &wake, true);
	sem_destroy(&wake);
	return 0;
}

/* Begins at now_ns. Call before the threads under test are made; fills env's clocks. */
static inline void virtual_time_init(struct virtual_time *v, int64_t now_ns, struct jm_env *env)
{
	*v = (struct virtual_time){.now_ns = now_ns, .anchor_ns = now_ns, .driver = pthread_self()};
	v->realtime_offset_ns = INT64_C(1700000000000000000);
	v->n_others = virtual_count_threads();
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->arrived, NULL);
	env->now_ns = virtual_now;
	env->realtime_ns = virtual_realtime;
	env->sleep_until_ns = virtual_sleep_until;
	env->wait_until_ns = virtual_wait_until;
	env->ctx = v;
}

static inline void virtual_time_finish(struct virtual_time *v)
{
	pthread_mutex_destroy(&v->lock);
	pthread_cond_destroy(&v->arrived);
}

#endif
