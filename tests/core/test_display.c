#include "core/display.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define WIDE "\xe5\xb1\xa4"	   /* U+5C64 */
#define COMBINING "e\xcc\x81" /* e and U+0301 */

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
		     "user?gnp");	      /* U+202E turns the direction */
	expect_shown("a\xe2\x80\xa8z", "a?z"); /* U+2028 */
}

static void bytes_that_are_no_utf8_are_marked_one_by_one(void **state)
{
	(void)state;
	expect_shown("\xff\xc0\xafx", "???x");
	expect_shown("\xe5\xb1", "??");	      /* cut off */
	expect_shown("\xed\xa0\x80", "???");     /* a surrogate */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_terminals_obey_is_shown_instead),
	    cmocka_unit_test(bytes_that_are_no_utf8_are_marked_one_by_one),
	    cmocka_unit_test(columns_are_those_of_the_terminal),
	    cmocka_unit_test(names_are_cut_to_columns_not_bytes),
	    cmocka_unit_test(an_argument_forges_no_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
