#define _GNU_SOURCE
#include "session/processes.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "process/counters.h"
#include "process/gpus.h"
#include "process/namespace.h"
#include "process/watch.h"
#include "session/recorder_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define PERIOD_MIN_NS JM_NS_PER_MS
/* GPUs are asked behind every fifth snapshot: the driver keeps means over some 1/6 to 1 s, and may take its time. */
#define GPU_EVERY 5

struct jm_process_recorder {
	struct jm_recorder *r;
	struct jm_env env;
	char choice[256];
	pthread_mutex_t lock; /* of the watch: the thread, and those who add to it. Taken before that of r */
	struct jm_process_watch *watch;
	pthread_t thread;
	sem_t cancel;
	bool is_running, is_failed;
	int64_t period_ns, cpu_ns;
	uint64_t n_expected, n_taken;
	size_t n_told;               /* notes of the watch */
	struct jm_counters counters; /* of the command */
	bool has_counters;
	struct jm_nvml *nvml;
	struct jm_process_gpus *gpus; /* NULL: nothing tells of GPUs */
};

/* What a snapshot found, into the file. r's lock is held. */
static int write_snapshot(struct jm_writer *w, const struct jm_process_snapshot *s)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < s->n_described && rc == 0; i++)
		rc = jm_writer_process(w, &s->described[i]);
	if (rc == 0)
		rc = jm_writer_process_step(w, &s->step, s->samples, s->n_samples);
	rc = rc ? rc : jm_writer_process_counts(w, s->counts, s->n_counts);
	for (i = 0; i < s->n_memory && rc == 0; i++)
		rc = jm_writer_process_memory(w, &s->memory[i]);
	for (i = 0; i < s->n_gone && rc == 0; i++)
		rc = jm_writer_process_gone(w, s->gone[i], s->step.t_ns);
	return rc;
}

/* Which process used which GPU. p's lock is held. */
static void poll_gpus(struct jm_process_recorder *p)
{
	const struct jm_process_gpu *rows;
	size_t n = jm_process_gpus_poll(p->gpus, p->watch, jm_env_now(&p->env), &rows), i;

	pthread_mutex_lock(&p->r->lock);
	for (i = 0; i < n && p->r->writer; i++)
		jm_writer_process_gpu(p->r->writer, &rows[i]);
	pthread_mutex_unlock(&p->r->lock);
}

/* Takes one snapshot. A failed write is the recorder's to tell: the next commit gives the same. */
static int snapshot(struct jm_process_recorder *p)
{
	struct jm_process_snapshot s;
	const char *note;
	int rc;

	pthread_mutex_lock(&p->lock);
	rc = jm_process_watch_scan(p->watch, &s);
	pthread_mutex_lock(&p->r->lock);
	if (rc == 0 && p->r->writer)
		rc = write_snapshot(p->r->writer, &s);
	pthread_mutex_unlock(&p->r->lock);
	if (rc == 0 && p->gpus && p->n_taken % GPU_EVERY == 0)
		poll_gpus(p);
	note = jm_process_watch_note(p->watch, p->n_told);
	if (note)
		p->n_told++;
	pthread_mutex_unlock(&p->lock);
	if (note)
		jm_recorder_add_warning(p->r, note);
	p->n_taken += rc == 0;
	return rc;
}

static void *run(void *arg)
{
	struct jm_process_recorder *p = arg;
	const struct jm_env *env = &p->env;
	int64_t deadline_ns = jm_env_now(env) + p->period_ns, behind_ns;

	prctl(PR_SET_NAME, "jm-processes", 0UL, 0UL, 0UL);
	while (env->wait_until_ns(env->ctx, deadline_ns, &p->cancel) == 0) {
		p->n_expected++;
		p->is_failed = snapshot(p) != 0 || p->is_failed;
		deadline_ns += p->period_ns;
		/* What is past is missed, not caught up. */
		behind_ns = jm_env_now(env) - deadline_ns;
		if (behind_ns > 0) {
			p->n_expected += (uint64_t)(behind_ns / p->period_ns) + 1;
			deadline_ns += (behind_ns / p->period_ns + 1) * p->period_ns;
		}
	}
	p->cpu_ns = jm_env_thread_cpu_ns();
	return NULL;
}

/* "1234" or "7@1234" */
static int parse_pid(const struct jm_env *env, const char *text, size_t n, int64_t *out, struct jm_error *err)
{
	const char *at = memchr(text, '@', n);
	size_t first = at ? (size_t)(at - text) : n;
	int64_t pid, reference = 0;

	if (jm_text_i64(text, first, &pid) || pid <= 0 ||
	    (at && (jm_text_i64(at + 1, n - first - 1, &reference) || reference <= 0)))
		return jm_error_set(err, JM_E_INVALID, "'%.*s' is no number of a process", (int)n, text);
	if (at)
		return jm_process_from_inner(env, pid, reference, out, err);
	*out = pid;
	return 0;
}

/* Those that are not there are told; it is an error when none is. */
static int add_listed(struct jm_process_recorder *p, const char *list, struct jm_error *err)
{
	const struct jm_env *env = &p->env;
	struct jm_error why = {0};
	size_t n_added = 0;

	while (*list) {
		size_t n = strcspn(list, ",");
		int64_t pid;
		int rc = parse_pid(env, list, n, &pid, &why);

		if (rc == 0)
			rc = jm_process_watch_add(p->watch, pid, false, &why);
		n_added += rc == 0;
		if (rc == JM_E_INVALID || rc == JM_E_NOMEM) {
			if (err)
				*err = why;
			return rc;
		}
		if (rc)
			jm_recorder_add_warning(p->r, why.message);
		list += n + (list[n] == ',');
	}
	if (n_added)
		return 0;
	if (!why.code)
		jm_error_set(&why, JM_E_INVALID, "no process is named");
	if (err)
		*err = why;
	return why.code;
}

static int open_watch(struct jm_process_recorder *p, const char *choice, struct jm_error *err)
{
	/* Three descriptors a thread are too many for all there is. */
	bool is_all = strcmp(choice, "all") == 0;
	struct jm_process_options options = {.is_all = is_all, .with_counts = !is_all};
	int rc = jm_process_watch_create(&p->env, &options, &p->watch, err);

	if (rc || options.is_all || strcmp(choice, "command") == 0)
		return rc;
	return add_listed(p, choice, err);
}

static void describe(struct jm_process_recorder *p)
{
	const char *why, *counts = jm_process_watch_counts(p->watch, &why);
	char text[32];

	if (counts)
		jm_recorder_meta(p->r, "process_counts", counts);
	else
		jm_recorder_meta(p->r, "process_counts_unavailable",
				 strcmp(p->choice, "all") == 0 ? "where all processes are watched, none is counted"
							       : why);
	jm_recorder_meta(p->r, "process_choice", p->choice);
	jm_recorder_meta(p->r, "process_clock", jm_process_watch_clock(p->watch));
	snprintf(text, sizeof(text), "%lld", (long long)jm_process_watch_quantum_ns(p->watch));
	jm_recorder_meta(p->r, "process_quantum_ns", text);
	snprintf(text, sizeof(text), "%lld", (long long)p->period_ns);
	jm_recorder_meta(p->r, "process_period_ns", text);
}

int jm_process_recorder_open(struct jm_recorder *r, const struct jm_env *env, const struct jm_record_options *options,
			     struct jm_process_recorder **out, struct jm_error *err)
{
	struct jm_process_recorder *p;
	int rc;

	if (!options->processes || strcmp(options->processes, "none") == 0)
		return 0;
	p = calloc(1, sizeof(*p));
	if (!p)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the processes");
	p->r = r;
	p->env = *env;
	snprintf(p->choice, sizeof(p->choice), "%s", options->processes);
	p->period_ns = options->process_period_ns ? options->process_period_ns : JM_DEFAULT_PROCESS_PERIOD_NS;
	p->period_ns = p->period_ns < PERIOD_MIN_NS ? PERIOD_MIN_NS : p->period_ns;
	pthread_mutex_init(&p->lock, NULL);
	sem_init(&p->cancel, 0, 0);
	rc = open_watch(p, options->processes, err);
	if (rc) {
		jm_process_recorder_destroy(p);
		return rc;
	}
	*out = p;
	return 0;
}

/* The thread that starts the recorder starts the command: what it starts is counted. */
static void open_counters(struct jm_process_recorder *p)
{
	struct jm_error why = {0};

	if (strcmp(p->choice, "command") != 0)
		return;
	p->has_counters = jm_counters_open(&p->env, &p->counters, &why) == 0;
	if (!p->has_counters)
		jm_recorder_meta(p->r, "counters_unavailable", why.message);
}

static void write_counters(struct jm_process_recorder *p)
{
	char key[64], text[32];
	int64_t value;
	int i;

	for (i = 0; p->has_counters && i < JM_N_COUNTERS; i++) {
		if (jm_counters_read(&p->counters, i, &value))
			continue;
		snprintf(key, sizeof(key), "counter_%s", jm_counters_key(i));
		snprintf(text, sizeof(text), "%lld", (long long)value);
		jm_recorder_meta(p->r, key, text);
	}
	if (p->has_counters)
		jm_counters_close(&p->counters);
	p->has_counters = false;
}

int jm_process_recorder_start(struct jm_process_recorder *p, struct jm_error *err)
{
	int rc;

	if (!p)
		return 0;
	describe(p);
	open_counters(p);
	/* Without a GPU, or without its driver, there is nothing to ask. */
	if (jm_nvml_open(&p->env, &p->nvml, NULL) == 0)
		jm_process_gpus_create(p->nvml, &p->gpus, NULL);
	p->n_expected++;
	rc = snapshot(p);
	if (rc)
		return jm_error_set(err, rc, "cannot watch processes: %s", jm_error_text(rc));
	p->is_running = pthread_create(&p->thread, NULL, run, p) == 0;
	return p->is_running ? 0 : jm_error_set(err, JM_E_NOMEM, "cannot start the thread for processes");
}

static void write_counts(struct jm_process_recorder *p)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)p->n_expected);
	jm_recorder_meta(p->r, "process_snapshots_expected", text);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)p->n_taken);
	jm_recorder_meta(p->r, "process_snapshots_taken", text);
}

void jm_process_recorder_stop(struct jm_process_recorder *p)
{
	if (!p || !p->is_running)
		return;
	sem_post(&p->cancel);
	pthread_join(p->thread, NULL);
	p->is_running = false;
	p->n_expected++;
	snapshot(p);
	write_counts(p);
	write_counters(p);
}

void jm_process_recorder_destroy(struct jm_process_recorder *p)
{
	if (!p)
		return;
	jm_process_recorder_stop(p);
	if (p->has_counters)
		jm_counters_close(&p->counters);
	jm_process_gpus_destroy(p->gpus);
	jm_nvml_release(p->nvml);
	jm_process_watch_destroy(p->watch);
	pthread_mutex_destroy(&p->lock);
	sem_destroy(&p->cancel);
	free(p);
}

int64_t jm_process_recorder_cpu_ns(const struct jm_process_recorder *p)
{
	return p ? p->cpu_ns : 0;
}

int jm_recorder_watch(struct jm_recorder *r, int64_t pid, struct jm_error *err)
{
	struct jm_process_recorder *p = r->processes;
	int rc = 0;

	if (!p)
		return jm_error_set(err, JM_E_UNSUPPORTED, "this recording watches no processes");
	/* Where another namespace's /proc is mounted, the process has another number there. */
	if (!jm_process_is_own_namespace(&p->env))
		rc = jm_process_from_inner(&p->env, pid, 0, &pid, err);
	if (rc)
		return rc;
	pthread_mutex_lock(&p->lock);
	rc = jm_process_watch_add(p->watch, pid, true, err);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

size_t jm_recorder_n_watched(struct jm_recorder *r)
{
	size_t n;

	if (!r->processes)
		return 0;
	pthread_mutex_lock(&r->processes->lock);
	n = jm_process_watch_n(r->processes->watch);
	pthread_mutex_unlock(&r->processes->lock);
	return n;
}
