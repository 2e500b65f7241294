/* The parts of a bench that need no model. */
#include "session/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void every_order_comes_as_often(void **state)
{
	size_t order[3], first[3] = {0, 0, 0}, i;
	uint64_t seed = 1;

	(void)state;
	for (i = 0; i < 3000; i++) {
		jm_bench_shuffle(order, 3, &seed);
		assert_int_equal(order[0] + order[1] + order[2], 3);
		assert_true(order[0] != order[1] && order[1] != order[2]);
		first[order[0]]++;
	}
	for (i = 0; i < 3; i++)
		assert_in_range(first[i], 880, 1120);
}

static void rest_is_over_when_power_and_heat_are_back(void **state)
{
	struct jm_bench_baseline b = {10, 0.1, 40}, noisy = {10, 1, NAN}, unknown = {NAN, NAN, NAN};

	(void)state;
	assert_true(jm_bench_is_at_rest(&b, 10.4, 41));
	assert_false(jm_bench_is_at_rest(&b, 10.6, 41));
	assert_false(jm_bench_is_at_rest(&b, 10.1, 43));
	assert_true(jm_bench_is_at_rest(&b, 9, NAN));
	assert_true(jm_bench_is_at_rest(&noisy, 12.9, 90));
	assert_false(jm_bench_is_at_rest(&noisy, NAN, 90));
	assert_true(jm_bench_is_at_rest(&unknown, NAN, NAN));
}

static int run(struct jm_bench_options *o, struct jm_error *err)
{
	struct jm_bench_summary summary;

	o->size = sizeof(*o);
	o->run.size = sizeof(o->run);
	o->rest_limit_ns = -1;
	o->sensors = "estimate";
	return jm_bench(o, NULL, NULL, &summary, err);
}

static void told(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

static void benches_that_cannot_work_are_refused_at_once(void **state)
{
	char folder[] = "/tmp/jm-test-XXXXXX", path[64];
	const char *twins[] = {"a/m.onnx", "b/m.onnx"}, *missing[] = {"/nowhere/a.onnx", "/nowhere/b.onnx"},
		   *data[] = {"/nowhere/x.npy"};
	struct jm_bench_options o = {.models = twins, .n_models = 2, .folder = folder, .tell = told};
	struct jm_error err;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(run(&o, &err), JM_E_INVALID);
	assert_non_null(strstr(err.message, "two models are called m"));
	o.models = missing;
	/* Both fail in the first round: the first failure is the bench's. */
	assert_int_equal(run(&o, &err), JM_E_NOT_FOUND);
	assert_non_null(strstr(err.message, "/nowhere/"));
	o.run.data = data;
	o.run.n_data = 1;
	assert_int_equal(run(&o, &err), JM_E_NOT_FOUND);
	assert_non_null(strstr(err.message, "x.npy"));
	o.run.n_data = 0;
	snprintf(path, sizeof(path), "%s/old.jmap", folder);
	f = fopen(path, "w");
	fclose(f);
	assert_int_equal(run(&o, &err), JM_E_EXISTS);
	unlink(path);
	assert_int_equal(rmdir(folder), 0); /* nothing is left of trials that came to nothing */
	o.n_models = 0;
	assert_int_equal(run(&o, &err), JM_E_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_order_comes_as_often),
	    cmocka_unit_test(rest_is_over_when_power_and_heat_are_back),
	    cmocka_unit_test(benches_that_cannot_work_are_refused_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
