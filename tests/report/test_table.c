#include "export/small_result.h"
#include "report/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static char *print(struct small_result *s, bool is_measured, double accuracy, double offset_w)
{
	struct jm_view view = {.by = JM_BY_LAYER};
	struct jm_buffer b = {0};

	small_result_init(s);
	if (is_measured) {
		s->channel.state = JM_STATE_MEASURED;
		s->layers[0].is_estimated = false;
	}
	s->channel.accuracy_fraction = accuracy;
	s->channel.accuracy_offset_w = offset_w;
	s->layers[0].energy_absolute_ci_j =
	    accuracy >= 0 ? (struct jm_interval){0.5, 6} : (struct jm_interval){NAN, NAN};
	assert_int_equal(jm_report_table(&s->result, &view, false, &b, NULL), 0);
	jm_buffer_append(&b, "", 1);
	return b.data;
}

static void both_intervals_are_printed_where_the_class_is_known(void **state)
{
	struct small_result s;
	char *text = print(&s, true, 0.05, 5);

	(void)state;
	assert_non_null(strstr(text, "interval"));
	assert_non_null(strstr(text, "  absolute"));
	assert_non_null(strstr(text, "[125, 1500]"));
	assert_non_null(strstr(text, "relative    estimate/cpu: [4, 16] J, relative to the sensor"));
	assert_non_null(strstr(text, "absolute    estimate/cpu: [4, 16] J, with the sensor's class of 5 % and 5 W"));
	free(text);
}

static void an_unknown_class_is_said(void **state)
{
	struct small_result s;
	char *text = print(&s, true, -1, -1);

	(void)state;
	assert_null(strstr(text, "  absolute"));
	assert_non_null(strstr(text, "absolute    estimate/cpu: unknown"));
	free(text);
}

static void estimates_have_neither_line(void **state)
{
	struct small_result s;
	char *text = print(&s, false, -1, -1);

	(void)state;
	assert_null(strstr(text, "relative    "));
	assert_null(strstr(text, "absolute"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_intervals_are_printed_where_the_class_is_known),
	    cmocka_unit_test(an_unknown_class_is_said),
	    cmocka_unit_test(estimates_have_neither_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
