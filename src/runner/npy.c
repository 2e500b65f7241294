#include "runner/npy.h"

#include "core/error.h"
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX (UINT64_C(4) << 30)
#define HEADER_MAX 65535u /* version 1 cannot say more; later ones need more only for structured types */

static const struct type {
	const char *descr;
	int dtype;
} types[] = {
    {"<f4", JM_DTYPE_FP32}, {"<f2", JM_DTYPE_FP16},   {"<f8", JM_DTYPE_FP64},   {"<i8", JM_DTYPE_INT64},
    {"<i4", JM_DTYPE_INT32}, {"<i2", JM_DTYPE_INT16}, {"|i1", JM_DTYPE_INT8},   {"<u8", JM_DTYPE_UINT64},
    {"<u4", JM_DTYPE_UINT32}, {"<u2", JM_DTYPE_UINT16}, {"|u1", JM_DTYPE_UINT8}, {"|b1", JM_DTYPE_BOOL},
};

/* The header is the text of a Python dictionary with three keys. */
struct header {
	const char *name, *at, *end;
	struct jm_npy *npy;
	bool has_descr, has_order, has_shape;
	struct jm_error *err;
};

static int damaged(struct header *h, const char *what)
{
	return jm_error_set(h->err, JM_E_FORMAT, "%s is no .npy file or is damaged: %s", h->name, what);
}

static void skip_space(struct header *h)
{
	while (h->at < h->end && (*h->at == ' ' || *h->at == '\n' || *h->at == '\t'))
		h->at++;
}

static bool take(struct header *h, char c)
{
	skip_space(h);
	if (h->at >= h->end || *h->at != c)
		return false;
	h->at++;
	return true;
}

static bool take_word(struct header *h, const char *word)
{
	size_t n = strlen(word);

	skip_space(h);
	if ((size_t)(h->end - h->at) < n || memcmp(h->at, word, n) != 0)
		return false;
	h->at += n;
	return true;
}

/* Takes a quoted string; escapes do not occur in the keys and types that are understood. */
static bool take_string(struct header *h, char *out, size_t size)
{
	char quote;
	size_t n = 0;

	skip_space(h);
	if (h->at >= h->end || (*h->at != '\'' && *h->at != '"'))
		return false;
	quote = *h->at++;
	while (h->at < h->end && *h->at != quote) {
		if (n + 1 >= size)
			return false;
		out[n++] = *h->at++;
	}
	out[n] = '\0';
	return take(h, quote);
}

static int take_descr(struct header *h)
{
	char descr[32];
	size_t i;

	if (!take_string(h, descr, sizeof(descr)))
		return damaged(h, "its element type is not a simple one");
	h->has_descr = true;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(descr, types[i].descr) == 0) {
			h->npy->dtype = types[i].dtype;
			return 0;
		}
	}
	jm_error_set(h->err, JM_E_UNSUPPORTED, "%s holds elements of type '%s'", h->name, descr);
	jm_error_remedy(h->err, "save it as one of the model's own types, little-endian: array.astype('<f4')");
	return JM_E_UNSUPPORTED;
}

static int take_order(struct header *h)
{
	h->has_order = true;
	if (take_word(h, "False"))
		return 0;
	if (!take_word(h, "True"))
		return damaged(h, "fortran_order is neither True nor False");
	jm_error_set(h->err, JM_E_UNSUPPORTED, "%s is in Fortran order", h->name);
	jm_error_remedy(h->err, "save it in C order: numpy.save(file, numpy.ascontiguousarray(array))");
	return JM_E_UNSUPPORTED;
}

static bool take_dim(struct header *h, int64_t *out)
{
	int64_t value = 0;
	const char *start;

	skip_space(h);
	start = h->at;
	for (; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++)
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *h->at - '0', &value))
			return false;
	*out = value;
	return h->at > start;
}

static int take_shape(struct header *h)
{
	struct jm_npy *npy = h->npy;

	h->has_shape = true;
	npy->n_dims = 0;
	if (!take(h, '('))
		return damaged(h, "its shape is no tuple");
	while (!take(h, ')')) {
		if (npy->n_dims == JM_NPY_DIMS_MAX || !take_dim(h, &npy->dims[npy->n_dims++]))
			return damaged(h, "its shape cannot be read");
		if (!take(h, ',') && (h->at >= h->end || *h->at != ')'))
			return damaged(h, "its shape cannot be read");
	}
	return 0;
}

static int take_entry(struct header *h)
{
	char key[32];

	if (!take_string(h, key, sizeof(key)) || !take(h, ':'))
		return damaged(h, "its header is no dictionary");
	if (strcmp(key, "descr") == 0)
		return take_descr(h);
	if (strcmp(key, "fortran_order") == 0)
		return take_order(h);
	if (strcmp(key, "shape") == 0)
		return take_shape(h);
	return damaged(h, "its header has an unknown key");
}

static int read_header(struct header *h)
{
	int rc;

	if (!take(h, '{'))
		return damaged(h, "its header is no dictionary");
	while (!take(h, '}')) {
		rc = take_entry(h);
		if (rc)
			return rc;
		if (!take(h, ',') && (h->at >= h->end || *h->at != '}'))
			return damaged(h, "its header is no dictionary");
	}
	skip_space(h);
	if (h->at != h->end)
		return damaged(h, "text behind its header");
	return h->has_descr && h->has_order && h->has_shape ? 0 : damaged(h, "its header lacks a key");
}

/* Finds where the header lies: magic, version, length of 2 bytes (version 1) or 4. */
static int find_header(struct header *h, const unsigned char *bytes, size_t n, size_t *data_at)
{
	uint64_t length;
	size_t at;

	if (n < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0)
		return damaged(h, "it does not begin as one");
	if (bytes[6] < 1 || bytes[6] > 3)
		return damaged(h, "its version is unknown");
	at = bytes[6] == 1 ? 10 : 12;
	if (n < at)
		return damaged(h, "it ends in its header");
	length = bytes[8] | (uint64_t)bytes[9] << 8;
	if (bytes[6] > 1)
		length |= (uint64_t)bytes[10] << 16 | (uint64_t)bytes[11] << 24;
	if (length > HEADER_MAX || length > n - at)
		return damaged(h, "it ends in its header");
	h->at = (const char *)bytes + at;
	h->end = h->at + length;
	*data_at = at + (size_t)length;
	return 0;
}

static int take_data(struct header *h, const unsigned char *data, size_t n)
{
	uint64_t elements, size;

	if (jm_dtype_elements(h->npy->dims, h->npy->n_dims, &elements) ||
	    jm_dtype_bytes(h->npy->dtype, elements, &size))
		return damaged(h, "its shape is impossible");
	if (size != n)
		return jm_error_set(h->err, JM_E_FORMAT, "%s is damaged: its shape asks for %llu bytes, it has %zu", h->name,
				    (unsigned long long)size, n);
	h->npy->data = malloc(n ? n : 1);
	if (!h->npy->data)
		return jm_error_set(h->err, JM_E_NOMEM, "no memory for %s", h->name);
	if (n)
		memcpy(h->npy->data, data, n);
	h->npy->n_bytes = n;
	return 0;
}

int jm_npy_read(const char *name, const unsigned char *bytes, size_t n, struct jm_npy *out, struct jm_error *err)
{
	struct jm_npy npy = {0};
	struct header h = {.name = name, .npy = &npy, .err = err};
	size_t data_at = 0;
	int rc = find_header(&h, bytes, n, &data_at);

	rc = rc ? rc : read_header(&h);
	rc = rc ? rc : take_data(&h, bytes + data_at, n - data_at);
	if (rc == 0)
		*out = npy;
	return rc;
}

int jm_npy_load(const char *path, struct jm_npy *out, struct jm_error *err)
{
	unsigned char *bytes;
	size_t n;
	int rc = jm_model_file(path, FILE_MAX, &bytes, &n, err);

	if (rc)
		return rc;
	rc = jm_npy_read(path, bytes, n, out, err);
	free(bytes);
	return rc;
}

void jm_npy_finish(struct jm_npy *npy)
{
	free(npy->data);
	npy->data = NULL;
	npy->n_bytes = 0;
}
