#include "export/export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "support/trace_text.h"

#define PACKETS_MAX 64

/* The packets, cut at their lengths; their insides are read back by Perfetto's own definition in tests/integration. */
struct packets {
	const unsigned char *at[PACKETS_MAX];
	size_t n_bytes[PACKETS_MAX], n;
};

static void cut(const struct jm_buffer *all, struct packets *out)
{
	const unsigned char *at = (const unsigned char *)all->data, *end = at + all->n;

	out->n = 0;
	while (at < end) {
		size_t n = 0, shift = 0;

		assert_int_equal(*at++, 0x0a);
		for (; *at & 0x80; shift += 7)
			n |= (size_t)(*at++ & 0x7f) << shift;
		n |= (size_t)*at++ << shift;
		assert_true(n <= (size_t)(end - at));
		assert_true(out->n < PACKETS_MAX);
		out->at[out->n] = at;
		out->n_bytes[out->n++] = n;
		at += n;
	}
}

static size_t times(const struct jm_buffer *all, const char *text, size_t n)
{
	size_t i, found = 0;

	for (i = 0; i + n <= all->n; i++)
		found += memcmp(all->data + i, text, n) == 0;
	return found;
}

static void packets_follow_each_other_and_names_stand_once(void **state)
{
	struct trace_text text = {.n_pieces = 0};
	struct packets p;

	(void)state;
	assert_int_equal(trace_text_small(jm_exporter_find("perfetto"), &text), 0);
	cut(&text.all, &p);
	/* Clock, process, counter, two values, two threads, three slices with begin and end, the facts. */
	assert_int_equal(p.n, 1 + 1 + 1 + 2 + 2 + 6 + 1);
	assert_int_equal(times(&text.all, "mean_energy_mj (c)", 18), 1);
	assert_int_equal(times(&text.all, "overlaps", 8), 1);
	jm_buffer_finish(&text.all);
}

static void times_are_whole_nanoseconds(void **state)
{
	/* Field 8, then 2^53 + 2 as a varint. */
	static const char stamp[] = "\x40\x82\x80\x80\x80\x80\x80\x80\x10";
	struct trace_text text = {.n_pieces = 0};

	(void)state;
	assert_int_equal(trace_text_small(jm_exporter_find("perfetto"), &text), 0);
	assert_int_equal(times(&text.all, stamp, sizeof(stamp) - 1), 2);
	jm_buffer_finish(&text.all);
}

static void bytes_that_are_no_utf8_do_not_get_in(void **state)
{
	struct trace_text text = {.n_pieces = 0};

	(void)state;
	assert_int_equal(trace_text_small(jm_exporter_find("perfetto"), &text), 0);
	assert_int_equal(times(&text.all, "a\"b\\c??", 7), 2); /* a name, and a text */
	assert_int_equal(times(&text.all, "c\n\xff", 3), 0);
	jm_buffer_finish(&text.all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(packets_follow_each_other_and_names_stand_once),
	    cmocka_unit_test(times_are_whole_nanoseconds),
	    cmocka_unit_test(bytes_that_are_no_utf8_do_not_get_in),
	};

	if (!jm_exporter_find("perfetto")->trace) {
		printf("SKIP: built without protobuf-c\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
