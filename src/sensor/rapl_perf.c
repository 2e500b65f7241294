/* Device: RAPL energy counters of Intel and AMD processors.
 * Interface: perf_event_open(2) on the PMU /sys/bus/event_source/devices/power: type, cpumask (one processor for each
 *   package or die), events/energy-*, .scale, .unit. The events of one processor form a group: one call reads all.
 * Unit: count times scale (2^-32 J); here uJ. Step: 15 or 61 uJ, not told. Period: about 1 ms. Wrap: none (64 bits).
 * Permission: CAP_PERFMON (Linux 5.8 and later), or kernel.perf_event_paranoid <= 0.
 * Faults: guests may show the PMU without a counter behind it (seen: energy-psys alone, always 0); so in a virtual
 *   machine a counter must move before it is taken. A container's seccomp profile may forbid the call. The per-core PMU
 *   power_core of AMD (Linux 6.14) is not read: the package contains it. Tree: as in rapl_powercap.c.
 * Source: Linux, arch/x86/events/rapl.c (6.12); perf_event_open(2); Documentation/admin-guide/perf-security.rst. */
#define _GNU_SOURCE
#include "sensor/sensor.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/text.h"
#include "sensor/rapl.h"
#include "sensor/sysfs.h"

extern const struct jm_sensor_driver jm_sensor_rapl_perf;

#define PMU "/sys/bus/event_source/devices/power"
#define CPUS_MAX 64
#define UJ_PER_J 1e6L
/* At 1 W even a 61 uJ counter moves 80 steps in this time. */
#define PROOF_NS (5 * JM_RAPL_UPDATE_NS)

enum { EVENT_PACKAGE, EVENT_CORES, EVENT_GPU, EVENT_RAM, EVENT_PSYS, N_EVENTS };

static const struct {
	const char *event, *name; /* of the kernel; of the channel, below the package */
	enum jm_domain domain;
} event_table[N_EVENTS] = {{"energy-pkg", "", JM_DOMAIN_PACKAGE},
			   {"energy-cores", "core", JM_DOMAIN_CORE},
			   {"energy-gpu", "uncore", JM_DOMAIN_UNCORE},
			   {"energy-ram", "dram", JM_DOMAIN_DRAM},
			   {"energy-psys", "psys", JM_DOMAIN_PLATFORM}};

struct counter {
	int kind; /* EVENT_ */
	int cpu;
	uint32_t type;
	uint64_t config;
	long double scale_uj; /* uJ per count; 64 bits of mantissa keep a long run's last microjoule */
	int fd;
	int leader; /* index of the counter whose descriptor is read */
};

struct state {
	size_t n_counters;
	struct counter counters[JM_SENSOR_CHANNELS_MAX];
};

/* One processor of the PMU's mask: a package or die. */
struct unit {
	int cpu, package, die;
	char name[40]; /* "package-0", "package-0-die-1" */
};

struct plan {
	struct unit units[CPUS_MAX];
	int n_units;
	struct counter counters[CPUS_MAX * N_EVENTS];
	int unit_of[CPUS_MAX * N_EVENTS];
	int code[CPUS_MAX * N_EVENTS]; /* 0: readable */
	int n_counters;
};

static long open_event(const struct jm_env *env, const struct counter *c, int group_fd)
{
	struct perf_event_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.size = sizeof(attr);
	attr.type = c->type;
	attr.config = c->config;
	attr.read_format = PERF_FORMAT_GROUP;
	return env->perf_event_open(env->ctx, &attr, -1, c->cpu, group_fd, PERF_FLAG_FD_CLOEXEC);
}

/* Reads a leader and its group: values[0 .. n). */
static int read_group(int fd, uint64_t *values, size_t n)
{
	uint64_t buffer[1 + JM_SENSOR_CHANNELS_MAX];
	ssize_t size = (ssize_t)((1 + n) * sizeof(*buffer));
	ssize_t got = read(fd, buffer, (size_t)size);

	if (got < 0)
		return jm_error_from_errno(errno);
	/* End of file means that the event is in error, and stays so. */
	if (got != size || buffer[0] != n)
		return JM_E_IO;
	memcpy(values, buffer + 1, n * sizeof(*values));
	return 0;
}

static void sensor_close(struct jm_sensor *s)
{
	struct state *st = s->state;
	size_t i;

	s->is_open = false;
	for (i = 0; st && i < st->n_counters; i++) {
		if (st->counters[i].fd >= 0)
			close(st->counters[i].fd);
		st->counters[i].fd = -1;
	}
}

static int sensor_open(struct jm_sensor *s, struct jm_error *err)
{
	struct state *st = s->state;
	size_t i, j;

	if (s->is_open)
		return 0;
	for (i = 0; i < st->n_counters; i++) {
		struct counter *c = &st->counters[i];
		long fd = -1;

		c->leader = (int)i;
		for (j = 0; j < i && fd < 0; j++)
			if (st->counters[j].cpu == c->cpu && st->counters[j].leader == (int)j) {
				c->leader = (int)j;
				fd = open_event(s->env, c, st->counters[j].fd);
			}
		if (fd < 0) {
			c->leader = (int)i;
			fd = open_event(s->env, c, -1);
		}
		if (fd < 0) {
			int rc = jm_error_errno(err, errno, "cannot open %s on processor %d",
						event_table[c->kind].event, c->cpu);

			sensor_close(s);
			return rc;
		}
		c->fd = (int)fd;
	}
	s->is_open = true;
	return 0;
}

/* Reads the group of leader i; fills the raw counts and codes of all its members. */
static void read_members(const struct state *st, size_t leader, uint64_t *raw, int *codes)
{
	uint64_t values[JM_SENSOR_CHANNELS_MAX];
	size_t i, n = 0;
	int rc;

	for (i = leader; i < st->n_counters; i++)
		n += st->counters[i].leader == (int)leader;
	rc = read_group(st->counters[leader].fd, values, n);
	for (i = leader, n = 0; i < st->n_counters; i++) {
		if (st->counters[i].leader != (int)leader)
			continue;
		codes[i] = rc;
		raw[i] = rc ? 0 : values[n++];
	}
}

static int sensor_read(struct jm_sensor *s, struct jm_sample *out, size_t *n_out)
{
	const struct state *st = s->state;
	uint64_t raw[JM_SENSOR_CHANNELS_MAX];
	int codes[JM_SENSOR_CHANNELS_MAX];
	int64_t before_ns, after_ns;
	bool is_any = false;
	size_t i;

	if (!s->is_open)
		return JM_E_INVALID;
	before_ns = jm_env_now(s->env);
	for (i = 0; i < st->n_counters; i++)
		if (st->counters[i].leader == (int)i)
			read_members(st, i, raw, codes);
	after_ns = jm_env_now(s->env);
	for (i = 0; i < st->n_counters; i++) {
		long double energy_uj = (long double)raw[i] * st->counters[i].scale_uj;

		if (codes[i] == 0 && energy_uj >= 0x1p63L)
			codes[i] = JM_E_FORMAT;
		jm_sample_fill(&out[i], (uint16_t)(s->first_channel + i), before_ns, after_ns,
			       codes[i] ? 0 : (int64_t)energy_uj);
		if (codes[i])
			out[i].status = JM_SAMPLE_GAP;
		is_any = is_any || codes[i] == 0;
	}
	if (!is_any)
		return st->n_counters ? codes[0] : JM_E_INVALID;
	*n_out = st->n_counters;
	return 0;
}

static int compare_units(const void *a, const void *b)
{
	const struct unit *x = a, *y = b;
	int by_package = (x->package > y->package) - (x->package < y->package);

	return by_package ? by_package : (x->die > y->die) - (x->die < y->die);
}

static int load_units(const struct jm_env *env, struct plan *plan)
{
	char text[512];
	int cpus[CPUS_MAX];
	bool has_dies = false;
	int i, n;

	if (jm_sysfs_text(env, text, sizeof(text), PMU "/cpumask"))
		return JM_E_FORMAT;
	n = jm_sysfs_cpu_list(text, cpus, CPUS_MAX);
	for (i = 0; i < n; i++) {
		struct unit *u = &plan->units[i];
		int64_t package = i, die = 0;

		u->cpu = cpus[i];
		(void)jm_sysfs_i64(env, &package, "/sys/devices/system/cpu/cpu%d/topology/physical_package_id",
				   cpus[i]);
		(void)jm_sysfs_i64(env, &die, "/sys/devices/system/cpu/cpu%d/topology/die_id", cpus[i]);
		u->package = (int)package;
		u->die = (int)die;
	}
	if (n < 0)
		return n;
	plan->n_units = n;
	qsort(plan->units, (size_t)n, sizeof(plan->units[0]), compare_units);
	for (i = 1; i < n; i++)
		has_dies = has_dies || plan->units[i].package == plan->units[i - 1].package;
	for (i = 0; i < n; i++)
		snprintf(plan->units[i].name, sizeof(plan->units[i].name),
			 has_dies ? "package-%d-die-%d" : "package-%d", plan->units[i].package, plan->units[i].die);
	return 0;
}

/* Reads an event's code and scale. Errors: JM_E_NOT_FOUND: the PMU has no such event; JM_E_FORMAT. */
static int load_event(const struct jm_env *env, int kind, struct counter *out)
{
	const char *event = event_table[kind].event;
	char text[64], *end;
	double scale;
	int64_t type;
	int rc = jm_sysfs_text(env, text, sizeof(text), PMU "/events/%s", event);

	out->fd = -1;
	if (rc)
		return rc;
	if (strncmp(text, "event=0x", 8) != 0)
		return JM_E_FORMAT;
	out->config = strtoull(text + 8, &end, 16);
	if (end == text + 8 || *end || out->config > 0xff || jm_sysfs_i64(env, &type, PMU "/type") || type < 0)
		return JM_E_FORMAT;
	if (jm_sysfs_text(env, text, sizeof(text), PMU "/events/%s.unit", event) || strcmp(text, "Joules"))
		return JM_E_FORMAT;
	if (jm_sysfs_text(env, text, sizeof(text), PMU "/events/%s.scale", event) ||
	    jm_text_double(text, strlen(text), &scale) || scale <= 0 || scale > 1)
		return JM_E_FORMAT;
	out->kind = kind;
	out->type = (uint32_t)type;
	out->scale_uj = (long double)scale * UJ_PER_J;
	return 0;
}

/* Opens every counter for a moment, to know what the user will get. */
static void try_counters(const struct jm_env *env, struct plan *plan)
{
	bool is_vm = jm_sysfs_is_vm(env);
	int i;

	for (i = 0; i < plan->n_counters; i++) {
		long fd = plan->code[i] ? -1 : open_event(env, &plan->counters[i], -1);

		if (fd < 0 && plan->code[i] == 0)
			plan->code[i] = jm_error_from_errno(errno);
		plan->counters[i].fd = (int)fd;
	}
	if (is_vm && plan->n_counters && env->sleep_until_ns)
		(void)env->sleep_until_ns(env->ctx, jm_env_now(env) + PROOF_NS);
	for (i = 0; i < plan->n_counters; i++) {
		uint64_t raw = 0;

		if (plan->counters[i].fd < 0)
			continue;
		if (is_vm && (read_group(plan->counters[i].fd, &raw, 1) || raw == 0))
			plan->code[i] = JM_E_UNSUPPORTED;
		close(plan->counters[i].fd);
		plan->counters[i].fd = -1;
	}
}

static void load_plan(const struct jm_env *env, struct plan *plan)
{
	int unit, kind;

	for (unit = 0; unit < plan->n_units; unit++)
		for (kind = 0; kind < N_EVENTS; kind++) {
			struct counter *c = &plan->counters[plan->n_counters];
			/* The platform's counter is one for the machine, though every package can be asked for it. */
			int rc = kind == EVENT_PSYS && unit > 0 ? JM_E_NOT_FOUND : load_event(env, kind, c);

			if (rc == JM_E_NOT_FOUND)
				continue;
			c->kind = kind;
			c->cpu = plan->units[unit].cpu;
			plan->unit_of[plan->n_counters] = unit;
			plan->code[plan->n_counters++] = rc;
		}
	try_counters(env, plan);
}

static void say_unreadable(const struct jm_env *env, struct jm_channel *c, int code, const char *event)
{
	int64_t paranoid;

	c->state = JM_STATE_UNAVAILABLE;
	if (code == JM_E_UNSUPPORTED) {
		snprintf(c->reason, sizeof(c->reason), "%s does not move: a virtual machine without counter", event);
		return;
	}
	if (code != JM_E_PERMISSION) {
		snprintf(c->reason, sizeof(c->reason), "%s cannot be opened: %s", event, jm_error_text(code));
		return;
	}
	if (jm_env_read_i64(env, "/proc/sys/kernel/perf_event_paranoid", &paranoid))
		snprintf(c->reason, sizeof(c->reason), "system-wide events need CAP_PERFMON");
	else
		snprintf(c->reason, sizeof(c->reason),
			 "system-wide events need CAP_PERFMON (kernel.perf_event_paranoid is %d%s)", (int)paranoid,
			 paranoid <= 0 ? ": a container's seccomp profile may forbid them" : "");
	snprintf(c->remedy, sizeof(c->remedy),
		 "sudo setcap cap_perfmon+ep \"$(command -v joulemap)\", or for every user until reboot: "
		 "sudo sysctl kernel.perf_event_paranoid=0");
}

static int append_channel(const struct jm_env *env, const struct plan *plan, int i, struct jm_sensor_set *found)
{
	const struct counter *counter = &plan->counters[i];
	const struct unit *unit = &plan->units[plan->unit_of[i]];
	const char *name = event_table[counter->kind].name;
	char full[96];
	struct jm_channel *c;

	if (counter->kind == EVENT_PSYS)
		snprintf(full, sizeof(full), "rapl_perf/%s", name);
	else
		snprintf(full, sizeof(full), "rapl_perf/%s%s%s", unit->name, *name ? "/" : "", name);
	c = jm_sensor_set_channel(found, full);
	if (!c)
		return JM_E_NOMEM;
	snprintf(c->label, sizeof(c->label), "%s", event_table[counter->kind].event);
	c->quantity = JM_QUANTITY_ENERGY;
	c->kind = JM_KIND_COUNTER;
	c->domain = event_table[counter->kind].domain;
	c->device = plan->unit_of[i];
	c->update_period_ns = JM_RAPL_UPDATE_NS;
	if (plan->code[i])
		say_unreadable(env, c, plan->code[i], event_table[counter->kind].event);
	return 0;
}

static int append_sensor(const struct jm_env *env, struct jm_sensor_set *found, const char *label, int part)
{
	struct jm_sensor *s;
	char name[96];

	snprintf(name, sizeof(name), part ? "rapl_perf%s.%d" : "rapl_perf%s", label, part);
	s = jm_sensor_set_append(found, &jm_sensor_rapl_perf, env, name);
	if (!s)
		return JM_E_NOMEM;
	s->min_period_ns = JM_RAPL_UPDATE_NS;
	s->state = calloc(1, sizeof(struct state));
	return s->state ? 0 : JM_E_NOMEM;
}

/* Appends the counters of unit (-1: of all) that are readable or not, JM_SENSOR_CHANNELS_MAX to a sensor. */
static int append_group(const struct jm_env *env, const struct plan *plan, int *channel_of, bool is_readable, int unit,
			const char *label, struct jm_sensor_set *found)
{
	int i, rc, n = 0;

	for (i = 0; i < plan->n_counters; i++) {
		struct state *st;

		if ((plan->code[i] == 0) != is_readable || (unit >= 0 && plan->unit_of[i] != unit))
			continue;
		rc = n % JM_SENSOR_CHANNELS_MAX ? 0 : append_sensor(env, found, label, n / JM_SENSOR_CHANNELS_MAX);
		if (rc == 0)
			rc = append_channel(env, plan, i, found);
		if (rc)
			return rc;
		channel_of[i] = (int)found->n_channels - 1;
		st = found->sensors[found->n_sensors - 1].state;
		st->counters[st->n_counters++] = plan->counters[i];
		n++;
	}
	return 0;
}

static int append_all(const struct jm_env *env, const struct plan *plan, int *channel_of, struct jm_sensor_set *found)
{
	int i, rc = 0, n_readable = 0;
	char label[48];

	for (i = 0; i < plan->n_counters; i++)
		n_readable += plan->code[i] == 0;
	if (n_readable <= JM_SENSOR_CHANNELS_MAX)
		rc = append_group(env, plan, channel_of, true, -1, "", found);
	else
		for (i = 0; rc == 0 && i < plan->n_units; i++) {
			snprintf(label, sizeof(label), "/%s", plan->units[i].name);
			rc = append_group(env, plan, channel_of, true, i, label, found);
		}
	return rc ? rc : append_group(env, plan, channel_of, false, -1, "/unreadable", found);
}

static int find_counter(const struct plan *plan, int kind, int unit)
{
	for (int i = 0; i < plan->n_counters; i++)
		if (plan->counters[i].kind == kind && (unit < 0 || plan->unit_of[i] == unit))
			return i;
	return -1;
}

static void link_channels(const struct plan *plan, const int *channel_of, struct jm_sensor_set *found)
{
	int i, whole;

	for (i = 0; i < plan->n_counters; i++) {
		int kind = plan->counters[i].kind;

		if (kind == EVENT_PSYS)
			continue;
		if (kind == EVENT_CORES || kind == EVENT_GPU)
			whole = find_counter(plan, EVENT_PACKAGE, plan->unit_of[i]);
		else
			whole = find_counter(plan, EVENT_PSYS, -1);
		if (whole >= 0)
			found->channels[channel_of[i]].part_of = channel_of[whole];
	}
}

static bool is_call_injected(const struct jm_env *env)
{
	struct jm_env system;

	jm_env_init(&system); /* the only way to the system's own call */
	return env->perf_event_open != system.perf_event_open;
}

static void say_none(const struct jm_env *env, struct jm_error *why)
{
	if (jm_rapl_is_impossible(env, why))
		return;
	jm_error_set(why, JM_E_NOT_FOUND, "the kernel shows no energy events in " PMU);
	jm_error_remedy(why, "sudo modprobe rapl");
}

static int probe(const struct jm_env *env, const char *argument, struct jm_sensor_set *found, struct jm_error *why)
{
	struct plan *plan;
	int *channel_of;
	int rc;

	(void)argument;
	if (env->root[0] && !is_call_injected(env)) {
		jm_error_set(why, JM_E_UNSUPPORTED, "perf events are the kernel's: JOULEMAP_ROOT cannot replace them");
		jm_error_remedy(why, "unset JOULEMAP_ROOT");
		return 0;
	}
	plan = calloc(1, sizeof(*plan));
	channel_of = calloc(CPUS_MAX * N_EVENTS, sizeof(*channel_of));
	rc = plan && channel_of ? 0 : JM_E_NOMEM;
	if (rc == 0 && load_units(env, plan) == 0)
		load_plan(env, plan);
	if (rc == 0 && plan->n_counters == 0)
		say_none(env, why);
	if (rc == 0)
		rc = append_all(env, plan, channel_of, found);
	if (rc == 0)
		link_channels(plan, channel_of, found);
	else
		jm_error_set(why, rc, "cannot list perf events: %s", jm_error_text(rc));
	free(channel_of);
	free(plan);
	return rc;
}

const struct jm_sensor_driver jm_sensor_rapl_perf = {
	.name = "rapl_perf",
	.summary = "Intel and AMD processors: RAPL counters through perf events",
	.probe = probe,
	.open = sensor_open,
	.read = sensor_read,
	.close = sensor_close,
};
