#include "support/sensors.h"

#define BAT "/sys/class/power_supply/BAT0"

static void begin(struct bench *b, const char *status)
{
	bench_begin(b, NULL);
	tree_write(&b->tree, "/sys/class/power_supply/AC/type", "Mains\n");
	tree_write(&b->tree, BAT "/type", "Battery\n");
	tree_printf(&b->tree, BAT "/status", "%s\n", status);
}

static void discharge_is_the_machines_power(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "Discharging");
	tree_write(&b.tree, BAT "/power_now", "9210000\n");
	bench_probe(&b, "battery");
	assert_int_equal(bench_value(&b, "battery/BAT0"), 9210000);
	assert_int_equal(bench_channel(&b, "battery/BAT0")->domain, JM_DOMAIN_PLATFORM);
	/* Some drivers count discharge as negative. */
	tree_write(&b.tree, BAT "/power_now", "-9210000\n");
	assert_int_equal(bench_value(&b, "battery/BAT0"), 9210000);
	bench_end(&b);
}

static void current_times_voltage_serves_where_there_is_no_power(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "Discharging");
	tree_write(&b.tree, BAT "/current_now", "1500000\n");
	tree_write(&b.tree, BAT "/voltage_now", "12000000\n");
	bench_probe(&b, "battery");
	assert_int_equal(bench_value(&b, "battery/BAT0"), 18000000);
	bench_end(&b);
}

static void plugging_in_makes_gaps_not_values(void **state)
{
	static const char *const others[] = {"Charging\n", "Full\n", "Not charging\n",
					     "Unknown\n",  "",       "Dischargingx\n"};
	struct bench b;
	size_t i;

	(void)state;
	begin(&b, "Discharging");
	tree_write(&b.tree, BAT "/power_now", "9210000\n");
	bench_probe(&b, "battery");
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		tree_write(&b.tree, BAT "/status", others[i]);
		bench_expect_gap(&b, "battery/BAT0");
	}
	tree_write(&b.tree, BAT "/status", "Discharging\n");
	assert_int_equal(bench_value(&b, "battery/BAT0"), 9210000);
	bench_end(&b);
}

static void a_charging_battery_is_unavailable_with_the_reason(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "Charging");
	tree_write(&b.tree, BAT "/power_now", "30000000\n");
	bench_probe(&b, "battery");
	assert_int_equal(bench_channel(&b, "battery/BAT0")->state, JM_STATE_UNAVAILABLE);
	assert_non_null(strstr(bench_channel(&b, "battery/BAT0")->reason, "Charging"));
	assert_string_equal(bench_channel(&b, "battery/BAT0")->remedy, "unplug the charger");
	bench_end(&b);
}

static void the_battery_of_a_mouse_is_left_out(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "Discharging");
	tree_write(&b.tree, BAT "/scope", "Device\n");
	bench_probe(&b, "battery");
	assert_int_equal(b.set.n_channels, 0);
	assert_non_null(strstr(b.why.message, "no battery"));
	bench_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(discharge_is_the_machines_power),
	    cmocka_unit_test(current_times_voltage_serves_where_there_is_no_power),
	    cmocka_unit_test(plugging_in_makes_gaps_not_values),
	    cmocka_unit_test(a_charging_battery_is_unavailable_with_the_reason),
	    cmocka_unit_test(the_battery_of_a_mouse_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
