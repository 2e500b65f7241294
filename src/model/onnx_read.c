#define _GNU_SOURCE
#include "model/model.h"

#include "core/error.h"
#include "core/grow.h"
#include "model/onnx_unpack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	struct jm_model *m;
	const char *name; /* of the model, for messages */
	size_t tensors_capacity;
	uint64_t elements[JM_DTYPE_MAX]; /* of parameters, by type */
	struct jm_error *err;
};

static char *copy_text(const char *text)
{
	return strdup(text ? text : "");
}

static int no_memory(struct reader *r)
{
	return jm_error_set(r->err, JM_E_NOMEM, "no memory for the model %s", r->name);
}

static int read_dim(struct reader *r, const Onnx__TensorShapeProto__Dimension *from, struct jm_model_dim *to)
{
	bool is_given = from->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
	bool is_named = from->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;

	/* Some exporters write -1 where they mean an open dimension. */
	to->size = is_given && from->dim_value >= 0 ? from->dim_value : -1;
	to->name = copy_text(is_named ? from->dim_param : "");
	return to->name ? 0 : no_memory(r);
}

static int read_value(struct reader *r, const Onnx__ValueInfoProto *from, struct jm_model_value *to)
{
	const Onnx__TypeProto__Tensor *tensor = NULL;
	size_t i;
	int rc;

	to->name = copy_text(from->name);
	if (!to->name)
		return no_memory(r);
	if (from->type && from->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		tensor = from->type->tensor_type;
	if (!tensor)
		return 0;
	to->is_tensor = true;
	to->dtype = tensor->has_elem_type ? tensor->elem_type : JM_DTYPE_UNKNOWN;
	if (!tensor->shape)
		return 0;
	to->has_shape = true;
	to->dims = calloc(tensor->shape->n_dim + 1, sizeof(*to->dims));
	if (!to->dims)
		return no_memory(r);
	for (i = 0; i < tensor->shape->n_dim; i++) {
		to->n_dims++;
		rc = read_dim(r, tensor->shape->dim[i], &to->dims[i]);
		if (rc)
			return rc;
	}
	return 0;
}

static bool is_initializer(const Onnx__GraphProto *graph, const char *name)
{
	size_t i;

	for (i = 0; name && i < graph->n_initializer; i++)
		if (graph->initializer[i]->name && strcmp(graph->initializer[i]->name, name) == 0)
			return true;
	return false;
}

/* Before IR version 4 every initialiser had to be listed as an input too (onnx.proto, IR_VERSION_2019_1_22). */
static int read_inputs(struct reader *r, const Onnx__GraphProto *graph)
{
	size_t i;
	int rc;

	r->m->inputs = calloc(graph->n_input + 1, sizeof(*r->m->inputs));
	if (!r->m->inputs)
		return no_memory(r);
	for (i = 0; i < graph->n_input; i++) {
		if (is_initializer(graph, graph->input[i]->name))
			continue;
		rc = read_value(r, graph->input[i], &r->m->inputs[r->m->n_inputs++]);
		if (rc)
			return rc;
	}
	return 0;
}

static int read_outputs(struct reader *r, const Onnx__GraphProto *graph)
{
	size_t i;
	int rc;

	r->m->outputs = calloc(graph->n_output + 1, sizeof(*r->m->outputs));
	if (!r->m->outputs)
		return no_memory(r);
	for (i = 0; i < graph->n_output; i++) {
		rc = read_value(r, graph->output[i], &r->m->outputs[r->m->n_outputs++]);
		if (rc)
			return rc;
	}
	return 0;
}

static struct jm_model_tensor *next_tensor(struct reader *r)
{
	struct jm_model *m = r->m;

	if (!jm_grow(&m->tensors, &r->tensors_capacity, m->n_tensors, sizeof(*m->tensors)))
		return NULL;
	memset(&m->tensors[m->n_tensors], 0, sizeof(*m->tensors));
	return &m->tensors[m->n_tensors++];
}

static bool is_parameter(int dtype)
{
	return dtype != JM_DTYPE_INT64 && dtype != JM_DTYPE_BOOL && dtype != JM_DTYPE_STRING;
}

static int count_tensor(struct reader *r, const Onnx__TensorProto *from, struct jm_model_tensor *t)
{
	if (jm_dtype_elements(t->dims, t->n_dims, &t->n_elements))
		return jm_error_set(r->err, JM_E_FORMAT, "%s: tensor '%s' has impossible dimensions", r->name, t->name);
	if (jm_dtype_bytes(t->dtype, t->n_elements, &t->size_bytes))
		t->size_bytes = 0;
	if (from->has_raw_data && !t->is_external && t->size_bytes && from->raw_data.len != t->size_bytes)
		return jm_error_set(r->err, JM_E_FORMAT,
				    "%s: tensor '%s' has %zu bytes of data, its dimensions ask for %llu", r->name,
				    t->name, from->raw_data.len, (unsigned long long)t->size_bytes);
	r->m->n_external += t->is_external;
	if (!is_parameter(t->dtype))
		return 0;
	if (t->dtype > 0 && t->dtype < JM_DTYPE_MAX)
		r->elements[t->dtype] += t->n_elements;
	r->m->n_parameters += t->n_elements;
	r->m->weight_bytes += t->size_bytes;
	return 0;
}

static int read_tensor(struct reader *r, const Onnx__TensorProto *from, const char *name)
{
	struct jm_model_tensor *t = next_tensor(r);

	if (!t)
		return no_memory(r);
	t->name = copy_text(name);
	t->dims = malloc((from->n_dims + 1) * sizeof(*t->dims));
	if (!t->name || !t->dims)
		return no_memory(r);
	if (from->n_dims)
		memcpy(t->dims, from->dims, from->n_dims * sizeof(*t->dims));
	t->n_dims = from->n_dims;
	t->dtype = from->has_data_type ? from->data_type : JM_DTYPE_UNKNOWN;
	t->is_external = from->has_data_location && from->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
	return count_tensor(r, from, t);
}

static int read_graph_tensors(struct reader *r, const Onnx__GraphProto *graph, bool is_inner);

/* Weights of a node: those of its sub-graphs; the tensor itself where the node is a Constant. */
static int read_node_tensors(struct reader *r, const Onnx__NodeProto *node)
{
	bool is_constant = node->op_type && strcmp(node->op_type, "Constant") == 0;
	size_t i, j;
	int rc = 0;

	for (i = 0; i < node->n_attribute && rc == 0; i++) {
		const Onnx__AttributeProto *a = node->attribute[i];

		if (is_constant && a->t)
			rc = read_tensor(r, a->t, node->n_output ? node->output[0] : node->name);
		if (rc == 0 && a->g)
			rc = read_graph_tensors(r, a->g, true);
		for (j = 0; j < a->n_graphs && rc == 0; j++)
			rc = read_graph_tensors(r, a->graphs[j], true);
	}
	return rc;
}

static int read_nodes_tensors(struct reader *r, Onnx__NodeProto *const *nodes, size_t n)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i++)
		rc = read_node_tensors(r, nodes[i]);
	return rc;
}

static int read_graph_tensors(struct reader *r, const Onnx__GraphProto *graph, bool is_inner)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < graph->n_initializer && rc == 0; i++)
		rc = read_tensor(r, graph->initializer[i], graph->initializer[i]->name);
	for (i = 0; i < graph->n_sparse_initializer && rc == 0; i++)
		if (graph->sparse_initializer[i]->values)
			rc = read_tensor(r, graph->sparse_initializer[i]->values,
					 graph->sparse_initializer[i]->values->name);
	if (is_inner)
		r->m->n_inner_nodes += graph->n_node;
	return rc ? rc : read_nodes_tensors(r, graph->node, graph->n_node);
}

static int read_node(struct reader *r, const Onnx__NodeProto *from, size_t i, struct jm_model_node *to)
{
	to->op_type = copy_text(from->op_type);
	to->domain = copy_text(from->domain);
	to->has_name = from->name && from->name[0];
	if (to->has_name)
		to->name = copy_text(from->name);
	else if (to->op_type && asprintf(&to->name, "%s_%zu", to->op_type, i) < 0)
		to->name = NULL;
	if (!to->op_type || !to->domain || !to->name)
		return no_memory(r);
	if (!to->op_type[0])
		return jm_error_set(r->err, JM_E_FORMAT, "%s: node %zu has no operator type", r->name, i);
	return 0;
}

static int read_nodes(struct reader *r, const Onnx__GraphProto *graph)
{
	size_t i;
	int rc;

	r->m->nodes = calloc(graph->n_node + 1, sizeof(*r->m->nodes));
	if (!r->m->nodes)
		return no_memory(r);
	for (i = 0; i < graph->n_node; i++) {
		r->m->n_nodes++;
		rc = read_node(r, graph->node[i], i, &r->m->nodes[i]);
		if (rc)
			return rc;
	}
	return 0;
}

static void pick_precision(struct reader *r)
{
	uint64_t most = 0;
	int i;

	for (i = 0; i < JM_DTYPE_MAX; i++) {
		if (r->elements[i] > most) {
			most = r->elements[i];
			r->m->precision = i;
		}
	}
}

static void read_opset(struct reader *r, const Onnx__ModelProto *model)
{
	size_t i;

	for (i = 0; i < model->n_opset_import; i++) {
		const Onnx__OperatorSetIdProto *o = model->opset_import[i];

		if (o->has_version && (!o->domain || !o->domain[0] || strcmp(o->domain, "ai.onnx") == 0))
			r->m->opset = o->version;
	}
}

static int read_model(struct reader *r, const Onnx__ModelProto *model)
{
	size_t i;
	int rc;

	r->m->producer = copy_text(model->producer_name);
	r->m->graph_name = copy_text(model->graph->name);
	if (!r->m->producer || !r->m->graph_name)
		return no_memory(r);
	r->m->ir_version = model->has_ir_version ? model->ir_version : 0;
	read_opset(r, model);
	rc = read_inputs(r, model->graph);
	rc = rc ? rc : read_outputs(r, model->graph);
	rc = rc ? rc : read_nodes(r, model->graph);
	rc = rc ? rc : read_graph_tensors(r, model->graph, false);
	for (i = 0; i < model->n_functions && rc == 0; i++) {
		r->m->n_inner_nodes += model->functions[i]->n_node;
		rc = read_nodes_tensors(r, model->functions[i]->node, model->functions[i]->n_node);
	}
	pick_precision(r);
	return rc;
}

int jm_model_read(const char *name, const void *bytes, size_t n, struct jm_model **out, struct jm_error *err)
{
	struct reader r = {.name = name, .err = err};
	Onnx__ModelProto *model = NULL;
	int rc = jm_onnx_unpack(name, bytes, n, &model, err);

	if (rc)
		return rc;
	r.m = calloc(1, sizeof(*r.m));
	rc = r.m ? read_model(&r, model) : no_memory(&r);
	onnx__model_proto__free_unpacked(model, NULL);
	if (rc) {
		jm_model_destroy(r.m);
		return rc;
	}
	r.m->file_bytes = n;
	*out = r.m;
	return 0;
}
