#include "model/op_cost.h"

#include <math.h>
#include <string.h>

enum rule {
	RULE_CONV,      /* operands X, W */
	RULE_QCONV,     /* QLinearConv: W is operand 3 */
	RULE_DECONV,    /* transposed convolution */
	RULE_PRODUCT,   /* A x B */
	RULE_NBITS,     /* MatMulNBits: B is packed */
	RULE_RECURRENT, /* X, W, R */
	RULE_MHA,       /* Q, K, V */
	RULE_ATTENTION, /* X, W of the three projections */
	RULE_OUT,       /* operations by element of the first result */
	RULE_IN,        /* operations by element of the first operand */
	RULE_LOOKUP,    /* moves what it gives, not the whole table */
	RULE_VIEW,      /* shapes and constants: nothing is moved */
};

struct op {
	const char *type;
	enum rule rule;
	double per_element;
};

/* Operators: type, rule, operations by element. Element-wise functions such as Exp or Erf count as one: what a
 * processor makes of them differs. Softmax: maximum, difference, exponential, sum, quotient. Normalisation: mean (1), difference, square, sum
 * (3), scale by deviation, weight, bias (3). Sources: onnx/docs/Operators.md; onnxruntime/docs/ContribOperators.md. */
/* One operator a line would take three pages. */
/* clang-format off */
static const struct op ops[] = {
    {"Conv", RULE_CONV, 0}, {"FusedConv", RULE_CONV, 0}, {"NhwcConv", RULE_CONV, 0},
    {"NhwcFusedConv", RULE_CONV, 0}, {"ConvInteger", RULE_CONV, 0}, {"QLinearConv", RULE_QCONV, 0},
    {"ConvTranspose", RULE_DECONV, 0}, {"MatMul", RULE_PRODUCT, 0}, {"FusedMatMul", RULE_PRODUCT, 0},
    {"TransposeMatMul", RULE_PRODUCT, 0}, {"Gemm", RULE_PRODUCT, 0}, {"FusedGemm", RULE_PRODUCT, 0},
    {"MatMulInteger", RULE_PRODUCT, 0}, {"MatMulIntegerToFloat", RULE_PRODUCT, 0},
    {"DynamicQuantizeMatMul", RULE_PRODUCT, 0}, {"QLinearMatMul", RULE_PRODUCT, 0}, {"QGemm", RULE_PRODUCT, 0},
    {"MatMulNBits", RULE_NBITS, 0}, {"LSTM", RULE_RECURRENT, 0}, {"GRU", RULE_RECURRENT, 0},
    {"RNN", RULE_RECURRENT, 0}, {"DynamicQuantizeLSTM", RULE_RECURRENT, 0}, {"MultiHeadAttention", RULE_MHA, 5},
    {"Attention", RULE_ATTENTION, 5}, {"QAttention", RULE_ATTENTION, 5}, {"Add", RULE_OUT, 1}, {"Sub", RULE_OUT, 1},
    {"Mul", RULE_OUT, 1}, {"Div", RULE_OUT, 1}, {"Pow", RULE_OUT, 1}, {"Mod", RULE_OUT, 1}, {"Min", RULE_OUT, 1},
    {"Max", RULE_OUT, 1}, {"Sum", RULE_OUT, 1}, {"Mean", RULE_OUT, 1}, {"Neg", RULE_OUT, 1}, {"Abs", RULE_OUT, 1},
    {"Sqrt", RULE_OUT, 1}, {"Reciprocal", RULE_OUT, 1}, {"Exp", RULE_OUT, 1}, {"Log", RULE_OUT, 1},
    {"Erf", RULE_OUT, 1}, {"Sin", RULE_OUT, 1}, {"Cos", RULE_OUT, 1}, {"Tanh", RULE_OUT, 1},
    {"Sigmoid", RULE_OUT, 1}, {"Relu", RULE_OUT, 1}, {"LeakyRelu", RULE_OUT, 1}, {"PRelu", RULE_OUT, 1},
    {"Clip", RULE_OUT, 1}, {"Elu", RULE_OUT, 1}, {"Selu", RULE_OUT, 1}, {"Celu", RULE_OUT, 1},
    {"HardSigmoid", RULE_OUT, 3}, {"HardSwish", RULE_OUT, 4}, {"Softplus", RULE_OUT, 2}, {"Softsign", RULE_OUT, 3},
    {"Mish", RULE_OUT, 4}, {"Gelu", RULE_OUT, 5}, {"Swish", RULE_OUT, 2}, {"FastGelu", RULE_OUT, 8}, {"BiasGelu", RULE_OUT, 6},
    {"QuickGelu", RULE_OUT, 3}, {"BiasAdd", RULE_OUT, 1}, {"Floor", RULE_OUT, 1}, {"Ceil", RULE_OUT, 1},
    {"Round", RULE_OUT, 1}, {"Sign", RULE_OUT, 1}, {"Not", RULE_OUT, 1}, {"And", RULE_OUT, 1}, {"Or", RULE_OUT, 1},
    {"Xor", RULE_OUT, 1}, {"Equal", RULE_OUT, 1}, {"Greater", RULE_OUT, 1}, {"GreaterOrEqual", RULE_OUT, 1},
    {"Less", RULE_OUT, 1}, {"LessOrEqual", RULE_OUT, 1}, {"Where", RULE_OUT, 1}, {"IsNaN", RULE_OUT, 1},
    {"IsInf", RULE_OUT, 1}, {"Softmax", RULE_OUT, 5}, {"LogSoftmax", RULE_OUT, 6},
    {"BatchNormalization", RULE_OUT, 2}, {"LayerNormalization", RULE_OUT, 7},
    {"SkipLayerNormalization", RULE_OUT, 8}, {"InstanceNormalization", RULE_OUT, 7},
    {"EmbedLayerNormalization", RULE_OUT, 9}, {"GroupNormalization", RULE_OUT, 7}, {"LpNormalization", RULE_OUT, 3},
    {"RMSNormalization", RULE_OUT, 4}, {"SimplifiedLayerNormalization", RULE_OUT, 4},
    {"SkipSimplifiedLayerNormalization", RULE_OUT, 5}, {"RotaryEmbedding", RULE_OUT, 3}, {"CumSum", RULE_OUT, 1},
    {"QuantizeLinear", RULE_OUT, 2}, {"DequantizeLinear", RULE_OUT, 2}, {"DynamicQuantizeLinear", RULE_OUT, 4},
    {"QLinearAdd", RULE_OUT, 3}, {"QLinearMul", RULE_OUT, 3}, {"QLinearSigmoid", RULE_OUT, 1},
    {"QLinearLeakyRelu", RULE_OUT, 1}, {"QLinearSoftmax", RULE_OUT, 5}, {"QLinearGlobalAveragePool", RULE_IN, 1},
    {"QLinearAveragePool", RULE_IN, 1}, {"MaxPool", RULE_IN, 1}, {"AveragePool", RULE_IN, 1},
    {"NhwcMaxPool", RULE_IN, 1}, {"LpPool", RULE_IN, 2}, {"GlobalAveragePool", RULE_IN, 1},
    {"GlobalMaxPool", RULE_IN, 1}, {"ReduceMean", RULE_IN, 1}, {"ReduceSum", RULE_IN, 1}, {"ReduceMax", RULE_IN, 1},
    {"ReduceMin", RULE_IN, 1}, {"ReduceProd", RULE_IN, 1}, {"ReduceL2", RULE_IN, 2}, {"ReduceL1", RULE_IN, 2},
    {"ReduceSumSquare", RULE_IN, 2}, {"ReduceLogSumExp", RULE_IN, 3}, {"ArgMax", RULE_IN, 1},
    {"ArgMin", RULE_IN, 1}, {"TopK", RULE_IN, 1}, {"LRN", RULE_IN, 8}, {"Resize", RULE_OUT, 7},
    {"Upsample", RULE_OUT, 7}, {"Transpose", RULE_OUT, 0}, {"Concat", RULE_OUT, 0}, {"QLinearConcat", RULE_OUT, 0},
    {"Slice", RULE_OUT, 0}, {"Pad", RULE_OUT, 0}, {"Cast", RULE_OUT, 0}, {"CastLike", RULE_OUT, 0},
    {"Expand", RULE_OUT, 0}, {"Tile", RULE_OUT, 0}, {"DepthToSpace", RULE_OUT, 0}, {"SpaceToDepth", RULE_OUT, 0},
    {"ReorderInput", RULE_OUT, 0}, {"ReorderOutput", RULE_OUT, 0}, {"ScatterND", RULE_OUT, 0},
    {"ScatterElements", RULE_OUT, 0}, {"Trilu", RULE_OUT, 0}, {"Range", RULE_OUT, 0}, {"OneHot", RULE_OUT, 0},
    {"ConstantOfShape", RULE_OUT, 0}, {"MemcpyToHost", RULE_OUT, 0}, {"MemcpyFromHost", RULE_OUT, 0},
    {"Split", RULE_IN, 0}, {"NonZero", RULE_IN, 0}, {"Gather", RULE_LOOKUP, 0}, {"GatherND", RULE_LOOKUP, 0},
    {"GatherElements", RULE_LOOKUP, 0}, {"Reshape", RULE_VIEW, 0}, {"Flatten", RULE_VIEW, 0},
    {"Squeeze", RULE_VIEW, 0}, {"Unsqueeze", RULE_VIEW, 0}, {"Identity", RULE_VIEW, 0}, {"Dropout", RULE_VIEW, 0},
    {"Shape", RULE_VIEW, 0}, {"Size", RULE_VIEW, 0}, {"Constant", RULE_VIEW, 0},
};
/* clang-format on */

static const struct op *find_op(const char *type)
{
	size_t i;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (strcmp(ops[i].type, type) == 0)
			return &ops[i];
	return NULL;
}

/* Operand i, or an unknown one where there are fewer. */
static const struct jm_shape *operand(const struct jm_shape *shapes, size_t n, size_t i)
{
	static const struct jm_shape none;

	return i < n ? &shapes[i] : &none;
}

static double elements(const struct jm_shape *s)
{
	return s->is_known ? (double)jm_shape_elements(s) : NAN;
}

/* Dimension i from the end (0: the last); NAN where there is none. */
static double from_end(const struct jm_shape *s, size_t i)
{
	return s->is_known && i < s->n_dims ? (double)s->dims[s->n_dims - 1 - i] : NAN;
}

static double ratio(double a, double b)
{
	return b > 0 ? a / b : a == 0 ? 0 : NAN;
}

/* Each result of a convolution takes one product per weight of its filter: W is M x C/groups x kernel. */
static double conv_macs(const struct jm_shape *w, const struct jm_shape *y)
{
	return w->is_known && w->n_dims > 0 ? elements(y) * ratio(elements(w), (double)w->dims[0]) : NAN;
}

/* Each operand of a transposed convolution meets every weight of its channel: W is C x M/groups x kernel. */
static double deconv_macs(const struct jm_shape *x, const struct jm_shape *w)
{
	return w->is_known && w->n_dims > 0 ? elements(x) * ratio(elements(w), (double)w->dims[0]) : NAN;
}

/* Each result takes K products. A is M x K, or K x M where the operator transposes it: K is what is left beside M. B does not
 * matter: ONNX Runtime leaves weights that it has packed out of its profile. */
static double inner_dimension(const struct jm_shape *a, const struct jm_shape *y)
{
	if (!a->is_known || !y->is_known || a->n_dims == 0)
		return NAN;
	if (a->n_dims == 1 || y->n_dims < a->n_dims)
		return from_end(a, 0);
	return ratio(from_end(a, 0) * from_end(a, 1), from_end(y, 1));
}

/* Bytes of a B, K x N, that was left out. */
static double missing_bytes(const struct jm_shape *in, size_t n_in, const struct jm_shape *y)
{
	const struct jm_shape *a = operand(in, n_in, 0), *b = operand(in, n_in, 1);

	if (a->n_dims < 2 || y->n_dims < 2 || (b->is_known && b->n_dims >= 2) || !y->is_known)
		return 0;
	return inner_dimension(a, y) * from_end(y, 0) * jm_dtype_bits(a->dtype) / 8;
}

/* X is T x B x I; W and R hold the weights of all gates and directions, used once for each of the T x B steps. */
static double recurrent_macs(const struct jm_shape *x, const struct jm_shape *w, const struct jm_shape *r)
{
	return ratio(elements(x), from_end(x, 0)) * (elements(w) + elements(r));
}

/* Scores and their weighted sum: B x S x L x H each, over all heads. Q: B x S x H; K: B x L x H. */
static double scores_macs(const struct jm_shape *q, const struct jm_shape *k)
{
	return 2 * elements(q) * from_end(k, 1);
}

static double macs_of(enum rule rule, const struct jm_shape *in, size_t n_in, const struct jm_shape *y)
{
	const struct jm_shape *a = operand(in, n_in, 0), *b = operand(in, n_in, 1);

	switch (rule) {
	case RULE_CONV:
		return conv_macs(b, y);
	case RULE_QCONV:
		return conv_macs(operand(in, n_in, 3), y);
	case RULE_DECONV:
		return deconv_macs(a, b);
	case RULE_PRODUCT:
		return elements(y) * inner_dimension(a, y);
	case RULE_NBITS:
		return elements(y) * from_end(a, 0);
	case RULE_RECURRENT:
		return recurrent_macs(a, b, operand(in, n_in, 2));
	case RULE_MHA:
		return scores_macs(a, b);
	case RULE_ATTENTION:
		return elements(a) * from_end(b, 0) + scores_macs(y, a);
	default:
		return 0;
	}
}

static double flops_of(const struct op *op, double macs, const struct jm_shape *x, const struct jm_shape *y)
{
	if (op->rule == RULE_OUT)
		return op->per_element > 0 ? op->per_element * elements(y) : 0;
	if (op->rule == RULE_IN)
		return op->per_element > 0 ? op->per_element * elements(x) : 0;
	return 2 * macs;
}

static double bytes_of(const struct jm_shape *shapes, size_t n)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += (double)jm_shape_bytes(&shapes[i]);
	return sum;
}

/* Operands and results whose shape is not known leave the bytes unknown; operands left out are none. */
static bool are_known(const struct jm_shape *shapes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!shapes[i].is_known && shapes[i].dtype != JM_DTYPE_UNKNOWN)
			return false;
	return true;
}

void jm_op_cost(const char *type, const struct jm_shape *in, size_t n_in, const struct jm_shape *out, size_t n_out,
		struct jm_op_cost *cost)
{
	const struct op *op = find_op(type);
	const struct jm_shape *y = operand(out, n_out, 0);

	*cost = (struct jm_op_cost){.macs = NAN, .flops = NAN, .bytes = NAN};
	if (!op) {
		cost->reason = "operator not counted";
		return;
	}
	cost->macs = macs_of(op->rule, in, n_in, y);
	cost->flops = flops_of(op, cost->macs, operand(in, n_in, 0), y);
	if (op->rule == RULE_VIEW)
		cost->bytes = 0;
	else if (are_known(out, n_out) && (op->rule == RULE_LOOKUP || are_known(in, n_in)))
		cost->bytes =
		    op->rule == RULE_LOOKUP ? 2 * bytes_of(out, n_out) : bytes_of(in, n_in) + bytes_of(out, n_out);
	if (op->rule == RULE_PRODUCT)
		cost->bytes += missing_bytes(in, n_in, y);
	if (isnan(cost->macs) || isnan(cost->flops) || isnan(cost->bytes))
		cost->reason = "shape unknown";
}
