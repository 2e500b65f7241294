/* regress, isolate and fused for one channel: from spans and readings to the fit, and from the fit to parts. Inside
 * attribution/ only. */
#ifndef ATTRIBUTION_ESTIMATE_H
#define ATTRIBUTION_ESTIMATE_H

#include "attribution/fit.h"
#include "attribution/merge.h"
#include "attribution/work.h"

/* Power of layers run alone. */
struct jm_isolated {
	double *power_w; /* n_layers; NAN: not run alone, or no reading inside */
	double *sd_w;    /* sd of the level */
	size_t n_known;
};

/* One estimate; kept while rows are made. */
struct jm_estimate {
	struct jm_fit fit;
	struct jm_kernel kernel;
	double bare_w, bare_sd_w;  /* inside iterations, outside of layers */
	double expected_w, gate_w; /* residual that noise allows, and the limit */
	double shortest_s;         /* layer that could be known to the target, by the resolution rule */
	bool is_lag_known, is_dithered, is_misfit;
	size_t n_readings;
};

/* The response to work with: calibrated, else as the channel declares, else found in the readings (needs_search). */
struct jm_response jm_estimate_response(const struct jm_work *w, size_t c, bool *needs_search);

int jm_isolated_init(struct jm_isolated *out, const struct jm_work *w, size_t c, struct jm_error *err);
void jm_isolated_finish(struct jm_isolated *i);

/* Fills parts (n_layers) and levels. method: REGRESS, ISOLATE or FUSED. Never fails for want of information: then parts have
 * no figure and say why. Errors: JM_E_NOMEM. */
int jm_method_estimate(struct jm_work *w, size_t c, enum jm_method method, struct jm_part *parts,
		       struct jm_levels *levels, struct jm_error *err);

#endif
