/* Model complexity: parameters, MACs, FLOPs and bytes of each layer of an ONNX model and in total.
 *
 * Parameters are what training learns: weights and biases. Buffers are what it only keeps: running mean and variance of a
 * batch normalisation, scales and zero points of quantisation, scalar constants. Integer shape tensors are neither. A tensor
 * that several layers use counts once, for the first. Control flow (If, Loop, Scan) is a layer whose inside is not counted. */
#ifndef MODEL_COMPLEXITY_H
#define MODEL_COMPLEXITY_H

#include "model/infer.h"

struct jm_layer_complexity {
	char *name, *type; /* as ONNX Runtime calls them: a node without a name is "<op_type>_<index>" */
	struct jm_op_cost cost;
	uint64_t n_parameters, n_buffers;
	uint64_t weight_bytes;   /* of both */
	double activation_bytes; /* of the results; views give none. NAN: shape unknown */
	struct jm_shape out;     /* first result */
	struct jm_shape *in;     /* n_in operands, as jm_op_cost takes them */
	size_t n_in;
	size_t n_weights;        /* of the operands, those that are weights or constants */
	struct jm_window window; /* of convolutions and poolings of two dimensions whose kernel is known */
};

struct jm_complexity {
	struct jm_layer_complexity *layers; /* main graph's order, without Constant nodes */
	size_t n_layers;
	/* Sums over the layers; MACs, FLOPs, bytes and activations of those that are known */
	uint64_t n_parameters, n_buffers, weight_bytes;
	double macs, flops, bytes, activation_bytes;
	size_t n_unknown;    /* layers whose MACs or FLOPs are not known */
	size_t n_batch_norm; /* batch normalisations that are layers of their own (not folded into a convolution) */
};

/* A model in memory with the shapes known so far. */
struct jm_complexity_model;

/* Unpacks the model and infers shapes; inputs: as in jm_infer_shapes. why_not (size bytes; empty: all went well): why shapes
 * could not be inferred, which is no error. Errors: those of jm_onnx_unpack; JM_E_UNSUPPORTED without the ONNX schema. *out:
 * yours. */
int jm_complexity_open(const char *name, const void *bytes, size_t n, const struct jm_infer_input *inputs,
		       size_t n_inputs, struct jm_complexity_model **out, char *why_not, size_t size,
		       struct jm_error *err);
void jm_complexity_close(struct jm_complexity_model *m);

/* Gives the values whose shape is not known and that a layer takes or gives. names: n_out entries, borrowed from m; the array
 * is yours, free(). Errors: JM_E_NOMEM. */
int jm_complexity_unknown(const struct jm_complexity_model *m, const char ***names, size_t *n_out);

/* Says the shape of a value, seen otherwise. Unknown names are passed over. */
void jm_complexity_set(struct jm_complexity_model *m, const char *name, const struct jm_shape *shape);

/* Counts. Finish out. Errors: JM_E_NOMEM. */
int jm_complexity_count(const struct jm_complexity_model *m, struct jm_complexity *out);
void jm_complexity_finish(struct jm_complexity *c);

#endif
