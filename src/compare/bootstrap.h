/* Intervals and tests of ratios and differences, by resampling.
 *
 * What was measured in one round belongs together (the room, the clocks, a neighbour's load), so rounds are drawn, not
 * figures: the paired bootstrap. Drawing from few values makes intervals too narrow: by the factor sqrt((n - 1) / n), and because
 * the spread itself is uncertain. Both are put right here: deviations are multiplied by sqrt(n / (n - 1)) and by t / z, the
 * quantile of Student's t over that of the normal (Hesterberg, What Teachers Should Know About the Bootstrap, The American
 * Statistician 69 (2015), section 3.2, "narrowness bias", puts right the level instead; below five values there is none
 * to be had). tests/compare/test_bootstrap.c holds how many intervals contain the truth. */
#ifndef COMPARE_BOOTSTRAP_H
#define COMPARE_BOOTSTRAP_H

#include "core/result.h"

#define JM_BOOTSTRAP_RESAMPLES 4000

struct jm_bootstrap {
	double value;          /* ratio of the means b / a, or difference of the means b - a */
	struct jm_interval ci; /* 95 % */
	double p; /* of no difference (ratio 1, difference 0), two-sided; not below 1 / JM_BOOTSTRAP_RESAMPLES */
};

/* Ratio of mean(b) to mean(a), a[i] and b[i] of one round. n >= 2, all > 0. Errors: JM_E_INVALID, JM_E_NOMEM. */
int jm_bootstrap_paired_ratio(const double *a, const double *b, size_t n, uint64_t seed, struct jm_bootstrap *out);
/* The same where a and b have nothing in common. n_a, n_b >= 2. */
int jm_bootstrap_ratio(const double *a, size_t n_a, const double *b, size_t n_b, uint64_t seed,
		       struct jm_bootstrap *out);
/* Difference of mean(b) and mean(a), a[i] and b[i] of the same item. n >= 2, all finite. */
int jm_bootstrap_paired_difference(const double *a, const double *b, size_t n, uint64_t seed, struct jm_bootstrap *out);

#endif
