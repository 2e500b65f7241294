/* Files of /sys and /proc of any content, one block of the input each: what the drivers make of them at probing and at reading.
 * A block ends at a zero byte. */
#include "fuzz.h"

#include "core/env.h"
#include "sensor/sensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the drivers look at: a zone of powercap with a part, chips of hwmon of both kinds, a battery, a PMU, a board, /proc. */
static const char *const paths[] = {
    "/sys/class/powercap/intel-rapl:0/name",
    "/sys/class/powercap/intel-rapl:0/energy_uj",
    "/sys/class/powercap/intel-rapl:0/max_energy_range_uj",
    "/sys/class/powercap/intel-rapl:0:0/name",
    "/sys/class/powercap/intel-rapl:0:0/energy_uj",
    "/sys/class/powercap/intel-rapl:0:0/max_energy_range_uj",
    "/sys/class/hwmon/hwmon0/name",
    "/sys/class/hwmon/hwmon0/power1_input",
    "/sys/class/hwmon/hwmon0/power1_label",
    "/sys/class/hwmon/hwmon0/power1_average_interval",
    "/sys/class/hwmon/hwmon0/energy1_input",
    "/sys/class/hwmon/hwmon1/name",
    "/sys/class/hwmon/hwmon1/in1_input",
    "/sys/class/hwmon/hwmon1/in1_label",
    "/sys/class/hwmon/hwmon1/curr1_input",
    "/sys/class/hwmon/hwmon1/update_interval",
    "/sys/class/hwmon/hwmon1/samples",
    "/sys/class/hwmon/hwmon1/shunt1_resistor",
    "/sys/class/power_supply/BAT0/type",
    "/sys/class/power_supply/BAT0/status",
    "/sys/class/power_supply/BAT0/power_now",
    "/sys/class/power_supply/BAT0/voltage_now",
    "/sys/class/power_supply/BAT0/current_now",
    "/sys/bus/event_source/devices/power/type",
    "/sys/bus/event_source/devices/power/cpumask",
    "/sys/bus/event_source/devices/power/events/energy-pkg",
    "/sys/bus/event_source/devices/power/events/energy-pkg.scale",
    "/sys/bus/event_source/devices/power/events/energy-pkg.unit",
    "/proc/device-tree/model",
    "/proc/cpuinfo",
    "/proc/stat",
};
#define N_PATHS (sizeof(paths) / sizeof(paths[0]))

static char root[300];

static void remove_files(void)
{
	char full[400], *slash;
	size_t i;

	for (i = 0; i < N_PATHS; i++) {
		snprintf(full, sizeof(full), "%s%s", root, paths[i]);
		unlink(full);
		while ((slash = strrchr(full, '/')) && (size_t)(slash - full) >= strlen(root)) {
			*slash = '\0';
			if (rmdir(full))
				break;
		}
	}
}

static void make_root(void)
{
	const char *folder = getenv("TMPDIR");
	char full[400], *slash;
	size_t i;

	if (root[0])
		return;
	snprintf(root, sizeof(root), "%.200s/jm-fuzz-sys-XXXXXX", folder && folder[0] ? folder : "/tmp");
	if (!mkdtemp(root))
		abort();
	atexit(remove_files);
	for (i = 0; i < N_PATHS; i++) {
		snprintf(full, sizeof(full), "%s%s", root, paths[i]);
		for (slash = strchr(full + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
			*slash = '\0';
			mkdir(full, 0700);
			*slash = '/';
		}
	}
}

/* Gives what is left behind the block. An empty block: there is no such file. */
static size_t put(size_t i, const uint8_t **data, size_t n)
{
	const uint8_t *end = n ? memchr(*data, '\0', n) : NULL;
	size_t length = end ? (size_t)(end - *data) : n, used = length + (end != NULL);
	char full[400];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, paths[i]);
	unlink(full);
	f = length ? fopen(full, "w") : NULL;
	if (f) {
		fwrite(*data, 1, length, f);
		fclose(f);
	}
	if (used)
		*data += used;
	return n - used;
}

/* There is no perf event here: what leads to the call is what is tried. */
static long no_perf_events(void *ctx, void *attr, pid_t pid, int cpu, int group_fd, unsigned long flags)
{
	(void)ctx;
	(void)attr;
	(void)pid;
	(void)cpu;
	(void)group_fd;
	(void)flags;
	return -1;
}

static void read_sensor(struct jm_sensor *s, struct jm_sample *samples, size_t n_channels)
{
	size_t n = 0, i, k;

	if (s->driver->open(s, NULL) == 0)
		for (k = 0; k < 3; k++) {
			if (s->driver->read(s, samples, &n))
				continue;
			for (i = 0; i < n; i++)
				if (samples[i].channel >= n_channels || samples[i].status > JM_SAMPLE_GAP)
					abort();
		}
	s->driver->close(s);
}

static void check(const struct jm_env *env, const struct jm_sensor_driver *driver)
{
	struct jm_sample samples[64];
	struct jm_sensor_set set = {0};
	struct jm_error why = {0};
	size_t i;

	driver->probe(env, NULL, &set, &why);
	for (i = 0; i < set.n_channels; i++)
		if (!set.channels[i].name[0] || set.channels[i].part_of >= (int)set.n_channels ||
		    set.channels[i].same_as >= (int)set.n_channels)
			abort();
	for (i = 0; i < set.n_sensors; i++) {
		struct jm_sensor *s = &set.sensors[i];

		if (s->n_channels > JM_SENSOR_CHANNELS_MAX || (size_t)s->first_channel + s->n_channels > set.n_channels)
			abort();
		if (s->max_samples <= 64)
			read_sensor(s, samples, set.n_channels);
	}
	jm_sensor_set_finish(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct jm_env env;
	size_t i;

	make_root();
	for (i = 0; i < N_PATHS; i++)
		n = put(i, &data, n);
	jm_env_init(&env);
	snprintf(env.root, sizeof(env.root), "%s", root);
	snprintf(env.nvml, sizeof(env.nvml), "/nonexistent");
	env.process_cpu_ns = NULL;
	env.perf_event_open = no_perf_events;
	for (i = 0; jm_sensor_drivers[i]; i++)
		if (!jm_sensor_drivers[i]->needs_argument)
			check(&env, jm_sensor_drivers[i]);
	return 0;
}
