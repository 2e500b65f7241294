/* Layout: from layers timed under a profiler to where they ran while nobody profiled.
 *
 * A profiler stretches an iteration from U to P. What it leaves is, for the k-th run of a layer in an iteration, the mean
 * part of the iteration it took, f = sum of durations / sum of P, and where it began, o = mean of (start - iteration
 * start) / P. In an unprofiled iteration of length D the layer is put at o * D for f * D, in order of o, never
 * overlapping: later ones are pushed back, and the whole is pushed forward again where it would leave the iteration.
 * Assumption: the profiler stretches all parts alike. When it is wrong: the profiler's cost is per layer, so many short
 * layers come out too long against few long ones; the distortion P / U says how far to trust it. */
#ifndef ATTRIBUTION_LAYOUT_H
#define ATTRIBUTION_LAYOUT_H

#include "attribution/slices.h"

struct jm_slot {
	uint32_t name;
	uint32_t run;            /* the how many-th run of that layer in an iteration */
	double offset, fraction; /* of the iteration: start and length */
	uint64_t n;              /* times seen */
};

struct jm_layout {
	struct jm_slot *slots; /* in order of time, not overlapping, inside [0, 1] */
	size_t n_slots, capacity;
	size_t n_iterations; /* profiled ones it was made of */
};

/* Makes a layout of profiled slices (by start) and the profiled iterations they lie in (sorted, not overlapping). n_names: size of the name
 * table. Errors: JM_E_NOMEM. No slice in any iteration: success with no slots. */
int jm_layout_init(struct jm_layout *out, const struct jm_slices *slices, const struct jm_stretches *iterations,
		   size_t n_names);
void jm_layout_finish(struct jm_layout *l);
/* Appends the slices of one unprofiled iteration. Errors: JM_E_NOMEM. */
int jm_layout_place(const struct jm_layout *l, int64_t start_ns, int64_t end_ns, struct jm_slices *out);

#endif
