/* The inputs of a run: shapes settled from what the user gave, data from files or generated. */
#ifndef RUNNER_INPUT_H
#define RUNNER_INPUT_H

#include "runner/npy.h"
#include "runner/ort.h"

struct jm_input_options {
	uint64_t batch;            /* first dimension of inputs that leave it open; 0: not given */
	const char *const *shapes; /* "name=1x3x224x224", or "1x3x224x224" where there is one input */
	size_t n_shapes;
	const char *const *files; /* "name=FILE.npy", or "FILE.npy" where there is one input */
	size_t n_files;
	uint64_t seed;
};

/* One input, ready to be bound. */
struct jm_input {
	const char *name; /* borrowed from the session */
	int dtype;
	int64_t *dims;
	size_t n_dims;
	unsigned char *data;
	size_t n_bytes;
	bool is_from_file;
};

struct jm_inputs {
	struct jm_input *items;
	size_t n;
	uint64_t batch; /* items in one inference: first dimension of the first input of two and more dimensions; else 1 */
};

/* Settles all shapes and makes the data. A dimension that the model leaves open comes from the file, from --shape, from
 * --batch (the first one), or from one that is settled and has the same name. Data that is not given is
 * deterministic: numbers from -1 to 1 without 0, ids from 1 to 100, ones for inputs with "mask" in their name, 0 for
 * "token_type", 0, 1, 2, ... for "position".
 * Errors: JM_E_INVALID with the option to give where a dimension is left open or contradicts the model;
 * JM_E_UNSUPPORTED for inputs that are no tensors or are strings; those of jm_npy_load. out: finish it. */
int jm_inputs_make(const struct jm_ort_input *wanted, size_t n, const struct jm_input_options *options,
		   struct jm_inputs *out, struct jm_error *err);

/* Frees the data. */
void jm_inputs_finish(struct jm_inputs *inputs);

/* Fills data with n_elements of dtype as jm_inputs_make does. last_dim: length of rows, for positions. */
int jm_input_fill(const char *name, int dtype, uint64_t n_elements, int64_t last_dim, uint64_t seed, unsigned char *data);

#endif
