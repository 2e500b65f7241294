#include "model/onnx_unpack.h"

#include "core/error.h"
#include "model/onnx_check.h"

#include <stdlib.h>
#include <string.h>

/* What unpacking may allocate beyond twice the file: the bytes fields are copied once, the rest is structure. */
#define UNPACK_EXTRA_BYTES (UINT64_C(512) << 20)
/* ONNX Runtime's own format: a FlatBuffer whose identifier, at byte 4, is "ORTM" (onnxruntime, ort_format_model.md). */
#define ORT_FORMAT_IDENTIFIER "ORTM"

struct budget {
	uint64_t left_bytes;
};

static void *budget_alloc(void *data, size_t size)
{
	struct budget *b = data;

	if (size > b->left_bytes)
		return NULL;
	b->left_bytes -= size;
	return malloc(size ? size : 1);
}

static void budget_free(void *data, void *pointer)
{
	(void)data;
	free(pointer);
}

int jm_onnx_unpack(const char *name, const void *bytes, size_t n, Onnx__ModelProto **out, struct jm_error *err)
{
	struct budget budget = {UNPACK_EXTRA_BYTES + 2 * (uint64_t)n};
	ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
	Onnx__ModelProto *model;
	size_t offset = 0;

	if (n >= 8 && memcmp((const char *)bytes + 4, ORT_FORMAT_IDENTIFIER, 4) == 0)
		return jm_error_set(err, JM_E_UNSUPPORTED, "%s is in ONNX Runtime's own format: its facts are not read",
				    name);
	if (jm_onnx_check(&onnx__model_proto__descriptor, bytes, n, &offset))
		return jm_error_set(err, JM_E_FORMAT,
				    "%s is not an ONNX model, or is damaged: trouble at byte %zu of %zu", name, offset,
				    n);
	model = onnx__model_proto__unpack(&allocator, n, bytes);
	if (!model)
		return jm_error_set(err, JM_E_FORMAT, "%s is not an ONNX model, or is damaged", name);
	if (!model->graph) {
		onnx__model_proto__free_unpacked(model, &allocator);
		return jm_error_set(err, JM_E_FORMAT, "%s is not an ONNX model: it has no graph", name);
	}
	*out = model;
	return 0;
}
