#include "sensor/exec_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static int64_t value, device_us;

static int take(const char *options, const char *line)
{
	struct jm_exec_format f;
	struct jm_error err;
	const char *command;
	char argument[160];

	strcpy(argument, options);
	strcat(argument, "meter");
	assert_int_equal(jm_exec_parse_options(argument, &f, &command, &err), 0);
	assert_string_equal(command, "meter");
	value = device_us = -7;
	return jm_exec_parse_line(&f, line, strlen(line), &value, &device_us);
}

static void a_value_is_watts(void **state)
{
	(void)state;
	assert_int_equal(take("", "12.5"), 0);
	assert_int_equal(value, 12500000);
	assert_int_equal(device_us, 0);
	assert_int_equal(take("", "  350mW\r"), 0);
	assert_int_equal(value, 350000);
	assert_int_equal(take("", "3.5 W"), 0);
	assert_int_equal(value, 3500000);
	assert_int_equal(take("unit=mW;", "-3"), 0);
	assert_int_equal(value, -3000);
	assert_int_equal(take("unit=Wh;", "0.5"), 0);
	assert_int_equal(value, 1800000000);
	assert_int_equal(take("unit=%;", "50 %"), 0);
	assert_int_equal(value, 500000);
}

static void a_time_before_the_value_is_kept(void **state)
{
	(void)state;
	assert_int_equal(take("", "1.25 100"), 0);
	assert_int_equal(value, 100000000);
	assert_int_equal(device_us, 1250000);
	assert_int_equal(take("", "1.25,100 W"), 0);
	assert_int_equal(value, 100000000);
	assert_int_equal(device_us, 1250000);
	assert_int_equal(take("column=1;time=2;", "7;3"), 0);
	assert_int_equal(value, 7000000);
	assert_int_equal(device_us, 3000000);
}

static void csv_columns_and_tegrastats_are_read(void **state)
{
	(void)state;
	assert_int_equal(take("column=2;", "0, 123.45 W"), 0);
	assert_int_equal(value, 123450000);
	assert_int_equal(take("column=2;", "2026/11/21 12:00:00.000, 71.00 W, 3"), 0);
	assert_int_equal(value, 71000000);
	assert_int_equal(device_us, 0);
	assert_int_equal(take("match=VDD_IN;", "RAM 2/3MB CPU [1%@2] VDD_IN 4532mW/4400mW VDD_CPU 1mW/1mW"), 0);
	assert_int_equal(value, 4532000);
	assert_int_equal(take("match=POM_5V_IN;unit=mW;", "RAM 1/2 POM_5V_IN 2532/2532 POM_5V_GPU 0/0"), 0);
	assert_int_equal(value, 2532000);
}

static void a_line_without_its_value_is_refused(void **state)
{
	static const char *const bad[] = {"",      "power [W]", "N/A",           "nan",   "inf",
					  "0x10",  "1 2 3",     "12.5 furlongs", "12.5x", "1,",
					  "1e999", "12:30:01",  "--5",           "."};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (take("", bad[i]) != JM_E_FORMAT)
			fail_msg("\"%s\" was taken", bad[i]);
	assert_int_equal(take("column=2;", "0, [N/A]"), JM_E_FORMAT);
	assert_int_equal(take("column=3;", "0, 1"), JM_E_FORMAT);
	assert_int_equal(take("match=VDD;", "VIN 5"), JM_E_FORMAT);
	assert_int_equal(take("match=VDD;", "5 VDD"), JM_E_FORMAT);
	assert_int_equal(value, -7);
}

static void options_are_checked(void **state)
{
	static const char *const bad[] = {"",	     "unit=W;",	   "unit=parsec;x", "column=0;x", "column=x;x",
					  "window=0;x", "window=z;x", "name=a/b;x",	    "name=;x",    "match=;x"};
	struct jm_exec_format f;
	struct jm_error err;
	const char *command;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(jm_exec_parse_options(bad[i], &f, &command, &err), JM_E_INVALID);
		assert_true(err.message[0] && err.remedy[0]);
	}
	assert_int_equal(jm_exec_parse_options("unit=J;period=10ms;name=m;a=b; c", &f, &command, &err), 0);
	assert_string_equal(command, "a=b; c");
	assert_true(f.period_ns == 10000000);
	assert_int_equal(f.unit->quantity, JM_QUANTITY_ENERGY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_value_is_watts),
	    cmocka_unit_test(a_time_before_the_value_is_kept),
	    cmocka_unit_test(csv_columns_and_tegrastats_are_read),
	    cmocka_unit_test(a_line_without_its_value_is_refused),
	    cmocka_unit_test(options_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
