/* Spans to slices: who was running when.
 *
 * On one track a span that lies inside another takes its time from it (self time). Tracks that run at once share their
 * time in equal parts: a slice counts for 1 / (tracks at once). So the weighted slices never count a moment twice. */
#ifndef ATTRIBUTION_SLICES_H
#define ATTRIBUTION_SLICES_H

#include "attribution/stretch.h"

struct jm_slice {
	int64_t start_ns, end_ns;
	uint32_t name;
	uint32_t n_sharing; /* tracks that run at once: this one counts for 1 / n_sharing */
};

struct jm_slices {
	struct jm_slice *items; /* by start; only slices of different tracks overlap, and then they have equal ends */
	size_t n, capacity;
};

#define JM_TRACKS_AT_ONCE 256

/* Makes slices of spans (n, any order; end before start is left out). Errors: JM_E_NOMEM; JM_E_INVALID when more than
 * JM_TRACKS_AT_ONCE tracks run at once. out is zeroed before; yours: jm_slices_finish. */
int jm_slices_init(struct jm_slices *out, const struct jm_span *spans, size_t n, struct jm_error *err);
void jm_slices_finish(struct jm_slices *s);
/* Appends. Errors: JM_E_NOMEM. */
int jm_slices_add(struct jm_slices *s, struct jm_slice slice);
/* Cuts off what lies outside of windows (merged). Errors: JM_E_NOMEM. */
int jm_slices_clip(struct jm_slices *s, const struct jm_stretches *windows);
/* Appends the times covered by slices to out, and merges it. */
int jm_slices_cover(const struct jm_slices *s, struct jm_stretches *out);

static inline double jm_slice_seconds(const struct jm_slice *s)
{
	return (double)(s->end_ns - s->start_ns) * 1e-9 / (double)s->n_sharing;
}

#endif
