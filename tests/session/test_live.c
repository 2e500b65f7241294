#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/live_world.h"

static void a_counter_that_wraps_goes_on(void **state)
{
	struct world *w = *state;
	int i;

	open_script(w, "channel c energy counter domain=package wrap=1000 interpolate=yes step=0.001\n0 c 900\n100s c "
		       "5900\n100s end\n");
	for (i = 0; i < 40; i++)
		pass(w, 100 * MS);
	/* 50 W for 4 s: 900 + 200 J passes the wrap once. */
	is_near(channel(w, 0).energy_j, 200);
	is_near(channel(w, 0).seen_s, 4);
	is_near(channel(w, 0).power_w, 50);
	assert_true(channel(w, 0).unattributed_j > 0);
}

static void a_gauge_gives_nothing_for_a_gap(void **state)
{
	struct world *w = *state;
	double before;
	int i;

	open_script(w, "channel g power gauge domain=gpu\n0 g 100\n1s g 100\n1s gap\n2s g 100\n10s end\n");
	for (i = 0; i < 9; i++)
		pass(w, 100 * MS);
	before = channel(w, 0).energy_j;
	is_near(before, 90);
	for (i = 0; i < 10; i++)
		pass(w, 100 * MS);
	is_near(channel(w, 0).energy_j, before);
	assert_true(isnan(channel(w, 0).power_w));
	for (i = 0; i < 11; i++)
		pass(w, 100 * MS);
	assert_true(channel(w, 0).energy_j > before + 90 && channel(w, 0).energy_j < before + 111);
	assert_false(channel(w, 0).is_split);
}

static void what_a_busy_processor_took_goes_to_those_who_used_it(void **state)
{
	struct world *w = *state;
	struct jm_live_process p;
	struct jm_live_channel c;
	uint32_t id, child;
	int i;

	put(w, 10, 1, 0, 10);
	put(w, 11, 10, 0, 10);
	put(w, 12, 1, 0, 10);
	open_script(w, "channel c power gauge domain=package\n0 c 40\n100s end\n");
	assert_int_equal(jm_live_watch(w->live, 10, &id, NULL), 0);
	pass(w, 100 * MS);
	/* In each second of two processors: 10 takes 0.5 s, its child 0.5 s, others 0.5 s; 0.5 s are idle. */
	for (i = 1; i <= 10; i++) {
		put(w, 10, 1, 50 * i, 10);
		put(w, 11, 10, 50 * i, 10);
		put(w, 12, 1, 50 * i, 10);
		w->idle_ticks += 50;
		w->now_ns +=
		    900 * MS; /* readings 100 ms apart would be needed for a gauge; here its mean is what counts */
		pass(w, 100 * MS);
	}
	assert_int_equal(jm_live_process(w->live, id, &p), 0);
	assert_true(p.is_root);
	is_near(p.cpu_s, 5);
	is_near(p.tree_cpu_s, 10);
	c = channel(w, 0);
	is_near(c.energy_j, c.idle_j + c.others_j + c.unattributed_j + p.tree_energy_j[0]);
	is_near(p.tree_energy_j[0], 2 * p.energy_j[0]);
	/* Twice: the second is the first; and one of the tree on its own account. */
	assert_int_equal(jm_live_watch(w->live, 10, &child, NULL), 0);
	assert_int_equal(child, id);
	jm_live_unwatch(w->live, id);
	assert_int_equal(jm_live_watch(w->live, 11, &child, NULL), 0);
	jm_live_unwatch(w->live, id);
	pass(w, 100 * MS);
	assert_int_equal(jm_live_process(w->live, id, &p), JM_E_INVALID);
	assert_int_equal(jm_live_process(w->live, child, &p), 0);
	jm_live_unwatch(w->live, child);
	pass(w, 100 * MS);
	assert_int_equal(jm_live_process(w->live, child, &p), JM_E_INVALID);
	assert_int_equal(jm_live_watch(w->live, 999, &child, NULL), JM_E_NOT_FOUND);
}

static void the_parts_of_an_estimate_add_up_to_it(void **state)
{
	struct world *w = *state;
	struct jm_live_process p;
	struct jm_live_channel c;
	uint32_t id;
	int i;

	put(w, 10, 1, 0, 10);
	open_script(
	    w,
	    "channel c energy counter domain=package\nchannel d energy counter domain=dram\n0 1000 1000\n1s 1040 1010\n"
	    "2s 1080 1020\n3s 1120 1030\n9s end\n");
	assert_int_equal(jm_live_watch(w->live, 10, &id, NULL), 0);
	for (i = 0; i <= 3; i++) {
		put(w, 10, 1, 100 * i, 50);
		w->idle_ticks += i ? 100 : 0;
		pass(w, i ? S : 0);
	}
	assert_int_equal(jm_live_process(w->live, id, &p), 0);
	c = channel(w, 0);
	/* 10 is busy on one of two processors: half of it is idle, half is 10's. */
	is_near(c.energy_j, 120);
	is_near(c.idle_j, 60);
	is_near(p.energy_j[0], 60);
	is_near(c.others_j, 0);
	c = channel(w, 1);
	/* It holds 200 of the 500 kB that are in use. */
	is_near(c.energy_j, 30);
	is_near(p.energy_j[1], 15 * 50 * (double)sysconf(_SC_PAGESIZE) / (500 * 1024));
	is_near(c.energy_j, c.idle_j + c.others_j + c.unattributed_j + p.energy_j[1]);
}

static void a_kept_idle_level_is_charged_to_nobody(void **state)
{
	struct world *w = *state;
	struct jm_live_process p;
	struct jm_live_channel c;
	uint32_t id;
	int i;

	put(w, 10, 1, 0, 10);
	open_script(w, "channel c energy counter domain=package\n0 0\n1s 40\n2s 80\n3s 85\n9s end\n");
	w->live->sums[0].idle_w = 10;
	assert_int_equal(jm_live_watch(w->live, 10, &id, NULL), 0);
	for (i = 0; i <= 3; i++) {
		put(w, 10, 1, 100 * i, 50);
		w->idle_ticks += i ? 100 : 0;
		pass(w, i ? S : 0);
	}
	assert_int_equal(jm_live_process(w->live, id, &p), 0);
	c = channel(w, 0);
	/* 40 W, of which 10 are the idle machine's; in the last second 5 W, which all are. */
	is_near(c.energy_j, 85);
	is_near(c.idle_j, 25);
	is_near(c.idle_w, 10);
	is_near(p.energy_j[0], 60);
	is_near(c.others_j + c.unattributed_j, 0);
}

static void a_process_that_ended_keeps_what_it_took_while_somebody_asks(void **state)
{
	struct world *w = *state;
	struct jm_live_process p;
	uint32_t id;

	put(w, 10, 1, 0, 10);
	open_script(w, "channel c energy counter domain=package\n0 0\n1s 100\n2s 200\n9s 300\n9s end\n");
	assert_int_equal(jm_live_watch(w->live, 10, &id, NULL), 0);
	pass(w, 0);
	put(w, 10, 1, 100, 10);
	w->idle_ticks += 100;
	pass(w, S);
	tree_write(&w->tree, "/proc/10/stat", "");
	w->idle_ticks += 200;
	pass(w, S);
	assert_int_equal(jm_live_process(w->live, id, &p), 0);
	assert_true(p.is_gone);
	is_near(p.energy_j[0], 50);
	jm_live_unwatch(w->live, id);
	pass(w, S);
	assert_int_equal(jm_live_process(w->live, id, &p), JM_E_INVALID);
}

static void a_sensor_that_is_lost_is_tried_again_and_its_sum_goes_on(void **state)
{
	struct world *w = *state;
	double before;
	int i;

	open_script(w, "channel c power gauge domain=package\n0 c 10\n1s error gone\n2s end\n");
	for (i = 0; i < 15; i++)
		pass(w, 100 * MS);
	assert_true(channel(w, 0).is_lost);
	assert_string_equal(channel(w, 0).info.state, "unavailable");
	assert_int_equal(channel(w, 0).n_lost, 1);
	before = channel(w, 0).energy_j;
	assert_true(before > 8 && before < 11);
	/* The script's sensor goes again at once: that is counted, and costs nothing of the sum. */
	for (i = 0; i < 60 && channel(w, 0).is_lost && channel(w, 0).n_lost == 1; i++)
		pass(w, 100 * MS);
	assert_true(i < 60);
	is_near(channel(w, 0).energy_j, before);
	for (i = 0; i < 5; i++)
		pass(w, 100 * MS);
	assert_int_equal(channel(w, 0).n_lost, 2);
	assert_true(channel(w, 0).energy_j >= before);
	assert_non_null(jm_live_note(w->live, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_counter_that_wraps_goes_on, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_gauge_gives_nothing_for_a_gap, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_a_busy_processor_took_goes_to_those_who_used_it, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_parts_of_an_estimate_add_up_to_it, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_kept_idle_level_is_charged_to_nobody, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_process_that_ended_keeps_what_it_took_while_somebody_asks, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_sensor_that_is_lost_is_tried_again_and_its_sum_goes_on, set_up,
					    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
