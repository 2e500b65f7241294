/* Tying two clocks together: a trace that says when a device was busy, and a power log that says when it drew power. */
#ifndef ATTRIBUTION_ALIGN_H
#define ATTRIBUTION_ALIGN_H

#include "attribution/series.h"

struct jm_alignment {
	int64_t offset_ns;     /* add to the trace's times to get the power log's */
	double correlation;    /* of busy fraction and power at that offset, -1 to 1 */
	double runner_up;      /* best correlation more than two bins and 2 % of the trace away: near the best = ambiguous */
	int64_t resolution_ns; /* the offset is no better than this */
};

/* Finds the offset at which power follows activity best: Pearson's correlation of the busy fraction and the power in equal
 * bins, over every offset at which the trace lies inside the log, first in coarse bins, then in finer ones around the best.
 * starts_ns, ends_ns: n busy stretches of the trace, in order of start; they may overlap. Wrong when the load is steady
 * or periodic and nothing else marks a time: runner_up shows it.
 * Errors: JM_E_UNIDENTIFIABLE when activity or power does not vary, or the log is shorter than the trace; JM_E_NOMEM. */
int jm_align(const struct jm_series *power, const int64_t *starts_ns, const int64_t *ends_ns, size_t n,
	     struct jm_alignment *out, struct jm_error *err);

#endif
