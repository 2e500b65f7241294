/* What a recording says of the sensors it was made with. */
#include "session/session.h"

#include "core/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int describe_channels(const struct jm_sensors *s, struct jm_writer *w)
{
	const struct jm_sensor_set *set = &s->set;
	struct jm_recording_sensor *sensors = calloc(set->n_sensors + 1, sizeof(*sensors));
	size_t i;
	int rc;

	if (!sensors)
		return JM_E_NOMEM;
	for (i = 0; i < set->n_sensors; i++) {
		memcpy(sensors[i].name, set->sensors[i].name, sizeof(sensors[i].name));
		snprintf(sensors[i].driver, sizeof(sensors[i].driver), "%s", set->sensors[i].driver->name);
		sensors[i].first_channel = set->sensors[i].first_channel;
		sensors[i].n_channels = set->sensors[i].n_channels;
	}
	rc = jm_writer_sensors(w, sensors, set->n_sensors, set->channels, set->n_channels);
	free(sensors);
	return rc;
}

/* A device is what the names of its channels begin with. Its sensors say the same of it: the first is enough. */
static void describe_devices(const struct jm_sensors *all, struct jm_writer *w)
{
	const struct jm_sensor_set *set = &all->set;
	char key[sizeof(set->channels->name) + 16];
	size_t i;

	for (i = 0; i < set->n_sensors; i++) {
		const struct jm_sensor *s = &set->sensors[i];
		const char *name = s->n_channels ? set->channels[s->first_channel].name : s->name;
		const char *slash = strrchr(name, '/');

		if (!s->device[0] || !slash || (i > 0 && strcmp(s->device, s[-1].device) == 0))
			continue;
		snprintf(key, sizeof(key), "device:%.*s", (int)(slash - name), name);
		jm_writer_meta(w, key, s->device);
	}
}

int jm_session_describe_sensors(const struct jm_sensors *s, struct jm_writer *w)
{
	describe_devices(s, w);
	return describe_channels(s, w);
}
