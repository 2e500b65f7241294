#include "page/page.h"

#include "core/json.h"
#include "page/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "export/small_result.h"

#define HARM "</script><script>alert(1)</script><!--<script>\xff&\"'"

/* Gives the page of recordings that share a small result; free(). */
static char *page_of(size_t n_recordings, const char *title, const struct jm_buffer *comparison)
{
	struct jm_page_recording recordings[3];
	struct jm_page_fact fact = {.label = "Host"};
	struct jm_page page = {.title = title, .recordings = recordings, .n_recordings = n_recordings};
	struct small_result small;
	struct jm_buffer b = {0};
	char *text;
	size_t i;

	small_result_init(&small);
	small.layers[0].name = HARM;
	snprintf(fact.value, sizeof(fact.value), "%s", HARM);
	for (i = 0; i < n_recordings; i++)
		recordings[i] =
		    (struct jm_page_recording){.title = title, .result = &small.result, .facts = &fact, .n_facts = 1};
	page.comparison = comparison;
	assert_int_equal(jm_page_write(&page, &b, NULL), 0);
	text = strdup(jm_buffer_terminate(&b));
	jm_buffer_finish(&b);
	assert_non_null(text);
	return text;
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (text = strstr(text, part); text; text = strstr(text + 1, part))
		n++;
	return n;
}

/* The data of the page, cut out of it in place. */
static char *data_of(char *page)
{
	char *start = strstr(page, "id=\"data\">"), *end;

	assert_non_null(start);
	start += strlen("id=\"data\">");
	end = strstr(start, "</script>");
	assert_non_null(end);
	*end = '\0';
	return start;
}

static void no_text_ends_the_element_it_is_in(void **state)
{
	char *page = page_of(1, HARM, NULL);

	(void)state;
	/* Those of the data and of the page's own script. */
	assert_int_equal(count(page, "</script>"), 2);
	assert_int_equal(count(page, "<!--"), 0);
	assert_non_null(strstr(page, "<title>&lt;/script&gt;&lt;script&gt;alert(1)"));
	assert_null(strchr(data_of(page), '<'));
	free(page);
}

static void only_its_own_script_may_run(void **state)
{
	char *page = page_of(1, "a", NULL), *other = page_of(1, "a", NULL), *nonce = strstr(page, "'nonce-");

	(void)state;
	assert_non_null(strstr(page, "default-src 'none'"));
	assert_null(strstr(page, "unsafe"));
	assert_non_null(nonce);
	nonce[7 + 32] = '\0';
	/* Another page has another word. */
	assert_null(strstr(other, nonce));
	assert_null(strstr(other, "@NONCE@"));
	free(page);
	free(other);
}

static void the_data_are_json(void **state)
{
	struct jm_buffer comparison = {0};
	char *page, *data;
	struct jm_json_token token;
	struct jm_json *json;
	size_t n_titles = 0;
	bool is_found = false;

	(void)state;
	jm_buffer_puts(&comparison, "{\"title\":");
	jm_buffer_json_string(&comparison, HARM);
	jm_buffer_puts(&comparison, "}");
	page = page_of(3, HARM, &comparison);
	jm_buffer_finish(&comparison);
	data = data_of(page);
	assert_int_equal(jm_json_open(NULL, data, strlen(data), &json, NULL), 0);
	do {
		assert_int_equal(jm_json_next(json, &token, NULL), 0);
		n_titles += token.type == JM_JSON_KEY && jm_json_is(&token, "title");
		if (token.type == JM_JSON_STRING && token.n > 9 && memcmp(token.text, "</script>", 9) == 0)
			is_found = true; /* a text comes back as it was */
	} while (token.type != JM_JSON_END);
	assert_true(is_found);
	assert_int_equal(n_titles, 1 + 1 + 3); /* of the page, the comparison, the recordings */
	jm_json_close(json);
	free(page);
}

static const char *part_of(const char *name, const char *type)
{
	(void)name;
	return strcmp(type, "Conv") == 0 ? "convolution" : "other";
}

static void the_parts_of_a_network_are_told_where_they_are_known(void **state)
{
	struct jm_page_recording recording = {.title = "a"};
	struct jm_page page = {.title = "a", .recordings = &recording, .n_recordings = 1};
	struct small_result small;
	struct jm_buffer b = {0};

	(void)state;
	small_result_init(&small);
	recording.result = &small.result;
	assert_int_equal(jm_page_write(&page, &b, NULL), 0);
	assert_non_null(strstr(jm_buffer_terminate(&b), "\"parts\":[],"));
	jm_buffer_finish(&b);
	recording.part_of = part_of;
	assert_int_equal(jm_page_write(&page, &b, NULL), 0);
	assert_non_null(strstr(jm_buffer_terminate(&b), "\"convolution\"]"));
	jm_buffer_finish(&b);
}

static void a_page_of_nothing_is_refused(void **state)
{
	struct jm_page page = {.title = "a"};
	struct jm_buffer b = {0};

	(void)state;
	assert_int_equal(jm_page_write(&page, &b, NULL), JM_E_INVALID);
	jm_buffer_finish(&b);
}

static void numbers_are_little_endian_base64(void **state)
{
	struct jm_buffer b = {0};
	struct jm_base64 out;

	(void)state;
	jm_base64_begin(&out, &b);
	jm_base64_f32(&out, 1.0f);
	jm_base64_u32(&out, 258);
	jm_base64_u16(&out, 1);
	jm_base64_end(&out);
	assert_string_equal(jm_buffer_terminate(&b), "\"AACAPwIBAAABAA==\"");
	jm_buffer_finish(&b);
}

static void many_numbers_are_many_bytes(void **state)
{
	struct jm_buffer b = {0};
	struct jm_base64 out;
	int i;

	(void)state;
	jm_base64_begin(&out, &b);
	for (i = 0; i < 5000; i++)
		jm_base64_f64(&out, i);
	jm_base64_end(&out);
	assert_int_equal(b.n, 2 + (5000 * 8 + 2) / 3 * 4);
	jm_buffer_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_text_ends_the_element_it_is_in),
	    cmocka_unit_test(only_its_own_script_may_run),
	    cmocka_unit_test(the_data_are_json),
	    cmocka_unit_test(the_parts_of_a_network_are_told_where_they_are_known),
	    cmocka_unit_test(a_page_of_nothing_is_refused),
	    cmocka_unit_test(numbers_are_little_endian_base64),
	    cmocka_unit_test(many_numbers_are_many_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
