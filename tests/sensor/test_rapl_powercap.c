#include "support/sensors.h"

#define ZONES "/sys/class/powercap"
#define NAME(zone) "rapl_powercap/" zone

static void zones_of_a_laptop_are_read_as_one_group(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, "intel-laptop");
	bench_probe(&b, "rapl_powercap");
	assert_int_equal(b.set.n_sensors, 1);
	assert_int_equal(b.set.n_channels, 6);
	assert_string_equal(b.set.channels[0].name, NAME("package-0"));
	assert_string_equal(b.set.channels[5].name, NAME("mmio/package-0"));
	assert_int_equal(bench_value(&b, NAME("package-0")), INT64_C(41250000000));
	assert_int_equal(bench_value(&b, NAME("package-0/core")), INT64_C(20100000000));
	assert_int_equal(bench_value(&b, NAME("package-0/uncore")), INT64_C(1100000000));
	assert_int_equal(bench_value(&b, NAME("package-0/dram")), INT64_C(5500000000));
	assert_int_equal(bench_value(&b, NAME("psys")), INT64_C(90000000000));
	assert_int_equal(bench_value(&b, NAME("mmio/package-0")), INT64_C(41250000001));
	tree_write(&b.tree, ZONES "/intel-rapl:0/energy_uj", "41250000061\n");
	assert_int_equal(bench_value(&b, NAME("package-0")), INT64_C(41250000061));
	bench_end(&b);
}

static void samples_carry_half_of_the_time_the_read_took(void **state)
{
	struct jm_sample sample;
	struct bench b;

	(void)state;
	bench_begin(&b, "intel-laptop");
	bench_probe(&b, "rapl_powercap");
	/* The bench's clock moves 1 us with each of the two looks at it. */
	assert_int_equal(bench_read(&b, NAME("psys"), &sample), 0);
	assert_int_equal(sample.half_width_ns, 500);
	bench_end(&b);
}

static void tree_says_what_contains_what(void **state)
{
	struct bench b;
	int package, psys;

	(void)state;
	bench_begin(&b, "intel-laptop");
	bench_probe(&b, "rapl_powercap");
	package = bench_index(&b, NAME("package-0"));
	psys = bench_index(&b, NAME("psys"));
	assert_int_equal(bench_channel(&b, NAME("package-0/core"))->part_of, package);
	assert_int_equal(bench_channel(&b, NAME("package-0/uncore"))->part_of, package);
	assert_int_equal(b.set.channels[package].part_of, psys);
	assert_int_equal(b.set.channels[psys].part_of, -1);
	/* Memory hangs below the package in sysfs, but its energy is not in the package's counter. */
	assert_int_equal(bench_channel(&b, NAME("package-0/dram"))->part_of, psys);
	assert_int_equal(bench_channel(&b, NAME("mmio/package-0"))->same_as, package);
	assert_int_equal(b.set.channels[package].same_as, -1);
	bench_end(&b);
}

static void channels_declare_step_wrap_and_period(void **state)
{
	const struct jm_channel *c;
	struct bench b;

	(void)state;
	bench_begin(&b, "intel-server");
	bench_probe(&b, "rapl_powercap");
	c = bench_channel(&b, NAME("package-0"));
	assert_int_equal(c->quantity, JM_QUANTITY_ENERGY);
	assert_int_equal(c->kind, JM_KIND_COUNTER);
	assert_int_equal(c->state, JM_STATE_MEASURED);
	assert_int_equal(c->domain, JM_DOMAIN_PACKAGE);
	assert_true(c->wrap == UINT64_C(262143328850));
	/* 262143328850 uJ / 2^32 = 61.04 uJ = 2^-14 J; 65712999613 / 2^32 = 15.3 uJ = 2^-16 J. */
	assert_int_equal(c->step, 61);
	assert_int_equal(bench_channel(&b, NAME("package-0/dram"))->step, 15);
	assert_int_equal(c->update_period_ns, 1000000);
	bench_end(&b);
}

static void packages_are_numbered_by_name_not_by_zone(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, "intel-server");
	bench_probe(&b, "rapl_powercap");
	assert_int_equal(bench_channel(&b, NAME("package-0"))->device, 0);
	assert_int_equal(bench_channel(&b, NAME("package-1"))->device, 1);
	assert_int_equal(bench_channel(&b, NAME("package-1/dram"))->device, 1);
	assert_int_equal(bench_channel(&b, NAME("package-1/dram"))->part_of, -1);
	assert_int_equal(bench_value(&b, NAME("package-0")), 1000000);
	assert_int_equal(bench_value(&b, NAME("package-1/dram")), 200000);
	bench_end(&b);
}

static void amd_core_zone_is_said_to_be_one_core(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, "amd-desktop");
	bench_probe(&b, "rapl_powercap");
	assert_non_null(strstr(bench_channel(&b, NAME("package-0/core"))->reason, "one core"));
	assert_int_equal(bench_value(&b, NAME("package-0")), 700000000);
	bench_end(&b);
}

static void add_zone(const struct bench *b, const char *id, const char *name, int64_t energy_uj)
{
	char path[256];

	snprintf(path, sizeof(path), ZONES "/%s/name", id);
	tree_printf(&b->tree, path, "%s\n", name);
	snprintf(path, sizeof(path), ZONES "/%s/energy_uj", id);
	tree_printf(&b->tree, path, "%lld\n", (long long)energy_uj);
	snprintf(path, sizeof(path), ZONES "/%s/max_energy_range_uj", id);
	tree_write(&b->tree, path, "262143328850\n");
}

static void many_zones_are_split_by_package(void **state)
{
	char id[32], name[64];
	struct bench b;
	size_t i;
	int n;

	(void)state;
	bench_begin(&b, NULL);
	for (n = 0; n < 12; n++) {
		snprintf(id, sizeof(id), "intel-rapl:%d", n);
		snprintf(name, sizeof(name), "package-%d", n);
		add_zone(&b, id, name, n);
		snprintf(id, sizeof(id), "intel-rapl:%d:0", n);
		add_zone(&b, id, "dram", 100 + n);
	}
	bench_probe(&b, "rapl_powercap");
	assert_int_equal(b.set.n_sensors, 12);
	assert_string_equal(b.set.sensors[11].name, "rapl_powercap/package-11");
	for (i = 0; i < b.set.n_sensors; i++)
		assert_int_equal(b.set.sensors[i].n_channels, 2);
	assert_int_equal(bench_value(&b, NAME("package-10")), 10);
	assert_int_equal(bench_value(&b, NAME("package-10/dram")), 110);
	assert_int_equal(bench_channel(&b, NAME("package-10"))->device, 10);
	bench_end(&b);
}

static void each_psys_contains_its_own_package(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, NULL);
	add_zone(&b, "intel-rapl:0", "package-0", 1);
	add_zone(&b, "intel-rapl:1", "package-1", 2);
	add_zone(&b, "intel-rapl:2", "psys", 3);
	add_zone(&b, "intel-rapl:3", "psys-1", 4);
	bench_probe(&b, "rapl_powercap");
	assert_int_equal(bench_channel(&b, NAME("package-0"))->part_of, bench_index(&b, NAME("psys")));
	assert_int_equal(bench_channel(&b, NAME("package-1"))->part_of, bench_index(&b, NAME("psys-1")));
	bench_end(&b);
}

static void equal_names_are_told_apart(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, NULL);
	add_zone(&b, "intel-rapl:0", "package-0", 1);
	add_zone(&b, "intel-rapl:1", "package-0", 2);
	add_zone(&b, "intel-rapl:2", "../../odd name\x01", 3);
	bench_probe(&b, "rapl_powercap");
	assert_int_equal(bench_value(&b, NAME("package-0")), 1);
	assert_int_equal(bench_value(&b, NAME("package-0#intel-rapl:1")), 2);
	assert_int_equal(bench_value(&b, NAME("..-..-odd-name-")), 3);
	bench_end(&b);
}

static void unreadable_counters_are_unavailable_with_the_remedy(void **state)
{
	const struct jm_channel *c;
	struct bench b;

	(void)state;
	bench_begin(&b, "intel-server");
	tree_chmod(&b.tree, ZONES "/intel-rapl:1/energy_uj", 0);
	if (!tree_be_nobody()) {
		bench_end(&b);
		skip();
	}
	bench_probe(&b, "rapl_powercap");
	tree_be_back();
	c = bench_channel(&b, NAME("package-0"));
	assert_int_equal(c->state, JM_STATE_UNAVAILABLE);
	assert_non_null(strstr(c->reason, "intel-rapl:1/energy_uj"));
	assert_non_null(strstr(c->remedy, "chmod g+r"));
	assert_non_null(strstr(c->remedy, "cap_perfmon"));
	assert_true(strlen(c->remedy) < sizeof(c->remedy) - 1);
	/* The readable ones do not share a sensor with it, so no reading carries its gap. */
	assert_int_equal(bench_channel(&b, NAME("package-1"))->state, JM_STATE_MEASURED);
	assert_ptr_not_equal(bench_sensor_of(&b, bench_index(&b, NAME("package-0"))),
			     bench_sensor_of(&b, bench_index(&b, NAME("package-1"))));
	bench_end(&b);
}

static void mmio_counts_where_the_msr_zone_is_unreadable(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, "intel-laptop");
	tree_write(&b.tree, ZONES "/intel-rapl:0/energy_uj", "");
	bench_probe(&b, "rapl_powercap");
	assert_int_equal(bench_channel(&b, NAME("package-0"))->state, JM_STATE_UNAVAILABLE);
	assert_int_equal(bench_channel(&b, NAME("mmio/package-0"))->same_as, -1);
	bench_end(&b);
}

static void damaged_files_give_gaps(void **state)
{
	static const char *const bad[] = {"", "\n", "12x\n", "-5\n", "99999999999999999999\n", "1 2\n",
					  "0000000000000000000000000000000000000000001\n"};
	struct bench b;
	size_t i;

	(void)state;
	bench_begin(&b, "intel-laptop");
	bench_probe(&b, "rapl_powercap");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		tree_write(&b.tree, ZONES "/intel-rapl:0/energy_uj", bad[i]);
		bench_expect_gap(&b, NAME("package-0"));
		assert_int_equal(bench_value(&b, NAME("psys")), INT64_C(90000000000));
	}
	tree_write(&b.tree, ZONES "/intel-rapl:0/energy_uj", "7\n");
	assert_int_equal(bench_value(&b, NAME("package-0")), 7);
	bench_end(&b);
}

static void a_reading_in_which_all_fail_is_an_error(void **state)
{
	struct jm_sample sample;
	struct bench b;

	(void)state;
	bench_begin(&b, "amd-desktop");
	bench_probe(&b, "rapl_powercap");
	assert_int_equal(bench_read(&b, NAME("package-0"), &sample), 0);
	tree_write(&b.tree, ZONES "/intel-rapl:0/energy_uj", "");
	tree_write(&b.tree, ZONES "/intel-rapl:0:0/energy_uj", "");
	assert_int_equal(bench_read(&b, NAME("package-0"), &sample), JM_E_FORMAT);
	bench_end(&b);
}

static void counters_that_go_back_are_reported_raw(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, "amd-desktop");
	bench_probe(&b, "rapl_powercap");
	assert_int_equal(bench_value(&b, NAME("package-0")), 700000000);
	tree_write(&b.tree, ZONES "/intel-rapl:0/energy_uj", "12\n");
	assert_int_equal(bench_value(&b, NAME("package-0")), 12);
	bench_end(&b);
}

static void absence_is_explained(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, "vm");
	bench_probe(&b, "rapl_powercap");
	assert_int_equal(b.set.n_sensors, 0);
	assert_non_null(strstr(b.why.message, "virtual machine"));
	bench_end(&b);

	bench_begin(&b, NULL);
	tree_write(&b.tree, "/proc/cpuinfo", "vendor_id\t: GenuineIntel\nflags\t\t: msr\n");
	bench_probe(&b, "rapl_powercap");
	assert_string_equal(b.why.remedy, "sudo modprobe intel_rapl_msr");
	/* A container masks the devices: the class still lists them. */
	tree_mkdir(&b.tree, ZONES "/intel-rapl:0");
	bench_probe(&b, "rapl_powercap");
	assert_non_null(strstr(b.why.message, "container"));
	tree_write(&b.tree, "/proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\n");
	bench_probe(&b, "rapl_powercap");
	assert_non_null(strstr(b.why.message, "no RAPL"));
	bench_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(zones_of_a_laptop_are_read_as_one_group),
	    cmocka_unit_test(samples_carry_half_of_the_time_the_read_took),
	    cmocka_unit_test(tree_says_what_contains_what),
	    cmocka_unit_test(channels_declare_step_wrap_and_period),
	    cmocka_unit_test(packages_are_numbered_by_name_not_by_zone),
	    cmocka_unit_test(amd_core_zone_is_said_to_be_one_core),
	    cmocka_unit_test(many_zones_are_split_by_package),
	    cmocka_unit_test(each_psys_contains_its_own_package),
	    cmocka_unit_test(equal_names_are_told_apart),
	    cmocka_unit_test(unreadable_counters_are_unavailable_with_the_remedy),
	    cmocka_unit_test(mmio_counts_where_the_msr_zone_is_unreadable),
	    cmocka_unit_test(damaged_files_give_gaps),
	    cmocka_unit_test(a_reading_in_which_all_fail_is_an_error),
	    cmocka_unit_test(counters_that_go_back_are_reported_raw),
	    cmocka_unit_test(absence_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
