#define _GNU_SOURCE
#include "compare/trial.h"

#include "report/figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *key, *heading;
	double factor;
	int decimals;
} figures[] = {
#define JM_ENUM(name, key, heading, factor, decimals) {key, heading, factor, decimals},
    JM_FIGURE_LIST(JM_ENUM)
#undef JM_ENUM
};

const char *jm_figure_key(enum jm_figure f)
{
	return figures[f].key;
}

const char *jm_figure_heading(enum jm_figure f)
{
	return figures[f].heading;
}

void jm_figure_text(enum jm_figure f, double value, char *out, size_t size)
{
	if (figures[f].decimals < 0)
		jm_report_four_digits(value * figures[f].factor, out, size);
	else
		jm_report_plain(value * figures[f].factor, figures[f].decimals, out, size);
}

void jm_trial_finish(struct jm_trial *t)
{
	size_t i;

	for (i = 0; i < JM_N_FIGURES; i++)
		free(t->blocks[i]);
	for (i = 0; i < t->n_layers; i++) {
		free(t->layers[i].name);
		free(t->layers[i].type);
	}
	free(t->layers);
	free(t->score.items);
	memset(t, 0, sizeof(*t));
}

/* ONNX Runtime's operators on integers (docs/ContribOperators.md, and ONNX's own), and names of kernels: PyTorch's _int_mm, NVIDIA's
 * integer matrix instructions. */
bool jm_layer_type_is_integer(const char *type, const char *name)
{
	static const char *const types[] = {"ConvInteger",           "MatMulInteger", "MatMulIntegerToFloat",
					    "DynamicQuantizeMatMul", "QGemm",         "QAttention",
					    "DynamicQuantizeLSTM",   "MatMulNBits"};
	static const char *const parts[] = {"int_mm", "imma", "_i8i8", "s8s8", "int8_gemm"};
	size_t i;

	if (strncmp(type, "QLinear", 7) == 0)
		return true;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcasestr(type, parts[i]) || strcasestr(name, parts[i]))
			return true;
	return false;
}

static bool is_called_quantised(const struct jm_trial *t)
{
	const char *slash = strrchr(t->model, '/');

	return strcasestr(t->label, "int8") || strcasestr(t->label, "int4") ||
	       strcasestr(slash ? slash : t->model, "int8") || strncmp(t->precision, "int", 3) == 0 ||
	       strncmp(t->precision, "uint", 4) == 0 || t->quantization[0];
}

int jm_trial_simulates_integers(const struct jm_trial *t, char *reason, size_t size)
{
	reason[0] = '\0';
	if (!is_called_quantised(t) || strcmp(t->quantization, "none") == 0)
		return 0;
	if (strcmp(t->quantization, "simulated") == 0) {
		snprintf(reason, size, "the recording says that integers are simulated");
		return 1;
	}
	if (t->n_integer)
		return 0;
	if (t->n_typed == 0) {
		snprintf(reason, size,
			 "no layers were recorded, so it is not known whether integers were computed with");
		return -1;
	}
	if (t->precision[0] == 'f')
		snprintf(reason, size, "its weights are %s, and no layer that ran computes with integers",
			 t->precision);
	else
		snprintf(reason, size, "no layer that ran computes with integers");
	return 1;
}
