/* regress, isolate and fused for one channel: from spans and readings to the fit, and from the fit to parts. Inside
 * attribution/ only. */
#ifndef ATTRIBUTION_ESTIMATE_H
#define ATTRIBUTION_ESTIMATE_H

#include "attribution/fit.h"
#include "attribution/isolate.h"
#include "attribution/merge.h"

/* One estimate; kept while rows are made. */
struct jm_estimate {
	struct jm_fit fit;
	struct jm_kernel kernel;
	double target; /* relative sd to which a layer is to be known */
	double expected_w, gate_w; /* residual that noise allows, and the limit */
	double straying; /* relative sd by which the power strays from one iteration to the next, in all layers alike */
	double context;  /* relative sd by which a layer draws another power in another state of the device */
	double phase_w;  /* of a residual above it: the part that depends on the phase within the iteration */
	double shortest_s; /* layer that could be known to the target, by the resolution rule */
	bool is_lag_known, is_dithered, is_misfit;
	bool is_class_shared; /* all layers share one factor, since types cannot be told */
	bool is_straying;     /* the residual is above the gate, but the power's and not the model's: see gate.h */
	double unseen_s;      /* sd of the time of all updates together, where they cannot be seen: consider.h */
	size_t n_readings;
};

/* The response to work with: calibrated, else as the channel declares, else found in the readings (needs_search). */
struct jm_response jm_estimate_response(const struct jm_work *w, size_t c, bool *needs_search);

/* Fills parts from layers run alone: power alone times time in place. */
void jm_estimate_alone(const struct jm_work *w, const struct jm_isolated *isolated, struct jm_part *parts);

/* Leaves one group of all layers: what the channel saw inside iterations, with the rests' level taken through the response where that
 * is known. levels->reason stays. Errors: JM_E_NOMEM. */
int jm_estimate_sum(const struct jm_work *w, size_t c, struct jm_part *parts, struct jm_levels *levels);

/* Fills parts (n_layers) and levels. method: REGRESS, ISOLATE or FUSED. Never fails for want of information: then parts have
 * no figure and say why. Errors: JM_E_NOMEM. */
int jm_method_estimate(struct jm_work *w, size_t c, enum jm_method method, struct jm_part *parts,
		       struct jm_levels *levels, struct jm_error *err);

#endif
