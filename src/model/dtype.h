/* Element types of tensors, numbered as ONNX numbers them (onnx.proto, TensorProto.DataType; ONNX Runtime's
 * ONNXTensorElementDataType has the same numbers). */
#ifndef MODEL_DTYPE_H
#define MODEL_DTYPE_H

#include "joulemap/joulemap.h"

/* X(enumerator, number, name, bits of one element; 0: no fixed size) */
#define JM_DTYPE_LIST(X)                                                                                               \
	X(UNKNOWN, 0, "unknown", 0)                                                                                    \
	X(FP32, 1, "fp32", 32)                                                                                         \
	X(UINT8, 2, "uint8", 8)                                                                                        \
	X(INT8, 3, "int8", 8)                                                                                          \
	X(UINT16, 4, "uint16", 16)                                                                                     \
	X(INT16, 5, "int16", 16)                                                                                       \
	X(INT32, 6, "int32", 32)                                                                                       \
	X(INT64, 7, "int64", 64)                                                                                       \
	X(STRING, 8, "string", 0)                                                                                      \
	X(BOOL, 9, "bool", 8)                                                                                          \
	X(FP16, 10, "fp16", 16)                                                                                        \
	X(FP64, 11, "fp64", 64)                                                                                        \
	X(UINT32, 12, "uint32", 32)                                                                                    \
	X(UINT64, 13, "uint64", 64)                                                                                    \
	X(COMPLEX64, 14, "complex64", 64)                                                                              \
	X(COMPLEX128, 15, "complex128", 128)                                                                           \
	X(BF16, 16, "bf16", 16)                                                                                        \
	X(FP8_E4M3FN, 17, "fp8e4m3", 8)                                                                                \
	X(FP8_E4M3FNUZ, 18, "fp8e4m3fnuz", 8)                                                                          \
	X(FP8_E5M2, 19, "fp8e5m2", 8)                                                                                  \
	X(FP8_E5M2FNUZ, 20, "fp8e5m2fnuz", 8)                                                                          \
	X(UINT4, 21, "uint4", 4)                                                                                       \
	X(INT4, 22, "int4", 4)                                                                                         \
	X(FP4_E2M1, 23, "fp4e2m1", 4)
#define JM_ENUM(name, number, text, bits) JM_DTYPE_##name = number,
enum jm_dtype { JM_DTYPE_LIST(JM_ENUM) };
#undef JM_ENUM

#define JM_DTYPE_MAX 24 /* above every number of the list */

/* Gives the name, "unknown" for numbers outside the list. Static storage. */
const char *jm_dtype_text(int dtype);

/* Gives the bits of one element; 0: no fixed size, or unknown. */
unsigned jm_dtype_bits(int dtype);

/* Gives the bytes of n elements, packed. Errors: JM_E_UNSUPPORTED without a fixed size; JM_E_FORMAT on overflow. */
int jm_dtype_bytes(int dtype, uint64_t n_elements, uint64_t *out);

/* Multiplies dimensions. dims: n_dims entries; none give 1. Errors: JM_E_FORMAT on a negative one or overflow of int64.
 */
int jm_dtype_elements(const int64_t *dims, size_t n_dims, uint64_t *out);

#endif
