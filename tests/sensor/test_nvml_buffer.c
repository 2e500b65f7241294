#define _GNU_SOURCE
#include "sensor/gpu_world.h"

static void every_entry_is_given_once_with_its_own_time(void **state)
{
	struct gpu_world *g = *state;
	struct jm_sensor *s;
	struct jm_sample *out;
	int64_t last_ns = 0;
	size_t n_all = 0, n, i;
	int drain;

	g->script->rotation = 37;
	g->script->duplicates = 3;
	g->script->zeros = 2;
	probe(g);
	s = open_sensor(g, "nvml/gpu0");
	out = calloc(s->max_samples, sizeof(*out));
	for (drain = 1; drain <= 20; drain++) {
		at(g, drain * 400000);
		n = 0;
		assert_int_equal(s->driver->read(s, out, &n), 0);
		assert_int_equal(n, 20);
		assert_true(s->is_complete);
		for (i = 0; i < n; i++, n_all++) {
			uint64_t k = T0_US / 20000 + 1 + n_all;

			assert_true((uint64_t)out[i].device_us == k * 20000);
			assert_true(out[i].value == (int64_t)(120000 + k % 10) * 1000);
			assert_true(out[i].t_ns == INT64_C(1000000000000) + (int64_t)(k * 20000 - T0_US) * 1000);
			assert_true(out[i].t_ns > last_ns);
			last_ns = out[i].t_ns;
		}
		assert_int_equal(s->driver->read(s, out, &n), JM_E_AGAIN);
	}
	assert_int_equal(n_all, 400);
	free(out);
}

static void a_drain_that_comes_too_late_loses_only_what_the_ring_lost(void **state)
{
	struct gpu_world *g = *state;
	struct jm_sensor *s;
	struct jm_sample *out;
	size_t n = 0;

	probe(g);
	s = open_sensor(g, "nvml/gpu0");
	out = calloc(s->max_samples, sizeof(*out));
	at(g, 10000000);
	assert_int_equal(s->driver->read(s, out, &n), 0);
	assert_int_equal(n, 120);
	assert_false(s->is_complete);
	assert_true(out[119].t_ns == g->w.now_ns);
	assert_true(out[0].t_ns == g->w.now_ns - 119 * 20 * JM_NS_PER_MS);
	free(out);
}

static void entries_out_of_order_are_put_in_order(void **state)
{
	struct gpu_world *g = *state;
	struct jm_sensor *s;
	struct jm_sample *out;
	size_t n = 0, i;

	g->script->swapped = 1;
	probe(g);
	s = open_sensor(g, "nvml/gpu0");
	out = calloc(s->max_samples, sizeof(*out));
	at(g, 800000);
	assert_int_equal(s->driver->read(s, out, &n), 0);
	assert_int_equal(n, 40);
	for (i = 1; i < n; i++)
		assert_true(out[i].t_ns - out[i - 1].t_ns == 20 * JM_NS_PER_MS);
	free(out);
}

/* A buffer that is still filling is drained as a full one, not every few milliseconds. */
static void a_young_buffer_is_drained_at_its_full_pace(void **state)
{
	struct gpu_world *g = *state;

	g->script->zeros = 110;
	g->script->buffer = 10;
	probe(g);
	assert_in_range(sensor(g, "nvml/gpu0")->drain_period_ns, 600 * JM_NS_PER_MS, 1200 * JM_NS_PER_MS);
	jm_sensor_set_finish(&g->w.set);
	g->script->zeros = 0;
	g->script->buffer = 12;
	g->script->period_us = 5000;
	probe(g);
	assert_true(sensor(g, "nvml/gpu0")->drain_period_ns <= 11 * 5 / 2 * JM_NS_PER_MS);
}

/* The driver made no entry for a while: nothing is put in its place. */
static void entries_that_never_were_are_not_made_up(void **state)
{
	struct gpu_world *g = *state;
	struct jm_sensor *s;
	struct jm_sample *out;
	size_t n = 0;

	probe(g);
	s = open_sensor(g, "nvml/gpu0");
	out = calloc(s->max_samples, sizeof(*out));
	g->script->gap_from_us = T0_US + 100000;
	g->script->gap_to_us = T0_US + 200000;
	at(g, 400000);
	assert_int_equal(s->driver->read(s, out, &n), 0);
	assert_int_equal(n, 15);
	assert_true(out[4].t_ns - out[3].t_ns == 120 * JM_NS_PER_MS);
	free(out);
}

static void check_step(struct gpu_world *g, int64_t step_us)
{
	struct jm_sensor *s;
	struct jm_sample *out;
	size_t n_all = 0, n, i;
	int drain;

	g->script->step_us = step_us;
	g->script->step_at_us = T0_US + 1010000;
	probe(g);
	s = open_sensor(g, "nvml/gpu0");
	out = calloc(s->max_samples, sizeof(*out));
	for (drain = 1; drain <= 6; drain++) {
		at(g, drain * 400000);
		assert_int_equal(s->driver->read(s, out, &n), 0);
		for (i = 0; i < n; i++, n_all++)
			assert_true(out[i].t_ns == INT64_C(1000000000000) + (int64_t)(n_all + 1) * 20 * JM_NS_PER_MS);
	}
	assert_int_equal(n_all, 120);
	free(out);
	jm_sensor_set_finish(&g->w.set);
	g->script->step_us = 0;
}

static void a_wall_clock_that_is_set_moves_no_sample(void **state)
{
	check_step(*state, INT64_C(3600000000));
	check_step(*state, INT64_C(-3600000000));
	check_step(*state, 5000000);
	check_step(*state, -5000000);
}

/* Seen on an H200: the whole ring was stamped anew, 67 us later, and the newest entry came twice. */
static void an_entry_stamped_anew_is_not_a_new_entry(void **state)
{
	static const int64_t shifts_us[] = {0, 67, 67, 1, -40, 200};
	struct gpu_world *g = *state;
	struct jm_sensor *s;
	struct jm_sample *out;
	size_t n, i;

	probe(g);
	s = open_sensor(g, "nvml/gpu0");
	out = calloc(s->max_samples, sizeof(*out));
	for (i = 0; i < 6; i++) {
		g->script->restamp_us = shifts_us[i];
		at(g, (int64_t)(i + 1) * 400000);
		n = 0;
		assert_int_equal(s->driver->read(s, out, &n), 0);
		assert_int_equal(n, 20);
	}
	free(out);
}

static void every_value_type_is_understood(void **state)
{
	struct gpu_world *g = *state;
	unsigned int type;

	for (type = 0; type < 7; type++) {
		struct jm_sensor *s;
		struct jm_sample *out;
		size_t n = 0;

		g->script->value_type = type;
		g->script->base_mw = 50000;
		probe(g);
		s = open_sensor(g, "nvml/gpu0");
		out = calloc(s->max_samples, sizeof(*out));
		at(g, 20000);
		assert_int_equal(s->driver->read(s, out, &n), 0);
		assert_int_equal(n, 1);
		assert_in_range(out[0].value, 50000000, 50009000);
		s = open_sensor(g, "nvml/gpu0/power_instant");
		assert_int_equal(s->driver->read(s, out, &n), 0);
		assert_int_equal(out[0].value, 50000000);
		free(out);
		jm_sensor_set_finish(&g->w.set);
	}
	g->script->value_type = 9;
	probe(g);
	assert_null(channel(g, "nvml/gpu0/power_instant"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(every_entry_is_given_once_with_its_own_time),
	    TEST(a_drain_that_comes_too_late_loses_only_what_the_ring_lost),
	    TEST(entries_out_of_order_are_put_in_order),
	    TEST(a_young_buffer_is_drained_at_its_full_pace),
	    TEST(entries_that_never_were_are_not_made_up),
	    TEST(a_wall_clock_that_is_set_moves_no_sample),
	    TEST(an_entry_stamped_anew_is_not_a_new_entry),
	    TEST(every_value_type_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
