#define _GNU_SOURCE
#include "dataset/features.h"

#include "model/op_cost.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TEXT(name, text, columns) text,
static const char *const kind_texts[] = {JM_LAYER_KIND_LIST(TEXT)};
#undef TEXT
#define TEXT(name, text, columns) columns,
static const char *const kind_columns[] = {JM_LAYER_KIND_LIST(TEXT)};
#undef TEXT

const char *jm_layer_kind_text(enum jm_layer_kind kind)
{
	return (size_t)kind < JM_LAYER_KINDS ? kind_texts[kind] : "unknown";
}

void jm_layer_columns(enum jm_layer_kind kind, struct jm_layer_columns *out)
{
	const char *at = kind_columns[kind];

	memset(out, 0, sizeof(*out));
	while (*at) {
		size_t n = strcspn(at, " ");

		if (*at == '|')
			out->n_historic = out->n;
		else
			snprintf(out->names[out->n++], JM_COLUMN_SIZE, "%.*s", (int)n, at);
		at += n + strspn(at + n, " ");
	}
}

/* How the operands of an operator are to be read. */
enum form { FORM_CONV, FORM_QCONV, FORM_CONV_NHWC, FORM_POOL, FORM_GLOBAL_POOL, FORM_PRODUCT, FORM_QPRODUCT, FORM_GEMM,
	    FORM_ATTENTION, FORM_ROWS, FORM_TABLE, FORM_COUNT };

/* clang-format off */
static const struct operator_kind {
	const char *type;
	enum jm_layer_kind kind;
	enum form form;
} operators[] = {
    {"Conv", JM_LAYER_CONVOLUTIONAL, FORM_CONV}, {"FusedConv", JM_LAYER_CONVOLUTIONAL, FORM_CONV},
    {"ConvInteger", JM_LAYER_CONVOLUTIONAL, FORM_CONV}, {"QLinearConv", JM_LAYER_CONVOLUTIONAL, FORM_QCONV},
    {"NhwcConv", JM_LAYER_CONVOLUTIONAL, FORM_CONV_NHWC}, {"NhwcFusedConv", JM_LAYER_CONVOLUTIONAL, FORM_CONV_NHWC},
    {"MaxPool", JM_LAYER_POOLING, FORM_POOL}, {"AveragePool", JM_LAYER_POOLING, FORM_POOL},
    {"LpPool", JM_LAYER_POOLING, FORM_POOL}, {"GlobalAveragePool", JM_LAYER_POOLING, FORM_GLOBAL_POOL},
    {"GlobalMaxPool", JM_LAYER_POOLING, FORM_GLOBAL_POOL}, {"QLinearGlobalAveragePool", JM_LAYER_POOLING, FORM_GLOBAL_POOL},
    {"MatMul", JM_LAYER_MATMUL, FORM_PRODUCT}, {"FusedMatMul", JM_LAYER_MATMUL, FORM_PRODUCT},
    {"MatMulInteger", JM_LAYER_MATMUL, FORM_PRODUCT}, {"QLinearMatMul", JM_LAYER_MATMUL, FORM_QPRODUCT},
    {"DynamicQuantizeMatMul", JM_LAYER_MATMUL, FORM_PRODUCT}, {"MatMulIntegerToFloat", JM_LAYER_MATMUL, FORM_PRODUCT},
    {"Gemm", JM_LAYER_DENSE, FORM_GEMM}, {"FusedGemm", JM_LAYER_DENSE, FORM_GEMM},
    {"Attention", JM_LAYER_ATTENTION, FORM_ATTENTION}, {"MultiHeadAttention", JM_LAYER_ATTENTION, FORM_ATTENTION},
    {"LayerNormalization", JM_LAYER_LAYER_NORM, FORM_ROWS}, {"SkipLayerNormalization", JM_LAYER_LAYER_NORM, FORM_ROWS},
    {"SimplifiedLayerNormalization", JM_LAYER_LAYER_NORM, FORM_ROWS}, {"RMSNormalization", JM_LAYER_LAYER_NORM, FORM_ROWS},
    {"InstanceNormalization", JM_LAYER_LAYER_NORM, FORM_ROWS}, {"GroupNormalization", JM_LAYER_LAYER_NORM, FORM_ROWS},
    {"Softmax", JM_LAYER_SOFTMAX, FORM_ROWS}, {"LogSoftmax", JM_LAYER_SOFTMAX, FORM_ROWS},
    {"QLinearSoftmax", JM_LAYER_SOFTMAX, FORM_ROWS},
    {"Gather", JM_LAYER_EMBEDDING, FORM_TABLE},
    {"Transpose", JM_LAYER_MOVEMENT, FORM_COUNT}, {"Concat", JM_LAYER_MOVEMENT, FORM_COUNT},
    {"Slice", JM_LAYER_MOVEMENT, FORM_COUNT}, {"Pad", JM_LAYER_MOVEMENT, FORM_COUNT},
    {"Split", JM_LAYER_MOVEMENT, FORM_COUNT}, {"Expand", JM_LAYER_MOVEMENT, FORM_COUNT},
    {"Tile", JM_LAYER_MOVEMENT, FORM_COUNT}, {"Resize", JM_LAYER_MOVEMENT, FORM_COUNT},
    {"Upsample", JM_LAYER_MOVEMENT, FORM_COUNT}, {"Cast", JM_LAYER_MOVEMENT, FORM_COUNT},
    {"ReorderInput", JM_LAYER_MOVEMENT, FORM_COUNT}, {"ReorderOutput", JM_LAYER_MOVEMENT, FORM_COUNT},
    {"DepthToSpace", JM_LAYER_MOVEMENT, FORM_COUNT}, {"SpaceToDepth", JM_LAYER_MOVEMENT, FORM_COUNT},
    {"Reshape", JM_LAYER_MOVEMENT, FORM_COUNT}, {"Flatten", JM_LAYER_MOVEMENT, FORM_COUNT},
    {"Squeeze", JM_LAYER_MOVEMENT, FORM_COUNT}, {"Unsqueeze", JM_LAYER_MOVEMENT, FORM_COUNT},
    {"Identity", JM_LAYER_MOVEMENT, FORM_COUNT}, {"Shape", JM_LAYER_MOVEMENT, FORM_COUNT},
    {"QuantizeLinear", JM_LAYER_MOVEMENT, FORM_COUNT}, {"DequantizeLinear", JM_LAYER_MOVEMENT, FORM_COUNT},
    {"DynamicQuantizeLinear", JM_LAYER_MOVEMENT, FORM_COUNT},
};
/* clang-format on */

/* What is in no list above and yet has FLOPs by element is element-wise. */
static struct operator_kind kind_of(const char *type)
{
	size_t i;

	for (i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (strcmp(operators[i].type, type) == 0)
			return operators[i];
	return (struct operator_kind){NULL, JM_LAYER_ELEMENTWISE, FORM_COUNT};
}

static double elements(const struct jm_shape *s)
{
	return s->is_known ? (double)jm_shape_elements(s) : 0;
}

/* Dimension i, 1 where there is none; without those behind it. */
static double dim(const struct jm_shape *s, size_t i)
{
	return i < s->n_dims ? (double)s->dims[i] : 1;
}

static double product(const struct jm_shape *s, size_t from, size_t to)
{
	double p = 1;
	size_t i;

	for (i = from; i < to && i < s->n_dims; i++)
		p *= (double)s->dims[i];
	return p;
}

/* The image as NCHW. */
static struct jm_shape nchw(const struct jm_shape *s, bool is_nhwc)
{
	struct jm_shape t = *s;

	if (is_nhwc && s->n_dims == 4) {
		t.dims[1] = s->dims[3];
		t.dims[2] = s->dims[1];
		t.dims[3] = s->dims[2];
	}
	return t;
}

/* From shapes: the stride is what takes the input to the output, the padding what lets the window reach its end. */
static struct jm_window derived_window(const struct jm_shape *in, const struct jm_shape *weights,
				       const struct jm_shape *out)
{
	struct jm_window w = {.is_known = weights->n_dims == 4, .dilation = {1, 1}, .groups = 1};
	size_t k;

	if (!w.is_known)
		return w;
	w.groups = weights->dims[1] > 0 && in->dims[1] > weights->dims[1] ? in->dims[1] / weights->dims[1] : 1;
	for (k = 0; k < 2; k++) {
		int64_t from = in->dims[2 + k], to = out->dims[2 + k], reach;

		w.kernel[k] = weights->dims[2 + k];
		w.stride[k] = to > 0 && from > to ? (from + to / 2) / to : 1;
		reach = (to - 1) * w.stride[k] + w.kernel[k];
		w.padding[k] = reach > from ? reach - from : 0;
	}
	return w;
}

static int image_features(const struct jm_operands *o, const struct jm_window *window, enum form form,
			  struct jm_features *f)
{
	size_t i, w = form == FORM_QCONV ? 3 : 1;
	bool is_nhwc = form == FORM_CONV_NHWC;
	struct jm_shape in = nchw(&o->in[0], is_nhwc), out = nchw(&o->out[0], is_nhwc);
	struct jm_window own = {0};
	double *v = f->values;

	if (!in.is_known || !out.is_known || in.n_dims != 4 || out.n_dims != 4)
		return JM_E_INVALID;
	if (form == FORM_GLOBAL_POOL)
		own = (struct jm_window){true, {in.dims[2], in.dims[3]}, {1, 1}, {0, 0}, {1, 1}, 1};
	else if (window && window->is_known)
		own = *window;
	else if (form != FORM_POOL && o->n_in > w)
		own = derived_window(&in, &o->in[w], &out);
	if (!own.is_known)
		return JM_E_INVALID;
	v[0] = dim(&in, 0);
	for (i = 0; i < 3; i++) {
		v[1 + i] = dim(&in, 1 + i);
		v[4 + i] = dim(&out, 1 + i);
	}
	v += 7;
	for (i = 0; i < 2; i++) {
		bool is_pool = f->kind == JM_LAYER_POOLING;

		v[i] = (double)own.kernel[i];
		v[2 + i] = (double)(is_pool ? own.stride[i] : own.padding[i]);
		v[4 + i] = (double)(is_pool ? own.padding[i] : own.stride[i]);
		if (!is_pool)
			v[7 + i] = (double)own.dilation[i];
	}
	if (f->kind == JM_LAYER_CONVOLUTIONAL)
		v[6] = (double)own.groups;
	return 0;
}

/* Runtimes that repack weights no longer list them among the operands, so work and traffic come from input and output alone. */
static void dense_features(const struct jm_shape *in, const struct jm_shape *out, double inner, struct jm_features *f)
{
	double columns = out->n_dims > 0 ? dim(out, out->n_dims - 1) : 1;
	double width = jm_dtype_bits(in->dtype) ? jm_dtype_bits(in->dtype) / 8.0 : 4;

	f->macs = elements(out) * inner;
	f->flops = 2 * f->macs;
	f->bytes = (elements(in) + elements(out) + inner * columns) * width;
	f->kind = JM_LAYER_DENSE;
	f->values[0] = dim(in, 0);
	f->values[1] = elements(in);
	f->values[2] = elements(out);
	f->values[3] = inner;
}

static int product_features(const struct jm_operands *o, size_t n_weights, enum form form, struct jm_features *f)
{
	const struct jm_shape *a = &o->in[0], *b = &o->in[form == FORM_QPRODUCT ? 3 : 1], *out = &o->out[0];
	double *v = f->values;
	double inner;
	bool has_b = o->n_in >= (form == FORM_QPRODUCT ? 4u : 2u);

	if (!a->is_known || !out->is_known || a->n_dims == 0)
		return JM_E_INVALID;
	inner = dim(a, a->n_dims - 1);
	if (form == FORM_GEMM || !has_b || (b->is_known && b->n_dims <= 2 && n_weights > 0)) {
		dense_features(a, out, inner, f);
		return 0;
	}
	if (!b->is_known || isnan(f->macs))
		return JM_E_INVALID;
	v[0] = out->n_dims > 2 ? product(out, 0, out->n_dims - 2) : 1;
	v[1] = a->n_dims > 1 ? dim(a, a->n_dims - 2) : 1;
	v[2] = inner;
	v[3] = b->n_dims > 1 ? dim(b, b->n_dims - 1) : 1;
	return 0;
}

static int row_features(const struct jm_operands *o, enum form form, struct jm_features *f)
{
	const struct jm_shape *in = &o->in[0], *out = &o->out[0];
	double *v = f->values;

	if (o->n_in == 0 || !in->is_known || !out->is_known)
		return JM_E_INVALID;
	if (form == FORM_ATTENTION) {
		v[0] = dim(in, 0);
		v[1] = dim(in, 1);
		v[2] = in->n_dims > 2 ? product(in, 2, in->n_dims) : 1;
	} else if (form == FORM_TABLE) {
		v[1] = in->n_dims > 1 ? product(in, 1, in->n_dims) : 1;
		v[0] = v[1] > 0 ? elements(out) / v[1] : 0;
		v[2] = dim(in, 0);
	} else {
		v[1] = in->n_dims > 0 ? dim(in, in->n_dims - 1) : 1;
		v[0] = v[1] > 0 ? elements(in) / v[1] : 0;
	}
	return 0;
}

static int count_features(const struct jm_operands *o, struct jm_features *f)
{
	size_t i;

	if (o->n_in == 0 || o->n_out == 0 || !o->in[0].is_known || !o->out[0].is_known)
		return JM_E_INVALID;
	f->values[0] = (double)o->n_in;
	for (i = 0; i < o->n_in; i++)
		f->values[1] += elements(&o->in[i]);
	for (i = 0; i < o->n_out; i++)
		f->values[2] += elements(&o->out[i]);
	return 0;
}

static int geometry(const struct operator_kind *op, const struct jm_operands *o, size_t n_weights,
		    const struct jm_window *window, struct jm_features *f)
{
	if (o->n_in == 0 || o->n_out == 0)
		return JM_E_INVALID;
	switch (op->form) {
	case FORM_CONV:
	case FORM_QCONV:
	case FORM_CONV_NHWC:
	case FORM_POOL:
	case FORM_GLOBAL_POOL:
		return image_features(o, window, op->form, f);
	case FORM_PRODUCT:
	case FORM_QPRODUCT:
	case FORM_GEMM:
		return product_features(o, n_weights, op->form, f);
	case FORM_ATTENTION:
	case FORM_ROWS:
	case FORM_TABLE:
		return row_features(o, op->form, f);
	case FORM_COUNT:
		return count_features(o, f);
	}
	return JM_E_NOT_FOUND;
}

int jm_features_from(const char *type, const struct jm_operands *operands, size_t n_weights,
		     const struct jm_window *window, struct jm_features *out)
{
	struct operator_kind op = kind_of(type);
	struct jm_op_cost cost;
	int rc;

	jm_op_cost(type, operands->in, operands->n_in, operands->out, operands->n_out, &cost);
	memset(out, 0, sizeof(*out));
	out->kind = op.kind;
	if (!op.type && (isnan(cost.macs) || isnan(cost.flops)))
		return JM_E_NOT_FOUND;
	out->macs = cost.macs;
	out->flops = cost.flops;
	out->bytes = cost.bytes;
	out->dtype = operands->n_in ? operands->in[0].dtype : JM_DTYPE_UNKNOWN;
	rc = geometry(&op, operands, n_weights, window, out);
	return rc || !(isnan(out->macs) || isnan(out->flops)) ? rc : JM_E_INVALID;
}

void jm_features_complete(struct jm_features *f)
{
	const double *v = f->values;
	double width = jm_dtype_bits(f->dtype) ? jm_dtype_bits(f->dtype) / 8.0 : 4, macs = 0, flops = 0, moved = 0;

	if (f->kind == JM_LAYER_CONVOLUTIONAL) {
		double weights = v[1] * v[7] * v[8] * v[4] / (v[13] > 0 ? v[13] : 1);

		macs = v[0] * weights * v[5] * v[6];
		moved = v[0] * (v[1] * v[2] * v[3] + v[4] * v[5] * v[6]) + weights;
	} else if (f->kind == JM_LAYER_DENSE) {
		/* Historic rows have no inner size: all of one item's inputs meet all of its outputs. */
		double inner = v[3] > 0 ? v[3] : v[0] > 0 ? v[1] / v[0] : v[1], rows = inner > 0 ? v[1] / inner : 0;
		double weights = rows > 0 ? inner * v[2] / rows : 0;

		macs = inner * v[2];
		moved = v[1] + v[2] + weights;
		f->values[3] = inner;
	} else if (f->kind == JM_LAYER_POOLING) {
		flops = v[0] * v[4] * v[5] * v[6] * v[7] * v[8];
		moved = v[0] * (v[1] * v[2] * v[3] + v[4] * v[5] * v[6]);
	}
	f->macs = isnan(f->macs) ? macs : f->macs;
	f->flops = isnan(f->flops) ? 2 * macs + flops : f->flops;
	f->bytes = isnan(f->bytes) ? moved * width : f->bytes;
}
