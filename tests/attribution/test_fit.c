#include "attribution/fit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#define N_RUNS     400
#define N_READINGS 2000
#define IDLE_W     100.0

static struct jm_segment segments[2 * N_RUNS];
static struct jm_model_reading readings[N_READINGS];

/* A layer of 5 ms, 1 to 3 ms between layers that show bare_w, and a rest of 2 to 6 ms at idle; read every 2.7 ms through a box of
 * 3 ms. Gives the fitted power between layers, its interval's sd in *sd_out. */
static double fit_bare(double bare_w, size_t n_above_idle, double *sd_out)
{
	static const struct jm_fit_region regions[] = {{0, 0, 0}, {1, 0, 0}};
	const double prior_w[] = {400, 300}, layer_sd[] = {0.2, 0.5}, true_w[] = {500, bare_w};
	const uint32_t classes[] = {0, 0};
	const struct jm_kernel kernel = {0, 0.003, 0};
	double t = 0.1, predicted[N_READINGS], found;
	struct jm_fit_input in = {.segments = segments, .n_segments = 2 * N_RUNS, .regions = regions, .n_regions = 2};
	struct jm_fit fit;
	size_t i;

	for (i = 0; i < N_RUNS; i++) {
		double bare_s = 1e-3 * (1 + (double)(i * 7 % 20) / 10),
		       rest_s = 1e-3 * (2 + (double)(i * 13 % 40) / 10);

		segments[2 * i] = (struct jm_segment){t, t + 5e-3, 0, 1};
		segments[2 * i + 1] = (struct jm_segment){t + 5e-3, t + 5e-3 + bare_s, 1, 1};
		t += 5e-3 + bare_s + rest_s;
	}
	for (i = 0; i < N_READINGS; i++)
		readings[i] = (struct jm_model_reading){0.15 + 0.8 * t * (double)i / N_READINGS, 0, 0};
	assert_int_equal(
	    jm_forward_predict(segments, 2 * N_RUNS, 2, true_w, IDLE_W, &kernel, readings, N_READINGS, predicted), 0);
	for (i = 0; i < N_READINGS; i++)
		readings[i].power_w = predicted[i] + 3 * sin((double)(i * i % 1009));
	in.readings = readings;
	in.n_readings = N_READINGS;
	in.kernel = kernel;
	in.idle_w = IDLE_W;
	in.idle_sd_w = 10;
	in.n_layers = 2;
	in.n_classes = 1;
	in.n_above_idle = n_above_idle;
	in.prior_w = prior_w;
	in.layer_sd = layer_sd;
	in.layer_class = classes;
	in.sd_eps = 0.2;
	in.is_eps_fixed = true;
	in.block_s = 1;
	assert_int_equal(jm_fit(&in, &fit, NULL), 0);
	found = fit.power_w[1];
	*sd_out = sqrt(fit.covariance[3]);
	jm_fit_finish(&fit);
	return found;
}

static void what_lies_between_layers_draws_idle_power_at_least(void **state)
{
	double free_sd, sd;

	(void)state;
	assert_true(fit_bare(60, 0, &free_sd) < 70);
	assert_true(fabs(fit_bare(60, 1, &sd) - IDLE_W) < 10);
	/* It is not known to be idle power. */
	assert_true(sd > 0.5 * free_sd);
}

static void power_between_layers_above_idle_is_left_alone(void **state)
{
	double sd;

	(void)state;
	assert_true(fabs(fit_bare(180, 1, &sd) - 180) < 5);
	assert_true(fabs(fit_bare(180, 0, &sd) - 180) < 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_lies_between_layers_draws_idle_power_at_least),
	    cmocka_unit_test(power_between_layers_above_idle_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
