#include "core/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define RANGE UINT64_C(262143328850) /* of an Intel package zone, uJ */

static void expect_increment(int64_t previous, int64_t current, uint64_t wrap, int64_t wanted)
{
	int64_t increment = -7;

	assert_int_equal(jm_counter_increment(previous, current, wrap, &increment), 0);
	assert_int_equal(increment, wanted);
}

static void expect_refusal(int64_t previous, int64_t current, uint64_t wrap)
{
	int64_t increment = -7;

	assert_int_equal(jm_counter_increment(previous, current, wrap, &increment), JM_E_FORMAT);
	assert_int_equal(increment, -7);
}

static void a_rising_counter_gives_the_difference(void **state)
{
	(void)state;
	expect_increment(0, 0, 0, 0);
	expect_increment(5, 5, RANGE, 0);
	expect_increment(5, 66, RANGE, 61);
	expect_increment(0, INT64_MAX, 0, INT64_MAX);
	expect_increment(0, (int64_t)RANGE, RANGE, (int64_t)RANGE);
}

static void a_wrap_is_counted_once(void **state)
{
	(void)state;
	/* From 100 uJ below the end of the range to 50 uJ: 150 uJ. */
	expect_increment((int64_t)RANGE - 100, 50, RANGE, 150);
	expect_increment((int64_t)RANGE, 0, RANGE, 0);
	expect_increment((int64_t)RANGE, 61, RANGE, 61);
}

static void a_wrapped_counter_read_in_steps_gives_the_same_sum(void **state)
{
	int64_t at = (int64_t)RANGE - 1000, previous, increment, sum = 0, i;

	(void)state;
	for (i = 0; i < 20; i++) {
		previous = at;
		at = (at + 100) % (int64_t)RANGE;
		assert_int_equal(jm_counter_increment(previous, at, RANGE, &increment), 0);
		sum += increment;
	}
	assert_int_equal(sum, 2000);
}

static void a_jump_back_makes_no_energy(void **state)
{
	(void)state;
	/* A reset from 700 J to nothing would be 261 kJ if taken for a wrap. */
	expect_refusal(700000000, 0, RANGE);
	expect_refusal(1000, 999, RANGE);
	/* Half of the range is the limit: 131071664425 is exactly that. */
	expect_increment((int64_t)(RANGE / 2), 0, RANGE, (int64_t)(RANGE / 2));
	expect_refusal((int64_t)(RANGE / 2) - 1, 0, RANGE);
}

static void a_fall_of_a_counter_that_never_wraps_is_refused(void **state)
{
	(void)state;
	expect_refusal(10, 9, 0);
	expect_refusal(INT64_MAX, 0, 0);
}

static void readings_outside_the_range_are_refused(void **state)
{
	(void)state;
	expect_refusal(-1, 5, RANGE);
	expect_refusal(5, -1, RANGE);
	expect_refusal(5, (int64_t)RANGE + 1, RANGE);
	expect_refusal((int64_t)RANGE + 1, 5, RANGE);
	expect_refusal((int64_t)RANGE + 1, (int64_t)RANGE + 2, RANGE);
	expect_refusal(INT64_MAX, 0, UINT64_MAX);
}

static void an_initialised_channel_claims_nothing(void **state)
{
	struct jm_channel c;

	(void)state;
	memset(&c, 0xff, sizeof(c));
	jm_channel_init(&c, "driver/thing");
	assert_string_equal(c.name, "driver/thing");
	assert_int_equal(c.part_of, -1);
	assert_int_equal(c.same_as, -1);
	assert_true(c.accuracy_fraction < 0 && c.accuracy_offset_w < 0);
	assert_true(c.step == 0 && c.wrap == 0 && c.update_period_ns == 0 && c.window_ns == 0);
	assert_true(jm_channel_has_energy(&c));
	c.state = JM_STATE_UNAVAILABLE;
	assert_false(jm_channel_has_energy(&c));
	c.state = JM_STATE_MEASURED;
	c.quantity = JM_QUANTITY_TEMPERATURE;
	assert_false(jm_channel_has_energy(&c));
	assert_string_equal(jm_quantity_unit(JM_QUANTITY_ENERGY), "uJ");
	assert_string_equal(jm_kind_text((enum jm_kind)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_rising_counter_gives_the_difference),
	    cmocka_unit_test(a_wrap_is_counted_once),
	    cmocka_unit_test(a_wrapped_counter_read_in_steps_gives_the_same_sum),
	    cmocka_unit_test(a_jump_back_makes_no_energy),
	    cmocka_unit_test(a_fall_of_a_counter_that_never_wraps_is_refused),
	    cmocka_unit_test(readings_outside_the_range_are_refused),
	    cmocka_unit_test(an_initialised_channel_claims_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
