/* Merging: neighbouring layers are joined until every group's energy is known well enough. Errors of neighbours are strongly
 * and negatively correlated (a reading cannot tell which of the two it saw), so a group is far better known than its
 * members. */
#ifndef ATTRIBUTION_MERGE_H
#define ATTRIBUTION_MERGE_H

#include "joulemap/joulemap.h"

struct jm_group {
	size_t first, n; /* layers first .. first + n - 1, in order of execution */
	double energy, variance;
};

/* energy: n entries; covariance: of power, n x n; time: n entries, energy = power * time. Merges the worst group with the
 * neighbour that leaves the smaller relative sd, until all are at most target or one is left.
 * groups: room for n. Gives the number of groups. Cost: O(n^2). */
size_t jm_merge(const double *energy, const double *covariance, const double *time, size_t n, size_t stride,
		double target, struct jm_group *groups);

#endif
