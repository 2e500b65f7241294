#include "trace/recent_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_was_put_is_found_and_replaced(void **state)
{
	struct jm_recent_map m = {0};

	(void)state;
	assert_null(jm_recent_find(&m, 5));
	assert_int_equal(jm_recent_put(&m, &(struct jm_recent_entry){.key = 5, .a = 1}), 0);
	assert_int_equal(jm_recent_put(&m, &(struct jm_recent_entry){.key = 5, .a = 2}), 0);
	assert_int_equal(jm_recent_put(&m, &(struct jm_recent_entry){.key = 0, .a = 3}), 0);
	assert_int_equal(jm_recent_find(&m, 5)->a, 2);
	assert_null(jm_recent_find(&m, 0));
	assert_null(jm_recent_find(&m, 6));
	jm_recent_finish(&m);
}

static void the_last_ones_are_kept_and_the_memory_is_bounded(void **state)
{
	struct jm_recent_map m = {0};
	uint64_t key, n = 3 * (uint64_t)JM_RECENT_MAX + 17;

	(void)state;
	for (key = 1; key <= n; key++)
		assert_int_equal(jm_recent_put(&m, &(struct jm_recent_entry){.key = key, .a = (uint32_t)key}), 0);
	for (key = n; key > n - JM_RECENT_MAX; key--)
		assert_int_equal(jm_recent_find(&m, key)->a, (uint32_t)key);
	assert_null(jm_recent_find(&m, 1));
	assert_true(m.now.n + m.before.n <= 2 * JM_RECENT_MAX);
	jm_recent_finish(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_put_is_found_and_replaced),
	    cmocka_unit_test(the_last_ones_are_kept_and_the_memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
