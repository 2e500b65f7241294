#define _GNU_SOURCE
#include "runner/ort_internal.h"

#include "core/error.h"

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64 /* what ONNX Runtime's own allocator gives: copies must not run slower than the originals */

static int copy_shape(struct jm_ort *ort, const OrtTensorTypeAndShapeInfo *info, struct jm_ort_tensor *out,
		      struct jm_error *err)
{
	enum ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
	int rc = jm_ort_check(ort, ort->api->GetTensorElementType(info, &type), "output", err);

	rc = rc ? rc : jm_ort_check(ort, ort->api->GetDimensionsCount(info, &out->n_dims), "output", err);
	if (rc)
		return rc;
	out->dtype = (int)type;
	out->dims = calloc(out->n_dims + 1, sizeof(*out->dims));
	if (!out->dims)
		return jm_error_set(err, JM_E_NOMEM, "no memory");
	return jm_ort_check(ort, ort->api->GetDimensions(info, out->dims, out->n_dims), "output", err);
}

static int copy_data(struct jm_ort *ort, OrtValue *value, struct jm_ort_tensor *out, struct jm_error *err)
{
	uint64_t n_elements, n_bytes, room;
	void *theirs = NULL;
	int rc;

	if (jm_dtype_elements(out->dims, out->n_dims, &n_elements) || jm_dtype_bytes(out->dtype, n_elements, &n_bytes))
		return 0; /* text or an unknown type: is_tensor stays false */
	rc = jm_ort_check(ort, ort->api->GetTensorMutableData(value, &theirs), "output", err);
	if (rc)
		return rc;
	room = (n_bytes / ALIGNMENT + 1) * ALIGNMENT;
	out->data = aligned_alloc(ALIGNMENT, (size_t)room);
	if (!out->data)
		return jm_error_set(err, JM_E_NOMEM, "no memory for a tensor of %llu bytes",
				    (unsigned long long)n_bytes);
	if (n_bytes)
		memcpy(out->data, theirs, (size_t)n_bytes);
	out->size_bytes = (size_t)n_bytes;
	out->is_tensor = true;
	return 0;
}

static int copy_value(struct jm_ort *ort, OrtValue *value, struct jm_ort_tensor *out, struct jm_error *err)
{
	OrtTensorTypeAndShapeInfo *info = NULL;
	int is_tensor = 0, rc = value ? jm_ort_check(ort, ort->api->IsTensor(value, &is_tensor), "output", err) : 0;

	if (rc || !is_tensor)
		return rc;
	rc = jm_ort_check(ort, ort->api->GetTensorTypeAndShape(value, &info), "output", err);
	rc = rc ? rc : copy_shape(ort, info, out, err);
	if (info)
		ort->api->ReleaseTensorTypeAndShapeInfo(info);
	return rc ? rc : copy_data(ort, value, out, err);
}

const char *jm_ort_session_output(const struct jm_ort_session *s, size_t i)
{
	return i < s->n_outputs ? s->output_names[i] : NULL;
}

int jm_ort_session_fetch(struct jm_ort_session *s, const char *const *names, size_t n, struct jm_ort_tensor *out,
			 struct jm_error *err)
{
	const OrtApi *api = s->ort->api;
	OrtValue **values = calloc(n + 1, sizeof(*values));
	size_t i;
	int rc;

	memset(out, 0, n * sizeof(*out));
	if (!values)
		return jm_error_set(err, JM_E_NOMEM, "no memory");
	rc = jm_ort_check(s->ort,
			  api->Run(s->session, NULL, s->input_names, (const OrtValue *const *)s->values, s->n_inputs,
				   names, n, values),
			  "the inference failed", err);
	for (i = 0; i < n; i++) {
		rc = rc ? rc : copy_value(s->ort, values[i], &out[i], err);
		if (values[i])
			api->ReleaseValue(values[i]);
	}
	free(values);
	return rc;
}

void jm_ort_tensor_finish(struct jm_ort_tensor *t)
{
	free(t->dims);
	free(t->data);
	memset(t, 0, sizeof(*t));
}
