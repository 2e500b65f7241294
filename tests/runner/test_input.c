#include "runner/input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *image_names[] = {"batch", "", "height", "width"};
static int64_t image_dims[] = {-1, 3, -1, -1};
static char *text_names[] = {"batch", "sequence"};
static int64_t text_dims[] = {-1, -1};

static const struct jm_ort_input image = {"x", JM_DTYPE_FP32, true, 4, image_dims, image_names};
static const struct jm_ort_input texts[] = {
    {"input_ids", JM_DTYPE_INT64, true, 2, text_dims, text_names},
    {"attention_mask", JM_DTYPE_INT64, true, 2, text_dims, text_names},
    {"token_type_ids", JM_DTYPE_INT64, true, 2, text_dims, text_names},
    {"position_ids", JM_DTYPE_INT64, true, 2, text_dims, text_names},
};

static int make_image(const char *shape, uint64_t batch, struct jm_inputs *out, struct jm_error *err)
{
	struct jm_input_options o = {.batch = batch, .shapes = &shape, .n_shapes = shape != NULL, .seed = 7};

	return jm_inputs_make(&image, 1, &o, out, err);
}

static void an_open_dimension_is_asked_for_by_name(void **state)
{
	struct jm_inputs in;
	struct jm_error err;

	(void)state;
	assert_int_equal(make_image(NULL, 0, &in, &err), JM_E_INVALID);
	assert_non_null(strstr(err.message, "'x' [batch, 3, height, width]"));
	assert_non_null(strstr(err.remedy, "--shape x=1x3x<height>x<width>"));
	assert_int_equal(make_image(NULL, 8, &in, &err), JM_E_INVALID);
	assert_non_null(strstr(err.remedy, "--shape x=8x3x<height>x<width>"));
}

static void shapes_are_taken_with_and_without_the_name(void **state)
{
	struct jm_inputs in;

	(void)state;
	assert_int_equal(make_image("x=2x3x4x5", 0, &in, NULL), 0);
	assert_int_equal(in.items[0].dims[3], 5);
	assert_int_equal(in.items[0].n_bytes, 2 * 3 * 4 * 5 * 4);
	assert_int_equal(in.batch, 2);
	jm_inputs_finish(&in);
	assert_int_equal(make_image("2x3x4x5", 0, &in, NULL), 0);
	jm_inputs_finish(&in);
}

static void wrong_shapes_are_refused(void **state)
{
	static const char *const shapes[] = {"x=1x4x8x8", "x=1x3x8",  "x=1x3x8x8x8", "y=1x3x8x8", "x=",	 "x=1x3xAx8",
					     "x=1x3x-8x8", "x=1x3x8x", "x=1,3,8,8",   "x=1x3x9223372036854775807x9"};
	struct jm_inputs in;
	struct jm_error err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		assert_int_equal(make_image(shapes[i], 0, &in, &err), JM_E_INVALID);
		assert_true(err.message[0] != '\0');
	}
	assert_int_equal(make_image("x=2x3x8x8", 4, &in, &err), JM_E_INVALID);
}

static void one_name_has_one_size_in_all_inputs(void **state)
{
	const char *shape = "input_ids=2x16", *other = "attention_mask=2x17";
	const char *both[] = {shape, other};
	struct jm_input_options o = {.shapes = &shape, .n_shapes = 1};
	struct jm_inputs in;
	int64_t value;
	size_t i;

	(void)state;
	assert_int_equal(jm_inputs_make(texts, 4, &o, &in, NULL), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(in.items[i].n_bytes, 2 * 16 * 8);
	for (i = 0; i < 32; i++) {
		memcpy(&value, in.items[0].data + i * 8, 8);
		assert_in_range(value, 1, 100);
		memcpy(&value, in.items[1].data + i * 8, 8);
		assert_int_equal(value, 1);
		memcpy(&value, in.items[2].data + i * 8, 8);
		assert_int_equal(value, 0);
		memcpy(&value, in.items[3].data + i * 8, 8);
		assert_int_equal(value, i % 16);
	}
	jm_inputs_finish(&in);
	o.shapes = both;
	o.n_shapes = 2;
	assert_int_equal(jm_inputs_make(texts, 4, &o, &in, NULL), 0);
	assert_int_equal(in.items[1].dims[1], 17);
	assert_int_equal(in.items[2].dims[1], 16);
	jm_inputs_finish(&in);
}

/* Paddle's exporter calls every open dimension "?". */
static void a_name_without_letters_ties_nothing(void **state)
{
	char *names[] = {"?", "", "?", "?"};
	struct jm_ort_input odd = {"x", JM_DTYPE_FP32, true, 4, image_dims, names};
	const char *shape = "x=1x3x48x192";
	struct jm_input_options o = {.shapes = &shape, .n_shapes = 1};
	struct jm_inputs in;

	(void)state;
	assert_int_equal(jm_inputs_make(&odd, 1, &o, &in, NULL), 0);
	assert_int_equal(in.items[0].dims[3], 192);
	jm_inputs_finish(&in);
	o.n_shapes = 0;
	o.batch = 2;
	assert_int_equal(jm_inputs_make(&odd, 1, &o, &in, NULL), JM_E_INVALID);
}

static void generated_data_depends_on_the_seed_alone_and_has_no_zeros(void **state)
{
	float a[1000], b[1000];
	uint16_t half[1000], brain[1000];
	size_t i;

	(void)state;
	assert_int_equal(jm_input_fill("x", JM_DTYPE_FP32, 1000, 10, 7, (unsigned char *)a), 0);
	assert_int_equal(jm_input_fill("x", JM_DTYPE_FP32, 1000, 10, 7, (unsigned char *)b), 0);
	assert_memory_equal(a, b, sizeof(a));
	assert_int_equal(jm_input_fill("x", JM_DTYPE_FP32, 1000, 10, 8, (unsigned char *)b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(jm_input_fill("x", JM_DTYPE_FP16, 1000, 10, 7, (unsigned char *)half), 0);
	assert_int_equal(jm_input_fill("x", JM_DTYPE_BF16, 1000, 10, 7, (unsigned char *)brain), 0);
	for (i = 0; i < 1000; i++) {
		int exponent = (half[i] >> 10 & 31) - 15;
		double value = ldexp(1 + (half[i] & 1023) / 1024.0, exponent) * (half[i] & 0x8000 ? -1 : 1);

		assert_true(fabsf(a[i]) >= 0x1p-7f && fabsf(a[i]) < 1);
		assert_true(fabs(value - (double)a[i]) <= fabs((double)a[i]) / 1024);
		assert_true((brain[i] & 0x7fff) != 0);
	}
	assert_int_equal(jm_input_fill("s", JM_DTYPE_STRING, 1, 1, 7, (unsigned char *)a), JM_E_UNSUPPORTED);
}

static void a_fixed_batch_cannot_be_changed(void **state)
{
	int64_t dims[] = {1, 8};
	char *names[] = {"", ""};
	struct jm_ort_input fixed = {"x", JM_DTYPE_FP32, true, 2, dims, names};
	struct jm_input_options o = {.batch = 4};
	struct jm_inputs in;
	struct jm_error err;

	(void)state;
	assert_int_equal(jm_inputs_make(&fixed, 1, &o, &in, &err), JM_E_INVALID);
	assert_non_null(strstr(err.message, "--batch"));
	o.batch = 1;
	assert_int_equal(jm_inputs_make(&fixed, 1, &o, &in, &err), 0);
	jm_inputs_finish(&in);
}

static void strings_and_sequences_are_refused(void **state)
{
	struct jm_ort_input input = image;
	struct jm_input_options o = {0};
	struct jm_inputs in;

	(void)state;
	input.dtype = JM_DTYPE_STRING;
	assert_int_equal(jm_inputs_make(&input, 1, &o, &in, NULL), JM_E_UNSUPPORTED);
	input.is_tensor = false;
	assert_int_equal(jm_inputs_make(&input, 1, &o, &in, NULL), JM_E_UNSUPPORTED);
}

/* An array of 1x3x2x1 elements of four bytes, the first byte 1. */
static void write_npy(const char *path, const char *descr)
{
	unsigned char bytes[200] = "\x93NUMPY\x01";
	FILE *f = fopen(path, "wb");
	int n =
	    snprintf((char *)bytes + 10, 150, "{'descr': '%s', 'fortran_order': False, 'shape': (1, 3, 2, 1)}", descr);

	assert_non_null(f);
	bytes[8] = (unsigned char)n;
	bytes[10 + n] = 1;
	assert_int_equal(fwrite(bytes, 1, (size_t)n + 10 + 24, f), (size_t)n + 10 + 24);
	fclose(f);
}

static void files_settle_shape_and_data(void **state)
{
	char path[] = "/tmp/jm-input-XXXXXX", named[64];
	const char *file = named;
	struct jm_input_options o = {.files = &file, .n_files = 1};
	struct jm_inputs in;
	struct jm_error err;

	(void)state;
	close(mkstemp(path));
	snprintf(named, sizeof(named), "x=%s", path);
	write_npy(path, "<f4");
	assert_int_equal(jm_inputs_make(&image, 1, &o, &in, &err), 0);
	assert_true(in.items[0].is_from_file);
	assert_int_equal(in.items[0].data[0], 1);
	assert_int_equal(in.items[0].dims[2], 2);
	jm_inputs_finish(&in);
	o.batch = 2;
	assert_int_equal(jm_inputs_make(&image, 1, &o, &in, &err), JM_E_INVALID);
	o.batch = 0;
	write_npy(path, "<i4");
	assert_int_equal(jm_inputs_make(&image, 1, &o, &in, &err), JM_E_INVALID);
	assert_non_null(strstr(err.message, "int32"));
	unlink(path);
	assert_int_equal(jm_inputs_make(&image, 1, &o, &in, &err), JM_E_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_open_dimension_is_asked_for_by_name),
	    cmocka_unit_test(shapes_are_taken_with_and_without_the_name),
	    cmocka_unit_test(wrong_shapes_are_refused),
	    cmocka_unit_test(one_name_has_one_size_in_all_inputs),
	    cmocka_unit_test(a_name_without_letters_ties_nothing),
	    cmocka_unit_test(generated_data_depends_on_the_seed_alone_and_has_no_zeros),
	    cmocka_unit_test(a_fixed_batch_cannot_be_changed),
	    cmocka_unit_test(strings_and_sequences_are_refused),
	    cmocka_unit_test(files_settle_shape_and_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
