#include "attribution/merge.h"

#include <math.h>
#include <string.h>

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

	g.n += a[1].n;
	g.energy += a[1].energy;
	g.variance += a[1].variance + 2 * cross(covariance, time, stride, &a[0], &a[1]);
	return g;
}

size_t jm_merge(const double *energy, const double *covariance, const double *time, size_t n, size_t stride,
		double target, struct jm_group *groups)
{
	size_t i, n_groups = n;

	for (i = 0; i < n; i++)
		groups[i] = (struct jm_group){i, 1, energy[i], time[i] * time[i] * covariance[i * stride + i]};
	while (n_groups > 1) {
		struct jm_group left = {0}, right = {0};
		size_t worst = 0, at;
		double worst_sd = -1, left_sd = INFINITY, right_sd = INFINITY;

		for (i = 0; i < n_groups; i++) {
			double sd = relative_sd(groups[i].energy, groups[i].variance);

			if (sd > worst_sd) {
				worst_sd = sd;
				worst = i;
			}
		}
		if (worst_sd <= target)
			break;
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
