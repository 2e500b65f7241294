#include "session/session.h"

#include "core/error.h"

#include <stdio.h>

static bool has_available_channel(const struct jm_sensors *s, const struct jm_sensor *sensor)
{
	uint16_t i;

	for (i = 0; i < sensor->n_channels; i++)
		if (s->set.channels[sensor->first_channel + i].state != JM_STATE_UNAVAILABLE)
			return true;
	return false;
}

static void set_unavailable(struct jm_sensors *s, const struct jm_sensor *sensor, const struct jm_error *why)
{
	uint16_t i;

	for (i = 0; i < sensor->n_channels; i++) {
		struct jm_channel *c = &s->set.channels[sensor->first_channel + i];

		c->state = JM_STATE_UNAVAILABLE;
		snprintf(c->reason, sizeof(c->reason), "%.255s", why->message);
		snprintf(c->remedy, sizeof(c->remedy), "%.255s", why->remedy);
	}
}

/* A channel whose preferred twin cannot be read takes its place. */
static void promote_twins(struct jm_sensor_set *set)
{
	size_t i, k;

	for (i = 0; i < set->n_channels; i++) {
		struct jm_channel *c = &set->channels[i];

		if (c->same_as < 0 || c->state == JM_STATE_UNAVAILABLE ||
		    set->channels[c->same_as].state != JM_STATE_UNAVAILABLE)
			continue;
		for (k = i + 1; k < set->n_channels; k++)
			if (set->channels[k].same_as == c->same_as)
				set->channels[k].same_as = (int)i;
		c->same_as = -1;
	}
}

static void explain_no_sensor(const struct jm_sensors *s, struct jm_error *err)
{
	size_t i;

	jm_error_set(err, JM_E_NOT_FOUND, "no sensor can be used");
	for (i = 0; i < s->set.n_channels; i++) {
		const struct jm_channel *c = &s->set.channels[i];

		if (c->state != JM_STATE_UNAVAILABLE || !c->reason[0])
			continue;
		jm_error_set(err, JM_E_NOT_FOUND, "no sensor can be used; %s: %s", c->name, c->reason);
		jm_error_remedy(err, "%s", c->remedy);
		return;
	}
	for (i = 0; i < s->n_results; i++) {
		const struct jm_probe_result *result = &s->results[i];

		if (!result->why.message[0])
			continue;
		jm_error_set(err, JM_E_NOT_FOUND, "no sensor can be used; %s: %s", result->driver->name,
			     result->why.message);
		jm_error_remedy(err, "%s", result->why.remedy);
		return;
	}
}

int jm_session_open(struct jm_sensors *s, void (*left_out)(void *ctx, const char *text), void *ctx,
		    struct jm_error *err)
{
	size_t n_open = 0, i;

	for (i = 0; i < s->set.n_sensors; i++) {
		struct jm_sensor *sensor = &s->set.sensors[i];
		struct jm_error why = {0};
		char text[sizeof(sensor->name) + sizeof(why.message) + sizeof(why.remedy) + 32];

		if (!has_available_channel(s, sensor))
			continue;
		if (sensor->driver->open(sensor, &why)) {
			sensor->driver->close(sensor);
			set_unavailable(s, sensor, &why);
			snprintf(text, sizeof(text), "%s left out: %s%s%s", sensor->name, why.message,
				 why.remedy[0] ? "; " : "", why.remedy);
			left_out(ctx, text);
			continue;
		}
		sensor->is_open = true;
		n_open++;
	}
	promote_twins(&s->set);
	if (n_open)
		return 0;
	explain_no_sensor(s, err);
	return JM_E_NOT_FOUND;
}
