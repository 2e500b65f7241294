#define _GNU_SOURCE
#include "session/recorder_internal.h"

#include "core/error.h"
#include "core/units.h"
#include "sampler/sampler.h"
#include "session/calibration.h"
#include "session/cuda_watch.h"
#include "session/marker.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

/* A run that begins with the first readings has no unseen start: they are waited for, but not for long. */
#define FIRST_READING_PERIODS 2
#define FIRST_READING_MAX_NS  (20 * JM_NS_PER_MS)
#define LAST_READING_MAX_NS   (100 * JM_NS_PER_MS)
/* Below, a processor does nothing else, and no sensor has anything new to say. */
#define PERIOD_MIN_NS (10 * JM_NS_PER_US)
/* What was read reaches the file this often: a kill loses at most this and the time of one commit. */
#define PUMP_PERIOD_NS (400 * JM_NS_PER_MS)

/* Reading a sensor to see when it updates: not more often than this; so often when its period is unknown. */
#define OVERSAMPLED_MIN_NS     (JM_NS_PER_MS / 4)
#define OVERSAMPLED_UNKNOWN_NS JM_NS_PER_MS
#define OVERSAMPLED_WANDER     57

void jm_recorder_warn(struct jm_recorder *r, const char *format, ...)
{
	char **warnings = realloc(r->warnings, (r->n_warnings + 1) * sizeof(*warnings));
	va_list args;

	if (!warnings)
		return;
	r->warnings = warnings;
	va_start(args, format);
	if (vasprintf(&warnings[r->n_warnings], format, args) >= 0)
		r->n_warnings++;
	va_end(args);
}

static void warn_left_out(void *ctx, const char *text)
{
	jm_recorder_warn(ctx, "%s", text);
}

static void describe_run(struct jm_recorder *r, const struct jm_env *env, const struct jm_record_options *options)
{
	struct jm_writer *w = r->writer;

	jm_writer_meta(w, "joulemap_version", jm_version());
	jm_writer_meta(w, "kind", options->kind ? options->kind : "record");
	if (options->command)
		jm_writer_meta(w, "command", options->command);
	jm_writer_meta_i64(w, "period_ns", options->period_ns);
	r->started_ns = jm_env_now(env);
	jm_recorder_look_at_load(env, &r->load);
	jm_writer_meta_i64(w, "anchor_monotonic_ns", r->started_ns);
	jm_writer_meta_i64(w, "anchor_realtime_ns", jm_env_realtime(env));
	jm_session_describe_machine(env, w);
}

static void on_lost(void *ctx, const struct jm_sensor *sensor, int64_t t_ns)
{
	struct jm_recorder *r = ctx;
	struct jm_event event = {
	    .t_ns = t_ns, .channel = sensor->first_channel, .kind = "sensor_lost", .text = sensor->name};

	jm_writer_event(r->writer, &event);
	jm_recorder_warn(r, "%s was lost during the run; what follows is a gap", sensor->name);
}

/* So that an update is seen within a small part of the period; a counter's call may be slow (3 ms on an H200). Only a
 * calibration asks slow counters and the twins of what is counted as often: otherwise they would cost for nothing. */
static void oversample(struct jm_sensor_set *set, bool is_calibration)
{
	size_t i;

	for (i = 0; i < set->n_sensors; i++) {
		struct jm_sensor *s = &set->sensors[i];
		const struct jm_channel *c = s->n_channels ? &set->channels[s->first_channel] : NULL;
		bool is_counter = c && c->kind == JM_KIND_COUNTER;
		int64_t own_ns = c && c->update_period_ns > 0 ? c->update_period_ns : s->min_period_ns;
		int64_t period_ns = own_ns / (is_counter && s->may_block ? 10 : 20);
		/* Readings that wander through the period see an update's moment more finely than their own distance. */
		period_ns = period_ns ? period_ns + period_ns / OVERSAMPLED_WANDER : OVERSAMPLED_UNKNOWN_NS;
		if (!is_calibration && c &&
		    (c->same_as >= 0 || !jm_channel_has_energy(c) || (is_counter && s->may_block)))
			continue;
		if (!s->drain_period_ns && !s->is_paced)
			s->min_period_ns = period_ns > OVERSAMPLED_MIN_NS ? period_ns : OVERSAMPLED_MIN_NS;
	}
}

static int open_sensors(struct jm_recorder *r, const struct jm_record_options *options, struct jm_error *err)
{
	struct jm_error why = {0};
	int rc = jm_session_open(r->sensors, warn_left_out, r, &why);

	if (rc == JM_E_NOT_FOUND && options->may_lack_sensors) {
		jm_recorder_warn(r, "%s: times only, no energy%s%s", why.message, why.remedy[0] ? "; " : "",
				 why.remedy);
		return 0;
	}
	if (rc && err)
		*err = why;
	return rc;
}

static int create(struct jm_recorder *r, const struct jm_env *env, const struct jm_record_options *options,
		  struct jm_error *err)
{
	struct jm_sampler_options sampling = {.period_ns = options->period_ns, .lost = on_lost, .lost_ctx = r};
	int rc = jm_session_probe(env, options->sensors, true, &r->sensors, err);

	if (rc == 0)
		rc = open_sensors(r, options, err);
	if (rc == 0 && options->is_oversampled)
		oversample(&r->sensors->set, options->kind && strcmp(options->kind, "calibrate") == 0);
	if (rc == 0)
		rc = jm_writer_create(options->path, options->overwrite, &r->writer, err);
	if (rc)
		return rc;
	r->is_model_inside = options->kind && strcmp(options->kind, "run") == 0;
	describe_run(r, env, options);
	rc = jm_session_describe_sensors(r->sensors, r->writer);
	if (rc) {
		jm_writer_status(r->writer, err);
		return rc;
	}
	jm_calibration_into_recording(r->sensors, r->writer);
	sampling.sink = jm_writer_sample_sink(r->writer);
	return jm_sampler_create(&r->sensors->env, &r->sensors->set, &sampling, &r->sampler, err);
}

static int write_ledgers(struct jm_recorder *r)
{
	const struct jm_sensor_set *set = &r->sensors->set;
	size_t i;
	int rc = 0;
	uint16_t c;

	for (i = 0; i < set->n_sensors; i++) {
		const struct jm_sensor *s = &set->sensors[i];

		for (c = 0; s->is_open && c < s->n_channels && rc == 0; c++)
			rc = jm_writer_ledger(r->writer, (uint16_t)(s->first_channel + c),
					      jm_sampler_ledger(r->sampler, (uint16_t)(s->first_channel + c)));
	}
	return rc;
}

/* Brings what was read to the file. lock is held. */
static int pump_once(struct jm_recorder *r, bool with_ledgers)
{
	struct jm_span_sink spans = jm_writer_span_sink(r->writer);
	int rc = jm_sampler_drain(r->sampler);
	size_t i;

	for (i = 0; i < r->n_tracks; i++) {
		int failed = jm_track_drain(r->tracks[i], &spans);

		rc = rc ? rc : failed;
	}
	if (rc == 0 && r->cuda)
		rc = jm_recorder_cuda_drain(r);
	if (rc == 0 && with_ledgers)
		rc = write_ledgers(r);
	return rc ? rc : jm_writer_commit(r->writer);
}

static void keep_failure(struct jm_recorder *r, int rc)
{
	if (rc == 0 || r->status)
		return;
	r->status = rc;
	if (jm_writer_status(r->writer, &r->error) == 0)
		jm_error_set(&r->error, rc, "recording failed: %s", jm_error_text(rc));
}

static void *pump(void *arg)
{
	struct jm_recorder *r = arg;
	const struct jm_env *env = &r->sensors->env;
	int64_t next = jm_env_now(env);
	unsigned round = 0;
	bool is_cancelled;

	prctl(PR_SET_NAME, "jm-pump", 0UL, 0UL, 0UL);
	do {
		next += PUMP_PERIOD_NS;
		is_cancelled = env->wait_until_ns(env->ctx, next, &r->cancel) != 0;
		pthread_mutex_lock(&r->lock);
		/* After a failed write the rings are still emptied: the first failure is what counts. */
		keep_failure(r, pump_once(r, ++round % 2 == 0));
		r->pump_cpu_ns = jm_env_thread_cpu_ns();
		pthread_mutex_unlock(&r->lock);
	} while (!is_cancelled);
	return NULL;
}

static int set_number(struct jm_recorder *r, const char *key, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return jm_recorder_meta(r, key, text);
}

static void wait_for_first_readings(struct jm_recorder *r, int64_t period_ns)
{
	const struct jm_env *env = &r->sensors->env;
	int64_t wait_ns = FIRST_READING_PERIODS * period_ns;

	if (wait_ns > FIRST_READING_MAX_NS)
		wait_ns = FIRST_READING_MAX_NS;
	env->sleep_until_ns(env->ctx, jm_env_now(env) + wait_ns);
}

int jm_recorder_start_env(const struct jm_env *env, const struct jm_record_options *options, struct jm_recorder **out,
			  struct jm_error *err)
{
	struct jm_recorder *r = calloc(1, sizeof(*r));
	struct jm_record_options used = *options;
	int rc;

	if (!r)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the recorder");
	if (!options->period_ns)
		used.period_ns = options->is_oversampled ? OVERSAMPLED_MIN_NS : JM_DEFAULT_PERIOD_NS;
	pthread_mutex_init(&r->lock, NULL);
	sem_init(&r->cancel, 0, 0);
	rc = jm_process_recorder_open(r, env, &used, &r->processes, err);
	rc = rc ? rc : create(r, env, &used, err);
	if (rc == 0)
		rc = jm_sampler_start(r->sampler, err);
	if (rc == 0) {
		jm_writer_commit(r->writer);
		r->is_pumping = pthread_create(&r->pump, NULL, pump, r) == 0;
		rc = r->is_pumping ? 0 : jm_error_set(err, JM_E_NOMEM, "cannot start the recording thread");
	}
	if (rc) {
		jm_recorder_destroy(r);
		return rc;
	}
	/* With the sensors under way: the first snapshot lies within their readings. */
	rc = jm_process_recorder_start(r->processes, err);
	if (rc) {
		jm_recorder_destroy(r);
		return rc;
	}
	wait_for_first_readings(r, used.period_ns);
	set_number(r, "window_start_ns", jm_env_now(&r->sensors->env));
	*out = r;
	return 0;
}

int jm_recorder_start(const struct jm_record_options *options, struct jm_recorder **out, struct jm_error *err)
{
	struct jm_env env;

	if (!options || options->size < sizeof(*options) || !options->path)
		return jm_error_set(err, JM_E_INVALID, "a recording needs a path and options of this version");
	if (options->period_ns < 0 || (options->period_ns && options->period_ns < PERIOD_MIN_NS))
		return jm_error_set(err, JM_E_INVALID, "the sampling period must be at least 10 us");
	jm_env_init(&env);
	return jm_recorder_start_env(&env, options, out, err);
}

static void write_own_cost(struct jm_recorder *r)
{
	const struct jm_sensor_set *set = &r->sensors->set;
	int64_t cpu_ns = r->pump_cpu_ns + jm_process_recorder_cpu_ns(r->processes);
	struct rusage usage;
	size_t i;

	for (i = 0; i < set->n_channels; i++)
		cpu_ns += jm_sampler_ledger(r->sampler, (uint16_t)i)->cpu_ns;
	jm_writer_meta_double(r->writer, "own_cpu_s", jm_s_from_ns(cpu_ns));
	jm_writer_meta_double(r->writer, "own_wall_s", jm_s_from_ns(jm_env_now(&r->sensors->env) - r->started_ns));
	if (getrusage(RUSAGE_SELF, &usage))
		return;
	/* Where the load runs in this very process, its memory is not ours to tell apart once it is there. */
	if (!r->is_model_inside)
		jm_writer_meta_i64(r->writer, "own_peak_rss_bytes", (int64_t)usage.ru_maxrss * 1024);
	if (!r->rss_before_model_bytes)
		return;
	jm_writer_meta_i64(r->writer, "own_peak_rss_bytes", r->rss_before_model_bytes);
	jm_writer_meta_i64(r->writer, "own_rss_with_model_bytes", (int64_t)usage.ru_maxrss * 1024);
}

void jm_recorder_model_comes(struct jm_recorder *r)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) == 0)
		r->rss_before_model_bytes = (int64_t)usage.ru_maxrss * 1024;
}

static void write_lost_spans(struct jm_recorder *r)
{
	uint64_t n_lost = 0;
	size_t i;

	for (i = 0; i < r->n_tracks; i++)
		n_lost += jm_track_n_lost(r->tracks[i]);
	if (!n_lost)
		return;
	jm_writer_meta_i64(r->writer, "lost_spans", (int64_t)n_lost);
	jm_recorder_warn(
	    r, "%llu spans were lost: begun too deep, ended without a begin, or faster than they could be written",
	    (unsigned long long)n_lost);
}

/* What a device stamps and buffers itself speaks of the window's end only some time behind it. */
static void wait_for_last_readings(struct jm_recorder *r, int64_t stopped_ns)
{
	const struct jm_env *env = &r->sensors->env;
	const struct jm_sensor_set *set = &r->sensors->set;
	int64_t wait_ns = 0;
	size_t i;

	for (i = 0; i < set->n_sensors; i++) {
		const struct jm_sensor *s = &set->sensors[i];
		const struct jm_channel *c = s->n_channels ? &set->channels[s->first_channel] : NULL;
		int64_t own_ns = c ? 2 * c->update_period_ns + c->lowpass_ns + c->window_ns / 2 : 0;

		if (s->is_open && s->drain_period_ns && own_ns > wait_ns)
			wait_ns = own_ns;
	}
	if (wait_ns > LAST_READING_MAX_NS)
		wait_ns = LAST_READING_MAX_NS;
	if (wait_ns)
		env->sleep_until_ns(env->ctx, stopped_ns + wait_ns);
}

int jm_recorder_stop(struct jm_recorder *r, struct jm_error *err)
{
	struct jm_error closing = {0};
	int64_t stopped_ns;
	int rc;

	if (r->is_stopped)
		return jm_recorder_status(r, err);
	r->is_stopped = true;
	stopped_ns = r->sensors ? jm_env_now(&r->sensors->env) : 0;
	jm_process_recorder_stop(r->processes);
	if (r->is_pumping) {
		wait_for_last_readings(r, stopped_ns);
		sem_post(&r->cancel);
		pthread_join(r->pump, NULL);
		r->is_pumping = false;
	}
	if (!r->writer)
		return 0;
	if (r->sampler) {
		keep_failure(r, jm_sampler_stop(r->sampler));
		keep_failure(r, pump_once(r, true));
		if (r->cuda)
			keep_failure(r, jm_recorder_cuda_finish(r));
		write_own_cost(r);
		write_lost_spans(r);
		jm_recorder_note_readings(r);
		jm_recorder_note_load(r);
		if (!r->has_window)
			jm_writer_meta_i64(r->writer, "window_end_ns", stopped_ns);
		jm_writer_meta_i64(r->writer, "end_monotonic_ns", stopped_ns);
		jm_writer_meta_i64(r->writer, "end_realtime_ns", jm_env_realtime(&r->sensors->env));
	}
	rc = jm_writer_close(r->writer, &closing);
	r->writer = NULL;
	if (rc && !r->status) {
		r->status = rc;
		r->error = closing;
	}
	return jm_recorder_status(r, err);
}

void jm_recorder_destroy(struct jm_recorder *r)
{
	size_t i;

	if (!r)
		return;
	jm_recorder_stop(r, NULL);
	jm_process_recorder_destroy(r->processes);
	jm_sampler_destroy(r->sampler);
	for (i = 0; i < r->n_tracks; i++)
		jm_track_destroy(r->tracks[i]);
	for (i = 0; i < r->n_warnings; i++)
		free(r->warnings[i]);
	jm_cuda_watch_destroy(r->cuda);
	free(r->tracks);
	free(r->warnings);
	jm_sensors_destroy(r->sensors);
	pthread_mutex_destroy(&r->lock);
	sem_destroy(&r->cancel);
	free(r);
}

const char *jm_recorder_warning(const struct jm_recorder *r, size_t i)
{
	return i < r->n_warnings ? r->warnings[i] : NULL;
}

int jm_recorder_status(struct jm_recorder *r, struct jm_error *err)
{
	int rc;

	pthread_mutex_lock(&r->lock);
	rc = r->status;
	if (rc && err)
		*err = r->error;
	pthread_mutex_unlock(&r->lock);
	return rc;
}

void jm_recorder_add_warning(struct jm_recorder *r, const char *text)
{
	pthread_mutex_lock(&r->lock);
	jm_recorder_warn(r, "%s", text);
	pthread_mutex_unlock(&r->lock);
}

const struct jm_env *jm_recorder_env(const struct jm_recorder *r)
{
	return &r->sensors->env;
}

int jm_recorder_meta(struct jm_recorder *r, const char *key, const char *text)
{
	int rc;

	pthread_mutex_lock(&r->lock);
	rc = r->writer ? jm_writer_meta(r->writer, key, text) : JM_E_INVALID;
	pthread_mutex_unlock(&r->lock);
	return rc;
}

int jm_recorder_window(struct jm_recorder *r, int64_t start_ns, int64_t end_ns)
{
	int rc = JM_E_INVALID;

	pthread_mutex_lock(&r->lock);
	if (r->writer && start_ns < end_ns) {
		rc = jm_writer_meta_i64(r->writer, "window_start_ns", start_ns);
		rc = rc ? rc : jm_writer_meta_i64(r->writer, "window_end_ns", end_ns);
		r->has_window = true;
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}
