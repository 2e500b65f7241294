/* Layers of two variants against each other, through fusion and inserted conversions. */
#ifndef COMPARE_LAYERS_H
#define COMPARE_LAYERS_H

#include "compare/compare.h"

/* A layer of a variant: mean over its trials, an iteration. */
struct jm_layer {
	const char *name, *type; /* borrowed from its first trial */
	char plain[256];
	double ms, mj; /* NAN: unknown */
	double calls, call_ms, call_std_ms; /* of all trials together; the deviation is of single calls about their mean */
	double power_w, share;
	struct jm_interval ci_mj; /* of the method that found it, where there is one trial; else NAN */
	double *trial_mj;         /* one a trial; NAN: not in it */
	bool is_conversion;
};

struct jm_layer_list {
	struct jm_layer *items;
	size_t n;
	double mj, ms; /* of all that are known */
};

/* How the two sides of a group were found to be one. */
#define JM_MATCH_LIST(X)                                                                                               \
	X(NAME, "name")                                                                                                \
	X(POSITION, "position")                                                                                        \
	X(GROUP, "group")                                                                                              \
	X(FIRST_ONLY, "only in the first")                                                                             \
	X(OTHER_ONLY, "only in this")
#define JM_ENUM(name, text) JM_MATCH_##name,
enum jm_match { JM_MATCH_LIST(JM_ENUM) };
#undef JM_ENUM
const char *jm_match_text(enum jm_match match);

#define JM_NO_GROUP SIZE_MAX

/* Layers that do the same work, one or several on each side. Every layer of both lists is in one group. Sums in mJ and ms an
 * iteration; conversions (Quantize, Dequantize, Cast) that only one side has are summed apart, with the layer they prepare. */
struct jm_layer_group {
	enum jm_match match;
	size_t first, other;     /* the layer that names each side; JM_NO_GROUP: that side has none */
	size_t n_first, n_other; /* layers on each side, conversions apart */
	double first_mj, first_ms, other_mj, other_ms;
	size_t n_first_conversions, n_conversions;
	double first_conversions_mj, first_conversions_ms, conversions_mj, conversions_ms;
	struct jm_against against; /* energy of the other side against the first, conversions included on both */
};

struct jm_layer_groups {
	struct jm_layer_list first, other;
	size_t *group_of_first, *group_of_other; /* of each layer */
	struct jm_layer_group *items;
	size_t n;
	double total_first_mj, total_other_mj, total_conversions_mj;
	size_t n_conversions; /* of the other side */
};

/* Gives the layers of a variant, means over its trials. *out: yours, also what is in it. Errors: JM_E_NOMEM. */
int jm_layer_list_make(const struct jm_variant *v, struct jm_layer_list *out);
void jm_layer_list_finish(struct jm_layer_list *list);

/* Matches: by name first, then by position and kind of work between those; what is left between two matches is one group; what runtimes
 * fold into the layer before goes to it. out: jm_layer_groups_finish. Errors: JM_E_NOMEM. */
int jm_layers_match(const struct jm_variant *first, const struct jm_variant *other, uint64_t seed,
		    struct jm_layer_groups *out);
void jm_layer_groups_finish(struct jm_layer_groups *groups);
/* Frees an array of n - 1 groups, as in struct jm_comparison_data. */
void jm_layer_groups_destroy(struct jm_layer_groups *groups, size_t n_variants);

/* Aligns two orders of layers: partner_out[i] is the index in b of a's layer i, or JM_NO_GROUP. Part of jm_layers_match. */
int jm_layers_align(const struct jm_layer_list *a, const struct jm_layer_list *b, size_t *partner_out,
		    bool *is_named_out);

#endif
