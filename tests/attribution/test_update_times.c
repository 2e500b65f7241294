#include "attribution/update_times.h"

#include "attribution/series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#define N 500

static double noise(uint64_t *state)
{
	double sum = 0;
	int i;

	for (i = 0; i < 12; i++) {
		*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		sum += (double)(*state >> 11) * 0x1p-53;
	}
	return sum - 6;
}

/* An update every 20 ms, off by jitter, looked for every 1.02 ms. Gives the worst distance of a found time from the clock. */
static double worst_error(double jitter_s, struct jm_update_clock *clock)
{
	double after[N], before[N], t[N], worst = 0;
	uint64_t state = 5;
	size_t i;

	for (i = 0; i < N; i++) {
		double update = 0.0037 + 0.02 * (double)i + jitter_s * noise(&state);

		after[i] = 0.00102 * floor(update / 0.00102);
		before[i] = after[i] + 0.00102;
	}
	assert_int_equal(jm_update_times(after, before, N, t, clock), 0);
	for (i = 0; i < N; i++)
		worst = fmax(worst, fabs(t[i] - 0.0037 - 0.02 * (double)i));
	return worst;
}

static void updates_are_put_on_their_clock(void **state)
{
	struct jm_update_clock clock;

	(void)state;
	assert_true(worst_error(0, &clock) < 0.05e-3);
	assert_true(clock.is_regular);
	assert_float_equal(clock.period_s, 0.02, 1e-6);
}

/* The tightest brackets are jitter; their middles are not. */
static void jitter_does_not_move_the_clock(void **state)
{
	struct jm_update_clock clock;
	double worst = worst_error(0.1e-3, &clock);

	(void)state;
	assert_true(clock.is_regular);
	/* No time leaves its bracket, which jitter may move off the clock. */
	assert_true(worst < 0.5e-3);
	assert_float_equal(clock.jitter_s, 0.1e-3, 0.07e-3);
}

static void what_follows_no_clock_keeps_the_middles(void **state)
{
	double after[N], before[N], t[N];
	struct jm_update_clock clock;
	uint64_t random = 9;
	size_t i;

	(void)state;
	for (i = 0; i < N; i++) {
		after[i] = 0.02 * (double)i + 0.005 * noise(&random);
		before[i] = after[i] + 0.001;
	}
	assert_int_equal(jm_update_times(after, before, N, t, &clock), 0);
	assert_false(clock.is_regular);
	assert_true(isnan(clock.period_s));
	for (i = 0; i < N; i++)
		assert_float_equal(t[i], after[i] + 0.0005, 1e-12);
}

static void few_updates_are_no_clock(void **state)
{
	double after[2] = {0, 1}, before[2] = {0.5, 1.5}, t[2];
	struct jm_update_clock clock;

	(void)state;
	assert_int_equal(jm_update_times(after, before, 2, t, &clock), 0);
	assert_false(clock.is_regular);
	assert_int_equal(jm_update_times(after, before, 0, t, &clock), 0);
}

/* A gauge that updates every 100 ms, read every 7 ms: a reading for each update, none for its repeats. */
static void a_gauge_read_often_has_one_reading_an_update(void **state)
{
	static struct jm_sample samples[3000];
	struct jm_series s;
	struct jm_channel c;
	size_t i;

	(void)state;
	jm_channel_init(&c, "fake/power");
	c.quantity = JM_QUANTITY_POWER;
	c.kind = JM_KIND_GAUGE;
	c.update_period_ns = 100000000;
	for (i = 0; i < 3000; i++) {
		int64_t t_ns = (int64_t)i * 7000000;

		/* Updates at 30 ms, 130 ms, ... */
		samples[i] = (struct jm_sample){.t_ns = t_ns, .value = (t_ns + 70000000) / 100000000 * 1000};
	}
	assert_int_equal(jm_series_init(&s, &c, samples, 3000, 0, NULL), 0);
	assert_int_equal(s.n_readings, 1 + 210);
	for (i = 1; i < s.n_readings; i++)
		assert_true(llabs(s.readings[i].t_ns - (30000000 + (int64_t)(i - 1) * 100000000)) < 1000000);
	assert_int_equal(s.n_repeats, 3000 - 211);
	jm_series_finish(&s);
}

/* Between 5 s and 8 s nothing changes: energy goes on, readings for the estimator do not. */
static void a_gauge_that_stands_gives_energy_and_no_readings(void **state)
{
	static struct jm_sample samples[2000];
	struct jm_series s;
	struct jm_channel c;
	double seen_s;
	size_t i;

	(void)state;
	jm_channel_init(&c, "fake/power");
	c.quantity = JM_QUANTITY_POWER;
	c.kind = JM_KIND_GAUGE;
	c.update_period_ns = 100000000;
	for (i = 0; i < 2000; i++) {
		int64_t k = (int64_t)i * 7 / 100;

		k = k > 50 && k < 80 ? 50 : k;
		samples[i] = (struct jm_sample){.t_ns = (int64_t)i * 7000000, .value = 100000000 + k};
	}
	assert_int_equal(jm_series_init(&s, &c, samples, 2000, 0, NULL), 0);
	assert_float_equal(jm_series_energy(&s, 1000000000, 12000000000, &seen_s), 1100, 0.01);
	assert_float_equal(seen_s, 11, 1e-6);
	for (i = 0; i < s.n_readings; i++)
		assert_false(s.readings[i].t_ns > 5100000000 && s.readings[i].t_ns < 7900000000);
	jm_series_finish(&s);
}

/* As an H200's buffer does it: every fifth stamp 9 ms late. Half way the clock steps by 7 ms for good. */
static void late_stamps_are_put_right_and_steps_stay(void **state)
{
	int64_t t[100], expected[100];
	bool unsure[100];
	size_t i;

	(void)state;
	for (i = 0; i < 100; i++) {
		expected[i] = (int64_t)i * 20000000 + (i >= 50 ? 7000000 : 0);
		t[i] = expected[i] + (i % 5 == 3 ? 9000000 : 0);
	}
	jm_unlate_times(t, 100, 20000000, unsure);
	for (i = 2; i < 98; i++) {
		assert_true(llabs(t[i] - expected[i]) < (i >= 48 && i < 52 ? 7000001 : 1));
		if (i < 48 || i > 52)
			assert_int_equal(unsure[i], i % 5 == 3);
	}
	jm_unlate_times(t, 4, 20000000, unsure);
	assert_false(unsure[3]);
}

/* 3 ms late: measured in time. 3 ms early: measured early. */
static void early_stamps_stay(void **state)
{
	int64_t t[20];
	bool unsure[20];
	size_t i;

	(void)state;
	for (i = 0; i < 20; i++)
		t[i] = (int64_t)i * 20000000 + (i == 8 ? 3000000 : i == 14 ? -3000000 : 0);
	jm_unlate_times(t, 20, 20000000, unsure);
	assert_int_equal(t[8], 160000000);
	assert_int_equal(t[14], 277000000);
	for (i = 0; i < 20; i++)
		assert_false(unsure[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(updates_are_put_on_their_clock),
	    cmocka_unit_test(jitter_does_not_move_the_clock),
	    cmocka_unit_test(what_follows_no_clock_keeps_the_middles),
	    cmocka_unit_test(few_updates_are_no_clock),
	    cmocka_unit_test(a_gauge_read_often_has_one_reading_an_update),
	    cmocka_unit_test(early_stamps_stay),
	    cmocka_unit_test(late_stamps_are_put_right_and_steps_stay),
	    cmocka_unit_test(a_gauge_that_stands_gives_energy_and_no_readings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
