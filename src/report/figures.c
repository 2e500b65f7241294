#include "report/figures.h"

#include "core/display.h"
#include "report/table.h"

#include <math.h>
#include <stdio.h>

/* Four significant digits. */
static void significant(double value, const char *unit, char *out, size_t size)
{
	double magnitude = fabs(value);
	int decimals = magnitude >= 999.95 ? 0 : magnitude >= 99.995 ? 1 : magnitude >= 9.9995 ? 2 : 3;

	snprintf(out, size, "%.*f %s", decimals, value, unit);
}

void jm_report_quantity(double value, const char *unit, char *out, size_t size)
{
	static const struct {
		double scale;
		const char *prefix;
	} prefixes[] = {{1e6, "M"}, {1e3, "k"}, {1, ""}, {1e-3, "m"}, {1e-6, "u"}, {1e-9, "n"}};
	char with_prefix[16];
	size_t i;

	if (!isfinite(value)) {
		snprintf(out, size, "-");
		return;
	}
	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]) - 1; i++)
		if (fabs(value) >= 0.99995 * prefixes[i].scale)
			break;
	if (value == 0)
		i = 2;
	snprintf(with_prefix, sizeof(with_prefix), "%s%s", prefixes[i].prefix, unit);
	significant(value / prefixes[i].scale, with_prefix, out, size);
}

/* "[1.2, 3.4]" in the given scale, or "-". */
void jm_report_bounds(struct jm_interval value, double scale, char *out, size_t size)
{
	if (isfinite(value.low * scale) && isfinite(value.high * scale))
		snprintf(out, size, "[%.4g, %.4g]", value.low * scale, value.high * scale);
	else
		snprintf(out, size, "-");
}

void jm_report_plain(double value, int decimals, char *out, size_t size)
{
	if (isfinite(value))
		snprintf(out, size, "%.*f", decimals, value);
	else
		snprintf(out, size, "-");
}

/* Energies and powers span decades: as many decimals as make about four digits. */
void jm_report_four_digits(double value, char *out, size_t size)
{
	double magnitude = fabs(value);

	if (!isfinite(value))
		snprintf(out, size, "-");
	else if (magnitude == 0)
		snprintf(out, size, "0");
	else if (magnitude >= 1e-3)
		snprintf(out, size, "%.*f",
			 magnitude >= 1000  ? 0
			 : magnitude >= 100 ? 1
			 : magnitude >= 10  ? 2
			 : magnitude >= 0.1 ? 3
					    : 5,
			 value);
	else
		snprintf(out, size, "%.3g", value);
}

double jm_report_per_unit(const struct jm_row *row, bool has_iterations)
{
	if (!has_iterations)
		return row->count ? 1e3 / (double)row->count : NAN;
	return row->energy_j != 0 ? row->energy_per_iteration_mj / row->energy_j : NAN;
}

void jm_report_heading(struct jm_buffer *out, bool is_colour, const char *format, ...)
{
	va_list args;

	jm_buffer_puts(out, is_colour ? "\033[1m" : "");
	va_start(args, format);
	jm_display_vtext(out, format, args);
	va_end(args);
	jm_buffer_puts(out, is_colour ? "\033[0m\n" : "\n");
}
