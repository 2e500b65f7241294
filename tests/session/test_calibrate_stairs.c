/* What a calibration says of a GPU-like load: levels of the stairs, and an idle level that sinks where idle lasts. */
#include "session/calibrate_fit.h"

#include "core/units.h"
#include "session/stimulus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#define PERIOD_S 0.02
#define BOX_S    0.025
#define IDLE_W   120.0
#define SWING_W  300.0
#define DEEP_W   40.0 /* below idle, after 0.25 s of it */
#define N_LEVELS 8

struct world {
	struct jm_load_piece *pieces;
	size_t n_pieces;
	struct jm_sample *samples;
	size_t n_samples;
	struct jm_channel channel;
	double deep_w, bend; /* bend: of the load at half of it, of the swing */
	uint64_t random;
};

static double gauss(struct world *w)
{
	double sum = 0;
	int i;

	for (i = 0; i < 12; i++) {
		w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		sum += (double)(w->random >> 11) * 0x1p-53;
	}
	return sum - 6;
}

/* Energy of [from, to) of a piece, J. */
static double piece_energy(const struct world *w, const struct jm_load_piece *p, double from_s, double to_s)
{
	double start_s = jm_s_from_ns(p->start_ns), end_s = jm_s_from_ns(p->end_ns), deep_s;
	double power_w = IDLE_W + SWING_W * (p->level + 4 * w->bend * p->level * (1 - p->level));

	from_s = fmax(from_s, start_s);
	to_s = fmin(to_s, end_s);
	if (to_s <= from_s)
		return 0;
	deep_s = p->level > 0 ? 0 : fmax(0, to_s - fmax(from_s, start_s + 0.25));
	return power_w * (to_s - from_s) - w->deep_w * deep_s;
}

static double mean_w(const struct world *w, double from_s, double to_s)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < w->n_pieces; i++)
		sum += piece_energy(w, &w->pieces[i], from_s, to_s);
	return sum / (to_s - from_s);
}

static void make(struct world *w, double deep_w, double bend, double noise_w)
{
	struct jm_stimulus_options o = {.seed = 3,
					.duration_ns = 20 * JM_NS_PER_S,
					.steady_ns = 3 * JM_NS_PER_S,
					.is_slow = true,
					.n_levels = N_LEVELS};
	size_t i;

	*w = (struct world){.deep_w = deep_w, .bend = bend, .random = 11};
	assert_int_equal(jm_stimulus_plan(&o, &w->pieces, &w->n_pieces), 0);
	jm_channel_init(&w->channel, "fake/power");
	w->channel.quantity = JM_QUANTITY_POWER;
	w->channel.kind = JM_KIND_GAUGE;
	w->n_samples = (size_t)(jm_s_from_ns(w->pieces[w->n_pieces - 1].end_ns) / PERIOD_S) - 2;
	w->samples = calloc(w->n_samples, sizeof(*w->samples));
	assert_non_null(w->samples);
	for (i = 0; i < w->n_samples; i++) {
		double t_s = BOX_S + 0.003 + PERIOD_S * (double)i;

		w->samples[i] =
		    (struct jm_sample){.t_ns = llround(t_s * 1e9),
				       .value = llround(1e6 * (mean_w(w, t_s - BOX_S, t_s) + noise_w * gauss(w)))};
	}
}

static struct jm_calibration calibrate(const struct world *w)
{
	struct jm_calibrate_input in = {.channel = &w->channel,
					.is_buffered = true,
					.samples = w->samples,
					.n_samples = w->n_samples,
					.pieces = w->pieces,
					.n_pieces = w->n_pieces};
	struct jm_calibration c;
	struct jm_error err = {0};

	jm_calibration_init(&c);
	if (jm_calibrate_channel(&in, &c, &err))
		fail_msg("%s", err.message);
	return c;
}

static void finish(struct world *w)
{
	free(w->pieces);
	free(w->samples);
}

static void each_level_has_its_power_and_noise(void **state)
{
	struct jm_calibration c;
	struct world w;
	size_t i;

	(void)state;
	make(&w, 0, 0, 0.5);
	c = calibrate(&w);
	for (i = 0; i < N_LEVELS; i++) {
		assert_float_equal(c.stairs[i].level, (double)(i + 1) / N_LEVELS, 1e-9);
		assert_float_equal(c.stairs[i].power_w, IDLE_W + SWING_W * c.stairs[i].level, 1);
		assert_float_equal(c.stairs[i].noise_w, 0.5, 0.3);
	}
	assert_true(c.nonlinearity < 0.005);
	finish(&w);
}

static void a_bend_is_seen(void **state)
{
	struct jm_calibration c;
	struct world w;

	(void)state;
	make(&w, 0, 0.1, 0.5);
	c = calibrate(&w);
	assert_true(c.nonlinearity > 0.03 && c.nonlinearity < 0.1);
	finish(&w);
}

/* Left to one idle level, this would be 10 % of the swing, and no response would do. */
static void an_idle_level_that_sinks_is_no_misfit(void **state)
{
	struct jm_calibration c;
	struct world w;

	(void)state;
	make(&w, DEEP_W, 0, 0.5);
	c = calibrate(&w);
	assert_int_equal(c.response.family, JM_RESPONSE_BOX);
	assert_float_equal(c.response.box_s, BOX_S, 0.0005);
	assert_float_equal(c.response.lag_s, 0, 0.0005);
	assert_true(c.is_accepted > 0 && c.response.residual_fraction < 0.005);
	assert_float_equal(c.swing_w, SWING_W + DEEP_W, 2);
	finish(&w);
}

static void a_load_without_levels_has_no_stairs(void **state)
{
	struct jm_calibration c;
	struct world w;
	size_t i;

	(void)state;
	make(&w, 0, 0, 0.5);
	for (i = 0; i < w.n_pieces; i++)
		w.pieces[i].stage = w.pieces[i].stage == JM_STAGE_STAIRS ? JM_STAGE_STEADY : w.pieces[i].stage;
	c = calibrate(&w);
	assert_true(isnan(c.stairs[0].level) && isnan(c.nonlinearity));
	finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_level_has_its_power_and_noise),
	    cmocka_unit_test(a_bend_is_seen),
	    cmocka_unit_test(an_idle_level_that_sinks_is_no_misfit),
	    cmocka_unit_test(a_load_without_levels_has_no_stairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
