#include "dvc/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "dvc/path.h"

static int read_text(const char *text, struct jm_dvc_files *out, struct jm_error *err)
{
	return jm_dvc_listing_read("listing", text, strlen(text), out, err);
}

#define A "c157a79031e1c40f85931829bc5fc552"
#define B "258622b1688250cb619f3c9ccaefb7eb"

static void a_listing_is_written_as_it_was_read(void **state)
{
	/* The example of DVC's documentation ("Structure of the cache directory"). */
	static const char text[] = "[{\"md5\": \"de7371b0119f4f75f9de703c7c3bac16\", \"relpath\": \"cat.jpeg\"}, "
				   "{\"md5\": \"402e86968614f56d0a2d9df2cfe7a4a0\", \"relpath\": \"index.jpeg\"}]";
	struct jm_dvc_files files;
	struct jm_buffer out = {0};
	struct jm_dvc_md5 *md5;
	struct jm_dvc_oid oid;

	(void)state;
	assert_int_equal(read_text(text, &files, NULL), 0);
	jm_dvc_listing_write(&files, &out);
	assert_string_equal(jm_buffer_terminate(&out), text);
	assert_int_equal(jm_dvc_md5_create(&md5), 0);
	jm_dvc_md5_begin(md5);
	jm_dvc_md5_add(md5, out.data, out.n);
	assert_int_equal(jm_dvc_md5_end(md5, true, &oid, NULL), 0);
	assert_true(jm_dvc_oid_is_folder(&oid));
	assert_int_equal(strlen(oid.text), 36);
	jm_dvc_md5_destroy(md5);
	jm_buffer_finish(&out);
	jm_dvc_files_finish(&files);
}

static void paths_are_sorted_and_escaped_as_python_does(void **state)
{
	struct jm_dvc_files files = {0};
	struct jm_buffer out = {0};
	static const char *const paths[] = {"a/b", "a-b", "B", "\xc3\xbc", "\xf0\x9f\x98\x80", "q\"\\\n\t\x7f"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(jm_dvc_oid_parse(A, 32, &jm_dvc_files_add(&files, paths[i], strlen(paths[i]))->oid),
				 0);
	jm_dvc_files_sort(&files);
	jm_dvc_listing_write(&files, &out);
	assert_string_equal(jm_buffer_terminate(&out),
			    "[{\"md5\": \"" A "\", \"relpath\": \"B\"}, {\"md5\": \"" A "\", \"relpath\": \"a-b\"}, "
			    "{\"md5\": \"" A "\", \"relpath\": \"a/b\"}, {\"md5\": \"" A "\", \"relpath\": "
			    "\"q\\\"\\\\\\n\\t\\u007f\"}, {\"md5\": \"" A "\", \"relpath\": \"\\u00fc\"}, "
			    "{\"md5\": \"" A "\", \"relpath\": \"\\ud83d\\ude00\"}]");
	jm_buffer_finish(&out);
	jm_dvc_files_finish(&files);
}

static void a_listing_that_leads_out_of_its_folder_is_refused(void **state)
{
	static const char *const paths[] = {"../x",        "/etc/passwd", "a/../../x", "a//b",         "",
					    ".",           "..",          "a/.",       ".git/hooks/x", "a/.git/config",
					    ".dvc/config", "a\\u0000b"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct jm_dvc_files files = {0};
		struct jm_error err = {0};
		char text[256];

		snprintf(text, sizeof(text), "[{\"md5\": \"" A "\", \"relpath\": \"%s\"}]", paths[i]);
		assert_int_equal(read_text(text, &files, &err), JM_E_FORMAT);
		assert_non_null(strstr(err.message, "listing"));
		assert_null(files.entries);
	}
}

static void a_damaged_listing_is_refused(void **state)
{
	static const char *const texts[] = {
	    "",
	    "{}",
	    "[",
	    "[1]",
	    "[{}]",
	    "[{\"md5\": \"" A "\"}]",
	    "[{\"relpath\": \"a\"}]",
	    "[{\"md5\": \"xyz\", \"relpath\": \"a\"}]",
	    "[{\"md5\": \"" A ".dir\", \"relpath\": \"a\"}]",
	    "[{\"md5\": 7, \"relpath\": \"a\"}]",
	    "[{\"md5\": \"" A "\", \"relpath\": \"a\", \"relpath\": \"b\"}]",
	    "[{\"md5\": \"" A "\", \"relpath\": \"a\"}, {\"md5\": \"" B "\", \"relpath\": \"a\"}]",
	    "[{\"md5\": \"" A "\", \"relpath\": \"a\"}, {\"md5\": \"" B "\", \"relpath\": \"a/b\"}]",
	    "[] x",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct jm_dvc_files files = {0};
		struct jm_error err = {0};

		if (read_text(texts[i], &files, &err) != JM_E_FORMAT)
			fail_msg("taken: %s", texts[i]);
		assert_true(err.message[0] != '\0');
	}
}

static void further_keys_and_an_empty_listing_are_taken(void **state)
{
	struct jm_dvc_files files;

	(void)state;
	assert_int_equal(read_text("[]", &files, NULL), 0);
	assert_int_equal(files.n, 0);
	jm_dvc_files_finish(&files);
	assert_int_equal(read_text("[{\"size\": 3, \"meta\": {\"a\": [1]}, \"relpath\": \"b/c\", \"md5\": \"" B "\"}]",
				   &files, NULL),
			 0);
	assert_int_equal(files.n, 1);
	assert_string_equal(files.entries[0].oid.text, B);
	assert_non_null(jm_dvc_files_find(&files, "b/c"));
	assert_null(jm_dvc_files_find(&files, "b"));
	jm_dvc_files_finish(&files);
}

static void dots_in_paths_are_worked_out(void **state)
{
	char out[64];

	(void)state;
	assert_int_equal(jm_dvc_path_normalise("a/./b//c/../d", out, sizeof(out)), 0);
	assert_string_equal(out, "a/b/d");
	assert_int_equal(jm_dvc_path_normalise("a/../..", out, sizeof(out)), JM_E_INVALID);
	assert_int_equal(jm_dvc_path_normalise("/a", out, sizeof(out)), JM_E_INVALID);
	assert_int_equal(jm_dvc_path_normalise(
			     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", out, 64),
			 JM_E_INVALID);
}

static void utf8_is_told_from_other_bytes(void **state)
{
	(void)state;
	assert_true(jm_dvc_is_utf8("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", 10));
	assert_false(jm_dvc_is_utf8("\xff", 1));
	assert_false(jm_dvc_is_utf8("\xc3", 1));
	assert_false(jm_dvc_is_utf8("\xc0\x80", 2));
	assert_false(jm_dvc_is_utf8("\xed\xa0\x80", 3));
	assert_false(jm_dvc_is_utf8("\xf4\x90\x80\x80", 4));
}

static void text_is_hashed_as_dvc_2_did(void **state)
{
	struct jm_dvc_md5 *md5;
	struct jm_dvc_oid unix_text, dos_text, binary, binary_dos;

	(void)state;
	assert_int_equal(jm_dvc_md5_create(&md5), 0);
	jm_dvc_md5_begin(md5);
	jm_dvc_md5_add_dos2unix(md5, "a\nb\r", 4);
	assert_int_equal(jm_dvc_md5_end(md5, false, &unix_text, NULL), 0);
	jm_dvc_md5_begin(md5);
	jm_dvc_md5_add_dos2unix(md5, "a\r\nb\r", 5);
	assert_int_equal(jm_dvc_md5_end(md5, false, &dos_text, NULL), 0);
	assert_string_equal(unix_text.text, dos_text.text);
	jm_dvc_md5_begin(md5);
	jm_dvc_md5_add_dos2unix(md5, "a\0\r\n", 4);
	assert_int_equal(jm_dvc_md5_end(md5, false, &binary, NULL), 0);
	jm_dvc_md5_begin(md5);
	jm_dvc_md5_add(md5, "a\0\r\n", 4);
	assert_int_equal(jm_dvc_md5_end(md5, false, &binary_dos, NULL), 0);
	assert_string_equal(binary.text, binary_dos.text);
	jm_dvc_md5_destroy(md5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_listing_is_written_as_it_was_read),
	    cmocka_unit_test(paths_are_sorted_and_escaped_as_python_does),
	    cmocka_unit_test(a_listing_that_leads_out_of_its_folder_is_refused),
	    cmocka_unit_test(a_damaged_listing_is_refused),
	    cmocka_unit_test(further_keys_and_an_empty_listing_are_taken),
	    cmocka_unit_test(dots_in_paths_are_worked_out),
	    cmocka_unit_test(utf8_is_told_from_other_bytes),
	    cmocka_unit_test(text_is_hashed_as_dvc_2_did),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
