#include "runner/dither.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N          20000
#define LATENCY_NS 1000000

/* Uniform on [0, 300 us): mean 150 us, sd 300 / sqrt(12) = 86.6 us; the mean of 20,000 has sd 0.6 us. */
static void rests_are_uniform_up_to_the_fraction(void **state)
{
	struct jm_dither d;
	double sum = 0;
	int64_t rest, most = 0;
	unsigned tenths[10] = {0}, i;

	(void)state;
	jm_dither_init(&d, 0.3, 1);
	for (i = 0; i < N; i++) {
		rest = jm_dither_rest_ns(&d, LATENCY_NS);
		assert_true(rest >= 0 && rest < 300000);
		sum += (double)rest;
		most = rest > most ? rest : most;
		tenths[rest / 30000]++;
	}
	assert_true(sum / N > 147000 && sum / N < 153000);
	assert_true(most > 299000);
	for (i = 0; i < 10; i++)
		assert_in_range(tenths[i], N / 10 - 250, N / 10 + 250); /* sd of a count: 42 */
}

static void the_seed_alone_decides(void **state)
{
	struct jm_dither a, b, c;
	unsigned i, n_equal = 0;

	(void)state;
	jm_dither_init(&a, 0.3, 7);
	jm_dither_init(&b, 0.3, 7);
	jm_dither_init(&c, 0.3, 8);
	for (i = 0; i < 100; i++) {
		int64_t rest = jm_dither_rest_ns(&a, LATENCY_NS);

		assert_int_equal(rest, jm_dither_rest_ns(&b, LATENCY_NS));
		n_equal += rest == jm_dither_rest_ns(&c, LATENCY_NS);
	}
	assert_true(n_equal < 5);
}

static void one_slow_call_does_not_stretch_the_next_rest(void **state)
{
	struct jm_dither d;
	unsigned i;

	(void)state;
	jm_dither_init(&d, 1, 1);
	for (i = 0; i < 100; i++)
		jm_dither_rest_ns(&d, LATENCY_NS);
	/* 1 ms + (17 - 1) / 16 ms = 2 ms at most */
	assert_true(jm_dither_rest_ns(&d, 17 * LATENCY_NS) < 2 * LATENCY_NS + 1);
}

static void no_fraction_and_no_latency_give_no_rest(void **state)
{
	struct jm_dither d;

	(void)state;
	jm_dither_init(&d, 0, 1);
	assert_int_equal(jm_dither_rest_ns(&d, LATENCY_NS), 0);
	jm_dither_init(&d, 0.3, 1);
	assert_int_equal(jm_dither_rest_ns(&d, 0), 0);
	assert_int_equal(jm_dither_rest_ns(&d, -5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rests_are_uniform_up_to_the_fraction),
	    cmocka_unit_test(the_seed_alone_decides),
	    cmocka_unit_test(one_slow_call_does_not_stretch_the_next_rest),
	    cmocka_unit_test(no_fraction_and_no_latency_give_no_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
