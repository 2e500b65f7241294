/* Scores of outputs that are known; the npy files that come in; latencies that settle. */
#include "runner/metric.h"
#include "runner/settle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct jm_data_set set_of(int64_t *labels, int64_t items, int64_t tokens)
{
	struct jm_data_set d = {.n_items = (uint64_t)items, .has_labels = labels != NULL};

	d.labels.dtype = JM_DTYPE_INT64;
	d.labels.n_dims = tokens ? 2 : 1;
	d.labels.dims[0] = items;
	d.labels.dims[1] = tokens;
	d.labels.data = (unsigned char *)labels;
	return d;
}

static struct jm_ort_tensor tensor(int dtype, int64_t *dims, size_t n_dims, void *data)
{
	return (struct jm_ort_tensor){.is_tensor = true, .dtype = dtype, .n_dims = n_dims, .dims = dims, .data = data};
}

static struct jm_evaluation score(const struct jm_data_set *d, const struct jm_ort_tensor *t, const char *command,
				  int expected)
{
	struct jm_evaluation e = {.value = NAN};
	struct jm_error err = {0};
	struct jm_metric m;
	int rc = jm_metric_begin(&m, d, command, &e, &err);

	rc = rc ? rc : jm_metric_add(&m, t, 0, d->n_items, &err);
	rc = rc ? rc : jm_metric_end(&m, &err);
	jm_metric_finish(&m);
	if (rc != expected)
		fail_msg("%d: %s", rc, err.message);
	return e;
}

static void accuracy_is_the_share_of_highest_scores(void **state)
{
	int64_t labels[] = {2, 0, 1, 1}, dims[] = {4, 3};
	float scores[] = {0, 1, 2, 5, 1, 0, -1, -2, -3, 0, 1, 0};
	struct jm_data_set d = set_of(labels, 4, 0);
	struct jm_ort_tensor t = tensor(JM_DTYPE_FP32, dims, 2, scores);
	struct jm_evaluation e = score(&d, &t, NULL, 0);

	(void)state;
	assert_string_equal(e.name, "accuracy");
	assert_float_equal(e.value, 0.75, 1e-12);
	assert_int_equal(e.n_values, 4);
	assert_true(e.items[0] == 1 && e.items[1] == 1 && e.items[2] == 0 && e.items[3] == 1);
	jm_evaluation_finish(&e);
}

static void halves_and_classes_are_read_too(void **state)
{
	int64_t labels[] = {1, 0}, dims[] = {2, 2}, one[] = {2, 1};
	uint16_t halves[] = {0x3c00, 0x4000, 0xbc00, 0xc000}; /* 1, 2, -1, -2 */
	int64_t classes[] = {1, 1};
	struct jm_data_set d = set_of(labels, 2, 0);
	struct jm_ort_tensor t = tensor(JM_DTYPE_FP16, dims, 2, halves), c = tensor(JM_DTYPE_INT64, one, 2, classes);
	struct jm_evaluation e = score(&d, &t, NULL, 0);

	(void)state;
	assert_float_equal(e.value, 1, 1e-12);
	jm_evaluation_finish(&e);
	e = score(&d, &c, NULL, 0);
	assert_float_equal(e.value, 0.5, 1e-12);
	jm_evaluation_finish(&e);
}

static void outputs_that_are_no_numbers_leave_no_accuracy(void **state)
{
	int64_t labels[] = {0, 0, 0}, dims[] = {3, 2};
	float scores[] = {1, 0, NAN, 0, 1, INFINITY};
	struct jm_data_set d = set_of(labels, 3, 0);
	struct jm_ort_tensor t = tensor(JM_DTYPE_FP32, dims, 2, scores);
	struct jm_evaluation e = score(&d, &t, NULL, 0);

	(void)state;
	assert_true(isnan(e.value));
	assert_null(e.items);
	assert_string_equal(e.reason, "2 of 3 outputs hold NaN or infinity");
	jm_evaluation_finish(&e);
}

static void perplexity_leaves_out_negative_labels(void **state)
{
	int64_t labels[] = {1, -100, 0, 1}, dims[] = {2, 2, 2};
	float logits[] = {0, 0, 9, 9, 1, 1, 0, (float)2.0};
	struct jm_data_set d = set_of(labels, 2, 2);
	struct jm_ort_tensor t = tensor(JM_DTYPE_FP32, dims, 3, logits);
	struct jm_evaluation e = score(&d, &t, NULL, 0);
	double nll = (log(2) + log(2) + log(1 + exp(-2))) / 3;

	(void)state;
	assert_string_equal(e.name, "perplexity");
	assert_int_equal(e.tokens_per_item, 2);
	assert_float_equal(e.value, exp(nll), 1e-9);
	/* Two items, three tokens that count. */
	assert_float_equal(e.items[0], log(2) * 2 / 3, 1e-9);
	assert_float_equal((e.items[0] + e.items[1]) / 2, log(e.value), 1e-9);
	jm_evaluation_finish(&e);
}

static void no_label_that_counts_leaves_no_perplexity(void **state)
{
	int64_t labels[] = {-100, -1}, dims[] = {1, 2, 2};
	float logits[] = {0, 0, 9, 9};
	struct jm_data_set d = set_of(labels, 1, 2);
	struct jm_ort_tensor t = tensor(JM_DTYPE_FP32, dims, 3, logits);
	struct jm_evaluation e = score(&d, &t, NULL, 0);

	(void)state;
	assert_true(isnan(e.value));
	assert_null(e.items);
	assert_int_equal(e.n_values, 0);
	assert_string_equal(e.reason, "no label counts: all of them are negative");
	jm_evaluation_finish(&e);
}

static void outputs_that_change_their_size_are_refused(void **state)
{
	int64_t dims[] = {1, 3}, other[] = {1, 2}, flat[] = {1};
	float scores[] = {0, 1, 2};
	struct jm_data_set d = set_of(NULL, 2, 0);
	struct jm_ort_tensor t = tensor(JM_DTYPE_FP32, dims, 2, scores), o = tensor(JM_DTYPE_FP32, other, 2, scores),
			     f = tensor(JM_DTYPE_FP32, flat, 1, scores);
	struct jm_evaluation e = {.value = NAN};
	struct jm_error err = {0};
	struct jm_metric m;

	(void)state;
	assert_int_equal(jm_metric_begin(&m, &d, "true", &e, &err), 0);
	assert_int_equal(jm_metric_add(&m, &t, 0, 1, &err), 0);
	assert_int_equal(jm_metric_add(&m, &o, 1, 1, &err), JM_E_INVALID);
	assert_non_null(strstr(err.message, "another shape"));
	assert_int_equal(jm_metric_add(&m, &f, 1, 1, &err), JM_E_INVALID);
	assert_int_equal(jm_metric_add(&m, &t, 1, 1, &err), 0);
	jm_metric_finish(&m);
	jm_evaluation_finish(&e);
}

static void labels_that_are_no_class_are_refused(void **state)
{
	int64_t labels[] = {3}, dims[] = {1, 3}, flat[] = {1};
	float scores[] = {0, 1, 2};
	struct jm_data_set d = set_of(labels, 1, 0);
	struct jm_ort_tensor t = tensor(JM_DTYPE_FP32, dims, 2, scores), f = tensor(JM_DTYPE_FP32, flat, 1, scores);
	struct jm_evaluation e = score(&d, &t, NULL, JM_E_INVALID);

	(void)state;
	jm_evaluation_finish(&e);
	e = score(&d, &f, NULL, JM_E_INVALID);
	jm_evaluation_finish(&e);
}

static void a_command_scores_the_outputs(void **state)
{
	int64_t labels[] = {0, 1}, dims[] = {2, 3};
	float scores[] = {0, 1, 2, 3, 4, 5};
	struct jm_data_set d = set_of(labels, 2, 0);
	struct jm_ort_tensor t = tensor(JM_DTYPE_FP32, dims, 2, scores);
	/* The header is 256 bytes, the data 24. */
	struct jm_evaluation e = score(&d, &t, "size() { echo \"bytes $(wc -c <\"$1\")\"; }; size", 0);

	(void)state;
	assert_string_equal(e.name, "bytes");
	assert_float_equal(e.value, 280, 1e-9);
	jm_evaluation_finish(&e);
	e = score(&d, &t, "echo 0.5 #", 0);
	assert_string_equal(e.name, "metric");
	assert_float_equal(e.value, 0.5, 1e-12);
	jm_evaluation_finish(&e);
	e = score(&d, &t, "echo 0.5; head -c 1000000 /dev/zero #", 0); /* says more than a pipe holds */
	assert_float_equal(e.value, 0.5, 1e-12);
	jm_evaluation_finish(&e);
	e = score(&d, &t, "false", JM_E_INVALID);
	jm_evaluation_finish(&e);
	e = score(&d, &t, "echo banana pie #", JM_E_FORMAT);
	jm_evaluation_finish(&e);
}

static void latencies_settle_when_three_blocks_agree(void **state)
{
	struct jm_settle s;
	int i, settled_at = 0;

	(void)state;
	jm_settle_init(&s, 0.05);
	/* Falls from 2 ms towards 1 ms, with an outlier now and then. */
	for (i = 1; i < 500 && !settled_at; i++)
		if (jm_settle_add(&s, (int64_t)(1e6 * (1 + exp(-i / 20.0))) + (i % 10 == 0 ? 5000000 : 0)))
			settled_at = i;
	assert_in_range(settled_at, 40, 120);
	assert_true(fabs((double)jm_settle_latency_ns(&s) - 1e6) < 5e4);
	jm_settle_init(&s, 0.05);
	assert_int_equal(jm_settle_latency_ns(&s), 0);
	for (i = 0; i < 300; i++)
		assert_false(jm_settle_add(&s, i / JM_SETTLE_BLOCK % 2 ? 1000 : 2000));
}

/* An .npy of n bytes of int64 zeros. */
static void write_npy(const char *path, const char *descr, const char *shape, size_t n_bytes)
{
	char header[128];
	FILE *f = fopen(path, "wb");
	size_t i;

	memset(header, ' ', sizeof(header));
	memcpy(header, "\x93NUMPY\x01\0", 8);
	header[8] = 118;
	header[9] = 0;
	i = 10 +
	    (size_t)snprintf(header + 10, 110, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
	header[i] = ' ';
	header[127] = '\n';
	fwrite(header, 1, sizeof(header), f);
	for (i = 0; i < n_bytes; i++)
		fputc(0, f);
	fclose(f);
}

static void data_and_labels_must_be_of_the_same_items(void **state)
{
	char folder[] = "/tmp/jm-test-XXXXXX", x[64], named[80], y[64], z[64];
	const char *data[] = {named}, *two[] = {named, z};
	struct jm_data_set d;
	struct jm_error err;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(x, sizeof(x), "%s/x.npy", folder);
	snprintf(y, sizeof(y), "%s/y.npy", folder);
	snprintf(z, sizeof(z), "%s/z.npy", folder);
	snprintf(named, sizeof(named), "image=%s", x);
	write_npy(x, "<f4", "(6, 2)", 48);
	write_npy(y, "<i8", "(6,)", 48);
	write_npy(z, "<i8", "(5,)", 40);
	assert_int_equal(jm_data_set_load(data, 1, y, &d, &err), 0);
	assert_int_equal(d.n_items, 6);
	assert_string_equal(d.inputs[0].input, "image");
	jm_data_set_finish(&d);
	assert_int_equal(jm_data_set_load(data, 1, z, &d, &err), JM_E_INVALID);
	assert_non_null(strstr(err.message, "5 labels"));
	assert_non_null(strstr(err.message, "6 items"));
	jm_data_set_finish(&d);
	assert_int_equal(jm_data_set_load(two, 2, y, &d, &err), JM_E_INVALID);
	jm_data_set_finish(&d);
	assert_int_equal(jm_data_set_load(data, 1, x, &d, &err), JM_E_INVALID); /* floats are no labels */
	jm_data_set_finish(&d);
	write_npy(z, "<i8", "(6, 0)", 0);
	assert_int_equal(jm_data_set_load(data, 1, z, &d, &err), JM_E_INVALID); /* nor is nothing */
	assert_non_null(strstr(err.message, "no labels"));
	jm_data_set_finish(&d);
	write_npy(z, "<i8", "(6, 1, 1)", 48);
	assert_int_equal(jm_data_set_load(data, 1, z, &d, &err), JM_E_INVALID);
	jm_data_set_finish(&d);
	assert_int_equal(jm_data_set_load(data, 0, y, &d, &err), JM_E_INVALID);
	jm_data_set_finish(&d);
	unlink(x);
	unlink(y);
	unlink(z);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(accuracy_is_the_share_of_highest_scores),
	    cmocka_unit_test(halves_and_classes_are_read_too),
	    cmocka_unit_test(outputs_that_are_no_numbers_leave_no_accuracy),
	    cmocka_unit_test(perplexity_leaves_out_negative_labels),
	    cmocka_unit_test(no_label_that_counts_leaves_no_perplexity),
	    cmocka_unit_test(outputs_that_change_their_size_are_refused),
	    cmocka_unit_test(labels_that_are_no_class_are_refused),
	    cmocka_unit_test(a_command_scores_the_outputs),
	    cmocka_unit_test(latencies_settle_when_three_blocks_agree),
	    cmocka_unit_test(data_and_labels_must_be_of_the_same_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
