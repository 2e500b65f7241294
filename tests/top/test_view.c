#include "top/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/display.h"

#define CJK "\xe6\xb3\xa8\xe6\x84\x8f" /* two characters of two columns */

/* Two channels, one lost, and four processes. */
struct world {
	struct jm_top top;
	struct jm_top_channel channels[2];
	struct jm_top_process processes[4];
};

static void process(struct jm_top_process *p, int pid, const char *name, double power_w, double cpu)
{
	*p = (struct jm_top_process){.id = (uint32_t)pid, .pid = pid, .power_w = power_w, .cpu_fraction = cpu};
	p->energy_j = 100 - pid;
	p->gpu_w = NAN;
	p->share = power_w / 10;
	p->rss_bytes = (int64_t)pid << 20;
	snprintf(p->name, sizeof(p->name), "%s", name);
}

static void make(struct world *w)
{
	size_t i;

	memset(w, 0, sizeof(*w));
	w->top = (struct jm_top){
	    .channels = w->channels,
	    .processes = w->processes,
	    .n_channels = 2,
	    .n_processes = 4,
	    .own_cost = {.cpu_s = 0.5, .wall_s = 10, .rss_bytes = 1 << 20},
	    .split = {.all_w = 10, .processes_w = 8, .idle_w = 1, .others_w = 0.5, .unattributed_w = 0.5}};
	for (i = 0; i < 2; i++) {
		struct jm_top_channel *c = &w->channels[i];

		snprintf(c->name, sizeof(c->name), "rapl_powercap/package-%zu", i);
		c->state = "measured";
		c->is_counted = c->is_split = c->is_outermost = true;
		c->power_w = i ? NAN : 10;
		c->energy_j = 1234.5;
		c->n_expected = 200;
		c->n_taken = 150;
		c->is_lost = i == 1;
		c->history_w[0] = 1;
		c->history_w[1] = NAN;
		c->history_w[2] = 8;
		c->n_history = 3;
	}
	process(&w->processes[0], 1, "idler", 0, 0);
	process(&w->processes[1], 2, "evil\033[2J\nname" CJK, 1.5, 0.25);
	process(&w->processes[2], 3, "busy with a long command line that has many arguments and no end", 6.5, 3.5);
	process(&w->processes[3], 4, "new", NAN, NAN);
}

static const char *line_with(const struct jm_top_lines *lines, const char *text)
{
	size_t i;

	for (i = 0; i < lines->n; i++)
		if (strstr(lines->items[i].text, text))
			return lines->items[i].text;
	return NULL;
}

/* Gives the index of the line, or fails. */
static size_t place_of(const struct jm_top_lines *lines, const char *text)
{
	size_t i;

	for (i = 0; i < lines->n && !strstr(lines->items[i].text, text); i++)
		;
	assert_true(i < lines->n);
	return i;
}

static void every_line_fits_every_terminal(void **state)
{
	static const int columns[] = {200, 120, 80, 60, 40, 20, 1};
	struct jm_top_lines lines = {0};
	struct world w;
	size_t i, k;
	int rows;

	(void)state;
	make(&w);
	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		for (rows = 1; rows < 30; rows += 4) {
			const struct jm_top_size size = {
			    .rows = rows, .columns = columns[i], .is_utf8 = true, .has_keys = true};

			assert_int_equal(jm_top_view(&w.top, &size, &lines), 0);
			assert_true(lines.n <= (size_t)rows);
			for (k = 0; k < lines.n; k++)
				assert_true(jm_display_columns(lines.items[k].text) <= (size_t)columns[i]);
		}
	jm_top_lines_finish(&lines);
}

static void forty_columns_keep_what_matters(void **state)
{
	const struct jm_top_size size = {.rows = 24, .columns = 40, .is_utf8 = true, .has_keys = true};
	struct jm_top_lines lines = {0};
	struct world w;

	(void)state;
	make(&w);
	assert_int_equal(jm_top_view(&w.top, &size, &lines), 0);
	assert_non_null(strstr(line_with(&lines, "ge-0"), "measured"));
	assert_non_null(strstr(line_with(&lines, "ge-0"), "10.00 W"));
	assert_non_null(strstr(line_with(&lines, "ge-1"), "LOST"));
	assert_non_null(strstr(line_with(&lines, "busy"), "6.500 W"));
	assert_non_null(line_with(&lines, "q end"));
	assert_non_null(line_with(&lines, "own cost 0.500 s processor time, 5.00 %"));
	jm_top_lines_finish(&lines);
}

static void names_are_shown_not_obeyed(void **state)
{
	struct jm_top_size size = {.rows = 24, .columns = 100, .is_utf8 = true};
	struct jm_top_lines lines = {0};
	struct world w;

	(void)state;
	make(&w);
	assert_int_equal(jm_top_view(&w.top, &size, &lines), 0);
	assert_non_null(line_with(&lines, "evil?[2J?name" CJK));
	size.is_utf8 = false; /* a terminal that knows ASCII only */
	assert_int_equal(jm_top_view(&w.top, &size, &lines), 0);
	assert_non_null(line_with(&lines, "evil?[2J?name??????"));
	jm_top_lines_finish(&lines);
}

static void what_is_unknown_is_a_dash(void **state)
{
	const struct jm_top_size size = {.columns = 120, .is_utf8 = true};
	struct jm_top_lines lines = {0};
	struct world w;
	size_t i;

	(void)state;
	make(&w);
	assert_int_equal(jm_top_view(&w.top, &size, &lines), 0);
	assert_non_null(strstr(line_with(&lines, "new"), " -  "));
	for (i = 0; i < lines.n; i++)
		assert_null(strstr(lines.items[i].text, "nan"));
	assert_non_null(strstr(line_with(&lines, "package-0"), "75.0 %"));
	jm_top_lines_finish(&lines);
}

static void keys_sort_turn_and_end(void **state)
{
	const struct jm_top_size size = {.columns = 120, .is_utf8 = true};
	struct jm_top_lines lines = {0};
	struct world w;

	(void)state;
	make(&w);
	jm_top_view(&w.top, &size, &lines);
	assert_true(place_of(&lines, "busy") < place_of(&lines, "evil"));
	assert_true(place_of(&lines, "idler") < place_of(&lines, "new")); /* unknown goes last */
	assert_true(jm_top_key(&w.top, 'r', 10));
	jm_top_view(&w.top, &size, &lines);
	assert_true(place_of(&lines, "idler") < place_of(&lines, "busy"));
	assert_true(jm_top_key(&w.top, 'r', 10));
	assert_true(jm_top_key(&w.top, 'n', 10));
	jm_top_view(&w.top, &size, &lines);
	assert_true(place_of(&lines, "busy") < place_of(&lines, "evil"));
	assert_true(place_of(&lines, "idler") < place_of(&lines, "new"));
	assert_true(jm_top_key(&w.top, 'm', 10));
	jm_top_view(&w.top, &size, &lines);
	assert_true(place_of(&lines, "new") < place_of(&lines, "busy"));
	assert_true(jm_top_key(&w.top, 'p', 10));
	assert_true(w.top.is_paused);
	assert_false(jm_top_key(&w.top, 'q', 10));
	jm_top_lines_finish(&lines);
}

static void rows_scroll_within_their_ends(void **state)
{
	const struct jm_top_size size = {.rows = 9, .columns = 80, .is_utf8 = true, .has_keys = true};
	struct jm_top_lines lines = {0};
	struct world w;

	(void)state;
	make(&w);
	jm_top_view(&w.top, &size, &lines);
	assert_int_equal(lines.n_rows, 1);
	jm_top_key(&w.top, JM_KEY_UP, 1);
	assert_int_equal(w.top.first_row, 0);
	jm_top_key(&w.top, JM_KEY_PAGE_DOWN, 2);
	assert_int_equal(w.top.first_row, 2);
	jm_top_key(&w.top, JM_KEY_PAGE_DOWN, 2);
	assert_int_equal(w.top.first_row, 2);
	jm_top_key(&w.top, JM_KEY_HOME, 2);
	assert_int_equal(w.top.first_row, 0);
	jm_top_key(&w.top, 'j', 1);
	assert_int_equal(w.top.first_row, 1);
	jm_top_lines_finish(&lines);
}

static void sparks_go_from_nothing_to_most(void **state)
{
	const double values[] = {9, 0, NAN, 4, 8};
	char out[64];

	(void)state;
	jm_top_spark(values, 5, 6, false, out);
	assert_string_equal(out, " #_ -#");
	jm_top_spark(values, 5, 2, true, out);
	assert_string_equal(out, "\xe2\x96\x84\xe2\x96\x88");
	jm_top_spark(values, 0, 3, true, out);
	assert_string_equal(out, "   ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_line_fits_every_terminal), cmocka_unit_test(forty_columns_keep_what_matters),
	    cmocka_unit_test(names_are_shown_not_obeyed),     cmocka_unit_test(what_is_unknown_is_a_dash),
	    cmocka_unit_test(keys_sort_turn_and_end),         cmocka_unit_test(rows_scroll_within_their_ends),
	    cmocka_unit_test(sparks_go_from_nothing_to_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
