/* Load on the processor: threads that calculate in registers and touch no memory. Each thread follows the plan by itself, so
 * that nothing has to be woken at an edge but the thread that starts; both edges are stamped by it. */
#define _GNU_SOURCE
#include "session/player.h"

#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define THREADS_MAX 4096
#define N_ROUNDS    256 /* between two looks at the clock: below 1 us */

struct worker {
	struct cpu_load *load;
	unsigned index;
	pthread_t thread;
	sem_t cancel;
	int64_t *edges_ns; /* when it followed the start of piece i; only where it switched there */
};

struct cpu_load {
	const struct jm_env *env;
	struct worker *workers;
	unsigned n_workers, n_running;
	const struct jm_load_piece *pieces;
	size_t n_pieces;
	atomic_bool is_stopped;
};

static bool is_active(const struct cpu_load *load, unsigned worker, size_t i)
{
	return i < load->n_pieces && worker < (unsigned)lround(load->pieces[i].level * load->n_workers);
}

/* Independent chains keep the arithmetic units busy; the sum comes out so that nothing is left away. */
static double calculate(double x)
{
	double a = x, b = x + 1, c = x + 2, d = x + 3;
	int i;

	for (i = 0; i < N_ROUNDS; i++) {
		a = a * 0.999999 + 1e-6;
		b = b * 0.999998 + 1e-6;
		c = c * 0.999997 + 1e-6;
		d = d * 0.999996 + 1e-6;
	}
	return a + b + c + d;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct cpu_load *load = w->load;
	bool was_active = false;
	double sum = 0;
	size_t i;

	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	prctl(PR_SET_NAME, "jm-load", 0UL, 0UL, 0UL);
	for (i = 0; i <= load->n_pieces && !atomic_load(&load->is_stopped); i++) {
		bool active = is_active(load, w->index, i);

		if (active != was_active) {
			/* Idle until now: wait for the edge. Busy until now: it is here. */
			if (active && load->env->wait_until_ns(load->env->ctx, load->pieces[i].start_ns, &w->cancel))
				break;
			w->edges_ns[i] = jm_env_now(load->env);
			was_active = active;
		}
		while (active && jm_env_now(load->env) < load->pieces[i].end_ns && !atomic_load(&load->is_stopped))
			sum = calculate(sum * 1e-9);
	}
	/* Never true; the compiler cannot know. */
	if (sum == -1)
		w->edges_ns[0] = (int64_t)sum;
	return NULL;
}

static int begin(struct jm_player *p, const struct jm_load_piece *pieces, size_t n, struct jm_error *err)
{
	struct cpu_load *load = p->state;
	unsigned i;

	load->pieces = pieces;
	load->n_pieces = n;
	atomic_store(&load->is_stopped, false);
	for (i = 0; i < load->n_workers; i++) {
		struct worker *w = &load->workers[i];

		free(w->edges_ns);
		w->edges_ns = calloc(n + 1, sizeof(*w->edges_ns));
		if (!w->edges_ns || pthread_create(&w->thread, NULL, work, w))
			return jm_error_set(err, JM_E_NOMEM, "cannot start %u threads of load", load->n_workers);
		load->n_running++;
	}
	return 0;
}

static int set(struct jm_player *p, const struct jm_load_piece *pieces, size_t i, struct jm_error *err)
{
	(void)p;
	(void)pieces;
	(void)i;
	(void)err;
	return 0;
}

static void stop(struct cpu_load *load)
{
	unsigned i;

	atomic_store(&load->is_stopped, true);
	for (i = 0; i < load->n_running; i++)
		sem_post(&load->workers[i].cancel);
	for (i = 0; i < load->n_running; i++)
		pthread_join(load->workers[i].thread, NULL);
	/* A thread that had ended by itself left its post behind. */
	for (i = 0; i < load->n_running; i++)
		while (sem_trywait(&load->workers[i].cancel) == 0)
			;
	load->n_running = 0;
}

/* Mean over the threads that switched at the start of piece i; planned_ns where none did. */
static int64_t edge(const struct cpu_load *load, size_t i, int64_t planned_ns)
{
	int64_t sum_ns = 0, n = 0;
	unsigned k;

	for (k = 0; k < load->n_workers; k++) {
		if (load->workers[k].edges_ns && load->workers[k].edges_ns[i]) {
			sum_ns += load->workers[k].edges_ns[i] - planned_ns;
			n++;
		}
	}
	return planned_ns + (n ? sum_ns / n : 0);
}

static int end(struct jm_player *p, struct jm_load_piece *pieces, size_t n_played, struct jm_error *err)
{
	struct cpu_load *load = p->state;
	size_t i;

	(void)err;
	if (load->n_running == 0)
		return 0;
	stop(load);
	for (i = 0; i < n_played; i++) {
		int64_t start_ns = edge(load, i, pieces[i].start_ns), end_ns = edge(load, i + 1, pieces[i].end_ns);

		/* A thread that was late by a whole piece must not turn time round. */
		if (i > 0 && start_ns < pieces[i - 1].start_ns)
			start_ns = pieces[i - 1].start_ns;
		pieces[i].start_ns = start_ns;
		pieces[i].end_ns = end_ns < start_ns ? start_ns : end_ns;
		if (i > 0)
			pieces[i - 1].end_ns = start_ns;
	}
	load->pieces = NULL;
	return 0;
}

static void destroy(struct jm_player *p)
{
	struct cpu_load *load = p->state;
	unsigned i;

	stop(load);
	for (i = 0; i < load->n_workers; i++) {
		sem_destroy(&load->workers[i].cancel);
		free(load->workers[i].edges_ns);
	}
	free(load->workers);
	free(load);
}

static const struct jm_player_ops ops = {.begin = begin, .set = set, .end = end, .destroy = destroy};

int jm_player_cpu(const struct jm_env *env, unsigned n_threads, struct jm_player *out, struct jm_error *err)
{
	long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = n_threads ? n_threads : n_cpus > 0 ? (unsigned)n_cpus : 1, i;
	struct cpu_load *load;

	if (n > THREADS_MAX)
		return jm_error_set(err, JM_E_INVALID, "a load of more than %d threads is none", THREADS_MAX);
	load = calloc(1, sizeof(*load));
	if (!load || !(load->workers = calloc(n, sizeof(*load->workers)))) {
		free(load);
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the load");
	}
	load->env = env;
	load->n_workers = n;
	for (i = 0; i < n; i++) {
		load->workers[i].load = load;
		load->workers[i].index = i;
		sem_init(&load->workers[i].cancel, 0, 0);
	}
	*out = (struct jm_player){.ops = &ops, .env = env, .n_levels = n, .state = load};
	snprintf(out->text, sizeof(out->text), "arithmetic on %u threads", n);
	return 0;
}
