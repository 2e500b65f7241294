/* The module that holds the ONNX library: libjoulemap_onnx.so. A program that infers no shapes neither loads the library nor
 * needs it. */
#ifndef MODEL_INFER_MODULE_H
#define MODEL_INFER_MODULE_H

#include "model/infer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As jm_infer_shapes; why (why_size bytes): the library's words, or empty. */
typedef int (*jm_infer_module_fn)(const void *bytes, size_t n, const struct jm_infer_input *inputs, size_t n_inputs,
				  jm_infer_fn tell, void *ctx, char *why, size_t why_size);
JM_API int jm_infer_module(const void *bytes, size_t n, const struct jm_infer_input *inputs, size_t n_inputs,
			   jm_infer_fn tell, void *ctx, char *why, size_t why_size);

#ifdef __cplusplus
}
#endif
#endif
