/* From the fit to the layers' parts: figures, what they are worth, and groups of which only the sum is known. */
#include "attribution/estimate_parts.h"

#include "joulemap/joulemap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define FUSED_LIMIT     0.25 /* relative sd above which a fused figure is none */
#define PRIOR_DOMINATED 0.9  /* of the prior's sd: a figure known no better is the prior */

static void say_merged(const struct jm_work *w, const struct jm_group *g, struct jm_part *p)
{
	if (g->n == 1) {
		snprintf(p->reason, sizeof(p->reason), "known within %.0f %% only: see groups",
			 100 * sqrt(g->variance) / g->energy);
		return;
	}
	snprintf(p->reason, sizeof(p->reason), "only the sum of %zu layers, %.40s to %.40s, is known: see groups", g->n,
		 w->layers[g->first].text, w->layers[g->first + g->n - 1].text);
}

/* Covariance of the layers' powers, ties expanded. */
static double *layer_covariance(const struct jm_work *w, const struct jm_estimate *e,
				const struct jm_estimate_input *in)
{
	double *out = malloc((w->n_layers * w->n_layers + 1) * sizeof(*out));
	size_t i, j;

	for (i = 0; out && i < w->n_layers; i++) {
		for (j = 0; j < w->n_layers; j++)
			out[i * w->n_layers + j] =
			    e->fit.covariance[in->fitted_of_layer[i] * e->fit.n_layers + in->fitted_of_layer[j]];
	}
	return out;
}

static enum jm_origin origin_of(const struct jm_estimate *e, const struct jm_estimate_input *in, size_t fitted)
{
	double sd = sqrt(e->fit.covariance[fitted * (e->fit.n_layers + 1)]);

	if (sd > PRIOR_DOMINATED * e->fit.prior_sd_w[fitted])
		return JM_ORIGIN_PRIOR;
	return in->has_ties ? JM_ORIGIN_TIED : JM_ORIGIN_IDENTIFIED;
}

/* Identical layers have one power, so that its error is common to them; by how much each still strays from it the fit cannot
 * know: alone, identical ones of a network were within 0.4 to 1.5 % (sd; DistilBERT on an H200, docs/distilbert.md). */
static void tie_error(const struct jm_work *w, const struct jm_estimate_input *in, size_t l, struct jm_part *part)
{
	size_t k, n = 0;
	double own_j = JM_TIED_SD * part->energy_j;

	for (k = 0; k < w->n_layers; k++)
		n += in->fitted_of_layer[k] == in->fitted_of_layer[l];
	if (n < 2)
		return;
	part->shared_j = sqrt(part->shared_j * part->shared_j + part->variance_j2);
	part->variance_j2 = own_j * own_j;
}

/* What the fit says of each layer, for itself. covariance: of the layers' powers; energies_j, times_s: n_layers. */
static void fill_figures(const struct jm_work *w, const struct jm_estimate *e, const struct jm_estimate_input *in,
			 const double *covariance, double seen_fraction, double *energies_j, double *times_s,
			 struct jm_part *parts)
{
	size_t l, n = w->n_layers;

	for (l = 0; l < n; l++) {
		size_t f = in->fitted_of_layer[l];

		times_s[l] = w->layers[l].time_s * seen_fraction;
		energies_j[l] = e->fit.power_w[f] * times_s[l];
		parts[l].energy_j = energies_j[l];
		parts[l].seen_s = times_s[l];
		parts[l].variance_j2 = times_s[l] * times_s[l] * covariance[l * n + l];
		parts[l].shared_j = hypot(e->straying, e->context) * energies_j[l];
		if (in->has_ties)
			tie_error(w, in, l, &parts[l]);
		parts[l].resolvable = true;
		parts[l].origin = origin_of(e, in, f);
		parts[l].group = -1;
	}
}

/* Fused, a figure that is mostly prior still means something, and says so. */
static void judge_fused(const struct jm_estimate_input *in, struct jm_part *parts, size_t n)
{
	size_t l;

	for (l = 0; l < n; l++) {
		struct jm_part *p = &parts[l];
		double sd = sqrt(p->variance_j2 + (in->has_ties ? p->shared_j * p->shared_j : 0));

		p->resolvable = !(sd > FUSED_LIMIT * p->energy_j) || p->seen_s == 0;
		if (!p->resolvable)
			snprintf(p->reason, sizeof(p->reason), "known within %.0f %% only", 100 * sd / p->energy_j);
		else if (p->origin == JM_ORIGIN_PRIOR)
			snprintf(p->reason, sizeof(p->reason),
				 "mostly what it drew alone: the readings in place add little");
	}
}

/* Passive, it means nothing: what is not known well enough is merged with neighbours, and only their sum stands.
 * groups: room for n_layers; levels->groups likewise. */
static void merge_passive(const struct jm_work *w, const double *covariance, const double *energies_j,
			  const double *times_s, double target, struct jm_group *groups, struct jm_part *parts,
			  struct jm_levels *levels)
{
	size_t l, g, n_groups = jm_merge(energies_j, covariance, times_s, w->n_layers, w->n_layers, target, groups);

	for (g = 0; g < n_groups; g++) {
		if (groups[g].n == 1 && !(groups[g].energy > 0 && sqrt(groups[g].variance) > target * groups[g].energy))
			continue;
		for (l = groups[g].first; l < groups[g].first + groups[g].n; l++) {
			parts[l].energy_j = parts[l].variance_j2 = NAN;
			parts[l].resolvable = false;
			parts[l].origin = JM_ORIGIN_MERGED;
			parts[l].group = (int)levels->n_groups;
			say_merged(w, &groups[g], &parts[l]);
		}
		levels->groups[levels->n_groups++] =
		    (struct jm_part_group){groups[g].first, groups[g].n, groups[g].energy, groups[g].variance};
	}
}

int jm_estimate_parts(const struct jm_work *w, const struct jm_estimate *e, const struct jm_estimate_input *in,
		      bool is_fused, double seen_fraction, struct jm_part *parts, struct jm_levels *levels)
{
	size_t n = w->n_layers;
	double *covariance = layer_covariance(w, e, in), *energies_j = calloc(2 * n + 1, sizeof(*energies_j));
	struct jm_group *groups = calloc(n + 1, sizeof(*groups));
	int code = JM_E_NOMEM;

	levels->groups = calloc(n + 1, sizeof(*levels->groups));
	if (covariance && energies_j && groups && levels->groups) {
		double *times_s = energies_j + n;

		fill_figures(w, e, in, covariance, seen_fraction, energies_j, times_s, parts);
		if (is_fused)
			judge_fused(in, parts, n);
		else
			merge_passive(w, covariance, energies_j, times_s, e->target, groups, parts, levels);
		code = 0;
	}
	free(covariance);
	free(energies_j);
	free(groups);
	return code;
}
