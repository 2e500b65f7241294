/* From the fit to the layers' parts. Inside attribution/ only. */
#ifndef ATTRIBUTION_ESTIMATE_PARTS_H
#define ATTRIBUTION_ESTIMATE_PARTS_H

#include "attribution/estimate.h"
#include "attribution/estimate_input.h"

/* Fills parts (n_layers of w) and levels->groups, which stays the caller's also after an error. Fused, layers known well enough
 * stand; else those that are not are merged with neighbours, and only their sum stands. seen_fraction: of the layers' time,
 * what has readings. Errors: JM_E_NOMEM. */
int jm_estimate_parts(const struct jm_work *w, const struct jm_estimate *e, const struct jm_estimate_input *in,
		      bool is_fused, double seen_fraction, struct jm_part *parts, struct jm_levels *levels);

#endif
