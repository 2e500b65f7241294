/* Calibration maths: a sensor's clock and response from what it showed of a known load. The playing of the load is not here. */
#ifndef ATTRIBUTION_CALIBRATE_H
#define ATTRIBUTION_CALIBRATE_H

#include "attribution/fit.h"
#include "attribution/response.h"

/* A sensor's own clock: updates at t0 + k * period. */
struct jm_sensor_clock {
	double t0_s, period_s;
	double slack_s;   /* how far all updates could be moved together; negative: some update is off by that much */
	size_t n_outside; /* updates that fit no regular clock with the brackets given */
};

/* Fits the clock. Update i happened in (after[i], before[i]] (last old reading, first new one), times in s, increasing.
 * Maximises the slack over the period, as a linear programme in (t0, period) would. Gives the regular times in out_s (n
 * entries, may be NULL), the middle of what is possible. Errors: JM_E_UNIDENTIFIABLE with fewer than five updates. */
int jm_sensor_clock_fit(const double *after_s, const double *before_s, size_t n, struct jm_sensor_clock *out,
			double *out_s);

/* One candidate of a search. */
struct jm_calibration_score {
	enum jm_response_family family;
	struct jm_kernel kernel;
	double residual_w, hold_out_w;
};

/* Finds family, lag, box and tau from regions of unknown level (in: segments, regions, readings as for jm_fit; priors
 * ignored), each region a level of its own and the rest idle. Chooses the family by five-fold hold-out; out: sd from the
 * curvature of the residual, noise, residual fraction. scores: best of each family in the order BOX, RC, RC_BOX, RAMP (4
 * entries), or NULL. Errors: JM_E_UNIDENTIFIABLE, JM_E_NOMEM. */
int jm_calibrate_search(const struct jm_fit_input *in, struct jm_response *out, struct jm_calibration_score *scores);

/* The same from blocks of layers run alone, in which one level holds far longer than the response: the edges between them
 * tell the lag absolutely, so all layers keep a level of their own. known: a response whose family, box and tau are held,
 * with only the lag searched (family UNKNOWN: all are). */
int jm_calibrate_blocks(const struct jm_fit_input *in, const struct jm_response *known, struct jm_response *out);

/* The same where the load's wave form is known (an external meter): segments carry its power as weight, region 0; gain and
 * offset are fitted. gain_out, offset_out may be NULL. */
int jm_calibrate_waveform(const struct jm_segment *segments, size_t n_segments, const struct jm_model_reading *readings,
			  size_t n_readings, struct jm_response *out, struct jm_calibration_score *scores,
			  double *gain_out, double *offset_out);

#endif
