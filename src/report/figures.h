/* Figures as texts, for tables. What is not known is "-". */
#ifndef REPORT_FIGURES_H
#define REPORT_FIGURES_H

#include "core/result.h"
#include "core/text.h"

/* "[1.2, 3.4]" in the given scale. */
void jm_report_bounds(struct jm_interval value, double scale, char *out, size_t size);
void jm_report_plain(double value, int decimals, char *out, size_t size);
/* Energies and powers span decades: as many decimals as make about four digits. */
void jm_report_four_digits(double value, char *out, size_t size);

/* Gives the factor from a row's energy_j to what tables show: mJ of one iteration, or of one execution where there are none.
 * NAN: unknown. */
double jm_report_per_unit(const struct jm_row *row, bool has_iterations);

/* Appends a line, neutralised; bold where is_colour. */
void jm_report_heading(struct jm_buffer *out, bool is_colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
