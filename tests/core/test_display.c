#include "core/display.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define WIDE      "\xe5\xb1\xa4" /* U+5C64 */
#define COMBINING "e\xcc\x81"    /* e and U+0301 */

static void expect_shown(const char *text, const char *shown)
{
	char copy[64];

	strcpy(copy, text);
	jm_display_neutralise(copy);
	assert_string_equal(copy, shown);
}

static void what_terminals_obey_is_shown_instead(void **state)
{
	(void)state;
	expect_shown("plain " WIDE, "plain " WIDE);
	expect_shown("a\nb\tc\033[2Jd\x7f", "a?b?c?[2Jd?");
	expect_shown("\xc2\x9b"
		     "2J",
		     "?2J"); /* U+009B, CSI in one character */
	expect_shown("user\xe2\x80\xae"
		     "gnp",
		     "user?gnp");              /* U+202E turns the direction */
	expect_shown("a\xe2\x80\xa8z", "a?z"); /* U+2028 */
}

static void bytes_that_are_no_utf8_are_marked_one_by_one(void **state)
{
	(void)state;
	expect_shown("\xff\xc0\xafx", "???x");
	expect_shown("\xe5\xb1", "??");           /* cut off */
	expect_shown("\xed\xa0\x80", "???");      /* a surrogate */
	expect_shown("\xf4\x90\x80\x80", "????"); /* beyond the last code point */
}

static void columns_are_those_of_the_terminal(void **state)
{
	size_t used;

	(void)state;
	assert_int_equal(jm_display_columns(""), 0);
	assert_int_equal(jm_display_columns("abc"), 3);
	assert_int_equal(jm_display_columns(WIDE WIDE), 4);
	assert_int_equal(jm_display_columns(COMBINING), 1);
	assert_int_equal(jm_display_columns("\xc3\xa9"), 1);
	assert_int_equal(jm_display_fit(WIDE WIDE, 3, &used), 3);
	assert_int_equal(used, 2);
	assert_int_equal(jm_display_fit("x" COMBINING "y", 2, &used), 4);
	assert_int_equal(used, 2);
}

static void expect_cut(const char *text, size_t columns, const char *shown)
{
	char copy[64];

	strcpy(copy, text);
	jm_display_cut(copy, columns);
	assert_string_equal(copy, shown);
	assert_true(jm_display_columns(copy) <= columns);
}

static void names_are_cut_to_columns_not_bytes(void **state)
{
	(void)state;
	expect_cut("short", 5, "short");
	expect_cut("0123456789", 8, "012..789");
	expect_cut("0123456789", 3, "012");
	expect_cut(WIDE WIDE WIDE WIDE, 7, WIDE ".." WIDE);
	expect_cut(WIDE WIDE WIDE, 5, "\x2e\x2e" WIDE);
}

static void an_argument_forges_no_line(void **state)
{
	struct jm_buffer b = {0};

	(void)state;
	jm_display_line(&b, "%s: %d", "x\nwarning", 1);
	jm_display_text(&b, "%s", "y\n");
	assert_string_equal(jm_buffer_terminate(&b), "x?warning: 1\ny?");
	jm_buffer_finish(&b);
}

static void expect_wrapped(const char *text, int width, size_t indent, const char *shown)
{
	struct jm_buffer b = {0};

	jm_buffer_puts(&b, "kept as it is, whatever its width\n");
	jm_buffer_puts(&b, text);
	jm_display_wrap(&b, 34, width, indent);
	assert_string_equal(jm_buffer_terminate(&b) + 34, shown);
	jm_buffer_finish(&b);
}

static void lines_are_broken_at_spaces_and_hang_below_their_text(void **state)
{
	(void)state;
	expect_wrapped("idle level  one two three four\n", 24, JM_DISPLAY_HANG,
		       "idle level  one two\n            three four\n");
	expect_wrapped("warning: one two three\n", 16, JM_DISPLAY_HANG, "warning: one two\n  three\n");
	expect_wrapped("  note: one two three\n", 16, JM_DISPLAY_HANG, "  note: one two\n    three\n");
	expect_wrapped("one two\nthree four five\n", 10, 0, "one two\nthree four\nfive\n");
	expect_wrapped("one two", 5, 3, "one\n   two");
}

static void lines_that_fit_keep_their_spaces(void **state)
{
	(void)state;
	expect_wrapped("a    b    c\n\nd\n", 11, JM_DISPLAY_HANG, "a    b    c\n\nd\n");
	expect_wrapped("a b c d e f\n", 0, JM_DISPLAY_HANG, "a b c d e f\n");
}

static void a_word_wider_than_the_terminal_stays_whole(void **state)
{
	(void)state;
	expect_wrapped("a /a/path/that/is/long b\n", 8, 0, "a\n/a/path/that/is/long\nb\n");
}

static void columns_decide_where_a_line_is_broken(void **state)
{
	(void)state;
	expect_wrapped(WIDE WIDE " " WIDE WIDE " x\n", 9, 0, WIDE WIDE " " WIDE WIDE "\nx\n");
	expect_wrapped("\033[1;31mwarning:\033[0m one two\n", 12, 0, "\033[1;31mwarning:\033[0m one\ntwo\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_terminals_obey_is_shown_instead),
	    cmocka_unit_test(bytes_that_are_no_utf8_are_marked_one_by_one),
	    cmocka_unit_test(columns_are_those_of_the_terminal),
	    cmocka_unit_test(names_are_cut_to_columns_not_bytes),
	    cmocka_unit_test(an_argument_forges_no_line),
	    cmocka_unit_test(lines_are_broken_at_spaces_and_hang_below_their_text),
	    cmocka_unit_test(lines_that_fit_keep_their_spaces),
	    cmocka_unit_test(a_word_wider_than_the_terminal_stays_whole),
	    cmocka_unit_test(columns_decide_where_a_line_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
