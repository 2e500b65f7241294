/* Shape inference by the ONNX library, behind plain C. */
#ifndef MODEL_INFER_H
#define MODEL_INFER_H

#include "model/op_cost.h"

/* The shape of one input of the graph; replaces what the model says. */
struct jm_infer_input {
	const char *name;
	struct jm_shape shape; /* dtype is not used */
};

/* Told each value whose type and every dimension is known. name: borrowed for the call. */
typedef void (*jm_infer_fn)(void *ctx, const char *name, const struct jm_shape *shape);

/* Infers the shapes of the main graph's values from its inputs (ONNX's own operators up to the library's version, values of
 * shape computations included). Values that cannot be inferred are not told. The bytes must have passed jm_onnx_unpack, which
 * bounds them. Errors: JM_E_UNSUPPORTED: built without the library, or it is gone; JM_E_FORMAT: it refuses the model, with its words;
 * JM_E_NOMEM. */
int jm_infer_shapes(const void *bytes, size_t n, const struct jm_infer_input *inputs, size_t n_inputs, jm_infer_fn tell,
		    void *ctx, struct jm_error *err);

#endif
