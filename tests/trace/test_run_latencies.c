#define _GNU_SOURCE
#include "trace/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void settings_and_latencies_become_meta(void **state)
{
	struct jm_error err = {0};
	struct collected c;

	(void)state;
	assert_int_equal(collect_fixture(&c, "net_tensorrt.json", &err), 0);
	assert_int_equal(c.n_spans, 0);
	assert_int_equal(c.clock, JM_TRACE_CLOCK_NONE);
	assert_string_equal(c.warnings, "");
	assert_string_equal(c.meta, "model=net\nprecision=float16\nbatch=4\nprogram_started=20300101-000000\n"
				    "latencies=4\nlatency_mean_s=0.25\nlatency_median_s=0.1875\nlatency_min_s=0.125\n"
				    "latency_max_s=0.5\n");
	collect_finish(&c);
}

static void double_encoding_is_opened(void **state)
{
	static const char text[] = "\"{\\\"config\\\": {\\\"model\\\": \\\"net\\\"}, \\\"latencies\\\": [0.5]}\"";
	struct jm_error err = {0};
	struct collected c;

	(void)state;
	assert_int_equal(collect_text(&c, NULL, "x.json", text, strlen(text), &err), 0);
	assert_string_equal(c.meta, "model=net\nlatencies=1\nlatency_mean_s=0.5\nlatency_median_s=0.5\n"
				    "latency_min_s=0.5\nlatency_max_s=0.5\n");
	collect_finish(&c);
}

struct odd {
	const char *text, *warning;
};

static void what_does_not_add_up_is_told(void **state)
{
	static const struct odd odds[] = {
	    {"{\"config\": {\"runs\": 3},\n\"latencies\": [1, -1]}", "x:2: a negative or endless latency was left out"},
	    {"{\"config\": {\"runs\": 3}, \"latencies\": [1, -1]}", "2 latencies, but 3 runs were asked for"},
	    {"{\"latencies\": [1, 1e300], \"avg_latency\": 1}", "x:1: a negative or endless latency was left out"},
	    {"{\"latencies\": [1, 2], \"avg_latency\": 1}", "avg_latency is 1 s, but the mean of the latencies 1.5 s"},
	    {"{\"latencies\": [], \"config\": 7, \"avg_latency\": 1}", ""},
	};
	struct jm_error err;
	struct collected c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(odds) / sizeof(odds[0]); i++) {
		assert_int_equal(collect_text(&c, "run_latencies", "x", odds[i].text, strlen(odds[i].text), &err), 0);
		assert_non_null(strstr(c.warnings, odds[i].warning));
		collect_finish(&c);
	}
}

static void bad_files_are_refused_with_their_place(void **state)
{
	static const char *const bad[] = {
	    "[]",
	    "{\"config\": {}}",
	    "{\"latencies\": 5}",
	    "{\"latencies\": [0.5, \"x\"]}",
	    "{\"latencies\": [0.5, NaN]}",
	    "{\"latencies\": [0.5",
	    "{\"latencies\": [0.5]} x",
	    "{\"latencies\": [0.5], \"avg_latency\": null}",
	};
	struct jm_error err;
	struct collected c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&err, 0, sizeof(err));
		assert_int_equal(collect_text(&c, "run_latencies", "bad", bad[i], strlen(bad[i]), &err), JM_E_FORMAT);
		assert_memory_equal(err.message, "bad:", 4);
		collect_finish(&c);
	}
}

/* Files of the project itself, one of them double-encoded. */
static void shared_files_are_recognised(void **state)
{
	static const char *const files[] = {"jetson/example_raw_data/simple/simple_tensorrt.json",
					    "tensorrt/onnx_trt/alexnet/alexnet_tensorrt_20241029-191552.json"};
	struct jm_error err = {0};
	struct collected c;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const char *path = collect_shared(files[i]);
		char *text;

		if (!path)
			skip();
		text = collect_load(path, &n);
		assert_int_equal(collect_text(&c, NULL, path, text, n, &err), 0);
		assert_non_null(strstr(c.meta, i ? "latencies=100\n" : "latencies=1\n"));
		assert_string_equal(c.warnings, "");
		collect_finish(&c);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(settings_and_latencies_become_meta),
	    cmocka_unit_test(double_encoding_is_opened),
	    cmocka_unit_test(what_does_not_add_up_is_told),
	    cmocka_unit_test(bad_files_are_refused_with_their_place),
	    cmocka_unit_test(shared_files_are_recognised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
