#include "runner/npy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char file[512];

/* Writes magic, version, header and n_data bytes 0, 1, 2, ... Gives the size. */
static size_t make(int version, const char *header, size_t n_data)
{
	size_t length = strlen(header), at = version == 1 ? 10 : 12, i;

	memcpy(file, "\x93NUMPY", 6);
	file[6] = (unsigned char)version;
	file[7] = 0;
	file[8] = (unsigned char)(length & 0xff);
	file[9] = (unsigned char)(length >> 8);
	file[10] = file[11] = 0;
	memcpy(file + at, header, length);
	for (i = 0; i < n_data; i++)
		file[at + length + i] = (unsigned char)i;
	return at + length + n_data;
}

static int read_it(int version, const char *header, size_t n_data)
{
	struct jm_npy npy = {0};
	size_t n = make(version, header, n_data);
	unsigned char *copy = malloc(n);
	struct jm_error err;
	int rc;

	memcpy(copy, file, n);
	rc = jm_npy_read("test", copy, n, &npy, &err);
	free(copy);
	jm_npy_finish(&npy);
	return rc;
}

static void versions_1_to_3_are_read(void **state)
{
	const char *header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n";
	int version;

	(void)state;
	for (version = 1; version <= 3; version++) {
		struct jm_npy npy = {0};
		size_t n = make(version, header, 24);

		assert_int_equal(jm_npy_read("test", file, n, &npy, NULL), 0);
		assert_int_equal(npy.dtype, JM_DTYPE_FP32);
		assert_int_equal(npy.n_dims, 2);
		assert_int_equal(npy.dims[0], 2);
		assert_int_equal(npy.dims[1], 3);
		assert_int_equal(npy.n_bytes, 24);
		assert_int_equal(npy.data[23], 23);
		jm_npy_finish(&npy);
		jm_npy_finish(&npy);
	}
	assert_int_equal(read_it(4, header, 24), JM_E_FORMAT);
	assert_int_equal(read_it(0, header, 24), JM_E_FORMAT);
}

static void scalars_and_vectors_have_their_shapes(void **state)
{
	(void)state;
	assert_int_equal(read_it(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (), }", 8), 0);
	assert_int_equal(read_it(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", 16), 0);
	assert_int_equal(read_it(1, "{'shape':(2,),'descr':'|b1','fortran_order':False}", 2), 0);
	assert_int_equal(read_it(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (0, 7)}", 0), 0);
}

static void what_cannot_be_used_is_named(void **state)
{
	(void)state;
	assert_int_equal(read_it(1, "{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", 4), JM_E_UNSUPPORTED);
	assert_int_equal(read_it(1, "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8), JM_E_UNSUPPORTED);
	assert_int_equal(read_it(1, "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8), JM_E_UNSUPPORTED);
	assert_int_equal(read_it(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", 4), JM_E_UNSUPPORTED);
}

static void sizes_that_do_not_fit_are_refused(void **state)
{
	static const char *const shapes[] = {"(2,)", "(4611686018427387904, 4)", "(99999999999999999999,)", "(-1,)", "(1", "(1 1)",
					     "(1,,2)", "[1]", "1", "(0x4,)"};
	char header[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		snprintf(header, sizeof(header), "{'descr': '<f4', 'fortran_order': False, 'shape': %s}", shapes[i]);
		assert_int_equal(read_it(1, header, 4), JM_E_FORMAT);
	}
}

static void odd_headers_are_refused(void **state)
{
	static const char *const headers[] = {
	    "", "{", "}", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
	    "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}", "{'descr': [('a', '<f4')], 'fortran_order': False}",
	    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", "{'descr",
	    "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		assert_int_equal(read_it(1, headers[i], 4), JM_E_FORMAT);
}

static void more_than_32_dimensions_are_refused(void **state)
{
	char header[256] = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
	int i;

	(void)state;
	for (i = 0; i < 33; i++)
		strcat(header, "1,");
	strcat(header, ")}");
	assert_int_equal(read_it(1, header, 4), JM_E_FORMAT);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
	size_t n = make(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 24), cut;
	struct jm_npy npy;

	(void)state;
	for (cut = 0; cut < n; cut++) {
		unsigned char *copy = malloc(cut + 1);

		memcpy(copy, file, cut);
		assert_int_equal(jm_npy_read("cut", copy, cut, &npy, NULL), JM_E_FORMAT);
		free(copy);
	}
	assert_int_equal(jm_npy_load("/no/such/file.npy", &npy, NULL), JM_E_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(versions_1_to_3_are_read),        cmocka_unit_test(scalars_and_vectors_have_their_shapes),
	    cmocka_unit_test(what_cannot_be_used_is_named),    cmocka_unit_test(sizes_that_do_not_fit_are_refused),
	    cmocka_unit_test(odd_headers_are_refused),         cmocka_unit_test(more_than_32_dimensions_are_refused),
	    cmocka_unit_test(a_file_cut_anywhere_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
