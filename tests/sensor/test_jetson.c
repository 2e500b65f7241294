#include "support/sensors.h"

static void agx_orin_rails_add_up_without_counting_memory_twice(void **state)
{
	int64_t total_uw = 0;
	struct bench b;
	size_t i;

	(void)state;
	bench_begin(&b, "jetson-agx-orin");
	bench_probe(&b, "jetson");
	assert_int_equal(b.set.n_channels, 4);
	for (i = 0; i < b.set.n_channels; i++)
		if (b.set.channels[i].part_of < 0)
			total_uw += bench_value(&b, b.set.channels[i].name);
	/* 19000 x 500 + 19000 x 100 + 4968 x 980; the memory's 4968 x 80 is inside the 5 V rail. */
	assert_int_equal(total_uw, 9500000 + 1900000 + 4868640);
	assert_int_equal(bench_channel(&b, "jetson/VDDQ_VDD2_1V8AO")->part_of, bench_index(&b, "jetson/VIN_SYS_5V0"));
	bench_end(&b);
}

static void each_rail_is_a_sensor_that_may_block(void **state)
{
	struct jm_sample sample;
	struct bench b;
	size_t i;

	(void)state;
	bench_begin(&b, "jetson-agx-orin");
	bench_probe(&b, "jetson");
	assert_int_equal(b.set.n_sensors, 4);
	for (i = 0; i < b.set.n_sensors; i++) {
		assert_int_equal(b.set.sensors[i].n_channels, 1);
		assert_true(b.set.sensors[i].may_block);
	}
	/* It was there at once: it may be as old as a cycle of 7 ms. */
	assert_int_equal(bench_read(&b, "jetson/VDD_CPU_CV", &sample), 0);
	assert_int_equal(sample.half_width_ns, 3500000);
	bench_end(&b);
}

static void the_chip_tells_period_low_pass_and_step(void **state)
{
	const struct jm_channel *c;
	struct bench b;

	(void)state;
	bench_begin(&b, "jetson-agx-orin");
	bench_probe(&b, "jetson");
	c = bench_channel(&b, "jetson/VDD_GPU_SOC");
	assert_int_equal(c->update_period_ns, 7000000);
	assert_int_equal(c->lowpass_ns, 0);
	/* 40 uV / 2 mOhm = 20 mA; at 19 V 380 mW. */
	assert_int_equal(c->step, 380000);
	assert_non_null(strstr(c->reason, "untested on hardware"));
	c = bench_channel(&b, "jetson/VDDQ_VDD2_1V8AO");
	assert_int_equal(c->lowpass_ns, 28000000);
	bench_end(&b);
}

static void nano_has_its_total_through_iio(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, "jetson-nano-iio");
	bench_probe(&b, "jetson");
	assert_int_equal(b.set.n_channels, 3);
	/* 5112 mV x 417 mA; the driver's own figure says 2131 mW. */
	assert_int_equal(bench_value(&b, "jetson/POM_5V_IN"), 2131704);
	assert_int_equal(bench_channel(&b, "jetson/POM_5V_IN")->domain, JM_DOMAIN_PLATFORM);
	assert_int_equal(bench_channel(&b, "jetson/POM_5V_GPU")->part_of, bench_index(&b, "jetson/POM_5V_IN"));
	assert_int_equal(bench_channel(&b, "jetson/POM_5V_CPU")->part_of, bench_index(&b, "jetson/POM_5V_IN"));
	bench_end(&b);
}

static void the_drivers_own_power_serves_where_it_is_all_there_is(void **state)
{
#define DEVICE "/sys/bus/iio/devices/iio:device0"
	struct bench b;

	(void)state;
	bench_begin(&b, NULL);
	tree_write(&b.tree, "/proc/device-tree/model", "NVIDIA Jetson Nano Developer Kit");
	tree_write(&b.tree, DEVICE "/rail_name_0", "POM_5V_IN\n");
	tree_write(&b.tree, DEVICE "/in_power0_input", "2131\n");
	bench_probe(&b, "jetson");
	assert_int_equal(bench_value(&b, "jetson/POM_5V_IN"), 2131000);
	bench_end(&b);
}

/* Rails of a board in one chip after another, all 5000 mV and 100 mA. */
static void make_board(const struct bench *b, const char *model, const char *const *labels)
{
	char path[128];
	int i;

	tree_write(&b->tree, "/proc/device-tree/model", model);
	for (i = 0; labels[i]; i++) {
		snprintf(path, sizeof(path), "/sys/class/hwmon/hwmon%d/name", i / 3);
		tree_write(&b->tree, path, "ina3221\n");
		snprintf(path, sizeof(path), "/sys/class/hwmon/hwmon%d/in%d_label", i / 3, i % 3 + 1);
		tree_write(&b->tree, path, labels[i]);
		snprintf(path, sizeof(path), "/sys/class/hwmon/hwmon%d/in%d_input", i / 3, i % 3 + 1);
		tree_write(&b->tree, path, "5000\n");
		snprintf(path, sizeof(path), "/sys/class/hwmon/hwmon%d/curr%d_input", i / 3, i % 3 + 1);
		tree_write(&b->tree, path, "100\n");
	}
}

/* Checks that exactly the named rails are on top, and none is unknown to the table. */
static void expect_top(const char *model, const char *const *labels, const char *top)
{
	struct bench b;
	size_t i;

	bench_begin(&b, NULL);
	make_board(&b, model, labels);
	bench_probe(&b, "jetson");
	for (i = 0; i < b.set.n_channels; i++) {
		const struct jm_channel *c = &b.set.channels[i];
		char wanted[80];

		snprintf(wanted, sizeof(wanted), " %s ", c->label);
		assert_int_equal(c->part_of < 0, strstr(top, wanted) != NULL);
		assert_null(strstr(c->reason, "not in joulemap's table"));
		assert_int_equal(bench_value(&b, c->name), 500000);
	}
	bench_end(&b);
}

static void totals_are_right_on_each_board(void **state)
{
	static const char *const nx[] = {"VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC", NULL};
	static const char *const tx2[] = {"VDD_SYS_GPU", "VDD_SYS_SOC", "VDD_4V0_WIFI", "VDD_IN", "VDD_SYS_CPU",
					  "VDD_SYS_DDR", "VDD_MUX", "VDD_5V0_IO_SYS", "VDD_3V3_SYS", NULL};
	static const char *const xavier[] = {"GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V", NULL};
	static const char *const nano[] = {"POM_5V_IN", "POM_5V_GPU", "POM_5V_CPU", NULL};

	(void)state;
	expect_top("NVIDIA Jetson Orin Nano Developer Kit", nx, " VDD_IN ");
	expect_top("NVIDIA Jetson Orin NX Engineering Reference Developer Kit", nx, " VDD_IN ");
	expect_top("NVIDIA Jetson Xavier NX Developer Kit", nx, " VDD_IN ");
	expect_top("NVIDIA Jetson TX2 Developer Kit", tx2, " VDD_IN VDD_MUX ");
	expect_top("NVIDIA Jetson AGX Xavier Developer Kit", xavier, " GPU CPU SOC CV VDDRQ SYS5V ");
	expect_top("NVIDIA Jetson Nano Developer Kit", nano, " POM_5V_IN ");
}

static void a_mixed_rail_is_neither_cpu_nor_gpu(void **state)
{
	static const char *const nx[] = {"VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC", NULL};
	struct bench b;

	(void)state;
	bench_begin(&b, NULL);
	make_board(&b, "NVIDIA Jetson Orin Nano Developer Kit", nx);
	bench_probe(&b, "jetson");
	assert_int_equal(bench_channel(&b, "jetson/VDD_CPU_GPU_CV")->domain, JM_DOMAIN_RAIL);
	bench_end(&b);
}

static void thor_has_its_total_on_another_chip(void **state)
{
	static const char *const thor[] = {"VDD_GPU", "VDD_CPU_SOC_MSS", "VIN_SYS_5V0", NULL};
	struct bench b;

	(void)state;
	bench_begin(&b, NULL);
	make_board(&b, "NVIDIA Jetson AGX Thor Developer Kit", thor);
	tree_write(&b.tree, "/sys/class/hwmon/hwmon9/name", "ina238\n");
	tree_write(&b.tree, "/sys/class/hwmon/hwmon9/power1_input", "23000000\n");
	bench_probe(&b, "jetson");
	assert_int_equal(bench_value(&b, "jetson/VIN"), 23000000);
	assert_int_equal(bench_channel(&b, "jetson/VIN_SYS_5V0")->part_of, bench_index(&b, "jetson/VIN"));
	bench_end(&b);
}

static void compatible_strings_are_read_through_their_zero_bytes(void **state)
{
	static const char *const nx[] = {"VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC", NULL};
	static const char compatible[] = "vendor,carrier\0nvidia,p3767-0003\0nvidia,tegra234";
	char path[512];
	struct bench b;
	FILE *f;

	(void)state;
	bench_begin(&b, NULL);
	make_board(&b, "A carrier board of another maker", nx);
	tree_write(&b.tree, "/proc/device-tree/compatible", "");
	tree_path(&b.tree, "/proc/device-tree/compatible", path, sizeof(path));
	f = fopen(path, "w");
	assert_non_null(f);
	fwrite(compatible, 1, sizeof(compatible), f);
	fclose(f);
	bench_probe(&b, "jetson");
	assert_int_equal(bench_channel(&b, "jetson/VDD_SOC")->part_of, bench_index(&b, "jetson/VDD_IN"));
	bench_end(&b);
}

static void rails_out_of_the_table_are_said_to_be_unknown(void **state)
{
	static const char *const odd[] = {"VDD_IN", "VDD_MYSTERY", "NC", NULL};
	struct bench b;

	(void)state;
	bench_begin(&b, NULL);
	make_board(&b, "NVIDIA Jetson Orin Nano Developer Kit", odd);
	bench_probe(&b, "jetson");
	assert_int_equal(b.set.n_channels, 2);
	assert_non_null(strstr(bench_channel(&b, "jetson/VDD_MYSTERY")->reason, "unknown"));
	bench_end(&b);
}

static void absence_is_explained(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, NULL);
	bench_probe(&b, "jetson");
	assert_string_equal(b.why.message, "not an NVIDIA Jetson");
	tree_write(&b.tree, "/proc/device-tree/model", "NVIDIA Jetson Nano 2GB Developer Kit");
	bench_probe(&b, "jetson");
	assert_non_null(strstr(b.why.message, "no INA3221"));
	bench_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(agx_orin_rails_add_up_without_counting_memory_twice),
	    cmocka_unit_test(each_rail_is_a_sensor_that_may_block),
	    cmocka_unit_test(the_chip_tells_period_low_pass_and_step),
	    cmocka_unit_test(nano_has_its_total_through_iio),
	    cmocka_unit_test(the_drivers_own_power_serves_where_it_is_all_there_is),
	    cmocka_unit_test(totals_are_right_on_each_board),
	    cmocka_unit_test(a_mixed_rail_is_neither_cpu_nor_gpu),
	    cmocka_unit_test(thor_has_its_total_on_another_chip),
	    cmocka_unit_test(compatible_strings_are_read_through_their_zero_bytes),
	    cmocka_unit_test(rails_out_of_the_table_are_said_to_be_unknown),
	    cmocka_unit_test(absence_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
