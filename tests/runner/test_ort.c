/* Finding and refusing libraries, with stand-ins. */
#include "runner/ort.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int open_library(const char *path, struct jm_error *err)
{
	struct jm_ort_search search = {.library = path};
	struct jm_ort *ort = NULL;
	int rc = jm_ort_open(&search, &ort, err);

	jm_ort_close(ort);
	return rc;
}

static void a_missing_library_is_named(void **state)
{
	struct jm_error err;

	(void)state;
	assert_int_equal(open_library("/no/such/libonnxruntime.so", &err), JM_E_NOT_FOUND);
	assert_non_null(strstr(err.message, "/no/such/libonnxruntime.so"));
	assert_non_null(strstr(err.remedy, "--onnxruntime"));
}

static void a_file_that_is_no_library_is_refused(void **state)
{
	struct jm_error err;

	(void)state;
	assert_int_equal(open_library("/etc/passwd", &err), JM_E_NOT_FOUND);
}

static void a_library_without_the_entry_point_is_refused(void **state)
{
	struct jm_error err;

	(void)state;
	assert_int_equal(open_library(JM_BUILD_DIR "/fakes/ort_no_symbol.so", &err), JM_E_UNSUPPORTED);
	assert_non_null(strstr(err.message, "OrtGetApiBase"));
}

static void a_library_that_is_too_old_is_refused(void **state)
{
	struct jm_error err;

	(void)state;
	assert_int_equal(open_library(JM_BUILD_DIR "/fakes/ort_too_old.so", &err), JM_E_UNSUPPORTED);
	assert_non_null(strstr(err.message, "1.8.1"));
	assert_non_null(strstr(err.message, "too old"));
}

static void the_environment_names_a_library(void **state)
{
	struct jm_error err;

	(void)state;
	assert_int_equal(setenv("JOULEMAP_ONNXRUNTIME", JM_BUILD_DIR "/fakes/ort_too_old.so", 1), 0);
	assert_int_equal(open_library(NULL, &err), JM_E_UNSUPPORTED);
	assert_non_null(strstr(err.message, "1.8.1"));
	/* An explicit library wins. */
	assert_int_equal(open_library(JM_BUILD_DIR "/fakes/ort_no_symbol.so", &err), JM_E_UNSUPPORTED);
	assert_non_null(strstr(err.message, "OrtGetApiBase"));
	unsetenv("JOULEMAP_ONNXRUNTIME");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_missing_library_is_named),
	    cmocka_unit_test(a_file_that_is_no_library_is_refused),
	    cmocka_unit_test(a_library_without_the_entry_point_is_refused),
	    cmocka_unit_test(a_library_that_is_too_old_is_refused),
	    cmocka_unit_test(the_environment_names_a_library),
	};
	struct jm_error err;

	if (open_library("/no/such/file", &err) == JM_E_UNSUPPORTED) {
		printf("skipped: %s\n%s\n", err.message, err.remedy);
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
