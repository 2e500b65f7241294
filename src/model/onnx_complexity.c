#define _GNU_SOURCE
#include "model/complexity.h"

#include "core/error.h"
#include "model/onnx_check.h"
#include "model/onnx_lean.h"
#include "model/onnx_unpack.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A value of the main graph: an input, a weight, or what a node gives. */
struct value {
	const char *name;
	struct jm_shape shape;
	const Onnx__TensorProto *tensor; /* of a weight or constant */
	bool is_used;                    /* counted for an earlier layer */
};

struct jm_complexity_model {
	Onnx__ModelProto *model;
	struct value *values; /* by name */
	size_t n_values;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct value *)a)->name, ((const struct value *)b)->name);
}

static struct value *find(const struct jm_complexity_model *m, const char *name)
{
	struct value key = {.name = name};

	if (!name || !name[0])
		return NULL;
	return bsearch(&key, m->values, m->n_values, sizeof(*m->values), by_name);
}

static struct jm_shape tensor_shape(const Onnx__TensorProto *t)
{
	struct jm_shape s = {.dtype = t->has_data_type ? t->data_type : JM_DTYPE_UNKNOWN};

	if (t->n_dims > JM_SHAPE_DIMS_MAX)
		return s;
	s.is_known = true;
	s.n_dims = t->n_dims;
	if (t->n_dims)
		memcpy(s.dims, t->dims, t->n_dims * sizeof(*s.dims));
	return s;
}

/* What the file declares, where every dimension is a number. */
static struct jm_shape declared_shape(const Onnx__ValueInfoProto *v)
{
	const Onnx__TypeProto__Tensor *t = NULL;
	struct jm_shape s = {0};
	size_t i;

	if (v->type && v->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		t = v->type->tensor_type;
	if (!t)
		return s;
	s.dtype = t->has_elem_type ? t->elem_type : JM_DTYPE_UNKNOWN;
	if (!t->shape || t->shape->n_dim > JM_SHAPE_DIMS_MAX)
		return s;
	for (i = 0; i < t->shape->n_dim; i++) {
		const Onnx__TensorShapeProto__Dimension *d = t->shape->dim[i];

		if (d->value_case != ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE || d->dim_value < 0)
			return s;
		s.dims[s.n_dims++] = d->dim_value;
	}
	s.is_known = true;
	return s;
}

static void add(struct jm_complexity_model *m, const char *name, struct jm_shape shape, const Onnx__TensorProto *tensor)
{
	if (name && name[0])
		m->values[m->n_values++] = (struct value){name, shape, tensor, false};
}

static bool is_constant(const Onnx__NodeProto *node)
{
	return node->op_type && strcmp(node->op_type, "Constant") == 0;
}

static const Onnx__TensorProto *constant_of(const Onnx__NodeProto *node)
{
	size_t i;

	for (i = 0; is_constant(node) && i < node->n_attribute; i++)
		if (node->attribute[i]->t)
			return node->attribute[i]->t;
	return NULL;
}

static void list_node(struct jm_complexity_model *m, const Onnx__NodeProto *node)
{
	const Onnx__TensorProto *tensor = constant_of(node);
	struct jm_shape shape = {0};
	size_t i;

	if (tensor)
		shape = tensor_shape(tensor);
	for (i = 0; i < node->n_output; i++)
		add(m, node->output[i], shape, tensor);
}

static int list_values(struct jm_complexity_model *m)
{
	const Onnx__GraphProto *g = m->model->graph;
	size_t i, n = g->n_input + g->n_initializer;

	for (i = 0; i < g->n_node; i++)
		n += g->node[i]->n_output;
	m->values = calloc(n + 1, sizeof(*m->values));
	if (!m->values)
		return JM_E_NOMEM;
	for (i = 0; i < g->n_initializer; i++)
		add(m, g->initializer[i]->name, tensor_shape(g->initializer[i]), g->initializer[i]);
	for (i = 0; i < g->n_node; i++)
		list_node(m, g->node[i]);
	qsort(m->values, m->n_values, sizeof(*m->values), by_name);
	n = m->n_values;
	for (i = 0; i < g->n_input; i++) {
		struct value key = {.name = g->input[i]->name ? g->input[i]->name : ""};

		/* Before IR version 4 weights are inputs, too. */
		if (!bsearch(&key, m->values, n, sizeof(*m->values), by_name))
			add(m, g->input[i]->name, declared_shape(g->input[i]), NULL);
	}
	qsort(m->values, m->n_values, sizeof(*m->values), by_name);
	return 0;
}

void jm_complexity_set(struct jm_complexity_model *m, const char *name, const struct jm_shape *shape)
{
	struct value *v = find(m, name);

	if (v && !v->tensor && !v->shape.is_known)
		v->shape = *shape;
}

static void take_shape(void *ctx, const char *name, const struct jm_shape *shape)
{
	jm_complexity_set(ctx, name, shape);
}

static void take_inputs(struct jm_complexity_model *m, const struct jm_infer_input *inputs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct value *v = find(m, inputs[i].name);
		int dtype = v ? v->shape.dtype : JM_DTYPE_UNKNOWN;

		if (!v || !inputs[i].shape.is_known)
			continue;
		v->shape = inputs[i].shape;
		v->shape.dtype = dtype;
	}
}

int jm_complexity_open(const char *name, const void *bytes, size_t n, const struct jm_infer_input *inputs,
		       size_t n_inputs, struct jm_complexity_model **out, char *why_not, size_t size,
		       struct jm_error *err)
{
	struct jm_complexity_model *m = calloc(1, sizeof(*m));
	struct jm_error why = {0};
	unsigned char *lean = NULL;
	size_t n_lean, at;
	int rc = m ? 0 : jm_error_set(err, JM_E_NOMEM, "no memory for %s", name);

	/* What is damaged is refused in unpacking, with what is wrong. */
	if (rc == 0 && jm_onnx_check(&onnx__model_proto__descriptor, bytes, n, &at) == 0) {
		if (jm_onnx_lean(bytes, n, &lean, &n_lean))
			rc = jm_error_set(err, JM_E_NOMEM, "no memory for %s", name);
		bytes = lean;
		n = n_lean;
	}
	rc = rc ? rc : jm_onnx_unpack(name, bytes, n, &m->model, err);
	if (rc == 0 && list_values(m))
		rc = jm_error_set(err, JM_E_NOMEM, "no memory for %s", name);
	if (rc) {
		free(lean);
		jm_complexity_close(m);
		return rc;
	}
	take_inputs(m, inputs, n_inputs);
	if (jm_infer_shapes(bytes, n, inputs, n_inputs, take_shape, m, &why) == 0)
		why.message[0] = 0;
	free(lean);
	snprintf(why_not, size, "%s", why.message);
	*out = m;
	return 0;
}

void jm_complexity_close(struct jm_complexity_model *m)
{
	if (!m)
		return;
	if (m->model)
		onnx__model_proto__free_unpacked(m->model, NULL);
	free(m->values);
	free(m);
}

static void list_unknown(const struct jm_complexity_model *m, char *const *names, size_t n, const char **out,
			 size_t *n_out)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct value *v = find(m, names[i]);

		if (!v || v->tensor || v->shape.is_known || v->is_used)
			continue;
		v->is_used = true;
		out[(*n_out)++] = v->name;
	}
}

int jm_complexity_unknown(const struct jm_complexity_model *m, const char ***names, size_t *n_out)
{
	const Onnx__GraphProto *g = m->model->graph;
	const char **list = malloc((m->n_values + 1) * sizeof(*list));
	size_t i;

	*n_out = 0;
	if (!list)
		return JM_E_NOMEM;
	for (i = 0; i < g->n_node; i++)
		if (!is_constant(g->node[i]))
			list_unknown(m, g->node[i]->output, g->node[i]->n_output, list, n_out);
	for (i = 0; i < m->n_values; i++)
		m->values[i].is_used = false;
	*names = list;
	return 0;
}

/* Operands that training does not learn, by operator (onnx/docs/Operators.md, the order of inputs). */
static bool is_buffer(const char *type, size_t operand, const Onnx__TensorProto *tensor)
{
	if (tensor->n_dims == 0)
		return true;
	if (strcmp(type, "BatchNormalization") == 0)
		return operand >= 3;
	if (strcmp(type, "QuantizeLinear") == 0 || strcmp(type, "DequantizeLinear") == 0)
		return operand >= 1;
	if (strcmp(type, "QLinearConv") == 0 || strcmp(type, "QLinearMatMul") == 0)
		return operand != 3 && operand != 8;
	return (strcmp(type, "Resize") == 0 || strcmp(type, "Upsample") == 0 || strcmp(type, "Clip") == 0) &&
	       operand >= 1;
}

static bool is_counted(int dtype)
{
	return dtype != JM_DTYPE_INT64 && dtype != JM_DTYPE_BOOL && dtype != JM_DTYPE_STRING;
}

static void count_weight(struct value *v, size_t operand, struct jm_layer_complexity *layer)
{
	uint64_t n = jm_shape_elements(&v->shape);

	if (v->is_used || !is_counted(v->shape.dtype))
		return;
	v->is_used = true;
	layer->weight_bytes += jm_shape_bytes(&v->shape);
	if (is_buffer(layer->type, operand, v->tensor))
		layer->n_buffers += n;
	else
		layer->n_parameters += n;
}

static double result_bytes(const struct jm_shape *out, size_t n, const struct jm_op_cost *cost)
{
	double sum = 0;
	size_t i;

	if (cost->bytes == 0)
		return 0;
	for (i = 0; i < n; i++) {
		if (!out[i].is_known)
			return NAN;
		sum += (double)jm_shape_bytes(&out[i]);
	}
	return sum;
}

/* Shapes of a node's operands or results; one that is left out ("") is none, not unknown. */
static struct jm_shape *shapes_of(const struct jm_complexity_model *m, char *const *names, size_t n)
{
	struct jm_shape *shapes = calloc(n + 1, sizeof(*shapes));
	size_t i;

	for (i = 0; shapes && i < n; i++) {
		const struct value *v = find(m, names[i]);

		if (v)
			shapes[i] = v->shape;
		if (!shapes[i].is_known && names[i][0] && shapes[i].dtype == JM_DTYPE_UNKNOWN)
			shapes[i].dtype = JM_DTYPE_FP32; /* there, of unknown shape */
	}
	return shapes;
}

static void take_pair(const Onnx__AttributeProto *a, int64_t out[2])
{
	if (a->n_ints == 2)
		memcpy(out, a->ints, 2 * sizeof(*out));
}

/* onnx/docs/Operators.md, Conv and MaxPool: their attributes, and what holds where one is not given. SAME_UPPER and SAME_LOWER
 * pad as much as makes the output ceil(input / stride). */
static void read_window(const Onnx__NodeProto *node, const struct jm_shape *in, const struct jm_shape *out,
			struct jm_window *w)
{
	const struct jm_shape *image = &in[0], *kernel = node->n_input > 1 ? &in[1] : NULL;
	bool is_automatic = false;
	size_t i, k;

	*w = (struct jm_window){.stride = {1, 1}, .dilation = {1, 1}, .groups = 1};
	if (kernel && kernel->is_known && kernel->n_dims == 4)
		memcpy(w->kernel, kernel->dims + 2, sizeof(w->kernel));
	for (i = 0; i < node->n_attribute; i++) {
		const Onnx__AttributeProto *a = node->attribute[i];

		if (strcmp(a->name, "kernel_shape") == 0)
			take_pair(a, w->kernel);
		else if (strcmp(a->name, "strides") == 0)
			take_pair(a, w->stride);
		else if (strcmp(a->name, "dilations") == 0)
			take_pair(a, w->dilation);
		else if (strcmp(a->name, "group") == 0 && a->i > 0)
			w->groups = a->i;
		else if (strcmp(a->name, "pads") == 0 && a->n_ints == 4)
			for (k = 0; k < 2; k++)
				w->padding[k] = a->ints[k] + a->ints[k + 2];
		else if (strcmp(a->name, "auto_pad") == 0)
			is_automatic = a->s.len > 4 && memcmp(a->s.data, "SAME", 4) == 0;
	}
	w->is_known = w->kernel[0] > 0 && w->kernel[1] > 0;
	if (is_automatic)
		w->is_known = w->is_known && image->is_known && image->n_dims == 4 && out[0].is_known && out[0].n_dims == 4;
	for (k = 0; w->is_known && is_automatic && k < 2; k++) {
		int64_t reach = (out[0].dims[2 + k] - 1) * w->stride[k] + (w->kernel[k] - 1) * w->dilation[k] + 1;

		w->padding[k] = reach > image->dims[2 + k] ? reach - image->dims[2 + k] : 0;
	}
}

static int count_layer(const struct jm_complexity_model *m, const Onnx__NodeProto *node, size_t index,
		       struct jm_layer_complexity *layer)
{
	struct jm_shape *in = shapes_of(m, node->input, node->n_input);
	struct jm_shape *out = shapes_of(m, node->output, node->n_output);
	char name[128];
	size_t i;

	snprintf(name, sizeof(name), "%.100s_%zu", node->op_type ? node->op_type : "", index);
	layer->name = strdup(node->name && node->name[0] ? node->name : name);
	layer->type = strdup(node->op_type ? node->op_type : "");
	if (in && out && layer->name && layer->type) {
		jm_op_cost(layer->type, in, node->n_input, out, node->n_output, &layer->cost);
		for (i = 0; i < node->n_input; i++) {
			struct value *v = find(m, node->input[i]);

			if (v && v->tensor) {
				count_weight(v, i, layer);
				layer->n_weights++;
			}
		}
		if (node->n_input > 0 && node->n_output > 0)
			read_window(node, in, out, &layer->window);
		layer->activation_bytes = result_bytes(out, node->n_output, &layer->cost);
		layer->out = out[0];
	}
	i = in && out && layer->name && layer->type;
	layer->in = in;
	layer->n_in = in ? node->n_input : 0;
	free(out);
	return i ? 0 : JM_E_NOMEM;
}

static double known(double value)
{
	return isnan(value) ? 0 : value;
}

static void add_up(struct jm_complexity *c, const struct jm_layer_complexity *layer)
{
	c->n_parameters += layer->n_parameters;
	c->n_buffers += layer->n_buffers;
	c->weight_bytes += layer->weight_bytes;
	c->macs += known(layer->cost.macs);
	c->flops += known(layer->cost.flops);
	c->bytes += known(layer->cost.bytes);
	c->activation_bytes += known(layer->activation_bytes);
	c->n_unknown += isnan(layer->cost.macs) || isnan(layer->cost.flops);
	c->n_batch_norm += strcmp(layer->type, "BatchNormalization") == 0;
}

int jm_complexity_count(const struct jm_complexity_model *m, struct jm_complexity *out)
{
	const Onnx__GraphProto *g = m->model->graph;
	size_t i;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	out->layers = calloc(g->n_node + 1, sizeof(*out->layers));
	if (!out->layers)
		return JM_E_NOMEM;
	for (i = 0; i < m->n_values; i++)
		m->values[i].is_used = false;
	for (i = 0; i < g->n_node && rc == 0; i++) {
		if (is_constant(g->node[i]))
			continue;
		rc = count_layer(m, g->node[i], i, &out->layers[out->n_layers++]);
		if (rc == 0)
			add_up(out, &out->layers[out->n_layers - 1]);
	}
	if (rc)
		jm_complexity_finish(out);
	return rc;
}

void jm_complexity_finish(struct jm_complexity *c)
{
	size_t i;

	for (i = 0; c->layers && i < c->n_layers; i++) {
		free(c->layers[i].name);
		free(c->layers[i].type);
		free(c->layers[i].in);
	}
	free(c->layers);
	memset(c, 0, sizeof(*c));
}
