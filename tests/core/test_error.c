#include "core/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

static int fail_here(struct jm_error *err)
{
	jm_error_set(err, JM_E_FORMAT, "line %d is none", 7);
	return jm_error_remedy(err, "mend it");
}

static int fail_in_system(struct jm_error *err)
{
	jm_error_errno(err, ENOENT, "cannot open %s", "nothing");
	return jm_error_remedy(err, "make it");
}

static void an_error_has_a_code_a_message_and_a_remedy(void **state)
{
	struct jm_error err = {0};

	(void)state;
	assert_int_equal(fail_here(&err), JM_E_FORMAT);
	assert_int_equal(err.code, JM_E_FORMAT);
	assert_string_equal(err.message, "line 7 is none");
	assert_string_equal(err.remedy, "mend it");
	assert_int_equal(fail_in_system(&err), JM_E_NOT_FOUND);
	assert_non_null(strstr(err.message, "cannot open nothing: "));
	jm_error_set(&err, JM_E_IO, "other");
	assert_string_equal(err.remedy, "");
}

static void who_wants_no_message_gets_the_code_all_the_same(void **state)
{
	(void)state;
	assert_int_equal(fail_here(NULL), JM_E_FORMAT);
	assert_int_equal(fail_in_system(NULL), JM_E_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_error_has_a_code_a_message_and_a_remedy),
	    cmocka_unit_test(who_wants_no_message_gets_the_code_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
