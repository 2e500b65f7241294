#define _GNU_SOURCE
#include "trace/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void nodes_become_layers_of_numbered_iterations(void **state)
{
	struct collected c;
	struct jm_error err = {0};

	(void)state;
	assert_int_equal(collect_fixture(&c, "onnxruntime.json", &err), 0);
	assert_int_equal(c.clock, JM_TRACE_CLOCK_RELATIVE);
	assert_int_equal(c.n_spans, 7); /* two runs, five nodes */
	assert_int_equal(c.spans[0].kind, JM_SPAN_ITERATION);
	assert_string_equal(collected_name(&c, 0), "model_run");
	assert_true(c.spans[0].start_ns == 1999000 && c.spans[0].end_ns == 2054000);
	assert_int_equal(c.spans[1].iteration, 1);
	assert_string_equal(collected_name(&c, 2), "/stem/Conv");
	assert_string_equal(collected_type(&c, 2), "Conv");
	assert_int_equal(c.spans[2].kind, JM_SPAN_LAYER);
	assert_int_equal(c.spans[2].iteration, 0);
	assert_int_equal(c.spans[2].flags, JM_SPAN_PROFILED);
	assert_string_equal(collected_name(&c, 3), "relu, \"odd\"\n");
	assert_int_equal(c.spans[4].iteration, 1);
	assert_int_equal(c.spans[4].name, c.spans[2].name);
	assert_true(c.spans[4].track != c.spans[2].track);
	assert_string_equal(collected_name(&c, 6), "stray");
	assert_int_equal(c.spans[6].iteration, JM_NO_ITERATION);
	collect_finish(&c);
}

static void what_is_odd_is_told(void **state)
{
	struct collected c;
	struct jm_error err = {0};

	(void)state;
	assert_int_equal(collect_fixture(&c, "onnxruntime.json", &err), 0);
	assert_non_null(strstr(c.warnings, "onnxruntime.json:10: an event with negative"));
	assert_non_null(strstr(c.warnings, "1 nodes lie outside"));
	collect_finish(&c);
}

static void a_file_cut_off_is_refused_with_its_place(void **state)
{
	const char *text = "[\n{\"cat\":\"Node\",\"ph\":\"X\",\"ts\":1,\"dur\":2,\"name\":\"a_kernel_time\",\"args\":{";
	struct collected c;
	struct jm_error err = {0};

	(void)state;
	assert_int_equal(collect_text(&c, NULL, "cut.json", text, strlen(text), &err), JM_E_FORMAT);
	assert_non_null(strstr(err.message, "cut.json:2 "));
	assert_int_equal(c.n_spans, 0);
	collect_finish(&c);
}

static void overlapping_runs_of_two_threads_are_told_apart(void **state)
{
	const char *text = "[{\"cat\":\"Session\",\"tid\":1,\"ph\":\"X\",\"ts\":10,\"dur\":100,\"name\":\"model_run\"},"
			   "{\"cat\":\"Session\",\"tid\":2,\"ph\":\"X\",\"ts\":20,\"dur\":100,\"name\":\"model_run\"},"
			   "{\"cat\":\"Node\",\"tid\":1,\"ph\":\"X\",\"ts\":30,\"dur\":10,\"name\":\"a_kernel_time\"},"
			   "{\"cat\":\"Node\",\"tid\":2,\"ph\":\"X\",\"ts\":30,\"dur\":10,\"name\":\"a_kernel_time\"}]";
	struct collected c;
	size_t i;

	(void)state;
	assert_int_equal(collect_text(&c, NULL, NULL, text, strlen(text), NULL), 0);
	assert_int_equal(c.n_spans, 4);
	for (i = 2; i < 4; i++)
		assert_int_equal(c.spans[i].iteration, c.spans[i].track);
	collect_finish(&c);
}

static void wrong_types_are_errors_with_a_place(void **state)
{
	static const char *const bad[] = {"[{\"ts\": {}}]",   "[{\"ts\": \"x\"}]", "[1]",
					  "{\"a\": 1}",       "[{\"dur\": NaN}]",  "[{\"name\": [1]}]",
					  "[{\"ts\": 1e300}]"};
	struct collected c;
	struct jm_error err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(collect_text(&c, "onnxruntime", "bad.json", bad[i], strlen(bad[i]), &err),
				 JM_E_FORMAT);
		assert_non_null(strstr(err.message, "bad.json:1 (byte "));
		collect_finish(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nodes_become_layers_of_numbered_iterations),
	    cmocka_unit_test(what_is_odd_is_told),
	    cmocka_unit_test(a_file_cut_off_is_refused_with_its_place),
	    cmocka_unit_test(overlapping_runs_of_two_threads_are_told_apart),
	    cmocka_unit_test(wrong_types_are_errors_with_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
