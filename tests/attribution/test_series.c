#include "attribution/series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#define MS         INT64_C(1000000)
#define NEAR(a, b) assert_true(fabs((double)(a) - (double)(b)) <= 1e-9 * (1 + fabs((double)(b))))

static struct jm_channel counter(void)
{
	struct jm_channel c;

	jm_channel_init(&c, "test/counter");
	c.quantity = JM_QUANTITY_ENERGY;
	c.kind = JM_KIND_COUNTER;
	return c;
}

static struct jm_channel gauge(void)
{
	struct jm_channel c;

	jm_channel_init(&c, "test/gauge");
	return c;
}

static struct jm_sample sample(int64_t t_ms, int64_t value)
{
	struct jm_sample s = {.t_ns = t_ms * MS, .value = value};

	return s;
}

static struct jm_series make(const struct jm_channel *c, const struct jm_sample *samples, size_t n)
{
	struct jm_series s;

	assert_int_equal(jm_series_init(&s, c, samples, n, 0, NULL), 0);
	return s;
}

/* 2 J in the first 100 ms, 4 J in the second: half of each is 3 J. */
static void a_counter_is_interpolated_between_readings(void **state)
{
	struct jm_channel c = counter();
	struct jm_sample in[] = {sample(0, 1000000), sample(100, 3000000), sample(200, 7000000)};
	struct jm_series s = make(&c, in, 3);
	double seen;

	(void)state;
	NEAR(jm_series_energy(&s, 50 * MS, 150 * MS, &seen), 3.0);
	NEAR(seen, 0.1);
	NEAR(jm_series_energy(&s, -100 * MS, 900 * MS, &seen), 6.0);
	NEAR(seen, 0.2);
	NEAR(jm_series_energy(&s, 150 * MS, 160 * MS, NULL), 40 * 0.01);
	NEAR(jm_series_energy(&s, 250 * MS, 260 * MS, &seen), 0);
	NEAR(seen, 0);
	jm_series_finish(&s);
	jm_series_finish(&s);
}

/* 7 J in steps of 1 J, whatever the counter stands at when it starts; it wraps at 2,500,000 uJ. */
static void a_wrap_at_any_phase_changes_nothing(void **state)
{
	struct jm_channel c = counter();
	struct jm_sample in[8];
	int64_t phase;
	int i;

	(void)state;
	c.wrap = 2500000;
	for (phase = 0; phase < 2500000; phase += 125000) {
		struct jm_series s;

		for (i = 0; i < 8; i++)
			in[i] = sample(10 * i, (phase + i * 1000000) % 2500000);
		s = make(&c, in, 8);
		NEAR(jm_series_energy(&s, 0, 70 * MS, NULL), 7.0);
		assert_int_equal(s.n_resets, 0);
		jm_series_finish(&s);
	}
}

static void a_reset_is_a_gap_not_an_energy(void **state)
{
	struct jm_channel c = counter();
	struct jm_sample in[] = {sample(0, 5000000), sample(10, 6000000), sample(20, 100), sample(30, 1000100)};
	struct jm_series s = make(&c, in, 4);
	double seen;

	(void)state;
	NEAR(jm_series_energy(&s, 0, 30 * MS, &seen), 2.0);
	NEAR(seen, 0.020);
	assert_int_equal(s.n_resets, 1);
	jm_series_finish(&s);
}

/* A counter counts on while nobody reads it: 10 W throughout, unread from 20 to 200 ms. */
static void a_counter_tells_what_was_missed(void **state)
{
	struct jm_channel c = counter();
	struct jm_sample in[] = {sample(0, 0), sample(10, 100000), sample(20, 200000), sample(30, 0), sample(200, 2000000),
				 sample(210, 2100000)};
	struct jm_series s;
	double seen;

	(void)state;
	in[3].status = JM_SAMPLE_GAP;
	s = make(&c, in, 6);
	NEAR(jm_series_energy(&s, 0, 210 * MS, &seen), 2.1);
	NEAR(seen, 0.210);
	jm_series_finish(&s);
}

/* Two readings of a gauge say nothing of what lies between them. */
static void two_gauge_readings_have_no_interval(void **state)
{
	struct jm_channel c = gauge();
	struct jm_sample in[] = {sample(0, 5000000), sample(10, 6000000)};
	struct jm_series s = make(&c, in, 2);

	(void)state;
	assert_true(isnan(jm_series_variance(&s, 0, 10 * MS)));
	jm_series_finish(&s);
}

static void a_gap_sample_and_a_long_spacing_stay_gaps(void **state)
{
	struct jm_channel c = gauge();
	struct jm_sample in[9];
	struct jm_series s;
	double seen;
	int i;

	(void)state;
	/* 0 10 20 [gap at 30] 40 50, then nothing until 100: 50 ms are more than three periods. */
	for (i = 0; i < 6; i++)
		in[i] = sample(10 * i, 5000000);
	in[3].status = JM_SAMPLE_GAP;
	in[3].value = 123456789;
	in[6] = sample(100, 5000000);
	in[7] = sample(110, 5000000);
	in[8] = sample(120, 5000000);
	s = make(&c, in, 9);
	NEAR(jm_series_energy(&s, 0, 120 * MS, &seen), 5 * 0.050);
	NEAR(seen, 0.050);
	jm_series_finish(&s);
}

/* Readings each 10 ms, and one spacing of 25: a gap for who allows 20, not by the usual 30. */
static void a_series_knows_whether_its_gaps_are_the_usual(void **state)
{
	struct jm_channel c = gauge();
	struct jm_sample in[] = {sample(0, 1), sample(10, 2), sample(20, 3), sample(45, 4), sample(55, 5)};
	struct jm_series s;
	const struct {
		int64_t max_gap_ns;
		bool is_usual;
	} cases[] = {{0, true}, {30 * MS, true}, {26 * MS, true}, {20 * MS, false}, {INT64_MAX, true}};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(jm_series_init(&s, &c, in, 5, cases[i].max_gap_ns, NULL), 0);
		assert_int_equal(s.is_usual, cases[i].is_usual);
		assert_int_equal(s.n_pieces, cases[i].is_usual ? 4 : 3);
		jm_series_finish(&s);
	}
}

/* Every place is found whichever way one looks: ahead by little, by much, behind. */
static void a_cursor_finds_every_place(void **state)
{
	static const int64_t steps[] = {1, 3, 9, 40, 170, -5, 260, -400, 77, 1000};
	struct jm_channel c = gauge();
	struct jm_sample in[600];
	struct jm_series s;
	struct jm_series_cursor cursor = {0};
	int64_t t = 0;
	size_t i;

	(void)state;
	for (i = 0; i < 600; i++)
		in[i] = sample(10 * (int64_t)i, 1000000 * (int64_t)(i * 7 % 13));
	s = make(&c, in, 600);
	for (i = 0; i < 200; i++) {
		struct jm_series_cursor fresh = {0};
		struct jm_series_point a, b;

		t = (t + steps[i % 10] * 10 + 3 + 6500) % 6500;
		a = jm_series_at(&s, &cursor, t * MS);
		b = jm_series_at(&s, &fresh, t * MS);
		assert_true(a.energy_j == b.energy_j && a.seen_s == b.seen_s);
		NEAR(a.energy_j, jm_series_energy(&s, 0, t * MS, NULL));
	}
	jm_series_finish(&s);
}

/* An update every 100 ms, read every 10 ms: what counts is when the value changed. 1 J per update is 10 W everywhere. */
static void repeated_counter_readings_become_update_edges(void **state)
{
	struct jm_channel c = counter();
	struct jm_sample in[100];
	struct jm_series s;
	double seen, energy;
	size_t i;

	(void)state;
	for (i = 0; i < 100; i++)
		in[i] = sample(10 * (int64_t)i, 1000000 * (((int64_t)i + 3) / 10));
	s = make(&c, in, 100);
	assert_int_equal(s.period_ns, 100 * MS);
	for (i = 0; i < s.n_pieces; i++)
		NEAR(s.pieces[i].start_w, 10.0);
	energy = jm_series_energy(&s, 200 * MS, 805 * MS, &seen);
	NEAR(energy, 10 * 0.605);
	NEAR(seen, 0.605);
	NEAR(s.edge_s, 0.005);
	jm_series_finish(&s);
}

static void a_gauge_is_integrated_by_trapezoids(void **state)
{
	struct jm_channel c = gauge();
	struct jm_sample in[] = {sample(0, 10000000), sample(100, 20000000), sample(200, 0)};
	struct jm_series s = make(&c, in, 3);

	(void)state;
	NEAR(jm_series_energy(&s, 0, 200 * MS, NULL), 1.5 + 1.0);
	NEAR(jm_series_energy(&s, 0, 50 * MS, NULL), 0.5 * (10 + 15) * 0.05);
	NEAR(jm_series_energy(&s, 40 * MS, 60 * MS, NULL), 15 * 0.02);
	jm_series_finish(&s);
}

/* A window mean at t covers [t - window, t): 10 W, then 20 W, no ramp between. The first window counts. */
static void window_means_that_tile_are_constant_over_their_window(void **state)
{
	struct jm_channel c = gauge();
	struct jm_sample in[] = {sample(100, 10000000), sample(200, 20000000), sample(301, 30000000)};
	struct jm_series s;
	double seen;

	(void)state;
	c.kind = JM_KIND_WINDOW_MEAN;
	c.window_ns = 100 * MS;
	s = make(&c, in, 3);
	assert_true(s.is_tiled);
	NEAR(jm_series_energy(&s, 0, 150 * MS, &seen), 1.0 + 1.0);
	NEAR(seen, 0.15);
	NEAR(jm_series_energy(&s, 0, 301 * MS, &seen), 1.0 + 2.0 + 3.03);
	NEAR(seen, 0.301);
	jm_series_finish(&s);
}

static void lag_is_taken_off(void **state)
{
	struct jm_channel c = gauge();
	struct jm_sample in[] = {sample(115, 10000000), sample(215, 20000000)};
	struct jm_series s;

	(void)state;
	c.lag_ns = 5 * MS;
	c.lowpass_ns = 10 * MS;
	s = make(&c, in, 2);
	NEAR(jm_series_energy(&s, 100 * MS, 150 * MS, NULL), 0.5 * (10 + 15) * 0.05);
	NEAR(jm_series_energy(&s, 100 * MS, 200 * MS, NULL), 1.5);
	jm_series_finish(&s);
}

static void shifting_all_times_changes_nothing(void **state)
{
	struct jm_channel c = counter();
	struct jm_sample in[50];
	double first = 0;
	int64_t shift;
	int i;

	(void)state;
	for (shift = 0; shift <= INT64_C(4000000000000); shift += INT64_C(1000000000001)) {
		struct jm_series s;
		double e;

		for (i = 0; i < 50; i++) {
			in[i] = sample(7 * i, 1000 * i * i);
			in[i].t_ns += shift;
		}
		s = make(&c, in, 50);
		e = jm_series_energy(&s, 33 * MS + shift, 211 * MS + shift, NULL);
		if (shift == 0)
			first = e;
		NEAR(e, first);
		jm_series_finish(&s);
	}
}

static void the_parts_of_a_stretch_add_up(void **state)
{
	struct jm_channel c = gauge();
	struct jm_sample in[40];
	struct jm_series s;
	double whole, parts = 0;
	int64_t t;
	int i;

	(void)state;
	for (i = 0; i < 40; i++)
		in[i] = sample(10 * i, 1000000 * ((i * 7) % 13));
	in[20].status = JM_SAMPLE_GAP;
	s = make(&c, in, 40);
	whole = jm_series_energy(&s, 3 * MS, 388 * MS, NULL);
	for (t = 3; t < 388; t += 5)
		parts += jm_series_energy(&s, t * MS, (t + 5) * MS, NULL);
	NEAR(parts, whole);
	jm_series_finish(&s);
}

/* Quantum 1 J at both ends: variance 2 / 12 J^2; constant power, exact times: nothing else. */
static void the_variance_knows_the_quantum(void **state)
{
	struct jm_channel c = counter();
	struct jm_sample in[30];
	struct jm_series s;
	int i;

	(void)state;
	c.step = 1000000;
	for (i = 0; i < 30; i++)
		in[i] = sample(100 * i, 2000000 * i);
	s = make(&c, in, 30);
	NEAR(jm_series_variance(&s, 0, 2900 * MS), 2.0 / 12);
	NEAR(jm_series_variance(&s, 130 * MS, 1170 * MS), 2.0 / 12);
	jm_series_finish(&s);
}

static void statistics_are_weighted_by_time(void **state)
{
	struct jm_channel c = counter();
	struct jm_sample in[] = {sample(0, 0), sample(100, 1000000), sample(200, 4000000)};
	struct jm_series s = make(&c, in, 3);
	struct jm_power_stats stats;

	(void)state;
	jm_power_stats_init(&stats);
	jm_series_stats(&s, 50 * MS, 200 * MS, &stats);
	NEAR(stats.seconds, 0.15);
	NEAR(stats.sum_ws, 10 * 0.05 + 30 * 0.1);
	NEAR(stats.min_w, 10);
	NEAR(stats.max_w, 30);
	jm_series_finish(&s);
}

static void times_that_go_back_are_refused(void **state)
{
	struct jm_channel c = gauge(), other = gauge();
	struct jm_sample in[] = {sample(10, 1), sample(5, 1)};
	struct jm_series s;
	struct jm_error err;

	(void)state;
	assert_int_equal(jm_series_init(&s, &c, in, 2, 0, &err), JM_E_INVALID);
	other.quantity = JM_QUANTITY_TEMPERATURE;
	assert_int_equal(jm_series_init(&s, &other, in, 1, 0, &err), JM_E_INVALID);
}

static void nothing_gives_nothing(void **state)
{
	struct jm_channel c = gauge();
	struct jm_sample in[] = {sample(10, 5000000)};
	struct jm_series s;
	double seen;

	(void)state;
	s = make(&c, NULL, 0);
	assert_true(jm_series_energy(&s, 0, MS, &seen) == 0 && seen == 0);
	jm_series_finish(&s);
	s = make(&c, in, 1);
	assert_true(jm_series_energy(&s, 0, 100 * MS, &seen) == 0 && seen == 0);
	jm_series_finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_counter_is_interpolated_between_readings),
	    cmocka_unit_test(a_wrap_at_any_phase_changes_nothing),
	    cmocka_unit_test(a_reset_is_a_gap_not_an_energy),
	    cmocka_unit_test(a_gap_sample_and_a_long_spacing_stay_gaps),
	    cmocka_unit_test(a_counter_tells_what_was_missed),
	    cmocka_unit_test(two_gauge_readings_have_no_interval),
	    cmocka_unit_test(a_series_knows_whether_its_gaps_are_the_usual),
	    cmocka_unit_test(a_cursor_finds_every_place),
	    cmocka_unit_test(repeated_counter_readings_become_update_edges),
	    cmocka_unit_test(a_gauge_is_integrated_by_trapezoids),
	    cmocka_unit_test(window_means_that_tile_are_constant_over_their_window),
	    cmocka_unit_test(lag_is_taken_off),
	    cmocka_unit_test(shifting_all_times_changes_nothing),
	    cmocka_unit_test(the_parts_of_a_stretch_add_up),
	    cmocka_unit_test(the_variance_knows_the_quantum),
	    cmocka_unit_test(statistics_are_weighted_by_time),
	    cmocka_unit_test(times_that_go_back_are_refused),
	    cmocka_unit_test(nothing_gives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
