/* What a recording says of clocks: readings inside of the measured windows, of the device that ran the layers. */
#include "session/clocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/tree.h"

#include <math.h>
#include <string.h>

#define MS INT64_C(1000000)
#define T0 INT64_C(5000000000000)

enum { POWER, SM, MEMORY, OTHER_SM, METER, SECOND_METER, CHANNELS };

struct reading {
	int64_t ms;
	int channel;
	int64_t hz;
};

/* Measured from 100 to 200 ms, and from 300 to 400 ms. */
static const struct reading readings[] = {
    {50, SM, 300000000},         {150, SM, 1800000000},    {250, SM, 100000000},      {350, SM, 1900000000},
    {450, SM, 200000000},        {50, MEMORY, 1000000000}, {250, MEMORY, 3200000000}, {450, MEMORY, 1000000000},
    {150, OTHER_SM, 1000000000}, {150, METER, 2400000000}, {160, METER, 2600000000},
};

static void channel_init(struct jm_channel *c, int i)
{
	static const char *const names[] = {"nvml/gpu0/power",    "nvml/gpu0/sm_clock", "nvml/gpu0/memory_clock",
					    "nvml/gpu1/sm_clock", "exec/meter",         "exec/another"};

	jm_channel_init(c, names[i]);
	c->quantity = i == POWER ? JM_QUANTITY_POWER : JM_QUANTITY_FREQUENCY;
	c->domain = i < METER ? JM_DOMAIN_GPU : JM_DOMAIN_OTHER;
}

static void add_phase(struct jm_span_sink *sink, int64_t from_ms, int64_t to_ms)
{
	struct jm_span w = {.start_ns = T0 + from_ms * MS,
			    .end_ns = T0 + to_ms * MS,
			    .iteration = JM_NO_ITERATION,
			    .kind = JM_SPAN_PHASE};

	assert_int_equal(sink->name(sink->ctx, "measured", 8, NULL, 0, &w.name), 0);
	assert_int_equal(sink->write(sink->ctx, &w, 1), 0);
}

static void add_sample(struct jm_sample_sink *sink, int64_t ms, int channel, int64_t value, int status)
{
	struct jm_sample s = {.t_ns = T0 + ms * MS,
			      .value = value,
			      .half_width_ns = 1000,
			      .channel = (uint16_t)channel,
			      .status = (uint8_t)status};

	assert_int_equal(sink->write(sink->ctx, &s, 1), 0);
}

static void write_recording(const char *path, size_t n_channels)
{
	struct jm_recording_sensor sensor = {.name = "s", .driver = "nvml", .n_channels = n_channels};
	struct jm_channel channels[CHANNELS];
	struct jm_sample_sink samples;
	struct jm_span_sink spans;
	struct jm_writer *w;
	size_t i;

	assert_int_equal(jm_writer_create(path, true, &w, NULL), 0);
	for (i = 0; i < n_channels; i++)
		channel_init(&channels[i], (int)i);
	assert_int_equal(jm_writer_sensors(w, &sensor, 1, channels, n_channels), 0);
	samples = jm_writer_sample_sink(w);
	spans = jm_writer_span_sink(w);
	for (i = 0; i <= 50; i++)
		add_sample(&samples, (int64_t)i * 10, POWER, 300000000, JM_SAMPLE_OK);
	for (i = 0; i < sizeof(readings) / sizeof(readings[0]); i++)
		if ((size_t)readings[i].channel < n_channels)
			add_sample(&samples, readings[i].ms, readings[i].channel, readings[i].hz, JM_SAMPLE_OK);
	if (n_channels > SM)
		add_sample(&samples, 155, SM, 7000000000, JM_SAMPLE_GAP);
	add_phase(&spans, 100, 200);
	add_phase(&spans, 300, 400);
	assert_int_equal(jm_writer_close(w, NULL), 0);
}

static struct jm_clocks load(size_t n_channels, bool on_gpu)
{
	struct jm_report_options options = {.size = sizeof(options), .baseline = "none"};
	struct jm_report *report;
	struct jm_clocks clocks;
	struct tree t;
	char path[300];
	int channel = -1;
	size_t i;

	tree_create(&t);
	tree_path(&t, "/r.jmap", path, sizeof(path));
	write_recording(path, n_channels);
	assert_int_equal(jm_report_open(path, &options, &report, NULL), 0);
	for (i = 0; on_gpu && i < report->result.n_channels; i++)
		if (strcmp(report->result.channels[i].channel->name, "nvml/gpu0/power") == 0)
			channel = (int)i;
	assert_true(!on_gpu || channel >= 0);
	assert_int_equal(jm_clocks_load(report, channel, &clocks, NULL), 0);
	jm_report_destroy(report);
	tree_remove(&t);
	return clocks;
}

static void a_gpus_clocks_are_those_of_the_measured_time(void **state)
{
	struct jm_clocks c = load(METER, true);

	(void)state;
	assert_true(fabs(c.clock_mhz - 1850) < 1e-9);
	/* Never read inside: then what lies between the first window and the last. */
	assert_true(fabs(c.memory_clock_mhz - 3200) < 1e-9);
}

static void a_processors_clock_is_the_only_one_that_is_no_gpus(void **state)
{
	struct jm_clocks c = load(SECOND_METER, false);

	(void)state;
	assert_true(fabs(c.clock_mhz - 2500) < 1e-9 && isnan(c.memory_clock_mhz));
	c = load(CHANNELS, false);
	assert_true(isnan(c.clock_mhz));
	c = load(METER, false);
	assert_true(isnan(c.clock_mhz) && isnan(c.memory_clock_mhz));
}

static void what_was_not_recorded_is_not_known(void **state)
{
	struct jm_clocks c = load(SM, true);

	(void)state;
	assert_true(isnan(c.clock_mhz) && isnan(c.memory_clock_mhz));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_gpus_clocks_are_those_of_the_measured_time),
	    cmocka_unit_test(a_processors_clock_is_the_only_one_that_is_no_gpus),
	    cmocka_unit_test(what_was_not_recorded_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
