/* Merging: neighbouring layers are joined until every group's energy is known well enough. Errors of neighbours are strongly
 * and negatively correlated (a reading cannot tell which of the two it saw), so a group is far better known than its
 * members. */
#ifndef ATTRIBUTION_MERGE_H
#define ATTRIBUTION_MERGE_H

#include "joulemap/joulemap.h"

struct jm_group {
	size_t first, n; /* layers first .. first + n - 1, in order of execution */
	double energy, variance;
	bool is_small; /* left alone though it is not known to the target */
};

/* energy: n entries; covariance: of power, n x n; time: n entries, energy = power * time. Merges the worst group with the
 * neighbour that leaves the smaller relative sd, until all are at most target or one is left. Where most energy is known layer
 * by layer, one between known neighbours is left alone as long as all that is left alone is at most 1 % of the energy: a
 * launch-bound kernel must not hide a matrix product. groups: room for n. Gives the number of groups. Cost: O(n^2). */
size_t jm_merge(const double *energy, const double *covariance, const double *time, size_t n, size_t stride,
		double target, struct jm_group *groups);

#endif
