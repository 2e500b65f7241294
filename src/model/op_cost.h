/* What one execution of an operator costs, from the shapes of what goes in and comes out.
 *
 * A MAC is one multiplication with its addition in a convolution or matrix product (bias left out); two floating-point
 * operations (FLOPs). Other operators have no MACs; their FLOPs are counted by element (the table in op_cost.c says how
 * many), so that a network's FLOPs are a little above twice its MACs. Bytes: every operand read once, every result
 * written once, as if no cache kept them from one operator to the next. */
#ifndef MODEL_OP_COST_H
#define MODEL_OP_COST_H

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

struct jm_op_cost {
	double macs, flops; /* NAN: unknown, reason says why */
	double bytes;       /* NAN: unknown */
	const char *reason; /* static; NULL: all is known */
};

/* in, out: n_in and n_out operands in the operator's order; an operand left out has is_known false and rank 0. type: ONNX
 * operator, its own or one of ONNX Runtime's fused and quantised ones. */
void jm_op_cost(const char *type, const struct jm_shape *in, size_t n_in, const struct jm_shape *out, size_t n_out,
		struct jm_op_cost *cost);

#endif
