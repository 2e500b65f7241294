/* A world for live views: a /proc of files, replayed sensors, and a clock that stands still until it is set. Sensors are read when the
 * sampler starts and stops, which jm_live_refresh has it do. Behind cmocka.h. */
#ifndef TESTS_SUPPORT_LIVE_WORLD_H
#define TESTS_SUPPORT_LIVE_WORLD_H

#include "session/live_internal.h"
#include "support/tree.h"

#include <math.h>
#include <time.h>

#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

struct world {
	struct tree tree;
	struct jm_env env;
	_Atomic int64_t now_ns;
	_Atomic bool is_waiting; /* the sampler's thread has read what was due */
	int64_t idle_ticks;
	struct jm_live *live;
};

static inline int64_t now(void *ctx)
{
	return ((struct world *)ctx)->now_ns;
}

static inline int wait_until(void *ctx, int64_t t_ns, sem_t *cancel)
{
	if (t_ns <= ((struct world *)ctx)->now_ns)
		return sem_trywait(cancel) == 0 ? JM_E_CANCELLED : 0;
	((struct world *)ctx)->is_waiting = true;
	while (sem_wait(cancel))
		;
	((struct world *)ctx)->is_waiting = false;
	return JM_E_CANCELLED;
}

static inline void put_machine(struct world *w)
{
	tree_printf(&w->tree, "/proc/stat", "cpu  0 0 0 %d 0 0 0 0 0 0\ncpu0 0 0 0 1 0\ncpu1 0 0 0 1 0\n",
		    (int)w->idle_ticks);
	tree_write(&w->tree, "/proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 500 kB\n");
}

/* cpu: ticks of 10 ms; memory: pages. */
static inline void put(struct world *w, int pid, int parent, int cpu, int pages)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	tree_printf(&w->tree, path, "%d (p%d) S %d 1 1 0 -1 0 0 0 0 0 %d 0 0 0 20 0 1 0 %d 4096 %d 0\n", pid, pid,
		    parent, cpu, pid, pages);
}

static inline int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	tree_create(&w->tree);
	jm_env_init(&w->env);
	snprintf(w->env.root, sizeof(w->env.root), "%s", w->tree.root);
	w->env.now_ns = now;
	w->env.wait_until_ns = wait_until;
	w->env.process_cpu_ns = NULL;
	w->env.ctx = w;
	w->now_ns = 1000 * S;
	w->idle_ticks = 1000;
	put_machine(w);
	*state = w;
	return 0;
}

static inline int tear_down(void **state)
{
	struct world *w = *state;

	jm_live_close(w->live);
	tree_remove(&w->tree);
	free(w);
	return 0;
}

/* A sampler that is stopped before its thread ran has read nothing: on a busy machine that takes a while. A lost sensor has no
 * thread. */
static inline void let_read(struct world *w)
{
	struct jm_live_channel c = {0};
	int i;

	for (i = 0; i < 100000 && !w->is_waiting; i++) {
		if (jm_live_channel(w->live, 0, &c) == 0 && c.is_lost)
			return;
		nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	}
}

static inline void open_script(struct world *w, const char *script)
{
	char choice[700];
	struct jm_live_options options = {.size = sizeof(options), .sensors = choice};

	tree_write(&w->tree, "/script", script);
	snprintf(choice, sizeof(choice), "replay:%s/script", w->tree.root);
	assert_int_equal(jm_live_open_env(&w->env, &options, &w->live, NULL), 0);
	assert_int_equal(jm_live_pace(w->live, 100 * MS, NULL), 0);
	assert_int_equal(jm_live_refresh(w->live, 0, NULL), 0);
	let_read(w);
}

static inline void pass(struct world *w, int64_t ns)
{
	w->now_ns += ns;
	put_machine(w);
	assert_int_equal(jm_live_refresh(w->live, 0, NULL), 0);
	let_read(w);
}

static inline struct jm_live_channel channel(struct world *w, size_t i)
{
	struct jm_live_channel c;

	assert_int_equal(jm_live_channel(w->live, i, &c), 0);
	return c;
}

static inline void is_near(double a, double b)
{
	if (!(fabs(a - b) < 1e-6 * fmax(1, fabs(b))))
		fail_msg("%.9g is not %.9g", a, b);
}

#endif
