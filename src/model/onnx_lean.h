/* A model without its weights, for what asks for shapes alone. */
#ifndef MODEL_ONNX_LEAN_H
#define MODEL_ONNX_LEAN_H

#include "joulemap/joulemap.h"

/* Copies a model, n bytes that have passed jm_onnx_check, without the data of tensors above 64 KiB: what follows (unpacking, the ONNX
 * library's parser) would copy hundreds of megabytes and look at none of them. Names, types and dimensions stay, and so do
 * small tensors, from which shapes are computed. *out: yours, free(). Errors: JM_E_NOMEM. */
int jm_onnx_lean(const void *bytes, size_t n, unsigned char **out, size_t *n_out);

#endif
