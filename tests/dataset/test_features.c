#include "dataset/features.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

static int of(const char *type, const char *shapes, const struct jm_window *window, struct jm_features *f)
{
	static struct jm_operands o;

	assert_int_equal(jm_operands_parse(shapes, &o), 0);
	return jm_features_from(type, &o, SIZE_MAX, window, f);
}

static double value(const struct jm_features *f, const char *column)
{
	struct jm_layer_columns columns;
	size_t i;

	jm_layer_columns(f->kind, &columns);
	for (i = 0; i < columns.n; i++)
		if (strcmp(columns.names[i], column) == 0)
			return f->values[i];
	fail_msg("there is no column %s", column);
	return NAN;
}

static void columns_begin_with_the_historic_ones(void **state)
{
	struct jm_layer_columns c;
	size_t k;

	(void)state;
	jm_layer_columns(JM_LAYER_CONVOLUTIONAL, &c);
	assert_int_equal(c.n_historic, 13);
	assert_int_equal(c.n, 16);
	assert_string_equal(c.names[9], "padding_0");
	assert_string_equal(c.names[13], "groups");
	jm_layer_columns(JM_LAYER_POOLING, &c);
	assert_int_equal(c.n_historic, 11);
	assert_string_equal(c.names[9], "stride_0");
	jm_layer_columns(JM_LAYER_DENSE, &c);
	assert_int_equal(c.n_historic, 3);
	for (k = JM_LAYER_MATMUL; k < JM_LAYER_KINDS; k++) {
		jm_layer_columns((enum jm_layer_kind)k, &c);
		assert_int_equal(c.n_historic, 0);
		assert_true(c.n > 1 && c.n <= JM_FEATURES_MAX);
	}
}

static void a_convolution_is_read_from_its_shapes(void **state)
{
	struct jm_features f;

	(void)state;
	/* ResNet's first: 7 x 7, stride 2, 3 on each side. */
	assert_int_equal(of("Conv", "fp32[1,3,224,224] fp32[64,3,7,7] fp32[64] -> fp32[1,64,112,112]", NULL, &f), 0);
	assert_int_equal(f.kind, JM_LAYER_CONVOLUTIONAL);
	assert_true(value(&f, "kernel_0") == 7 && value(&f, "stride_1") == 2 && value(&f, "groups") == 1);
	assert_true(value(&f, "padding_0") == 5); /* what the last window reaches; the sixth row of padding is not read */
	assert_true(f.macs == 64.0 * 112 * 112 * 3 * 49);
	assert_true(f.flops >= 2 * f.macs);
	/* Depthwise. */
	assert_int_equal(of("Conv", "fp32[1,32,112,112] fp32[32,1,3,3] -> fp32[1,32,112,112]", NULL, &f), 0);
	assert_true(value(&f, "groups") == 32 && value(&f, "stride_0") == 1 && value(&f, "padding_1") == 2);
	/* What the model says goes before what shapes let guess. */
	assert_int_equal(of("Conv", "fp32[1,3,224,224] fp32[64,3,7,7] fp32[64] -> fp32[1,64,112,112]",
			    &(struct jm_window){true, {7, 7}, {2, 2}, {6, 6}, {1, 1}, 1}, &f),
			 0);
	assert_true(value(&f, "padding_0") == 6);
}

static void a_quantised_convolution_has_its_weights_further_back(void **state)
{
	struct jm_features f;

	(void)state;
	assert_int_equal(of("QLinearConv",
			    "uint8[1,8,10,10] fp32[] uint8[] int8[16,8,3,3] fp32[] int8[] fp32[] uint8[] -> uint8[1,16,10,10]",
			    NULL, &f),
			 0);
	assert_true(value(&f, "kernel_1") == 3 && value(&f, "groups") == 1);
	assert_int_equal(f.dtype, JM_DTYPE_UINT8);
}

static void a_pooling_needs_its_window(void **state)
{
	const char *shapes = "fp32[1,64,55,55] -> fp32[1,64,27,27]";
	struct jm_features f;

	(void)state;
	assert_int_equal(of("MaxPool", shapes, NULL, &f), JM_E_INVALID);
	assert_int_equal(of("MaxPool", shapes, &(struct jm_window){true, {3, 3}, {2, 2}, {0, 0}, {1, 1}, 1}, &f), 0);
	assert_true(value(&f, "kernel_0") == 3 && value(&f, "stride_0") == 2 && value(&f, "padding_0") == 0);
	assert_int_equal(of("GlobalAveragePool", "fp32[1,512,7,7] -> fp32[1,512,1,1]", NULL, &f), 0);
	assert_true(value(&f, "kernel_1") == 7);
}

static void a_product_with_weights_is_dense_whether_they_are_listed_or_not(void **state)
{
	struct jm_features listed, packed;

	(void)state;
	assert_int_equal(of("MatMul", "fp32[1,128,256] fp32[256,1024] -> fp32[1,128,1024]", NULL, &listed), 0);
	assert_int_equal(of("MatMul", "fp32[1,128,256] -> fp32[1,128,1024]", NULL, &packed), 0);
	assert_int_equal(listed.kind, JM_LAYER_DENSE);
	assert_memory_equal(&listed, &packed, sizeof(listed));
	assert_true(listed.macs == 128.0 * 256 * 1024);
	assert_int_equal(of("Gemm", "fp32[1,400] fp32[120] -> fp32[1,120]", NULL, &packed), 0);
	assert_true(packed.macs == 400 * 120 && value(&packed, "inner_size") == 400);
}

static void a_product_of_activations_keeps_its_three_sizes(void **state)
{
	struct jm_features f;

	(void)state;
	assert_int_equal(of("MatMul", "fp32[1,12,128,64] fp32[1,12,64,128] -> fp32[1,12,128,128]", NULL, &f), 0);
	assert_int_equal(f.kind, JM_LAYER_MATMUL);
	assert_true(value(&f, "batch_size") == 12 && value(&f, "rows") == 128 && value(&f, "inner_size") == 64 &&
		    value(&f, "columns") == 128);
	assert_true(f.macs == 12.0 * 128 * 64 * 128);
}

static void other_kinds_have_rows_and_elements(void **state)
{
	struct jm_features f;

	(void)state;
	assert_int_equal(of("LayerNormalization", "fp32[1,128,768] fp32[768] fp32[768] -> fp32[1,128,768]", NULL, &f), 0);
	assert_true(f.kind == JM_LAYER_LAYER_NORM && value(&f, "rows") == 128 && value(&f, "width") == 768);
	assert_int_equal(of("Gather", "fp32[30522,768] int64[1,128] -> fp32[1,128,768]", NULL, &f), 0);
	assert_true(f.kind == JM_LAYER_EMBEDDING && value(&f, "rows") == 128 && value(&f, "table_rows") == 30522);
	assert_int_equal(of("Add", "fp32[1,8,4] fp32[4] -> fp32[1,8,4]", NULL, &f), 0);
	assert_true(f.kind == JM_LAYER_ELEMENTWISE && value(&f, "operands") == 2 && value(&f, "input_elements") == 36);
	assert_int_equal(of("Transpose", "fp32[2,3,4] -> fp32[2,4,3]", NULL, &f), 0);
	assert_int_equal(f.kind, JM_LAYER_MOVEMENT);
	assert_int_equal(of("ThisIsNoOperator", "fp32[2] -> fp32[2]", NULL, &f), JM_E_NOT_FOUND);
	assert_int_equal(of("Add", "-> fp32[4]", NULL, &f), JM_E_INVALID);
}

static void work_that_a_table_lacks_is_computed_from_all_dimensions(void **state)
{
	struct jm_features f = {.kind = JM_LAYER_CONVOLUTIONAL,
				.values = {2, 32, 112, 112, 16, 56, 56, 3, 3, 2, 2, 2, 2, 4, 1, 1},
				.macs = NAN,
				.flops = NAN,
				.bytes = NAN};

	(void)state;
	jm_features_complete(&f);
	assert_true(f.macs == 2.0 * 16 * 56 * 56 * (32 / 4) * 9);
	assert_true(f.flops == 2 * f.macs);
	assert_true(f.bytes == 4 * (2.0 * (32 * 112 * 112 + 16 * 56 * 56) + 16 * 8 * 9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns_begin_with_the_historic_ones),
	    cmocka_unit_test(a_convolution_is_read_from_its_shapes),
	    cmocka_unit_test(a_quantised_convolution_has_its_weights_further_back),
	    cmocka_unit_test(a_pooling_needs_its_window),
	    cmocka_unit_test(a_product_with_weights_is_dense_whether_they_are_listed_or_not),
	    cmocka_unit_test(a_product_of_activations_keeps_its_three_sizes),
	    cmocka_unit_test(other_kinds_have_rows_and_elements),
	    cmocka_unit_test(work_that_a_table_lacks_is_computed_from_all_dimensions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
