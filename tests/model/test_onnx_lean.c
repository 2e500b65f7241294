#include "model/onnx_lean.h"

#include "model/onnx_check.h"
#include "model/onnx_unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/onnx_writer.h"

#include <stdlib.h>

#define LARGE 200000

struct bytes {
	unsigned char *data;
	size_t n;
};

/* A field of bytes, of any length. */
static void append(struct bytes *b, unsigned field, const void *data, size_t n)
{
	struct wire head = {.n = 0};

	wire_raw_varint(&head, field << 3 | 2);
	wire_raw_varint(&head, n);
	b->data = realloc(b->data, b->n + head.n + n);
	assert_non_null(b->data);
	memcpy(b->data + b->n, head.data, head.n);
	memcpy(b->data + b->n + head.n, data, n);
	b->n += head.n + n;
}

static void add_tensor(struct bytes *graph, const char *name, unsigned field, size_t n)
{
	unsigned char *data = calloc(1, n);
	struct wire head = {.n = 0};
	struct bytes tensor = {0};

	assert_non_null(data);
	memset(data, 'w', n);
	wire_number(&head, 1, n / 4);
	wire_number(&head, 2, 1);
	tensor.data = malloc(head.n);
	assert_non_null(tensor.data);
	memcpy(tensor.data, head.data, head.n);
	tensor.n = head.n;
	append(&tensor, field, data, n);
	append(&tensor, 8, name, strlen(name));
	append(graph, 5, tensor.data, tensor.n);
	free(tensor.data);
	free(data);
}

/* Weights raw and as floats, one small; a node that has a tensor of its own. */
static struct bytes make(size_t large)
{
	struct wire node = {.n = 0}, opset = {.n = 0};
	struct bytes graph = {0}, model = {0};

	onnx_node(&node, "n", "MatMul", "x", "raw", "y");
	add_tensor(&graph, "raw", 9, large);
	add_tensor(&graph, "small", 9, 64);
	add_tensor(&graph, "floats", 4, large);
	append(&graph, 1, node.data, node.n);
	append(&graph, 2, "the graph", 9);
	wire_number(&opset, 2, 17);
	append(&model, 8, opset.data, opset.n);
	append(&model, 7, graph.data, graph.n);
	free(graph.data);
	return model;
}

static void large_weights_go_and_all_else_stays(void **state)
{
	struct bytes model = make(LARGE);
	Onnx__ModelProto *m;
	unsigned char *lean;
	size_t n, at;
	const Onnx__GraphProto *g;

	(void)state;
	assert_int_equal(jm_onnx_check(&onnx__model_proto__descriptor, model.data, model.n, &at), 0);
	assert_int_equal(jm_onnx_lean(model.data, model.n, &lean, &n), 0);
	assert_true(n < 500);
	assert_int_equal(jm_onnx_unpack("lean", lean, n, &m, NULL), 0);
	g = m->graph;
	assert_string_equal(g->name, "the graph");
	assert_int_equal(m->opset_import[0]->version, 17);
	assert_int_equal(g->n_initializer, 3);
	assert_string_equal(g->initializer[0]->name, "raw");
	assert_false(g->initializer[0]->has_raw_data);
	assert_int_equal(g->initializer[0]->dims[0], LARGE / 4);
	assert_int_equal(g->initializer[1]->raw_data.len, 64);
	assert_memory_equal(g->initializer[1]->raw_data.data, "wwwwwwww", 8);
	assert_string_equal(g->initializer[2]->name, "floats");
	assert_int_equal(g->initializer[2]->n_float_data, 0);
	assert_int_equal(g->n_node, 1);
	assert_string_equal(g->node[0]->op_type, "MatMul");
	onnx__model_proto__free_unpacked(m, NULL);
	free(lean);
	free(model.data);
}

static void a_model_of_small_weights_is_copied_to_the_byte(void **state)
{
	struct bytes model = make(4096);
	unsigned char *lean;
	size_t n;

	(void)state;
	assert_int_equal(jm_onnx_lean(model.data, model.n, &lean, &n), 0);
	assert_int_equal(n, model.n);
	assert_memory_equal(lean, model.data, n);
	free(lean);
	free(model.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(large_weights_go_and_all_else_stays),
	    cmocka_unit_test(a_model_of_small_weights_is_copied_to_the_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
