/* Runs small models on a real ONNX Runtime; skips where there is none. */
#include "runner/runner.h"

#include "core/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/onnx_writer.h"

static const char *const folders[] = {JM_SOURCE_DIR "/.cache/onnxruntime/lib"};

struct kept {
	struct jm_names names;
	struct jm_span *spans;
	size_t n;
	char meta[4096];
	char warnings[1024];
	atomic_bool cancel;
	uint64_t cancel_at; /* measured calls after which the progress callback cancels; 0: never */
	int answer;         /* of write */
	bool is_impatient;  /* the progress callback cancels at the first isolated block */
	char facts[256];    /* told */
	int64_t t_ns;       /* of the test's clock */
};

static int keep_name(void *ctx, const char *text, size_t n, const char *type, size_t type_n, uint32_t *out)
{
	return jm_names_add(&((struct kept *)ctx)->names, text, n, type, type_n, out);
}

static int keep_spans(void *ctx, const struct jm_span *spans, size_t n)
{
	struct kept *k = ctx;

	k->spans = realloc(k->spans, (k->n + n) * sizeof(*spans));
	assert_non_null(k->spans);
	memcpy(k->spans + k->n, spans, n * sizeof(*spans));
	k->n += n;
	return k->answer;
}

static int keep_meta(void *ctx, const char *key, const char *value)
{
	struct kept *k = ctx;
	size_t used = strlen(k->meta);

	snprintf(k->meta + used, sizeof(k->meta) - used, "%s=%s\n", key, value);
	return 0;
}

static void keep_warning(void *ctx, const char *text)
{
	struct kept *k = ctx;
	size_t used = strlen(k->warnings);

	snprintf(k->warnings + used, sizeof(k->warnings) - used, "%s\n", text);
}

static void watch(void *ctx, const struct jm_runner_progress *p)
{
	struct kept *k = ctx;

	assert_true(p->fraction >= 0 && p->fraction <= 1);
	if (k->cancel_at && strcmp(p->phase, "measured") == 0 && p->done >= k->cancel_at)
		atomic_store(&k->cancel, true);
	if (k->is_impatient && strcmp(p->phase, "isolated") == 0)
		atomic_store(&k->cancel, true);
}

/* The test's clock: 1 s a look, so that progress is shown at every call. */
static int64_t quick_now(void *ctx)
{
	struct kept *k = ctx;

	return k->t_ns += JM_NS_PER_S;
}

/* A clock that goes on by 1 ms a look and by what is slept. */
static int64_t even_now(void *ctx)
{
	struct kept *k = ctx;

	return k->t_ns += JM_NS_PER_MS;
}

static int even_sleep(void *ctx, int64_t t_ns)
{
	struct kept *k = ctx;

	k->t_ns = t_ns > k->t_ns ? t_ns : k->t_ns;
	return 0;
}

static void keep_fact(void *ctx, const char *text)
{
	struct kept *k = ctx;

	snprintf(k->facts, sizeof(k->facts), "%s", text);
}

static struct jm_runner_options options_of(const struct wire *w)
{
	return (struct jm_runner_options){.model_path = "small.onnx",
					  .model_bytes = w->data,
					  .model_size = w->n,
					  .runs = 40,
					  .warmup = 3,
					  .threads = 1,
					  .search = {.folders = folders, .n_folders = 1},
					  .input = {.batch = 2, .seed = 1}};
}

static int run(const struct jm_runner_options *o, const struct jm_env *env, struct kept *k,
	       struct jm_runner_counts *counts, struct jm_error *err)
{
	struct jm_runner_output out = {
	    {keep_name, keep_spans, k, NULL}, keep_meta, watch, keep_warning, keep_fact, k, &k->cancel,
	};
	struct jm_runner *r;
	int rc = jm_runner_create(o, env, &r, err);

	if (rc)
		return rc;
	rc = jm_runner_describe(r, keep_meta, k);
	rc = rc ? rc : jm_runner_run(r, &out, counts, err);
	jm_runner_destroy(r);
	return rc;
}

static void finish(struct kept *k)
{
	jm_names_finish(&k->names);
	free(k->spans);
}

static size_t count(const struct kept *k, enum jm_span_kind kind, unsigned flags)
{
	size_t i, n = 0;

	for (i = 0; i < k->n; i++)
		n += k->spans[i].kind == kind && k->spans[i].flags == flags;
	return n;
}

static const struct jm_span *iteration(const struct kept *k, uint32_t number)
{
	size_t i;

	for (i = 0; i < k->n; i++)
		if (k->spans[i].kind == JM_SPAN_ITERATION && k->spans[i].iteration == number)
			return &k->spans[i];
	return NULL;
}

static void a_model_is_run_in_measured_and_profiled_blocks(void **state)
{
	struct jm_runner_counts counts;
	struct jm_error err = {0};
	struct kept k = {0};
	struct jm_env env;
	struct wire w;
	struct jm_runner_options o;
	uint32_t i;
	size_t s;

	(void)state;
	onnx_small_model(&w, 0, "Relu");
	o = options_of(&w);
	jm_env_init(&env);
	assert_int_equal(run(&o, &env, &k, &counts, &err), 0);
	assert_int_equal(counts.measured, 40);
	assert_int_equal(counts.blocks, 2);
	assert_int_equal(count(&k, JM_SPAN_ITERATION, 0), 40);
	assert_int_equal(count(&k, JM_SPAN_ITERATION, JM_SPAN_PROFILED), counts.profiled);
	assert_int_equal(count(&k, JM_SPAN_ITERATION, JM_SPAN_WARMUP), counts.warmup);
	assert_int_equal(count(&k, JM_SPAN_PHASE, 0), 2);
	assert_int_equal(count(&k, JM_SPAN_PHASE, JM_SPAN_PROFILED), 2);
	assert_true(counts.layers >= counts.profiled);
	for (i = 0; i < 40; i++)
		assert_int_equal(iteration(&k, i)->flags, 0);
	for (s = 0; s < k.n; s++) {
		const struct jm_span *span = &k.spans[s], *whole;

		if (span->kind != JM_SPAN_LAYER)
			continue;
		whole = iteration(&k, span->iteration);
		assert_non_null(whole);
		assert_int_equal(whole->flags, JM_SPAN_PROFILED);
		assert_true(span->start_ns >= whole->start_ns && span->end_ns <= whole->end_ns);
	}
	assert_non_null(strstr(k.meta, "batch=2\n"));
	assert_non_null(strstr(k.meta, "iterations=40\n"));
	assert_non_null(strstr(k.meta, "provider=cpu\n"));
	assert_non_null(strstr(k.meta, "inputs=x fp32 2x8\n"));
	assert_non_null(strstr(k.meta, "node_providers=CPUExecutionProvider="));
	assert_string_equal(k.warnings, "");
	finish(&k);
}

static void a_profile_can_be_left_out(void **state)
{
	struct jm_runner_counts counts;
	struct kept k = {0};
	struct jm_env env;
	struct wire w;
	struct jm_runner_options o;

	(void)state;
	onnx_small_model(&w, 0, "Relu");
	o = options_of(&w);
	o.no_profile = true;
	o.warmup = 0;
	jm_env_init(&env);
	assert_int_equal(run(&o, &env, &k, &counts, NULL), 0);
	assert_int_equal(counts.measured, 40);
	assert_int_equal(counts.profiled, 0);
	assert_int_equal(counts.warmup, 0);
	assert_int_equal(count(&k, JM_SPAN_LAYER, JM_SPAN_PROFILED), 0);
	finish(&k);
}

/* Without rests every gap is one look of the clock, 1 ms; the rests add up to half of the latency, one look. */
static void rests_of_many_lengths_lie_between_measured_calls(void **state)
{
	struct jm_runner_counts counts;
	struct kept k = {0};
	struct jm_env env;
	struct wire w;
	struct jm_runner_options o;
	int64_t least = INT64_MAX, most = 0;
	uint32_t i;

	(void)state;
	onnx_small_model(&w, 0, "Relu");
	o = options_of(&w);
	o.no_profile = true;
	o.dither_fraction = 0.5;
	jm_env_init(&env);
	env.now_ns = even_now;
	env.sleep_until_ns = even_sleep;
	env.ctx = &k;
	assert_int_equal(run(&o, &env, &k, &counts, NULL), 0);
	for (i = 1; i < 20; i++) {
		int64_t gap_ns = iteration(&k, i)->start_ns - iteration(&k, i - 1)->end_ns;

		least = gap_ns < least ? gap_ns : least;
		most = gap_ns > most ? gap_ns : most;
	}
	assert_true(most - least > JM_NS_PER_MS / 4);
	assert_non_null(strstr(k.meta, "dither_fraction=0.5\n"));
	o.dither_fraction = 1.5;
	assert_int_equal(run(&o, &env, &k, &counts, NULL), JM_E_INVALID);
	finish(&k);
}

struct slowing {
	int64_t t_ns;
	int looks;
};

/* 1 ms a look; 100 ms from the twelfth on: another program has come. */
static int64_t slowing_now(void *ctx)
{
	struct slowing *s = ctx;

	return s->t_ns += ++s->looks < 12 ? JM_NS_PER_MS : 100 * JM_NS_PER_MS;
}

static void a_time_is_kept_when_the_machine_slows_down(void **state)
{
	struct slowing clock = {0};
	struct jm_runner_counts counts;
	struct kept k = {0};
	struct jm_env env;
	struct wire w;
	struct jm_runner_options o;

	(void)state;
	onnx_small_model(&w, 0, "Relu");
	o = options_of(&w);
	o.no_profile = true;
	o.duration_ns = 2 * JM_NS_PER_S;
	jm_env_init(&env);
	env.now_ns = slowing_now;
	env.ctx = &clock;
	assert_int_equal(run(&o, &env, &k, &counts, NULL), 0);
	/* By the first latency it would be 2000. */
	assert_in_range(counts.measured, 20, 40);
	finish(&k);
}

/* Whether a layer of that name was seen in a profiled block. */
static bool is_profiled(const struct kept *k, uint32_t name)
{
	size_t i;

	for (i = 0; i < k->n; i++)
		if (k->spans[i].kind == JM_SPAN_LAYER && k->spans[i].flags == JM_SPAN_PROFILED && k->spans[i].name == name)
			return true;
	return false;
}

static void layers_are_run_alone_in_blocks_that_follow_each_other(void **state)
{
	struct jm_runner_counts counts;
	struct jm_error err = {0};
	struct kept k = {0};
	struct jm_env env;
	struct wire w;
	struct jm_runner_options o;
	const struct jm_span *last = NULL;
	char line[64];
	size_t i, n_blocks;

	(void)state;
	onnx_small_model(&w, 0, "Sigmoid");
	o = options_of(&w);
	o.isolate_passes = 2;
	o.isolate_budget_ns = 60 * JM_NS_PER_S;
	jm_env_init(&env);
	assert_int_equal(run(&o, &env, &k, &counts, &err), 0);
	n_blocks = count(&k, JM_SPAN_LAYER, JM_SPAN_ISOLATED);
	assert_true(n_blocks > 0 && n_blocks % 2 == 0);
	snprintf(line, sizeof(line), "isolate_layers=%zu\n", n_blocks / 2);
	assert_non_null(strstr(k.meta, line));
	assert_non_null(strstr(k.meta, "isolate_skipped=0\n"));
	assert_non_null(strstr(k.meta, "isolate_fraction=1\n"));
	assert_non_null(strstr(k.facts, "100.0 %"));
	assert_int_equal(count(&k, JM_SPAN_PHASE, JM_SPAN_ISOLATED), 1);
	for (i = 0; i < k.n; i++) {
		const struct jm_span *s = &k.spans[i];

		if (s->kind != JM_SPAN_LAYER || s->flags != JM_SPAN_ISOLATED)
			continue;
		assert_true(s->iteration > 0 && s->iteration != JM_NO_ITERATION);
		assert_true(s->end_ns - s->start_ns >= 150 * JM_NS_PER_MS);
		assert_true(!last || s->start_ns >= last->end_ns);
		assert_true(is_profiled(&k, s->name));
		last = s;
	}
	assert_string_equal(k.warnings, "");
	finish(&k);
}

static void too_little_time_for_layers_alone_is_said(void **state)
{
	struct jm_runner_counts counts;
	struct kept k = {0};
	struct jm_env env;
	struct wire w;
	struct jm_runner_options o;

	(void)state;
	onnx_small_model(&w, 0, "Sigmoid");
	o = options_of(&w);
	o.isolate_passes = 2;
	jm_env_init(&env);
	assert_int_equal(run(&o, &env, &k, &counts, NULL), JM_E_INVALID);
	o.isolate_budget_ns = 1;
	assert_int_equal(run(&o, &env, &k, &counts, NULL), 0);
	assert_int_equal(count(&k, JM_SPAN_LAYER, JM_SPAN_ISOLATED), 0);
	assert_non_null(strstr(k.warnings, "--isolate-budget"));
	assert_non_null(strstr(k.meta, "isolate_layers=0\n"));
	finish(&k);
}

static void blocks_of_layers_can_be_cancelled(void **state)
{
	struct jm_runner_counts counts;
	struct jm_error err = {0};
	struct kept k = {.is_impatient = true};
	struct jm_env env;
	struct wire w;
	struct jm_runner_options o;

	(void)state;
	onnx_small_model(&w, 0, "Sigmoid");
	o = options_of(&w);
	o.isolate_passes = 2;
	o.isolate_budget_ns = 60 * JM_NS_PER_S;
	jm_env_init(&env);
	assert_int_equal(run(&o, &env, &k, &counts, &err), JM_E_CANCELLED);
	assert_int_equal(counts.measured, 40);
	assert_int_equal(count(&k, JM_SPAN_LAYER, JM_SPAN_ISOLATED), 0);
	assert_non_null(strstr(err.message, "alone"));
	finish(&k);
}

static void a_cancelled_run_keeps_what_is_there(void **state)
{
	struct jm_runner_counts counts;
	struct jm_error err = {0};
	struct kept k = {.cancel_at = 3};
	struct jm_env env;
	struct wire w;
	struct jm_runner_options o;

	(void)state;
	onnx_small_model(&w, 0, "Relu");
	o = options_of(&w);
	jm_env_init(&env);
	env.now_ns = quick_now;
	env.ctx = &k;
	assert_int_equal(run(&o, &env, &k, &counts, &err), JM_E_CANCELLED);
	assert_int_equal(counts.measured, 3);
	assert_int_equal(count(&k, JM_SPAN_ITERATION, 0), 3);
	assert_int_equal(count(&k, JM_SPAN_PHASE, 0), 1);
	assert_non_null(strstr(err.message, "3 of 40"));
	assert_non_null(strstr(k.meta, "iterations=3\n"));
	finish(&k);
}

static void a_sink_that_fails_ends_the_run(void **state)
{
	struct jm_runner_counts counts;
	struct jm_error err = {0};
	struct kept k = {.answer = JM_E_FULL};
	struct jm_env env;
	struct wire w;
	struct jm_runner_options o;

	(void)state;
	onnx_small_model(&w, 0, "Relu");
	o = options_of(&w);
	jm_env_init(&env);
	assert_int_equal(run(&o, &env, &k, &counts, &err), JM_E_FULL);
	assert_non_null(strstr(err.message, "no space"));
	finish(&k);
}

static int refusal(const struct jm_runner_options *o, struct jm_error *err)
{
	struct jm_runner *r = NULL;
	struct jm_env env;
	int rc;

	jm_env_init(&env);
	rc = jm_runner_create(o, &env, &r, err);
	if (rc == 0)
		jm_runner_destroy(r);
	return rc;
}

static void an_unknown_operator_is_named(void **state)
{
	struct jm_error err = {0};
	struct wire w;
	struct jm_runner_options o;

	(void)state;
	onnx_small_model(&w, 0, "NoSuchOperator");
	o = options_of(&w);
	assert_int_equal(refusal(&o, &err), JM_E_UNSUPPORTED);
	assert_non_null(strstr(err.message, "NoSuchOperator"));
	assert_true(err.remedy[0] != '\0');
}

static void a_provider_that_is_not_there_is_refused(void **state)
{
	struct jm_error err = {0};
	struct wire w;
	struct jm_runner_options o;

	(void)state;
	onnx_small_model(&w, 0, "Relu");
	o = options_of(&w);
	o.provider = "no-such-provider";
	assert_int_equal(refusal(&o, &err), JM_E_UNSUPPORTED);
	assert_non_null(strstr(err.message, "CPUExecutionProvider"));
}

static void open_dimensions_and_wrong_numbers_are_refused(void **state)
{
	struct jm_error err = {0};
	struct wire w;
	struct jm_runner_options o;

	(void)state;
	onnx_small_model(&w, 0, "Relu");
	o = options_of(&w);
	o.input.batch = 0;
	assert_int_equal(refusal(&o, &err), JM_E_INVALID);
	assert_non_null(strstr(err.message, "[batch, 8]"));
	assert_non_null(strstr(err.remedy, "--shape x=1x8"));
	o.input.batch = 1;
	o.runs = 0;
	assert_int_equal(refusal(&o, &err), JM_E_INVALID);
	o.runs = 1;
	o.model_bytes = NULL;
	o.model_path = "/no/such/model.onnx";
	assert_int_equal(refusal(&o, &err), JM_E_NOT_FOUND);
}

/* No cut may crash or hang; where the rest is a whole model to ONNX Runtime, it may be run. */
static void a_model_cut_anywhere_is_refused_or_whole(void **state)
{
	struct jm_error err;
	struct wire w;
	struct jm_runner_options o;
	size_t n, size;
	unsigned refused = 0;

	(void)state;
	onnx_small_model(&w, 0, "Relu");
	o = options_of(&w);
	size = w.n;
	for (n = 0; n < size; n += 7) {
		int rc;

		o.model_size = n;
		rc = refusal(&o, &err);
		refused += rc != 0;
		assert_true(rc == 0 || err.message[0] != '\0');
	}
	assert_true(refused >= size / 7 - 1);
}

static bool has_library(void)
{
	struct jm_ort_search search = {.folders = folders, .n_folders = 1};
	struct jm_ort *ort = NULL;
	struct jm_error err;
	int rc = jm_ort_open(&search, &ort, &err);

	if (rc)
		printf("skipped: %s\n%s\n", err.message, err.remedy);
	jm_ort_close(ort);
	return rc == 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_model_is_run_in_measured_and_profiled_blocks),
	    cmocka_unit_test(a_profile_can_be_left_out),
	    cmocka_unit_test(rests_of_many_lengths_lie_between_measured_calls),
	    cmocka_unit_test(a_time_is_kept_when_the_machine_slows_down),
	    cmocka_unit_test(layers_are_run_alone_in_blocks_that_follow_each_other),
	    cmocka_unit_test(too_little_time_for_layers_alone_is_said),
	    cmocka_unit_test(blocks_of_layers_can_be_cancelled),
	    cmocka_unit_test(a_cancelled_run_keeps_what_is_there),
	    cmocka_unit_test(a_sink_that_fails_ends_the_run),
	    cmocka_unit_test(an_unknown_operator_is_named),
	    cmocka_unit_test(a_provider_that_is_not_there_is_refused),
	    cmocka_unit_test(open_dimensions_and_wrong_numbers_are_refused),
	    cmocka_unit_test(a_model_cut_anywhere_is_refused_or_whole),
	};

	return has_library() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
