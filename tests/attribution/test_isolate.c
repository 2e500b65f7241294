/* Layers run alone: their levels and intervals, and what the edges of their blocks tell of the sensor. */
#include "support/emulator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PASS_MEAN 1.003 /* emu_isolate: passes drift by 0.2 % each, four of them */

static const struct emu_sensor *sensor(const char *name)
{
	size_t i;

	for (i = 0; i < EMU_SENSORS && strcmp(emu_sensors[i].name, name) != 0;)
		i++;
	assert_true(i < EMU_SENSORS);
	return &emu_sensors[i];
}

static struct jm_result attribute(const struct emu_world *w, enum jm_method method)
{
	struct jm_attribution_options opt = {.method = method, .skip_iterations = true};
	struct jm_result r = {0};
	struct jm_error err = {0};
	size_t i;

	if (jm_attribute(&w->in, &opt, &r, &err) < 0)
		fail_msg("%s", err.message);
	for (i = 0; i < r.n_notes; i++)
		print_message("  %s\n", r.notes[i]);
	for (i = 0; i < r.n_warnings; i++)
		print_message("  %s\n", r.warnings[i]);
	return r;
}

/* Nothing is calibrated and the iterations are all alike: the blocks' edges alone tell the lag. */
static void check_anchor(const char *name, double limit)
{
	struct emu_options o = {.no_dither = true};
	struct emu_world *w = emu_create(sensor(name), &o, 1);
	struct emu_verdict v;
	struct jm_result r;

	w->in.responses = NULL;
	r = attribute(w, JM_METHOD_FUSED);
	v = emu_judge(w, &r);
	print_message("%s: error %.2f %%, %.0f %% held\n", name, 100 * v.error, 100 * v.coverage);
	assert_int_equal(v.n_figures, EMU_LAYERS);
	assert_true(v.error <= limit);
	assert_true(v.coverage >= 0.8);
	jm_result_finish(&r);
	r = attribute(w, JM_METHOD_REGRESS);
	assert_true(isnan(r.layers[0].energy_j));
	assert_non_null(strstr(r.layers[0].reason, "lag unanchored"));
	jm_result_finish(&r);
	/* Without the blocks nothing tells it. */
	w->in.n_layers = w->n_iterations * EMU_LAYERS;
	r = attribute(w, JM_METHOD_FUSED);
	assert_true(isnan(r.layers[0].energy_j));
	jm_result_finish(&r);
	emu_destroy(w);
}

static void edges_of_blocks_anchor_the_lag_of_a_boxcar(void **state)
{
	(void)state;
	check_anchor("v100-like", 0.03);
}

static void edges_of_blocks_anchor_the_lag_of_a_low_pass(void **state)
{
	(void)state;
	check_anchor("h200-like", 0.03);
}

/* A calibrated lag that is off by more than an iteration allows is put right by the blocks. */
static void a_loose_lag_is_put_right(void **state)
{
	struct emu_options o = {.no_dither = true};
	struct emu_world *w = emu_create(sensor("v100-like"), &o, 2);
	struct emu_verdict v;
	struct jm_result r;

	(void)state;
	w->response.lag_s = 0.008;
	w->response.lag_sd_s = 0.01;
	r = attribute(w, JM_METHOD_FUSED);
	v = emu_judge(w, &r);
	print_message("error %.2f %%\n", 100 * v.error);
	assert_int_equal(v.n_figures, EMU_LAYERS);
	assert_true(v.error <= 0.03);
	jm_result_finish(&r);
	emu_destroy(w);
}

/* Every block draws a little more or less than its layer's level: the intervals must hold the level all the same. */
static void intervals_hold_the_level_alone(void **state)
{
	static const double spreads[] = {0, 0.01, 0.03};
	size_t k, i;

	(void)state;
	for (k = 0; k < sizeof(spreads) / sizeof(spreads[0]); k++) {
		size_t n_held = 0, n = 0, seed;

		for (seed = 0; seed < 3; seed++) {
			struct emu_options o = {0};
			struct emu_world *w = emu_create(sensor("v100-like"), &o, seed);
			struct emu_rng rng = {seed + 99};
			size_t s = 0, first = w->n_iterations * EMU_LAYERS;
			struct jm_result r;

			for (i = first; i < w->n_layers; i++) {
				double factor = 1 + spreads[k] * emu_normal(&rng);

				for (; s < w->n_samples && w->samples[s].t_ns <= w->layers[i].end_ns; s++) {
					if (w->samples[s].t_ns > w->layers[i].start_ns)
						w->samples[s].value = llround((double)w->samples[s].value * factor);
				}
			}
			r = attribute(w, JM_METHOD_ISOLATE);
			for (i = 0; i < r.n_layers; i++) {
				const struct jm_row *row = &r.layers[i];
				double level = PASS_MEAN * w->isolated_w[atoi(row->name + 5)];

				assert_true(row->mean_power_ci_w.high > row->mean_power_ci_w.low);
				n_held += row->mean_power_ci_w.low <= level && level <= row->mean_power_ci_w.high;
				n++;
			}
			jm_result_finish(&r);
			emu_destroy(w);
		}
		print_message("blocks stray by %.0f %%: %.0f %% of %zu intervals hold\n", 100 * spreads[k],
			      100.0 * (double)n_held / (double)n, n);
		assert_true(n_held >= 0.88 * n && (spreads[k] == 0 || n_held < n));
	}
}

/* A gauge that always shows the same says something only as far as its quantum goes. */
static void a_constant_gauge_has_the_width_of_its_quantum(void **state)
{
	struct emu_options o = {0};
	struct emu_world *w = emu_create(sensor("v100-like"), &o, 0);
	struct jm_result r;
	double half;
	size_t i;

	(void)state;
	for (i = 0; i < w->n_samples; i++)
		w->samples[i].value = 300000000;
	w->channel.step = 1000000;
	w->channel.accuracy_fraction = 0.05;
	r = attribute(w, JM_METHOD_ISOLATE);
	half = 1.959964 * sqrt(1.0 / 12);
	assert_true(fabs(r.layers[0].mean_power_w - 300) < 1e-6);
	assert_true(fabs(r.layers[0].mean_power_ci_w.high - 300 - half) < 1e-6);
	/* The class is that of the sensor: in the absolute interval only. */
	assert_true(fabs((r.layers[0].energy_absolute_ci_j.high / r.layers[0].energy_j - 1) - hypot(half / 300, 0.05)) <
		    1e-6);
	jm_result_finish(&r);
	w->channel.step = 0;
	r = attribute(w, JM_METHOD_ISOLATE);
	assert_true(isnan(r.layers[0].energy_ci_j.low));
	assert_non_null(strstr(r.layers[0].reason, "no interval"));
	jm_result_finish(&r);
	emu_destroy(w);
}

/* One block of each layer has nothing to be compared with. */
static void one_pass_has_no_interval(void **state)
{
	struct emu_options o = {0};
	struct emu_world *w = emu_create(sensor("v100-like"), &o, 0);
	struct jm_result r;

	(void)state;
	w->in.n_layers = w->n_iterations * EMU_LAYERS + EMU_LAYERS;
	r = attribute(w, JM_METHOD_ISOLATE);
	assert_true(r.layers[0].mean_power_w > 0);
	assert_true(isnan(r.layers[0].mean_power_ci_w.low));
	assert_non_null(strstr(r.layers[0].reason, "no interval"));
	jm_result_finish(&r);
	emu_destroy(w);
}

static void a_layer_that_did_not_run_alone_has_the_power_of_an_identical_one(void **state)
{
	struct emu_options o = {0};
	struct emu_world *w = emu_create(sensor("a100-like"), &o, 1);
	uint32_t ties[EMU_LAYERS + 1];
	struct jm_result r;
	size_t i, kept = 0;

	(void)state;
	for (i = 0; i <= EMU_LAYERS; i++)
		ties[i] = (uint32_t)i;
	/* Layers 5 and 9 lose their blocks; 9 is said to be identical to 3. */
	for (i = 0; i < w->n_layers; i++)
		if (!(w->layers[i].flags & JM_SPAN_ISOLATED) || (w->layers[i].name != 5 && w->layers[i].name != 9))
			w->layers[kept++] = w->layers[i];
	w->n_layers = w->in.n_layers = kept;
	ties[9] = 3;
	w->in.ties = ties;
	r = attribute(w, JM_METHOD_ISOLATE);
	assert_true(fabs(r.layers[9].mean_power_w / r.layers[3].mean_power_w - 1) < 1e-9);
	assert_non_null(strstr(r.layers[9].reason, "identical"));
	assert_null(strstr(r.layers[3].reason, "identical"));
	assert_true(r.layers[9].energy_ci_j.high - r.layers[9].energy_ci_j.low >
		    0.05 * r.layers[9].energy_j); /* 1.96 x 1.5 % to both sides */
	assert_true(isnan(r.layers[5].energy_j));
	jm_result_finish(&r);
	emu_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_layer_that_did_not_run_alone_has_the_power_of_an_identical_one),
	    cmocka_unit_test(edges_of_blocks_anchor_the_lag_of_a_boxcar),
	    cmocka_unit_test(edges_of_blocks_anchor_the_lag_of_a_low_pass),
	    cmocka_unit_test(a_loose_lag_is_put_right),
	    cmocka_unit_test(intervals_hold_the_level_alone),
	    cmocka_unit_test(a_constant_gauge_has_the_width_of_its_quantum),
	    cmocka_unit_test(one_pass_has_no_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
