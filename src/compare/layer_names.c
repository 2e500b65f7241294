#define _GNU_SOURCE
#include "compare/layer_names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool ends_with(const char *text, size_t n, const char *end)
{
	size_t k = strlen(end);

	return n >= k && memcmp(text + n - k, end, k) == 0;
}

/* "_token_17": ONNX Runtime tells apart copies of a node this way (1.14 and later). */
static size_t without_token(const char *text, size_t n)
{
	size_t digits = n;

	while (digits > 0 && isdigit((unsigned char)text[digits - 1]))
		digits--;
	return digits < n && ends_with(text, digits, "_token_") ? digits - strlen("_token_") : n;
}

void jm_layer_plain_name(const char *name, char *out, size_t size)
{
	/* Names given by onnxruntime.quantization, by onnxconverter_common.float16 and by ONNX Runtime's transformers. */
	static const char *const ends[] = {"_quant",         "_quantized", "_nchwc",       "_nhwc",        "_fused",
					   "_MatMulInteger", "_dequant",   "_kernel_time", "_fence_before"};
	static const char *const begins[] = {"fused ", "InsertedPrecisionFreeCast_"};
	size_t n, before, i;

	for (i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (strncmp(name, begins[i], strlen(begins[i])) == 0)
			name += strlen(begins[i]);
	n = strlen(name);
	do {
		before = n;
		n = without_token(name, n);
		for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
			if (ends_with(name, n, ends[i]) && n > strlen(ends[i]))
				n -= strlen(ends[i]);
	} while (n < before);
	snprintf(out, size, "%.*s", (int)n, name);
}

const char *jm_layer_family(const char *type)
{
	static const char *const families[][2] = {
	    {"MatMulNBits", "matmul"},
	    {"MatMulInteger", "matmul"},
	    {"MatMulIntegerToFloat", "matmul"},
	    {"DynamicQuantizeMatMul", "matmul"},
	    {"QLinearMatMul", "matmul"},
	    {"FusedMatMul", "matmul"},
	    {"MatMul", "matmul"},
	    {"Gemm", "matmul"},
	    {"FusedGemm", "matmul"},
	    {"QGemm", "matmul"},
	    {"TransposeMatMul", "matmul"},
	    {"Linear", "matmul"},
	    {"Conv", "conv"},
	    {"FusedConv", "conv"},
	    {"ConvInteger", "conv"},
	    {"QLinearConv", "conv"},
	    {"NhwcFusedConv", "conv"},
	    {"NhwcConv", "conv"},
	    {"Attention", "attention"},
	    {"QAttention", "attention"},
	    {"MultiHeadAttention", "attention"},
	    {"LayerNormalization", "norm"},
	    {"SkipLayerNormalization", "norm"},
	    {"SimplifiedLayerNormalization", "norm"},
	    {"QLinearAdd", "Add"},
	    {"QLinearMul", "Mul"},
	    {"QLinearConcat", "Concat"},
	    {"QLinearSigmoid", "Sigmoid"},
	    {"QLinearSoftmax", "Softmax"},
	    {"QLinearLeakyRelu", "LeakyRelu"},
	    {"QLinearAveragePool", "AveragePool"},
	    {"QLinearGlobalAveragePool", "GlobalAveragePool"},
	    {"QLinearReduceMean", "ReduceMean"},
	    {"BiasGelu", "Gelu"},
	    {"FastGelu", "Gelu"},
	    {"QuickGelu", "Gelu"},	    {"NhwcMaxPool", "MaxPool"},	   {"ReorderInput", "layout"},
	    {"ReorderOutput", "layout"},    {"Transpose", "layout"},
	};
	size_t i;

	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (strcmp(type, families[i][0]) == 0)
			return families[i][1];
	return type;
}

static bool is_one_of(const char *text, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(text, list[i]) == 0)
			return true;
	return false;
}

bool jm_layer_is_conversion(const char *name, const char *type)
{
	static const char *const types[] = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear",
					    "Cast",           "QuantizeBFP",      "DequantizeBFP"};

	/* Multiplications that bring an integer product back to scale (onnxruntime.quantization). */
	return is_one_of(type, types, sizeof(types) / sizeof(types[0])) || strstr(name, "_scales_mul") ||
	       strstr(name, "_output_scale_mul");
}

bool jm_layer_is_foldable(const char *type)
{
	static const char *const types[] = {"Relu",
					    "Clip",
					    "LeakyRelu",
					    "Sigmoid",
					    "Tanh",
					    "HardSigmoid",
					    "HardSwish",
					    "Add",
					    "Mul",
					    "Sub",
					    "Div",
					    "Gelu",
					    "BiasGelu",
					    "FastGelu",
					    "Dropout",
					    "Identity",
					    "BatchNormalization",
					    "Transpose",
					    "Reshape",
					    "Squeeze",
					    "Unsqueeze",
					    "Flatten",
					    "ReorderInput",
					    "ReorderOutput",
					    "Softmax"};

	return is_one_of(type, types, sizeof(types) / sizeof(types[0]));
}

double jm_layer_name_likeness(const char *a, const char *b)
{
	size_t n_a = strlen(a), n_b = strlen(b), longer = n_a > n_b ? n_a : n_b, head = 0, tail = 0;

	while (head < n_a && head < n_b && a[head] == b[head])
		head++;
	while (tail < n_a - head && tail < n_b - head && a[n_a - 1 - tail] == b[n_b - 1 - tail])
		tail++;
	return longer ? (double)(head + tail) / (double)longer : 0;
}

static bool has_any(const char *name, const char *const *parts, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcasestr(name, parts[i]))
			return true;
	return false;
}

#define HAS(...)                                                                                                       \
	has_any(name, (const char *const[]){__VA_ARGS__},                                                              \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

const char *jm_layer_role(const char *name, const char *type)
{
	const char *family = jm_layer_family(type);

	if (jm_layer_is_conversion(name, type))
		return "conversion";
	if (HAS("layer_norm", "layernorm", "batchnorm", "/ln_", ".ln_", "norm1", "norm2") ||
	    strcmp(family, "norm") == 0 || strcasestr(type, "normalization"))
		return "normalisation";
	if (HAS("embedding", "wte", "wpe") || strcmp(type, "Embedding") == 0 || strstr(type, "EmbedLayer"))
		return "embeddings";
	if (HAS("ffn", "mlp", "feed_forward", "feedforward", "intermediate", "c_fc", "linear1", "linear2", "/lin1",
		"/lin2", ".lin1", ".lin2"))
		return "feed-forward";
	if (HAS("attn", "attention", "q_lin", "k_lin", "v_lin", "out_lin", "query", "/key", "/value") ||
	    strcmp(family, "attention") == 0)
		return "attention";
	if (HAS("classifier", "lm_head", "/head", "logits", "pooler"))
		return "head";
	if (strcmp(family, "conv") == 0)
		return "convolution";
	/* In a network without names, a product of two activations next to a softmax is attention. */
	return strcmp(family, "Softmax") == 0 ? "attention" : "other";
}
