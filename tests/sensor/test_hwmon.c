#include "support/sensors.h"

#define HWMON "/sys/class/hwmon"

static void chips_are_named_and_numbered_by_name(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, "gpu-desktop");
	bench_probe(&b, "hwmon");
	assert_int_equal(bench_value(&b, "hwmon/amdgpu/PPT"), 31000000);
	assert_int_equal(bench_value(&b, "hwmon/amdgpu.1/PPT.average"), 12000000);
	assert_int_equal(bench_channel(&b, "hwmon/amdgpu.1/PPT.average")->device, 1);
	assert_int_equal(bench_channel(&b, "hwmon/amdgpu/PPT")->domain, JM_DOMAIN_GPU);
	assert_int_equal(bench_value(&b, "hwmon/xe/card.energy"), 5000000);
	bench_end(&b);
}

static void an_average_is_the_same_as_the_input(void **state)
{
	const struct jm_channel *c;
	struct bench b;

	(void)state;
	bench_begin(&b, "gpu-desktop");
	bench_probe(&b, "hwmon");
	c = bench_channel(&b, "hwmon/amdgpu/PPT.average");
	assert_int_equal(c->kind, JM_KIND_WINDOW_MEAN);
	assert_int_equal(c->same_as, bench_index(&b, "hwmon/amdgpu/PPT"));
	assert_int_equal(c->window_ns, 0);
	/* A second card has only the average, which then stands for itself. */
	assert_int_equal(bench_channel(&b, "hwmon/amdgpu.1/PPT.average")->same_as, -1);
	c = bench_channel(&b, "hwmon/power_meter/power1.average");
	assert_int_equal(c->window_ns, 1000000000);
	assert_int_equal(c->domain, JM_DOMAIN_PLATFORM);
	bench_end(&b);
}

static void energy_is_preferred_to_power_of_the_same_label(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, "gpu-desktop");
	tree_write(&b.tree, HWMON "/hwmon3/power1_input", "42000000\n");
	bench_probe(&b, "hwmon");
	assert_int_equal(bench_channel(&b, "hwmon/xe/card")->same_as, bench_index(&b, "hwmon/xe/card.energy"));
	assert_int_equal(bench_channel(&b, "hwmon/xe/card.energy")->kind, JM_KIND_COUNTER);
	assert_int_equal(bench_channel(&b, "hwmon/xe/pkg.energy")->part_of, bench_index(&b, "hwmon/xe/card.energy"));
	bench_end(&b);
}

static void an_unreadable_counter_stands_for_nothing(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, "gpu-desktop");
	tree_write(&b.tree, HWMON "/hwmon3/power1_input", "42000000\n");
	tree_chmod(&b.tree, HWMON "/hwmon3/energy1_input", 0);
	if (!tree_be_nobody()) {
		bench_end(&b);
		skip();
	}
	bench_probe(&b, "hwmon");
	tree_be_back();
	assert_int_equal(bench_channel(&b, "hwmon/xe/card")->same_as, -1);
	assert_int_equal(bench_channel(&b, "hwmon/xe/card.energy")->state, JM_STATE_UNAVAILABLE);
	assert_non_null(
	    strstr(bench_channel(&b, "hwmon/xe/card.energy")->remedy, "chmod g+r /sys/class/hwmon/hwmon3/"));
	bench_end(&b);
}

static void batteries_and_chips_without_power_are_left_out(void **state)
{
	struct bench b;
	size_t i;

	(void)state;
	bench_begin(&b, "gpu-desktop");
	bench_probe(&b, "hwmon");
	for (i = 0; i < b.set.n_channels; i++) {
		assert_null(strstr(b.set.channels[i].name, "BAT0"));
		assert_null(strstr(b.set.channels[i].name, "nvme"));
		assert_null(strstr(b.set.channels[i].name, "vddgfx"));
	}
	bench_end(&b);
}

static void slow_buses_get_a_thread_of_their_own(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, "gpu-desktop");
	bench_probe(&b, "hwmon");
	assert_true(bench_sensor_of(&b, bench_index(&b, "hwmon/amdgpu/PPT"))->may_block);
	assert_false(bench_sensor_of(&b, bench_index(&b, "hwmon/xe/card.energy"))->may_block);
	bench_end(&b);
}

static void voltage_and_current_pair_by_label_not_by_number(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, NULL);
	tree_write(&b.tree, HWMON "/hwmon0/name", "sbc_monitor\n");
	tree_write(&b.tree, HWMON "/hwmon0/update_interval", "35\n");
	tree_write(&b.tree, HWMON "/hwmon0/in1_input", "12000\n");
	tree_write(&b.tree, HWMON "/hwmon0/in1_label", "main\n");
	tree_write(&b.tree, HWMON "/hwmon0/curr1_input", "9\n");
	tree_write(&b.tree, HWMON "/hwmon0/curr1_label", "fan\n");
	tree_write(&b.tree, HWMON "/hwmon0/curr2_input", "1500\n");
	tree_write(&b.tree, HWMON "/hwmon0/curr2_label", "main\n");
	bench_probe(&b, "hwmon");
	assert_int_equal(b.set.n_channels, 1);
	assert_int_equal(bench_value(&b, "hwmon/sbc_monitor/main"), 18000000);
	assert_int_equal(bench_channel(&b, "hwmon/sbc_monitor/main")->update_period_ns, 35000000);
	assert_int_equal(b.set.sensors[0].min_period_ns, 35000000);
	/* Too large to be a product of integers: a gap, not a wrapped figure. */
	tree_write(&b.tree, HWMON "/hwmon0/in1_input", "9000000000000000\n");
	{
		struct jm_sample sample;

		assert_int_equal(bench_read(&b, "hwmon/sbc_monitor/main", &sample), JM_E_FORMAT);
	}
	bench_end(&b);
}

static void an_ina3221_elsewhere_pairs_by_its_documented_numbers(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, "jetson-agx-orin");
	bench_probe(&b, "hwmon");
	assert_int_equal(b.set.n_channels, 0);
	assert_non_null(strstr(b.why.message, "measures power"));
	tree_unlink(&b.tree, "/proc/device-tree/model");
	tree_unlink(&b.tree, "/sys/firmware/devicetree/base/compatible");
	bench_probe(&b, "hwmon");
	assert_int_equal(bench_value(&b, "hwmon/ina3221/VDD_CPU_CV"), 1900000);
	assert_int_equal(bench_value(&b, "hwmon/ina3221.1/VDDQ_VDD2_1V8AO"), 4968 * 80);
	bench_end(&b);
}

/* As the kernel's own driver shows it on a board whose device tree says nothing: found with that driver (tests/kernel). */
static void an_ina3221_without_labels_is_read_all_the_same(void **state)
{
	struct bench b;

	(void)state;
	bench_begin(&b, NULL);
	tree_write(&b.tree, HWMON "/hwmon0/name", "ina3221\n");
	tree_write(&b.tree, HWMON "/hwmon0/in1_input", "12000\n");
	tree_write(&b.tree, HWMON "/hwmon0/curr1_input", "2000\n");
	tree_write(&b.tree, HWMON "/hwmon0/in4_input", "20000\n");
	tree_write(&b.tree, HWMON "/hwmon0/in7_input", "0\n");
	tree_write(&b.tree, HWMON "/hwmon0/in7_label", "sum of shunt voltages\n");
	tree_write(&b.tree, HWMON "/hwmon0/curr4_input", "0\n");
	bench_probe(&b, "hwmon");
	assert_int_equal(b.set.n_channels, 1);
	assert_int_equal(bench_value(&b, "hwmon/ina3221/in1"), 24000000);
	bench_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(chips_are_named_and_numbered_by_name),
	    cmocka_unit_test(an_average_is_the_same_as_the_input),
	    cmocka_unit_test(energy_is_preferred_to_power_of_the_same_label),
	    cmocka_unit_test(an_unreadable_counter_stands_for_nothing),
	    cmocka_unit_test(batteries_and_chips_without_power_are_left_out),
	    cmocka_unit_test(slow_buses_get_a_thread_of_their_own),
	    cmocka_unit_test(voltage_and_current_pair_by_label_not_by_number),
	    cmocka_unit_test(an_ina3221_elsewhere_pairs_by_its_documented_numbers),
	    cmocka_unit_test(an_ina3221_without_labels_is_read_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
