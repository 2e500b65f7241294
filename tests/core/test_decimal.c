#include "core/decimal.h"
#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static uint64_t state = 88172645463325252u;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Whatever is taken must have the value and the shortest text that the library finds. Gives whether it was taken. */
static bool agrees(const char *text)
{
	double value = -1, expected;
	char out[40], shortest[40];
	size_t n = strlen(text);
	const char *after = NULL;
	jm_decimal d = jm_decimal_read(text, text + n, &value, &after);

	if (!d) {
		assert_true(value == -1 && !after);
		return false;
	}
	if (after != text + n)
		return false;
	assert_int_equal(jm_text_double(text, n, &expected), 0);
	assert_memory_equal(&value, &expected, sizeof(value));
	out[jm_decimal_write(d, out)] = '\0';
	jm_text_shortest(expected, shortest);
	assert_string_equal(out, shortest);
	return true;
}

static void numbers_as_python_writes_them_are_taken(void **ctx)
{
	static const char *const texts[] = {"0.0",
					    "0",
					    "0.25",
					    "20",
					    "20.0",
					    "0.0001",
					    "0.03404175117611885",
					    "0.053556863218545914",
					    "10.01",
					    "1234.5678",
					    "86400000.0",
					    "0.1",
					    "9.5",
					    "99999999999999.0",
					    "0.30000000000000004",
					    "5437392.769097799"};
	size_t i;

	(void)ctx;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_true(agrees(texts[i]));
}

static void other_texts_are_left_to_the_library(void **ctx)
{
	static const char *const texts[] = {"", ".", "1.", ".5", "-1", "+1", "00.5", "01", "0.10", "0.00", "1e3",
					    "1.5e3", "nan", "1.2.3", "0.00001",
					    /* One digit too many, or another decimal is nearer. */
					    "0.30000000000000001", "0.1000000000000000055", "0.12345678901234567890",
					    "9007199254740993", "1 ", "1.5x", "99999999999999999999999999999999999999"};
	size_t i;

	(void)ctx;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(agrees(texts[i]));
}

/* Doubles of all sizes that have no exponent, as the shortest text and as texts of 15 to 18 digits, right or not. */
static void value_and_text_are_those_of_the_library(void **ctx)
{
	uint64_t n_taken = 0, n = 0;
	char text[64];
	int i, length;

	(void)ctx;
	for (i = 0; i < 100000; i++) {
		double value = (double)next() / (double)(UINT64_C(1) << (next() % 64)) / 8192;

		if (i % 2)
			value = (double)(float)value;
		if (value < 1e-3 || value >= 1e15)
			continue;
		jm_text_shortest(value, text);
		n_taken += agrees(text);
		n++;
		for (length = 15; length <= 18; length++) {
			snprintf(text, sizeof(text), "%.*g", length, value);
			agrees(text);
		}
	}
	assert_true(n > 50000);
	assert_true(n_taken > n * 95 / 100);
}

/* Decimals beside powers of two and of ten, where the gaps between doubles and decimals change. */
static void borders_are_right(void **ctx)
{
	char text[64];
	int exponent, step;

	(void)ctx;
	for (exponent = -10; exponent < 50; exponent++)
		for (step = -20; step <= 20; step++) {
			double value =
			    exponent < 0 ? 1.0 / (double)(1 << -exponent) : (double)(UINT64_C(1) << exponent);
			uint64_t bits;

			memcpy(&bits, &value, sizeof(bits));
			bits += (uint64_t)(int64_t)step;
			memcpy(&value, &bits, sizeof(value));
			jm_text_shortest(value, text);
			agrees(text);
			snprintf(text, sizeof(text), "%.17g", value);
			agrees(text);
			snprintf(text, sizeof(text), "%.16g", value);
			agrees(text);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_as_python_writes_them_are_taken),
	    cmocka_unit_test(other_texts_are_left_to_the_library),
	    cmocka_unit_test(value_and_text_are_those_of_the_library),
	    cmocka_unit_test(borders_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
