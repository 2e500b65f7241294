/* What energies come to in carbon and money, by the user's own figures. */
#ifndef COMPARE_AMOUNTS_H
#define COMPARE_AMOUNTS_H

#include "compare/compare.h"
#include "export/tariff.h"

/* Energies that are told in grams or money. */
struct jm_amount {
	enum jm_figure figure;
	const char *each, *ending; /* "item", or empty for the whole run; of keys: "_per_item" */
	double joules;             /* a unit of the figure */
};
#define JM_N_AMOUNTS 3
extern const struct jm_amount jm_amounts[JM_N_AMOUNTS];

/* The one that tables show: of items where any variant knows them, else of iterations, else of whole runs. */
const struct jm_amount *jm_amount_shown(const struct jm_comparison_data *c);

/* Grams or money of an energy in the figure's unit; NAN where it is unknown or nobody gave a figure. */
double jm_amount_of(const struct jm_tariff *t, const struct jm_amount *a, bool is_carbon, double value);

/* Writes "420 g CO2e/kWh" or "0.3 EUR/kWh". */
void jm_amount_rate(const struct jm_tariff *t, bool is_carbon, char *out, size_t size);

#endif
