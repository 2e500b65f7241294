#include "core/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define N 1001

struct pair {
	int key, place;
};

static int by_key(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static uint32_t next(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void the_kth_value_is_that_of_the_sorted_order(void **state)
{
	static const size_t places[] = {0, 1, N / 2, N - 2, N - 1};
	int64_t values[N], sorted[N], work[N];
	uint32_t random = 1;
	size_t i, k, few;

	(void)state;
	/* All different, and many alike. */
	for (few = 0; few < 2; few++) {
		for (i = 0; i < N; i++)
			values[i] = (int64_t)(next(&random) % (few ? 5 : 1000000)) - 2;
		memcpy(sorted, values, sizeof(values));
		qsort(sorted, N, sizeof(*sorted), by_value);
		for (k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
			memcpy(work, values, sizeof(values));
			assert_int_equal(jm_order_select_i64(work, N, places[k]), sorted[places[k]]);
			/* Nothing is lost on the way. */
			qsort(work, N, sizeof(*work), by_value);
			assert_memory_equal(work, sorted, sizeof(sorted));
		}
	}
}

static void one_value_is_its_own_median(void **state)
{
	int64_t value = INT64_MIN;

	(void)state;
	assert_true(jm_order_select_i64(&value, 1, 0) == INT64_MIN);
}

static void what_is_out_of_order_is_sorted(void **state)
{
	struct pair pairs[N];
	uint32_t random = 7;
	size_t i;

	(void)state;
	for (i = 0; i < N; i++)
		pairs[i] = (struct pair){(int)(next(&random) % 100), (int)i};
	jm_order_sort(pairs, N, sizeof(*pairs), by_key);
	for (i = 1; i < N; i++)
		assert_true(pairs[i - 1].key <= pairs[i].key);
	/* The last one alone is out of place. */
	pairs[N - 1].key = -1;
	jm_order_sort(pairs, N, sizeof(*pairs), by_key);
	assert_int_equal(pairs[0].key, -1);
}

static void what_is_in_order_stays_as_it_is(void **state)
{
	struct pair pairs[N], before[N];
	size_t i;

	(void)state;
	for (i = 0; i < N; i++)
		pairs[i] = (struct pair){(int)i / 10, (int)i};
	memcpy(before, pairs, sizeof(pairs));
	jm_order_sort(pairs, N, sizeof(*pairs), by_key);
	assert_memory_equal(pairs, before, sizeof(pairs));
	jm_order_sort(NULL, 0, sizeof(*pairs), by_key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_kth_value_is_that_of_the_sorted_order),
	    cmocka_unit_test(one_value_is_its_own_median),
	    cmocka_unit_test(what_is_out_of_order_is_sorted),
	    cmocka_unit_test(what_is_in_order_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
