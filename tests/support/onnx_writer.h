/* Writes ONNX models field by field, apart from the code that reads them. Field numbers: onnx.proto. */
#ifndef TESTS_ONNX_WRITER_H
#define TESTS_ONNX_WRITER_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

struct wire {
	unsigned char data[16384];
	size_t n;
};

static inline void wire_raw_varint(struct wire *w, uint64_t value)
{
	assert(w->n + 10 < sizeof(w->data));
	do {
		w->data[w->n++] = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		value >>= 7;
	} while (value);
}

static inline void wire_number(struct wire *w, unsigned field, uint64_t value)
{
	wire_raw_varint(w, field << 3);
	wire_raw_varint(w, value);
}

static inline void wire_bytes(struct wire *w, unsigned field, const void *data, size_t n)
{
	wire_raw_varint(w, field << 3 | 2);
	wire_raw_varint(w, n);
	assert(w->n + n < sizeof(w->data));
	memcpy(w->data + w->n, data, n);
	w->n += n;
}

static inline void wire_text(struct wire *w, unsigned field, const char *text)
{
	wire_bytes(w, field, text, strlen(text));
}

static inline void wire_message(struct wire *w, unsigned field, const struct wire *inner)
{
	wire_bytes(w, field, inner->data, inner->n);
}

/* A tensor of dtype and two dimensions with raw data. */
static inline void onnx_tensor(struct wire *t, const char *name, unsigned dtype, const int64_t *dims, size_t n_dims,
			       const void *data, size_t n)
{
	size_t i;

	t->n = 0;
	for (i = 0; i < n_dims; i++)
		wire_number(t, 1, (uint64_t)dims[i]);
	wire_number(t, 2, dtype);
	wire_text(t, 8, name);
	wire_bytes(t, 9, data, n);
}

/* A ValueInfoProto. dims: -1 is open; names[i] its name or NULL. */
static inline void onnx_value(struct wire *v, const char *name, unsigned dtype, const int64_t *dims,
			      const char *const *names, size_t n_dims)
{
	struct wire shape = {.n = 0}, tensor = {.n = 0}, type = {.n = 0};
	size_t i;

	for (i = 0; i < n_dims; i++) {
		struct wire dim = {.n = 0};

		if (dims[i] >= 0)
			wire_number(&dim, 1, (uint64_t)dims[i]);
		else if (names && names[i])
			wire_text(&dim, 2, names[i]);
		wire_message(&shape, 1, &dim);
	}
	wire_number(&tensor, 1, dtype);
	wire_message(&tensor, 2, &shape);
	wire_message(&type, 1, &tensor);
	v->n = 0;
	wire_text(v, 1, name);
	wire_message(v, 2, &type);
}

/* A NodeProto with up to two inputs and one output. name: NULL for none. */
static inline void onnx_node(struct wire *node, const char *name, const char *op, const char *in, const char *in2,
			     const char *out)
{
	node->n = 0;
	wire_text(node, 1, in);
	if (in2)
		wire_text(node, 1, in2);
	wire_text(node, 2, out);
	if (name)
		wire_text(node, 3, name);
	wire_text(node, 4, op);
}

/* A ModelProto around a graph: IR version 8, opset 13. */
static inline void onnx_model(struct wire *model, const struct wire *graph)
{
	struct wire opset = {.n = 0};

	model->n = 0;
	wire_number(&opset, 2, 13);
	wire_number(model, 1, 8);
	wire_text(model, 2, "test");
	wire_message(model, 7, graph);
	wire_message(model, 8, &opset);
}

/* y = Relu(x W), x: [batch, 8] with batch open or, where rows > 0, rows; W: 8x8 of fp32. second_op: operator of the
 * second node, "Relu" in a good model. */
static inline void onnx_small_model(struct wire *model, int64_t rows, const char *second_op)
{
	static const char *const open_names[] = {"batch", NULL};
	const int64_t weight_dims[] = {8, 8}, dims[] = {rows > 0 ? rows : -1, 8};
	struct wire graph = {.n = 0}, part;
	float weights[64];
	size_t i;

	for (i = 0; i < 64; i++)
		weights[i] = (float)i / 64 - 0.5f;
	onnx_node(&part, "multiply", "MatMul", "x", "w", "h");
	wire_message(&graph, 1, &part);
	onnx_node(&part, NULL, second_op, "h", NULL, "y");
	wire_message(&graph, 1, &part);
	wire_text(&graph, 2, "small");
	onnx_tensor(&part, "w", 1, weight_dims, 2, weights, sizeof(weights));
	wire_message(&graph, 5, &part);
	onnx_value(&part, "x", 1, dims, open_names, 2);
	wire_message(&graph, 11, &part);
	onnx_value(&part, "y", 1, dims, open_names, 2);
	wire_message(&graph, 12, &part);
	onnx_model(model, &graph);
}

#endif
