#define _GNU_SOURCE
#include "core/display.h"
#include "export/small_result.h"
#include "report/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

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

static void lines_fit_the_terminal_and_what_mends_is_whole(void **state)
{
	static const char remedy[] = "sudo sh -c 'a command that is longer than forty columns'";
	struct jm_view view = {.by = JM_BY_LAYER, .width = 40};
	struct jm_buffer b = {0};
	struct small_result s;
	char *line;

	(void)state;
	small_result_init(&s);
	snprintf(s.channel.reason, sizeof(s.channel.reason), "estimated from what can be read without a sensor");
	snprintf(s.channel.remedy, sizeof(s.channel.remedy), "%s", remedy);
	assert_int_equal(jm_report_table(&s.result, &view, true, &b, NULL), 0);
	assert_non_null(
	    strstr(jm_buffer_terminate(&b), "    mend: sudo sh -c 'a command that is longer than forty columns'\n"));
	for (line = strtok(b.data, "\n"); line; line = strtok(NULL, "\n"))
		if (!strstr(line, "mend: "))
			assert_true(jm_display_columns(line) <= 40);
	jm_buffer_finish(&b);
}

static void own_cost_and_time_between_iterations_are_named(void **state)
{
	struct small_result s;
	char *text = print(&s, true, -1, 0);

	(void)state;
	assert_non_null(
	    strstr(text, "sum check   estimate/cpu: 8.0000 J = parts 2.0000 + between iterations 0.0000 + "));
	assert_non_null(strstr(text, "\nown cost    0.500 s processor time, 25.00 % of one core, 0.0 MiB resident\n"));
	free(text);
}

/* A level from a machine at work is no level, and no energy is below nought. */
static void an_idle_level_above_the_work_gives_no_energy_above_it(void **state)
{
	struct jm_view view = {.by = JM_BY_LAYER};
	struct jm_buffer b = {0};
	struct small_result s;
	int high;

	(void)state;
	for (high = 0; high < 2; high++) {
		small_result_init(&s);
		snprintf(s.result.baseline_reason, sizeof(s.result.baseline_reason), "idle level: given");
		s.channels[0].idle_power_w = high ? 20 : 2;
		assert_int_equal(jm_report_table(&s.result, &view, false, &b, NULL), 0);
		jm_buffer_append(&b, "", 1);
		if (high) {
			assert_non_null(strstr(b.data, "20.00 W when idle, more than the 8.000 W of the work"));
			assert_null(strstr(b.data, "above that"));
		} else {
			assert_non_null(strstr(b.data, "6.000 J above that"));
		}
		jm_buffer_finish(&b);
	}
}

static void a_recording_without_layers_says_so(void **state)
{
	struct jm_view view = {.by = JM_BY_LAYER};
	struct jm_buffer b = {0};
	struct small_result s;

	(void)state;
	small_result_init(&s);
	s.result.n_layers = 0;
	assert_int_equal(jm_report_table(&s.result, &view, false, &b, NULL), 0);
	jm_buffer_append(&b, "", 1);
	assert_non_null(strstr(b.data, "no layers were recorded\n"));
	jm_buffer_finish(&b);
}

/* A column that would repeat the one before, or be empty, is none. */
static void types_have_a_column_only_where_they_tell_something(void **state)
{
	static const struct {
		enum jm_view_by by;
		const char *types[2], *head;
	} cases[] = {{JM_BY_LAYER, {"Conv", "Conv"}, "name             type  count"},
		     {JM_BY_LAYER, {"", "Conv"}, "name             type  count"},
		     {JM_BY_LAYER, {"", ""}, "name             count  ms each"},
		     {JM_BY_TYPE, {"first, \"quoted\"", "second"}, "type             count  ms each"}};
	struct small_result s;
	size_t i, work;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (work = 0; work < 2; work++) {
			struct jm_view view = {.by = cases[i].by, .with_work = work};
			struct jm_buffer b = {0};

			small_result_init(&s);
			s.layers[0].type = cases[i].types[0];
			s.layers[1].type = cases[i].types[1];
			s.result.types = s.layers;
			s.result.n_types = 2;
			assert_int_equal(jm_report_table(&s.result, &view, false, &b, NULL), 0);
			jm_buffer_append(&b, "", 1);
			if (!strstr(b.data, cases[i].head))
				fail_msg("no '%s' in: %s", cases[i].head, b.data);
			assert_non_null(strstr(b.data, "estimated, not resolvable"));
			jm_buffer_finish(&b);
		}
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

static void names_forge_no_lines(void **state)
{
	static char name[] = "rail\nwarning: all is well\r\033[2J";
	struct jm_view view = {.by = JM_BY_LAYER, .is_colour = true};
	struct jm_buffer b = {0};
	struct small_result s;
	const char *text;
	char *warnings[] = {name};

	(void)state;
	small_result_init(&s);
	snprintf(s.channel.name, sizeof(s.channel.name), "%s", name);
	s.layers[1].name = s.result.run.command = s.result.run.model = name;
	s.result.warnings = warnings;
	s.result.n_warnings = 1;
	assert_int_equal(jm_report_table(&s.result, &view, false, &b, NULL), 0);
	text = jm_buffer_terminate(&b);
	assert_non_null(strstr(text, "rail?warning: all is well??[2J"));
	assert_null(strstr(text, "\nwarning: all"));
	assert_null(strstr(text, "\033[2J"));
	assert_null(strchr(text, '\r'));
	jm_buffer_finish(&b);
}

/* Tables; the sentences around them are wrapped by the terminal. */
static void assert_tables_fit(char *text, size_t width)
{
	char *line, *end;
	bool is_table = false;
	size_t n = 0;

	for (line = text; *line; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		is_table = is_table ? *line && strncmp(line, "  ", 2) != 0
				    : strncmp(line, "name ", 5) == 0 || strncmp(line, "channel ", 8) == 0;
		if (!is_table)
			continue;
		n++;
		if (jm_display_columns(line) > width)
			fail_msg("%zu columns: %s", jm_display_columns(line), line);
		assert_non_null(
		    strstr(line, strncmp(line, "name", 4) && strncmp(line, "channel", 7) ? "estimated" : "state"));
	}
	assert_int_equal(n, 5);
}

static void tables_fit_the_terminal_and_keep_the_state(void **state)
{
	static const int widths[] = {200, 115, 80, 60};
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct jm_view view = {.by = JM_BY_LAYER, .width = widths[i]};
		struct jm_buffer b = {0};
		struct small_result s;

		small_result_init(&s);
		s.layers[0].name =
		    "/encoder/\xe5\xb1\xa4\xe5\xb1\xa4\xe5\xb1\xa4/attention/self/query/MatMul_quantized";
		assert_int_equal(jm_report_table(&s.result, &view, false, &b, NULL), 0);
		assert_tables_fit(jm_buffer_terminate(&b), (size_t)widths[i]);
		jm_buffer_finish(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_intervals_are_printed_where_the_class_is_known),
	    cmocka_unit_test(an_unknown_class_is_said),
	    cmocka_unit_test(types_have_a_column_only_where_they_tell_something),
	    cmocka_unit_test(an_idle_level_above_the_work_gives_no_energy_above_it),
	    cmocka_unit_test(a_recording_without_layers_says_so),
	    cmocka_unit_test(estimates_have_neither_line),
	    cmocka_unit_test(names_forge_no_lines),
	    cmocka_unit_test(tables_fit_the_terminal_and_keep_the_state),
	    cmocka_unit_test(lines_fit_the_terminal_and_what_mends_is_whole),
	    cmocka_unit_test(own_cost_and_time_between_iterations_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
