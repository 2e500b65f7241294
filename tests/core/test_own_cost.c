#include "core/own_cost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MIB 1048576u

static void expect_text(const struct jm_own_cost *cost, const char *text)
{
	struct jm_buffer b = {0};

	jm_own_cost_text(cost, &b);
	assert_string_equal(jm_buffer_terminate(&b), text);
	jm_buffer_finish(&b);
}

static void expect_json(const struct jm_own_cost *cost, const char *text)
{
	struct jm_buffer b = {0};

	jm_own_cost_json(cost, &b);
	assert_string_equal(jm_buffer_terminate(&b), text);
	jm_buffer_finish(&b);
}

static void expect_csv(const struct jm_own_cost *cost, const char *text)
{
	struct jm_buffer b = {0};

	jm_own_cost_csv(cost, &b);
	assert_string_equal(jm_buffer_terminate(&b), text);
	jm_buffer_finish(&b);
}

static void time_memory_and_share_are_in_every_form(void **state)
{
	const struct jm_own_cost cost = {0.05, 10, 3 * MIB, 0};

	(void)state;
	expect_text(&cost, "0.050 s processor time, 0.50 % of one core, 3.0 MiB resident");
	expect_json(&cost,
		    "{\"cpu_s\":0.05,\"cpu_fraction\":0.005,\"rss_bytes\":3145728,\"rss_with_model_bytes\":null}");
	expect_csv(&cost, "0.05,0.005,3145728");
}

static void a_model_inside_is_told_apart(void **state)
{
	const struct jm_own_cost cost = {0.05, 10, 3 * MIB, 40 * MIB};

	(void)state;
	expect_text(&cost,
		    "0.050 s processor time, 0.50 % of one core, 3.0 MiB resident before the model came (40.0 with "
		    "it and its runtime)");
	expect_json(&cost,
		    "{\"cpu_s\":0.05,\"cpu_fraction\":0.005,\"rss_bytes\":3145728,\"rss_with_model_bytes\":41943040}");
	expect_csv(&cost, "0.05,0.005,3145728");
}

static void what_is_unknown_is_said_and_never_a_number(void **state)
{
	const struct jm_own_cost unknown = JM_OWN_COST_UNKNOWN, no_memory = {0.05, 10, 0, 0};

	(void)state;
	expect_text(&unknown, "unknown: nothing recorded it");
	expect_json(&unknown,
		    "{\"cpu_s\":null,\"cpu_fraction\":null,\"rss_bytes\":null,\"rss_with_model_bytes\":null}");
	expect_csv(&unknown, ",,");
	expect_text(&no_memory,
		    "0.050 s processor time, 0.50 % of one core, memory not told apart from the program's that "
		    "it ran in");
	expect_csv(&no_memory, "0.05,0.005,");
}

static void several_add_up(void **state)
{
	const struct jm_own_cost one = {0.25, 1, 3 * MIB, 0}, other = {0.25, 3, 2 * MIB, 9 * MIB},
				 unknown = JM_OWN_COST_UNKNOWN;
	struct jm_own_cost sum = {0};

	(void)state;
	jm_own_cost_add(&sum, &one);
	jm_own_cost_add(&sum, &other);
	assert_true(sum.cpu_s == 0.5 && sum.wall_s == 4);
	assert_true(jm_own_cost_fraction(&sum) == 0.125);
	assert_int_equal(sum.rss_bytes, 3 * MIB);
	assert_int_equal(sum.rss_with_model_bytes, 9 * MIB);
	jm_own_cost_add(&sum, &unknown);
	assert_true(isnan(sum.cpu_s));
	assert_true(isnan(jm_own_cost_fraction(&sum)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(time_memory_and_share_are_in_every_form),
	    cmocka_unit_test(a_model_inside_is_told_apart),
	    cmocka_unit_test(what_is_unknown_is_said_and_never_a_number),
	    cmocka_unit_test(several_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
