#include "attribution/slices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

static struct jm_span span(int64_t start, int64_t end, uint32_t name, uint32_t track)
{
	struct jm_span s = {.start_ns = start, .end_ns = end, .name = name, .track = track, .kind = JM_SPAN_LAYER};

	return s;
}

static double time_of(const struct jm_slices *s, uint32_t name)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < s->n; i++)
		sum += s->items[i].name == name ? jm_slice_seconds(&s->items[i]) * 1e9 : 0;
	return sum;
}

static void a_child_takes_its_time_from_its_parent(void **state)
{
	struct jm_span in[] = {span(10, 20, 1, 0), span(0, 100, 0, 0), span(30, 60, 2, 0), span(40, 50, 3, 0)};
	struct jm_slices s;

	(void)state;
	assert_int_equal(jm_slices_init(&s, in, 4, NULL), 0);
	assert_true(fabs(time_of(&s, 0) - 60) < 1e-9);
	assert_true(fabs(time_of(&s, 1) - 10) < 1e-9);
	assert_true(fabs(time_of(&s, 2) - 20) < 1e-9);
	assert_true(fabs(time_of(&s, 3) - 10) < 1e-9);
	jm_slices_finish(&s);
}

static void spans_of_one_track_that_overlap_are_not_counted_twice(void **state)
{
	struct jm_span in[] = {span(0, 50, 0, 0), span(40, 90, 1, 0)};
	struct jm_slices s;

	(void)state;
	assert_int_equal(jm_slices_init(&s, in, 2, NULL), 0);
	assert_true(fabs(time_of(&s, 0) - 40) < 1e-9);
	assert_true(fabs(time_of(&s, 1) - 50) < 1e-9);
	jm_slices_finish(&s);
}

static void tracks_at_once_share_their_time(void **state)
{
	struct jm_span in[] = {span(0, 60, 0, 0), span(30, 90, 1, 1), span(40, 60, 2, 2)};
	struct jm_slices s;

	(void)state;
	assert_int_equal(jm_slices_init(&s, in, 3, NULL), 0);
	assert_true(fabs(time_of(&s, 0) - (30 + 5 + 20.0 / 3)) < 1e-9);
	assert_true(fabs(time_of(&s, 0) + time_of(&s, 1) + time_of(&s, 2) - 90) < 1e-9);
	jm_slices_finish(&s);
}

static void empty_and_backward_spans_give_no_slice(void **state)
{
	struct jm_span in[] = {span(5, 5, 0, 0), span(9, 3, 0, 0)};
	struct jm_slices s;

	(void)state;
	assert_int_equal(jm_slices_init(&s, in, 2, NULL), 0);
	assert_int_equal(s.n, 0);
	jm_slices_finish(&s);
}

static void clipping_keeps_what_lies_in_the_windows(void **state)
{
	struct jm_span in[] = {span(0, 100, 0, 0), span(200, 300, 1, 0)};
	struct jm_stretch windows[] = {{10, 20}, {50, 250}};
	struct jm_stretches set = {windows, 2, 2};
	struct jm_slices s;

	(void)state;
	assert_int_equal(jm_slices_init(&s, in, 2, NULL), 0);
	assert_int_equal(jm_slices_clip(&s, &set), 0);
	assert_true(fabs(time_of(&s, 0) - 60) < 1e-9);
	assert_true(fabs(time_of(&s, 1) - 50) < 1e-9);
	jm_slices_finish(&s);
}

static void too_many_tracks_at_once_are_an_error(void **state)
{
	static struct jm_span in[JM_TRACKS_AT_ONCE + 1];
	struct jm_slices s;
	struct jm_error err;
	uint32_t i;

	(void)state;
	for (i = 0; i < JM_TRACKS_AT_ONCE + 1; i++)
		in[i] = span(0, 10, 0, i);
	assert_int_equal(jm_slices_init(&s, in, JM_TRACKS_AT_ONCE + 1, &err), JM_E_INVALID);
	assert_int_equal(jm_slices_init(&s, in, JM_TRACKS_AT_ONCE, &err), 0);
	jm_slices_finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_child_takes_its_time_from_its_parent),
	    cmocka_unit_test(spans_of_one_track_that_overlap_are_not_counted_twice),
	    cmocka_unit_test(tracks_at_once_share_their_time),
	    cmocka_unit_test(empty_and_backward_spans_give_no_slice),
	    cmocka_unit_test(clipping_keeps_what_lies_in_the_windows),
	    cmocka_unit_test(too_many_tracks_at_once_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
