/* Answers of a small model on a real ONNX Runtime, in batches; skips where there is none. */
#include "runner/evaluate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/onnx_writer.h"

static const char *const folders[] = {JM_SOURCE_DIR "/.cache/onnxruntime/lib"};

#define N 7

/* Item i is plus or minus a unit vector: the model y = -(x W), whose weights rise along each row, answers 0 or 7. */
static void make_set(struct jm_data_set *d, float *x, int64_t *labels)
{
	static struct jm_items items;
	int i;

	memset(x, 0, N * 8 * sizeof(*x));
	for (i = 0; i < N; i++) {
		x[i * 8 + i] = i % 2 ? -1 : 1;
		labels[i] = i % 2 ? 7 : 0;
	}
	items = (struct jm_items){.data = {.dtype = JM_DTYPE_FP32,
					   .dims = {N, 8},
					   .n_dims = 2,
					   .data = (unsigned char *)x,
					   .n_bytes = N * 8 * sizeof(*x)}};
	*d = (struct jm_data_set){
	    .inputs = &items,
	    .n_inputs = 1,
	    .n_items = N,
	    .has_labels = true,
	    .labels = {.dtype = JM_DTYPE_INT64, .dims = {N}, .n_dims = 1, .data = (unsigned char *)labels}};
}

static struct jm_runner *new_runner(const struct wire *model, uint64_t batch)
{
	struct jm_runner_options options = {.model_path = "test model",
					    .model_bytes = model->data,
					    .model_size = model->n,
					    .runs = 1,
					    .search = {.folders = folders, .n_folders = 1},
					    .input = {.batch = batch}};
	static struct jm_env env;
	struct jm_runner *r;
	struct jm_error err = {0};
	int rc;

	jm_env_init(&env);
	rc = jm_runner_create(&options, &env, &r, &err);
	if (rc == JM_E_NOT_FOUND || rc == JM_E_UNSUPPORTED) {
		printf("SKIP: %s\n", err.message);
		exit(77);
	}
	if (rc)
		fail_msg("%s", err.message);
	return r;
}

static void every_item_is_answered_once_whatever_the_batch(void **state)
{
	static const uint64_t batches[] = {1, 2, 3, 7, 16};
	static struct wire model;
	struct jm_evaluation e;
	struct jm_data_set d;
	struct jm_error err;
	float x[N * 8];
	int64_t labels[N];
	size_t i;

	(void)state;
	onnx_small_model(&model, 0, "Neg");
	make_set(&d, x, labels);
	labels[6] = 3; /* one wrong, in the last batch, which is not full */
	for (i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
		struct jm_runner *r = new_runner(&model, batches[i]);

		assert_int_equal(jm_runner_give(r, &d, &err), 0);
		assert_int_equal(jm_runner_evaluate(r, &d, NULL, &e, &err), 0);
		assert_float_equal(e.value, 6.0 / 7, 1e-12);
		assert_int_equal(e.n_items, N);
		assert_true(e.items[6] == 0 && e.items[5] == 1);
		jm_evaluation_finish(&e);
		jm_runner_destroy(r);
	}
}

static void outputs_with_nan_are_said(void **state)
{
	static struct wire model;
	struct jm_evaluation e;
	struct jm_data_set d;
	struct jm_runner *r;
	struct jm_error err;
	float x[N * 8];
	int64_t labels[N];

	(void)state;
	onnx_small_model(&model, 0, "Neg");
	make_set(&d, x, labels);
	x[8] = NAN;
	r = new_runner(&model, 2);
	assert_int_equal(jm_runner_evaluate(r, &d, NULL, &e, &err), 0);
	assert_true(isnan(e.value));
	assert_string_equal(e.reason, "1 of 7 outputs hold NaN or infinity");
	jm_evaluation_finish(&e);
	jm_runner_destroy(r);
}

static void data_of_another_shape_or_input_are_refused(void **state)
{
	static struct wire model;
	struct jm_data_set d;
	struct jm_runner *r;
	struct jm_error err;
	float x[N * 8];
	int64_t labels[N];

	(void)state;
	onnx_small_model(&model, 0, "Neg");
	make_set(&d, x, labels);
	r = new_runner(&model, 2);
	d.inputs[0].data.dims[1] = 4;
	assert_int_equal(jm_runner_give(r, &d, &err), JM_E_INVALID);
	make_set(&d, x, labels);
	d.inputs[0].data.dtype = JM_DTYPE_INT32;
	assert_int_equal(jm_runner_give(r, &d, &err), JM_E_INVALID);
	assert_non_null(strstr(err.message, "int32"));
	make_set(&d, x, labels);
	d.inputs[0].input = "nobody";
	assert_int_equal(jm_runner_give(r, &d, &err), JM_E_INVALID);
	assert_non_null(strstr(err.message, "nobody"));
	jm_runner_destroy(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_item_is_answered_once_whatever_the_batch),
	    cmocka_unit_test(outputs_with_nan_are_said),
	    cmocka_unit_test(data_of_another_shape_or_input_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
