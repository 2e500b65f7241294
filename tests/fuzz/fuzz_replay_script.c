/* A script of any bytes, to be played as sensors. */
#include "fuzz.h"

#include "sensor/replay_script.h"

#include <stdlib.h>

static void check(const struct jm_replay *r)
{
	size_t i, k;

	for (i = 0; i < r->n_sensors; i++) {
		const struct jm_replay_sensor *s = &r->sensors[i];

		if (s->n_channels > JM_SENSOR_CHANNELS_MAX || (size_t)s->first_channel + s->n_channels > r->n_channels)
			abort();
		for (k = 0; k < s->n_entries; k++)
			if (s->entries[k].t_ns < 0 || (k && s->entries[k].t_ns < s->entries[k - 1].t_ns) ||
			    s->entries[k].next >= s->n_entries ||
			    (s->entries[k].channel && s->entries[k].channel >= s->n_channels))
				abort();
	}
	for (i = 0; i < r->n_channels; i++)
		if (r->channels[i].c.part_of >= (int)r->n_channels || r->channels[i].c.same_as >= (int)r->n_channels)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct jm_replay *r = NULL;
	struct jm_error err = {0};

	if (jm_replay_parse("fuzz", (const char *)data, n, &r, &err) == 0) {
		check(r);
		jm_replay_destroy(r);
	} else if (!err.message[0]) {
		abort();
	}
	return 0;
}
