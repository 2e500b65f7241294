/* What a kilowatt-hour costs, in money and in carbon: figures of the user, never ours, and said to be so wherever they are used. */
#ifndef EXPORT_TARIFF_H
#define EXPORT_TARIFF_H

#include "joulemap/joulemap.h"

#define JM_CURRENCY_SIZE 24

struct jm_tariff {
	bool has_carbon, has_price;
	double carbon_g_per_kwh, price_per_kwh;
	char currency[JM_CURRENCY_SIZE]; /* empty: not said */
};

/* Reads "420" (g/kWh) and "0.30" or "0.30EUR" or "0.30 EUR" (per kWh); NULL: not given. Errors: JM_E_INVALID. */
int jm_tariff_parse(const char *carbon, const char *price, struct jm_tariff *out, struct jm_error *err);

/* Give what an energy means; NAN where it is not known or no figure was given. */
double jm_tariff_carbon_g(const struct jm_tariff *t, double energy_j);
double jm_tariff_price(const struct jm_tariff *t, double energy_j);

#endif
