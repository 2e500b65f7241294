#include "export/export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "export/small_result.h"

static char *page(struct small_result *s, const struct jm_view *view)
{
	struct jm_buffer b = {0};

	assert_int_equal(jm_exporter_find("prometheus")->write(&s->result, view, &b, NULL), 0);
	return jm_buffer_terminate(&b);
}

static void figures_have_units_states_and_bounds(void **state)
{
	const struct jm_view view = {.by = JM_BY_LAYER};
	struct small_result s;
	char *text;

	(void)state;
	small_result_init(&s);
	text = page(&s, &view);
	assert_non_null(strstr(
	    text, "# TYPE joulemap_recording_energy_joules gauge\n# UNIT joulemap_recording_energy_joules joules\n"));
	assert_non_null(
	    strstr(text, "joulemap_recording_energy_joules{channel=\"estimate/cpu\",state=\"estimated\",part_of=\"\","
			 "same_as=\"\",bound=\"high\"} 16.0\n"));
	assert_non_null(strstr(text, "which=\"missed\"} 3.0\n"));
	assert_non_null(strstr(text, "\njoulemap_recording_own_cpu_seconds 0.5\n"));
	assert_non_null(strstr(text, "\njoulemap_recording_own_memory_bytes 4096.0\n"));
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	free(text);
}

static void what_is_unknown_has_no_sample(void **state)
{
	const struct jm_view view = {.by = JM_BY_LAYER};
	struct small_result s;
	char *text, *energies, *times;

	(void)state;
	small_result_init(&s);
	text = page(&s, &view);
	energies = strstr(text, "# TYPE joulemap_recording_row_energy_joules");
	times = strstr(text, "# TYPE joulemap_recording_row_time_seconds");
	assert_non_null(energies);
	assert_non_null(times);
	*times = '\0';
	assert_null(strstr(energies, "name=\"second\"")); /* it has a time, but no energy */
	assert_null(strstr(text, "null"));
	assert_null(strstr(text, "nan"));
	free(text);
}

static void labels_are_escaped(void **state)
{
	const struct jm_view view = {.by = JM_BY_LAYER};
	struct small_result s;
	char *text;

	(void)state;
	small_result_init(&s);
	s.layers[0].name = "a\"b\\c\nd\xff\033";
	text = page(&s, &view);
	assert_non_null(strstr(text, "{name=\"a\\\"b\\\\c\\nd??\",type=\"Conv\""));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(figures_have_units_states_and_bounds),
	    cmocka_unit_test(what_is_unknown_has_no_sample),
	    cmocka_unit_test(labels_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
