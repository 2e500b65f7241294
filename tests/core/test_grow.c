#include "core/grow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void items_stay_while_the_array_grows(void **state)
{
	int *items = NULL;
	size_t capacity = 0, n;

	(void)state;
	for (n = 0; n < 1000; n++) {
		assert_true(jm_grow(&items, &capacity, n, sizeof(*items)));
		assert_true(capacity > n);
		items[n] = (int)n;
	}
	for (n = 0; n < 1000; n++)
		assert_int_equal(items[n], n);
	free(items);
}

static void room_is_made_for_an_item_far_behind(void **state)
{
	char *items = NULL;
	size_t capacity = 0;

	(void)state;
	assert_true(jm_grow(&items, &capacity, 12345, 1));
	assert_true(capacity > 12345);
	items[12345] = 1;
	free(items);
}

/* 2^60 items of 64 bytes are 2^66 bytes. */
static void a_size_that_overflows_is_refused_and_changes_nothing(void **state)
{
	char first[64], (*items)[64] = &first;
	size_t capacity = SIZE_MAX / 128;

	(void)state;
	assert_false(jm_grow(&items, &capacity, SIZE_MAX / 16, sizeof(*items)));
	assert_ptr_equal(items, &first);
	assert_true(capacity == SIZE_MAX / 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(items_stay_while_the_array_grows),
	    cmocka_unit_test(room_is_made_for_an_item_far_behind),
	    cmocka_unit_test(a_size_that_overflows_is_refused_and_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
