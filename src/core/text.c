#define _GNU_SOURCE
#include "core/text.h"

#include "core/number.h"
#include "core/units.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int jm_text_u64(const char *text, size_t n, uint64_t *out)
{
	uint64_t value = 0;
	size_t i;

	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n == 0)
		return JM_E_FORMAT;
	for (i = 0; i < n; i++) {
		unsigned digit = (unsigned)(unsigned char)text[i] - '0';

		if (digit > 9 || value > UINT64_MAX / 10 || value * 10 > UINT64_MAX - digit)
			return JM_E_FORMAT;
		value = value * 10 + digit;
	}
	*out = value;
	return 0;
}

int jm_text_i64(const char *text, size_t n, int64_t *out)
{
	bool is_negative = n > 0 && text[0] == '-';
	uint64_t magnitude;
	int rc = jm_text_u64(text + is_negative, n - is_negative, &magnitude);

	if (rc)
		return rc;
	if (magnitude > (uint64_t)INT64_MAX)
		return JM_E_FORMAT;
	*out = is_negative ? -(int64_t)magnitude : (int64_t)magnitude;
	return 0;
}

int jm_text_double(const char *text, size_t n, double *out)
{
	char copy[128];
	char *end;
	double value;
	size_t i;

	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (jm_number_parse(text, n, out))
		return 0;
	if (n == 0 || n >= sizeof(copy))
		return JM_E_FORMAT;
	/* What is left is wrong, or rare: a plus sign, or a number too small for a double. strtod also takes
	 * hexadecimal, "inf", "nan" and leading space: refuse them here. */
	for (i = 0; i < n; i++)
		if (!strchr("0123456789+-.eE", text[i]) || text[i] == '\0')
			return JM_E_FORMAT;
	memcpy(copy, text, n);
	copy[n] = '\0';
	value = strtod(copy, &end);
	if (end != copy + n || !isfinite(value))
		return JM_E_FORMAT;
	*out = value;
	return 0;
}

/* The rare forms of jm_text_fixed: exponents, and more digits than an integer holds. */
static int fixed_from_double(const char *text, size_t n, int decimals, int64_t *out)
{
	double value;
	int rc = jm_text_double(text, n, &value);

	for (; !rc && decimals > 0; decimals--)
		value *= 10;
	if (rc || !(fabs(value) < 9.2e18))
		return JM_E_FORMAT;
	*out = (int64_t)llround(value);
	return 0;
}

/* Says whether value with one more digit is still an int64. */
static bool has_room(uint64_t value, unsigned digit)
{
	const uint64_t most = (uint64_t)INT64_MAX;

	return value < most / 10 || (value == most / 10 && digit <= most % 10);
}

int jm_text_fixed(const char *text, size_t n, int decimals, int64_t *out)
{
	bool is_negative = n > 0 && text[0] == '-', has_point = false, has_digit = false, is_up = false;
	const int wanted = decimals;
	uint64_t value = 0;
	size_t i;

	if (n > 0 && text[n - 1] == '\n')
		n--;
	for (i = is_negative; i < n; i++) {
		unsigned digit = (unsigned)(unsigned char)text[i] - '0';

		if (text[i] == '.' && !has_point) {
			has_point = true;
			continue;
		}
		if (digit > 9 || !has_room(value, digit))
			return fixed_from_double(text, n, wanted, out);
		has_digit = true;
		if (has_point && decimals == 0) {
			is_up = digit >= 5;
			break;
		}
		value = value * 10 + digit;
		decimals -= has_point;
	}
	for (; i < n; i++) /* digits behind the rounding one */
		if ((unsigned)(unsigned char)text[i] - '0' > 9)
			return fixed_from_double(text, n, wanted, out);
	for (; decimals > 0; decimals--) {
		if (!has_room(value, 0))
			return JM_E_FORMAT;
		value *= 10;
	}
	if (!has_digit || (is_up && value == (uint64_t)INT64_MAX))
		return JM_E_FORMAT;
	value += is_up;
	*out = is_negative ? -(int64_t)value : (int64_t)value;
	return 0;
}

int jm_text_duration_ns(const char *text, int64_t *out)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"ns", 1},   {"us", 1e3},   {"ms", 1e6},   {"s", 1e9},
		     {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {"", 1e9}};
	size_t n = strspn(text, "0123456789.");
	double value;
	size_t i;

	if (jm_text_double(text, n, &value) || value < 0)
		return JM_E_FORMAT;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text + n, units[i].unit))
			continue;
		if (value * units[i].ns > 9e18)
			return JM_E_FORMAT;
		*out = (int64_t)llround(value * units[i].ns);
		return 0;
	}
	return JM_E_FORMAT;
}

/* Writes d1.d2d3...e+XX as Python does: at least two digits of exponent. */
static size_t write_exponent(const char *digits, int n, int exponent, char *out)
{
	unsigned magnitude = (unsigned)(exponent < 0 ? -exponent : exponent);
	char *at = out;

	*at++ = digits[0];
	if (n > 1) {
		*at++ = '.';
		memcpy(at, digits + 1, (size_t)n - 1);
		at += n - 1;
	}
	*at++ = 'e';
	*at++ = exponent < 0 ? '-' : '+';
	if (magnitude >= 100)
		*at++ = (char)('0' + magnitude / 100);
	*at++ = (char)('0' + magnitude / 10 % 10);
	*at++ = (char)('0' + magnitude % 10);
	return (size_t)(at - out);
}

/* Writes n digits without exponent; point: digits before the decimal point, from -3 to 16. */
static size_t write_plain(const char *digits, int n, int point, char *out)
{
	char *at = out;
	int i;

	if (point <= 0) {
		memcpy(at, "0.000", 5);
		at += 2 - point;
		memcpy(at, digits, (size_t)n);
		return (size_t)(at + n - out);
	}
	for (i = 0; i < point; i++)
		*at++ = i < n ? digits[i] : '0';
	*at++ = '.';
	if (n <= point) {
		*at++ = '0';
		return (size_t)(at - out);
	}
	memcpy(at, digits + point, (size_t)(n - point));
	return (size_t)(at + n - point - out);
}

/* Python's repr switches to exponents below 1e-4 and from 1e16 on. */
size_t jm_text_shortest(double value, char *out)
{
	char digits[32];
	int n, point;
	size_t sign = signbit(value) != 0;

	out[0] = '-';
	if (value == 0) {
		memcpy(out + sign, "0.0", 4);
		return sign + 3;
	}
	n = jm_number_digits(fabs(value), digits, &point);
	sign += point > 16 || point < -3 ? write_exponent(digits, n, point - 1, out + sign)
					 : write_plain(digits, n, point, out + sign);
	out[sign] = '\0';
	return sign;
}

void jm_buffer_finish(struct jm_buffer *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

static bool reserve(struct jm_buffer *b, size_t n)
{
	size_t capacity = b->capacity ? b->capacity : 256;
	char *data;

	if (b->is_failed)
		return false;
	if (n <= b->capacity - b->n)
		return true;
	while (capacity - b->n < n) {
		if (capacity > SIZE_MAX / 2) {
			b->is_failed = true;
			return false;
		}
		capacity *= 2;
	}
	data = realloc(b->data, capacity);
	if (!data) {
		b->is_failed = true;
		return false;
	}
	b->data = data;
	b->capacity = capacity;
	return true;
}

void jm_buffer_append(struct jm_buffer *b, const void *data, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n)
		memcpy(b->data + b->n, data, n);
	b->n += n;
}

void jm_buffer_puts(struct jm_buffer *b, const char *text)
{
	jm_buffer_append(b, text, strlen(text));
}

void jm_buffer_printf(struct jm_buffer *b, const char *format, ...)
{
	va_list args, again;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	if (n >= 0 && reserve(b, (size_t)n + 1)) {
		vsnprintf(b->data + b->n, (size_t)n + 1, format, again);
		b->n += (size_t)n;
	}
	va_end(again);
	va_end(args);
}

/* Gives the length of the valid UTF-8 sequence at s, or 0. */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80                   ? 1
		   : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		   : (s[0] & 0xf0) == 0xe0       ? 3
		   : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						 : 0;
	size_t i;

	for (i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if (n == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)))
		return 0;
	if (n == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)))
		return 0;
	return n;
}

void jm_buffer_json_string(struct jm_buffer *b, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	jm_buffer_append(b, "\"", 1);
	while (*s) {
		size_t n = utf8_length(s);

		if (n == 0) {
			jm_buffer_puts(b, "\\ufffd");
			n = 1;
		} else if (*s == '"' || *s == '\\') {
			jm_buffer_printf(b, "\\%c", *s);
		} else if (*s < 0x20) {
			jm_buffer_printf(b, "\\u%04x", *s);
		} else {
			jm_buffer_append(b, s, n);
		}
		s += n;
	}
	jm_buffer_append(b, "\"", 1);
}

void jm_buffer_json_number(struct jm_buffer *b, double value)
{
	char text[32];

	if (isfinite(value))
		jm_buffer_append(b, text, jm_text_shortest(value, text));
	else
		jm_buffer_puts(b, "null");
}

void jm_buffer_csv(struct jm_buffer *b, const char *text)
{
	const char *c;

	if (!strpbrk(text, ",\"\r\n")) {
		jm_buffer_puts(b, text);
		return;
	}
	jm_buffer_append(b, "\"", 1);
	for (c = text; *c; c++)
		jm_buffer_append(b, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
	jm_buffer_append(b, "\"", 1);
}

char *jm_buffer_terminate(struct jm_buffer *b)
{
	jm_buffer_append(b, "", 1);
	if (b->is_failed)
		return NULL;
	b->n--;
	return b->data;
}
