#define _GNU_SOURCE
#include "runner/runner_internal.h"

#include "runner/rewrite.h"

#include "core/error.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>

#define THREADS_MAX 4096

static int check(const struct jm_runner_options *o, struct jm_error *err)
{
	if (!o->model_path)
		return jm_error_set(err, JM_E_INVALID, "no model is named");
	if (o->runs < 1 || o->runs > JM_RUNNER_RUNS_MAX || o->warmup > JM_RUNNER_RUNS_MAX)
		return jm_error_set(err, JM_E_INVALID, "the number of runs must be from 1 to %u", JM_RUNNER_RUNS_MAX);
	if (o->threads > THREADS_MAX)
		return jm_error_set(err, JM_E_INVALID, "the number of threads must be at most %d", THREADS_MAX);
	if (!(o->dither_fraction >= 0 && o->dither_fraction <= 1))
		return jm_error_set(err, JM_E_INVALID, "the rests between calls must be from 0 to 1 of a call");
	if (o->isolate_passes > JM_RUNNER_PASSES_MAX || (o->isolate_passes && o->isolate_budget_ns <= 0))
		return jm_error_set(err, JM_E_INVALID, "layers run alone need 1 to %d passes and some time", JM_RUNNER_PASSES_MAX);
	if (o->input.batch > INT32_MAX)
		return jm_error_set(err, JM_E_INVALID, "the batch must be at most %d", INT32_MAX);
	return 0;
}

/* Without its facts a model can still be run, unless the facts say that it is damaged. */
static int load_facts(struct jm_runner *r, struct jm_error *err)
{
	const struct jm_runner_options *o = &r->options;
	struct jm_error why;
	int rc = o->model_bytes ? jm_model_read(o->model_path, o->model_bytes, o->model_size, &r->model, &why)
				: jm_model_load(o->model_path, &r->model, &why);

	if (rc == JM_E_UNSUPPORTED)
		return 0;
	if (rc == JM_E_NOT_FOUND)
		jm_error_remedy(&why, "give the path of an ONNX file");
	else if (rc == JM_E_FORMAT)
		jm_error_remedy(&why, "fetch or export the model again");
	if (rc && err)
		*err = why;
	return rc;
}

int jm_runner_bind(struct jm_runner *r, struct jm_ort_session *s, struct jm_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < r->inputs.n && rc == 0; i++) {
		struct jm_input *input = &r->inputs.items[i];

		rc = jm_ort_session_bind(s, i, input->dims, input->data, input->n_bytes, err);
	}
	return rc;
}

int jm_runner_session(struct jm_runner *r, const char *profile_prefix, struct jm_ort_session **out, struct jm_error *err)
{
	const struct jm_runner_options *o = &r->options;
	struct jm_ort_options options = {
	    .model_path = o->model_path,
	    .model_bytes = r->rewritten ? r->rewritten : o->model_bytes,
	    .model_size = r->rewritten ? r->rewritten_size : o->model_size,
	    .level = r->rewritten ? JM_ORT_LEVEL_NONE : JM_ORT_LEVEL_ALL,
	    .provider = o->provider,
	    .threads = o->threads,
	    .profile_prefix = profile_prefix,
	};
	struct jm_ort_session *s = NULL;
	int rc = jm_ort_session_create(r->ort, &options, &s, err);

	/* The first session's inputs are not there yet: they are made from what it wants. */
	rc = rc ? rc : jm_runner_bind(r, s, err);
	if (rc)
		jm_ort_session_destroy(s);
	else
		*out = s;
	return rc;
}

static int load_inputs(struct jm_runner *r, struct jm_error *err)
{
	size_t n;
	const struct jm_ort_input *wanted = jm_ort_session_inputs(r->session, &n);
	int rc = jm_inputs_make(wanted, n, &r->options.input, &r->inputs, err);

	return rc ? rc : jm_runner_bind(r, r->session, err);
}

int jm_runner_create(const struct jm_runner_options *options, const struct jm_env *env, struct jm_runner **out,
		     struct jm_error *err)
{
	struct jm_runner *r;
	int rc = check(options, err);

	if (rc)
		return rc;
	r = calloc(1, sizeof(*r));
	if (!r)
		return jm_error_set(err, JM_E_NOMEM, "no memory");
	r->env = env;
	r->options = *options;
	rc = load_facts(r, err);
	rc = rc ? rc : jm_ort_open(&options->search, &r->ort, err);
	if (rc == 0 && options->isolate_passes)
		rc = jm_runner_rewrite(r, err);
	rc = rc ? rc : jm_runner_session(r, NULL, &r->session, err);
	rc = rc ? rc : load_inputs(r, err);
	if (rc)
		jm_runner_destroy(r);
	else
		*out = r;
	return rc;
}

void jm_runner_destroy(struct jm_runner *r)
{
	if (!r)
		return;
	jm_ort_session_destroy(r->session);
	jm_inputs_finish(&r->inputs);
	jm_ort_close(r->ort);
	jm_model_destroy(r->model);
	free(r->rewritten);
	free(r);
}

/* Writes meta until the first error. */
struct describer {
	int (*meta)(void *ctx, const char *key, const char *value);
	void *ctx;
	int rc;
};

static void say(struct describer *d, const char *key, const char *value)
{
	if (d->rc == 0)
		d->rc = d->meta(d->ctx, key, value);
}

static void say_number(struct describer *d, const char *key, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	say(d, key, text);
}

static void say_model(struct describer *d, const struct jm_model *m)
{
	if (m->n_parameters)
		say(d, "precision", jm_dtype_text(m->precision));
	say_number(d, "parameters", m->n_parameters);
	say_number(d, "weight_bytes", m->weight_bytes);
	say_number(d, "model_bytes", m->file_bytes);
	say_number(d, "nodes", m->n_nodes);
	if (m->opset)
		say_number(d, "opset", (uint64_t)m->opset);
	if (m->producer[0])
		say(d, "producer", m->producer);
}

/* Gives "x fp32 1x3x224x224, mask int64 1x128", and whether the data came from files. */
static void say_inputs(struct describer *d, const struct jm_inputs *inputs)
{
	struct jm_buffer b = {0};
	size_t i, a, n_files = 0;
	const char *text;

	for (i = 0; i < inputs->n; i++) {
		const struct jm_input *in = &inputs->items[i];

		jm_buffer_printf(&b, "%s%s %s ", i ? ", " : "", in->name, jm_dtype_text(in->dtype));
		for (a = 0; a < in->n_dims; a++)
			jm_buffer_printf(&b, "%s%lld", a ? "x" : "", (long long)in->dims[a]);
		n_files += in->is_from_file;
	}
	text = jm_buffer_terminate(&b);
	if (text)
		say(d, "inputs", text);
	else
		d->rc = JM_E_NOMEM;
	jm_buffer_finish(&b);
	say(d, "input_source", n_files == inputs->n ? "files" : n_files ? "files and generated" : "generated");
}

int jm_runner_describe(const struct jm_runner *r, int (*meta)(void *ctx, const char *key, const char *value), void *ctx)
{
	struct describer d = {meta, ctx, 0};

	say(&d, "model", r->options.model_path);
	if (r->model)
		say_model(&d, r->model);
	say_inputs(&d, &r->inputs);
	say_number(&d, "batch", r->inputs.batch);
	say_number(&d, "items_per_iteration", r->inputs.batch);
	say_number(&d, "seed", r->options.input.seed);
	say_number(&d, "runs", r->options.runs);
	say_number(&d, "warmup", r->options.warmup);
	say(&d, "provider", r->options.provider ? r->options.provider : "cpu");
	if (r->options.threads)
		say_number(&d, "threads", r->options.threads);
	else
		say(&d, "threads", "onnxruntime's choice");
	if (r->options.dither_fraction > 0) {
		char text[32];

		text[jm_text_shortest(r->options.dither_fraction, text)] = '\0';
		say(&d, "dither_fraction", text);
	}
	say(&d, "onnxruntime", jm_ort_version(r->ort));
	say(&d, "onnxruntime_library", jm_ort_library(r->ort));
	say_number(&d, "onnxruntime_api", jm_ort_api(r->ort));
	return d.rc;
}
