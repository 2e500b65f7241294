#include "core/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#define N_RECORDS 200000

static void a_full_ring_refuses_and_keeps_what_it_has(void **state)
{
	struct jm_ring ring;
	int values[8] = {0, 1, 2, 3, 4, 5, 6, 7}, out[8], extra = 9;

	(void)state;
	assert_int_equal(jm_ring_init(&ring, sizeof(int), 8), 0);
	assert_int_equal(jm_ring_put(&ring, values, 6), 0);
	assert_int_equal(jm_ring_take(&ring, out, 4), 4);
	assert_int_equal(jm_ring_put(&ring, values, 6), 0);
	assert_int_equal(jm_ring_put(&ring, &extra, 1), JM_E_FULL);
	assert_int_equal(jm_ring_take(&ring, out, 8), 8);
	assert_int_equal(out[0], 4);
	assert_int_equal(out[2], 0);
	assert_int_equal(out[7], 5);
	assert_int_equal(jm_ring_take(&ring, out, 8), 0);
	jm_ring_finish(&ring);
	jm_ring_finish(&ring);
}

static void nonsense_sizes_are_refused(void **state)
{
	struct jm_ring ring;

	(void)state;
	assert_int_equal(jm_ring_init(&ring, 0, 8), JM_E_INVALID);
	assert_int_equal(jm_ring_init(&ring, 8, 0), JM_E_INVALID);
	assert_int_equal(jm_ring_init(&ring, SIZE_MAX / 2, 8), JM_E_INVALID);
}

static void *write_all(void *arg)
{
	struct jm_ring *ring = arg;
	uint32_t i;

	for (i = 0; i < N_RECORDS; i++)
		while (jm_ring_put(ring, &i, 1))
			sched_yield();
	return NULL;
}

static void two_threads_lose_nothing_and_keep_the_order(void **state)
{
	struct jm_ring ring;
	uint32_t got[100], next = 0;
	pthread_t writer;

	(void)state;
	assert_int_equal(jm_ring_init(&ring, sizeof(uint32_t), 1000), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_all, &ring), 0);
	while (next < N_RECORDS) {
		size_t n = jm_ring_take(&ring, got, 100), i;

		for (i = 0; i < n; i++)
			assert_int_equal(got[i], next++);
		if (n == 0)
			sched_yield();
	}
	pthread_join(writer, NULL);
	jm_ring_finish(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_full_ring_refuses_and_keeps_what_it_has),
	    cmocka_unit_test(nonsense_sizes_are_refused),
	    cmocka_unit_test(two_threads_lose_nothing_and_keep_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
