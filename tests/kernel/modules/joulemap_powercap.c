// SPDX-License-Identifier: GPL-2.0
/* Zones of powercap whose power is known: package-0, 50 W by the kernel's own clock, behind a counter that wraps each two seconds, and
 * in it core, 30 W. The kernel's powercap framework makes the files of them, with the modes and the removal that a user meets. */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/powercap.h>

#define RANGE_UJ 100000000ULL

static u64 power_uw[] = {50000000, 30000000};
static const char *const names[] = {"package-0", "core"};
static struct powercap_zone zones[2];
static struct powercap_control_type *type;

static int get_energy_uj(struct powercap_zone *zone, u64 *energy_uj)
{
	u64 us = div_u64(ktime_get_ns(), 1000), whole = power_uw[zone - zones] / 1000000 * us, rest;

	div64_u64_rem(whole, RANGE_UJ, &rest);
	*energy_uj = rest;
	return 0;
}

static int get_range_uj(struct powercap_zone *zone, u64 *range_uj)
{
	*range_uj = RANGE_UJ;
	return 0;
}

static int release(struct powercap_zone *zone)
{
	return 0;
}

/* The framework wants these of every zone, whether it has a limit or not. */
static int get_number(struct powercap_zone *zone, int id, u64 *value)
{
	*value = 0;
	return 0;
}

static int set_number(struct powercap_zone *zone, int id, u64 value)
{
	return -EPERM;
}

static const struct powercap_zone_constraint_ops constraints = {
	.get_power_limit_uw = get_number,
	.set_power_limit_uw = set_number,
	.get_time_window_us = get_number,
	.set_time_window_us = set_number,
};

static const struct powercap_zone_ops ops = {
	.get_energy_uj = get_energy_uj,
	.get_max_energy_range_uj = get_range_uj,
	.release = release,
};

static int __init begin(void)
{
	struct powercap_zone *zone;
	int i;

	type = powercap_register_control_type(NULL, "intel-rapl", NULL);
	if (IS_ERR(type))
		return PTR_ERR(type);
	for (i = 0; i < 2; i++) {
		zone = powercap_register_zone(&zones[i], type, names[i], i ? &zones[0] : NULL, &ops, 1, &constraints);
		if (IS_ERR(zone)) {
			if (i)
				powercap_unregister_zone(type, &zones[0]);
			powercap_unregister_control_type(type);
			return PTR_ERR(zone);
		}
	}
	return 0;
}

static void __exit end(void)
{
	powercap_unregister_zone(type, &zones[1]);
	powercap_unregister_zone(type, &zones[0]);
	powercap_unregister_control_type(type);
}

module_init(begin);
module_exit(end);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("powercap zones of known power, for joulemap's tests");
