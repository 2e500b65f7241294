/* The estimator on a real GPU: five kernels in random order, and in a fixed cycle. */
#include "support/h200.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#define MS      INT64_C(1000000)
#define N_KINDS 5

static const char *const kinds[N_KINDS] = {"gemm16", "gemm32", "stream", "softmax", "tiny"};
static char folder[512];
static struct h200 data;

/* Plateau of a kernel alone: before the power cap throttles it. */
static double plateau(const char *kind)
{
	char name[32];
	const struct jm_span *s;
	bool is_capped = strcmp(kind, "gemm16") == 0 || strcmp(kind, "softmax") == 0;

	snprintf(name, sizeof(name), "steady_%s", kind);
	s = h200_find(&data, "", name);
	assert_non_null(s);
	return h200_mean(&data, s->start_ns + (is_capped ? 45 : 100) * MS, s->start_ns + (is_capped ? 80 : 400) * MS);
}

/* Layers: the spans inside region whose name begins with prefix and is a kind. */
static size_t take_layers(const struct jm_span *region, const char *prefix, struct jm_span *out)
{
	char name[32];
	size_t i, k, n = 0;

	for (i = 0; i < data.n_spans; i++) {
		const struct jm_span *s = &data.spans[i];

		for (k = 0; k < N_KINDS; k++) {
			snprintf(name, sizeof(name), "%s%s", prefix, kinds[k]);
			if (strcmp(data.names[s->name].text, name) == 0 && s->start_ns >= region->start_ns &&
			    s->end_ns <= region->end_ns + MS)
				out[n++] = *s;
		}
	}
	return n;
}

static struct jm_result attribute(const char *region_name, const char *prefix, const struct jm_response *responses,
				  struct jm_span *layers)
{
	const struct jm_span *region = h200_find(&data, "", region_name);
	struct jm_stretch window;
	struct jm_attribution_input in = {.channels = data.channels,
					  .n_channels = 2,
					  .samples = data.lists,
					  .n_samples = data.counts,
					  .windows = &window,
					  .n_windows = 1,
					  .layers = layers,
					  .names = data.names,
					  .n_names = data.n_names};
	struct jm_attribution_options opt = {.method = JM_METHOD_REGRESS, .target_fraction = 0.2};
	struct jm_result r = {0};
	struct jm_error err = {0};
	size_t i;

	assert_non_null(region);
	window = (struct jm_stretch){region->start_ns, region->end_ns};
	in.responses = responses;
	in.n_layers = take_layers(region, prefix, layers);
	if (jm_attribute(&in, &opt, &r, &err) < 0)
		fail_msg("%s", err.message);
	for (i = 0; i < r.n_warnings; i++)
		print_message("%s: %s\n", region_name, r.warnings[i]);
	return r;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void heavy_kernels_in_random_order_are_found(void **state)
{
	struct jm_span *layers = calloc(data.n_spans, sizeof(*layers));
	struct jm_result r = attribute("mixed", "", NULL, layers);
	const struct jm_closure *c = &r.closure[0];
	double errors[N_KINDS];
	size_t i, k, n = 0;

	(void)state;
	for (k = 0; k < N_KINDS; k++) {
		for (i = 0; i < r.n_layers; i++) {
			const struct jm_row *row = &r.layers[i];
			double truth = plateau(kinds[k]);

			if (strcmp(row->name, kinds[k]) != 0)
				continue;
			print_message("%s: alone %.0f W, found %.0f W [%.0f, %.0f], %s\n", kinds[k], truth,
				      row->mean_power_w, row->mean_power_ci_w.low, row->mean_power_ci_w.high,
				      row->reason);
			if (strcmp(kinds[k], "tiny") == 0)
				continue;
			errors[n] = fabs(row->mean_power_w / truth - 1);
			assert_true(errors[n++] <= 0.07);
		}
	}
	assert_int_equal(n, 4);
	qsort(errors, n, sizeof(*errors), compare_doubles);
	print_message("median error %.1f %%; residual of the closure %.2f %%; buffer %.1f J, counter %.1f J\n",
		      50 * (errors[1] + errors[2]), 100 * c->residual_j / c->total_j, r.channels[0].energy_j,
		      r.channels[1].energy_j);
	assert_true(0.5 * (errors[1] + errors[2]) <= 0.03);
	assert_true(fabs(c->parts_j + c->idle_j + c->unattributed_j - r.channels[1].energy_j) <=
		    0.005 * r.channels[1].energy_j);
	jm_result_finish(&r);
	free(layers);
}

static void assert_nothing_is_told(const struct jm_result *r)
{
	size_t i;

	assert_int_equal(r->n_layers, N_KINDS);
	for (i = 0; i < r->n_layers; i++) {
		print_message("%s: %s\n", r->layers[i].name, r->layers[i].reason);
		assert_false(r->layers[i].resolvable);
		assert_true(isnan(r->layers[i].energy_j));
	}
}

static void a_fixed_cycle_is_recognised_as_unidentifiable(void **state)
{
	/* What the mix of the same run gives; the noise is that of a steady load. */
	struct jm_response responses[2] = {{.family = JM_RESPONSE_RC_BOX,
					    .lag_s = -0.002,
					    .box_s = 0.005,
					    .tau_s = 0.012,
					    .lag_sd_s = 0.001,
					    .box_sd_s = 0.001,
					    .tau_sd_s = 0.001,
					    .noise_w = 2,
					    .is_lag_anchored = true},
					   {0}};
	struct jm_span *layers = calloc(data.n_spans, sizeof(*layers));
	struct jm_result r = attribute("cycle", "cyc_", NULL, layers);

	(void)state;
	assert_nothing_is_told(&r);
	jm_result_finish(&r);
	r = attribute("cycle", "cyc_", responses, layers);
	assert_nothing_is_told(&r);
	jm_result_finish(&r);
	free(layers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(heavy_kernels_in_random_order_are_found),
	    cmocka_unit_test(a_fixed_cycle_is_recognised_as_unidentifiable),
	};
	char path[600];
	int code;

	if (!shared_data(folder, sizeof(folder), "h200")) {
		printf("skipped: the shared data (h200) is not here\n");
		return 77;
	}
	snprintf(path, sizeof(path), "%s/power.csv", folder);
	h200_power(&data, path);
	snprintf(path, sizeof(path), "%s/spans.csv", folder);
	h200_spans(&data, path);
	code = cmocka_run_group_tests(tests, NULL, NULL);
	h200_finish(&data);
	return code;
}
