/* Help for tests of drivers: probe one driver, find its channels, read a sensor. */
#ifndef TESTS_SUPPORT_SENSORS_H
#define TESTS_SUPPORT_SENSORS_H

#include "sensor/sensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "support/tree.h"

/* A tree, its env, and what a driver found in it. */
struct bench {
	struct tree tree;
	struct jm_env env;
	struct jm_sensor_set set;
	struct jm_error why;
};

static inline void bench_begin(struct bench *b, const char *fixture)
{
	memset(b, 0, sizeof(*b));
	tree_create(&b->tree);
	if (fixture)
		tree_copy_fixture(&b->tree, fixture);
	tree_env(&b->tree, &b->env);
}

static inline void bench_end(struct bench *b)
{
	jm_sensor_set_finish(&b->set);
	tree_remove(&b->tree);
}

static inline void bench_probe(struct bench *b, const char *driver)
{
	const struct jm_sensor_driver *d = jm_sensor_driver_find(driver);

	assert_non_null(d);
	assert_int_equal(d->probe(&b->env, NULL, &b->set, &b->why), 0);
}

/* Gives the index of a channel by its name; fails the test when there is none. */
static inline int bench_index(const struct bench *b, const char *name)
{
	size_t i;

	for (i = 0; i < b->set.n_channels; i++)
		if (strcmp(b->set.channels[i].name, name) == 0)
			return (int)i;
	for (i = 0; i < b->set.n_channels; i++)
		fprintf(stderr, "has %s\n", b->set.channels[i].name);
	fail_msg("no channel %s", name);
	return -1;
}

static inline struct jm_channel *bench_channel(const struct bench *b, const char *name)
{
	return &b->set.channels[bench_index(b, name)];
}

static inline struct jm_sensor *bench_sensor_of(const struct bench *b, int channel)
{
	size_t i;

	for (i = 0; i < b->set.n_sensors; i++) {
		struct jm_sensor *s = &b->set.sensors[i];

		if (channel >= s->first_channel && channel < s->first_channel + s->n_channels)
			return s;
	}
	fail_msg("no sensor has channel %d", channel);
	return NULL;
}

/* Opens the channel's sensor if need be, reads it once, gives the code and the channel's sample. */
static inline int bench_read(struct bench *b, const char *name, struct jm_sample *out)
{
	int channel = bench_index(b, name);
	struct jm_sensor *s = bench_sensor_of(b, channel);
	struct jm_sample samples[JM_SENSOR_CHANNELS_MAX];
	size_t n = 0, i;
	int rc;

	assert_true(s->max_samples <= JM_SENSOR_CHANNELS_MAX);
	if (!s->is_open) {
		assert_int_equal(s->driver->open(s, &b->why), 0);
		s->is_open = true;
	}
	rc = s->driver->read(s, samples, &n);
	if (rc)
		return rc;
	assert_true(n <= s->max_samples);
	for (i = 0; i < n; i++)
		if (samples[i].channel == channel) {
			*out = samples[i];
			return 0;
		}
	fail_msg("no sample of %s", name);
	return 0;
}

static inline int64_t bench_value(struct bench *b, const char *name)
{
	struct jm_sample sample;

	assert_int_equal(bench_read(b, name, &sample), 0);
	assert_int_equal(sample.status, JM_SAMPLE_OK);
	return sample.value;
}

static inline void bench_expect_gap(struct bench *b, const char *name)
{
	struct jm_sample sample;

	assert_int_equal(bench_read(b, name, &sample), 0);
	assert_int_equal(sample.status, JM_SAMPLE_GAP);
}

#endif
