/* The replay in memory, built by the parser of scripts and by the reader of recordings. */
#define _GNU_SOURCE
#include "sensor/replay_script.h"

#include "core/grow.h"
#include "core/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAIN_DEFAULT_NS (100 * JM_NS_PER_MS)

struct jm_replay *jm_replay_create(void)
{
	struct jm_replay *r = calloc(1, sizeof(*r));

	if (r) {
		atomic_init(&r->start_ns, INT64_MIN);
		atomic_init(&r->n_users, 1);
	}
	return r;
}

void jm_replay_destroy(struct jm_replay *r)
{
	size_t i;

	if (!r)
		return;
	for (i = 0; i < r->n_sensors; i++)
		free(r->sensors[i].entries);
	free(r->sensors);
	free(r->channels);
	free(r);
}

struct jm_replay_sensor *jm_replay_add_sensor(struct jm_replay *r, const char *name)
{
	struct jm_replay_sensor *sensors = realloc(r->sensors, (r->n_sensors + 1) * sizeof(*sensors));
	struct jm_replay_sensor *s;

	if (!sensors)
		return NULL;
	r->sensors = sensors;
	s = &sensors[r->n_sensors++];
	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->first_channel = (uint16_t)r->n_channels;
	s->drain_period_ns = DRAIN_DEFAULT_NS;
	return s;
}

struct jm_replay_channel *jm_replay_add_channel(struct jm_replay *r, const char *name)
{
	struct jm_replay_channel *channels = realloc(r->channels, (r->n_channels + 1) * sizeof(*channels));
	struct jm_replay_channel *c;

	if (!channels)
		return NULL;
	r->channels = channels;
	c = &channels[r->n_channels++];
	memset(c, 0, sizeof(*c));
	jm_channel_init(&c->c, name);
	r->sensors[r->n_sensors - 1].n_channels++;
	return c;
}

int jm_replay_add_entry(struct jm_replay_sensor *s, const struct jm_replay_entry *entry)
{
	if (!jm_grow(&s->entries, &s->capacity, s->n_entries, sizeof(*s->entries)))
		return JM_E_NOMEM;
	s->entries[s->n_entries++] = *entry;
	s->has_stall |= entry->what == JM_REPLAY_STALL;
	return 0;
}

int jm_replay_settle(struct jm_replay *r)
{
	size_t i, k;

	for (i = 0; i < r->n_sensors; i++) {
		struct jm_replay_sensor *s = &r->sensors[i];
		uint32_t next[JM_SENSOR_CHANNELS_MAX] = {0};

		if (s->n_entries > UINT32_MAX)
			return JM_E_INVALID;
		for (k = s->n_entries; k-- > 0;) {
			struct jm_replay_entry *e = &s->entries[k];

			if (e->what != JM_REPLAY_VALUE && e->what != JM_REPLAY_GAP)
				continue;
			e->next = next[e->channel];
			next[e->channel] = (uint32_t)k;
		}
	}
	return 0;
}
