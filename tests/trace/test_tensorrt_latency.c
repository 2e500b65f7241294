#define _GNU_SOURCE
#include "trace/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define EPOCH INT64_C(1893456000000000000) /* 2030-01-01 */

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

/* Cycle 1 ends at 1.500010 s: fc takes the 0.5 ms before, conv the 0.25 ms before that. */
static void overlapping_stamps_are_laid_back_to_back(void **state)
{
	struct jm_error err = {0};
	struct collected c;

	(void)state;
	assert_int_equal(collect_fixture(&c, "trt_layer_latency.json", &err), 0);
	assert_int_equal(c.clock, JM_TRACE_CLOCK_LOCAL);
	assert_int_equal(c.n_spans, 6);
	assert_int_equal(c.spans[0].kind, JM_SPAN_ITERATION);
	assert_true(c.spans[0].start_ns == EPOCH + 1499260000 && c.spans[0].end_ns == EPOCH + 1500010000);
	assert_string_equal(collected_name(&c, 1), "[CONVOLUTION]-[conv, \"1\"]");
	assert_int_equal(c.spans[1].kind, JM_SPAN_LAYER);
	assert_true(c.spans[1].start_ns == EPOCH + 1499260000 && c.spans[1].end_ns == EPOCH + 1499510000);
	assert_true(c.spans[2].start_ns == EPOCH + 1499510000 && c.spans[2].end_ns == EPOCH + 1500010000);
	assert_int_equal(c.spans[5].iteration, 1);
	assert_true(c.spans[5].end_ns == EPOCH + 1520012000);
	assert_non_null(strstr(c.warnings, "overlap in 2 of 2 inferences"));
	collect_finish(&c);
}

static void bare_milliseconds_follow_each_other_from_zero(void **state)
{
	struct collected c;

	(void)state;
	assert_int_equal(collect_fixture(&c, "trt_layer_latency_plain.json", NULL), 0);
	assert_int_equal(c.clock, JM_TRACE_CLOCK_NONE);
	assert_int_equal(c.n_spans, 6);
	assert_true(c.spans[1].start_ns == 0 && c.spans[1].end_ns == 250000);
	assert_true(c.spans[2].start_ns == 250000 && c.spans[2].end_ns == 750000);
	assert_true(c.spans[5].start_ns == 875000 && c.spans[5].end_ns == 1875000);
	collect_finish(&c);
}

static void ragged_lists_are_told(void **state)
{
	const char *text = "\"{\\\"a\\\": [1, 2], \\\"b\\\": [3]}\"";
	struct collected c;

	(void)state;
	assert_int_equal(collect_text(&c, "tensorrt_latency", "r.json", text, strlen(text), NULL), 0);
	assert_int_equal(c.n_spans, 5);
	assert_non_null(strstr(c.warnings, "1 layers have fewer entries"));
	collect_finish(&c);
}

static void measured_engines_are_read(void **state)
{
	const char *path = collect_shared("tensorrt/onnx_trt/resnet18/trt_profiling/trt_layer_latency.json");
	struct collected c;
	size_t n;
	char *text;

	(void)state;
	if (!path)
		skip();
	text = collect_load(path, &n);
	assert_int_equal(collect_text(&c, NULL, path, text, n, NULL), 0);
	assert_int_equal(c.n_spans, 100 * (29 + 1));
	collect_finish(&c);
	free(text);
}

static void bad_files_are_refused_with_their_place(void **state)
{
	static const char *const bad[] = {"{\"a\": [[0.5, \"20300101-00:00:00.5\"]",
					  "{\"a\": [[-0.5, \"20300101-00:00:00.5\"]]}",
					  "{\"a\": [[0.5, \"20301301-00:00:00.5\"]]}",
					  "{\"a\": [NaN]}",
					  "{\"a\": [1e400]}",
					  "{\"a\": 1}",
					  "[1]",
					  "{\"a\": [[1, \"20300101-00:00:00.5\", 3]]}",
					  "{\"a\": [[]]}"};

	(void)state;
	refuse_all("tensorrt_latency", bad, sizeof(bad) / sizeof(bad[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(overlapping_stamps_are_laid_back_to_back),
	    cmocka_unit_test(bare_milliseconds_follow_each_other_from_zero),
	    cmocka_unit_test(ragged_lists_are_told),
	    cmocka_unit_test(measured_engines_are_read),
	    cmocka_unit_test(bad_files_are_refused_with_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
