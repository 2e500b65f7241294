#define _GNU_SOURCE
#include "core/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads a document to its end or first error and writes its tokens, e.g. "{k:1 s:x }". */
static int walk(const char *text, size_t n, char *out, size_t size, struct jm_error *err)
{
	static const char *const marks[] = {"", "{", "}", "[", "]", "k:", "s:", "n:", "true", "false", "null"};
	struct jm_json *json;
	struct jm_json_token t = {0};
	size_t used = 0;
	int rc;

	out[0] = '\0';
	assert_int_equal(jm_json_open("doc.json", text, n, &json, err), 0);
	while (!(rc = jm_json_next(json, &t, err)) && t.type != JM_JSON_END)
		used +=
		    (size_t)snprintf(out + used, size - used, "%s%.*s ", marks[t.type], (int)t.n, t.n ? t.text : "");
	jm_json_close(json);
	return rc;
}

static void tokens_come_in_order(void **state)
{
	const char *text = "{\"a\": [1, -2.5e3, \"x\\ny\", null], \"b\\u00e9\": {}, \"c\": [true, false]}";
	char out[512];

	(void)state;
	assert_int_equal(walk(text, strlen(text), out, sizeof(out), NULL), 0);
	assert_string_equal(out, "{ k:a [ n:1 n:-2.5e3 s:x\ny null ] k:b\xc3\xa9 { } k:c [ true false ] } ");
}

static void double_encoded_documents_are_opened(void **state)
{
	const char *text = "\"{\\\"a\\\": [1, \\\"q\\\\\\\"\\\"]}\"\n";
	char out[512];

	(void)state;
	assert_int_equal(walk(text, strlen(text), out, sizeof(out), NULL), 0);
	assert_string_equal(out, "{ k:a [ n:1 s:q\" ] } ");
	assert_int_equal(walk("\"plain\"", 7, out, sizeof(out), NULL), 0);
	assert_string_equal(out, "s:plain ");
	assert_int_equal(walk("\"[1]\" x", 7, out, sizeof(out), NULL), JM_E_FORMAT);
}

static void errors_name_file_line_and_byte(void **state)
{
	const char *text = "{\"a\": 1,\n \"b\": NaN}";
	struct jm_error err = {0};
	char out[512];

	(void)state;
	assert_int_equal(walk(text, strlen(text), out, sizeof(out), &err), JM_E_FORMAT);
	assert_non_null(strstr(err.message, "doc.json:2 (byte 15)"));
}

static void every_truncation_is_an_error(void **state)
{
	const char *text = "[{\"name\": \"caf\\u00e9\", \"dur\": 12.5, \"ok\": true}, null]";
	struct jm_error err;
	char out[512];
	size_t n;

	(void)state;
	for (n = 0; n < strlen(text); n++)
		assert_int_equal(walk(text, n, out, sizeof(out), &err), JM_E_FORMAT);
	assert_int_equal(walk(text, n, out, sizeof(out), &err), 0);
	assert_int_equal(walk("[1] 2", 5, out, sizeof(out), &err), JM_E_FORMAT);
	assert_int_equal(walk("[1,]", 4, out, sizeof(out), &err), JM_E_FORMAT);
	assert_int_equal(walk("[1e999999999999]", 16, out, sizeof(out), &err), JM_E_FORMAT);
	assert_int_equal(walk("[1e400]", 7, out, sizeof(out), &err), JM_E_FORMAT);
}

static void depth_is_bounded(void **state)
{
	struct jm_error err;
	char text[JM_JSON_MAX_DEPTH * 2 + 8], out[1024];
	size_t i, n = JM_JSON_MAX_DEPTH;

	(void)state;
	for (i = 0; i < n; i++) {
		text[i] = '[';
		text[2 * n - 1 - i] = ']';
	}
	assert_int_equal(walk(text, 2 * n, out, sizeof(out), &err), 0);
	memset(text, '[', n + 1);
	assert_int_equal(walk(text, n + 1, out, sizeof(out), &err), JM_E_FORMAT);
	assert_non_null(strstr(err.message, "nested too deep"));
}

/* 20,000 entries cross many chunk borders, inside numbers, strings and escapes alike. */
static char *large(size_t *n_out, double *sum_out)
{
	char *text = malloc(2000000);
	size_t n = 0, i;

	assert_non_null(text);
	*sum_out = 0;
	n += (size_t)sprintf(text + n, "{\"list\": [");
	for (i = 0; i < 20000; i++) {
		n += (size_t)sprintf(text + n, "%s[%zu.5, \"a\\\"%zu\\u20ac\"]", i ? ", " : "", i, i);
		*sum_out += (double)i + 0.5;
	}
	n += (size_t)sprintf(text + n, "]}");
	*n_out = n;
	return text;
}

static void check_large(struct jm_json *json, double sum)
{
	struct jm_json_token t;
	char expected[64];
	size_t strings = 0;
	double value;

	while (jm_json_next(json, &t, NULL) == 0 && t.type != JM_JSON_END) {
		if (t.type == JM_JSON_NUMBER) {
			assert_int_equal(jm_json_number(json, &t, &value, NULL), 0);
			sum -= value;
		} else if (t.type == JM_JSON_STRING) {
			sprintf(expected, "a\"%zu\xe2\x82\xac", strings++);
			assert_true(jm_json_is(&t, expected));
		}
	}
	assert_int_equal(strings, 20000);
	assert_true(fabs(sum) < 1e-6);
}

static void chunk_borders_do_not_show(void **state)
{
	struct jm_json *json;
	FILE *file = tmpfile();
	double sum;
	size_t n;
	char *text = large(&n, &sum);

	(void)state;
	assert_int_equal(jm_json_open(NULL, text, n, &json, NULL), 0);
	check_large(json, sum);
	jm_json_close(json);
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, n, file), n);
	fflush(file);
	lseek(fileno(file), 0, SEEK_SET);
	assert_int_equal(jm_json_open_fd("file", fileno(file), &json, NULL), 0);
	check_large(json, sum);
	jm_json_close(json);
	fclose(file);
	free(text);
}

static void values_are_skipped_whole(void **state)
{
	const char *text = "{\"a\": {\"x\": [1, {\"y\": 2}]}, \"b\": 3, \"c\": 4}";
	struct jm_json *json;
	struct jm_json_token t;
	double value;

	(void)state;
	assert_int_equal(jm_json_open(NULL, text, strlen(text), &json, NULL), 0);
	assert_int_equal(jm_json_next(json, &t, NULL), 0);
	assert_int_equal(jm_json_next(json, &t, NULL), 0);
	assert_int_equal(jm_json_skip(json, &t, NULL), 0);
	assert_int_equal(jm_json_next(json, &t, NULL), 0);
	assert_true(t.type == JM_JSON_KEY && jm_json_is(&t, "b"));
	assert_int_equal(jm_json_skip(json, &t, NULL), 0);
	assert_int_equal(jm_json_next(json, &t, NULL), 0);
	assert_int_equal(t.depth, 1);
	assert_int_equal(jm_json_number(json, &t, &value, NULL), JM_E_FORMAT);
	assert_int_equal(jm_json_next(json, &t, NULL), 0);
	assert_int_equal(jm_json_number(json, &t, &value, NULL), 0);
	assert_true(value == 4);
	jm_json_close(json);
}

static void a_reader_is_used_again_line_by_line(void **state)
{
	struct jm_error err;
	struct jm_json *json;
	struct jm_json_token t;

	(void)state;
	assert_int_equal(jm_json_open("lines", "[1", 2, &json, NULL), 0);
	while (jm_json_next(json, &t, &err) == 0)
		;
	assert_true(jm_json_is_truncated(json));
	jm_json_restart(json, "{]", 2, 41);
	while (jm_json_next(json, &t, &err) == 0)
		;
	assert_false(jm_json_is_truncated(json));
	assert_non_null(strstr(err.message, "lines:42 "));
	jm_json_close(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tokens_come_in_order),
	    cmocka_unit_test(double_encoded_documents_are_opened),
	    cmocka_unit_test(errors_name_file_line_and_byte),
	    cmocka_unit_test(every_truncation_is_an_error),
	    cmocka_unit_test(depth_is_bounded),
	    cmocka_unit_test(chunk_borders_do_not_show),
	    cmocka_unit_test(values_are_skipped_whole),
	    cmocka_unit_test(a_reader_is_used_again_line_by_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
