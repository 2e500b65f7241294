/* The shape of a tensor. */
#ifndef MODEL_SHAPE_H
#define MODEL_SHAPE_H

#include "model/dtype.h"

#define JM_SHAPE_DIMS_MAX 8

struct jm_shape {
	int dtype;     /* enum jm_dtype */
	bool is_known; /* rank and every dimension; else nothing below means anything */
	size_t n_dims;
	int64_t dims[JM_SHAPE_DIMS_MAX];
};

/* Gives the elements of a known shape; 0 when unknown or beyond int64. */
uint64_t jm_shape_elements(const struct jm_shape *s);
/* Gives its bytes; 0 when unknown or without a fixed size. */
uint64_t jm_shape_bytes(const struct jm_shape *s);
/* Writes "1x3x224x224", "scalar" or "?". */
void jm_shape_text(const struct jm_shape *s, char *out, size_t size);

/* The window of a convolution or pooling: height and width. padding: of both sides together. */
struct jm_window {
	bool is_known; /* else nothing below means anything */
	int64_t kernel[2], stride[2], padding[2], dilation[2];
	int64_t groups;
};

#define JM_OPERANDS_MAX 64

#define JM_OPERATOR_SIZE 48

/* What one operator took and gave. */
struct jm_operands {
	struct jm_shape in[JM_OPERANDS_MAX], out[JM_OPERANDS_MAX];
	size_t n_in, n_out;
	char op[JM_OPERATOR_SIZE]; /* what was executed, where the layer's type does not say it; empty: the type does */
	struct jm_window window;
};

/* Reads the form that recordings keep: "fp32[1,3,8,8] fp32[16,3,3,3] -> fp32[1,16,8,8]", with the operator before it where the layer's
 * type is no operator, and its window where it has one: "Conv(kernel=3,3 stride=1,1 padding=2,2 dilation=1,1 groups=1) fp32[...] ...",
 * "Gelu() fp32[8] -> fp32[8]". What a window leaves out is 1, of padding 0. Types that are not known are read as such.
 * Errors: JM_E_FORMAT; JM_E_FULL beyond JM_OPERANDS_MAX operands or JM_SHAPE_DIMS_MAX dimensions. */
int jm_operands_parse(const char *text, struct jm_operands *out);

#endif
