/* Device: any power sensor with a kernel driver: amdgpu, xe, i915, INA2xx, ACPI power meters, power supplies with
 *   PMBus.
 * Interface: /sys/class/hwmon/hwmon<N>: name; energy<n>_input (uJ), power<n>_input and power<n>_average (uW),
 *   power<n>_average_interval (ms), <attribute>_label; where a chip has none of these, pairs in<n>_input (mV) and
 *   curr<n>_input (mA) that carry the same label (INA3221: that the chip's documentation joins); update_interval (ms).
 * Unit: uJ, uW; mV x mA = uW. Step: unknown. Period: update_interval where there is one. Wrap: none known (64 bits).
 * Permission: mostly none; some energy counters are 0400. A read may block (I2C, ACPI, firmware): own thread, except
 *   i915 and xe, which read a register.
 * Faults: the numbers of hwmon<N> change from boot to boot, so chips are named by their name and, where there are
 *   several of a name, by order. A battery shows itself here too; the driver battery has it. INA3221 on a Jetson:
 *   driver jetson.
 * Source: Linux, Documentation/hwmon/sysfs-interface.rst, ina3221.rst, acpi_power_meter.rst; Documentation/gpu/amdgpu/
 *   thermal.rst; Documentation/ABI/testing/sysfs-driver-intel-{i915,xe}-hwmon (6.12). */
#include "sensor/sensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/units.h"
#include "sensor/jetson.h"
#include "sensor/sysfs.h"

extern const struct jm_sensor_driver jm_sensor_hwmon;

#define FOLDER       "/sys/class/hwmon"
#define CHANNELS_MAX 32
#define NAME_SIZE    24 /* of a chip, in a channel's name */

struct chip {
	const struct jm_env *env;
	char folder[96];
	char name[NAME_SIZE];
	char title[NAME_SIZE + 8]; /* "amdgpu", "amdgpu.1" */
	int ordinal;
	int64_t period_ns; /* 0: unknown */
	struct jm_sysfs_candidate channels[CHANNELS_MAX];
	size_t n;
};

static enum jm_domain domain_of(const char *name)
{
	static const struct {
		const char *name;
		enum jm_domain domain;
	} table[] = {{"amdgpu", JM_DOMAIN_GPU},
		     {"radeon", JM_DOMAIN_GPU},
		     {"nouveau", JM_DOMAIN_GPU},
		     {"i915", JM_DOMAIN_GPU},
		     {"xe", JM_DOMAIN_GPU},
		     {"fam15h_power", JM_DOMAIN_PACKAGE},
		     {"power_meter", JM_DOMAIN_PLATFORM}};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, name) == 0)
			return table[i].domain;
	return JM_DOMAIN_OTHER;
}

static bool is_fast(const char *name)
{
	return strcmp(name, "i915") == 0 || strcmp(name, "xe") == 0;
}

/* Splits "power12_input": gives the number when the file is prefix, number, suffix; else -1. */
static int number_in(const char *file, const char *prefix, const char *suffix)
{
	size_t length = strlen(prefix), digits;

	if (strncmp(file, prefix, length))
		return -1;
	digits = strspn(file + length, "0123456789");
	if (digits == 0 || digits > 3 || strcmp(file + length + digits, suffix))
		return -1;
	return atoi(file + length);
}

/* Adds a channel called after the label, or after its attribute where there is none. b: NULL, or the other factor. */
static struct jm_sysfs_candidate *add(struct chip *chip, const char *attribute, const char *suffix, const char *a,
				      const char *b)
{
	struct jm_sysfs_candidate *c = &chip->channels[chip->n];
	char label[64], clean[40], name[96], path_a[192], path_b[192];

	if (chip->n == CHANNELS_MAX)
		return NULL;
	if (jm_sysfs_text(chip->env, label, sizeof(label), "%s/%s_label", chip->folder, attribute))
		snprintf(label, sizeof(label), "%.60s", attribute);
	jm_sysfs_clean(label, clean, sizeof(clean));
	snprintf(name, sizeof(name), "hwmon/%.30s/%s%s", chip->title, clean, suffix);
	snprintf(path_a, sizeof(path_a), "%s/%.63s", chip->folder, a);
	snprintf(path_b, sizeof(path_b), "%s/%.63s", chip->folder, b ? b : "");
	jm_sysfs_candidate_init(c, name, path_a, b ? path_b : NULL, 1, 1);
	snprintf(c->channel.label, sizeof(c->channel.label), "%s", label);
	c->channel.domain = domain_of(chip->name);
	c->channel.device = chip->ordinal;
	c->channel.update_period_ns = chip->period_ns;
	chip->n++;
	return c;
}

/* Gives the number of a candidate, of those before n, that has the label and that quantity and kind; or -1. */
static int find_same(const struct chip *chip, size_t n, const char *label, enum jm_quantity quantity)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (chip->channels[i].channel.quantity == quantity &&
		    strcmp(chip->channels[i].channel.label, label) == 0)
			return (int)i;
	return -1;
}

static void add_energy(struct chip *chip, const char *file, int n)
{
	struct jm_sysfs_candidate *c;
	char attribute[24];

	snprintf(attribute, sizeof(attribute), "energy%d", n);
	c = add(chip, attribute, ".energy", file, NULL);
	if (!c)
		return;
	c->channel.quantity = JM_QUANTITY_ENERGY;
	c->channel.kind = JM_KIND_COUNTER;
	c->input.is_counter = true;
	jm_sysfs_candidate_try(chip->env, c, NULL);
}

/* The energy counter of the same label is preferred: it misses nothing between two readings. */
static void add_power(struct chip *chip, const char *file, int n)
{
	struct jm_sysfs_candidate *c;
	char attribute[24];

	snprintf(attribute, sizeof(attribute), "power%d", n);
	c = add(chip, attribute, "", file, NULL);
	if (!c)
		return;
	c->same_as = find_same(chip, chip->n - 1, c->channel.label, JM_QUANTITY_ENERGY);
	jm_sysfs_candidate_try(chip->env, c, NULL);
}

static void add_average(struct chip *chip, const char *file, int n)
{
	struct jm_sysfs_candidate *c;
	char attribute[24];
	int64_t window_ms;

	snprintf(attribute, sizeof(attribute), "power%d", n);
	c = add(chip, attribute, ".average", file, NULL);
	if (!c)
		return;
	c->channel.kind = JM_KIND_WINDOW_MEAN;
	if (jm_sysfs_i64(chip->env, &window_ms, "%s/power%d_average_interval", chip->folder, n) == 0 && window_ms > 0 &&
	    window_ms < 3600000)
		c->channel.window_ns = window_ms * JM_NS_PER_MS;
	else
		snprintf(c->channel.reason, sizeof(c->channel.reason),
			 "an average over a time that the driver does not tell");
	c->same_as = find_same(chip, chip->n - 1, c->channel.label, JM_QUANTITY_ENERGY);
	if (c->same_as < 0)
		c->same_as = find_same(chip, chip->n - 1, c->channel.label, JM_QUANTITY_POWER);
	jm_sysfs_candidate_try(chip->env, c, NULL);
}

static void add_kind(struct chip *chip, const struct jm_sysfs_names *files, const char *prefix, const char *suffix,
		     void (*add_one)(struct chip *chip, const char *file, int n))
{
	size_t i;

	for (i = 0; i < files->n; i++) {
		int n = number_in(files->names[i], prefix, suffix);

		if (n >= 0)
			add_one(chip, files->names[i], n);
	}
}

/* Finds the current that belongs to voltage n: by label, or for the INA3221 by its documented numbering, labels or not: they come
 * from a device tree. */
static int find_current(const struct chip *chip, const struct jm_sysfs_names *files, int n)
{
	char label[64], other[64];
	size_t i;

	if (strcmp(chip->name, "ina3221") == 0)
		return n >= 1 && n <= 3 ? n : -1;
	if (jm_sysfs_text(chip->env, label, sizeof(label), "%s/in%d_label", chip->folder, n))
		return -1;
	for (i = 0; i < files->n; i++) {
		int k = number_in(files->names[i], "curr", "_input");

		if (k >= 0 && jm_sysfs_text(chip->env, other, sizeof(other), "%s/curr%d_label", chip->folder, k) == 0 &&
		    strcmp(other, label) == 0)
			return k;
	}
	return -1;
}

static void add_pairs(struct chip *chip, const struct jm_sysfs_names *files)
{
	char attribute[24], current[40];
	size_t i;

	for (i = 0; i < files->n; i++) {
		int n = number_in(files->names[i], "in", "_input"), k = n < 0 ? -1 : find_current(chip, files, n);
		struct jm_sysfs_candidate *c;

		if (k < 0)
			continue;
		snprintf(attribute, sizeof(attribute), "in%d", n);
		snprintf(current, sizeof(current), "curr%d_input", k);
		c = add(chip, attribute, "", files->names[i], current);
		if (c)
			jm_sysfs_candidate_try(chip->env, c, NULL);
	}
}

/* Intel's discrete GPUs count the card, and the chip package on it. */
static void link_parts(struct chip *chip)
{
	size_t i;

	if (strcmp(chip->name, "xe"))
		return;
	for (i = 0; i < chip->n; i++)
		if (strcmp(chip->channels[i].channel.label, "pkg") == 0)
			chip->channels[i].part_of =
			    find_same(chip, chip->n, "card", chip->channels[i].channel.quantity);
}

/* Odd firmware may repeat a label: the second gets the number of its place. */
static void make_unique(struct chip *chip)
{
	size_t i, j, n;

	for (i = 1; i < chip->n; i++)
		for (j = 0; j < i; j++) {
			char *name = chip->channels[i].channel.name;

			if (strcmp(name, chip->channels[j].channel.name))
				continue;
			n = strlen(name);
			snprintf(name + n, sizeof(chip->channels[i].channel.name) - n, "#%zu", i);
			break;
		}
}

static bool is_power_supply(const struct chip *chip)
{
	static const char *const types[] = {"Battery", "Mains", "UPS", "USB", "Wireless"};
	char type[32];
	size_t i;

	if (jm_sysfs_text(chip->env, type, sizeof(type), "%s/device/type", chip->folder))
		return false;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i], type) == 0)
			return true;
	return false;
}

static int probe_chip(struct chip *chip, struct jm_sensor_set *found)
{
	struct jm_sysfs_names files;
	int64_t interval_ms;
	char name[96];
	int rc;

	if (jm_sysfs_i64(chip->env, &interval_ms, "%s/update_interval", chip->folder) == 0 && interval_ms > 0 &&
	    interval_ms < 3600000)
		chip->period_ns = interval_ms * JM_NS_PER_MS;
	if (jm_sysfs_list(chip->env, chip->folder, &files))
		return 0;
	add_kind(chip, &files, "energy", "_input", add_energy);
	add_kind(chip, &files, "power", "_input", add_power);
	add_kind(chip, &files, "power", "_average", add_average);
	if (chip->n == 0)
		add_pairs(chip, &files);
	jm_sysfs_names_finish(&files);
	link_parts(chip);
	make_unique(chip);
	snprintf(name, sizeof(name), "hwmon/%s", chip->title);
	rc = jm_sysfs_candidates_append(chip->env, &jm_sensor_hwmon, name, chip->channels, chip->n, chip->period_ns,
					!is_fast(chip->name), found);
	if (rc == 0)
		jm_sysfs_candidates_link(chip->channels, chip->n, found);
	return rc;
}

/* Reads a chip's name, made fit for the name of a channel. */
static bool read_name(const struct jm_env *env, const char *folder, char *out)
{
	char text[64];

	if (jm_sysfs_text(env, text, sizeof(text), FOLDER "/%.63s/name", folder))
		return false;
	jm_sysfs_clean(text, out, NAME_SIZE);
	return true;
}

/* Gives how many folders before the i-th have a chip of that name. */
static int ordinal_of(const struct jm_env *env, const struct jm_sysfs_names *names, size_t i, const char *name)
{
	char other[NAME_SIZE];
	int n = 0;
	size_t j;

	for (j = 0; j < i; j++)
		n += read_name(env, names->names[j], other) && strcmp(other, name) == 0;
	return n;
}

static int probe_folder(const struct jm_env *env, const struct jm_sysfs_names *names, size_t i, struct chip *chip,
			struct jm_sensor_set *found)
{
	memset(chip, 0, sizeof(*chip));
	chip->env = env;
	snprintf(chip->folder, sizeof(chip->folder), FOLDER "/%.63s", names->names[i]);
	if (!read_name(env, names->names[i], chip->name))
		return 0;
	if (is_power_supply(chip) || jm_jetson_owns_chip(env, chip->name))
		return 0;
	chip->ordinal = ordinal_of(env, names, i, chip->name);
	snprintf(chip->title, sizeof(chip->title), chip->ordinal ? "%s.%d" : "%s", chip->name, chip->ordinal);
	return probe_chip(chip, found);
}

static int probe(const struct jm_env *env, const char *argument, struct jm_sensor_set *found, struct jm_error *why)
{
	size_t i, n_before = found->n_sensors;
	struct jm_sysfs_names names;
	struct chip *chip = calloc(1, sizeof(*chip));
	int rc = chip ? 0 : JM_E_NOMEM;

	(void)argument;
	(void)jm_sysfs_list(env, FOLDER, &names);
	for (i = 0; i < names.n && rc == 0; i++)
		rc = probe_folder(env, &names, i, chip, found);
	free(chip);
	if (rc)
		jm_error_set(why, rc, "cannot list " FOLDER ": %s", jm_error_text(rc));
	else if (found->n_sensors == n_before && names.n == 0)
		jm_error_set(why, JM_E_NOT_FOUND, "no hardware monitors in " FOLDER);
	else if (found->n_sensors == n_before)
		jm_error_set(why, JM_E_NOT_FOUND, "none of the %zu hardware monitors in " FOLDER " measures power",
			     names.n);
	jm_sysfs_names_finish(&names);
	return rc;
}

const struct jm_sensor_driver jm_sensor_hwmon = {
    .name = "hwmon",
    .summary = "power sensors with a kernel driver: AMD and Intel GPUs, INA2xx, power meters",
    .probe = probe,
    .open = jm_sysfs_group_open,
    .read = jm_sysfs_group_read,
    .close = jm_sysfs_group_close,
};
