#include "report/cells.h"
#include "report/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
	struct jm_cells cells = {.n_columns = 2, .is_left = {true}};
	struct jm_buffer out = {0};

	(void)state;
	jm_cells_add(&cells, "name");
	jm_cells_add(&cells, "J");
	jm_cells_add(&cells, "conv\xc3\xa9");
	jm_cells_add(&cells, "%d", 1234);
	assert_int_equal(jm_cells_print(&cells, 0, 0, false, &out), 0);
	assert_string_equal(jm_buffer_terminate(&out), "name      J\nconv\xc3\xa9  1234\n");
	jm_buffer_finish(&out);
}

static void long_names_are_cut_in_their_middle(void **state)
{
	struct jm_cells cells = {.n_columns = 2, .is_left = {true}};
	struct jm_buffer out = {0};

	(void)state;
	jm_cells_add(&cells, "/model/layer.0/attention/query/MatMul");
	jm_cells_add(&cells, "12");
	assert_int_equal(jm_cells_print(&cells, 0, 24, false, &out), 0);
	assert_string_equal(jm_buffer_terminate(&out), "/model/la..ry/MatMul  12\n");
	jm_buffer_finish(&out);
}

static void very_long_names_are_cut_where_no_width_is_known(void **state)
{
	struct jm_cells cells = {.n_columns = 2, .is_left = {true}};
	struct jm_buffer out = {0};
	char name[301];

	(void)state;
	memset(name, 'k', 300);
	name[300] = '\0';
	jm_cells_add(&cells, "%s", name);
	jm_cells_add(&cells, "12");
	assert_int_equal(jm_cells_print(&cells, 0, 0, false, &out), 0);
	assert_int_equal(strlen(jm_buffer_terminate(&out)), 96 + 2 + 2 + 1);
	jm_buffer_finish(&out);
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
	struct jm_cells cells = {.n_columns = 1, .is_left = {true}};
	struct jm_buffer out = {0};

	(void)state;
	jm_cells_add(&cells, "a\033[2Jb\n");
	assert_int_equal(jm_cells_print(&cells, 0, 0, false, &out), 0);
	assert_string_equal(jm_buffer_terminate(&out), "a?[2Jb?\n");
	jm_buffer_finish(&out);
}

static void wide_characters_take_two_columns(void **state)
{
	struct jm_cells cells = {.n_columns = 2, .is_left = {true}};
	struct jm_buffer out = {0};

	(void)state;
	jm_cells_add(&cells, "\xe5\xb1\xa4"); /* a CJK character */
	jm_cells_add(&cells, "1");
	jm_cells_add(&cells, "abc");
	jm_cells_add(&cells, "22");
	assert_int_equal(jm_cells_print(&cells, 0, 0, false, &out), 0);
	assert_string_equal(jm_buffer_terminate(&out), "\xe5\xb1\xa4    1\nabc  22\n");
	jm_buffer_finish(&out);
}

static void what_can_be_spared_goes_where_there_is_no_room(void **state)
{
	struct jm_cells cells = {.n_columns = 4, .is_left = {true}, .spare = {0, 1, 2, 0}};
	struct jm_buffer out = {0};

	(void)state;
	jm_cells_add(&cells, "name");
	jm_cells_add(&cells, "second");
	jm_cells_add(&cells, "third");
	jm_cells_add(&cells, "state");
	jm_cells_add(&cells, "/model/layer.11/attention/MatMul");
	jm_cells_add(&cells, "1234");
	jm_cells_add(&cells, "123456789");
	jm_cells_add(&cells, "measured");
	assert_int_equal(jm_cells_print(&cells, 0, 44, false, &out), 0);
	assert_string_equal(jm_buffer_terminate(&out), "name                        second     state\n"
						       "/model/layer..ntion/MatMul    1234  measured\n"
						       "  no room for: third\n");
	jm_buffer_finish(&out);
}

static void expect(double value, const char *text)
{
	char out[32];

	jm_report_quantity(value, "J", out, sizeof(out));
	assert_string_equal(out, text);
}

static void quantities_have_four_digits_and_a_prefix(void **state)
{
	(void)state;
	expect(12.3456, "12.35 J");
	expect(0.0012345, "1.234 mJ");
	expect(1234.56, "1.235 kJ");
	expect(0, "0.000 J");
	expect(-5.5, "-5.500 J");
	expect(NAN, "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
	    cmocka_unit_test(long_names_are_cut_in_their_middle),
	    cmocka_unit_test(very_long_names_are_cut_where_no_width_is_known),
	    cmocka_unit_test(wide_characters_take_two_columns),
	    cmocka_unit_test(what_can_be_spared_goes_where_there_is_no_room),
	    cmocka_unit_test(control_characters_do_not_reach_the_terminal),
	    cmocka_unit_test(quantities_have_four_digits_and_a_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
