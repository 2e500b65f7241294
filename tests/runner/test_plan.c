#include "runner/plan.h"

#include "core/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void blocks_add_up_to_the_runs(void **state)
{
	static const uint64_t runs[] = {1, 2, 19, 20, 21, 99, 1000, 30001};
	size_t i;
	uint64_t b, sum;

	(void)state;
	for (i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		struct jm_plan plan;

		jm_plan_make(runs[i], 15 * JM_NS_PER_MS, 400, &plan);
		for (b = sum = 0; b < plan.n_blocks; b++)
			sum += jm_plan_runs_of(&plan, runs[i], b);
		assert_int_equal(sum, runs[i]);
		assert_true(jm_plan_runs_of(&plan, runs[i], plan.n_blocks - 1) > 0);
	}
}

/* 1000 calls of 20 ms are 20 s: five blocks of 4 s, each followed by at most 0.4 s of profile. */
static void long_runs_have_more_blocks(void **state)
{
	struct jm_plan plan;

	(void)state;
	jm_plan_make(1000, 20 * JM_NS_PER_MS, 400, &plan);
	assert_int_equal(plan.n_blocks, 5);
	assert_int_equal(plan.profiled_per_block, 20);
	assert_int_equal(plan.profiled_budget_ns, 400 * JM_NS_PER_MS);
	/* 160 s: eight blocks of 20 s. 20000 s: blocks of 30 s, so that a kill loses no more than one. */
	jm_plan_make(8000, 20 * JM_NS_PER_MS, 400, &plan);
	assert_int_equal(plan.n_blocks, 8);
	jm_plan_make(1000000, 20 * JM_NS_PER_MS, 400, &plan);
	assert_int_equal(plan.n_blocks, 666);
	jm_plan_make(5, JM_NS_PER_S * 100, 400, &plan);
	assert_int_equal(plan.n_blocks, 1);
}

/* Three events a node: 3 x 20000 x calls stays below the million that ONNX Runtime keeps. */
static void large_models_stay_below_the_limit_of_events(void **state)
{
	struct jm_plan plan;

	(void)state;
	jm_plan_make(1000, JM_NS_PER_S, 20000, &plan);
	assert_true(plan.profiled_per_block >= 1);
	assert_true((plan.profiled_per_block + JM_PLAN_PROFILED_WARMUP) * 60000 < 1000000);
	jm_plan_make(1000, JM_NS_PER_S, 5000, &plan);
	assert_true((plan.profiled_per_block + JM_PLAN_PROFILED_WARMUP) * 15000 < 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(blocks_add_up_to_the_runs),
	    cmocka_unit_test(long_runs_have_more_blocks),
	    cmocka_unit_test(large_models_stay_below_the_limit_of_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
