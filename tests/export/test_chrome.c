#include "export/export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "support/trace_text.h"

static char *small(struct trace_text *text)
{
	assert_int_equal(trace_text_small(jm_exporter_find("chrome"), text), 0);
	return jm_buffer_terminate(&text->all);
}

static void events_keep_the_nanosecond(void **state)
{
	struct trace_text text = {.n_pieces = 0};
	const char *json = small(&text);

	(void)state;
	assert_non_null(strstr(json, "\"ph\":\"C\",\"pid\":1,\"name\":\"power c\",\"ts\":0.000,\"args\":{\"W\":12.5}"));
	assert_non_null(strstr(json, "\"ts\":1234.567,\"args\":{\"W\":0.1}"));
	assert_non_null(
	    strstr(json, "\"ph\":\"X\",\"pid\":1,\"tid\":2,\"name\":\"iteration\",\"cat\":\"iteration\",\"ts\":0.001,"
			 "\"dur\":1.000,\"args\":{}"));
	jm_buffer_finish(&text.all);
}

static void hostile_names_are_escaped(void **state)
{
	struct trace_text text = {.n_pieces = 0};
	const char *json = small(&text);

	(void)state;
	assert_non_null(strstr(json, "\"name\":\"a\\\"b\\\\c\\u000a\\ufffd\\u001b[2J<script>\",\"cat\":\"layer\""));
	assert_non_null(strstr(json, "\"args\":{\"name\":\"net \\\"x\\\".onnx\"}"));
	assert_null(strchr(json, '\033'));
	jm_buffer_finish(&text.all);
}

static void tracks_have_names_and_overlaps_a_track_beside(void **state)
{
	struct trace_text text = {.n_pieces = 0};
	const char *json = small(&text);

	(void)state;
	assert_non_null(strstr(json, "\"tid\":2,\"name\":\"thread_name\",\"args\":{\"name\":\"stream 7\"}"));
	assert_non_null(
	    strstr(json, "\"tid\":3,\"name\":\"thread_name\",\"args\":{\"name\":\"stream 7 (beside, 2)\"}"));
	assert_non_null(strstr(json, "\"tid\":3,\"name\":\"overlaps\""));
	assert_non_null(strstr(json, "\"otherData\":{\"model\":\"net\"}}"));
	assert_non_null(strstr(json, "\"mean_energy_mj (c)\":0.125,\"iteration\":3,"));
	jm_buffer_finish(&text.all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(events_keep_the_nanosecond),
	    cmocka_unit_test(hostile_names_are_escaped),
	    cmocka_unit_test(tracks_have_names_and_overlaps_a_track_beside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
