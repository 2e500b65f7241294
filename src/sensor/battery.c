/* Device: the battery of a laptop: what the whole machine draws while it runs on it.
 * Interface: /sys/class/power_supply/<name>: type "Battery", scope other than "Device" (a mouse), status, power_now
 *   (uW), or current_now (uA) and voltage_now (uV).
 * Unit: uW; uA x uV / 10^6. Step, period: of the battery's own controller, unknown (often seconds). Wrap: none.
 * Permission: none. A read may block: it can ask an embedded controller.
 * Faults: while charging or full the figures are of the battery, not of the machine: such a reading is a gap. Some
 *   drivers give discharge as a negative number.
 * Source: Linux, Documentation/ABI/testing/sysfs-class-power; Documentation/power/power_supply_class.rst. */
#include "sensor/sensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "sensor/sysfs.h"

extern const struct jm_sensor_driver jm_sensor_battery;

#define FOLDER "/sys/class/power_supply"
#define DISCHARGING "Discharging"

struct battery {
	char status_path[128];
	int status_fd;
	struct jm_sysfs_input input;
};

static bool is_discharging(int fd)
{
	char text[sizeof(DISCHARGING) + 1];
	ssize_t n = pread(fd, text, sizeof(text), 0);

	if (n > 0 && text[n - 1] == '\n')
		n--;
	return n == (ssize_t)strlen(DISCHARGING) && memcmp(text, DISCHARGING, (size_t)n) == 0;
}

static void battery_close(struct jm_sensor *s)
{
	struct battery *b = s->state;
	int *fds[3], i;

	s->is_open = false;
	if (!b)
		return;
	fds[0] = &b->status_fd;
	fds[1] = &b->input.fd[0];
	fds[2] = &b->input.fd[1];
	for (i = 0; i < 3; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static int open_one(const struct jm_env *env, const char *path, int *fd, struct jm_error *err)
{
	if (!path[0] || *fd >= 0)
		return 0;
	*fd = jm_env_open(env, path);
	return *fd < 0 ? jm_error_set(err, *fd, "cannot open %s%s: %s", env->root, path, jm_error_text(*fd)) : 0;
}

static int battery_open(struct jm_sensor *s, struct jm_error *err)
{
	struct battery *b = s->state;
	int rc = open_one(s->env, b->status_path, &b->status_fd, err);

	if (rc == 0)
		rc = open_one(s->env, b->input.path[0], &b->input.fd[0], err);
	if (rc == 0)
		rc = open_one(s->env, b->input.path[1], &b->input.fd[1], err);
	if (rc)
		battery_close(s);
	s->is_open = rc == 0;
	return rc;
}

static int battery_read(struct jm_sensor *s, struct jm_sample *out, size_t *n_out)
{
	const struct battery *b = s->state;
	int64_t before_ns, after_ns, power_uw = 0;
	bool is_valid;

	if (!s->is_open)
		return JM_E_INVALID;
	before_ns = jm_env_now(s->env);
	is_valid = is_discharging(b->status_fd);
	if (is_valid) {
		int rc = jm_sysfs_input_read(s->env, &b->input, &power_uw);

		if (rc)
			return rc;
	}
	after_ns = jm_env_now(s->env);
	jm_sample_fill(out, s->first_channel, before_ns, after_ns, power_uw < 0 ? -power_uw : power_uw);
	if (!is_valid)
		out->status = JM_SAMPLE_GAP;
	*n_out = 1;
	return 0;
}

static bool is_system_battery(const struct jm_env *env, const char *name)
{
	char text[32];

	if (jm_sysfs_text(env, text, sizeof(text), FOLDER "/%s/type", name) || strcmp(text, "Battery"))
		return false;
	return jm_sysfs_text(env, text, sizeof(text), FOLDER "/%s/scope", name) || strcmp(text, "Device");
}

static void load(const struct jm_env *env, const char *name, struct jm_sysfs_candidate *c)
{
	char clean[64], channel[96], power[128], current[128], volt[128], status[32];
	int64_t ignored;

	jm_sysfs_clean(name, clean, sizeof(clean));
	snprintf(channel, sizeof(channel), "battery/%s", clean);
	snprintf(power, sizeof(power), FOLDER "/%.63s/power_now", name);
	snprintf(current, sizeof(current), FOLDER "/%.63s/current_now", name);
	snprintf(volt, sizeof(volt), FOLDER "/%.63s/voltage_now", name);
	if (jm_env_read_i64(env, power, &ignored) != JM_E_NOT_FOUND)
		jm_sysfs_candidate_init(c, channel, power, NULL, 1, 1);
	else
		jm_sysfs_candidate_init(c, channel, current, volt, 1, 1000000);
	snprintf(c->channel.label, sizeof(c->channel.label), "%.63s", name);
	c->channel.domain = JM_DOMAIN_PLATFORM;
	jm_sysfs_candidate_try(env, c, NULL);
	if (c->code)
		return;
	if (jm_sysfs_text(env, status, sizeof(status), FOLDER "/%s/status", name))
		snprintf(status, sizeof(status), "of unknown status");
	if (strcmp(status, DISCHARGING) == 0)
		return;
	c->channel.state = JM_STATE_UNAVAILABLE;
	snprintf(c->channel.reason, sizeof(c->channel.reason),
		 "the battery is not discharging (it is %s), so its power is not what the machine draws", status);
	snprintf(c->channel.remedy, sizeof(c->channel.remedy), "unplug the charger");
}

static int append(const struct jm_env *env, const char *name, const struct jm_sysfs_candidate *c,
		  struct jm_sensor_set *found)
{
	struct jm_sensor *s = jm_sensor_set_append(found, &jm_sensor_battery, env, c->channel.name);
	struct jm_channel *channel;
	struct battery *b;

	if (!s)
		return JM_E_NOMEM;
	s->may_block = true;
	s->state = b = calloc(1, sizeof(*b));
	channel = jm_sensor_set_channel(found, c->channel.name);
	if (!b || !channel)
		return JM_E_NOMEM;
	*channel = c->channel;
	b->input = c->input;
	b->status_fd = -1;
	snprintf(b->status_path, sizeof(b->status_path), FOLDER "/%.63s/status", name);
	return 0;
}

static int probe(const struct jm_env *env, const char *argument, struct jm_sensor_set *found, struct jm_error *why)
{
	struct jm_sysfs_candidate candidate;
	struct jm_sysfs_names names;
	size_t i, n = 0;
	int rc = 0;

	(void)argument;
	(void)jm_sysfs_list(env, FOLDER, &names);
	for (i = 0; i < names.n && rc == 0; i++) {
		if (!is_system_battery(env, names.names[i]))
			continue;
		load(env, names.names[i], &candidate);
		rc = append(env, names.names[i], &candidate, found);
		n++;
	}
	jm_sysfs_names_finish(&names);
	if (rc)
		return jm_error_set(why, rc, "cannot list batteries: %s", jm_error_text(rc));
	if (n == 0)
		jm_error_set(why, JM_E_NOT_FOUND, "no battery in " FOLDER);
	return 0;
}

const struct jm_sensor_driver jm_sensor_battery = {
	.name = "battery",
	.summary = "laptop battery: what the machine draws while discharging",
	.probe = probe,
	.open = battery_open,
	.read = battery_read,
	.close = battery_close,
};
