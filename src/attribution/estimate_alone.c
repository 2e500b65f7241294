/* isolate: power of a layer alone times its time in place. And what is left where layers cannot be told: their sum. */
#include "attribution/estimate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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
		snprintf(
		    parts[l].reason, sizeof(parts[l].reason), "%s",
		    isolated->n_blocks[l] == 0
			? "power of an identical layer alone times its time in place; its interval does not know the "
			  "difference between alone and in place"
		    : isnan(sd)
			? "power of the layer alone times its time in place; no interval: its blocks do not tell "
			  "how far they stray"
			: "power of the layer alone times its time in place; its interval does not know the "
			  "difference between the two");
	}
}

int jm_estimate_sum(const struct jm_work *w, size_t c, struct jm_part *parts, struct jm_levels *levels)
{
	struct jm_levels rests = {0};
	double seen_s, busy_j, covered_s = 0, variance = 0;
	size_t l, i;

	if (jm_work_busy_energy(w, c, &rests, &busy_j, &seen_s) < 0)
		return JM_E_NOMEM;
	levels->is_known = rests.is_known;
	levels->idle_j = rests.idle_j;
	levels->bare_j = rests.bare_j;
	for (l = 0; l < w->n_layers; l++) {
		covered_s += w->layers[l].time_s;
		parts[l].group = 0;
	}
	levels->groups = calloc(1, sizeof(*levels->groups));
	if (!levels->groups)
		return JM_E_NOMEM;
	for (i = 0; i < w->windows.n; i++)
		variance += jm_series_variance(&w->series[c], w->windows.items[i].start_ns, w->windows.items[i].end_ns);
	levels->n_groups = w->n_layers > 0;
	levels->groups[0] =
	    (struct jm_part_group){0, w->n_layers, w->busy_s > 0 ? busy_j * covered_s / w->busy_s : 0, variance};
	return 0;
}
