/* Which layers to quantise first: their share of the energy times the gain that was measured. */
#ifndef COMPARE_HOTSPOTS_H
#define COMPARE_HOTSPOTS_H

#include "compare/layers.h"
#include "compare/write.h"

enum jm_hotspots_by { JM_HOTSPOTS_LAYER, JM_HOTSPOTS_TYPE, JM_HOTSPOTS_ROLE };

struct jm_hotspot {
	const char *name, *type, *role; /* of types: name is the type; of roles: the role */
	size_t n_layers;
	double mj, ms, share; /* of the first variant, an iteration; share of all its layers */
	/* Against the other variant, conversions included; NAN without one, or where there is no ratio. saved_share: of all layers of the
	 * first: share times gain. */
	double gain, saved_mj, saved_share;
	struct jm_interval gain_ci; /* of single layers */
};

struct jm_hotspots {
	struct jm_hotspot *items; /* largest saving first; without another variant, largest share first */
	size_t n;
	struct jm_layer_list own; /* of the first variant, where there is no other */
};

/* groups: the first variant against another; NULL: the first alone. The rows borrow texts from first and groups. out: finish.
 * Errors: JM_E_NOMEM. */
int jm_hotspots_make(const struct jm_variant *first, const struct jm_layer_groups *groups, enum jm_hotspots_by by,
		     struct jm_hotspots *out);
void jm_hotspots_finish(struct jm_hotspots *h);

/* For each variant against the first, or of the first alone. Errors: JM_E_NOMEM. */
int jm_hotspots_table(const struct jm_comparison_data *c, enum jm_hotspots_by by, const struct jm_compare_view *view,
		      struct jm_buffer *out);
int jm_hotspots_csv(const struct jm_comparison_data *c, enum jm_hotspots_by by, struct jm_buffer *out);
/* The hot spots of a comparison's JSON, behind a comma: by layer, type and part. */
int jm_hotspots_json(const struct jm_comparison_data *c, struct jm_buffer *out);

/* The columns of energy_aware_quantization's fp32_per_layer_energy.csv: sums over all trials of a variant; layers in order. Errors:
 * JM_E_NOMEM. */
int jm_compare_layer_energy_csv(const struct jm_variant *v, struct jm_buffer *out);
/* Those of per_layer_energy.csv of its later notebook: calls of a layer, all trials together, the most energy first. Errors:
 * JM_E_NOMEM. */
int jm_compare_profiled_layers_csv(const struct jm_variant *v, struct jm_buffer *out);

#endif
