#define _GNU_SOURCE
#include "sampler/slot.h"

#include "core/units.h"
#include "sensor/fake_world.h"

/* A device whose buffer holds what the test has put into the batch. */
struct stamped {
	struct jm_sample *samples;
	size_t n;
};

static int read_stamped(struct jm_sensor *s, struct jm_sample *out, size_t *n_out)
{
	struct stamped *stamped = s->state;

	assert_ptr_equal(out, stamped->samples);
	*n_out = stamped->n;
	return 0;
}

static const struct jm_sensor_driver stamped_driver = {.name = "stamped", .read = read_stamped};

/* Stamps as an H200 gave them, ms apart: late ones that are made up for, and one update that never came. */
static void a_late_stamp_is_not_a_missing_one(void **state)
{
	static const double late[] = {20, 34.3, 20.4, 9.4, 16.1, 20, 19.9, 23, 33.2, 23.8, 8, 15, 20, 20, 20, 20};
	static const double missing[] = {20, 45.7, 14.7, 19.6, 20.2, 22.7, 17.2, 19.9, 20, 20, 20, 20, 20, 20, 20};
	/* The device gave all it made, and made nothing for 80 ms: that is a gap all the same. */
	static const double stalled[] = {20, 20, 20, 80, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20};
	struct jm_channel channel;
	struct jm_sensor sensor = {.drain_period_ns = JM_NS_PER_S, .n_channels = 1, .max_samples = 16};
	const struct {
		const double *steps;
		size_t n, missed;
		bool is_complete;
	} cases[] = {{late, 16, 0, false}, {missing, 15, 1, false}, {missing, 15, 0, true}, {stalled, 15, 3, true}};
	size_t i, k;

	(void)state;
	jm_channel_init(&channel, "plan/0");
	channel.update_period_ns = 20 * JM_NS_PER_MS;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct jm_sample samples[16];
		struct stamped stamped = {samples, cases[i].n};
		struct jm_slot slot = {0};
		struct fake_world world;
		int64_t t_ns = 0;

		fake_world_init(&world);
		memset(samples, 0, sizeof(samples));
		for (k = 0; k < cases[i].n; k++) {
			t_ns += (int64_t)(cases[i].steps[k] * 1e6);
			samples[k].t_ns = world.now_ns + t_ns;
			samples[k].value = (int64_t)k;
		}
		sensor.driver = &stamped_driver;
		sensor.env = &world.env;
		sensor.is_complete = cases[i].is_complete;
		sensor.state = &stamped;
		assert_int_equal(jm_slot_init(&slot, &sensor, &channel, JM_NS_PER_MS), 0);
		slot.started_ns = world.now_ns;
		world.now_ns += t_ns;
		assert_int_equal(jm_slot_read(&slot, samples, false), cases[i].n);
		jm_slot_settle(&slot, world.now_ns);
		assert_int_equal(slot.ledgers[0].missed, cases[i].missed);
		assert_int_equal(slot.ledgers[0].expected, cases[i].n + cases[i].missed);
		/* a second later nothing has come any more */
		slot.is_failing = true;
		jm_slot_settle(&slot, world.now_ns + JM_NS_PER_S);
		assert_int_equal(slot.ledgers[0].missed, cases[i].missed + 49);
		jm_slot_finish(&slot);
		fake_world_finish(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_late_stamp_is_not_a_missing_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
