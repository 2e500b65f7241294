#include "attribution/attribution.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS           INT64_C(1000000)
#define NEAR(a, b)   assert_true(fabs((double)(a) - (double)(b)) <= 1e-9 * (1 + fabs((double)(b))))
#define N_ITERATIONS 20
#define N_SAMPLES    3000

/* Twenty iterations of 100 ms, 20 ms apart, from 1000 ms on. Layers: a (Conv) 30 ms at 20 W, b (Conv) 50 ms at 60 W, z of
 * no length; 20 ms of the iteration belong to no layer, at 10 W; 5 W between iterations. A counter read every ms sees all.
 * Per iteration: a 0.6 J, b 3.0 J, bare 0.2 J; between: 0.1 J. */
struct world {
	struct jm_channel channels[4];
	struct jm_sample samples[2][N_SAMPLES];
	const struct jm_sample *sample_lists[4];
	size_t n_samples[4];
	struct jm_span iterations[N_ITERATIONS], layers[3 * N_ITERATIONS];
	struct jm_name names[4];
	struct jm_stretch window, idle;
	struct jm_attribution_input in;
	struct jm_attribution_options opt;
};

static double power_at(int64_t ms)
{
	int64_t in_period = (ms - 1000) % 120;

	if (ms < 1000 || ms >= 1000 + N_ITERATIONS * 120 || in_period >= 100)
		return 5;
	return in_period < 30 ? 20 : in_period < 80 ? 60 : 10;
}

static struct jm_span span(int64_t start_ms, int64_t length_ms, uint32_t name, uint32_t iteration, int kind)
{
	struct jm_span s = {.start_ns = start_ms * MS, .end_ns = (start_ms + length_ms) * MS, .name = name};

	s.iteration = iteration;
	s.kind = (uint8_t)kind;
	return s;
}

static void fill_spans(struct world *w)
{
	uint32_t i;

	for (i = 0; i < N_ITERATIONS; i++) {
		int64_t t = 1000 + 120 * (int64_t)i;

		w->iterations[i] = span(t, 100, 3, i, JM_SPAN_ITERATION);
		w->layers[3 * i] = span(t, 30, 0, i, JM_SPAN_LAYER);
		w->layers[3 * i + 1] = span(t + 30, 50, 1, i, JM_SPAN_LAYER);
		w->layers[3 * i + 2] = span(t + 80, 0, 2, i, JM_SPAN_LAYER);
	}
}

static struct world *make_world(double scale)
{
	struct world *w = calloc(1, sizeof(*w));
	int64_t t;
	double uj = 0;

	assert_non_null(w);
	jm_channel_init(&w->channels[0], "test/counter");
	w->channels[0].quantity = JM_QUANTITY_ENERGY;
	w->channels[0].kind = JM_KIND_COUNTER;
	jm_channel_init(&w->channels[1], "test/estimate");
	w->channels[1].state = JM_STATE_ESTIMATED;
	w->channels[1].bound_low_uw = 5000000;
	w->channels[1].bound_high_uw = 65000000;
	for (t = 0; t < N_SAMPLES; t++) {
		/* 900 ms of quiet before, windows from 1000 on: the sample at t ms has all energy before t ms. */
		w->samples[0][t] = (struct jm_sample){.t_ns = (t + 700) * MS, .value = (int64_t)llround(uj * scale)};
		w->samples[1][t] = (struct jm_sample){.t_ns = (t + 700) * MS, .value = 30000000, .channel = 1};
		uj += power_at(t + 700) * 1000;
	}
	w->sample_lists[0] = w->samples[0];
	w->sample_lists[1] = w->samples[1];
	w->n_samples[0] = w->n_samples[1] = N_SAMPLES;
	w->names[0] = (struct jm_name){.text = "a", .type = "Conv"};
	w->names[1] = (struct jm_name){.text = "b", .type = "Conv"};
	w->names[2] = (struct jm_name){.text = "z", .type = "Identity"};
	w->names[3] = (struct jm_name){.text = "run", .type = ""};
	fill_spans(w);
	w->window = (struct jm_stretch){1000 * MS, (1000 + N_ITERATIONS * 120) * MS};
	w->idle = (struct jm_stretch){720 * MS, 980 * MS};
	w->in = (struct jm_attribution_input){.channels = w->channels,
					      .n_channels = 2,
					      .samples = w->sample_lists,
					      .n_samples = w->n_samples,
					      .windows = &w->window,
					      .n_windows = 1,
					      .idle = &w->idle,
					      .n_idle = 1,
					      .iterations = w->iterations,
					      .n_iterations = N_ITERATIONS,
					      .layers = w->layers,
					      .n_layers = 3 * N_ITERATIONS,
					      .names = w->names,
					      .n_names = 4,
					      .items_per_iteration = 4};
	w->opt.method = JM_METHOD_INTEGRATE;
	return w;
}

static const struct jm_row *row(const struct jm_row *rows, size_t n, const char *name, int channel)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (strcmp(rows[i].name, name) == 0 && rows[i].channel == channel)
			return &rows[i];
	}
	fail_msg("no row %s", name);
	return NULL;
}

static const struct jm_row *layer(const struct jm_result *r, const char *name, int channel)
{
	return row(r->layers, r->n_layers, name, channel);
}

static struct jm_result run(struct world *w)
{
	struct jm_result r = {0};
	struct jm_error err = {0};
	int code = jm_attribute(&w->in, &w->opt, &r, &err);

	if (code < 0)
		fail_msg("%d: %s", code, err.message);
	return r;
}

static void assert_closed(const struct jm_result *r)
{
	size_t i, l;

	for (i = 0; i < r->n_closure; i++) {
		const struct jm_closure *c = &r->closure[i];
		double parts = 0;

		for (l = 0; l < r->n_layers; l++) {
			if (r->layers[l].channel == c->channel && !isnan(r->layers[l].energy_j))
				parts += r->layers[l].energy_j;
		}
		NEAR(parts, c->parts_j);
		NEAR(c->parts_j + c->idle_j + c->unattributed_j + c->residual_j, c->total_j);
	}
}

static void integration_gives_each_layer_its_own_energy(void **state)
{
	struct world *w = make_world(1);
	struct jm_result r = run(w);
	const struct jm_row *a = layer(&r, "a", 0);

	(void)state;
	NEAR(a->energy_j, 0.6 * N_ITERATIONS);
	NEAR(a->mean_power_w, 20);
	NEAR(a->time_s, 0.03 * N_ITERATIONS);
	NEAR(a->latency_ms, 30);
	NEAR(a->energy_per_iteration_mj, 600);
	NEAR(a->energy_per_item_mj, 150);
	NEAR(a->energy_above_idle_j, (20 - 5) * 0.03 * N_ITERATIONS);
	assert_int_equal(a->count, N_ITERATIONS);
	assert_true(a->resolvable);
	assert_true(a->energy_ci_j.low <= a->energy_j && a->energy_j <= a->energy_ci_j.high);
	NEAR(layer(&r, "b", 0)->energy_j, 3.0 * N_ITERATIONS);
	NEAR(row(r.types, r.n_types, "Conv", 0)->energy_j, 3.6 * N_ITERATIONS);
	NEAR(r.channels[0].energy_j, 3.9 * N_ITERATIONS);
	NEAR(r.closure[0].idle_j, 0.1 * N_ITERATIONS);
	NEAR(r.closure[0].unattributed_j, 0.2 * N_ITERATIONS);
	assert_true(fabs(r.closure[0].residual_j) < 1e-9 * r.closure[0].total_j);
	NEAR(r.channels[0].idle_power_w, 5);
	assert_int_equal(r.n_iterations, 2 * N_ITERATIONS);
	NEAR(r.iterations[3].energy_j, 3.8);
	NEAR(r.run.latency.median_ms, 100);
	NEAR(r.run.throughput_items_s, 4 / 0.12);
	assert_closed(&r);
	jm_result_finish(&r);
	free(w);
}

/* 3.8 J per iteration of 100 ms: 38 W for all. */
static void the_share_gives_all_layers_the_same_power(void **state)
{
	struct world *w = make_world(1);
	struct jm_result r;

	(void)state;
	w->opt.method = JM_METHOD_SHARE;
	r = run(w);
	NEAR(layer(&r, "a", 0)->mean_power_w, 38);
	NEAR(layer(&r, "a", 0)->energy_j, 38 * 0.03 * N_ITERATIONS);
	NEAR(layer(&r, "b", 0)->mean_power_w, 38);
	assert_true(isnan(layer(&r, "a", 0)->energy_ci_j.low));
	assert_true(layer(&r, "a", 0)->reason[0] != 0);
	NEAR(r.closure[0].unattributed_j, 38 * 0.02 * N_ITERATIONS);
	assert_true(fabs(r.closure[0].residual_j) < 1e-9 * r.closure[0].total_j);
	assert_closed(&r);
	jm_result_finish(&r);
	free(w);
}

static void the_window_method_averages_the_readings_inside(void **state)
{
	struct world *w = make_world(1);
	struct jm_result r;

	(void)state;
	w->opt.method = JM_METHOD_WINDOW;
	r = run(w);
	NEAR(layer(&r, "a", 0)->mean_power_w, 20);
	NEAR(layer(&r, "b", 0)->mean_power_w, 60);
	assert_closed(&r);
	jm_result_finish(&r);
	free(w);
}

/* Layer a of every second iteration's first 5 ms becomes one of its own, that no reading falls into: it is said. */
static void the_window_method_says_what_no_reading_fell_into(void **state)
{
	struct world *w = make_world(1);
	struct jm_result r;
	size_t i;

	(void)state;
	for (i = 0; i < N_ITERATIONS; i++) {
		w->layers[3 * i + 2].start_ns = (1080 + 120 * (int64_t)i) * MS + 1;
		w->layers[3 * i + 2].end_ns = w->layers[3 * i + 2].start_ns + 1000;
	}
	w->opt.method = JM_METHOD_WINDOW;
	r = run(w);
	assert_int_equal(r.n_notes > 0, 1);
	assert_non_null(strstr(r.notes[0], "no reading fell into 1 of 3 layers"));
	assert_closed(&r);
	jm_result_finish(&r);
	free(w);
}

static void an_estimate_is_marked_and_has_the_bounds_of_idle_and_full_power(void **state)
{
	struct world *w = make_world(1);
	struct jm_result r;
	const struct jm_row *a;

	(void)state;
	w->opt.method = JM_METHOD_SHARE;
	r = run(w);
	a = layer(&r, "a", 1);
	assert_true(a->is_estimated);
	NEAR(a->energy_j, 30 * 0.03 * N_ITERATIONS);
	NEAR(a->energy_ci_j.low, 5 * 0.03 * N_ITERATIONS);
	NEAR(a->energy_ci_j.high, 65 * 0.03 * N_ITERATIONS);
	NEAR(r.channels[1].energy_ci_j.low, 5 * 2.4);
	assert_false(layer(&r, "a", 0)->is_estimated);
	jm_result_finish(&r);
	free(w);
}

static void a_layer_of_no_length_gets_nothing(void **state)
{
	struct world *w = make_world(1);
	struct jm_result r = run(w);

	(void)state;
	assert_true(layer(&r, "z", 0)->energy_j == 0);
	assert_int_equal(layer(&r, "z", 0)->count, N_ITERATIONS);
	jm_result_finish(&r);
	free(w);
}

static void doubling_power_doubles_energy(void **state)
{
	static const enum jm_method methods[] = {JM_METHOD_SHARE, JM_METHOD_WINDOW, JM_METHOD_INTEGRATE};
	size_t m, i;

	(void)state;
	for (m = 0; m < 3; m++) {
		struct world *one = make_world(1), *two = make_world(2);
		struct jm_result a, b;

		one->opt.method = two->opt.method = methods[m];
		a = run(one);
		b = run(two);
		for (i = 0; i < a.n_layers; i++) {
			if (a.layers[i].channel == 0)
				NEAR(b.layers[i].energy_j, 2 * a.layers[i].energy_j);
		}
		jm_result_finish(&a);
		jm_result_finish(&b);
		free(one);
		free(two);
	}
}

static void permuting_labels_permutes_results(void **state)
{
	struct world *w = make_world(1), *swapped = make_world(1);
	struct jm_result a, b;
	size_t i;

	(void)state;
	for (i = 0; i < 3 * N_ITERATIONS; i++)
		swapped->layers[i].name = (swapped->layers[i].name + 1) % 3;
	a = run(w);
	b = run(swapped);
	NEAR(layer(&a, "a", 0)->energy_j, layer(&b, "b", 0)->energy_j);
	NEAR(layer(&a, "b", 0)->energy_j, layer(&b, "z", 0)->energy_j);
	jm_result_finish(&a);
	jm_result_finish(&b);
	free(w);
	free(swapped);
}

static void splitting_spans_and_shuffling_them_changes_no_sum(void **state)
{
	struct world *w = make_world(1), *split = make_world(1);
	struct jm_span *halves = calloc(6 * N_ITERATIONS, sizeof(*halves));
	struct jm_result a, b;
	size_t i, n = 6 * N_ITERATIONS;

	(void)state;
	assert_non_null(halves);
	for (i = 0; i < 3 * N_ITERATIONS; i++) {
		struct jm_span first = split->layers[i], second = first;

		first.end_ns = second.start_ns = first.start_ns + (first.end_ns - first.start_ns) / 3;
		halves[(2 * i * 7) % n] = first;
		halves[(2 * i * 7 + 7) % n] = second;
	}
	split->in.layers = halves;
	split->in.n_layers = n;
	a = run(w);
	b = run(split);
	NEAR(layer(&a, "a", 0)->energy_j, layer(&b, "a", 0)->energy_j);
	NEAR(layer(&a, "b", 0)->energy_j, layer(&b, "b", 0)->energy_j);
	NEAR(a.closure[0].unattributed_j, b.closure[0].unattributed_j);
	jm_result_finish(&a);
	jm_result_finish(&b);
	free(halves);
	free(w);
	free(split);
}

static void energy_of_a_gap_is_not_invented(void **state)
{
	struct world *w = make_world(1);
	struct jm_result r;
	int64_t lost;
	int i;

	(void)state;
	/* 1000 to 1119 ms, the first iteration and its rest, without readings: the counter was reset meanwhile. */
	for (i = 301; i < 420; i++)
		w->samples[0][i].status = JM_SAMPLE_GAP;
	lost = w->samples[0][420].value;
	for (i = 420; (size_t)i < w->in.n_samples[0]; i++)
		w->samples[0][i].value -= lost;
	r = run(w);
	NEAR(r.channels[0].gap_s, 0.120);
	NEAR(r.channels[0].energy_j, 3.9 * (N_ITERATIONS - 1));
	NEAR(layer(&r, "a", 0)->energy_j, 0.6 * (N_ITERATIONS - 1));
	NEAR(layer(&r, "a", 0)->mean_power_w, 20);
	NEAR(layer(&r, "a", 0)->energy_per_iteration_mj, 600);
	assert_true(isnan(r.iterations[0].energy_j));
	assert_true(isnan(r.closure[0].gaps_j));
	assert_true(r.n_warnings > 0);
	assert_closed(&r);
	jm_result_finish(&r);
	free(w);
}

/* The profiler makes an iteration of 100 ms one of 200 ms. Its layers take 60 and 100 of 200 ms: 30 and 50 % of the time. */
static void profiled_layers_are_scaled_to_unprofiled_iterations(void **state)
{
	struct world *w = make_world(1);
	struct jm_span iterations[N_ITERATIONS + 2], layers[4];
	struct jm_result r;
	uint32_t i;

	(void)state;
	memcpy(iterations, w->iterations, sizeof(w->iterations));
	for (i = 0; i < 2; i++) {
		int64_t t = 5000 + 200 * (int64_t)i;

		iterations[N_ITERATIONS + i] = span(t, 200, 3, 100 + i, JM_SPAN_ITERATION);
		layers[2 * i] = span(t, 60, 0, 100 + i, JM_SPAN_LAYER);
		layers[2 * i + 1] = span(t + 60, 100, 1, 100 + i, JM_SPAN_LAYER);
		iterations[N_ITERATIONS + i].flags = layers[2 * i].flags = layers[2 * i + 1].flags = JM_SPAN_PROFILED;
	}
	w->in.iterations = iterations;
	w->in.n_iterations = N_ITERATIONS + 2;
	w->in.layers = layers;
	w->in.n_layers = 4;
	r = run(w);
	NEAR(r.run.distortion, 2);
	NEAR(r.run.profiled_latency_ms, 200);
	assert_true(layer(&r, "a", 0)->is_scaled);
	assert_int_equal(layer(&r, "a", 0)->count, N_ITERATIONS);
	NEAR(layer(&r, "a", 0)->latency_ms, 30);
	NEAR(layer(&r, "a", 0)->energy_j, 0.6 * N_ITERATIONS);
	NEAR(layer(&r, "b", 0)->energy_j, 3.0 * N_ITERATIONS);
	assert_closed(&r);
	jm_result_finish(&r);
	w->opt.method = JM_METHOD_SHARE;
	r = run(w);
	NEAR(layer(&r, "b", 0)->energy_j, 38 * 0.05 * N_ITERATIONS);
	NEAR(r.closure[0].unattributed_j, 38 * 0.02 * N_ITERATIONS);
	jm_result_finish(&r);
	free(w);
}

static void contained_channels_have_rows_and_doubles_have_none(void **state)
{
	struct world *w = make_world(1);
	struct jm_result r;
	size_t i;

	(void)state;
	w->channels[2] = w->channels[0];
	w->channels[3] = w->channels[0];
	w->channels[2].part_of = 0;
	w->channels[3].same_as = 0;
	w->sample_lists[2] = w->sample_lists[3] = w->samples[0];
	w->n_samples[2] = w->n_samples[3] = N_SAMPLES;
	w->in.n_channels = 4;
	r = run(w);
	NEAR(r.channels[3].energy_j, r.channels[0].energy_j);
	NEAR(layer(&r, "a", 2)->energy_j, layer(&r, "a", 0)->energy_j);
	NEAR(r.closure[0].total_j, 3.9 * N_ITERATIONS);
	for (i = 0; i < r.n_layers; i++)
		assert_int_not_equal(r.layers[i].channel, 3);
	jm_result_finish(&r);
	free(w);
}

static void without_a_sensor_times_stand_and_energies_are_unknown(void **state)
{
	struct world *w = make_world(1);
	struct jm_result r;

	(void)state;
	w->in.n_channels = 0;
	r = run(w);
	NEAR(layer(&r, "a", -1)->latency_ms, 30);
	assert_true(isnan(layer(&r, "a", -1)->energy_j));
	assert_true(layer(&r, "a", -1)->reason[0] != 0);
	assert_int_equal(r.n_closure, 0);
	jm_result_finish(&r);
	free(w);
}

static void auto_integrates_long_layers_and_shares_short_ones(void **state)
{
	struct world *w = make_world(1);
	struct jm_result r;

	(void)state;
	w->opt.method = JM_METHOD_AUTO;
	r = run(w);
	assert_int_equal(r.method, JM_METHOD_INTEGRATE);
	assert_true(r.method_reason[0] != 0);
	jm_result_finish(&r);
	w->channels[0].window_ns = 100 * MS;
	w->in.n_channels = 1;
	r = run(w);
	assert_int_not_equal(r.method, JM_METHOD_INTEGRATE);
	jm_result_finish(&r);
	free(w);
}

static void bad_input_is_refused_or_warned_of(void **state)
{
	struct world *w = make_world(1);
	struct jm_result r = {0};
	struct jm_error err;

	(void)state;
	w->layers[5].name = 77;
	assert_int_equal(jm_attribute(&w->in, &w->opt, &r, &err), JM_E_INVALID);
	jm_result_finish(&r);
	w->layers[5].name = 0;
	w->layers[4].end_ns = w->layers[4].start_ns - 1;
	r = run(w);
	assert_true(r.n_warnings > 0);
	jm_result_finish(&r);
	w->in.n_windows = 0;
	assert_int_equal(jm_attribute(&w->in, &w->opt, &r, &err), JM_E_INVALID);
	jm_result_finish(&r);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(integration_gives_each_layer_its_own_energy),
	    cmocka_unit_test(the_share_gives_all_layers_the_same_power),
	    cmocka_unit_test(the_window_method_averages_the_readings_inside),
	    cmocka_unit_test(the_window_method_says_what_no_reading_fell_into),
	    cmocka_unit_test(an_estimate_is_marked_and_has_the_bounds_of_idle_and_full_power),
	    cmocka_unit_test(a_layer_of_no_length_gets_nothing),
	    cmocka_unit_test(doubling_power_doubles_energy),
	    cmocka_unit_test(permuting_labels_permutes_results),
	    cmocka_unit_test(splitting_spans_and_shuffling_them_changes_no_sum),
	    cmocka_unit_test(energy_of_a_gap_is_not_invented),
	    cmocka_unit_test(profiled_layers_are_scaled_to_unprofiled_iterations),
	    cmocka_unit_test(contained_channels_have_rows_and_doubles_have_none),
	    cmocka_unit_test(without_a_sensor_times_stand_and_energies_are_unknown),
	    cmocka_unit_test(auto_integrates_long_layers_and_shares_short_ones),
	    cmocka_unit_test(bad_input_is_refused_or_warned_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
