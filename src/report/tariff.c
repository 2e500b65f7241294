#include "report/tariff.h"

#include "core/display.h"
#include "report/table.h"

#include <math.h>
#include <stdio.h>

/* Four digits; sums of money are small here, and no currency has prefixes. */
static void money(double value, const char *currency, char *out, size_t size)
{
	const char *space = *currency ? " " : "";

	if (fabs(value) >= 1e-3 && fabs(value) < 1e6)
		snprintf(out, size, "%.*f%s%s",
			 fabs(value) >= 10    ? 2
			 : fabs(value) >= 0.1 ? 4
					      : 6,
			 value, space, currency);
	else
		snprintf(out, size, "%.4g%s%s", value, space, currency);
}

/* "12.34 mg" or "0.0012 EUR". */
static void amount(const struct jm_view *view, bool is_carbon, double energy_j, char *out, size_t size)
{
	if (is_carbon)
		jm_report_quantity(jm_tariff_carbon_g(&view->tariff, energy_j), "g", out, size);
	else
		money(jm_tariff_price(&view->tariff, energy_j), view->tariff.currency, out, size);
}

static void line(const struct jm_result *r, const struct jm_view *view, const struct jm_channel_result *c,
		 bool is_carbon, struct jm_buffer *out)
{
	const struct jm_tariff *t = &view->tariff;
	uint64_t n = r->run.iterations;
	char all[64], low[64], high[64], each[64], rate[64];

	amount(view, is_carbon, c->energy_j, all, sizeof(all));
	if (is_carbon)
		snprintf(rate, sizeof(rate), "%.10g g/kWh", t->carbon_g_per_kwh);
	else
		snprintf(rate, sizeof(rate), "%.10g%s%s/kWh", t->price_per_kwh, *t->currency ? " " : "", t->currency);
	jm_display_text(out, "%-10s  %s: %s%s", is_carbon ? "carbon" : "price", c->channel->name, all,
			is_carbon ? " CO2e" : "");
	if (isfinite(c->energy_ci_j.low) && isfinite(c->energy_ci_j.high)) {
		amount(view, is_carbon, c->energy_ci_j.low, low, sizeof(low));
		amount(view, is_carbon, c->energy_ci_j.high, high, sizeof(high));
		jm_display_text(out, " [%s, %s]", low, high);
	}
	if (n > 0) {
		amount(view, is_carbon, c->energy_j / (double)n, each, sizeof(each));
		jm_display_text(out, ", %s an iteration", each);
	}
	jm_display_line(out, "; at %s, your figure%s", rate,
			c->channel->state == JM_STATE_ESTIMATED ? ", and estimated energy" : "");
}

void jm_report_tariff(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out)
{
	size_t i;

	for (i = 0; i < r->n_channels; i++) {
		const struct jm_channel_result *c = &r->channels[i];

		if (c->channel->same_as >= 0 || !isfinite(c->energy_j) || !jm_result_is_outermost(r, c))
			continue;
		if (view->tariff.has_carbon)
			line(r, view, c, true, out);
		if (view->tariff.has_price)
			line(r, view, c, false, out);
	}
}
