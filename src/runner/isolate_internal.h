/* What isolate.c and isolate_prepare.c share. */
#ifndef RUNNER_ISOLATE_INTERNAL_H
#define RUNNER_ISOLATE_INTERNAL_H

#include "model/subgraph.h"
#include "runner/isolate.h"

#define JM_ISOLATE_REASONS 6

/* A layer that is to be run alone. */
struct jm_isolated_layer {
	const struct jm_tally_layer *from;
	size_t node;
	const char **inputs; /* names of its n_inputs inputs, borrowed from the graph; array to be freed */
	size_t n_inputs;
	bool is_left_out;
};

struct jm_isolation {
	struct jm_runner *r;
	const struct jm_runner_output *out;
	struct jm_tally *tally;
	struct jm_error *err;
	struct jm_graph *graph;
	struct jm_isolated_layer *layers;
	size_t n_layers, n_usable;     /* usable: not left out */
	const char **values;           /* values of the whole model that layers take, n_values entries ... */
	struct jm_ort_tensor *tensors; /* ... and what they were */
	size_t n_values;
	struct {
		char text[160];
		uint64_t n;
	} reasons[JM_ISOLATE_REASONS];
	uint64_t n_skipped, n_over_budget, n_blocks;
	int64_t start_ns, budget_ns;
	uint64_t random;
};

/* Mean length of a block with what surrounds it. */
#define JM_ISOLATE_BLOCK_LOW_NS  INT64_C(150000000)
#define JM_ISOLATE_BLOCK_HIGH_NS INT64_C(220000000)

/* Chooses layers, fetches their inputs from one run of the whole model, tries each. What cannot be done is counted as
 * skipped. Errors: JM_E_NOMEM, JM_E_CANCELLED. */
int jm_isolation_prepare(struct jm_isolation *is);
void jm_isolation_finish(struct jm_isolation *is);

/* Makes a session of the layer alone, inputs bound. Errors: those of cutting and of ONNX Runtime. *out: yours. */
int jm_isolation_open(struct jm_isolation *is, const struct jm_isolated_layer *layer, struct jm_ort_session **out,
		      struct jm_error *err);

/* Counts a layer as left out. layer: NULL when it was not even chosen. */
void jm_isolation_skip(struct jm_isolation *is, struct jm_isolated_layer *layer, const char *reason);

/* Gives the time that a block of the layer takes, about, ns. */
int64_t jm_isolation_cost_ns(const struct jm_tally_layer *layer);

#endif
