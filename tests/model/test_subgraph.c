/* Cutting nodes out of graphs. Where ONNX Runtime is at hand, each cut is run and must give what it gives in the whole. */
#include "model/subgraph.h"

#include "model/model.h"
#include "runner/ort.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/onnx_writer.h"

static const char *const folders[] = {JM_SOURCE_DIR "/.cache/onnxruntime/lib"};
static bool has_schema, has_runtime;

/* A build without the ONNX schema cannot cut. */
#define NEED_SCHEMA()                                                                                                  \
	do {                                                                                                           \
		if (!has_schema)                                                                                       \
			skip();                                                                                        \
	} while (0)

static struct jm_graph *read_good(const struct wire *w)
{
	struct jm_graph *g = NULL;
	struct jm_error err = {0};
	int rc = jm_graph_read("test", w->data, w->n, &g, &err);

	if (rc)
		print_error("%s\n", err.message);
	assert_int_equal(rc, 0);
	return g;
}

static void nodes_are_found_by_the_names_of_the_profiler(void **state)
{
	struct jm_graph *g;
	struct wire w;
	size_t node = 9;

	(void)state;
	NEED_SCHEMA();
	onnx_small_model(&w, 0, "Relu");
	g = read_good(&w);
	assert_int_equal(jm_graph_n_nodes(g), 2);
	assert_int_equal(jm_graph_find(g, "multiply", "MatMul", &node), 0);
	assert_int_equal(node, 0);
	assert_int_equal(jm_graph_find(g, "Relu_1", "Relu", &node), 0);
	assert_int_equal(node, 1);
	assert_int_equal(jm_graph_find(g, "Relu_0", "Relu", &node), JM_E_NOT_FOUND);
	assert_int_equal(jm_graph_find(g, "Relu_", "Relu", &node), JM_E_NOT_FOUND);
	assert_int_equal(jm_graph_find(g, "multiply", "Gemm", &node), JM_E_NOT_FOUND);
	assert_int_equal(jm_graph_find(g, "", "", &node), JM_E_NOT_FOUND);
	jm_graph_destroy(g);
}

static void two_nodes_of_one_name_are_not_told_apart(void **state)
{
	struct wire graph = {.n = 0}, part, w;
	struct jm_graph *g;
	size_t node;

	(void)state;
	NEED_SCHEMA();
	onnx_node(&part, "twin", "Relu", "x", NULL, "h");
	wire_message(&graph, 1, &part);
	onnx_node(&part, "twin", "Relu", "h", NULL, "y");
	wire_message(&graph, 1, &part);
	onnx_model(&w, &graph);
	g = read_good(&w);
	assert_int_equal(jm_graph_find(g, "twin", "Relu", &node), JM_E_INVALID);
	jm_graph_destroy(g);
}

static void a_cut_has_its_weights_and_nothing_else(void **state)
{
	const int64_t dims[] = {2, 8};
	const struct jm_subgraph_input x = {"x", JM_DTYPE_FP32, dims, 2}, h = {"h", JM_DTYPE_FP32, dims, 2};
	struct jm_model *m = NULL;
	unsigned char *bytes;
	const char *names[4];
	struct jm_graph *g;
	struct jm_error err;
	struct wire w;
	size_t n, n_names;

	(void)state;
	NEED_SCHEMA();
	onnx_small_model(&w, 0, "Relu");
	g = read_good(&w);
	assert_int_equal(jm_graph_inputs(g, 0, names, 4, &n_names), 0);
	assert_int_equal(n_names, 1);
	assert_string_equal(names[0], "x");
	assert_int_equal(jm_graph_inputs(g, 0, names, 0, &n_names), JM_E_FULL);
	assert_int_equal(jm_graph_cut(g, 0, &x, 1, &bytes, &n, NULL), 0);
	assert_int_equal(jm_model_read("cut", bytes, n, &m, NULL), 0);
	assert_int_equal(m->n_nodes, 1);
	assert_string_equal(m->nodes[0].op_type, "MatMul");
	assert_int_equal(m->n_parameters, 64);
	assert_int_equal(m->opset, 13);
	assert_int_equal(m->n_inputs, 1);
	assert_int_equal(m->inputs[0].dims[0].size, 2);
	assert_int_equal(m->n_outputs, 1);
	assert_string_equal(m->outputs[0].name, "h");
	jm_model_destroy(m);
	free(bytes);
	assert_int_equal(jm_graph_cut(g, 1, &h, 1, &bytes, &n, NULL), 0);
	assert_int_equal(jm_model_read("cut", bytes, n, &m, NULL), 0);
	assert_int_equal(m->n_parameters, 0);
	jm_model_destroy(m);
	free(bytes);
	assert_int_equal(jm_graph_cut(g, 1, &x, 1, &bytes, &n, &err), JM_E_INVALID);
	assert_non_null(strstr(err.message, "'h'"));
	jm_graph_destroy(g);
}

/* A Constant node's tensor becomes a weight of the cut: kernels may want it known beforehand. */
static void a_constant_comes_along_as_a_weight(void **state)
{
	static const float two[] = {2};
	const int64_t one_dim[] = {1}, dims[] = {4};
	const struct jm_subgraph_input x = {"x", JM_DTYPE_FP32, dims, 1};
	struct wire graph = {.n = 0}, part, attribute = {.n = 0}, node = {.n = 0}, w;
	struct jm_model *m = NULL;
	unsigned char *bytes;
	struct jm_graph *g;
	size_t n;

	(void)state;
	NEED_SCHEMA();
	onnx_tensor(&part, "unlike", JM_DTYPE_FP32, one_dim, 1, two, sizeof(two));
	wire_text(&attribute, 1, "value");
	wire_message(&attribute, 5, &part);
	wire_text(&node, 2, "two");
	wire_text(&node, 4, "Constant");
	wire_message(&node, 5, &attribute);
	wire_message(&graph, 1, &node);
	onnx_node(&part, "twice", "Mul", "x", "two", "y");
	wire_message(&graph, 1, &part);
	onnx_model(&w, &graph);
	g = read_good(&w);
	assert_int_equal(jm_graph_cut(g, 1, &x, 1, &bytes, &n, NULL), 0);
	assert_int_equal(jm_model_read("cut", bytes, n, &m, NULL), 0);
	assert_int_equal(m->n_inputs, 1);
	assert_int_equal(m->n_tensors, 1);
	assert_string_equal(m->tensors[0].name, "two");
	jm_model_destroy(m);
	free(bytes);
	jm_graph_destroy(g);
}

static void control_flow_and_weights_elsewhere_are_refused(void **state)
{
	const int64_t dims[] = {8};
	const struct jm_subgraph_input x = {"x", JM_DTYPE_FP32, dims, 1};
	struct wire graph = {.n = 0}, part, inner = {.n = 0}, attribute = {.n = 0}, w;
	unsigned char *bytes;
	struct jm_graph *g;
	struct jm_error err;
	size_t n;

	(void)state;
	NEED_SCHEMA();
	onnx_node(&part, "branch", "If", "x", NULL, "y");
	wire_text(&attribute, 1, "then_branch");
	wire_text(&inner, 2, "inner");
	wire_message(&attribute, 6, &inner);
	wire_message(&part, 5, &attribute);
	wire_message(&graph, 1, &part);
	onnx_node(&part, "far", "Add", "x", "w", "z");
	wire_message(&graph, 1, &part);
	part.n = 0; /* a tensor whose data lies in a file */
	wire_number(&part, 1, 8);
	wire_number(&part, 2, JM_DTYPE_FP32);
	wire_text(&part, 8, "w");
	wire_number(&part, 14, 1);
	wire_message(&graph, 5, &part);
	onnx_node(&part, "silent", "Relu", "x", NULL, "");
	wire_message(&graph, 1, &part);
	onnx_model(&w, &graph);
	g = read_good(&w);
	assert_string_equal(jm_graph_refusal(g, 0), "control flow");
	assert_string_equal(jm_graph_refusal(g, 1), "weights in another file");
	assert_string_equal(jm_graph_refusal(g, 2), "no output");
	assert_int_equal(jm_graph_cut(g, 0, &x, 1, &bytes, &n, &err), JM_E_UNSUPPORTED);
	assert_string_equal(err.message, "control flow");
	jm_graph_destroy(g);
}

static void values_are_exposed_once(void **state)
{
	const char *const values[] = {"h", "y", "h"};
	struct jm_model *m = NULL;
	unsigned char *bytes;
	struct jm_graph *g;
	struct wire w;
	size_t n;

	(void)state;
	NEED_SCHEMA();
	onnx_small_model(&w, 0, "Relu");
	g = read_good(&w);
	assert_int_equal(jm_graph_expose(g, values, 3, &bytes, &n, NULL), 0);
	assert_int_equal(jm_model_read("exposed", bytes, n, &m, NULL), 0);
	assert_int_equal(m->n_outputs, 2);
	assert_string_equal(m->outputs[0].name, "y");
	assert_string_equal(m->outputs[1].name, "h");
	assert_int_equal(m->n_nodes, 2);
	assert_int_equal(m->n_parameters, 64);
	jm_model_destroy(m);
	free(bytes);
	jm_graph_destroy(g);
}

/* Every cut of the file, and every byte of it turned over: refused, or cut without harm. */
static void hostile_graphs_do_no_harm(void **state)
{
	const int64_t dims[] = {2, 8};
	struct wire w;
	size_t i, j, size;

	(void)state;
	NEED_SCHEMA();
	onnx_small_model(&w, 0, "Relu");
	size = w.n;
	for (i = 0; i < 2 * size; i++) {
		struct jm_graph *g = NULL;
		unsigned char *copy = malloc(size);
		size_t n = i < size ? i : size;

		memcpy(copy, w.data, size);
		if (i >= size)
			copy[i - size] ^= 0xff;
		if (jm_graph_read("hostile", copy, n, &g, NULL) == 0) {
			for (j = 0; j < jm_graph_n_nodes(g); j++) {
				struct jm_subgraph_input inputs[4];
				const char *names[4];
				unsigned char *bytes;
				size_t k, n_names = 0, n_bytes;

				jm_graph_refusal(g, j);
				if (jm_graph_inputs(g, j, names, 4, &n_names))
					continue;
				for (k = 0; k < n_names; k++)
					inputs[k] = (struct jm_subgraph_input){names[k], JM_DTYPE_FP32, dims, 2};
				if (jm_graph_cut(g, j, inputs, n_names, &bytes, &n_bytes, NULL) == 0)
					free(bytes);
			}
		}
		jm_graph_destroy(g);
		free(copy);
	}
}

static struct jm_ort_session *start(struct jm_ort *ort, const void *bytes, size_t n, float *data)
{
	const struct jm_ort_options options = {
	    .model_path = "test", .model_bytes = bytes, .model_size = n, .threads = 1, .level = JM_ORT_LEVEL_NONE};
	const int64_t dims[] = {2, 8};
	struct jm_ort_session *s = NULL;
	struct jm_error err = {0};

	if (jm_ort_session_create(ort, &options, &s, &err))
		print_error("%s\n", err.message);
	assert_non_null(s);
	assert_int_equal(jm_ort_session_bind(s, 0, dims, data, 16 * sizeof(*data), NULL), 0);
	return s;
}

static void a_cut_gives_what_it_gives_in_the_whole(void **state)
{
	static const char *const values[] = {"h", "y"}, *const only_y[] = {"y"}, *const missing[] = {"none"};
	struct jm_ort_search search = {.folders = folders, .n_folders = 1};
	struct jm_ort_tensor whole[2], alone, none;
	struct jm_subgraph_input h;
	struct jm_ort_session *s;
	struct jm_graph *g;
	struct jm_ort *ort = NULL;
	unsigned char *bytes;
	float x[16];
	struct wire w;
	size_t i, n;

	(void)state;
	if (!has_schema || !has_runtime)
		skip();
	assert_int_equal(jm_ort_open(&search, &ort, NULL), 0);
	for (i = 0; i < 16; i++)
		x[i] = (float)i / 8 - 1;
	onnx_small_model(&w, 0, "Sigmoid");
	g = read_good(&w);
	assert_int_equal(jm_graph_expose(g, values, 2, &bytes, &n, NULL), 0);
	s = start(ort, bytes, n, x);
	free(bytes);
	assert_int_equal(jm_ort_session_fetch(s, values, 2, whole, NULL), 0);
	assert_int_equal(jm_ort_session_fetch(s, missing, 1, &none, NULL), JM_E_INVALID);
	jm_ort_tensor_finish(&none);
	jm_ort_session_destroy(s);
	assert_true(whole[0].is_tensor);
	assert_int_equal(whole[0].dtype, JM_DTYPE_FP32);
	assert_int_equal(whole[0].n_dims, 2);
	assert_int_equal(whole[0].dims[0], 2);
	assert_int_equal(whole[0].size_bytes, 64);
	h = (struct jm_subgraph_input){"h", whole[0].dtype, whole[0].dims, whole[0].n_dims};
	assert_int_equal(jm_graph_cut(g, 1, &h, 1, &bytes, &n, NULL), 0);
	s = start(ort, bytes, n, whole[0].data);
	free(bytes);
	assert_int_equal(jm_ort_session_fetch(s, only_y, 1, &alone, NULL), 0);
	assert_int_equal(alone.size_bytes, whole[1].size_bytes);
	assert_memory_equal(alone.data, whole[1].data, alone.size_bytes);
	assert_memory_not_equal(alone.data, whole[0].data, alone.size_bytes);
	jm_ort_session_destroy(s);
	jm_ort_tensor_finish(&alone);
	jm_ort_tensor_finish(&whole[0]);
	jm_ort_tensor_finish(&whole[1]);
	jm_graph_destroy(g);
	jm_ort_close(ort);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nodes_are_found_by_the_names_of_the_profiler),
	    cmocka_unit_test(two_nodes_of_one_name_are_not_told_apart),
	    cmocka_unit_test(a_cut_has_its_weights_and_nothing_else),
	    cmocka_unit_test(a_constant_comes_along_as_a_weight),
	    cmocka_unit_test(control_flow_and_weights_elsewhere_are_refused),
	    cmocka_unit_test(values_are_exposed_once),
	    cmocka_unit_test(hostile_graphs_do_no_harm),
	    cmocka_unit_test(a_cut_gives_what_it_gives_in_the_whole),
	};
	struct jm_ort_search search = {.folders = folders, .n_folders = 1};
	struct jm_ort *ort = NULL;
	struct jm_graph *g = NULL;
	struct jm_error err;

	has_schema = jm_graph_read("probe", "", 0, &g, &err) != JM_E_UNSUPPORTED;
	jm_graph_destroy(g);
	has_runtime = jm_ort_open(&search, &ort, &err) == 0;
	jm_ort_close(ort);
	if (!has_schema)
		printf("skipped: built without the ONNX schema\n");
	else if (!has_runtime)
		printf("cuts are not run: %s\n", err.message);
	return has_schema ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
