#include "attribution/consider.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#define MS 1000000

static double edge(bool is_counter, double half_ms, int64_t period_ms, int64_t update_ms)
{
	struct jm_series s = {.is_counter = is_counter, .edge_s = 1e-3 * half_ms, .period_ns = period_ms * MS};
	struct jm_channel c = {.update_period_ns = update_ms * MS};

	return 1e3 * jm_consider_edge_s(&s, &c);
}

static void changes_are_seen_by_reading_more_than_twice_an_update(void **state)
{
	(void)state;
	assert_true(edge(true, 0.125, 1, 1) == 0);
	assert_true(edge(true, 0.5, 1, 1) > 0);
	assert_true(edge(false, 0.5, 1, 1) == 0);
	assert_true(edge(true, 0, 100, 0) == 0); /* stamped when it changed */
}

static void a_change_is_anywhere_within_one_update_of_the_reading(void **state)
{
	(void)state;
	assert_true(fabs(edge(true, 0.5, 1, 1) - 1 / sqrt(12)) < 1e-12);
	assert_true(fabs(edge(true, 0.5, 10, 1) - 1 / sqrt(12)) < 1e-12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(changes_are_seen_by_reading_more_than_twice_an_update),
	    cmocka_unit_test(a_change_is_anywhere_within_one_update_of_the_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
