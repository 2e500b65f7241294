/* Sets of stretches of time: sorted, not overlapping. */
#ifndef ATTRIBUTION_STRETCH_H
#define ATTRIBUTION_STRETCH_H

#include "attribution/attribution.h"

struct jm_stretches {
	struct jm_stretch *items;
	size_t n, capacity;
};

/* Frees the items; s itself is the caller's. */
void jm_stretches_finish(struct jm_stretches *s);
/* Appends, empty ones left out. Errors: JM_E_NOMEM. */
int jm_stretches_add(struct jm_stretches *s, int64_t start_ns, int64_t end_ns);
/* Sorts by start. */
void jm_stretches_sort(struct jm_stretches *s);
/* Sorts and joins what touches or overlaps. */
void jm_stretches_merge(struct jm_stretches *s);
/* Appends to out the parts of a that lie in b (inside) or outside b. Both merged; so is out then. Errors: JM_E_NOMEM. */
int jm_stretches_and(const struct jm_stretches *a, const struct jm_stretches *b, struct jm_stretches *out);
int jm_stretches_minus(const struct jm_stretches *a, const struct jm_stretches *b, struct jm_stretches *out);
/* Total length, s. */
double jm_stretches_seconds(const struct jm_stretches *s);
/* Energy of a series over all of them, J; *seen_s_out (may be NULL): seconds with readings. */
double jm_stretches_energy(const struct jm_stretches *s, const struct jm_series *series, double *seen_s_out);

#endif
