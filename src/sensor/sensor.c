#include "sensor/sensor.h"

#include "core/grow.h"
#include "sensor/sensor_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DECLARE(name) extern const struct jm_sensor_driver jm_sensor_##name;
JM_SENSOR_LIST(DECLARE)
#undef DECLARE

#define ENTRY(name) &jm_sensor_##name,
const struct jm_sensor_driver *const jm_sensor_drivers[] = {JM_SENSOR_LIST(ENTRY) NULL};
#undef ENTRY

const struct jm_sensor_driver *jm_sensor_driver_find(const char *name)
{
	size_t i;

	for (i = 0; jm_sensor_drivers[i]; i++)
		if (strcmp(jm_sensor_drivers[i]->name, name) == 0)
			return jm_sensor_drivers[i];
	return NULL;
}

struct jm_sensor *jm_sensor_set_append(struct jm_sensor_set *set, const struct jm_sensor_driver *driver,
				       const struct jm_env *env, const char *name)
{
	struct jm_sensor *s;

	if (!jm_grow(&set->sensors, &set->sensors_capacity, set->n_sensors, sizeof(*set->sensors)))
		return NULL;
	s = &set->sensors[set->n_sensors++];
	memset(s, 0, sizeof(*s));
	s->driver = driver;
	s->env = env;
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->first_channel = (uint16_t)set->n_channels;
	return s;
}

struct jm_channel *jm_sensor_set_channel(struct jm_sensor_set *set, const char *name)
{
	struct jm_sensor *s = &set->sensors[set->n_sensors - 1];
	struct jm_channel *channel;

	if (s->n_channels == JM_SENSOR_CHANNELS_MAX || set->n_channels == UINT16_MAX)
		return NULL;
	if (!jm_grow(&set->channels, &set->channels_capacity, set->n_channels, sizeof(*set->channels)))
		return NULL;
	channel = &set->channels[set->n_channels++];
	jm_channel_init(channel, name);
	s->n_channels++;
	s->max_samples = s->n_channels;
	return channel;
}

static void finish_sensor(struct jm_sensor *s)
{
	if (s->driver->close)
		s->driver->close(s);
	if (s->driver->destroy)
		s->driver->destroy(s);
	else
		free(s->state);
}

/* Takes n channels from first on out of the list; references to them become none. */
static void drop_channels(struct jm_sensor_set *set, size_t first, size_t n)
{
	size_t i;
	int low = (int)first, high = (int)(first + n);

	memmove(&set->channels[first], &set->channels[first + n],
		(set->n_channels - first - n) * sizeof(*set->channels));
	set->n_channels -= n;
	for (i = 0; i < set->n_channels; i++) {
		struct jm_channel *c = &set->channels[i];

		c->part_of = c->part_of < low ? c->part_of : c->part_of < high ? -1 : c->part_of - (int)n;
		c->same_as = c->same_as < low ? c->same_as : c->same_as < high ? -1 : c->same_as - (int)n;
	}
}

void jm_sensor_set_drop_spares(struct jm_sensor_set *set)
{
	size_t i, n_kept = 0, n_dropped = 0;

	for (i = 0; i < set->n_sensors; i++) {
		struct jm_sensor *s = &set->sensors[i];

		s->first_channel = (uint16_t)(s->first_channel - n_dropped);
		if (!s->is_spare) {
			set->sensors[n_kept++] = *s;
			continue;
		}
		drop_channels(set, s->first_channel, s->n_channels);
		n_dropped += s->n_channels;
		finish_sensor(s);
	}
	set->n_sensors = n_kept;
}

void jm_sensor_set_finish(struct jm_sensor_set *set)
{
	size_t i;

	for (i = 0; i < set->n_sensors; i++)
		finish_sensor(&set->sensors[i]);
	free(set->sensors);
	free(set->channels);
	memset(set, 0, sizeof(*set));
}
