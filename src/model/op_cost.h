/* What one execution of an operator costs, from the shapes of what goes in and comes out.
 *
 * A MAC is one multiplication with its addition in a convolution or matrix product (bias left out); two floating-point
 * operations (FLOPs). Other operators have no MACs; their FLOPs are counted by element (the table in op_cost.c says how
 * many), so that a network's FLOPs are a little above twice its MACs. Bytes: every operand read once, every result
 * written once, as if no cache kept them from one operator to the next. */
#ifndef MODEL_OP_COST_H
#define MODEL_OP_COST_H

#include "model/shape.h"

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
