/* A sensor's response: how the power of the past makes up one reading. Found by calibration, stored per device, driver
 * and field.
 *
 *   reading(t) = offset + gain * integral over u >= 0 of h(u) * power(t - lag - u) + noise,   integral of h = 1
 *
 * BOX: h = 1/box on [0, box). RC: h = exp(-u/tau)/tau. RC_BOX: both, one after the other. RAMP: a box of about one
 * second, what NVML's `average` shows; no layer can be told from it. */
#ifndef ATTRIBUTION_RESPONSE_H
#define ATTRIBUTION_RESPONSE_H

#include "joulemap/joulemap.h"

#define JM_RESPONSE_LIST(X)                                                                                            \
	X(UNKNOWN, "unknown") X(BOX, "boxcar") X(RC, "RC") X(RC_BOX, "RC x boxcar") X(RAMP, "1 s ramp")
#define JM_ENUM(name, text) JM_RESPONSE_##name,
enum jm_response_family { JM_RESPONSE_LIST(JM_ENUM) };
#undef JM_ENUM

struct jm_response {
	enum jm_response_family family;      /* UNKNOWN: never calibrated, the rest means nothing */
	double lag_s, box_s, tau_s;          /* s; tau 0: no low-pass, box 0: no box */
	double lag_sd_s, box_sd_s, tau_sd_s; /* standard deviations of the three, s */
	double period_s,
	    clock_sd_s;           /* update period and how far an update strays from the regular clock, s; 0: unknown */
	double noise_w;           /* sd of a reading on a steady load, W; 0: unknown */
	double residual_fraction; /* hold-out residual / swing of the calibration load; 0: unknown */
	double step_w;            /* quantum, W; 0: unknown */
	bool is_lag_anchored;     /* lag known absolutely, not only modulo something */
};

/* The word for a family in recordings and messages, and back. Errors: JM_E_INVALID: no such word. */
const char *jm_response_text(enum jm_response_family family);
int jm_response_parse(const char *text, enum jm_response_family *out);

#endif
