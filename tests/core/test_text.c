#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void integers_refuse_trailing_junk(void **state)
{
	int64_t v = 7;

	(void)state;
	assert_int_equal(jm_text_i64("123\n", 4, &v), 0);
	assert_int_equal(v, 123);
	assert_int_equal(jm_text_i64("-5", 2, &v), 0);
	assert_int_equal(v, -5);
	v = 7;
	assert_int_equal(jm_text_i64("12x", 3, &v), JM_E_FORMAT);
	assert_int_equal(jm_text_i64("", 0, &v), JM_E_FORMAT);
	assert_int_equal(jm_text_i64("-", 1, &v), JM_E_FORMAT);
	assert_int_equal(jm_text_i64("9223372036854775808", 19, &v), JM_E_FORMAT);
	assert_int_equal(v, 7);
}

static void doubles_refuse_nan_and_hexadecimal(void **state)
{
	double v = 7;

	(void)state;
	assert_int_equal(jm_text_double("2.5e3", 5, &v), 0);
	assert_true(v == 2500);
	assert_int_equal(jm_text_double("nan", 3, &v), JM_E_FORMAT);
	assert_int_equal(jm_text_double("inf", 3, &v), JM_E_FORMAT);
	assert_int_equal(jm_text_double("0x10", 4, &v), JM_E_FORMAT);
	assert_int_equal(jm_text_double("1e999", 5, &v), JM_E_FORMAT);
	assert_true(v == 2500);
}

static void fixed_point_is_exact(void **state)
{
	static const struct {
		const char *text;
		int decimals;
		int64_t value;
	} good[] = {
	    {"1.5", 3, 1500}, {"-0.0004", 3, 0}, {"-0.0005", 3, -1},  {"1700000000123456.789", 3, 1700000000123456789},
	    {"0.1", 0, 0},    {"2.5", 0, 3},     {"1e3", 3, 1000000}, {".5", 1, 5},
	    {"7", 6, 7000000}, {"922337203576075606\n", 0, 922337203576075606}, {"9223372036854775807", 0, INT64_MAX}};
	static const char *const bad[] = {"", ".", "-", "1.2.3", "nan", "1x", "1.2345x", "99999999999999999999", "+-1",
					  "9223372036854775807.5"};
	int64_t v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(jm_text_fixed(good[i].text, strlen(good[i].text), good[i].decimals, &v), 0);
		assert_true(v == good[i].value);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(jm_text_fixed(bad[i], strlen(bad[i]), 3, &v), JM_E_FORMAT);
}

static void durations_have_units(void **state)
{
	int64_t ns;

	(void)state;
	assert_int_equal(jm_text_duration_ns("10ms", &ns), 0);
	assert_int_equal(ns, 10000000);
	assert_int_equal(jm_text_duration_ns("0.5", &ns), 0);
	assert_int_equal(ns, 500000000);
	assert_int_equal(jm_text_duration_ns("1.5m", &ns), 0);
	assert_true(ns == INT64_C(90000000000));
	assert_int_equal(jm_text_duration_ns("10 ms", &ns), JM_E_FORMAT);
	assert_int_equal(jm_text_duration_ns("-1s", &ns), JM_E_FORMAT);
	assert_int_equal(jm_text_duration_ns("1e300s", &ns), JM_E_FORMAT);
}

static void expect_shortest(double value, const char *text)
{
	char out[32];
	size_t n = jm_text_shortest(value, out);

	assert_string_equal(out, text);
	assert_int_equal(n, strlen(text));
}

static void shortest_text_is_pythons_repr(void **state)
{
	(void)state;
	expect_shortest(0, "0.0");
	expect_shortest(-0.0, "-0.0");
	expect_shortest(5500000, "5500000.0");
	expect_shortest(0.25, "0.25");
	expect_shortest(0.1, "0.1");
	expect_shortest(5437392.769097799, "5437392.769097799");
	expect_shortest(1e-7, "1e-07");
	expect_shortest(0.0001, "0.0001");
	expect_shortest(1e16, "1e+16");
	expect_shortest(123456789012345680.0, "1.2345678901234568e+17");
	expect_shortest(5e-324, "5e-324");
	expect_shortest(1.7976931348623157e308, "1.7976931348623157e+308");
	expect_shortest(0.30000000000000004, "0.30000000000000004");
}

static void shortest_text_reads_back(void **state)
{
	uint64_t x = 88172645463325252u;
	char out[32];
	int i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		double v;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(&v, &x, sizeof(v));
		if (!isfinite(v))
			continue;
		jm_text_shortest(v, out);
		assert_true(strtod(out, NULL) == v);
	}
}

static void buffers_escape(void **state)
{
	struct jm_buffer b = {0};

	(void)state;
	jm_buffer_json_string(&b, "a\"b\\\n\xff\xc3\xa9");
	jm_buffer_puts(&b, " ");
	jm_buffer_csv(&b, "x,\"y\"");
	jm_buffer_json_number(&b, NAN);
	assert_string_equal(jm_buffer_terminate(&b), "\"a\\\"b\\\\\\u000a\\ufffd\xc3\xa9\" \"x,\"\"y\"\"\"null");
	jm_buffer_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(integers_refuse_trailing_junk),
	    cmocka_unit_test(doubles_refuse_nan_and_hexadecimal),
	    cmocka_unit_test(fixed_point_is_exact),
	    cmocka_unit_test(durations_have_units),
	    cmocka_unit_test(shortest_text_is_pythons_repr),
	    cmocka_unit_test(shortest_text_reads_back),
	    cmocka_unit_test(buffers_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
