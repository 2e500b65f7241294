/* Device: INA3221 (three channels; Thor: also INA238) on the rails of NVIDIA Jetson modules.
 * Interface: hwmon chip "ina3221": in<N>_label, in<N>_input (mV), curr<N>_input (mA), N = 1 to 3 (JetPack 5 and later);
 *   before that iio device "ina3221x": rail_name_<N>, in_voltage<N>_input (mV), in_current<N>_input (mA),
 *   in_power<N>_input (mW), N = 0 to 2.
 * Unit: mV x mA = uW. Step: 40 uV of shunt voltage / shunt resistance x rail voltage (8 mA on a 5 mOhm shunt).
 * Period: update_interval; 6.6 ms at power-on defaults (3 channels x (1.1 + 1.1) ms). Wrap: none.
 * Permission: none. A read blocks until the chip ends a cycle that nobody has read yet (the driver polls the ready flag, for
 *   up to two cycles), so each rail is a sensor of its own, and the end of a read that waited is the time of its reading. Voltage
 *   and current come from different cycles; the voltage of a rail hardly moves, so it is read for every 8th current only, and
 *   nearly every cycle gives a reading.
 * Faults: the chip's averaging is recursive (a low-pass), not a block mean. The total covers the module, not the
 *   carrier board. Label "NC": not connected. in7 and curr4 are sums of channels, not rails.
 * Source: Linux, Documentation/hwmon/ina3221.rst, drivers/hwmon/ina3221.c (6.12); TI SBOS576; the table below. */
#include "sensor/jetson.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/units.h"
#include "sensor/sysfs.h"

extern const struct jm_sensor_driver jm_sensor_jetson;

#define HWMON "/sys/class/hwmon"
#define IIO "/sys/bus/iio/devices"
#define I2C_DRIVER "/sys/bus/i2c/drivers/ina3221x"
#define RAILS_MAX 24
#define VOLTAGE_EVERY 8
#define WAITED_PART 8 /* a read that took this part of a cycle has waited for its end */
#define SHUNT_STEP_NV INT64_C(40000) /* TI SBOS576, 8.6.2: LSB of the shunt voltage is 40 uV */

struct rail {
	const char *label;
	enum jm_domain domain;
	const char *part_of; /* label of the rail that contains it; NULL: none does */
};

/* A rail that feeds more than one kind of unit is RAIL: VDD_CPU_GPU_CV is neither the CPU nor the GPU. */
struct board {
	const char *name;
	const char *compatible[3]; /* parts of the device tree's "compatible"; NULL at the end */
	const char *model;         /* part of its "model", where compatible does not match */
	const char *source;
	struct rail rails[13];
};

/* No row has been tried on hardware by us. */
static const struct board boards[] = {
	{"Jetson Thor", {"nvidia,tegra264", NULL}, "Jetson AGX Thor",
	 "NVIDIA forum topic 366461: INA238 measures VIN, the whole input",
	 {{"VIN", JM_DOMAIN_PLATFORM, NULL},
	  {"VDD_GPU", JM_DOMAIN_GPU, "VIN"},
	  {"VDD_CPU_SOC_MSS", JM_DOMAIN_RAIL, "VIN"},
	  {"VIN_SYS_5V0", JM_DOMAIN_RAIL, "VIN"}}},
	/* No total: three inputs that add up; the memory's rail is fed by the 5 V rail. */
	{"Jetson AGX Orin", {"nvidia,p3701", NULL}, "Jetson AGX Orin",
	 "Jetson Linux Developer Guide r35, AGX Orin power monitor: VIN_SYS_5V0 includes VDDQ_VDD2_1V8AO; "
	 "tegra234-p3701.dtsi",
	 {{"VDD_GPU_SOC", JM_DOMAIN_RAIL, NULL},
	  {"VDD_CPU_CV", JM_DOMAIN_RAIL, NULL},
	  {"VIN_SYS_5V0", JM_DOMAIN_RAIL, NULL},
	  {"VDDQ_VDD2_1V8AO", JM_DOMAIN_DRAM, "VIN_SYS_5V0"}}},
	{"Jetson Orin NX or Orin Nano", {"nvidia,p3767", NULL}, "Jetson Orin N",
	 "Linux, tegra234-p3767.dtsi; NVIDIA forum topic 242804: VDD_IN is the module's total",
	 {{"VDD_IN", JM_DOMAIN_PLATFORM, NULL},
	  {"VDD_CPU_GPU_CV", JM_DOMAIN_RAIL, "VDD_IN"},
	  {"VDD_SOC", JM_DOMAIN_RAIL, "VDD_IN"}}},
	/* No total: six inputs, five from SYS_VIN_HV and SYS5V from SYS_VIN_MV, that add up. */
	{"Jetson AGX Xavier", {"nvidia,p2888", "nvidia,galen", NULL}, "Jetson AGX Xavier",
	 "Jetson AGX Xavier Series Product Design Guide DG-09840-001 v2.5, 5.6.2, figure 5-14",
	 {{"GPU", JM_DOMAIN_GPU, NULL},
	  {"CPU", JM_DOMAIN_CORE, NULL},
	  {"SOC", JM_DOMAIN_RAIL, NULL},
	  {"CV", JM_DOMAIN_RAIL, NULL},
	  {"VDDRQ", JM_DOMAIN_DRAM, NULL},
	  {"SYS5V", JM_DOMAIN_RAIL, NULL}}},
	{"Jetson Xavier NX", {"nvidia,p3668", "nvidia,jakku", NULL}, "Jetson Xavier NX",
	 "L4T Developer Guide 32.6.1, power monitor; NVIDIA forum topic 200883: VDD_IN is the module's total",
	 {{"VDD_IN", JM_DOMAIN_PLATFORM, NULL},
	  {"5V_IN", JM_DOMAIN_PLATFORM, NULL},
	  {"VDD_CPU_GPU_CV", JM_DOMAIN_RAIL, "VDD_IN"},
	  {"VDD_CPU_GPU", JM_DOMAIN_RAIL, "VDD_IN"},
	  {"VDD_SOC", JM_DOMAIN_RAIL, "VDD_IN"}}},
	{"Jetson TX2 NX", {"nvidia,p3636", "nvidia,lanai", NULL}, "Jetson TX2 NX",
	 "L4T Developer Guide 32.6.1, power monitor",
	 {{"VDD_IN", JM_DOMAIN_PLATFORM, NULL},
	  {"VDD_CPU_GPU", JM_DOMAIN_RAIL, "VDD_IN"},
	  {"VDD_SOC", JM_DOMAIN_RAIL, "VDD_IN"}}},
	/* VDD_IN feeds the module, VDD_MUX the carrier board beside it (NVIDIA forum topic 201037). */
	{"Jetson TX2", {"nvidia,p3310", "nvidia,p2771", "nvidia,quill"}, "Jetson TX2",
	 "L4T Developer Guide 32.6.1, power monitor; NVIDIA forum topic 201037",
	 {{"VDD_IN", JM_DOMAIN_PLATFORM, NULL},
	  {"VDD_SYS_GPU", JM_DOMAIN_GPU, "VDD_IN"},
	  {"VDD_SYS_CPU", JM_DOMAIN_CORE, "VDD_IN"},
	  {"VDD_SYS_SOC", JM_DOMAIN_RAIL, "VDD_IN"},
	  {"VDD_SYS_DDR", JM_DOMAIN_DRAM, "VDD_IN"},
	  {"VDD_4V0_WIFI", JM_DOMAIN_RAIL, "VDD_IN"},
	  {"VDD_MUX", JM_DOMAIN_RAIL, NULL},
	  {"VDD_5V0_IO_SYS", JM_DOMAIN_RAIL, "VDD_MUX"},
	  {"VDD_3V3_SYS", JM_DOMAIN_RAIL, "VDD_MUX"},
	  {"VDD_3V3_IO_SLP", JM_DOMAIN_RAIL, "VDD_MUX"},
	  {"VDD_1V8_IO", JM_DOMAIN_RAIL, "VDD_MUX"},
	  {"VDD_3V3_SYS_M2", JM_DOMAIN_RAIL, "VDD_MUX"}}},
	{"Jetson Nano", {"nvidia,p3450", "nvidia,p3448", "nvidia,jetson-nano"}, "Jetson Nano",
	 "L4T Developer Guide 32.6.1, power monitor; NVIDIA forum topic 73608: POM_5V_IN is the total",
	 {{"POM_5V_IN", JM_DOMAIN_PLATFORM, NULL},
	  {"POM_5V_GPU", JM_DOMAIN_GPU, "POM_5V_IN"},
	  {"POM_5V_CPU", JM_DOMAIN_CORE, "POM_5V_IN"}}},
};

#define N_BOARDS (sizeof(boards) / sizeof(boards[0]))
#define N_COMPATIBLE (sizeof(boards[0].compatible) / sizeof(boards[0].compatible[0]))
#define N_RAILS (sizeof(boards[0].rails) / sizeof(boards[0].rails[0]))

/* A device tree property: strings, each ended by a zero byte, which becomes a space here. */
static void read_property(const struct jm_env *env, const char *name, char *out, size_t size)
{
	static const char *const folders[] = {"/proc/device-tree", "/sys/firmware/devicetree/base"};
	size_t i, end;

	for (i = 0; i < 2; i++) {
		memset(out, 0, size);
		if (jm_sysfs_text(env, out, size, "%s/%s", folders[i], name) == 0)
			break;
		out[0] = '\0';
	}
	for (end = size; end > 0 && out[end - 1] == '\0'; end--)
		;
	for (i = 0; i < end; i++)
		if (out[i] == '\0')
			out[i] = ' ';
}

static const struct board *find_board(const struct jm_env *env, bool *is_jetson_out)
{
	char compatible[512], model[128];
	size_t i, j;

	read_property(env, "compatible", compatible, sizeof(compatible) - 1);
	read_property(env, "model", model, sizeof(model) - 1);
	compatible[sizeof(compatible) - 1] = model[sizeof(model) - 1] = '\0';
	*is_jetson_out = strstr(compatible, "nvidia,tegra") || strstr(model, "Jetson");
	for (i = 0; i < N_BOARDS; i++)
		for (j = 0; j < N_COMPATIBLE && boards[i].compatible[j]; j++)
			if (strstr(compatible, boards[i].compatible[j]))
				return &boards[i];
	for (i = 0; i < N_BOARDS; i++)
		if (strstr(model, boards[i].model))
			return &boards[i];
	return NULL;
}

bool jm_jetson_owns_chip(const struct jm_env *env, const char *chip)
{
	bool is_jetson;

	if (strcmp(chip, "ina3221") && strcmp(chip, "ina238"))
		return false;
	(void)find_board(env, &is_jetson);
	return is_jetson;
}

struct scan {
	const struct jm_env *env;
	const struct board *board; /* NULL: a Jetson that is not in the table */
	struct jm_sysfs_candidate rails[RAILS_MAX];
	size_t n_rails;
};

static const struct rail *find_rail(const struct board *board, const char *label)
{
	size_t i;

	for (i = 0; board && i < N_RAILS && board->rails[i].label; i++)
		if (strcmp(board->rails[i].label, label) == 0)
			return &board->rails[i];
	return NULL;
}

/* Adds a rail. b: NULL when a alone gives the power. Gives it, or NULL when it is not connected or one too many. */
static struct jm_sysfs_candidate *add_rail(struct scan *scan, const char *label, const char *a, const char *b,
					   int64_t multiplier)
{
	const struct rail *rail = find_rail(scan->board, label);
	struct jm_sysfs_candidate *c = &scan->rails[scan->n_rails];
	char clean[64], name[96];
	size_t i;

	if (scan->n_rails == RAILS_MAX || strcmp(label, "NC") == 0)
		return NULL;
	jm_sysfs_clean(label, clean, sizeof(clean));
	snprintf(name, sizeof(name), "jetson/%s", clean);
	for (i = 0; i < scan->n_rails; i++)
		if (strcmp(scan->rails[i].channel.name, name) == 0)
			snprintf(name, sizeof(name), "jetson/%s#%zu", clean, scan->n_rails);
	jm_sysfs_candidate_init(c, name, a, b, multiplier, 1);
	snprintf(c->channel.label, sizeof(c->channel.label), "%.63s", label);
	c->channel.domain = rail ? rail->domain : JM_DOMAIN_RAIL;
	if (rail)
		snprintf(c->channel.reason, sizeof(c->channel.reason), "%s, untested on hardware; %s",
			 scan->board->name, scan->board->source);
	else
		snprintf(c->channel.reason, sizeof(c->channel.reason),
			 "not in joulemap's table of rails: whether another rail contains it is unknown");
	jm_sysfs_candidate_try(scan->env, c, NULL);
	scan->n_rails++;
	return c;
}

/* Fills what an INA3221 tells of its timing, and the step from the shunt (uOhm) and the rail's voltage. */
static void describe(const struct scan *scan, const char *folder, int n, struct jm_sysfs_candidate *c)
{
	int64_t interval_ms, samples, shunt_uohm, volt_mv;

	if (jm_sysfs_i64(scan->env, &interval_ms, "%s/update_interval", folder) == 0 && interval_ms > 0 &&
	    interval_ms < 60000) {
		c->channel.update_period_ns = interval_ms * JM_NS_PER_MS;
		/* With N samples the chip is a low-pass of about N cycles, which is what update_interval spans. */
		if (jm_sysfs_i64(scan->env, &samples, "%s/samples", folder) == 0 && samples > 1)
			c->channel.lowpass_ns = c->channel.update_period_ns;
	}
	if (jm_sysfs_i64(scan->env, &shunt_uohm, "%s/shunt%d_resistor", folder, n) == 0 && shunt_uohm > 0 &&
	    jm_sysfs_i64(scan->env, &volt_mv, "%s/in%d_input", folder, n) == 0 && volt_mv > 0 && volt_mv < 100000)
		c->channel.step = (uint64_t)(SHUNT_STEP_NV * volt_mv / shunt_uohm);
}

static void scan_ina3221(struct scan *scan, const char *folder)
{
	char label[64], volt[192], current[192];
	int n;

	for (n = 1; n <= 3; n++) {
		struct jm_sysfs_candidate *c;

		if (jm_sysfs_text(scan->env, label, sizeof(label), "%s/in%d_label", folder, n))
			continue;
		snprintf(volt, sizeof(volt), "%s/in%d_input", folder, n);
		snprintf(current, sizeof(current), "%s/curr%d_input", folder, n);
		c = add_rail(scan, label, volt, current, 1);
		if (c)
			describe(scan, folder, n, c);
	}
}

static void scan_hwmon(struct scan *scan)
{
	struct jm_sysfs_names names;
	char chip[32], folder[96], path[128];
	size_t i;

	if (jm_sysfs_list(scan->env, HWMON, &names))
		return;
	for (i = 0; i < names.n; i++) {
		snprintf(folder, sizeof(folder), HWMON "/%.63s", names.names[i]);
		if (jm_sysfs_text(scan->env, chip, sizeof(chip), "%s/name", folder))
			continue;
		snprintf(path, sizeof(path), "%s/power1_input", folder);
		if (strcmp(chip, "ina3221") == 0)
			scan_ina3221(scan, folder);
		else if (strcmp(chip, "ina238") == 0)
			(void)add_rail(scan, "VIN", path, NULL, 1);
	}
	jm_sysfs_names_finish(&names);
}

static void scan_iio_device(struct scan *scan, const char *folder)
{
	char label[64], volt[256], current[256], power[256];
	int64_t ignored;
	int n;

	for (n = 0; n < 3; n++) {
		if (jm_sysfs_text(scan->env, label, sizeof(label), "%s/rail_name_%d", folder, n))
			continue;
		snprintf(volt, sizeof(volt), "%s/in_voltage%d_input", folder, n);
		snprintf(current, sizeof(current), "%s/in_current%d_input", folder, n);
		snprintf(power, sizeof(power), "%s/in_power%d_input", folder, n);
		/* The product keeps the microwatts that the driver's own power, in mW, drops. */
		if (jm_env_read_i64(scan->env, current, &ignored) == JM_E_NOT_FOUND)
			(void)add_rail(scan, label, power, NULL, 1000);
		else
			(void)add_rail(scan, label, volt, current, 1);
	}
}

/* Scans the folders called iio:device* in folder. */
static void scan_iio_folder(struct scan *scan, const char *folder)
{
	struct jm_sysfs_names names;
	char path[192];
	size_t i;

	if (jm_sysfs_list(scan->env, folder, &names))
		return;
	for (i = 0; i < names.n; i++) {
		snprintf(path, sizeof(path), "%.120s/%.63s", folder, names.names[i]);
		if (strncmp(names.names[i], "iio:device", 10) == 0)
			scan_iio_device(scan, path);
	}
	jm_sysfs_names_finish(&names);
}

static void scan_i2c_driver(struct scan *scan)
{
	struct jm_sysfs_names names;
	char path[128];
	size_t i;

	if (jm_sysfs_list(scan->env, I2C_DRIVER, &names))
		return;
	for (i = 0; i < names.n; i++) {
		snprintf(path, sizeof(path), I2C_DRIVER "/%.63s", names.names[i]);
		scan_iio_folder(scan, path);
	}
	jm_sysfs_names_finish(&names);
}

static void link_rails(struct scan *scan)
{
	size_t i, j;

	for (i = 0; i < scan->n_rails; i++) {
		const struct rail *rail = find_rail(scan->board, scan->rails[i].channel.label);

		for (j = 0; rail && rail->part_of && j < scan->n_rails; j++)
			if (strcmp(scan->rails[j].channel.label, rail->part_of) == 0 ||
			    (strcmp(rail->part_of, "VDD_IN") == 0 &&
			     strcmp(scan->rails[j].channel.label, "5V_IN") == 0))
				scan->rails[i].part_of = (int)j;
	}
}

static int append_rails(struct scan *scan, struct jm_sensor_set *found)
{
	size_t i;

	for (i = 0; i < scan->n_rails; i++) {
		struct jm_sysfs_candidate *c = &scan->rails[i];
		int rc = jm_sysfs_candidates_append(scan->env, &jm_sensor_jetson, c->channel.name, c, 1,
						    c->channel.update_period_ns, true, found);

		if (rc)
			return rc;
		found->sensors[found->n_sensors - 1].is_paced =
		    c->channel.update_period_ns > 0 && c->input.path[1][0] != '\0';
	}
	jm_sysfs_candidates_link(scan->rails, scan->n_rails, found);
	return 0;
}

static int probe(const struct jm_env *env, const char *argument, struct jm_sensor_set *found, struct jm_error *why)
{
	struct scan *scan = calloc(1, sizeof(*scan));
	bool is_jetson;
	int rc = 0;

	(void)argument;
	if (!scan)
		return jm_error_set(why, JM_E_NOMEM, "out of memory");
	scan->env = env;
	scan->board = find_board(env, &is_jetson);
	if (!is_jetson && !scan->board) {
		jm_error_set(why, JM_E_NOT_FOUND, "not an NVIDIA Jetson");
		free(scan);
		return 0;
	}
	scan_hwmon(scan);
	if (scan->n_rails == 0)
		scan_iio_folder(scan, IIO);
	if (scan->n_rails == 0)
		scan_i2c_driver(scan);
	link_rails(scan);
	if (scan->n_rails == 0) {
		jm_error_set(why, JM_E_NOT_FOUND,
			     "no INA3221 on this Jetson (the Nano 2GB has none), or its module is missing");
		jm_error_remedy(why, "sudo modprobe ina3221");
	}
	rc = append_rails(scan, found);
	free(scan);
	return rc ? jm_error_set(why, rc, "cannot list the rails: %s", jm_error_text(rc)) : 0;
}

static int read_rail(struct jm_sensor *s, struct jm_sample *out, size_t *n_out)
{
	struct jm_sysfs_group *g = s->state;
	const struct jm_sysfs_input *in = &g->input[0];
	int64_t before_ns, after_ns, current_ma, power_uw;
	int rc = 0;

	if (!s->is_open || !s->is_paced)
		return jm_sysfs_group_read(s, out, n_out);
	if (g->n_held == 0)
		rc = jm_sysfs_pread_i64(s->env, in->fd[0], &g->held);
	before_ns = jm_env_now(s->env);
	rc = rc ? rc : jm_sysfs_pread_i64(s->env, in->fd[1], &current_ma);
	after_ns = jm_env_now(s->env);
	if (rc == 0 && __builtin_mul_overflow(g->held, current_ma, &power_uw))
		rc = JM_E_FORMAT;
	/* After a failure the voltage is not to be trusted either. */
	g->n_held = rc ? 0 : (g->n_held + 1) % VOLTAGE_EVERY;
	if (rc)
		return rc;
	/* What was ready before we asked may be as old as a cycle. */
	before_ns = (after_ns - before_ns) * WAITED_PART < s->min_period_ns ? after_ns - s->min_period_ns : after_ns;
	jm_sample_fill(out, s->first_channel, before_ns, after_ns, power_uw);
	*n_out = 1;
	return 0;
}

const struct jm_sensor_driver jm_sensor_jetson = {
	.name = "jetson",
	.summary = "NVIDIA Jetson: INA3221 power rails",
	.probe = probe,
	.open = jm_sysfs_group_open,
	.read = read_rail,
	.close = jm_sysfs_group_close,
};
