#include "attribution/calibrate.h"
#include "support/emulator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N_LEVELS   3
#define N_SEGMENTS 2000
#define N_READINGS 400

/* A load of three levels (300, 600, 900 W; rest 100 W) in steps of 5 to 40 ms; a sensor reads it every 27 ms through k. */
static struct jm_response play(struct jm_kernel k, double noise_w, struct jm_calibration_score *scores)
{
	static const double level[N_LEVELS] = {300, 600, 900};
	struct emu_world *w = calloc(1, sizeof(*w));
	struct jm_segment *segments = calloc(N_SEGMENTS, sizeof(*segments));
	struct jm_model_reading readings[N_READINGS];
	struct jm_fit_region regions[N_LEVELS] = {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}};
	struct emu_rng r = {42};
	struct jm_fit_input in = {.segments = segments,
				  .regions = regions,
				  .n_regions = N_LEVELS,
				  .n_layers = N_LEVELS,
				  .readings = readings,
				  .n_readings = N_READINGS};
	struct jm_response out = {0};
	size_t i, capacity = 0;
	double t = 1;

	emu_add_piece(w, &capacity, -5, t, 100, k.tau_s);
	while (t < 14) {
		double d = 0.005 + 0.035 * emu_uniform(&r);
		uint32_t which = (uint32_t)(4 * emu_uniform(&r));

		emu_add_piece(w, &capacity, t, t + d, which < N_LEVELS ? level[which] : 100, k.tau_s);
		if (which < N_LEVELS)
			segments[in.n_segments++] = (struct jm_segment){t, t + d, which, 1};
		t += d;
	}
	for (i = 0; i < N_READINGS; i++) {
		double at = 1.5 + 0.027 * (double)i;

		readings[i] = (struct jm_model_reading){
		    at + k.lag_s, 0, emu_reading(w, at, k.box_s, k.tau_s) + noise_w * emu_normal(&r)};
	}
	assert_int_equal(jm_calibrate_search(&in, &out, scores), 0);
	print_message("%s: lag %.2f +- %.2f, box %.2f +- %.2f, low-pass %.2f +- %.2f ms, noise %.2f W\n",
		      jm_response_text(out.family), 1e3 * out.lag_s, 1e3 * out.lag_sd_s, 1e3 * out.box_s,
		      1e3 * out.box_sd_s, 1e3 * out.tau_s, 1e3 * out.tau_sd_s, out.noise_w);
	free(w->pieces);
	free(w);
	free(segments);
	return out;
}

static void a_box_is_told_from_a_low_pass(void **state)
{
	struct jm_calibration_score scores[4];
	struct jm_response r = play((struct jm_kernel){0.008, 0.025, 0}, 1, scores);

	(void)state;
	assert_int_equal(r.family, JM_RESPONSE_BOX);
	assert_true(fabs(r.box_s - 0.025) < 0.0005);
	assert_true(fabs(r.lag_s - 0.008) < 0.0005);
	assert_true(fabs(r.noise_w - 1) < 0.3);
	assert_true(scores[1].residual_w > 5 * scores[0].residual_w);
}

static void a_low_pass_is_told_from_a_box(void **state)
{
	struct jm_calibration_score scores[4];
	struct jm_response r = play((struct jm_kernel){-0.002, 0, 0.0125}, 1, scores);

	(void)state;
	assert_true(r.family == JM_RESPONSE_RC || (r.family == JM_RESPONSE_RC_BOX && r.box_s < 0.004));
	assert_true(fabs(r.tau_s - 0.0125) < 0.0007);
	assert_true(scores[0].residual_w > 5 * scores[1].residual_w);
	assert_true(r.is_lag_anchored);
}

static void both_together_are_found(void **state)
{
	struct jm_response r = play((struct jm_kernel){0.004, 0.012, 0.009}, 0.5, NULL);

	(void)state;
	assert_int_equal(r.family, JM_RESPONSE_RC_BOX);
	assert_true(fabs(r.tau_s - 0.009) < 0.001);
	assert_true(fabs(r.box_s - 0.012) < 0.003);
}

/* Updates every 101.18 ms from 0.037 s on, seen by polls every 13 ms. */
static void a_clock_is_found_between_polls(void **state)
{
	double after[80], before[80], regular[80];
	struct jm_sensor_clock c;
	int i;

	(void)state;
	for (i = 0; i < 80; i++) {
		double t = 0.037 + 0.10118 * i;

		after[i] = 0.013 * floor(t / 0.013);
		before[i] = after[i] + 0.013;
	}
	assert_int_equal(jm_sensor_clock_fit(after, before, 80, &c, regular), 0);
	assert_true(fabs(c.period_s - 0.10118) < 2e-5);
	assert_int_equal(c.n_outside, 0);
	for (i = 0; i < 80; i++)
		assert_true(fabs(regular[i] - (0.037 + 0.10118 * i)) < 1e-3);
	assert_int_equal(jm_sensor_clock_fit(after, before, 4, &c, NULL), JM_E_UNIDENTIFIABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_box_is_told_from_a_low_pass),
	    cmocka_unit_test(a_low_pass_is_told_from_a_box),
	    cmocka_unit_test(both_together_are_found),
	    cmocka_unit_test(a_clock_is_found_between_polls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
