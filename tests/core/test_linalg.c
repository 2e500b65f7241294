#include "core/linalg.h"

#include "attribution/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N 37

/* B B' + 1 of numbers without a pattern: symmetric, positive definite. */
static void fill(double *a)
{
	static double b[N * N];
	size_t i, j, k;

	for (i = 0; i < N * N; i++)
		b[i] = sin((double)(i * i + 3 * i));
	for (i = 0; i < N; i++) {
		for (j = 0; j < N; j++) {
			a[i * N + j] = i == j;
			for (k = 0; k < N; k++)
				a[i * N + j] += b[i * N + k] * b[j * N + k];
		}
	}
}

static void a_system_is_solved(void **state)
{
	static double a[N * N], l[N * N];
	double x[N];
	size_t i, j;

	(void)state;
	fill(a);
	memcpy(l, a, sizeof(a));
	for (i = 0; i < N; i++) {
		x[i] = 0;
		for (j = 0; j < N; j++)
			x[i] += a[i * N + j] * (double)(j + 1);
	}
	assert_int_equal(jm_cholesky(l, N), 0);
	jm_cholesky_solve(l, N, x);
	for (i = 0; i < N; i++)
		assert_true(fabs(x[i] - (double)(i + 1)) < 1e-9);
}

static void the_inverse_times_the_matrix_is_one(void **state)
{
	static double a[N * N], l[N * N], inverse[N * N];
	size_t i, j, k;

	(void)state;
	fill(a);
	memcpy(l, a, sizeof(a));
	assert_int_equal(jm_cholesky(l, N), 0);
	jm_cholesky_inverse(l, N, inverse);
	for (i = 0; i < N; i++) {
		for (j = 0; j < N; j++) {
			double sum = 0;

			for (k = 0; k < N; k++)
				sum += a[i * N + k] * inverse[k * N + j];
			assert_true(fabs(sum - (i == j)) < 1e-9);
		}
	}
}

static void what_is_singular_is_refused(void **state)
{
	double a[] = {1, 2, 2, 4}, negative[] = {1, 0, 0, -1};

	(void)state;
	assert_int_equal(jm_cholesky(a, 2), JM_E_UNIDENTIFIABLE);
	assert_int_equal(jm_cholesky(negative, 2), JM_E_UNIDENTIFIABLE);
}

/* Two layers of 10 J whose errors are +-5 J and opposite: together 20 J exactly. The third is good alone. */
static void neighbours_with_opposite_errors_are_merged(void **state)
{
	const double energy[] = {10, 10, 10}, time[] = {1, 1, 1};
	const double covariance[] = {25, -25, 0, -25, 25, 0, 0, 0, 0.01};
	struct jm_group groups[3];

	(void)state;
	assert_int_equal(jm_merge(energy, covariance, time, 3, 3, 0.1, groups), 2);
	assert_int_equal(groups[0].n, 2);
	assert_true(groups[0].energy == 20 && fabs(groups[0].variance) < 1e-12);
	assert_int_equal(groups[1].first, 2);
	assert_int_equal(jm_merge(energy, covariance, time, 3, 3, 0.6, groups), 3);
}

static void what_nothing_helps_ends_as_one_group(void **state)
{
	const double energy[] = {1, 1, 1}, time[] = {1, 1, 1};
	const double covariance[] = {9, 0, 0, 0, 9, 0, 0, 0, 9};
	struct jm_group groups[3];

	(void)state;
	assert_int_equal(jm_merge(energy, covariance, time, 3, 3, 0.1, groups), 1);
	assert_int_equal(groups[0].n, 3);
	assert_true(groups[0].variance == 27);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_system_is_solved),
	    cmocka_unit_test(the_inverse_times_the_matrix_is_one),
	    cmocka_unit_test(what_is_singular_is_refused),
	    cmocka_unit_test(neighbours_with_opposite_errors_are_merged),
	    cmocka_unit_test(what_nothing_helps_ends_as_one_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
