#define _GNU_SOURCE
#include "runner/evaluate.h"

#include "core/error.h"
#include "core/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUTS_MAX 32

static bool is_integer(int dtype)
{
	return dtype == JM_DTYPE_INT64 || dtype == JM_DTYPE_INT32 || dtype == JM_DTYPE_INT16 ||
	       dtype == JM_DTYPE_INT8 || dtype == JM_DTYPE_UINT64 || dtype == JM_DTYPE_UINT32 ||
	       dtype == JM_DTYPE_UINT16 || dtype == JM_DTYPE_UINT8;
}

static int load_input(struct jm_data_set *d, const char *text, struct jm_error *err)
{
	struct jm_items *in = &d->inputs[d->n_inputs];
	const char *equals = strchr(text, '='), *path = text;
	int rc;

	if (equals && access(text, F_OK) != 0) {
		in->input = strndup(text, (size_t)(equals - text));
		path = equals + 1;
		if (!in->input)
			return jm_error_set(err, JM_E_NOMEM, "no memory");
	}
	d->n_inputs++;
	rc = jm_npy_load(path, &in->data, err);
	if (rc)
		return rc;
	if (in->data.n_dims < 1 || in->data.dims[0] < 1)
		return jm_error_set(err, JM_E_INVALID, "%s holds no items: its first dimension counts them", path);
	if (d->n_inputs == 1)
		snprintf(d->path, sizeof(d->path), "%s", path);
	if (d->n_inputs > 1 && (uint64_t)in->data.dims[0] != d->n_items)
		return jm_error_set(err, JM_E_INVALID, "%s holds %lld items, %s holds %llu", path,
				    (long long)in->data.dims[0], d->path, (unsigned long long)d->n_items);
	d->n_items = (uint64_t)in->data.dims[0];
	d->hash = jm_hash(d->hash, (const char *)in->data.data, in->data.n_bytes);
	return 0;
}

static int load_labels(struct jm_data_set *d, const char *path, struct jm_error *err)
{
	int rc = jm_npy_load(path, &d->labels, err);

	if (rc)
		return rc;
	d->has_labels = true;
	snprintf(d->labels_path, sizeof(d->labels_path), "%s", path);
	if (d->labels.n_dims < 1 || d->labels.n_dims > 2 || !is_integer(d->labels.dtype))
		return jm_error_set(err, JM_E_INVALID,
				    "%s are no labels: integers [items], or [items, tokens] of a language model", path);
	if (d->labels.n_dims == 2 && d->labels.dims[1] < 1)
		return jm_error_set(err, JM_E_INVALID, "%s holds no labels: %lld items of no tokens", path,
				    (long long)d->labels.dims[0]);
	if ((uint64_t)d->labels.dims[0] != d->n_items) {
		jm_error_set(err, JM_E_INVALID, "%s holds %lld labels, %s holds %llu items", path,
			     (long long)d->labels.dims[0], d->path, (unsigned long long)d->n_items);
		return jm_error_remedy(err, "give labels and data of the same items, in the same order");
	}
	d->hash = jm_hash(d->hash, (const char *)d->labels.data, d->labels.n_bytes);
	return 0;
}

int jm_data_set_load(const char *const *data, size_t n, const char *labels, struct jm_data_set *out,
		     struct jm_error *err)
{
	size_t i;
	int rc = 0;

	*out = (struct jm_data_set){.hash = JM_HASH_BEGIN};
	if (n == 0 || n > INPUTS_MAX)
		return jm_error_set(err, JM_E_INVALID, "labels need data, of at most %d inputs", INPUTS_MAX);
	out->inputs = calloc(n, sizeof(*out->inputs));
	if (!out->inputs)
		return jm_error_set(err, JM_E_NOMEM, "no memory");
	for (i = 0; i < n && rc == 0; i++)
		rc = load_input(out, data[i], err);
	return rc || !labels ? rc : load_labels(out, labels, err);
}

void jm_data_set_finish(struct jm_data_set *d)
{
	size_t i;

	for (i = 0; i < d->n_inputs; i++) {
		free((char *)d->inputs[i].input);
		jm_npy_finish(&d->inputs[i].data);
	}
	free(d->inputs);
	jm_npy_finish(&d->labels);
	memset(d, 0, sizeof(*d));
}
