#include "model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "support/onnx_writer.h"

static struct jm_model *read_good(const struct wire *w)
{
	struct jm_model *m = NULL;
	struct jm_error err = {0};
	int rc = jm_model_read("test", w->data, w->n, &m, &err);

	if (rc)
		print_error("%s\n", err.message);
	assert_int_equal(rc, 0);
	return m;
}

static void facts_of_a_small_model_are_found(void **state)
{
	struct wire w;
	struct jm_model *m;

	(void)state;
	onnx_small_model(&w, 0, "Relu");
	m = read_good(&w);
	assert_string_equal(m->producer, "test");
	assert_string_equal(m->graph_name, "small");
	assert_int_equal(m->opset, 13);
	assert_int_equal(m->n_inputs, 1);
	assert_string_equal(m->inputs[0].name, "x");
	assert_int_equal(m->inputs[0].dtype, JM_DTYPE_FP32);
	assert_int_equal(m->inputs[0].n_dims, 2);
	assert_int_equal(m->inputs[0].dims[0].size, -1);
	assert_string_equal(m->inputs[0].dims[0].name, "batch");
	assert_int_equal(m->inputs[0].dims[1].size, 8);
	assert_int_equal(m->n_outputs, 1);
	assert_int_equal(m->n_nodes, 2);
	assert_string_equal(m->nodes[0].name, "multiply");
	assert_string_equal(m->nodes[1].name, "Relu_1");
	assert_false(m->nodes[1].has_name);
	assert_int_equal(m->n_parameters, 64);
	assert_int_equal(m->weight_bytes, 256);
	assert_int_equal(m->precision, JM_DTYPE_FP32);
	assert_int_equal(m->file_bytes, w.n);
	jm_model_destroy(m);
}

/* 100 int8 elements against 64 fp32 ones; the int64 shape tensor, larger than both, is no parameter. */
static void precision_is_the_type_of_most_parameters(void **state)
{
	static const unsigned char zeros[2048];
	const int64_t weight[] = {100}, other[] = {64}, shape[] = {200};
	struct wire graph = {.n = 0}, part, w;
	struct jm_model *m;

	(void)state;
	onnx_node(&part, "n", "Relu", "x", NULL, "y");
	wire_message(&graph, 1, &part);
	onnx_tensor(&part, "q", JM_DTYPE_INT8, weight, 1, zeros, 100);
	wire_message(&graph, 5, &part);
	onnx_tensor(&part, "f", JM_DTYPE_FP32, other, 1, zeros, 256);
	wire_message(&graph, 5, &part);
	onnx_tensor(&part, "s", JM_DTYPE_INT64, shape, 1, zeros, 1600);
	wire_message(&graph, 5, &part);
	onnx_model(&w, &graph);
	m = read_good(&w);
	assert_int_equal(m->precision, JM_DTYPE_INT8);
	assert_int_equal(m->n_parameters, 164);
	assert_int_equal(m->weight_bytes, 356);
	assert_int_equal(m->n_tensors, 3);
	jm_model_destroy(m);
}

static void weights_in_other_files_are_counted_but_not_opened(void **state)
{
	struct wire graph = {.n = 0}, tensor = {.n = 0}, entry = {.n = 0}, node, w;
	struct jm_model *m;

	(void)state;
	onnx_node(&node, "n", "Relu", "x", NULL, "y");
	wire_message(&graph, 1, &node);
	wire_number(&tensor, 1, 1000);
	wire_number(&tensor, 2, JM_DTYPE_FP16);
	wire_text(&tensor, 8, "big");
	wire_text(&entry, 1, "location");
	wire_text(&entry, 2, "/no/such/file");
	wire_message(&tensor, 13, &entry);
	wire_number(&tensor, 14, 1);
	wire_message(&graph, 5, &tensor);
	onnx_model(&w, &graph);
	m = read_good(&w);
	assert_int_equal(m->n_external, 1);
	assert_true(m->tensors[0].is_external);
	assert_int_equal(m->weight_bytes, 2000);
	assert_int_equal(m->precision, JM_DTYPE_FP16);
	jm_model_destroy(m);
}

/* Before IR version 4 initialisers were inputs too. */
static void an_initialiser_is_no_input(void **state)
{
	const int64_t dims[] = {4};
	struct wire graph = {.n = 0}, part, w;
	struct jm_model *m;
	float four[4] = {1, 2, 3, 4};

	(void)state;
	onnx_node(&part, "n", "Add", "x", "w", "y");
	wire_message(&graph, 1, &part);
	onnx_tensor(&part, "w", JM_DTYPE_FP32, dims, 1, four, sizeof(four));
	wire_message(&graph, 5, &part);
	onnx_value(&part, "x", 1, dims, NULL, 1);
	wire_message(&graph, 11, &part);
	onnx_value(&part, "w", 1, dims, NULL, 1);
	wire_message(&graph, 11, &part);
	onnx_model(&w, &graph);
	m = read_good(&w);
	assert_int_equal(m->n_inputs, 1);
	assert_string_equal(m->inputs[0].name, "x");
	jm_model_destroy(m);
}

static void weights_in_sub_graphs_and_constants_count(void **state)
{
	const int64_t dims[] = {4};
	struct wire body = {.n = 0}, graph = {.n = 0}, constant, attribute = {.n = 0}, tensor, node, w;
	struct jm_model *m;
	float four[4] = {1, 2, 3, 4};

	(void)state;
	onnx_tensor(&tensor, "c", JM_DTYPE_FP32, dims, 1, four, sizeof(four));
	wire_text(&attribute, 1, "value");
	wire_message(&attribute, 5, &tensor);
	onnx_node(&constant, "c", "Constant", "", NULL, "c");
	wire_message(&constant, 5, &attribute);
	wire_message(&body, 1, &constant);
	attribute.n = 0;
	wire_text(&attribute, 1, "then_branch");
	wire_message(&attribute, 6, &body);
	onnx_node(&node, "if", "If", "x", NULL, "y");
	wire_message(&node, 5, &attribute);
	wire_message(&graph, 1, &node);
	onnx_model(&w, &graph);
	m = read_good(&w);
	assert_int_equal(m->n_nodes, 1);
	assert_int_equal(m->n_inner_nodes, 1);
	assert_int_equal(m->n_parameters, 4);
	jm_model_destroy(m);
}

/* Cutting the file anywhere but between two fields of the outermost message is damage; there, the graph is missing or
 * the rest is a whole model still. No cut may crash. */
static void a_file_cut_anywhere_is_refused_or_whole(void **state)
{
	struct wire w;
	size_t n, refused = 0;

	(void)state;
	onnx_small_model(&w, 0, "Relu");
	for (n = 0; n < w.n; n++) {
		unsigned char *copy = malloc(n + 1);
		struct jm_model *m = NULL;
		struct jm_error err;
		int rc;

		memcpy(copy, w.data, n);
		rc = jm_model_read("cut", copy, n, &m, &err);
		assert_true(rc == 0 || rc == JM_E_FORMAT);
		refused += rc != 0;
		jm_model_destroy(rc == 0 ? m : NULL);
		free(copy);
	}
	assert_true(refused >= w.n - 2);
}

static void bytes_turned_anywhere_never_crash(void **state)
{
	struct wire w;
	size_t i;
	int bit;

	(void)state;
	onnx_small_model(&w, 0, "Relu");
	for (i = 0; i < w.n; i++) {
		for (bit = 0; bit < 8; bit++) {
			struct jm_model *m = NULL;
			int rc;

			w.data[i] ^= (unsigned char)(1 << bit);
			rc = jm_model_read("turned", w.data, w.n, &m, NULL);
			assert_true(rc == 0 || rc == JM_E_FORMAT);
			jm_model_destroy(rc == 0 ? m : NULL);
			w.data[i] ^= (unsigned char)(1 << bit);
		}
	}
}

/* Puts a field's key and the length of what lies behind it in front. Gives the new beginning. */
static size_t wrap(unsigned char *data, size_t at, size_t end, unsigned field)
{
	struct wire head = {.n = 0};

	wire_raw_varint(&head, field << 3 | 2);
	wire_raw_varint(&head, end - at);
	memcpy(data + at - head.n, head.data, head.n);
	return at - head.n;
}

/* Graph in attribute in node in graph ...: an unpacker that recurses without a limit exhausts its stack. */
static void nesting_without_end_is_refused(void **state)
{
	size_t size = 1u << 20, at = size, level;
	unsigned char *data = malloc(size);
	struct jm_model *m = NULL;
	struct jm_error err = {0};

	(void)state;
	assert_non_null(data);
	for (level = 0; level < 50000; level++) {
		at = wrap(data, at, size, 6); /* AttributeProto.g */
		at = wrap(data, at, size, 5); /* NodeProto.attribute */
		at = wrap(data, at, size, 1); /* GraphProto.node */
	}
	at = wrap(data, at, size, 7); /* ModelProto.graph */
	assert_int_equal(jm_model_read("deep", data + at, size - at, &m, &err), JM_E_FORMAT);
	assert_non_null(strstr(err.message, "byte"));
	free(data);
}

static void impossible_dimensions_are_refused(void **state)
{
	const int64_t negative[] = {-4}, huge[] = {INT64_MAX, 16};
	struct wire graph, part, w;
	struct jm_model *m;

	(void)state;
	graph.n = 0;
	onnx_tensor(&part, "w", JM_DTYPE_FP32, negative, 1, "", 0);
	wire_message(&graph, 5, &part);
	onnx_model(&w, &graph);
	assert_int_equal(jm_model_read("t", w.data, w.n, &m, NULL), JM_E_FORMAT);
	graph.n = 0;
	onnx_tensor(&part, "w", JM_DTYPE_FP32, huge, 2, "", 0);
	wire_message(&graph, 5, &part);
	onnx_model(&w, &graph);
	assert_int_equal(jm_model_read("t", w.data, w.n, &m, NULL), JM_E_FORMAT);
}

static void data_that_does_not_fill_its_shape_is_refused(void **state)
{
	const int64_t dims[] = {8, 8};
	struct wire graph = {.n = 0}, part, w;
	struct jm_model *m;
	struct jm_error err;
	float few[3] = {0};

	(void)state;
	onnx_tensor(&part, "weight_of_it", JM_DTYPE_FP32, dims, 2, few, sizeof(few));
	wire_message(&graph, 5, &part);
	onnx_model(&w, &graph);
	assert_int_equal(jm_model_read("t", w.data, w.n, &m, &err), JM_E_FORMAT);
	assert_non_null(strstr(err.message, "weight_of_it"));
}

static void other_files_are_no_models(void **state)
{
	struct jm_model *m;
	struct jm_error err;

	(void)state;
	assert_int_equal(jm_model_read("text", "#!/bin/sh\necho hello\n", 21, &m, &err), JM_E_FORMAT);
	assert_int_equal(jm_model_read("empty", "", 0, &m, &err), JM_E_FORMAT);
	assert_int_equal(jm_model_load("/no/such/model.onnx", &m, &err), JM_E_NOT_FOUND);
	assert_int_equal(jm_model_load("/", &m, &err), JM_E_FORMAT);
	assert_int_equal(jm_model_load("/dev/zero", &m, &err), JM_E_FORMAT);
	assert_int_equal(jm_model_read("ort", "\x18\0\0\0ORTM....", 12, &m, &err), JM_E_UNSUPPORTED);
}

/* The build without the schema has nothing to test here. */
static bool can_read(void)
{
	struct wire w;
	struct jm_model *m = NULL;
	struct jm_error err;
	int rc;

	onnx_small_model(&w, 0, "Relu");
	rc = jm_model_read("probe", w.data, w.n, &m, &err);
	if (rc == 0)
		jm_model_destroy(m);
	if (rc == JM_E_UNSUPPORTED)
		printf("skipped: %s\n%s\n", err.message, err.remedy);
	return rc != JM_E_UNSUPPORTED;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(facts_of_a_small_model_are_found),
	    cmocka_unit_test(precision_is_the_type_of_most_parameters),
	    cmocka_unit_test(weights_in_other_files_are_counted_but_not_opened),
	    cmocka_unit_test(an_initialiser_is_no_input),
	    cmocka_unit_test(weights_in_sub_graphs_and_constants_count),
	    cmocka_unit_test(a_file_cut_anywhere_is_refused_or_whole),
	    cmocka_unit_test(bytes_turned_anywhere_never_crash),
	    cmocka_unit_test(nesting_without_end_is_refused),
	    cmocka_unit_test(impossible_dimensions_are_refused),
	    cmocka_unit_test(data_that_does_not_fill_its_shape_is_refused),
	    cmocka_unit_test(other_files_are_no_models),
	};

	return can_read() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
