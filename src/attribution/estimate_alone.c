/* isolate: power of a layer alone times its time in place. */
#include "attribution/estimate.h"

#include <math.h>
#include <stdio.h>

void jm_estimate_alone(const struct jm_work *w, const struct jm_isolated *isolated, struct jm_part *parts)
{
	size_t l;

	for (l = 0; l < w->n_layers; l++) {
		double time_s = w->layers[l].time_s, sd = isolated->sd_w[l];

		parts[l].group = -1;
		if (isnan(isolated->power_w[l])) {
			parts[l].energy_j = parts[l].variance_j2 = NAN;
			parts[l].origin = JM_ORIGIN_UNIDENTIFIED;
			snprintf(parts[l].reason, sizeof(parts[l].reason),
				 "not run alone, or too short a block for the sensor");
			continue;
		}
		parts[l].energy_j = isolated->power_w[l] * time_s;
		parts[l].seen_s = time_s;
		parts[l].variance_j2 = NAN;
		if (!isnan(sd)) {
			parts[l].shared_j = isolated->shared_sd * parts[l].energy_j;
			parts[l].variance_j2 = sd * sd * time_s * time_s - parts[l].shared_j * parts[l].shared_j;
		}
		parts[l].resolvable = true;
		parts[l].origin = JM_ORIGIN_PRIOR;
		snprintf(parts[l].reason, sizeof(parts[l].reason), "%s",
			 isnan(sd)
			     ? "power of the layer alone times its time in place; no interval: its blocks do not tell "
			       "how far they stray"
			     : "power of the layer alone times its time in place; its interval does not know the "
			       "difference between the two");
	}
}
