/* A recording as a replay: its sensors, channels, samples and gaps, with the times between them as they were. */
#define _GNU_SOURCE
#include "sensor/replay_script.h"

#include "core/error.h"
#include "core/units.h"
#include "recording/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 48 bytes an entry: 5 GB. Larger recordings are refused rather than left to the memory's end. */
#define ENTRIES_MAX 100000000
/* Names get the driver's in front; what does not fit is cut. */
#define NAME_FORMAT "replay/%.88s"

static int add_samples(struct jm_replay_sensor *s, const struct jm_sample *samples, size_t n, uint8_t channel,
		       int64_t start_ns)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct jm_replay_entry e = {.t_ns = samples[i].t_ns - start_ns,
					    .value = samples[i].value,
					    .device_us = samples[i].device_us,
					    .half_width_ns = samples[i].half_width_ns,
					    .channel = channel};

		e.what = samples[i].status == JM_SAMPLE_OK ? JM_REPLAY_VALUE : JM_REPLAY_GAP;
		if (s->n_entries == ENTRIES_MAX)
			return JM_E_INVALID;
		if (jm_replay_add_entry(s, &e))
			return JM_E_NOMEM;
	}
	return 0;
}

/* By time; of equal times the channel decides, so that the order is always the same. */
static int compare_entries(const void *a, const void *b)
{
	const struct jm_replay_entry *x = a, *y = b;

	if (x->t_ns != y->t_ns)
		return x->t_ns < y->t_ns ? -1 : 1;
	return (int)x->channel - (int)y->channel;
}

static int add_sensor(struct jm_recording *recording, struct jm_replay *r, const struct jm_recording_sensor *from,
		      const struct jm_channel *channels, int64_t start_ns, struct jm_error *err)
{
	struct jm_replay_sensor *s;
	char name[96];
	uint16_t i;

	snprintf(name, sizeof(name), NAME_FORMAT, from->name);
	s = jm_replay_add_sensor(r, name);
	if (!s)
		return JM_E_NOMEM;
	s->is_buffered = true;
	for (i = 0; i < from->n_channels; i++) {
		uint16_t index = (uint16_t)(from->first_channel + i);
		struct jm_replay_channel *c;
		struct jm_sample *samples;
		size_t n;
		int rc;

		snprintf(name, sizeof(name), NAME_FORMAT, channels[index].name);
		c = jm_replay_add_channel(r, name);
		if (!c)
			return JM_E_NOMEM;
		c->c = channels[index];
		memcpy(c->c.name, name, sizeof(c->c.name));
		rc = jm_recording_samples(recording, index, INT64_MIN, INT64_MAX, &samples, &n, err);
		if (rc)
			return rc;
		rc = add_samples(s, samples, n, (uint8_t)i, start_ns);
		free(samples);
		if (rc)
			return rc;
	}
	qsort(s->entries, s->n_entries, sizeof(*s->entries), compare_entries);
	return 0;
}

/* Channels come sensor by sensor, in the order of their indices, as a replay has them: relations stay as they are. */
static bool is_in_order(const struct jm_recording_sensor *sensors, size_t n_sensors, size_t n_channels)
{
	size_t next = 0, i;

	for (i = 0; i < n_sensors; i++) {
		if (sensors[i].first_channel != next || sensors[i].n_channels > JM_SENSOR_CHANNELS_MAX)
			return false;
		next += sensors[i].n_channels;
	}
	return next == n_channels;
}

static int load(struct jm_recording *recording, struct jm_replay *r, struct jm_error *err)
{
	size_t n_channels, n_sensors, i;
	const struct jm_channel *channels = jm_recording_channels(recording, &n_channels);
	const struct jm_recording_sensor *sensors = jm_recording_sensors(recording, &n_sensors);
	int64_t first_ns, last_ns;
	int rc = jm_recording_extent(recording, &first_ns, &last_ns);

	if (rc)
		return jm_error_set(err, rc, "it holds no samples");
	if (!is_in_order(sensors, n_sensors, n_channels))
		return jm_error_set(err, JM_E_FORMAT, "its channels do not belong to its sensors one after the other");
	for (i = 0; i < n_sensors && !rc; i++)
		rc = add_sensor(recording, r, &sensors[i], channels, first_ns, err);
	r->end_ns = last_ns - first_ns;
	return rc ? rc : jm_replay_settle(r);
}

int jm_replay_load_recording(const char *path, struct jm_replay **out, struct jm_error *err)
{
	struct jm_error cause = {0};
	struct jm_recording *recording;
	struct jm_replay *r;
	int rc = jm_recording_open(path, &recording, err);

	if (rc)
		return rc;
	r = jm_replay_create();
	rc = r ? load(recording, r, &cause) : JM_E_NOMEM;
	jm_recording_close(recording);
	if (rc) {
		jm_replay_destroy(r);
		return jm_error_set(err, rc, "%s cannot be replayed: %.250s", path,
				    cause.message[0] ? cause.message : jm_error_text(rc));
	}
	*out = r;
	return 0;
}
