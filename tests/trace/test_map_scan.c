/* The quick reader of trt_layer_latency.json against the general one: what it takes, that one must take alike. */
#define _GNU_SOURCE
#include "trace/map_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define S "20300101-00:00:00"

static int fd;

static int setup(void **state)
{
	(void)state;
	fd = memfd_create("latency", MFD_CLOEXEC);
	return fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	return close(fd);
}

static void assert_alike(const struct jm_map_layers *a, const struct jm_map_layers *b)
{
	size_t i, k;

	assert_int_equal(a->n, b->n);
	assert_int_equal(a->n_cycles, b->n_cycles);
	assert_int_equal(a->has_stamps, b->has_stamps);
	assert_int_equal(a->is_integral, b->is_integral);
	for (i = 0; i < a->n; i++) {
		assert_string_equal(a->items[i].name, b->items[i].name);
		assert_int_equal(a->items[i].n, b->items[i].n);
		for (k = 0; k < a->items[i].n; k++)
			assert_memory_equal(&a->items[i].entries[k], &b->items[i].entries[k],
					    sizeof(struct jm_map_entry));
	}
}

/* Gives whether the quick reader takes text. */
static bool takes(const char *text, size_t n)
{
	struct jm_map_layers quick = {0}, general = {0};
	struct jm_json *json = NULL;
	int rc;

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, text, n, 0), n);
	rc = jm_map_scan(fd, 0, UINT64_MAX, true, true, &quick);
	if (!rc) {
		assert_int_equal(jm_json_open(NULL, text, n, &json, NULL), 0);
		assert_int_equal(jm_map_latency_read(json, &general, NULL), 0);
		assert_alike(&quick, &general);
	}
	jm_json_close(json);
	jm_map_layers_finish(&quick);
	jm_map_layers_finish(&general);
	return !rc;
}

static void usual_texts_are_taken(void **state)
{
	static const char *const texts[] = {
	    "{\"a\": [[0.25, \"" S ".5\"], [1e-05, \"" S ".500001\"]], \"b, c\": [[3, \"" S ".5\"]]}",
	    "{\"a\":[[0.10,\"" S ".5\"]]}\n",
	    " {\n \"a\" : [ [ 0.25 ,\n\"" S ".5\" ] , [ 2.5E+1 , \"" S ".5\" ] ] , \"b\" : [ ] } \n",
	    "{\"a\": [0.25, 1, 0.5e0], \"b\": [0.30000000000000001]}",
	    "{\"a\": [1, 2], \"b\": [30, 0]}",
	    "{\"a\": [1, 2], \"b\": [30], \"a\": [5]}",
	    "{\"a\": [[0.25, \"" S ".5\"], 0.25]}",
	    "{}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_true(takes(texts[i], strlen(texts[i])));
}

static void other_texts_are_left_to_the_general_reader(void **state)
{
	static const char *const texts[] = {
	    "",
	    "{",
	    "[]",
	    "{\"a\"}",
	    "{\"a\": [1,]}",
	    "{\"a\": [1],}",
	    "{\"a\": [1]} x",
	    "{\"a\": [1]}}",
	    "{\"a\": [01]}",
	    "{\"a\": [.5]}",
	    "{\"a\": [5.]}",
	    "{\"a\": [+5]}",
	    "{\"a\": [-5]}",
	    "{\"a\": [1e]}",
	    "{\"a\": [1e999]}",
	    "{\"a\": [NaN]}",
	    "{\"a\": [Infinity]}",
	    "{\"a\": [9e7]}",
	    "{\"a\\n\": [1]}",
	    "{\"\xc3\xa9\": [1]}",
	    "{\"a\": 1}",
	    "{\"a\": [[1]]}",
	    "{\"a\": [[1, 2]]}",
	    "{\"a\": [[1, \"yesterday\"]]}",
	    "{\"a\": [[1, \"" S ".5\", 2]]}",
	    "{\"a\": [[1, \"" S ".5\"]",
	    "{\"a\": [[1, \"" S ".5\"]]",
	    "\"{\\\"a\\\": [1]}\"",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(takes(texts[i], strlen(texts[i])));
	assert_false(takes("{\"a\": [1]}\0", 11));
}

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 33) % n;
}

/* Bytes changed, left out and doubled at random: takes() asserts that the general reader agrees. */
static void what_is_taken_of_damaged_texts_is_right(void **state)
{
	static const char good[] = "{\"a\": [[0.25, \"" S ".5\"], [1e-05, \"" S ".51\"]], \"b\": [12.5, 7]}";
	static const char bytes[] = "[]{}\",:. 0123456789eE+-\\\n";
	size_t n_taken = 0, i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		char text[sizeof(good) + 4];
		size_t n = sizeof(good) - 1;
		uint32_t changes = 1 + random_below(3);

		memcpy(text, good, sizeof(good));
		for (; changes > 0; changes--) {
			size_t at = random_below((uint32_t)n - 1);

			switch (random_below(3)) {
			case 0:
				text[at] = bytes[random_below(sizeof(bytes) - 1)];
				break;
			case 1:
				memmove(text + at, text + at + 1, n - at);
				n--;
				break;
			default:
				if (n < sizeof(text) - 1) {
					memmove(text + at + 1, text + at, n - at);
					n++;
				}
			}
		}
		n_taken += takes(text, n);
	}
	assert_true(n_taken > 1000);
}

/* Entries and names that the end of the buffer cuts, at every place; and a name that does not fit into it. */
static void the_end_of_the_buffer_does_not_show(void **state)
{
	static const char entry[] = "[0.25, \"" S ".5\"], ";
	size_t capacity = 700000, n, name, i;
	char *text = malloc(capacity);

	(void)state;
	assert_non_null(text);
	for (name = 1; name < sizeof(entry) + 5; name++) {
		n = (size_t)sprintf(text, "{\"");
		for (i = 0; i < name; i++)
			text[n++] = 'x';
		n += (size_t)sprintf(text + n, "\": [");
		while (n < 270000)
			n += (size_t)sprintf(text + n, "%s", entry);
		n += (size_t)sprintf(text + n - 2, "], \"y\": []}") - 2;
		assert_true(takes(text, n));
	}
	memset(text, 'x', capacity);
	text[0] = '{';
	text[1] = '"';
	n = 300000;
	n += (size_t)sprintf(text + n, "\": [1]}");
	assert_false(takes(text, n));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(usual_texts_are_taken),
	    cmocka_unit_test(other_texts_are_left_to_the_general_reader),
	    cmocka_unit_test(what_is_taken_of_damaged_texts_is_right),
	    cmocka_unit_test(the_end_of_the_buffer_does_not_show),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
