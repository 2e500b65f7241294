/* What a layer is to a prediction: its kind, its geometry, its work. */
#ifndef DATASET_FEATURES_H
#define DATASET_FEATURES_H

#include "model/shape.h"

/* Kinds of layers that are learnt and predicted. Convolutional, pooling and dense layers begin with the columns of the
 * historic training data (edge-vision-power-estimation's convert_measurements.py); joulemap's follow behind "|". Dimensions are NCHW. */
#define JM_LAYER_KIND_LIST(X)                                                                                          \
	X(CONVOLUTIONAL, "convolutional",                                                                              \
	  "batch_size input_size_0 input_size_1 input_size_2 output_size_0 output_size_1 output_size_2 kernel_0 "      \
	  "kernel_1 padding_0 padding_1 stride_0 stride_1 | groups dilation_0 dilation_1")                             \
	X(POOLING, "pooling",                                                                                          \
	  "batch_size input_size_0 input_size_1 input_size_2 output_size_0 output_size_1 output_size_2 kernel_0 "      \
	  "kernel_1 stride_0 stride_1 | padding_0 padding_1")                                                          \
	X(DENSE, "dense", "batch_size input_size output_size | inner_size")                                            \
	X(MATMUL, "matmul", "| batch_size rows inner_size columns")                                                    \
	X(ATTENTION, "attention", "| batch_size tokens width")                                                         \
	X(LAYER_NORM, "layer_norm", "| rows width")                                                                    \
	X(SOFTMAX, "softmax", "| rows width")                                                                          \
	X(EMBEDDING, "embedding", "| rows width table_rows")                                                           \
	X(ELEMENTWISE, "elementwise", "| operands input_elements output_elements")                                     \
	X(MOVEMENT, "movement", "| operands input_elements output_elements")
#define JM_ENUM(name, text, columns) JM_LAYER_##name,
enum jm_layer_kind { JM_LAYER_KIND_LIST(JM_ENUM) JM_LAYER_KINDS };
#undef JM_ENUM

#define JM_FEATURES_MAX 16
#define JM_COLUMN_SIZE  24

/* The columns of a kind. */
struct jm_layer_columns {
	char names[JM_FEATURES_MAX][JM_COLUMN_SIZE];
	size_t n, n_historic; /* of them, those of the historic data */
};

/* Gives the name of the kind, which is that of its table. */
const char *jm_layer_kind_text(enum jm_layer_kind kind);
/* Gives the columns of its features, in order. */
void jm_layer_columns(enum jm_layer_kind kind, struct jm_layer_columns *out);

struct jm_features {
	enum jm_layer_kind kind;
	double values[JM_FEATURES_MAX]; /* by column */
	double macs, flops, bytes;      /* of one execution; bytes NAN: unknown */
	int dtype;                      /* enum jm_dtype of what it computes in */
};

/* Makes features of an operator and its operands (types as jm_op_cost knows them; n_weights: how many of the operands are weights,
 * SIZE_MAX: not known, then a matrix product with a two-dimensional second operand is taken for dense). window: NULL or not known:
 * a convolution's is found from its shapes, with dilation 1. Errors: JM_E_NOT_FOUND (an operator of no kind), JM_E_INVALID (shapes
 * that are missing; of a pooling: its window). */
int jm_features_from(const char *type, const struct jm_operands *operands, size_t n_weights,
		     const struct jm_window *window, struct jm_features *out);

/* Computes macs, flops and bytes that are NAN from the values of convolutional, pooling and dense layers (every
 * output element takes input channels by group times the kernel). Bytes as if elements had 4 where dtype is not known. */
void jm_features_complete(struct jm_features *f);

#endif
