/* One plain line a variant. */
#include "compare/compare.h"
#include "compare/write.h"

#include <math.h>
#include <string.h>

#define READINGS_MIN 10

enum jm_figure jm_comparison_energy_figure(const struct jm_variant *v)
{
	return isfinite(v->mean[JM_FIGURE_ENERGY_ITEM])        ? JM_FIGURE_ENERGY_ITEM
	       : isfinite(v->mean[JM_FIGURE_ENERGY_ITERATION]) ? JM_FIGURE_ENERGY_ITERATION
							       : JM_FIGURE_ENERGY;
}

static bool has_interval(const struct jm_against *a)
{
	return isfinite(a->ci.low) && isfinite(a->ci.high);
}

static void bounds(const struct jm_against *a, double factor, struct jm_buffer *out)
{
	if (has_interval(a))
		jm_buffer_printf(out, " [%.*f, %.*f]", factor > 1 ? 1 : 2, factor * a->ci.low, factor > 1 ? 1 : 2,
				 factor * a->ci.high);
}

/* " [0.58, 0.64]" of a ratio. */
static void ratio_bounds(const struct jm_against *a, struct jm_buffer *out)
{
	char low[16], high[16];

	jm_compare_ratio_text(a->ci.low, low, sizeof(low));
	jm_compare_ratio_text(a->ci.high, high, sizeof(high));
	if (has_interval(a))
		jm_buffer_printf(out, " [%s, %s]", low, high);
}

/* A run knows how it strays inside, not from run to run. */
static void caveat(const struct jm_against *a, struct jm_buffer *out)
{
	if (a->basis == JM_BASIS_BLOCKS)
		jm_buffer_puts(
		    out,
		    " inside these two runs (from run to run it may stray further: give several recordings of each)");
}

static bool has_readings(const struct jm_variant *v)
{
	size_t i;

	for (i = 0; i < v->n_trials; i++)
		if (v->trials[i]->values[JM_FIGURE_READINGS] < READINGS_MIN)
			return false;
	return true;
}

/* Why nothing is said of the energy, or NULL. */
static const char *no_verdict(const struct jm_variant *first, const struct jm_variant *v, const struct jm_against *a)
{
	if (v->is_simulated == 1 || first->is_simulated == 1)
		return "simulated integers are computed as floating point: this tells accuracy, not energy";
	if (!isfinite(a->value))
		return a->why;
	return has_readings(first) && has_readings(v) ? NULL : "too few readings";
}

static void say_energy(const struct jm_variant *first, const struct jm_variant *v, struct jm_buffer *out)
{
	enum jm_figure f = jm_comparison_energy_figure(v);
	const struct jm_against *a = &v->against[f];
	const char *why = no_verdict(first, v, a);
	const char *each = f == JM_FIGURE_ENERGY_ITEM        ? " per item"
			   : f == JM_FIGURE_ENERGY_ITERATION ? " per iteration"
							     : "";
	char ratio[16];

	if (why) {
		jm_buffer_printf(out, "%s: no verdict on energy (%s)", v->name, why);
		return;
	}
	jm_compare_ratio_text(a->value, ratio, sizeof(ratio));
	if (v->state == JM_STATE_ESTIMATED) {
		jm_buffer_printf(
		    out,
		    "%s: no verdict on energy (it is estimated from processor use, not measured: %s× that of "
		    "%s%s by the estimate)",
		    v->name, ratio, first->name, each);
		return;
	}
	if (a->p < 0.05)
		jm_buffer_printf(out, "%s uses %s× the energy of %s%s", v->name, ratio, first->name, each);
	else if (has_interval(a))
		jm_buffer_printf(out, "%s: no difference shown in energy%s: %s× that of %s", v->name, each, ratio,
				 first->name);
	else
		jm_buffer_printf(
		    out,
		    "%s used %s× the energy of %s%s in these runs, which is no verdict: one recording each has "
		    "no interval here",
		    v->name, ratio, first->name, each);
	ratio_bounds(a, out);
	caveat(a, out);
}

static void say_latency(const struct jm_variant *v, struct jm_buffer *out)
{
	const struct jm_against *a = &v->against[JM_FIGURE_LATENCY];

	char ratio[16];

	if (!isfinite(a->value))
		return;
	jm_compare_ratio_text(a->value, ratio, sizeof(ratio));
	if (a->p >= 0.05)
		jm_buffer_printf(out, "; no difference shown in latency: %s×", ratio);
	else
		jm_buffer_printf(out, "; latency %s×", ratio);
	ratio_bounds(a, out);
	caveat(a, out);
}

/* A difference of nought is shown as what it is; one that the items cannot tell from chance is said to be that. */
static void say_score(const struct jm_variant *first, const struct jm_variant *v, struct jm_buffer *out)
{
	const struct jm_against *a = &v->against[JM_FIGURE_SCORE];
	const char *name = first->trials[0]->score.name;

	if (!isfinite(a->value))
		return;
	jm_buffer_puts(out, "; ");
	if (a->p >= 0.05)
		jm_buffer_printf(out, "no difference shown in %s: ", name);
	else
		jm_buffer_printf(out, "%s ", name);
	if (strcmp(name, "accuracy") == 0) {
		jm_buffer_printf(out, "%+.1f points", 100 * a->value + 0.0);
		bounds(a, 100, out);
	} else if (strcmp(name, "perplexity") == 0) {
		jm_buffer_printf(out, "%.3f×", a->value);
		bounds(a, 1, out);
	} else {
		jm_buffer_printf(out, "%+.4g", a->value);
	}
}

void jm_comparison_verdict(const struct jm_variant *first, const struct jm_variant *v, struct jm_buffer *out)
{
	say_energy(first, v, out);
	say_latency(v, out);
	say_score(first, v, out);
	jm_buffer_puts(out, "\n");
}
