#include "export/export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "export/small_result.h"

static void expect(struct small_result *small, enum jm_view_by by, const char *text)
{
	struct jm_view view = {.by = by, .sort = JM_SORT_NONE};
	struct jm_buffer b = {0};

	assert_int_equal(jm_exporter_find("folded")->write(&small->result, &view, &b, NULL), 0);
	assert_string_equal(jm_buffer_terminate(&b), text);
	jm_buffer_finish(&b);
}

/* 2 of 8 J are the first layer's; the second one's are not known, and in what is unattributed. */
static void rows_and_what_is_in_none_make_the_channel(void **state)
{
	struct small_result s;

	(void)state;
	small_result_init(&s);
	expect(&s, JM_BY_LAYER,
	       "estimate/cpu (estimated);Conv;first, \"quoted\" 2000000\n"
	       "estimate/cpu (estimated);(unattributed) 6000000\n");
	expect(&s, JM_BY_CHANNEL, "estimate/cpu (estimated);(all) 8000000\n");
}

static void names_do_not_make_frames_or_lines(void **state)
{
	struct small_result s;

	(void)state;
	small_result_init(&s);
	s.channel.state = JM_STATE_MEASURED;
	s.layers[0].name = "a;b\nc 5";
	s.layers[0].type = "";
	s.closure[0].unattributed_j = 0;
	s.closure[0].idle_j = 6;
	expect(&s, JM_BY_LAYER, "estimate/cpu;a:b?c 5 2000000\nestimate/cpu;(between iterations) 6000000\n");
}

static void a_channel_is_drawn_once(void **state)
{
	struct small_result s;

	(void)state;
	small_result_init(&s);
	s.channel.same_as = 0;
	expect(&s, JM_BY_LAYER, "");
	small_result_init(&s);
	s.channels[0].energy_j = NAN;
	expect(&s, JM_BY_CHANNEL, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_and_what_is_in_none_make_the_channel),
	    cmocka_unit_test(names_do_not_make_frames_or_lines),
	    cmocka_unit_test(a_channel_is_drawn_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
