/* A real network on a real GPU: DistilBERT, 59 leaf modules, isolated blocks (stage A) and in place with rests (B) and
 * without (C). */
#include "support/h200.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <time.h>

static struct h200 data;

/* Response and residual found on the random mix of the same GPU (test_h200). */
static const struct jm_response responses[2] = {{.family = JM_RESPONSE_RC_BOX,
						 .lag_s = -0.002,
						 .box_s = 0.005,
						 .tau_s = 0.012,
						 .lag_sd_s = 0.002,
						 .box_sd_s = 0.002,
						 .tau_sd_s = 0.002,
						 .period_s = 0.02,
						 .noise_w = 28,
						 .is_lag_anchored = true},
						{0}};

/* "distilbert.transformer.layer.2.ffn.lin1" is of type "ffn.lin1". */
static void name_types(void)
{
	size_t i;

	for (i = 0; i < data.n_names; i++) {
		char *at = strstr(data.names[i].text, "layer.");

		data.names[i].type = at ? at + 8 : data.names[i].text;
	}
}

/* Spans of a stage, in place, with one span per iteration, plus the isolated blocks. */
static size_t take_stage(const char *stage, struct jm_span *layers, struct jm_span *iterations, size_t *n_iterations)
{
	size_t i, n = 0;
	uint32_t current = UINT32_MAX;

	*n_iterations = 0;
	for (i = 0; i < data.n_spans; i++) {
		struct jm_span s = data.spans[i];
		bool is_block = strcmp(data.stages[i], "A") == 0;

		if (strcmp(data.names[s.name].text, "stage") == 0 || (!is_block && strcmp(data.stages[i], stage) != 0))
			continue;
		if (is_block) {
			s.flags = JM_SPAN_ISOLATED;
		} else {
			if (s.iteration != current) {
				iterations[*n_iterations] = s;
				iterations[*n_iterations].kind = JM_SPAN_ITERATION;
				++*n_iterations;
				current = s.iteration;
			}
			iterations[*n_iterations - 1].end_ns = s.end_ns;
		}
		layers[n++] = s;
	}
	return n;
}

static struct jm_result attribute(const char *stage, enum jm_method method)
{
	struct jm_span *layers = calloc(data.n_spans, sizeof(*layers)),
		       *iterations = calloc(data.n_spans, sizeof(*iterations));
	struct jm_stretch window;
	struct jm_attribution_input in = {.channels = data.channels,
					  .n_channels = 2,
					  .samples = data.lists,
					  .n_samples = data.counts,
					  .windows = &window,
					  .n_windows = 1,
					  .layers = layers,
					  .iterations = iterations,
					  .names = data.names,
					  .n_names = data.n_names,
					  .responses = responses,
					  .items_per_iteration = 32};
	struct jm_attribution_options opt = {.method = method, .skip_iterations = true};
	struct jm_result r = {0};
	struct jm_error err = {0};
	clock_t start = clock();
	size_t i;

	in.n_layers = take_stage(stage, layers, iterations, &in.n_iterations);
	window = (struct jm_stretch){iterations[0].start_ns, iterations[in.n_iterations - 1].end_ns};
	if (jm_attribute(&in, &opt, &r, &err) < 0)
		fail_msg("%s", err.message);
	print_message("stage %s, %s: %zu spans, %.2f s\n", stage, jm_method_text(method), in.n_layers,
		      (double)(clock() - start) / CLOCKS_PER_SEC);
	for (i = 0; i < r.n_warnings; i++)
		print_message("  %s\n", r.warnings[i]);
	free(layers);
	free(iterations);
	return r;
}

static const struct jm_row *find(const struct jm_result *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->n_types; i++) {
		if (strcmp(r->types[i].name, name) == 0)
			return &r->types[i];
	}
	fail_msg("no type %s", name);
	return NULL;
}

static void check_closure(const struct jm_result *r)
{
	const struct jm_closure *c = &r->closure[0];
	double sum = c->parts_j + c->idle_j + c->unattributed_j, counter = r->channels[1].energy_j;

	print_message(
	    "  parts %.1f + idle %.1f + unattributed %.1f = %.1f J; buffer %.1f J, counter %.1f J (%+.2f %%)\n",
	    c->parts_j, c->idle_j, c->unattributed_j, sum, c->total_j, counter, 100 * (sum / counter - 1));
	assert_true(fabs(sum / counter - 1) <= 0.01);
}

static void compare_with_isolated(const char *stage)
{
	static const char *const heavy[] = {"ffn.lin1",        "ffn.lin2",        "attention.q_lin",
					    "attention.k_lin", "attention.v_lin", "attention.out_lin"};
	struct jm_result fused = attribute(stage, JM_METHOD_FUSED), alone = attribute(stage, JM_METHOD_ISOLATE);
	size_t i;

	check_closure(&fused);
	for (i = 0; i < sizeof(heavy) / sizeof(heavy[0]); i++) {
		const struct jm_row *f = find(&fused, heavy[i]), *a = find(&alone, heavy[i]);

		print_message("  %s: alone %.0f W, fused %.0f W [%.0f, %.0f]\n", heavy[i], a->mean_power_w,
			      f->mean_power_w, f->mean_power_ci_w.low, f->mean_power_ci_w.high);
		assert_false(isnan(f->mean_power_w));
		assert_true(fabs(f->mean_power_w / a->mean_power_w - 1) <= 0.05 ||
			    (f->mean_power_ci_w.low <= a->mean_power_w && a->mean_power_w <= f->mean_power_ci_w.high));
	}
	jm_result_finish(&fused);
	jm_result_finish(&alone);
}

static void fused_closes_with_rests(void **state)
{
	(void)state;
	compare_with_isolated("B");
}

static void fused_closes_without_rests(void **state)
{
	(void)state;
	compare_with_isolated("C");
}

static void regression_alone_marks_short_layers_as_not_resolvable(void **state)
{
	struct jm_result r = attribute("B", JM_METHOD_REGRESS);
	size_t i, n_short = 0;

	(void)state;
	for (i = 0; i < r.n_layers; i++) {
		if (r.layers[i].latency_ms > 0.1)
			continue;
		n_short++;
		assert_false(r.layers[i].resolvable);
		assert_true(isnan(r.layers[i].energy_j));
		assert_true(r.layers[i].reason[0] != 0);
	}
	for (i = 0; i < r.n_groups; i++)
		print_message("  group %s: %.1f J [%.1f, %.1f]\n", r.groups[i].name, r.groups[i].energy_j,
			      r.groups[i].energy_ci_j.low, r.groups[i].energy_ci_j.high);
	assert_true(n_short > 20);
	jm_result_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fused_closes_with_rests),
	    cmocka_unit_test(fused_closes_without_rests),
	    cmocka_unit_test(regression_alone_marks_short_layers_as_not_resolvable),
	};
	char folder[512], path[600];
	int code;

	if (!shared_data(folder, sizeof(folder), "h200/distilbert")) {
		printf("skipped: the shared data (h200/distilbert) is not here\n");
		return 77;
	}
	snprintf(path, sizeof(path), "%s/power_fp32.csv.gz", folder);
	h200_power(&data, path);
	snprintf(path, sizeof(path), "%s/spans_fp32.csv.gz", folder);
	h200_spans(&data, path);
	name_types();
	code = cmocka_run_group_tests(tests, NULL, NULL);
	h200_finish(&data);
	return code;
}
