#include "attribution/merge.h"

#include <math.h>
#include <string.h>

#define SMALL 0.01 /* of all energy: so much may stay known badly rather than be merged, */
#define MOST_KNOWN                                                                                                     \
	0.8 /* where this much is known layer by layer: else the readings tell little, and groups are safer */

static double relative_sd(double energy, double variance)
{
	return energy > 0 ? sqrt(fmax(0, variance)) / energy : (variance > 0 ? INFINITY : 0);
}

static double cross(const double *covariance, const double *time, size_t stride, const struct jm_group *a,
		    const struct jm_group *b)
{
	double sum = 0;
	size_t i, j;

	for (i = a->first; i < a->first + a->n; i++) {
		for (j = b->first; j < b->first + b->n; j++)
			sum += time[i] * time[j] * covariance[i * stride + j];
	}
	return sum;
}

static struct jm_group joined(const double *covariance, const double *time, size_t stride, const struct jm_group *a)
{
	struct jm_group g = a[0];

	g.is_small = false;
	g.n += a[1].n;
	g.energy += a[1].energy;
	g.variance += a[1].variance + 2 * cross(covariance, time, stride, &a[0], &a[1]);
	return g;
}

/* Says whether a group is left alone: too little to spoil what its neighbours are known to. spent: what was left alone. */
static bool is_too_small(const struct jm_group *groups, size_t n, size_t at, double target, double total, double *spent)
{
	const struct jm_group *left = at > 0 ? &groups[at - 1] : NULL, *right = at + 1 < n ? &groups[at + 1] : NULL;

	if (*spent + groups[at].energy > SMALL * total)
		return false;
	if ((left && (left->is_small || relative_sd(left->energy, left->variance) > target)) ||
	    (right && (right->is_small || relative_sd(right->energy, right->variance) > target)))
		return false;
	*spent += groups[at].energy;
	return true;
}

size_t jm_merge(const double *energy, const double *covariance, const double *time, size_t n, size_t stride,
		double target, struct jm_group *groups)
{
	size_t i, n_groups = n;
	double total = 0, known = 0, spent = 0;

	for (i = 0; i < n; i++) {
		groups[i] = (struct jm_group){i, 1, energy[i], time[i] * time[i] * covariance[i * stride + i], false};
		total += energy[i];
		known += relative_sd(energy[i], groups[i].variance) <= target ? energy[i] : 0;
	}
	while (n_groups > 1) {
		struct jm_group left = {0}, right = {0};
		size_t worst = 0, at;
		double worst_sd = -1, left_sd = INFINITY, right_sd = INFINITY;

		for (i = 0; i < n_groups; i++) {
			double sd = relative_sd(groups[i].energy, groups[i].variance);

			if (sd > worst_sd && !groups[i].is_small) {
				worst_sd = sd;
				worst = i;
			}
		}
		if (worst_sd <= target)
			break;
		if (known >= MOST_KNOWN * total && is_too_small(groups, n_groups, worst, target, total, &spent)) {
			groups[worst].is_small = true;
			continue;
		}
		if (worst > 0) {
			left = joined(covariance, time, stride, &groups[worst - 1]);
			left_sd = relative_sd(left.energy, left.variance);
		}
		if (worst + 1 < n_groups) {
			right = joined(covariance, time, stride, &groups[worst]);
			right_sd = relative_sd(right.energy, right.variance);
		}
		at = worst > 0 && (left_sd <= right_sd || worst + 1 == n_groups) ? worst - 1 : worst;
		groups[at] = at == worst ? right : left;
		n_groups--;
		memmove(&groups[at + 1], &groups[at + 2], (n_groups - at - 1) * sizeof(*groups));
	}
	return n_groups;
}
