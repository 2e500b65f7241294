/* Intervals and tests of known truth: how often they hold it. */
#include "compare/bootstrap.h"
#include "compare/student.h"

#include "core/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#define N_MAX 64

static double normal(uint64_t *seed)
{
	double u = 1 - jm_random_fraction(seed), v = jm_random_fraction(seed);

	return sqrt(-2 * log(u)) * cos(2 * acos(-1) * v);
}

static void quantiles_are_those_of_the_tables(void **state)
{
	(void)state;
	assert_float_equal(jm_student_two_sided(0.05, 1), 12.7062, 1e-4);
	assert_float_equal(jm_student_two_sided(0.05, 4), 2.776445, 1e-5);
	assert_float_equal(jm_student_two_sided(0.001, 10), 4.586894, 1e-5);
	assert_float_equal(jm_student_two_sided(0.05, 1e6), 1.959966, 1e-4);
	assert_float_equal(jm_normal_two_sided(0.05), 1.959964, 1e-6);
	assert_float_equal(jm_student_cdf(2, 3), 0.930337, 1e-6);
	assert_float_equal(jm_student_cdf(-2, 3), 1 - 0.930337, 1e-6);
	assert_float_equal(jm_student_cdf(0, 7), 0.5, 1e-12);
}

/* Rounds that stray by round_sd together and by own_sd each; the true ratio is 0.6. */
struct trials {
	double a[N_MAX], b[N_MAX];
};

static void draw(struct trials *t, size_t n, double round_sd, double own_sd, double ratio, uint64_t *seed)
{
	size_t i;

	for (i = 0; i < n; i++) {
		double common = exp(round_sd * normal(seed));

		t->a[i] = 100 * common * (1 + own_sd * normal(seed));
		t->b[i] = 100 * ratio * common * (1 + own_sd * normal(seed));
	}
}

static double coverage(size_t n, bool is_paired, double *power_out)
{
	struct trials t;
	struct jm_bootstrap b;
	uint64_t seed = 11 * n + is_paired;
	int k, n_runs = 400, inside = 0, found = 0;

	for (k = 0; k < n_runs; k++) {
		draw(&t, n, is_paired ? 0.1 : 0, 0.02, 0.6, &seed);
		if (is_paired)
			assert_int_equal(jm_bootstrap_paired_ratio(t.a, t.b, n, seed, &b), 0);
		else
			assert_int_equal(jm_bootstrap_ratio(t.a, n, t.b, n, seed, &b), 0);
		assert_true(b.ci.low <= b.value && b.value <= b.ci.high);
		inside += b.ci.low <= 0.6 && 0.6 <= b.ci.high;
		found += b.p < 0.05;
	}
	if (power_out)
		*power_out = (double)found / n_runs;
	return (double)inside / n_runs;
}

static void intervals_of_paired_rounds_hold_the_truth_nineteen_times_in_twenty(void **state)
{
	static const size_t sizes[] = {2, 3, 4, 5, 10, 30};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		double power, share = coverage(sizes[i], true, &power);

		print_message("paired, %zu rounds: %.1f %% hold it, difference found in %.0f %%\n", sizes[i],
			      100 * share, 100 * power);
		/* 0.95 with a standard error of 0.011 */
		assert_true(share >= 0.915 && share <= 0.99);
		assert_true(sizes[i] < 4 || power > 0.99);
	}
}

static void intervals_of_unpaired_trials_hold_it_too(void **state)
{
	static const size_t sizes[] = {2, 3, 5, 30};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		double share = coverage(sizes[i], false, NULL);

		print_message("unpaired, %zu trials each: %.1f %% hold it\n", sizes[i], 100 * share);
		assert_true(share >= 0.915);
	}
}

/* The room warms up by 10 %: only who pairs sees the 2 % between the two. */
static void pairing_takes_out_what_rounds_have_in_common(void **state)
{
	struct jm_bootstrap paired, unpaired;
	struct trials t;
	uint64_t seed = 5;

	(void)state;
	draw(&t, 10, 0.1, 0.002, 0.98, &seed);
	assert_int_equal(jm_bootstrap_paired_ratio(t.a, t.b, 10, 1, &paired), 0);
	assert_int_equal(jm_bootstrap_ratio(t.a, 10, t.b, 10, 1, &unpaired), 0);
	assert_true(paired.p < 0.01 && paired.ci.high < 1);
	assert_true(unpaired.p > 0.05 && unpaired.ci.high > 1);
	assert_float_equal(paired.value, unpaired.value, 1e-12);
}

static void no_difference_is_found_one_time_in_twenty(void **state)
{
	struct jm_bootstrap b;
	struct trials t;
	uint64_t seed = 3;
	int k, found = 0;

	(void)state;
	for (k = 0; k < 400; k++) {
		draw(&t, 5, 0.05, 0.02, 1, &seed);
		assert_int_equal(jm_bootstrap_paired_ratio(t.a, t.b, 5, seed, &b), 0);
		assert_int_equal(b.p<0.05, b.ci.low> 1 || b.ci.high < 1);
		found += b.p < 0.05;
	}
	print_message("no difference: found in %.1f %%\n", found / 4.0);
	assert_in_range(found, 4, 36);
}

/* Right or wrong, item by item: 1000 items, 30 turn wrong, 10 turn right. */
static void accuracies_of_the_same_items_are_compared_item_by_item(void **state)
{
	double a[1000], b[1000];
	struct jm_bootstrap d;
	int i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		a[i] = i % 10 != 0;
		b[i] = i % 33 == 1 ? 0 : i % 100 == 0 ? 1 : a[i];
	}
	assert_int_equal(jm_bootstrap_paired_difference(a, b, 1000, 1, &d), 0);
	assert_true(d.value < -0.01 && d.value > -0.03);
	assert_true(d.ci.low < d.value && d.value < d.ci.high && d.ci.high < 0 && d.p < 0.05);
	assert_int_equal(jm_bootstrap_paired_difference(a, a, 1000, 1, &d), 0);
	assert_true(d.value == 0 && d.ci.low == 0 && d.ci.high == 0 && d.p > 0.99);
}

static void many_items_are_folded_without_moving_the_mean(void **state)
{
	static double a[100003], b[100003];
	struct jm_bootstrap d;
	uint64_t seed = 9;
	double sum = 0;
	size_t i;

	(void)state;
	for (i = 0; i < 100003; i++) {
		a[i] = jm_random_fraction(&seed) < 0.9;
		b[i] = jm_random_fraction(&seed) < 0.89;
		sum += b[i] - a[i];
	}
	assert_int_equal(jm_bootstrap_paired_difference(a, b, 100003, 1, &d), 0);
	assert_float_equal(d.value, sum / 100003, 1e-9);
	assert_true(d.ci.low < -0.01 && d.ci.high > -0.015 && d.ci.high - d.ci.low < 0.01);
}

/* 3000 items in groups of one and of two: those of two count twice. */
static void items_in_groups_of_unequal_size_count_alike(void **state)
{
	static double a[3000], b[3000];
	struct jm_bootstrap d;
	size_t i;

	(void)state;
	for (i = 0; i < 3000; i++)
		b[i] = i >= 1000 && i < 2000;
	assert_int_equal(jm_bootstrap_paired_difference(a, b, 3000, 1, &d), 0);
	assert_float_equal(d.value, 1.0 / 3, 1e-9);
	assert_true(d.ci.low < 1.0 / 3 && 1.0 / 3 < d.ci.high);
}

static void what_has_no_interval_is_refused(void **state)
{
	double one[] = {1, 2}, bad[] = {1, NAN}, zero[] = {0, 1};
	struct jm_bootstrap b;

	(void)state;
	assert_int_equal(jm_bootstrap_paired_ratio(one, one, 1, 1, &b), JM_E_INVALID);
	assert_int_equal(jm_bootstrap_paired_ratio(one, bad, 2, 1, &b), JM_E_INVALID);
	assert_int_equal(jm_bootstrap_ratio(zero, 2, one, 2, 1, &b), JM_E_INVALID);
	assert_int_equal(jm_bootstrap_paired_difference(one, one, 1, 1, &b), JM_E_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(quantiles_are_those_of_the_tables),
	    cmocka_unit_test(intervals_of_paired_rounds_hold_the_truth_nineteen_times_in_twenty),
	    cmocka_unit_test(intervals_of_unpaired_trials_hold_it_too),
	    cmocka_unit_test(pairing_takes_out_what_rounds_have_in_common),
	    cmocka_unit_test(no_difference_is_found_one_time_in_twenty),
	    cmocka_unit_test(accuracies_of_the_same_items_are_compared_item_by_item),
	    cmocka_unit_test(many_items_are_folded_without_moving_the_mean),
	    cmocka_unit_test(items_in_groups_of_unequal_size_count_alike),
	    cmocka_unit_test(what_has_no_interval_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
