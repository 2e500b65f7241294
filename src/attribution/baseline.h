/* The idle level of a channel: measured in a quiet stretch, given by the user, or bracketed by two stretches. */
#ifndef ATTRIBUTION_BASELINE_H
#define ATTRIBUTION_BASELINE_H

#include "attribution/series.h"

struct jm_baseline {
	bool is_known;
	double power_w, sd_w; /* level and standard deviation of the level (not of single readings), W */
	double seconds;       /* how long it was seen, s; 0: given */
};

/* Measures the mean power of series over [from_ns, to_ns). sd_w: from the spread of the means of ten equal blocks, which
 * drift and slow noise do not fool as they fool readings / sqrt(n).
 * Errors: JM_E_NOT_FOUND when less than half of the stretch has readings. */
int jm_baseline_measure(const struct jm_series *series, int64_t from_ns, int64_t to_ns, struct jm_baseline *out,
			struct jm_error *err);

/* Joins the levels before and after a run: their mean; half of their difference goes into the standard deviation, since
 * nobody knows on which way the level drifted from one to the other. One unknown: gives the other. */
struct jm_baseline jm_baseline_bracket(const struct jm_baseline *before, const struct jm_baseline *after);

#endif
