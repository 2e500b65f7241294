#include "compare/amounts.h"

#include <math.h>
#include <stdio.h>

const struct jm_amount jm_amounts[JM_N_AMOUNTS] = {{JM_FIGURE_ENERGY_ITEM, "item", "_per_item", 1e-3},
						   {JM_FIGURE_ENERGY_ITERATION, "iteration", "_per_iteration", 1e-3},
						   {JM_FIGURE_ENERGY, "", "", 1}};

const struct jm_amount *jm_amount_shown(const struct jm_comparison_data *c)
{
	size_t k, i;

	for (k = 0; k + 1 < JM_N_AMOUNTS; k++)
		for (i = 0; i < c->n_variants; i++)
			if (isfinite(c->variants[i].mean[jm_amounts[k].figure]))
				return &jm_amounts[k];
	return &jm_amounts[JM_N_AMOUNTS - 1];
}

double jm_amount_of(const struct jm_tariff *t, const struct jm_amount *a, bool is_carbon, double value)
{
	double energy_j = value * a->joules;

	return is_carbon ? jm_tariff_carbon_g(t, energy_j) : jm_tariff_price(t, energy_j);
}

void jm_amount_rate(const struct jm_tariff *t, bool is_carbon, char *out, size_t size)
{
	if (is_carbon)
		snprintf(out, size, "%.10g g CO2e/kWh", t->carbon_g_per_kwh);
	else
		snprintf(out, size, "%.10g%s%s/kWh", t->price_per_kwh, t->currency[0] ? " " : "", t->currency);
}
