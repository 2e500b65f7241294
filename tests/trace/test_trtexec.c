#define _GNU_SOURCE
#include "trace/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Each text is refused with the file and the line (or the byte) named. */
static void refuse_all(const char *importer, const char *const *texts, size_t n)
{
	struct jm_error err;
	struct collected c;
	size_t i;

	for (i = 0; i < n; i++) {
		memset(&err, 0, sizeof(err));
		assert_int_equal(collect_text(&c, importer, "bad", texts[i], strlen(texts[i]), &err), JM_E_FORMAT);
		assert_memory_equal(err.message, "bad:", 4);
		assert_int_equal(c.n_spans, 0);
		collect_finish(&c);
	}
}

static void a_profile_is_one_mean_inference(void **state)
{
	struct jm_error err = {0};
	struct collected c;

	(void)state;
	assert_int_equal(collect_fixture(&c, "trtexec_profile.json", &err), 0);
	assert_int_equal(c.clock, JM_TRACE_CLOCK_NONE);
	assert_int_equal(c.n_spans, 2);
	assert_string_equal(collected_name(&c, 1), "fc");
	assert_true(c.spans[1].start_ns == 250000 && c.spans[1].end_ns == 375000);
	assert_non_null(strstr(c.meta, "iterations=100\n"));
	collect_finish(&c);
}

static void timings_are_iterations_with_their_copies(void **state)
{
	struct jm_error err = {0};
	struct collected c;

	(void)state;
	assert_int_equal(collect_fixture(&c, "trtexec_timing.json", &err), 0);
	assert_int_equal(c.clock, JM_TRACE_CLOCK_RELATIVE);
	assert_int_equal(c.n_spans, 6);
	assert_int_equal(c.spans[0].kind, JM_SPAN_ITERATION);
	assert_true(c.spans[0].start_ns == 10500000 && c.spans[0].end_ns == 12000000);
	assert_string_equal(collected_name(&c, 2), "h2d");
	assert_int_equal(c.spans[2].kind, JM_SPAN_COPY);
	assert_int_equal(c.spans[4].iteration, 1);
	assert_true(c.spans[4].end_ns == 13500000);
	assert_non_null(strstr(c.warnings, "trtexec_timing.json:3: a negative duration"));
	collect_finish(&c);
}

static void bad_files_are_refused_with_their_place(void **state)
{
	static const char *const bad[] = {"[{\"startComputeMs\": 1}]",
					  "[{\"startComputeMs\": \"x\", \"endComputeMs\": 2}]", "[3]",
					  "[{\"name\": \"a\", \"averageMs\": 1}", "{}"};

	(void)state;
	refuse_all("trtexec", bad, sizeof(bad) / sizeof(bad[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_profile_is_one_mean_inference),
	    cmocka_unit_test(timings_are_iterations_with_their_copies),
	    cmocka_unit_test(bad_files_are_refused_with_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
