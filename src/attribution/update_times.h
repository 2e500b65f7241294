/* When a sensor updated, from readings faster than its updates: each update lies between the last old reading and the first
 * new one, and all of them on the sensor's own clock. */
#ifndef ATTRIBUTION_UPDATE_TIMES_H
#define ATTRIBUTION_UPDATE_TIMES_H

#include <stdbool.h>
#include <stddef.h>

struct jm_update_clock {
	bool is_regular; /* the updates follow a clock; else t holds the middles */
	double period_s; /* regular: of the clock; else NAN */
	double
	    jitter_s;   /* sd of an update about the clock; not regular: of a middle about its update, from the width */
	double slack_s; /* how far all updates could be moved together */
};

/* Fits the clock block by block (a crystal drifts). Update i happened in (after_s[i], before_s[i]], increasing; t_s: n
 * entries, where the clock puts each, never outside its bracket. Fewer than five updates are not regular.
 * Errors: JM_E_NOMEM. */
int jm_update_times(const double *after_s, const double *before_s, size_t n, double *t_s, struct jm_update_clock *out);

#endif
