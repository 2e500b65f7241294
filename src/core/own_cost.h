/* What joulemap itself took: in every result in the same words, under the same key, in the same columns. */
#ifndef CORE_OWN_COST_H
#define CORE_OWN_COST_H

#include "core/text.h"

#include <math.h>

struct jm_own_cost {
	double cpu_s;                  /* processor time, all threads; NAN: unknown */
	double wall_s;                 /* of the time in which it was taken; NAN: unknown */
	uint64_t rss_bytes;            /* largest resident memory, what was measured not in it; 0: unknown */
	uint64_t rss_with_model_bytes; /* of the whole process, where the model ran inside it; 0: it did not */
};

#define JM_OWN_COST_UNKNOWN ((struct jm_own_cost){NAN, NAN, 0, 0})

/* Gives cpu_s as a part of one core; NAN: unknown. */
double jm_own_cost_fraction(const struct jm_own_cost *cost);

/* Adds what another took at another time: times add up, of memory the larger one counts. Unknown stays unknown. */
void jm_own_cost_add(struct jm_own_cost *sum, const struct jm_own_cost *other);

/* Appends "0.037 s processor time, 0.47 % of one core, 12.6 MiB resident", or that it is unknown; no line break. */
void jm_own_cost_text(const struct jm_own_cost *cost, struct jm_buffer *out);

/* Appends the object {"cpu_s", "cpu_fraction", "rss_bytes", "rss_with_model_bytes"}, which stands under "own_cost"; null: unknown. */
void jm_own_cost_json(const struct jm_own_cost *cost, struct jm_buffer *out);

/* Columns of CSV, and their cells with commas between them and none behind; unknown: empty. */
#define JM_OWN_COST_COLUMNS "own_cpu_s,own_cpu_fraction,own_rss_bytes"
void jm_own_cost_csv(const struct jm_own_cost *cost, struct jm_buffer *out);

#endif
