#include "sensor/sysfs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"

void jm_sysfs_candidate_init(struct jm_sysfs_candidate *c, const char *name, const char *a, const char *b,
			     int64_t multiplier, int64_t divisor)
{
	memset(c, 0, sizeof(*c));
	jm_channel_init(&c->channel, name);
	c->part_of = c->same_as = c->index = -1;
	c->input.fd[0] = c->input.fd[1] = -1;
	c->input.multiplier = multiplier;
	c->input.divisor = divisor;
	if (strlen(a) < sizeof(c->input.path[0]) && (!b || strlen(b) < sizeof(c->input.path[1]))) {
		snprintf(c->input.path[0], sizeof(c->input.path[0]), "%s", a);
		snprintf(c->input.path[1], sizeof(c->input.path[1]), "%s", b ? b : "");
	}
}

void jm_sysfs_candidate_try(const struct jm_env *env, struct jm_sysfs_candidate *c, int64_t *value_out)
{
	struct jm_sysfs_input in = c->input;
	int64_t value = 0;
	int part;

	c->code = in.path[0][0] ? 0 : JM_E_INVALID;
	for (part = 0; part < 2 && c->code == 0; part++) {
		if (!in.path[part][0])
			continue;
		in.fd[part] = jm_env_open(env, in.path[part]);
		if (in.fd[part] < 0)
			c->code = in.fd[part];
	}
	if (c->code == 0)
		c->code = jm_sysfs_input_read(env, &in, &value);
	for (part = 0; part < 2; part++)
		if (in.fd[part] >= 0)
			close(in.fd[part]);
	if (c->code == 0) {
		if (value_out)
			*value_out = value;
		return;
	}
	c->channel.state = JM_STATE_UNAVAILABLE;
	snprintf(c->channel.reason, sizeof(c->channel.reason), "%s gives no reading: %s", in.path[0],
		 jm_error_text(c->code));
	if (c->code == JM_E_PERMISSION)
		snprintf(c->channel.remedy, sizeof(c->channel.remedy),
			 "sudo chgrp \"$(id -gn)\" %.85s && sudo chmod g+r %.85s (until reboot)", in.path[0],
			 in.path[0]);
}

static int append_one(const struct jm_env *env, const struct jm_sensor_driver *driver, const char *name,
		      size_t n_before, struct jm_sysfs_candidate *c, struct jm_sensor_set *found)
{
	struct jm_sensor *s;
	struct jm_channel *channel;
	struct jm_sysfs_group *g;
	char full[96];

	if (n_before % JM_SENSOR_CHANNELS_MAX == 0) {
		snprintf(full, sizeof(full), "%s%s", name, c->code ? "/unreadable" : "");
		if (n_before)
			snprintf(full + strlen(full), sizeof(full) - strlen(full), ".%zu",
				 n_before / JM_SENSOR_CHANNELS_MAX);
		s = jm_sensor_set_append(found, driver, env, full);
		if (!s)
			return JM_E_NOMEM;
		s->state = jm_sysfs_group_create();
		if (!s->state)
			return JM_E_NOMEM;
	}
	channel = jm_sensor_set_channel(found, c->channel.name);
	if (!channel)
		return JM_E_NOMEM;
	*channel = c->channel;
	channel->part_of = channel->same_as = -1;
	c->index = (int)found->n_channels - 1;
	g = found->sensors[found->n_sensors - 1].state;
	g->input[g->n_inputs++] = c->input;
	return 0;
}

int jm_sysfs_candidates_append(const struct jm_env *env, const struct jm_sensor_driver *driver, const char *name,
			       struct jm_sysfs_candidate *candidates, size_t n, int64_t min_period_ns, bool may_block,
			       struct jm_sensor_set *found)
{
	size_t i, n_taken, first = found->n_sensors;
	int rc, is_unreadable;

	for (is_unreadable = 0; is_unreadable < 2; is_unreadable++)
		for (i = 0, n_taken = 0; i < n; i++) {
			if ((candidates[i].code != 0) != is_unreadable)
				continue;
			rc = append_one(env, driver, name, n_taken++, &candidates[i], found);
			if (rc)
				return rc;
		}
	for (i = first; i < found->n_sensors; i++) {
		found->sensors[i].min_period_ns = min_period_ns;
		found->sensors[i].may_block = may_block;
	}
	return 0;
}

void jm_sysfs_candidates_link(const struct jm_sysfs_candidate *candidates, size_t n, struct jm_sensor_set *found)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const struct jm_sysfs_candidate *c = &candidates[i];

		if (c->part_of >= 0)
			found->channels[c->index].part_of = candidates[c->part_of].index;
		/* A channel that cannot be read stands for no other. */
		if (c->same_as >= 0 && candidates[c->same_as].code == 0)
			found->channels[c->index].same_as = candidates[c->same_as].index;
	}
}
