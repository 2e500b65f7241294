#define _GNU_SOURCE
#include "sensor/fake_world.h"

#include "core/units.h"

extern const struct jm_sensor_driver jm_sensor_estimate;

#define STAT_A "cpu  100 0 50 1000 10 0 5 0 0 0\ncpu0 50 0 25 500 5 0 2 0 0 0\ncpu1 50 0 25 500 5 0 3 0 0 0\nintr 1 2\n"

static int set_up(void **state)
{
	struct fake_world *w = malloc(sizeof(*w));

	fake_world_init(w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	fake_world_finish(*state);
	free(*state);
	return 0;
}

static struct jm_sensor *open_with(struct fake_world *w, const char *argument)
{
	fake_world_text(w, "/proc/stat", STAT_A);
	assert_int_equal(jm_sensor_estimate.probe(&w->env, argument, &w->set, &w->why), 0);
	assert_int_equal(w->set.n_sensors, 1);
	assert_int_equal(jm_sensor_estimate.open(&w->set.sensors[0], &w->why), 0);
	return &w->set.sensors[0];
}

static void power_is_idle_plus_use_times_range(void **state)
{
	struct fake_world *w = *state;
	struct jm_sensor *s = open_with(w, "idle=10,max=50");
	struct jm_sample out;
	size_t n = 0;

	assert_int_equal(s->driver->read(s, &out, &n), JM_E_AGAIN);
	/* busy +30 (user 20, system 5, irq 2, softirq 3), idle +60, iowait +10: u = 30/100, P = 10 + 0.3 * 40 = 22 W */
	fake_world_text(w, "/proc/stat", "cpu  120 0 55 1060 20 2 8 0 0 0\n");
	w->now_ns += JM_NS_PER_S;
	assert_int_equal(s->driver->read(s, &out, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(out.value, 22000000);
	assert_int_equal(out.t_ns, w->now_ns);
	assert_int_equal(out.status, JM_SAMPLE_OK);
	assert_int_equal(out.channel, 0);
}

static void stolen_time_is_not_busy_and_guests_count_once(void **state)
{
	struct fake_world *w = *state;
	struct jm_sensor *s = open_with(w, "idle=0,max=100");
	struct jm_sample out;
	size_t n = 0;

	assert_int_equal(s->driver->read(s, &out, &n), JM_E_AGAIN);
	/* busy +40 (all of it guest time, which user contains), steal +20, idle +40: u = 0.4 */
	fake_world_text(w, "/proc/stat", "cpu  140 0 50 1040 10 0 5 20 40 0\n");
	assert_int_equal(s->driver->read(s, &out, &n), 0);
	assert_int_equal(out.value, 40000000);
}

static void a_tick_that_did_not_come_gives_no_reading(void **state)
{
	struct fake_world *w = *state;
	struct jm_sensor *s = open_with(w, NULL);
	struct jm_sample out;
	size_t n = 77;

	assert_int_equal(s->driver->read(s, &out, &n), JM_E_AGAIN);
	assert_int_equal(s->driver->read(s, &out, &n), JM_E_AGAIN);
	assert_int_equal(n, 77);
}

static void iowait_going_back_does_not_count(void **state)
{
	struct fake_world *w = *state;
	struct jm_sensor *s = open_with(w, "idle=0,max=100");
	struct jm_sample out;
	size_t n = 0;

	assert_int_equal(s->driver->read(s, &out, &n), JM_E_AGAIN);
	fake_world_text(w, "/proc/stat", "cpu  150 0 50 1050 3 0 5 0 0 0\n");
	assert_int_equal(s->driver->read(s, &out, &n), 0);
	assert_int_equal(out.value, 50000000);
}

static void a_file_that_shrinks_or_turns_to_garbage_fails_the_reading_only(void **state)
{
	struct fake_world *w = *state;
	struct jm_sensor *s = open_with(w, NULL);
	struct jm_sample out;
	size_t n = 0;

	fake_world_text(w, "/proc/stat", "");
	assert_int_equal(s->driver->read(s, &out, &n), JM_E_FORMAT);
	fake_world_text(w, "/proc/stat", "cpu  1 2 x 4 5\n");
	assert_int_equal(s->driver->read(s, &out, &n), JM_E_FORMAT);
	fake_world_text(w, "/proc/stat", "cpu  1 2 3\n");
	assert_int_equal(s->driver->read(s, &out, &n), JM_E_FORMAT);
	fake_world_text(w, "/proc/stat", STAT_A);
	assert_int_equal(s->driver->read(s, &out, &n), JM_E_AGAIN);
}

static void the_channel_says_that_it_is_an_estimate_and_from_what(void **state)
{
	struct fake_world *w = *state;
	const struct jm_channel *c;

	open_with(w, NULL);
	c = &w->set.channels[0];
	assert_string_equal(c->name, "estimate/cpu");
	assert_int_equal(c->state, JM_STATE_ESTIMATED);
	assert_int_equal(c->kind, JM_KIND_WINDOW_MEAN);
	assert_int_equal(c->domain, JM_DOMAIN_PACKAGE);
	assert_int_equal(c->bound_low_uw, 400000);   /* 2 processors x 0.2 W */
	assert_int_equal(c->bound_high_uw, 20000000); /* 2 processors x 10 W */
	assert_non_null(strstr(c->reason, "/proc/stat"));
	assert_non_null(strstr(c->reason, "assumed"));
	assert_non_null(strstr(c->remedy, "idle="));
	assert_true(jm_sensor_estimate.is_fallback);
}

static void bad_arguments_are_refused(void **state)
{
	static const char *const bad[] = {"idle",          "idle=",   "idle=x,max=3", "idle=5,max=5",  "idle=50,max=10",
					  "idle=-1,max=3", "max=nan", "max=1e300",    "idle=1,tdp=65", ",max=3"};
	struct fake_world *w = *state;
	size_t i;

	fake_world_text(w, "/proc/stat", STAT_A);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(jm_sensor_estimate.probe(&w->env, bad[i], &w->set, &w->why), JM_E_INVALID);
		assert_int_equal(w->set.n_sensors, 0);
		assert_true(w->why.message[0] && w->why.remedy[0]);
	}
}

static void without_proc_stat_there_is_no_sensor_and_a_reason(void **state)
{
	struct fake_world *w = *state;

	assert_int_equal(jm_sensor_estimate.probe(&w->env, NULL, &w->set, &w->why), 0);
	assert_int_equal(w->set.n_sensors, 0);
	assert_non_null(strstr(w->why.message, "/proc/stat"));
	fake_world_text(w, "/proc/stat", "\xff\xfe no numbers here");
	assert_int_equal(jm_sensor_estimate.probe(&w->env, NULL, &w->set, &w->why), 0);
	assert_int_equal(w->set.n_sensors, 0);
}

static void close_may_be_called_twice(void **state)
{
	struct fake_world *w = *state;
	struct jm_sensor *s = open_with(w, NULL);

	s->driver->close(s);
	s->driver->close(s);
	assert_false(s->is_open);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(power_is_idle_plus_use_times_range),
	    TEST(stolen_time_is_not_busy_and_guests_count_once),
	    TEST(a_tick_that_did_not_come_gives_no_reading),
	    TEST(iowait_going_back_does_not_count),
	    TEST(a_file_that_shrinks_or_turns_to_garbage_fails_the_reading_only),
	    TEST(the_channel_says_that_it_is_an_estimate_and_from_what),
	    TEST(bad_arguments_are_refused),
	    TEST(without_proc_stat_there_is_no_sensor_and_a_reason),
	    TEST(close_may_be_called_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
