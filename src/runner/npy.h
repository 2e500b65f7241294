/* NumPy's file of one array (.npy). Source: numpy.lib.format, "Format Version 1.0" to "3.0". */
#ifndef RUNNER_NPY_H
#define RUNNER_NPY_H

#include "model/dtype.h"

#define JM_NPY_DIMS_MAX 32 /* NumPy's own limit before version 2 */

/* An array in C order, little-endian. data: n_bytes bytes. */
struct jm_npy {
	int dtype; /* enum jm_dtype */
	int64_t dims[JM_NPY_DIMS_MAX];
	size_t n_dims;
	unsigned char *data;
	size_t n_bytes;
};

/* Reads a file: versions 1 to 3; fp16, fp32, fp64, bool and integers of 8 to 64 bits. Errors: those of opening;
 * JM_E_FORMAT when it is no such file, damaged, or its size does not fit its shape; JM_E_UNSUPPORTED for Fortran order,
 * big-endian or other types. out: finish with jm_npy_finish. */
int jm_npy_load(const char *path, struct jm_npy *out, struct jm_error *err);

/* The same from memory. name: for messages. */
int jm_npy_read(const char *name, const unsigned char *bytes, size_t n, struct jm_npy *out, struct jm_error *err);

/* Frees the data. */
void jm_npy_finish(struct jm_npy *npy);

#endif
