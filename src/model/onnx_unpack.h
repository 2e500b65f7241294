/* Unpacks an ONNX model within bounds. */
#ifndef MODEL_ONNX_UNPACK_H
#define MODEL_ONNX_UNPACK_H

#include "joulemap/joulemap.h"

#include "onnx.pb-c.h"

/* Checks the n bytes (onnx_check.h) and unpacks them, allocating at most twice their size and half a GiB. name: for
 * messages. Errors: JM_E_FORMAT when it is no ONNX model, is damaged or has no graph; JM_E_UNSUPPORTED for ONNX Runtime's own
 * format. *out: yours, free with onnx__model_proto__free_unpacked(model, NULL). */
int jm_onnx_unpack(const char *name, const void *bytes, size_t n, Onnx__ModelProto **out, struct jm_error *err);

#endif
