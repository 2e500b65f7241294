#include "model/op_cost.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SHAPE(...)                                                                                                     \
	(struct jm_shape)                                                                                              \
	{                                                                                                              \
		JM_DTYPE_FP32, true, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t),                               \
		{                                                                                                      \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}

static struct jm_op_cost cost_of(const char *type, const struct jm_shape *in, size_t n_in, struct jm_shape out)
{
	struct jm_op_cost cost;

	jm_op_cost(type, in, n_in, &out, 1, &cost);
	return cost;
}

/* 64 filters of 3 x 7 x 7 on 112 x 112 places: 118,013,952 products. */
static void convolution_takes_one_product_a_weight_and_place(void **state)
{
	struct jm_shape in[] = {SHAPE(1, 3, 224, 224), SHAPE(64, 3, 7, 7)};
	struct jm_op_cost cost = cost_of("Conv", in, 2, SHAPE(1, 64, 112, 112));

	(void)state;
	assert_true(cost.macs == 118013952);
	assert_true(cost.flops == 2 * cost.macs);
	assert_true(cost.bytes == 4.0 * (3 * 224 * 224 + 64 * 3 * 49 + 64 * 112 * 112));
	assert_null(cost.reason);
}

static void groups_share_no_products(void **state)
{
	struct jm_shape in[] = {SHAPE(2, 32, 10, 10), SHAPE(32, 1, 3, 3)};

	(void)state;
	assert_true(cost_of("Conv", in, 2, SHAPE(2, 32, 10, 10)).macs == 2 * 32 * 100 * 9);
}

static void transposed_convolution_counts_from_its_operand(void **state)
{
	struct jm_shape in[] = {SHAPE(1, 8, 5, 5), SHAPE(8, 4, 2, 2)};

	(void)state;
	assert_true(cost_of("ConvTranspose", in, 2, SHAPE(1, 4, 10, 10)).macs == 8 * 25 * 4 * 4);
}

static void products_find_their_inner_dimension(void **state)
{
	struct jm_shape plain[] = {SHAPE(3, 4), SHAPE(4, 5)};
	struct jm_shape batched[] = {SHAPE(2, 6, 3, 4), SHAPE(2, 6, 4, 5)};
	struct jm_shape shared[] = {SHAPE(2, 3, 4), SHAPE(4, 5)};
	struct jm_shape transposed[] = {SHAPE(4, 3), SHAPE(5, 4)};
	struct jm_shape vector[] = {SHAPE(4), SHAPE(4, 5)};

	(void)state;
	assert_true(cost_of("MatMul", plain, 2, SHAPE(3, 5)).macs == 60);
	assert_true(cost_of("MatMul", batched, 2, SHAPE(2, 6, 3, 5)).macs == 12 * 60);
	assert_true(cost_of("MatMul", shared, 2, SHAPE(2, 3, 5)).macs == 120);
	assert_true(cost_of("Gemm", transposed, 2, SHAPE(3, 5)).macs == 60);
	assert_true(cost_of("MatMul", vector, 2, SHAPE(5)).macs == 20);
}

/* ONNX Runtime packs weights and leaves them out of its profile: A and the bias are all it says. */
static void packed_weights_are_inferred(void **state)
{
	struct jm_shape in[] = {SHAPE(1, 200), SHAPE(2)};
	struct jm_op_cost cost = cost_of("Gemm", in, 2, SHAPE(1, 2));

	(void)state;
	assert_true(cost.macs == 400);
	assert_true(cost.bytes == 4 * (200 + 2 + 2 + 400));
	assert_true(cost_of("MatMul", in, 1, SHAPE(1, 2)).macs == 400);
}

static void quantised_operands_stand_elsewhere(void **state)
{
	struct jm_shape scalar = {JM_DTYPE_FP32, true, 0, {0}};
	struct jm_shape in[] = {SHAPE(1, 3, 8, 8), scalar, scalar, SHAPE(16, 3, 3, 3)};

	(void)state;
	assert_true(cost_of("QLinearConv", in, 4, SHAPE(1, 16, 8, 8)).macs == 16 * 64 * 27);
}

static void recurrent_layers_use_all_gates_each_step(void **state)
{
	struct jm_shape in[] = {SHAPE(7, 2, 10), SHAPE(1, 80, 10), SHAPE(1, 80, 20)};

	(void)state;
	assert_true(cost_of("LSTM", in, 3, SHAPE(7, 1, 2, 20)).macs == 14 * (800 + 1600));
}

static void unknown_stays_unknown_with_a_reason(void **state)
{
	struct jm_shape in[] = {SHAPE(1, 3, 4, 4), {.dtype = JM_DTYPE_FP32}};
	struct jm_op_cost cost = cost_of("Conv", in, 2, SHAPE(1, 5, 4, 4));

	(void)state;
	assert_true(isnan(cost.macs) && isnan(cost.flops) && isnan(cost.bytes));
	assert_string_equal(cost.reason, "shape unknown");
	cost = cost_of("Frobnicate", in, 1, SHAPE(3, 5));
	assert_true(isnan(cost.macs) && isnan(cost.flops));
	assert_string_equal(cost.reason, "operator not counted");
}

static void hostile_dimensions_do_no_harm(void **state)
{
	struct jm_shape huge[] = {SHAPE(INT64_MAX, INT64_MAX), SHAPE(INT64_MAX, 2)};
	struct jm_shape empty[] = {SHAPE(0, 3), SHAPE(0, 3, 3, 3)};
	struct jm_op_cost cost = cost_of("MatMul", huge, 2, SHAPE(INT64_MAX, 2));

	(void)state;
	assert_true(isfinite(cost.macs) || isnan(cost.macs));
	cost = cost_of("Conv", empty, 2, SHAPE(0, 0));
	assert_false(cost.macs > 0);
}

/* A table of a million rows of which ten are looked up moves ten, twice. */
static void lookups_move_what_they_give(void **state)
{
	struct jm_shape in[] = {SHAPE(1000000, 8), SHAPE(10)};

	(void)state;
	assert_true(cost_of("Gather", in, 2, SHAPE(10, 8)).bytes == 2 * 80 * 4);
	assert_true(cost_of("Reshape", in, 2, SHAPE(8, 1000000)).bytes == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(convolution_takes_one_product_a_weight_and_place),
	    cmocka_unit_test(groups_share_no_products),
	    cmocka_unit_test(transposed_convolution_counts_from_its_operand),
	    cmocka_unit_test(products_find_their_inner_dimension),
	    cmocka_unit_test(packed_weights_are_inferred),
	    cmocka_unit_test(quantised_operands_stand_elsewhere),
	    cmocka_unit_test(recurrent_layers_use_all_gates_each_step),
	    cmocka_unit_test(unknown_stays_unknown_with_a_reason),
	    cmocka_unit_test(hostile_dimensions_do_no_harm),
	    cmocka_unit_test(lookups_move_what_they_give),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
