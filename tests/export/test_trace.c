#include "export/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "support/trace_text.h"

/* A writer that tells in words what it was told. */
static void begin(struct jm_trace *t)
{
	jm_buffer_puts(&t->out, "begin");
}

static void track(struct jm_trace *t, const struct jm_trace_track *track)
{
	jm_buffer_printf(&t->out, " %s:%u=%s", track->kind == JM_TRACE_COUNTER ? "counter" : "thread", track->id,
			 track->name);
}

static void value(struct jm_trace *t, const struct jm_trace_track *track, int64_t t_ns, double value)
{
	jm_buffer_printf(&t->out, " %u@%lld=%g", track->id, (long long)t_ns, value);
}

static void begin_slice(struct jm_trace *t, uint32_t track, const struct jm_trace_slice *slice)
{
	jm_buffer_printf(&t->out, " [%u %s", track, slice->name);
}

static void end_slice(struct jm_trace *t, uint32_t track, int64_t t_ns)
{
	jm_buffer_printf(&t->out, " %u %lld]", track, (long long)t_ns);
}

static void end(struct jm_trace *t, const struct jm_trace_arg *facts, size_t n_facts)
{
	(void)facts;
	jm_buffer_printf(&t->out, " end %zu", n_facts);
}

static const struct jm_trace_writer words = {begin, track, value, begin_slice, end_slice, end, NULL};

static void add(struct jm_trace *t, const char *name, int64_t start_ns, int64_t end_ns)
{
	jm_trace_slice(
	    t, &(struct jm_trace_slice){.start_ns = start_ns, .end_ns = end_ns, .name = name, .category = "layer"});
}

static void slices_nest_follow_and_end_in_order(void **state)
{
	struct trace_text text = {.n_pieces = 0};
	struct jm_trace t;

	(void)state;
	jm_trace_begin(&t, &words, &(struct jm_trace_head){.process = "p"}, trace_text_take, &text);
	jm_trace_thread(&t, "one");
	add(&t, "i", 0, 10);
	add(&t, "a", 0, 5);
	add(&t, "b", 5, 10);
	add(&t, "c", 10, 10);
	jm_trace_thread(&t, "two");
	add(&t, "d", 3, 4);
	assert_int_equal(jm_trace_end(&t, NULL, 0), 0);
	assert_string_equal(
	    jm_buffer_terminate(&text.all),
	    "begin thread:1=one [1 i [1 a 1 5] [1 b 1 10] 1 10] [1 c 1 10] thread:2=two [2 d 2 4] end 0");
	jm_buffer_finish(&text.all);
}

static void what_overlaps_lies_beside(void **state)
{
	struct trace_text text = {.n_pieces = 0};
	struct jm_trace t;

	(void)state;
	jm_trace_begin(&t, &words, &(struct jm_trace_head){.process = "p"}, trace_text_take, &text);
	jm_trace_thread(&t, "s");
	add(&t, "a", 0, 10);
	add(&t, "b", 5, 15);
	add(&t, "c", 12, 14);
	assert_int_equal(jm_trace_end(&t, NULL, 0), 0);
	assert_string_equal(jm_buffer_terminate(&text.all),
			    "begin thread:1=s [1 a thread:2=s (beside, 2) [2 b 1 10] [1 c 1 14] 2 15] end 0");
	jm_buffer_finish(&text.all);
}

static void what_has_no_lane_is_counted(void **state)
{
	struct trace_text text = {.n_pieces = 0};
	struct jm_trace t;
	int i;

	(void)state;
	jm_trace_begin(&t, &words, &(struct jm_trace_head){.process = "p"}, trace_text_take, &text);
	jm_trace_thread(&t, "s");
	for (i = 0; i < JM_TRACE_LANES + 3; i++)
		add(&t, "x", i, 1000 + i);
	assert_int_equal(t.n_left_out, 3);
	assert_int_equal(t.n_slices, JM_TRACE_LANES);
	assert_int_equal(jm_trace_end(&t, NULL, 0), 0);
	jm_buffer_finish(&text.all);
}

static void unknown_values_are_no_values(void **state)
{
	struct trace_text text = {.n_pieces = 0};
	struct jm_trace_track counter;
	struct jm_trace t;

	(void)state;
	jm_trace_begin(&t, &words, &(struct jm_trace_head){.process = "p"}, trace_text_take, &text);
	counter = jm_trace_counter(&t, "c", "W");
	jm_trace_value(&t, &counter, 1, NAN);
	jm_trace_value(&t, &counter, 2, 3);
	assert_int_equal(jm_trace_end(&t, NULL, 0), 0);
	assert_string_equal(jm_buffer_terminate(&text.all), "begin counter:1=c 1@2=3 end 0");
	jm_buffer_finish(&text.all);
}

static void text_leaves_in_pieces(void **state)
{
	struct trace_text text = {.n_pieces = 0};
	struct jm_trace t;
	int i;

	(void)state;
	jm_trace_begin(&t, &words, &(struct jm_trace_head){.process = "p"}, trace_text_take, &text);
	jm_trace_thread(&t, "s");
	for (i = 0; i < 50000; i++)
		add(&t, "name", 2 * i, 2 * i + 1);
	assert_true(text.n_pieces > 5);
	assert_true(t.out.capacity < 1 << 18);
	assert_int_equal(jm_trace_end(&t, NULL, 0), 0);
	assert_true(text.longest < 1 << 17);
	jm_buffer_finish(&text.all);
}

static void a_reader_that_stops_is_an_error(void **state)
{
	struct trace_text text = {.is_stopping = true};
	struct jm_trace t;

	(void)state;
	jm_trace_begin(&t, &words, &(struct jm_trace_head){.process = "p"}, trace_text_take, &text);
	jm_trace_thread(&t, "s");
	assert_int_equal(jm_trace_end(&t, NULL, 0), JM_E_CANCELLED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(slices_nest_follow_and_end_in_order),
	    cmocka_unit_test(what_overlaps_lies_beside),
	    cmocka_unit_test(what_has_no_lane_is_counted),
	    cmocka_unit_test(unknown_values_are_no_values),
	    cmocka_unit_test(text_leaves_in_pieces),
	    cmocka_unit_test(a_reader_that_stops_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
