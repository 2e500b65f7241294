/* When a sensor updated, from readings faster than its updates: each update lies between the last old reading and the first
 * new one, and all of them on the sensor's own clock. */
#ifndef ATTRIBUTION_UPDATE_TIMES_H
#define ATTRIBUTION_UPDATE_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Takes single late stamps out of the times of a device that stamps its readings itself. Where a stamp lies after the median of
 * where it and its two neighbours on either side put it, one period apart, it becomes that median; one that lies before stays, as
 * does a step of the clock. Measured on an H200 (docs/calibration.md): what an entry stamped up to a quarter of a period late
 * shows was measured in time, what one stamped early shows was measured early, and what one stamped later still shows was
 * measured somewhere between. unsure: n entries, true for the last kind; or NULL. t_ns: n entries, increasing; period_ns > 0. */
void jm_unlate_times(int64_t *t_ns, size_t n, int64_t period_ns, bool *unsure);

#endif
