/* Figures as texts, for tables. What is not known is "-". */
#ifndef REPORT_FIGURES_H
#define REPORT_FIGURES_H

#include "core/result.h"

/* "[1.2, 3.4]" in the given scale. */
void jm_report_bounds(struct jm_interval value, double scale, char *out, size_t size);
void jm_report_plain(double value, int decimals, char *out, size_t size);
/* Energies and powers span decades: as many decimals as make about four digits. */
void jm_report_four_digits(double value, char *out, size_t size);

#endif
