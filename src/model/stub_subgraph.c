/* Stands in for onnx_subgraph.c where the build found no ONNX schema. Without a graph there is nothing to call the others
 * on. */
#include "model/subgraph.h"

#include "core/error.h"

int jm_graph_read(const char *name, const void *bytes, size_t n, struct jm_graph **out, struct jm_error *err)
{
	(void)bytes;
	(void)n;
	(void)out;
	jm_error_set(err, JM_E_UNSUPPORTED,
		     "layers cannot be cut out of %s: joulemap was built without the ONNX schema", name);
	jm_error_remedy(err, "apt-get install protobuf-c-compiler libprotobuf-c-dev libonnx-dev; then build again");
	return JM_E_UNSUPPORTED;
}

void jm_graph_destroy(struct jm_graph *g)
{
	(void)g;
}

size_t jm_graph_n_nodes(const struct jm_graph *g)
{
	(void)g;
	return 0;
}

int jm_graph_find(const struct jm_graph *g, const char *name, const char *type, size_t *node_out)
{
	(void)g;
	(void)name;
	(void)type;
	(void)node_out;
	return JM_E_NOT_FOUND;
}

const char *jm_graph_refusal(const struct jm_graph *g, size_t node_i)
{
	(void)g;
	(void)node_i;
	return "joulemap was built without the ONNX schema";
}

int jm_graph_inputs(const struct jm_graph *g, size_t node_i, const char **names, size_t max, size_t *n_out)
{
	(void)g;
	(void)node_i;
	(void)names;
	(void)max;
	(void)n_out;
	return JM_E_UNSUPPORTED;
}

int jm_graph_expose(const struct jm_graph *g, const char *const *values, size_t n_values, unsigned char **out,
		    size_t *n_out, struct jm_error *err)
{
	(void)g;
	(void)values;
	(void)n_values;
	(void)out;
	(void)n_out;
	return jm_error_set(err, JM_E_UNSUPPORTED, "joulemap was built without the ONNX schema");
}

int jm_graph_cut(const struct jm_graph *g, size_t node_i, const struct jm_subgraph_input *inputs, size_t n_inputs,
		 unsigned char **out, size_t *n_out, struct jm_error *err)
{
	(void)g;
	(void)node_i;
	(void)inputs;
	(void)n_inputs;
	(void)out;
	(void)n_out;
	return jm_error_set(err, JM_E_UNSUPPORTED, "joulemap was built without the ONNX schema");
}
