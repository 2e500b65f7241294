/* Forward model: what a sensor with a given response shows of regions that were active at given times.
 *
 *   a_r(t) = integral over u >= 0 of h(u) * [r active at t - lag - u] du
 *
 * C_r(t): time r was active before t; x_r(t): the same through the low-pass, x' = (active - x) / tau. Then, exactly,
 *   box:       a = (C(t) - C(t - W)) / W
 *   RC:        a = x(t)
 *   RC x box:  a = (C(t) - C(t - W) - tau * (x(t) - x(t - W))) / W       (integral of x is C - tau x)
 *   neither:   a = [r active at t]
 * x is kept as z(t) = x(t) * exp((t - ref) / tau), so that an execution [b, c] adds exp((c - ref) / tau) - exp((b - ref) / tau)
 * to its own region and nothing else has to move: the cost is O(segments) + O(readings * regions). */
#ifndef ATTRIBUTION_FORWARD_H
#define ATTRIBUTION_FORWARD_H

#include "joulemap/joulemap.h"

/* [start, end): region runs, with weight (1, or 1 / n where n share the time, or a wave form's value). Sorted by start and
 * by end. Times in s since any origin. */
struct jm_segment {
	double start_s, end_s;
	uint32_t region;
	float weight;
};

struct jm_kernel {
	double lag_s, box_s, tau_s;
};

/* One reading: power at time t; width > 0: it is a mean over that time (a counter's increment) instead of the kernel's
 * box. */
struct jm_model_reading {
	double t_s, width_s, power_w;
};

/* The part of a segment that an edge of the kernel cuts: 2 f (1 - f) times its length, f where. */
struct jm_cut {
	uint32_t region;
	double length_s; /* 0: no segment is cut */
};

struct jm_stream;

struct jm_forward {
	const struct jm_segment *segments;
	size_t n_segments, n_regions;
	const double *power;   /* NULL: rows of activities; else one value: the sum over regions of activity * power */
	const uint32_t *slots; /* with power: per segment, which of n_slots values it goes to; NULL: one value */
	size_t n_slots;
	struct jm_stream *head, *tail;
	struct jm_cut cut[2]; /* of the last row: where the kernel begins and ends; with a low-pass none at the end */
};

/* segments, power: borrowed. power: n_regions entries, or NULL. Errors: JM_E_NOMEM. */
int jm_forward_init(struct jm_forward *f, const struct jm_segment *segments, size_t n_segments, size_t n_regions,
		    const double *power);
/* The same with power, and several values a row: segment i goes to value slots[i] < n_slots. */
int jm_forward_init_slots(struct jm_forward *f, const struct jm_segment *segments, size_t n_segments,
			  const double *power, const uint32_t *slots, size_t n_slots);
void jm_forward_finish(struct jm_forward *f);
/* Gives the row of one reading: n_regions activities, or one value. Fast when readings come in order of time and the kernel
 * stays the same. */
void jm_forward_row(struct jm_forward *f, const struct jm_kernel *kernel, const struct jm_model_reading *reading,
		    double *row);
/* Predicts n readings for given powers: out[k] = sum a_r * (power_r - idle) + idle. Errors: JM_E_NOMEM. */
int jm_forward_predict(const struct jm_segment *segments, size_t n_segments, size_t n_regions, const double *power,
		       double idle_w, const struct jm_kernel *kernel, const struct jm_model_reading *readings, size_t n,
		       double *out);

#endif
