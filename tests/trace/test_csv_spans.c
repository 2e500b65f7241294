#define _GNU_SOURCE
#include "trace/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#define EPOCH INT64_C(1893456000000000000)

static void stages_become_phases_and_blocks(void **state)
{
	struct collected c;
	struct jm_error err = {0};

	(void)state;
	collect_isolated = "A";
	assert_int_equal(collect_fixture(&c, "spans.csv", &err), 0);
	collect_isolated = NULL;
	assert_int_equal(c.clock, JM_TRACE_CLOCK_REALTIME);
	assert_int_equal(c.n_spans, 9);
	assert_int_equal(c.spans[0].kind, JM_SPAN_PHASE);
	assert_string_equal(collected_name(&c, 0), "rest");
	assert_string_equal(collected_name(&c, 1), "A");
	/* The isolated block: 12 calls. */
	assert_string_equal(collected_name(&c, 3), "conv, \"1\"");
	assert_int_equal(c.spans[3].flags, JM_SPAN_ISOLATED);
	assert_int_equal(c.spans[3].iteration, 12);
	assert_true(c.spans[3].start_ns == EPOCH + 1000000500 && c.spans[3].end_ns == EPOCH + 1200000250);
	/* The block holds two layers, so it is a region. */
	assert_string_equal(collected_name(&c, 4), "block");
	assert_int_equal(c.spans[4].kind, JM_SPAN_REGION);
	assert_int_equal(c.spans[5].kind, JM_SPAN_LAYER);
	assert_int_equal(c.spans[5].iteration, 0);
	assert_string_equal(collected_name(&c, 6), "two\nlines");
	assert_int_equal(c.spans[7].iteration, 1);
	/* Iterations of stage C count on. */
	assert_int_equal(c.spans[8].iteration, 2);
	assert_non_null(strstr(c.warnings, "spans.csv:10: a span that ends before it starts"));
	collect_finish(&c);
}

static void a_stage_is_isolated_by_choice_only(void **state)
{
	static const struct {
		const char *stage, *chosen;
		bool is_isolated;
	} cases[] = {{"A", NULL, false}, {"A", "B", false}, {"B", "B", true}, {"isolated", NULL, true}};
	char text[128];
	struct collected c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "stage,iteration,name,start_us,end_us\n%s,7,a,0,20\n", cases[i].stage);
		collect_isolated = cases[i].chosen;
		assert_int_equal(collect_text(&c, NULL, NULL, text, strlen(text), NULL), 0);
		assert_int_equal(c.n_spans, 1);
		assert_int_equal(c.spans[0].flags, cases[i].is_isolated ? JM_SPAN_ISOLATED : 0);
		assert_int_equal(c.spans[0].iteration, 7);
		collect_finish(&c);
	}
	collect_isolated = NULL;
}

static void a_header_is_not_needed(void **state)
{
	const char *text = "warm,100,200.5\nrun,300,400\n";
	struct collected c;

	(void)state;
	assert_int_equal(collect_text(&c, NULL, NULL, text, strlen(text), NULL), 0);
	assert_int_equal(c.clock, JM_TRACE_CLOCK_RELATIVE);
	assert_int_equal(c.n_spans, 2);
	assert_true(c.spans[0].end_ns == 200500);
	collect_finish(&c);
}

static void units_and_durations_come_from_the_header(void **state)
{
	const char *text = "type,duration_ms,start_s,name\r\nConv,0.5,1.25,a\r\n";
	struct collected c;

	(void)state;
	assert_int_equal(collect_text(&c, NULL, NULL, text, strlen(text), NULL), 0);
	assert_int_equal(c.n_spans, 1);
	assert_true(c.spans[0].start_ns == 1250000000 && c.spans[0].end_ns == 1250500000);
	assert_string_equal(collected_type(&c, 0), "Conv");
	assert_int_equal(c.spans[0].iteration, JM_NO_ITERATION);
	collect_finish(&c);
}

static void bad_rows_are_refused_with_their_place(void **state)
{
	static const char *const bad[] = {"name,start_us,end_us\na,1,nan\n",
					  "name,start_us,end_us\na,1\n",
					  "name,start_us,end_us\n,1,2\n",
					  "name,start_us,end_us\n\"a,1,2\n",
					  "name,start_us,end_us,iteration\na,1,2,x\n",
					  "name,start_us,end_us\na,1,1e300\n",
					  "name,start_us,end_us,track\na,1,2,70000\n"};
	struct jm_error err;
	struct collected c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(collect_text(&c, "csv_spans", "bad.csv", bad[i], strlen(bad[i]), &err), JM_E_FORMAT);
		assert_non_null(strstr(err.message, "bad.csv:2:"));
		collect_finish(&c);
	}
}

static void crossing_spans_are_told(void **state)
{
	const char *text = "name,start_us,end_us\na,0,20\nb,10,30\n";
	struct collected c;

	(void)state;
	assert_int_equal(collect_text(&c, NULL, NULL, text, strlen(text), NULL), 0);
	assert_int_equal(c.n_spans, 2);
	assert_non_null(strstr(c.warnings, "1 spans of one track overlap"));
	collect_finish(&c);
}

static void a_measured_network_is_read(void **state)
{
	const char *path = collect_shared("h200/distilbert/spans_fp32.csv.gz");
	struct timespec from, to;
	struct jm_error err = {0};
	struct collected c;
	size_t n;
	char *text;

	(void)state;
	if (!path)
		skip();
	text = collect_load(path, &n);
	clock_gettime(CLOCK_MONOTONIC, &from);
	assert_int_equal(collect_text(&c, NULL, path, text, n, &err), 0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%zu spans in %.3f s\n", c.n_spans,
	       (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec));
	assert_true(c.n_spans > 500000);
	assert_string_equal(c.warnings, "");
	collect_finish(&c);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stages_become_phases_and_blocks),
	    cmocka_unit_test(a_stage_is_isolated_by_choice_only),
	    cmocka_unit_test(a_header_is_not_needed),
	    cmocka_unit_test(units_and_durations_come_from_the_header),
	    cmocka_unit_test(bad_rows_are_refused_with_their_place),
	    cmocka_unit_test(crossing_spans_are_told),
	    cmocka_unit_test(a_measured_network_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
