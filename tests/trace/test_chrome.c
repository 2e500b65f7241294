#define _GNU_SOURCE
#include "trace/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <zlib.h>

#define EPOCH INT64_C(1893456000000000000)

static void a_profile_of_pytorch_has_kinds_and_iterations(void **state)
{
	struct collected c;
	struct jm_error err = {0};

	(void)state;
	assert_int_equal(collect_fixture(&c, "kineto.json", &err), 0);
	assert_int_equal(c.clock, JM_TRACE_CLOCK_REALTIME);
	assert_int_equal(c.n_spans, 5);
	assert_int_equal(c.spans[0].kind, JM_SPAN_ITERATION);
	assert_true(c.spans[0].start_ns == EPOCH + 100000 && c.spans[0].end_ns == EPOCH + 1000500);
	assert_string_equal(collected_name(&c, 1), "aten::linear");
	assert_int_equal(c.spans[1].kind, JM_SPAN_LAYER);
	assert_int_equal(c.spans[1].iteration, 0);
	assert_true(c.spans[1].start_ns == EPOCH + 150250);
	assert_int_equal(c.spans[3].kind, JM_SPAN_COPY);
	assert_int_equal(c.spans[4].kind, JM_SPAN_KERNEL);
	assert_string_equal(collected_type(&c, 4), "kernel");
	assert_true(c.spans[4].track != c.spans[1].track);
	assert_non_null(strstr(c.warnings, "kineto.json:13: an event with negative"));
	collect_finish(&c);
}

static void begin_and_end_events_nest(void **state)
{
	const char *text = "[{\"ph\":\"B\",\"name\":\"outer\",\"ts\":1,\"pid\":\"p\",\"tid\":\"a\"},"
			   "{\"ph\":\"B\",\"name\":\"other\",\"ts\":2,\"pid\":\"p\",\"tid\":\"b\"},"
			   "{\"ph\":\"B\",\"name\":\"inner\",\"ts\":3,\"pid\":\"p\",\"tid\":\"a\"},"
			   "{\"ph\":\"E\",\"ts\":4,\"pid\":\"p\",\"tid\":\"a\"},"
			   "{\"ph\":\"E\",\"ts\":9,\"pid\":\"p\",\"tid\":\"a\"},"
			   "{\"ph\":\"E\",\"ts\":9,\"pid\":\"p\",\"tid\":\"a\"}]";
	struct collected c;

	(void)state;
	assert_int_equal(collect_text(&c, NULL, "t.json", text, strlen(text), NULL), 0);
	assert_int_equal(c.n_spans, 2);
	assert_string_equal(collected_name(&c, 0), "outer");
	assert_true(c.spans[0].end_ns == 9000);
	assert_string_equal(collected_name(&c, 1), "inner");
	assert_true(c.spans[1].end_ns == 4000);
	assert_non_null(strstr(c.warnings, "an end event without its begin"));
	assert_non_null(strstr(c.warnings, "1 begin events without their end"));
	collect_finish(&c);
}

/* The format allows it, for programs that die while they write. */
static void a_bare_array_may_lack_its_end(void **state)
{
	const char *text =
	    "[{\"ph\":\"X\",\"name\":\"a\",\"ts\":1,\"dur\":2},\n{\"ph\":\"X\",\"name\":\"b\",\"ts\":5,\"dur\":2},\n";
	struct jm_error err;
	struct collected c;

	(void)state;
	assert_int_equal(collect_text(&c, NULL, "t.json", text, strlen(text), &err), 0);
	assert_int_equal(c.n_spans, 2);
	assert_non_null(strstr(c.warnings, "closing bracket is missing"));
	collect_finish(&c);
	/* In the middle of an event it is an error. */
	assert_int_equal(collect_text(&c, NULL, "t.json", text, strlen(text) - 5, &err), JM_E_FORMAT);
	assert_non_null(strstr(err.message, "t.json:2 "));
	collect_finish(&c);
}

static void gzip_is_opened_and_a_cut_one_refused(void **state)
{
	const char *text = "{\"traceEvents\": [{\"ph\":\"X\",\"name\":\"a\",\"ts\":1,\"dur\":2}]}";
	unsigned char packed[512];
	z_stream z = {0};
	struct jm_error err;
	struct collected c;

	(void)state;
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)text;
	z.avail_in = (uInt)strlen(text);
	z.next_out = packed;
	z.avail_out = sizeof(packed);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(collect_text(&c, NULL, "t.json.gz", (char *)packed, z.total_out, &err), 0);
	assert_int_equal(c.n_spans, 1);
	collect_finish(&c);
	assert_int_equal(collect_text(&c, NULL, "t.json.gz", (char *)packed, z.total_out - 9, &err), JM_E_FORMAT);
	assert_non_null(strstr(err.message, "gzip"));
	collect_finish(&c);
	deflateEnd(&z);
}

static void what_is_no_trace_is_refused(void **state)
{
	static const char *const bad[] = {"3", "{\"traceEvents\": [3]}", "{\"traceEvents\": [{\"ts\": []}]}",
					  "{\"traceEvents\": [{}]", "{\"baseTimeNanoseconds\": {}}"};
	struct jm_error err;
	struct collected c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(collect_text(&c, "chrome", "bad.json", bad[i], strlen(bad[i]), &err), JM_E_FORMAT);
		assert_non_null(strstr(err.message, "bad.json:1 (byte "));
		collect_finish(&c);
	}
	assert_int_equal(collect_text(&c, NULL, "odd", "whatever", 8, &err), JM_E_UNSUPPORTED);
	collect_finish(&c);
}

static void streams_know_their_device(void **state)
{
	const char *text = "[{\"ph\":\"X\",\"cat\":\"cpu_op\",\"name\":\"op\",\"pid\":9,\"tid\":9,\"ts\":1,\"dur\":9,"
			   "\"args\":{\"device\":3}},"
			   "{\"ph\":\"X\",\"cat\":\"kernel\",\"name\":\"k\",\"pid\":0,\"tid\":7,\"ts\":1,\"dur\":2,"
			   "\"args\":{\"device\":0,\"stream\":7}},"
			   "{\"ph\":\"X\",\"cat\":\"gpu_memcpy\",\"name\":\"c\",\"pid\":1,\"tid\":7,\"ts\":1,\"dur\":2,"
			   "\"args\":{\"device\":1}},"
			   "{\"ph\":\"X\",\"cat\":\"kernel\",\"name\":\"k\",\"pid\":2,\"tid\":7,\"ts\":1,\"dur\":2}]";
	struct collected c;

	(void)state;
	assert_int_equal(collect_text(&c, NULL, "t.json", text, strlen(text), NULL), 0);
	assert_int_equal(c.n_spans, 4);
	assert_non_null(strstr(c.meta, "track_1_device=cuda:0\n"));
	assert_non_null(strstr(c.meta, "track_2_device=cuda:1\n"));
	assert_null(strstr(c.meta, "track_0_device")); /* the host */
	assert_null(strstr(c.meta, "track_3_device")); /* not said */
	collect_finish(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_profile_of_pytorch_has_kinds_and_iterations),
	    cmocka_unit_test(begin_and_end_events_nest),
	    cmocka_unit_test(a_bare_array_may_lack_its_end),
	    cmocka_unit_test(gzip_is_opened_and_a_cut_one_refused),
	    cmocka_unit_test(streams_know_their_device),
	    cmocka_unit_test(what_is_no_trace_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
