/* Device: RAPL energy counters of Intel and AMD (Zen and later) processors.
 * Interface: /sys/class/powercap/<type>:<zone>[:<subzone>]/{name,energy_uj,max_energy_range_uj}; type is intel-rapl
 *   (MSR or TPMI; AMD processors too) or intel-rapl-mmio (the same package counter by another way).
 * Unit: uJ. Step: max_energy_range_uj / 2^32 (the register has 32 bits): 61 uJ, or 15 uJ for the memory of servers.
 * Period: about 1 ms (Intel SDM vol. 3B, 15.10 "Platform Specific Power Management Support").
 * Wrap: at max_energy_range_uj, some minutes at full power.
 * Permission: energy_uj is 0400 root since Linux 5.10 (commit 949dd0104c49, PLATYPUS, CVE-2020-8694).
 * Faults: containers mask /sys/devices/virtual/powercap, which leaves dangling links (moby GHSA-jq35-85cj-fj4p). On AMD
 *   the zone "core" reads the per-core MSR 0xC001029A of one core only. Zone numbers need not follow package numbers.
 *   Firmware may add noise (energy filtering, Intel SA-00389).
 * Tree: "core" and "uncore" are parts of their package. "dram" hangs below the package in sysfs, but the package
 *   counter does not contain it (SDM: the package domain is the processor die, the DRAM domain the directly attached
 *   memory). "psys" is the platform and contains packages and memory (Linux, drivers/powercap/intel_rapl_common.c;
 *   "psys-N" where each package has one).
 * Source: Linux, Documentation/power/powercap/powercap.rst and drivers/powercap/intel_rapl_{common,msr,tpmi}.c, 6.12.
 *   */
#define _GNU_SOURCE
#include "sensor/sysfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "sensor/rapl.h"

extern const struct jm_sensor_driver jm_sensor_rapl_powercap;

#define FOLDER "/sys/class/powercap"
#define REGISTER_RANGE (UINT64_C(1) << 32)

struct zone {
	char id[JM_SYSFS_NAME_MAX];   /* "intel-rapl:0:1" */
	char name[JM_SYSFS_NAME_MAX]; /* "package-0", cleaned */
	int parent;                   /* index of the zone above in sysfs; -1: top */
	int top;                      /* index of the uppermost zone above, or its own */
	enum jm_domain domain;
	int device;
	int64_t range_uj; /* 0: unknown */
	int code;         /* of reading energy_uj; 0: readable */
	int channel;      /* index in the set */
};

struct zones {
	struct zone *items;
	size_t n;
};

static enum jm_domain domain_of(const char *name)
{
	static const struct {
		const char *prefix;
		enum jm_domain domain;
	} table[] = {{"package", JM_DOMAIN_PACKAGE},
		     {"psys", JM_DOMAIN_PLATFORM},
		     {"core", JM_DOMAIN_CORE},
		     {"uncore", JM_DOMAIN_UNCORE},
		     {"dram", JM_DOMAIN_DRAM}};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strncmp(name, table[i].prefix, strlen(table[i].prefix)) == 0)
			return table[i].domain;
	return JM_DOMAIN_OTHER;
}

static size_t type_length(const struct zone *z)
{
	return strcspn(z->id, ":");
}

static bool is_same_type(const struct zone *a, const struct zone *b)
{
	return type_length(a) == type_length(b) && strncmp(a->id, b->id, type_length(a)) == 0;
}

static bool is_mmio(const char *id)
{
	return strncmp(id, "intel-rapl-mmio:", 16) == 0;
}

/* "dtpm" models energy, it does not measure it; whatever else has energy_uj is taken. */
static bool is_zone(const char *id)
{
	return strchr(id, ':') && strncmp(id, "dtpm", 4) != 0;
}

/* Fills z from sysfs. Gives false for a zone that keeps no energy. */
static bool load_zone(const struct jm_env *env, const char *id, struct zone *z)
{
	char name[JM_SYSFS_NAME_MAX];
	int64_t energy_uj;

	memset(z, 0, sizeof(*z));
	snprintf(z->id, sizeof(z->id), "%s", id);
	z->code = jm_sysfs_i64(env, &energy_uj, FOLDER "/%s/energy_uj", id);
	if (z->code == JM_E_NOT_FOUND)
		return false;
	if (z->code == 0 && energy_uj < 0)
		z->code = JM_E_FORMAT;
	if (jm_sysfs_text(env, name, sizeof(name), FOLDER "/%s/name", id))
		snprintf(name, sizeof(name), "%s", id);
	jm_sysfs_clean(name, z->name, sizeof(z->name));
	if (jm_sysfs_i64(env, &z->range_uj, FOLDER "/%s/max_energy_range_uj", id) || z->range_uj < 0)
		z->range_uj = 0;
	z->domain = domain_of(z->name);
	return true;
}

static int find_id(const struct zones *zones, const char *id, size_t n)
{
	size_t i;

	for (i = 0; i < zones->n; i++)
		if (strlen(zones->items[i].id) == n && strncmp(zones->items[i].id, id, n) == 0)
			return (int)i;
	return -1;
}

/* Parents come before their subzones, for ids are in natural order. */
static void link_zone(struct zones *zones, size_t i)
{
	struct zone *z = &zones->items[i];

	z->parent = find_id(zones, z->id, (size_t)(strrchr(z->id, ':') - z->id));
	z->top = z->parent < 0 ? (int)i : zones->items[z->parent].top;
}

/* Gives the ordinal of the zone's package among the packages of its type, by name. */
static int device_of(const struct zones *zones, const struct zone *z)
{
	const struct zone *top = &zones->items[z->top];
	int device = 0;
	size_t i;

	if (top->domain == JM_DOMAIN_PLATFORM)
		return top->name[4] == '-' ? atoi(top->name + 5) : 0;
	for (i = 0; i < zones->n; i++) {
		const struct zone *other = &zones->items[i];

		if (other->parent < 0 && other->domain == top->domain && is_same_type(other, z) &&
		    strverscmp(other->name, top->name) < 0)
			device++;
	}
	return device;
}

static int load_zones(const struct jm_env *env, const struct jm_sysfs_names *names, struct zones *out)
{
	size_t i, mmio;

	out->n = 0;
	out->items = calloc(names->n + 1, sizeof(*out->items));
	if (!out->items)
		return JM_E_NOMEM;
	/* What is the same as another counter comes after it. */
	for (mmio = 0; mmio < 2; mmio++)
		for (i = 0; i < names->n; i++)
			if (is_zone(names->names[i]) && is_mmio(names->names[i]) == mmio &&
			    load_zone(env, names->names[i], &out->items[out->n]))
				out->n++;
	for (i = 0; i < out->n; i++)
		link_zone(out, i);
	for (i = 0; i < out->n; i++)
		out->items[i].device = device_of(out, &out->items[i]);
	return 0;
}

/* Gives the zone whose counter contains z's, or -1. See "Tree" above. */
static int containing_zone(const struct zones *zones, const struct zone *z)
{
	const struct zone *top = &zones->items[z->top];
	int whole = -1;
	size_t i;

	if (z->parent >= 0 && z->domain != JM_DOMAIN_DRAM)
		return z->parent;
	if (z->domain == JM_DOMAIN_PLATFORM)
		return -1;
	for (i = 0; i < zones->n; i++) {
		const struct zone *other = &zones->items[i];

		if (other->domain != JM_DOMAIN_PLATFORM || other->parent >= 0 || is_mmio(other->id))
			continue;
		if (other->device == top->device)
			return (int)i;
		if (other->device == 0)
			whole = (int)i;
	}
	return whole;
}

/* Gives the readable zone of another type that reads the very same counter, or -1. */
static int twin_zone(const struct zones *zones, const struct zone *z)
{
	size_t i;

	if (!is_mmio(z->id))
		return -1;
	for (i = 0; i < zones->n; i++) {
		const struct zone *other = &zones->items[i];

		if (!is_mmio(other->id) && other->code == 0 && strcmp(other->name, z->name) == 0 &&
		    strcmp(zones->items[other->top].name, zones->items[z->top].name) == 0)
			return (int)i;
	}
	return -1;
}

static void channel_name(const struct zones *zones, const struct zone *z, char *out, size_t size)
{
	const struct zone *top = &zones->items[z->top];
	const char *type = is_mmio(z->id) ? "mmio/" : "";

	if (top == z)
		snprintf(out, size, "rapl_powercap/%s%.40s", type, z->name);
	else
		snprintf(out, size, "rapl_powercap/%s%.40s/%.24s", type, top->name, z->name);
}

/* A name may come twice only on odd firmware; the zone's id then tells them apart. */
static void make_unique(const struct jm_sensor_set *set, char *name, size_t size, const char *id)
{
	size_t i, n;

	for (i = 0; i < set->n_channels; i++) {
		if (strcmp(set->channels[i].name, name))
			continue;
		n = strlen(name);
		snprintf(name + n, size - n, "#%s", id);
		return;
	}
}

static void say_unreadable(struct jm_channel *c, const struct zone *z)
{
	c->state = JM_STATE_UNAVAILABLE;
	if (z->code == JM_E_PERMISSION) {
		snprintf(c->reason, sizeof(c->reason),
			 "only root may read " FOLDER "/%.63s/energy_uj (a guard against the PLATYPUS attack)", z->id);
		snprintf(c->remedy, sizeof(c->remedy),
			 "sudo chgrp \"$(id -gn)\" " FOLDER "/*/energy_uj && sudo chmod g+r " FOLDER
			 "/*/energy_uj (until reboot), or sudo setcap cap_perfmon+ep \"$(command -v joulemap)\" for "
			 "rapl_perf");
		return;
	}
	snprintf(c->reason, sizeof(c->reason), FOLDER "/%.63s/energy_uj gives no reading: %s", z->id,
		 jm_error_text(z->code));
}

static int append_channel(const struct zones *zones, struct zone *z, bool is_amd, struct jm_sensor_set *found)
{
	char name[96];
	struct jm_channel *c;

	channel_name(zones, z, name, sizeof(name));
	make_unique(found, name, sizeof(name), z->id);
	c = jm_sensor_set_channel(found, name);
	if (!c)
		return JM_E_NOMEM;
	z->channel = (int)(found->n_channels - 1);
	snprintf(c->label, sizeof(c->label), "%s", z->name);
	c->quantity = JM_QUANTITY_ENERGY;
	c->kind = JM_KIND_COUNTER;
	c->domain = z->domain;
	c->device = z->device;
	c->wrap = (uint64_t)z->range_uj;
	c->step = (c->wrap + REGISTER_RANGE / 2) / REGISTER_RANGE;
	c->update_period_ns = JM_RAPL_UPDATE_NS;
	if (is_amd && z->domain == JM_DOMAIN_CORE)
		snprintf(c->reason, sizeof(c->reason), "AMD: the kernel reads the counter of one core, not of all");
	if (z->code)
		say_unreadable(c, z);
	return 0;
}

/* Whether zone z belongs to the sensor being filled: readable ones of top (or of all tops), or the unreadable ones. */
static bool belongs(const struct zone *z, bool is_readable, int top)
{
	return (z->code == 0) == is_readable && (top < 0 || z->top == top);
}

static int append_sensor(const struct jm_env *env, struct jm_sensor_set *found, const char *name)
{
	struct jm_sensor *s = jm_sensor_set_append(found, &jm_sensor_rapl_powercap, env, name);

	if (!s)
		return JM_E_NOMEM;
	s->min_period_ns = JM_RAPL_UPDATE_NS;
	s->state = jm_sysfs_group_create();
	return s->state ? 0 : JM_E_NOMEM;
}

/* Appends the zones that belong together, JM_SENSOR_CHANNELS_MAX to a sensor. */
static int append_group(const struct jm_env *env, struct zones *zones, bool is_readable, int top, const char *label,
			struct jm_sensor_set *found)
{
	bool is_amd = jm_sysfs_has_cpu_vendor(env, "AuthenticAMD");
	char name[96], path[192];
	int rc, n = 0;
	size_t i;

	for (i = 0; i < zones->n; i++) {
		struct zone *z = &zones->items[i];

		if (!belongs(z, is_readable, top))
			continue;
		if (n % JM_SENSOR_CHANNELS_MAX == 0) {
			snprintf(name, sizeof(name), n ? "rapl_powercap%s.%d" : "rapl_powercap%s", label,
				 n / JM_SENSOR_CHANNELS_MAX);
			rc = append_sensor(env, found, name);
			if (rc)
				return rc;
		}
		rc = append_channel(zones, z, is_amd, found);
		if (rc)
			return rc;
		snprintf(path, sizeof(path), FOLDER "/%s/energy_uj", z->id);
		rc = jm_sysfs_group_add(found->sensors[found->n_sensors - 1].state, path, NULL, 1, 1, true);
		if (rc)
			return rc;
		n++;
	}
	return 0;
}

static int append_all(const struct jm_env *env, struct zones *zones, struct jm_sensor_set *found)
{
	size_t i, n_readable = 0;
	char label[80];
	int rc = 0;

	for (i = 0; i < zones->n; i++)
		n_readable += zones->items[i].code == 0;
	if (n_readable <= JM_SENSOR_CHANNELS_MAX)
		rc = append_group(env, zones, true, -1, "", found);
	else
		for (i = 0; rc == 0 && i < zones->n; i++) {
			const struct zone *z = &zones->items[i];

			if (z->parent >= 0)
				continue;
			snprintf(label, sizeof(label), "/%s%.60s", is_mmio(z->id) ? "mmio/" : "", z->name);
			rc = append_group(env, zones, true, (int)i, label, found);
		}
	return rc ? rc : append_group(env, zones, false, -1, "/unreadable", found);
}

static void link_channels(const struct zones *zones, struct jm_sensor_set *found)
{
	size_t i;

	for (i = 0; i < zones->n; i++) {
		const struct zone *z = &zones->items[i];
		int whole = containing_zone(zones, z), twin = twin_zone(zones, z);

		if (whole >= 0)
			found->channels[z->channel].part_of = zones->items[whole].channel;
		if (twin >= 0)
			found->channels[z->channel].same_as = zones->items[twin].channel;
	}
}

static void say_none(const struct jm_env *env, bool has_names, struct jm_error *why)
{
	if (jm_rapl_is_impossible(env, why))
		return;
	if (has_names) {
		jm_error_set(why, JM_E_NOT_FOUND,
			     FOLDER " lists zones, but none shows energy_uj: a container hides them");
		jm_error_remedy(why,
				"run outside the container, or start it with: docker run --security-opt "
				"systempaths=unconfined (podman: --security-opt unmask=/sys/devices/virtual/powercap)");
	} else {
		jm_error_set(why, JM_E_NOT_FOUND, FOLDER " has no RAPL zones: the kernel module is not loaded");
		jm_error_remedy(why, "sudo modprobe intel_rapl_msr");
	}
}

static int probe(const struct jm_env *env, const char *argument, struct jm_sensor_set *found, struct jm_error *why)
{
	struct jm_sysfs_names names;
	struct zones zones = {0};
	bool has_zones = false;
	size_t i;
	int rc;

	(void)argument;
	if (jm_sysfs_list(env, FOLDER, &names) == JM_E_NOMEM)
		return jm_error_set(why, JM_E_NOMEM, "out of memory");
	for (i = 0; i < names.n; i++)
		has_zones = has_zones || is_zone(names.names[i]);
	rc = load_zones(env, &names, &zones);
	if (rc == 0 && zones.n == 0)
		say_none(env, has_zones, why);
	if (rc == 0)
		rc = append_all(env, &zones, found);
	if (rc == 0)
		link_channels(&zones, found);
	else
		jm_error_set(why, rc, "cannot list " FOLDER ": %s", jm_error_text(rc));
	free(zones.items);
	jm_sysfs_names_finish(&names);
	return rc;
}

const struct jm_sensor_driver jm_sensor_rapl_powercap = {
	.name = "rapl_powercap",
	.summary = "Intel and AMD processors: RAPL counters in /sys/class/powercap",
	.probe = probe,
	.open = jm_sysfs_group_open,
	.read = jm_sysfs_group_read,
	.close = jm_sysfs_group_close,
};
