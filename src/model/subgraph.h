/* Cuts single nodes out of an ONNX graph, so that each can be run alone. */
#ifndef MODEL_SUBGRAPH_H
#define MODEL_SUBGRAPH_H

#include "model/dtype.h"

/* A model held in memory to cut from. */
struct jm_graph;

/* A value that flows into a node, as it was when the whole model ran. */
struct jm_subgraph_input {
	const char *name;
	int dtype;           /* enum jm_dtype */
	const int64_t *dims; /* n_dims entries, >= 0 */
	size_t n_dims;
};

/* Unpacks a model; bytes are not needed afterwards. name: for messages. Errors: as jm_model_read. *out: yours. */
int jm_graph_read(const char *name, const void *bytes, size_t n, struct jm_graph **out, struct jm_error *err);
void jm_graph_destroy(struct jm_graph *g);

/* Gives the number of nodes of the main graph. */
size_t jm_graph_n_nodes(const struct jm_graph *g);

/* Finds the node that ONNX Runtime calls name: its own name or, where it has none, "<op_type>_<index>". type: its operator.
 * Errors: JM_E_NOT_FOUND; JM_E_INVALID when several nodes have that name and operator. */
int jm_graph_find(const struct jm_graph *g, const char *name, const char *type, size_t *node_out);

/* Gives why node i cannot be cut, or NULL when it can: control flow (its inner graphs see the values around them), weights
 * that are sparse or lie in other files, no outputs. Static storage. */
const char *jm_graph_refusal(const struct jm_graph *g, size_t node_i);

/* Gives the names of the values that node i takes and that are no weights: the inputs of the cut. Each once. names: room for
 * max. Borrowed. Errors: JM_E_FULL above max. */
int jm_graph_inputs(const struct jm_graph *g, size_t node_i, const char **names, size_t max, size_t *n_out);

/* Makes a copy of the whole model that also gives the named values as outputs, behind its own. Values that are outputs
 * already are not added again. *out: yours, free(). Errors: JM_E_NOMEM; JM_E_FORMAT when it would exceed 2 GiB. */
int jm_graph_expose(const struct jm_graph *g, const char *const *values, size_t n_values, unsigned char **out,
		    size_t *n_out, struct jm_error *err);

/* Makes a model of node i alone: its weights, inputs of the types and shapes given (one for each of jm_graph_inputs, any
 * order), its outputs. *out: yours, free(). Errors: JM_E_UNSUPPORTED with the reason of jm_graph_refusal; JM_E_INVALID when an
 * input is missing; JM_E_NOMEM; JM_E_FORMAT. */
int jm_graph_cut(const struct jm_graph *g, size_t node_i, const struct jm_subgraph_input *inputs, size_t n_inputs,
		 unsigned char **out, size_t *n_out, struct jm_error *err);

#endif
