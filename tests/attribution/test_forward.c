#include "attribution/forward.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#define NEAR(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))
#define N_SEGMENTS            400
#define N_REGIONS             3

static struct jm_segment segments[N_SEGMENTS];

/* Touching and separate runs of three regions, 1 to 7 ms, in an order that does not repeat. */
static void fill_segments(void)
{
	double t = 0.1;
	size_t i;

	for (i = 0; i < N_SEGMENTS; i++) {
		double d = 1e-3 * (double)(1 + (i * i) % 7);

		segments[i] = (struct jm_segment){t, t + d, (uint32_t)((i * 5 + i * i) % N_REGIONS), 1};
		t += d + (i % 4 == 0 ? 2e-3 : 0);
	}
}

static double density(const struct jm_kernel *k, double u)
{
	double tau = k->tau_s, w = k->box_s;

	if (u < 0)
		return 0;
	if (tau == 0)
		return u < w ? 1 / w : 0;
	if (w == 0)
		return exp(-u / tau) / tau;
	return (u < w ? 1 - exp(-u / tau) : (exp(w / tau) - 1) * exp(-u / tau)) / w;
}

/* The same by brute force: midpoint sums over 0.4 s in steps of 2 us. */
static double slow(const struct jm_kernel *k, double t, uint32_t region)
{
	double step = 2e-6, sum = 0, u;
	size_t i = 0;

	for (u = 0.4 - step / 2; u > 0; u -= step) {
		double at = t - k->lag_s - u;

		while (i < N_SEGMENTS && segments[i].end_s <= at)
			i++;
		if (i < N_SEGMENTS && segments[i].start_s <= at && segments[i].region == region)
			sum += density(k, u) * step;
	}
	return sum;
}

static void check(struct jm_kernel kernel)
{
	struct jm_forward f;
	double row[N_REGIONS];
	double t;
	uint32_t r;

	assert_int_equal(jm_forward_init(&f, segments, N_SEGMENTS, N_REGIONS, NULL), 0);
	for (t = 0.3; t < 1.6; t += 0.2003) {
		struct jm_model_reading reading = {.t_s = t};

		jm_forward_row(&f, &kernel, &reading, row);
		for (r = 0; r < N_REGIONS; r++)
			NEAR(row[r], slow(&kernel, t, r), 2e-3);
	}
	jm_forward_finish(&f);
}

static void a_box_is_right(void **state)
{
	(void)state;
	check((struct jm_kernel){0.003, 0.02, 0});
}

static void a_low_pass_is_right(void **state)
{
	(void)state;
	check((struct jm_kernel){-0.002, 0, 0.012});
}

static void both_are_right(void **state)
{
	(void)state;
	check((struct jm_kernel){0.001, 0.008, 0.012});
}

/* A power of 500 W in every region and in the rests is 500 W, whatever the response. */
static void what_is_constant_stays_constant(void **state)
{
	const struct jm_kernel kernels[] = {{0, 0.02, 0}, {0.01, 0, 0.012}, {0, 0.005, 0.012}, {0, 1e-4, 0.05}};
	const double power[N_REGIONS] = {500, 500, 500};
	struct jm_model_reading readings[50];
	double out[50];
	size_t i, k;

	(void)state;
	for (i = 0; i < 50; i++)
		readings[i] = (struct jm_model_reading){0.05 + 0.04 * (double)i, 0, 0};
	for (k = 0; k < 4; k++) {
		assert_int_equal(
		    jm_forward_predict(segments, N_SEGMENTS, N_REGIONS, power, 500, &kernels[k], readings, 50, out), 0);
		for (i = 0; i < 50; i++)
			NEAR(out[i], 500, 1e-9);
	}
}

static void a_row_times_powers_is_the_prediction(void **state)
{
	const struct jm_kernel kernel = {0.001, 0.005, 0.012};
	const double power[N_REGIONS] = {200, 700, 450};
	struct jm_model_reading readings[40];
	double out[40], row[N_REGIONS];
	struct jm_forward f;
	size_t i, r;

	(void)state;
	for (i = 0; i < 40; i++)
		readings[i] = (struct jm_model_reading){0.2 + 0.031 * (double)i, i % 3 == 0 ? 0.01 : 0, 0};
	assert_int_equal(jm_forward_predict(segments, N_SEGMENTS, N_REGIONS, power, 120, &kernel, readings, 40, out),
			 0);
	assert_int_equal(jm_forward_init(&f, segments, N_SEGMENTS, N_REGIONS, NULL), 0);
	for (i = 0; i < 40; i++) {
		double sum = 120;

		jm_forward_row(&f, &kernel, &readings[i], row);
		for (r = 0; r < N_REGIONS; r++)
			sum += row[r] * (power[r] - 120);
		NEAR(out[i], sum, 1e-8);
	}
	/* Going back in time is slow, not wrong. */
	jm_forward_row(&f, &kernel, &readings[0], row);
	NEAR(out[0], 120 + row[0] * 80 + row[1] * 580 + row[2] * 330, 1e-8);
	jm_forward_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_box_is_right),
	    cmocka_unit_test(a_low_pass_is_right),
	    cmocka_unit_test(both_are_right),
	    cmocka_unit_test(what_is_constant_stays_constant),
	    cmocka_unit_test(a_row_times_powers_is_the_prediction),
	};

	fill_segments();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
