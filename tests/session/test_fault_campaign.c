/* Runs in which much goes wrong, by seed: some dozens here, thousands with bench/fault_campaign (docs/reliability.md). */
#define _GNU_SOURCE
#include "support/fault_verdict.h"
#include "support/sanitized.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define RUNS (IS_SANITIZED ? 12 : 48)

static void nothing_is_invented_and_everything_adds_up(void **state)
{
	unsigned n_killed = 0, n_full = 0;
	uint64_t seed, n_samples = 0;
	struct fault_verdict v;

	(void)state;
	for (seed = 1; seed <= RUNS; seed++) {
		fault_run(seed, &v);
		if (v.what[0])
			fail_msg("seed %llu: %s", (unsigned long long)seed, v.what);
		n_killed += v.was_killed;
		n_full += v.was_full;
		n_samples += v.n_samples;
	}
	/* The campaign is one only if things do go wrong, and are recorded all the same. */
	assert_true(n_killed >= 1 && n_full + n_killed >= RUNS / 8);
	assert_true(n_samples > RUNS * 100);
}

/* The judge is not blind: a reading that nobody showed is found. */
static void an_invented_sample_is_found(void **state)
{
	struct fault_world *w = calloc(1, sizeof(*w));
	struct jm_sample samples[] = {{.t_ns = FAULT_ORIGIN_NS, .value = 1}, {.t_ns = FAULT_ORIGIN_NS + 5, .value = 2}};
	struct fault_verdict v;
	uint64_t n;

	(void)state;
	assert_non_null(w);
	memset(&v, 0, sizeof(v));
	fault_world_create(w, 1);
	w->shared->shown[0][0] = (struct fault_shown){FAULT_ORIGIN_NS, 1};
	w->shared->n_shown[0] = 1;
	assert_true(fault_check_samples(w, FAULT_PACKAGE, samples, 1, &v, &n));
	assert_false(fault_check_samples(w, FAULT_PACKAGE, samples, 2, &v, &n));
	assert_non_null(strstr(v.what, "was not shown"));
	memset(&v, 0, sizeof(v));
	samples[1] = samples[0]; /* twice */
	assert_false(fault_check_samples(w, FAULT_PACKAGE, samples, 2, &v, &n));
	fault_world_destroy(w);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_invented_sample_is_found),
	    cmocka_unit_test(nothing_is_invented_and_everything_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
