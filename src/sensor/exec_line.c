#define _GNU_SOURCE
#include "sensor/exec_line.h"

#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <string.h>

/* The first unit of a quantity is its default. 1 Wh = 3600 J. */
static const struct jm_exec_unit units[] = {
    {"W", JM_QUANTITY_POWER, 1e6},        {"mW", JM_QUANTITY_POWER, 1e3},      {"uW", JM_QUANTITY_POWER, 1},
    {"kW", JM_QUANTITY_POWER, 1e9},       {"J", JM_QUANTITY_ENERGY, 1e6},      {"mJ", JM_QUANTITY_ENERGY, 1e3},
    {"uJ", JM_QUANTITY_ENERGY, 1},        {"kJ", JM_QUANTITY_ENERGY, 1e9},     {"Wh", JM_QUANTITY_ENERGY, 3600e6},
    {"kWh", JM_QUANTITY_ENERGY, 3600e9},  {"C", JM_QUANTITY_TEMPERATURE, 1e3}, {"mC", JM_QUANTITY_TEMPERATURE, 1},
    {"MHz", JM_QUANTITY_FREQUENCY, 1e6},  {"Hz", JM_QUANTITY_FREQUENCY, 1},    {"kHz", JM_QUANTITY_FREQUENCY, 1e3},
    {"GHz", JM_QUANTITY_FREQUENCY, 1e9},  {"%", JM_QUANTITY_UTILIZATION, 1e4},
};

static const struct jm_exec_unit *find_unit(const char *text, size_t n)
{
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].text) == n && memcmp(units[i].text, text, n) == 0)
			return &units[i];
	return NULL;
}

static int copy_text(const char *value, size_t n, char *out, size_t size)
{
	if (n == 0 || n >= size)
		return JM_E_INVALID;
	memcpy(out, value, n);
	out[n] = '\0';
	return 0;
}

static int parse_column(const char *value, size_t n, int *out)
{
	int64_t column;

	if (jm_text_i64(value, n, &column) || column < 1 || column > 1000)
		return JM_E_INVALID;
	*out = (int)column;
	return 0;
}

static int parse_time(const char *value, size_t n, int64_t *out)
{
	char text[32];

	if (copy_text(value, n, text, sizeof(text)) || jm_text_duration_ns(text, out) || *out <= 0)
		return JM_E_INVALID;
	return 0;
}

/* Gives 1 when what stands at text is no option, that is, the command. */
static int parse_option(const char *text, size_t n, struct jm_exec_format *f)
{
	static const char *const keys[] = {"unit=", "match=", "column=", "time=", "window=", "period=", "name="};
	const char *value = text;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (n >= strlen(keys[i]) && memcmp(text, keys[i], strlen(keys[i])) == 0)
			break;
	if (i == sizeof(keys) / sizeof(keys[0]))
		return 1;
	value += strlen(keys[i]);
	n -= strlen(keys[i]);
	switch (keys[i][0]) {
	case 'u':
		f->unit = find_unit(value, n);
		return f->unit ? 0 : JM_E_INVALID;
	case 'm':
		return copy_text(value, n, f->match, sizeof(f->match));
	case 'c':
		return parse_column(value, n, &f->column);
	case 't':
		return parse_column(value, n, &f->time_column);
	case 'w':
		return parse_time(value, n, &f->window_ns);
	case 'p':
		return parse_time(value, n, &f->period_ns);
	default:
		return memchr(value, '/', n) ? JM_E_INVALID : copy_text(value, n, f->name, sizeof(f->name));
	}
}

int jm_exec_parse_options(const char *argument, struct jm_exec_format *format, const char **command_out,
			  struct jm_error *err)
{
	memset(format, 0, sizeof(*format));
	format->unit = &units[0];
	for (;;) {
		const char *end = strchr(argument, ';');
		size_t n = end ? (size_t)(end - argument) : strlen(argument);
		int rc = parse_option(argument, n, format);

		if (rc == 1)
			break;
		if (rc) {
			jm_error_set(err, rc, "exec: cannot understand \"%.*s\"", (int)(n < 100 ? n : 100), argument);
			jm_error_remedy(
			    err, "options are unit=W|mW|uW|kW|J|mJ|uJ|kJ|Wh|kWh|C|MHz|%% match=TEXT column=N time=N "
				 "window=DURATION period=DURATION name=NAME, each followed by ';', then the command");
			return rc;
		}
		argument += n + (end != NULL);
	}
	while (*argument == ' ')
		argument++;
	if (*argument == '\0') {
		jm_error_set(err, JM_E_INVALID, "exec needs a command");
		jm_error_remedy(err, "write exec:COMMAND, for example exec:unit=mW;./meter --serial /dev/ttyUSB0");
		return JM_E_INVALID;
	}
	*command_out = argument;
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t skip_digits(const char *text, size_t n, size_t i)
{
	while (i < n && is_digit(text[i]))
		i++;
	return i;
}

/* Gives the length of the decimal number at text, 0 when there is none. */
static size_t number_length(const char *text, size_t n)
{
	size_t start = n > 0 && (text[0] == '-' || text[0] == '+');
	size_t end = skip_digits(text, n, start);
	size_t n_digits = end - start;

	if (end < n && text[end] == '.') {
		size_t after = skip_digits(text, n, end + 1);

		n_digits += after - end - 1;
		end = after;
	}
	if (n_digits == 0)
		return 0;
	if (end < n && (text[end] == 'e' || text[end] == 'E')) {
		size_t sign = end + 1 < n && (text[end + 1] == '-' || text[end + 1] == '+');
		size_t after = skip_digits(text, n, end + 1 + sign);

		if (after > end + 1 + sign)
			end = after;
	}
	return end;
}

/* Reads a number and the unit behind it. is_whole: nothing else may follow. */
static int parse_reading(const struct jm_exec_format *f, const char *text, size_t n, bool is_whole, int64_t *out)
{
	size_t length = number_length(text, n);
	const struct jm_exec_unit *unit = f->unit, *said;
	size_t from = length, to;
	double value;

	if (length == 0 || jm_text_double(text, length, &value))
		return JM_E_FORMAT;
	if (from < n && text[from] == ' ')
		from++;
	for (to = from; to < n && (text[to] == '%' || ((text[to] | 32) >= 'a' && (text[to] | 32) <= 'z')); to++)
		;
	said = find_unit(text + from, to - from);
	if (said && said->quantity == unit->quantity)
		unit = said;
	if (is_whole && ((!said && to > from) || to < n))
		return JM_E_FORMAT;
	value *= unit->scale;
	if (fabs(value) > 9e18)
		return JM_E_FORMAT;
	*out = llround(value);
	return 0;
}

/* Finds column i (from 1). Columns are cut at commas, tabs or semicolons; in a line with none of them, at blanks. */
static bool find_column(const char *line, size_t n, int column, const char **out, size_t *n_out)
{
	bool has_separator = memchr(line, ',', n) || memchr(line, ';', n) || memchr(line, '\t', n);
	size_t i = 0;

	for (;;) {
		size_t from;

		while (i < n && line[i] == ' ')
			i++;
		if (i == n)
			return false;
		for (from = i; i < n && !strchr(has_separator ? ",;\t" : " ", line[i]);)
			i++;
		if (--column == 0) {
			*out = line + from;
			*n_out = i - from;
			return true;
		}
		i += i < n;
	}
}

static int parse_column_value(const struct jm_exec_format *f, const char *line, size_t n, int column, int64_t *out)
{
	const char *text;
	size_t length;

	return find_column(line, n, column, &text, &length) ? parse_reading(f, text, length, true, out) : JM_E_FORMAT;
}

/* Reads a column of seconds; what is no such number is no time. */
static int64_t parse_time_us(const char *line, size_t n, int column)
{
	const char *text;
	size_t length;
	double t_s;

	if (column == 0 || !find_column(line, n, column, &text, &length))
		return 0;
	if (number_length(text, length) != length || jm_text_double(text, length, &t_s) || fabs(t_s) > 9e12)
		return 0;
	return llround(t_s * 1e6);
}

/* "value" or "time value", each perhaps with a unit behind a blank. */
static int parse_plain(const struct jm_exec_format *f, const char *line, size_t n, int64_t *value_out, int *time_column)
{
	const char *text;
	size_t length;
	bool has_third = find_column(line, n, 3, &text, &length);

	if (!find_column(line, n, 2, &text, &length) || number_length(text, length) == 0) {
		/* "12.5 W" is one value; "12.5 7 9" or "a 5" are none. */
		bool is_unit = !has_third && (!find_column(line, n, 2, &text, &length) || find_unit(text, length));

		return is_unit ? parse_reading(f, line, n, true, value_out) : JM_E_FORMAT;
	}
	if (has_third && (number_length(text, length) != length || !find_column(line, n, 3, &text, &length) ||
			  !find_unit(text, length) || find_column(line, n, 4, &text, &length)))
		return JM_E_FORMAT;
	if (f->time_column == 0)
		*time_column = 1;
	return parse_column_value(f, line, n, 2, value_out);
}

int jm_exec_parse_line(const struct jm_exec_format *format, const char *line, size_t n, int64_t *value_out,
		       int64_t *device_us_out)
{
	int time_column = format->time_column;
	const char *at;
	int rc;

	while (n > 0 && strchr("\r\n \t", line[n - 1]))
		n--;
	while (n > 0 && *line == ' ') {
		line++;
		n--;
	}
	if (format->match[0]) {
		size_t length = strlen(format->match), rest;

		at = memmem(line, n, format->match, length);
		if (!at)
			return JM_E_FORMAT;
		at += length;
		rest = n - (size_t)(at - line);
		while (rest > 0 && strchr(" :=\t", *at)) {
			at++;
			rest--;
		}
		rc = parse_reading(format, at, rest, false, value_out);
	} else if (format->column) {
		rc = parse_column_value(format, line, n, format->column, value_out);
	} else {
		rc = parse_plain(format, line, n, value_out, &time_column);
	}
	if (!rc)
		*device_us_out = parse_time_us(line, n, time_column);
	return rc;
}
