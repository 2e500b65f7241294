#define _GNU_SOURCE
#include "model/subgraph.h"

#include "core/error.h"
#include "model/onnx_unpack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_BYTES_MAX INT32_MAX /* protobuf's own limit (protobuf documentation, "Total size") */
/* Of one node: real ones have tens, and each is looked for among all values. */
#define EDGES_MAX 1024

struct jm_graph {
	Onnx__ModelProto *model;
	Onnx__TensorProto **weights; /* the initialisers that have a name, by name */
	size_t n_weights;
};

static const char *text_of(const char *text)
{
	return text ? text : "";
}

static int compare_weights(const void *a, const void *b)
{
	return strcmp((*(Onnx__TensorProto *const *)a)->name, (*(Onnx__TensorProto *const *)b)->name);
}

static int compare_name(const void *name, const void *weight)
{
	return strcmp(name, (*(Onnx__TensorProto *const *)weight)->name);
}

int jm_graph_read(const char *name, const void *bytes, size_t n, struct jm_graph **out, struct jm_error *err)
{
	struct jm_graph *g = calloc(1, sizeof(*g));
	const Onnx__GraphProto *graph;
	size_t i;
	int rc;

	if (!g)
		return jm_error_set(err, JM_E_NOMEM, "no memory");
	rc = jm_onnx_unpack(name, bytes, n, &g->model, err);
	if (rc) {
		free(g);
		return rc;
	}
	graph = g->model->graph;
	g->weights = calloc(graph->n_initializer + 1, sizeof(*g->weights));
	if (!g->weights) {
		jm_graph_destroy(g);
		return jm_error_set(err, JM_E_NOMEM, "no memory");
	}
	for (i = 0; i < graph->n_initializer; i++)
		if (graph->initializer[i]->name)
			g->weights[g->n_weights++] = graph->initializer[i];
	qsort(g->weights, g->n_weights, sizeof(*g->weights), compare_weights);
	*out = g;
	return 0;
}

void jm_graph_destroy(struct jm_graph *g)
{
	if (!g)
		return;
	onnx__model_proto__free_unpacked(g->model, NULL);
	free(g->weights);
	free(g);
}

size_t jm_graph_n_nodes(const struct jm_graph *g)
{
	return g->model->graph->n_node;
}

/* ONNX Runtime's profiler calls a node without a name after its operator and index (sequential_executor.cc). */
static bool is_called(const Onnx__NodeProto *node, size_t i, const char *name)
{
	size_t n = strlen(text_of(node->op_type));
	char number[24];

	if (node->name && node->name[0])
		return strcmp(node->name, name) == 0;
	snprintf(number, sizeof(number), "_%zu", i);
	return strncmp(name, text_of(node->op_type), n) == 0 && strcmp(name + n, number) == 0;
}

int jm_graph_find(const struct jm_graph *g, const char *name, const char *type, size_t *node_out)
{
	const Onnx__GraphProto *graph = g->model->graph;
	size_t i, n = 0, found = 0;

	for (i = 0; i < graph->n_node; i++) {
		if (strcmp(text_of(graph->node[i]->op_type), type) != 0 || !is_called(graph->node[i], i, name))
			continue;
		found = i;
		n++;
	}
	if (n == 1)
		*node_out = found;
	return n == 1 ? 0 : n == 0 ? JM_E_NOT_FOUND : JM_E_INVALID;
}

static const Onnx__TensorProto *find_weight(const struct jm_graph *g, const char *name)
{
	Onnx__TensorProto **found = bsearch(name, g->weights, g->n_weights, sizeof(*g->weights), compare_name);

	return found ? *found : NULL;
}

/* Gives the tensor of the Constant node that makes a value: kernels may want it as a weight, known beforehand. */
static const Onnx__TensorProto *find_constant(const struct jm_graph *g, const char *name)
{
	const Onnx__GraphProto *graph = g->model->graph;
	size_t i, a;

	for (i = 0; i < graph->n_node; i++) {
		const Onnx__NodeProto *node = graph->node[i];

		if (strcmp(text_of(node->op_type), "Constant") != 0 || node->n_output != 1 ||
		    strcmp(node->output[0], name) != 0)
			continue;
		for (a = 0; a < node->n_attribute; a++)
			if (node->attribute[a]->t)
				return node->attribute[a]->t;
	}
	return NULL;
}

static const Onnx__TensorProto *find_tensor(const struct jm_graph *g, const char *name)
{
	const Onnx__TensorProto *weight = find_weight(g, name);

	return weight ? weight : find_constant(g, name);
}

static bool is_sparse(const struct jm_graph *g, const char *name)
{
	const Onnx__GraphProto *graph = g->model->graph;
	size_t i;

	for (i = 0; i < graph->n_sparse_initializer; i++) {
		const Onnx__TensorProto *values = graph->sparse_initializer[i]->values;

		if (values && strcmp(text_of(values->name), name) == 0)
			return true;
	}
	return false;
}

const char *jm_graph_refusal(const struct jm_graph *g, size_t node_i)
{
	const Onnx__NodeProto *node = g->model->graph->node[node_i];
	size_t i, n_outputs = 0;

	if (node->n_input > EDGES_MAX || node->n_output > EDGES_MAX)
		return "too many inputs or outputs";
	for (i = 0; i < node->n_attribute; i++)
		if (node->attribute[i]->g || node->attribute[i]->n_graphs)
			return "control flow";
	for (i = 0; i < node->n_output; i++)
		n_outputs += node->output[i][0] != '\0';
	if (n_outputs == 0)
		return "no output";
	for (i = 0; i < node->n_input; i++) {
		const Onnx__TensorProto *t = find_tensor(g, node->input[i]);

		if (t && t->has_data_location && t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
			return "weights in another file";
		if (!t && is_sparse(g, node->input[i]))
			return "sparse weights";
	}
	return NULL;
}

static bool is_before(char *const *names, size_t i)
{
	size_t j;

	for (j = 0; j < i; j++)
		if (strcmp(names[j], names[i]) == 0)
			return true;
	return false;
}

int jm_graph_inputs(const struct jm_graph *g, size_t node_i, const char **names, size_t max, size_t *n_out)
{
	const Onnx__NodeProto *node = g->model->graph->node[node_i];
	size_t i, n = 0;

	for (i = 0; i < node->n_input && i < EDGES_MAX; i++) {
		/* An empty name is an optional input left out. */
		if (!node->input[i][0] || is_before(node->input, i) || find_tensor(g, node->input[i]))
			continue;
		if (n == max)
			return JM_E_FULL;
		names[n++] = node->input[i];
	}
	*n_out = n;
	return 0;
}

static const Onnx__ValueInfoProto *find_value(Onnx__ValueInfoProto *const *values, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(text_of(values[i]->name), name) == 0)
			return values[i];
	return NULL;
}

static int pack(const Onnx__ModelProto *model, unsigned char **out, size_t *n_out, struct jm_error *err)
{
	size_t n = onnx__model_proto__get_packed_size(model);
	unsigned char *bytes;

	if (n > MODEL_BYTES_MAX)
		return jm_error_set(err, JM_E_FORMAT, "the model would have %zu bytes, ONNX files have at most %d", n,
				    MODEL_BYTES_MAX);
	bytes = malloc(n + 1);
	if (!bytes)
		return jm_error_set(err, JM_E_NOMEM, "no memory for a copy of the model, %zu bytes", n);
	*n_out = onnx__model_proto__pack(model, bytes);
	*out = bytes;
	return 0;
}

int jm_graph_expose(const struct jm_graph *g, const char *const *values, size_t n_values, unsigned char **out,
		    size_t *n_out, struct jm_error *err)
{
	Onnx__ModelProto model = *g->model;
	Onnx__GraphProto graph = *g->model->graph;
	Onnx__ValueInfoProto *infos = calloc(n_values + 1, sizeof(*infos)), **outputs;
	size_t i;
	int rc;

	outputs = calloc(graph.n_output + n_values + 1, sizeof(*outputs));
	if (!infos || !outputs) {
		rc = jm_error_set(err, JM_E_NOMEM, "no memory");
		goto out;
	}
	if (graph.n_output)
		memcpy(outputs, graph.output, graph.n_output * sizeof(*outputs));
	graph.output = outputs;
	for (i = 0; i < n_values; i++) {
		if (find_value(outputs, graph.n_output, values[i]))
			continue;
		/* A name is enough: ONNX Runtime infers the type. */
		onnx__value_info_proto__init(&infos[i]);
		infos[i].name = (char *)(uintptr_t)values[i];
		outputs[graph.n_output++] = &infos[i];
	}
	model.graph = &graph;
	rc = pack(&model, out, n_out, err);
out:
	free(infos);
	free(outputs);
	return rc;
}

/* A value's description with all that hangs on it. */
struct value {
	Onnx__ValueInfoProto info;
	Onnx__TypeProto type;
	Onnx__TypeProto__Tensor tensor;
	Onnx__TensorShapeProto shape;
	Onnx__TensorShapeProto__Dimension *dims, **dim_pointers;
};

static void describe(struct value *v, const char *name, int dtype)
{
	onnx__value_info_proto__init(&v->info);
	onnx__type_proto__init(&v->type);
	onnx__type_proto__tensor__init(&v->tensor);
	v->info.name = (char *)(uintptr_t)name;
	if (dtype == JM_DTYPE_UNKNOWN)
		return;
	v->info.type = &v->type;
	v->type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	v->type.tensor_type = &v->tensor;
	v->tensor.has_elem_type = true;
	v->tensor.elem_type = dtype;
}

static int shape(struct value *v, const struct jm_subgraph_input *in)
{
	size_t i;

	onnx__tensor_shape_proto__init(&v->shape);
	v->dims = calloc(in->n_dims + 1, sizeof(*v->dims));
	v->dim_pointers = calloc(in->n_dims + 1, sizeof(*v->dim_pointers));
	if (!v->dims || !v->dim_pointers)
		return JM_E_NOMEM;
	for (i = 0; i < in->n_dims; i++) {
		onnx__tensor_shape_proto__dimension__init(&v->dims[i]);
		v->dims[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		v->dims[i].dim_value = in->dims[i];
		v->dim_pointers[i] = &v->dims[i];
	}
	v->shape.n_dim = in->n_dims;
	v->shape.dim = v->dim_pointers;
	v->tensor.shape = &v->shape;
	return 0;
}

/* Gives the element type that the graph declares for a value; unknown where it says none. */
static int declared_dtype(const struct jm_graph *g, const char *name)
{
	const Onnx__GraphProto *graph = g->model->graph;
	const Onnx__ValueInfoProto *v = find_value(graph->value_info, graph->n_value_info, name);

	v = v ? v : find_value(graph->output, graph->n_output, name);
	if (!v || !v->type || v->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
	    !v->type->tensor_type->has_elem_type)
		return JM_DTYPE_UNKNOWN;
	return v->type->tensor_type->elem_type;
}

/* What a cut is built of; the arrays have room for EDGES_MAX entries at most, as many as the node has edges. */
struct cut {
	const struct jm_graph *g;
	Onnx__NodeProto *node;
	struct value *values; /* inputs, then outputs */
	size_t n_values;
	Onnx__ValueInfoProto **inputs, **outputs;
	Onnx__TensorProto *weights, **weight_pointers;
	size_t n_inputs, n_outputs, n_weights;
};

static int add_input(struct cut *c, const char *name, const struct jm_subgraph_input *inputs, size_t n_inputs,
		     struct jm_error *err)
{
	const Onnx__TensorProto *tensor = find_tensor(c->g, name);
	struct value *v = &c->values[c->n_values];
	size_t i;

	if (tensor) {
		c->weights[c->n_weights] = *tensor;
		c->weights[c->n_weights].name = (char *)(uintptr_t)name;
		c->weight_pointers[c->n_weights] = &c->weights[c->n_weights];
		c->n_weights++;
		return 0;
	}
	for (i = 0; i < n_inputs && strcmp(inputs[i].name, name) != 0; i++)
		;
	if (i == n_inputs)
		return jm_error_set(err, JM_E_INVALID, "the value '%s' that the node takes was not given", name);
	c->n_values++;
	describe(v, name, inputs[i].dtype);
	c->inputs[c->n_inputs++] = &v->info;
	return shape(v, &inputs[i]) ? jm_error_set(err, JM_E_NOMEM, "no memory") : 0;
}

static int collect(struct cut *c, const struct jm_subgraph_input *inputs, size_t n_inputs, struct jm_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < c->node->n_input && rc == 0; i++)
		if (c->node->input[i][0] && !is_before(c->node->input, i))
			rc = add_input(c, c->node->input[i], inputs, n_inputs, err);
	for (i = 0; i < c->node->n_output && rc == 0; i++) {
		struct value *v = &c->values[c->n_values];

		if (!c->node->output[i][0])
			continue;
		c->n_values++;
		describe(v, c->node->output[i], declared_dtype(c->g, c->node->output[i]));
		c->outputs[c->n_outputs++] = &v->info;
	}
	return rc;
}

static int pack_cut(const struct cut *c, unsigned char **out, size_t *n_out, struct jm_error *err)
{
	const Onnx__ModelProto *whole = c->g->model;
	Onnx__NodeProto *node = c->node;
	Onnx__ModelProto model;
	Onnx__GraphProto graph;

	onnx__model_proto__init(&model);
	onnx__graph_proto__init(&graph);
	model.has_ir_version = whole->has_ir_version;
	model.ir_version = whole->ir_version;
	model.n_opset_import = whole->n_opset_import;
	model.opset_import = whole->opset_import;
	model.n_functions = whole->n_functions;
	model.functions = whole->functions;
	model.graph = &graph;
	graph.name = (char *)(uintptr_t) "layer";
	graph.n_node = 1;
	graph.node = &node;
	graph.n_input = c->n_inputs;
	graph.input = c->inputs;
	graph.n_output = c->n_outputs;
	graph.output = c->outputs;
	graph.n_initializer = c->n_weights;
	graph.initializer = c->weight_pointers;
	return pack(&model, out, n_out, err);
}

int jm_graph_cut(const struct jm_graph *g, size_t node_i, const struct jm_subgraph_input *inputs, size_t n_inputs,
		 unsigned char **out, size_t *n_out, struct jm_error *err)
{
	struct cut c = {.g = g, .node = g->model->graph->node[node_i]};
	const char *refusal = jm_graph_refusal(g, node_i);
	size_t i;
	int rc;

	if (refusal)
		return jm_error_set(err, JM_E_UNSUPPORTED, "%s", refusal);
	c.values = calloc(c.node->n_input + c.node->n_output + 1, sizeof(*c.values));
	c.inputs = calloc(c.node->n_input + 1, sizeof(*c.inputs));
	c.outputs = calloc(c.node->n_output + 1, sizeof(*c.outputs));
	c.weights = calloc(c.node->n_input + 1, sizeof(*c.weights));
	c.weight_pointers = calloc(c.node->n_input + 1, sizeof(*c.weight_pointers));
	if (!c.values || !c.inputs || !c.outputs || !c.weights || !c.weight_pointers)
		rc = jm_error_set(err, JM_E_NOMEM, "no memory");
	else
		rc = collect(&c, inputs, n_inputs, err);
	rc = rc ? rc : pack_cut(&c, out, n_out, err);
	for (i = 0; i < c.n_values; i++) {
		free(c.values[i].dims);
		free(c.values[i].dim_pointers);
	}
	free(c.values);
	free(c.inputs);
	free(c.outputs);
	free(c.weights);
	free(c.weight_pointers);
	return rc;
}
