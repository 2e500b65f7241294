#define _GNU_SOURCE
#include "session/recorder.h"

#include "core/error.h"
#include "core/units.h"
#include "runner/runner.h"
#include "session/run_score.h"
#include "session/runtime.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>

#define DEFAULT_RUNS 100
/* Progress is told this often while nothing runs. */
#define IDLE_STEP_NS (100 * JM_NS_PER_MS)

struct run {
	struct jm_recorder *recorder;
	jm_progress_fn progress;
	void *ctx;
	void (*tell)(void *ctx, const char *text);
	double busiest; /* quiet stretch yet: part of the processors' time at work */
	atomic_bool is_cancelled;
};

static int keep_meta(void *ctx, const char *key, const char *value)
{
	return jm_recorder_meta(((struct run *)ctx)->recorder, key, value);
}

static void tell_progress(struct run *run, const char *what, uint64_t done, uint64_t total)
{
	if (run->progress && run->progress(run->ctx, what, done, total))
		atomic_store(&run->is_cancelled, true);
}

static void on_progress(void *ctx, const struct jm_runner_progress *progress)
{
	tell_progress(ctx, progress->phase, progress->done, progress->total);
}

static void on_warning(void *ctx, const char *text)
{
	jm_recorder_add_warning(((struct run *)ctx)->recorder, text);
}

static void on_fact(void *ctx, const char *text)
{
	struct run *run = ctx;

	if (run->tell)
		run->tell(run->ctx, text);
}

/* Keeps how busy the processors were in the busiest quiet stretch: a level from there would not be of the idle machine. */
static int keep_load(struct run *run, const struct jm_load *before, const struct jm_load *after)
{
	double busy = jm_recorder_busy(before, after);
	char text[32];

	if (isnan(busy) || busy < run->busiest)
		return 0;
	run->busiest = busy;
	snprintf(text, sizeof(text), "%.4f", busy);
	return keep_meta(run, "quiet_busy_fraction", text);
}

/* A quiet stretch: its readings give the idle level around the run. */
static int rest(struct run *run, int64_t duration_ns)
{
	const struct jm_env *env = jm_recorder_env(run->recorder);
	struct jm_span_sink sink = jm_recorder_span_sink(run->recorder);
	struct jm_span span = {.start_ns = jm_env_now(env), .iteration = JM_NO_ITERATION, .kind = JM_SPAN_PHASE};
	int64_t now = span.start_ns;
	struct jm_load before, after;
	int rc;

	if (duration_ns <= 0)
		return 0;
	jm_recorder_look_at_load(env, &before);
	while (now < span.start_ns + duration_ns && !atomic_load(&run->is_cancelled)) {
		int64_t next = now + IDLE_STEP_NS;

		if (next > span.start_ns + duration_ns)
			next = span.start_ns + duration_ns;
		tell_progress(run, "idle", (uint64_t)(now - span.start_ns) / 1000000, (uint64_t)duration_ns / 1000000);
		env->sleep_until_ns(env->ctx, next);
		now = jm_env_now(env);
	}
	span.end_ns = now;
	jm_recorder_look_at_load(env, &after);
	rc = keep_load(run, &before, &after);
	rc = rc ? rc : sink.name(sink.ctx, "idle", 4, NULL, 0, &span.name);
	return rc ? rc : sink.write(sink.ctx, &span, 1);
}

static int run_all(struct run *run, struct jm_runner *runner, const struct jm_run_options *options,
		   struct jm_error *err)
{
	struct jm_runner_output output = {
	    .spans = jm_recorder_span_sink(run->recorder),
	    .meta = keep_meta,
	    .progress = on_progress,
	    .warn = on_warning,
	    .tell = on_fact,
	    .ctx = run,
	    .cancel = &run->is_cancelled,
	};
	struct jm_runner_counts counts;
	int rc = jm_runner_describe(runner, keep_meta, run);

	if (rc == 0)
		rc = rest(run, options->idle_ns);
	if (rc)
		return jm_error_set(err, rc, "cannot write the recording: %s", jm_error_text(rc));
	rc = jm_runner_run(runner, &output, &counts, err);
	if (rc == 0 && rest(run, options->idle_ns))
		rc = jm_error_set(err, JM_E_IO, "cannot write the recording");
	if (rc == 0 && atomic_load(&run->is_cancelled))
		rc = jm_error_set(err, JM_E_CANCELLED, "stopped by a signal");
	return rc;
}

int jm_run_model(struct jm_recorder *r, const struct jm_run_options *options, jm_progress_fn progress, void *ctx,
		 struct jm_error *err)
{
	struct run run = {.recorder = r, .progress = progress, .ctx = ctx, .tell = options->tell};
	struct jm_runner_options runner_options = {
	    .model_path = options->model,
	    .runs = options->runs ? options->runs : DEFAULT_RUNS,
	    .warmup = options->warmup,
	    .threads = (unsigned)options->threads,
	    .provider = options->provider,
	    .search = jm_session_runtime(options->onnxruntime),
	    .dither_fraction = options->dither_fraction,
	    .no_profile = options->no_profile,
	    .settle_fraction = options->settle_fraction,
	    .settle_limit_ns = options->settle_limit_ns ? options->settle_limit_ns : JM_DEFAULT_SETTLE_LIMIT_NS,
	    .duration_ns = options->duration_ns,
	    .isolate_passes = options->isolate_passes,
	    .isolate_budget_ns = options->isolate_budget_ns ? options->isolate_budget_ns : JM_DEFAULT_ISOLATE_BUDGET_NS,
	    .input = {.batch = options->batch,
		      .shapes = options->shapes,
		      .n_shapes = options->n_shapes,
		      .files = options->inputs,
		      .n_files = options->n_inputs,
		      .seed = options->seed},
	};
	struct jm_run_data data;
	struct jm_runner *runner;
	int rc;

	if (options->size < sizeof(*options) || !options->model || options->threads > 4096)
		return jm_error_set(err, JM_E_INVALID,
				    "a run needs a model, at most 4096 threads, and options of this version");
	jm_recorder_model_comes(r);
	rc = jm_run_data_load(options, &data, err);
	runner_options.input.shapes = data.shapes;
	runner_options.input.n_shapes = data.n_shapes;
	rc = rc ? rc : jm_runner_create(&runner_options, jm_recorder_env(r), &runner, err);
	if (rc) {
		jm_run_data_finish(&data);
		return rc;
	}
	if (data.is_given)
		rc = jm_runner_give(runner, &data.set, err);
	rc = rc ? rc : run_all(&run, runner, options, err);
	rc = rc ? rc : jm_run_score(runner, options, &data, r, err);
	jm_runner_destroy(runner);
	jm_run_data_finish(&data);
	return rc;
}
