#define _GNU_SOURCE
#include "core/text.h"

#include "core/units.h"

#include <float.h>
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
	if (n == 0 || n >= sizeof(copy))
		return JM_E_FORMAT;
	/* strtod also takes hexadecimal, "inf", "nan" and leading space: refuse them here. */
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

int jm_text_fixed(const char *text, size_t n, int decimals, int64_t *out)
{
	bool is_negative = n > 0 && text[0] == '-', has_point = false, has_digit = false, is_up = false;
	const int wanted = decimals;
	uint64_t value = 0;
	size_t i;

	for (i = is_negative; i < n; i++) {
		unsigned digit = (unsigned)(unsigned char)text[i] - '0';

		if (text[i] == '.' && !has_point) {
			has_point = true;
			continue;
		}
		if (digit > 9 || value > (uint64_t)INT64_MAX / 10 - 1)
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
		if (value > (uint64_t)INT64_MAX / 10 - 1)
			return JM_E_FORMAT;
		value *= 10;
	}
	if (!has_digit)
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
	} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {"", 1e9}};
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

/* Python's repr switches to exponents below 1e-4 and from 1e16 on. */
static size_t python_form(double value, int precision, char *out)
{
	char digits[40];
	double magnitude = fabs(value);
	int decimals, n;

	if (magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
		n = snprintf(out, 32, "%.*e", precision - 1, value);
		return (size_t)n;
	}
	snprintf(digits, sizeof(digits), "%.*e", precision - 1, value);
	decimals = precision - 1 - atoi(strchr(digits, 'e') + 1);
	n = snprintf(out, 32, "%.*f", decimals > 0 ? decimals : 0, value);
	return (size_t)n;
}

/* Takes trailing zeros off the mantissa, keeping one digit after the point where there is no exponent. */
static size_t trim(char *out, size_t n)
{
	char *exponent = memchr(out, 'e', n);
	size_t mantissa = exponent ? (size_t)(exponent - out) : n;
	size_t end = mantissa;

	if (!memchr(out, '.', mantissa)) {
		if (exponent)
			return n;
		memcpy(out + n, ".0", 3);
		return n + 2;
	}
	while (end > 0 && out[end - 1] == '0')
		end--;
	if (out[end - 1] == '.')
		end += exponent ? -1 : 1;
	memmove(out + end, out + mantissa, n - mantissa + 1);
	return end + n - mantissa;
}

size_t jm_text_shortest(double value, char *out)
{
	int precision;
	size_t n = 0;

	/* Subnormal numbers carry fewer than 15 digits. */
	for (precision = fabs(value) < DBL_MIN ? 1 : 15; precision <= 17; precision++) {
		n = python_form(value, precision, out);
		if (precision == 17 || strtod(out, NULL) == value)
			break;
	}
	return trim(out, n);
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
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
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
