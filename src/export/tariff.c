#include "export/tariff.h"

#include "core/display.h"
#include "core/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define J_PER_KWH 3.6e6

static int parse_carbon(const char *text, struct jm_tariff *t, struct jm_error *err)
{
	if (jm_text_double(text, strlen(text), &t->carbon_g_per_kwh) || t->carbon_g_per_kwh < 0) {
		jm_error_set(err, JM_E_INVALID, "'%s' is no carbon intensity", text);
		jm_error_remedy(err, "grams of CO2 equivalent a kilowatt-hour, such as 420");
		return JM_E_INVALID;
	}
	t->has_carbon = true;
	return 0;
}

static int parse_price(const char *text, struct jm_tariff *t, struct jm_error *err)
{
	size_t n = strspn(text, "0123456789.");
	const char *currency = text + n + strspn(text + n, " ");

	if (jm_text_double(text, n, &t->price_per_kwh) || strlen(currency) >= sizeof(t->currency) ||
	    (*currency && strpbrk(currency, "0123456789.,+-"))) {
		jm_error_set(err, JM_E_INVALID, "'%s' is no price of a kilowatt-hour", text);
		jm_error_remedy(err, "a number and, if you like, a currency: 0.30 or 0.30EUR");
		return JM_E_INVALID;
	}
	snprintf(t->currency, sizeof(t->currency), "%s", currency);
	jm_display_neutralise(t->currency);
	t->has_price = true;
	return 0;
}

int jm_tariff_parse(const char *carbon, const char *price, struct jm_tariff *out, struct jm_error *err)
{
	struct jm_tariff t = {0};
	int rc = carbon ? parse_carbon(carbon, &t, err) : 0;

	if (rc == 0 && price)
		rc = parse_price(price, &t, err);
	if (rc == 0)
		*out = t;
	return rc;
}

double jm_tariff_carbon_g(const struct jm_tariff *t, double energy_j)
{
	return t->has_carbon ? energy_j / J_PER_KWH * t->carbon_g_per_kwh : NAN;
}

double jm_tariff_price(const struct jm_tariff *t, double energy_j)
{
	return t->has_price ? energy_j / J_PER_KWH * t->price_per_kwh : NAN;
}
