#include "session/marker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct got {
	struct jm_span spans[256];
	size_t n;
};

static int collect(void *ctx, const struct jm_span *spans, size_t n)
{
	struct got *got = ctx;
	size_t i;

	for (i = 0; i < n && got->n < 256; i++)
		got->spans[got->n++] = spans[i];
	return 0;
}

static void spans_nest(void **state)
{
	struct got got = {.n = 0};
	struct jm_span_sink sink = {.write = collect, .ctx = &got};
	struct jm_track *track;

	(void)state;
	assert_int_equal(jm_track_create(3, &track), 0);
	jm_span_begin(track, 10);
	jm_span_begin(track, 11);
	jm_span_end(track);
	jm_span_end(track);
	assert_int_equal(jm_track_drain(track, &sink), 0);
	assert_int_equal(got.n, 2);
	assert_int_equal(got.spans[0].name, 11);
	assert_int_equal(got.spans[1].name, 10);
	assert_true(got.spans[1].start_ns <= got.spans[0].start_ns);
	assert_true(got.spans[0].end_ns <= got.spans[1].end_ns);
	assert_int_equal(got.spans[0].track, 3);
	assert_int_equal(jm_track_n_lost(track), 0);
	jm_track_destroy(track);
}

static void an_end_without_begin_is_counted_lost(void **state)
{
	struct jm_track *track;

	(void)state;
	assert_int_equal(jm_track_create(1, &track), 0);
	jm_span_end(track);
	assert_int_equal(jm_track_n_lost(track), 1);
	jm_track_destroy(track);
	jm_track_destroy(NULL);
}

/* 70 deep: 64 are kept, 6 are lost, and the ends find their own begins. */
static void too_deep_spans_are_lost_and_the_others_are_right(void **state)
{
	struct got got = {.n = 0};
	struct jm_span_sink sink = {.write = collect, .ctx = &got};
	struct jm_track *track;
	uint32_t i;

	(void)state;
	assert_int_equal(jm_track_create(1, &track), 0);
	for (i = 0; i < 70; i++)
		jm_span_begin(track, i);
	for (i = 0; i < 70; i++)
		jm_span_end(track);
	assert_int_equal(jm_track_drain(track, &sink), 0);
	assert_int_equal(got.n, 64);
	assert_int_equal(got.spans[0].name, 63);
	assert_int_equal(got.spans[63].name, 0);
	assert_int_equal(jm_track_n_lost(track), 6);
	jm_track_destroy(track);
}

static void a_full_ring_loses_and_counts(void **state)
{
	struct jm_track *track;
	uint32_t i;

	(void)state;
	assert_int_equal(jm_track_create(1, &track), 0);
	for (i = 0; i < 20000; i++) {
		jm_span_begin(track, 1);
		jm_span_end(track);
	}
	assert_int_equal(jm_track_n_lost(track), 20000 - 16384);
	jm_track_destroy(track);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(spans_nest),
	    cmocka_unit_test(an_end_without_begin_is_counted_lost),
	    cmocka_unit_test(too_deep_spans_are_lost_and_the_others_are_right),
	    cmocka_unit_test(a_full_ring_loses_and_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
