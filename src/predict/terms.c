#include "predict/terms.h"

#include <math.h>
#include <string.h>

#define TEXT(name, text) text,
static const char *const approach_texts[] = {JM_APPROACH_LIST(TEXT)};
static const char *const target_texts[] = {JM_TARGET_LIST(TEXT)};
#undef TEXT

#define SPECIAL_MAX 3
/* Of the roofline: physical, work, traffic, intensity, their squares and products. */
#define WORK_TERMS 8

const char *jm_approach_text(enum jm_approach approach)
{
	return approach_texts[approach];
}

const char *jm_target_text(enum jm_target target)
{
	return target_texts[target];
}

int jm_approach_parse(const char *text, enum jm_approach *out)
{
	size_t i;

	for (i = 0; i < JM_APPROACHES; i++) {
		if (strcmp(approach_texts[i], text) == 0) {
			*out = (enum jm_approach)i;
			return 0;
		}
	}
	return JM_E_INVALID;
}

/* Values that the polynomial is made of: the historic ones, or all where there are none. */
static size_t n_raw(enum jm_layer_kind kind)
{
	struct jm_layer_columns columns;

	jm_layer_columns(kind, &columns);
	return columns.n_historic ? columns.n_historic : columns.n;
}

static size_t n_columns(enum jm_layer_kind kind)
{
	struct jm_layer_columns columns;

	jm_layer_columns(kind, &columns);
	return columns.n;
}

static size_t n_monomials(size_t n)
{
	/* C(n + 3, 3) less the constant. */
	return (n + 1) * (n + 2) * (n + 3) / 6 - 1;
}

size_t jm_terms_count(enum jm_approach approach, enum jm_layer_kind kind)
{
	return approach == JM_APPROACH_POLYNOMIAL ? n_monomials(n_raw(kind)) + SPECIAL_MAX
						  : n_columns(kind) + WORK_TERMS;
}

static void polynomial(enum jm_target target, const struct jm_features *f, double *out)
{
	size_t n = n_raw(f->kind), i, k, l;
	double raw[JM_FEATURES_MAX];
	/* The historic models took logarithms for the power of convolutions alone. */
	bool is_log = f->kind == JM_LAYER_CONVOLUTIONAL && target == JM_TARGET_POWER;

	for (i = 0; i < n; i++)
		raw[i] = is_log ? log1p(f->values[i]) : f->values[i];
	for (i = 0; i < n; i++) {
		*out++ = raw[i];
		for (k = i; k < n; k++) {
			*out++ = raw[i] * raw[k];
			for (l = k; l < n; l++)
				*out++ = raw[i] * raw[k] * raw[l];
		}
	}
	/* What the special terms of the historic models meant: work and traffic (their term took the output's width for its
	 * whole size). */
	out[0] = f->macs;
	out[1] = f->flops;
	out[2] = f->bytes;
}

static double size_log(double value)
{
	return log(fmax(value, 0) + 1);
}

static void roofline(const struct jm_features *f, double physical, double *out)
{
	double work = size_log(f->flops), traffic = size_log(f->bytes);
	size_t n = n_columns(f->kind), i;

	for (i = 0; i < n; i++)
		*out++ = size_log(f->values[i]);
	out[0] = physical > 0 ? log(physical) : 0;
	out[1] = work;
	out[2] = traffic;
	out[3] = work * work;
	out[4] = traffic * traffic;
	out[5] = work * traffic;
	out[6] = fmax(0, work - traffic);
	out[7] = jm_dtype_bits(f->dtype) ? log(jm_dtype_bits(f->dtype)) : log(32.0);
}

void jm_terms(enum jm_approach approach, enum jm_target target, const struct jm_features *f, double physical,
	      double *out)
{
	if (approach == JM_APPROACH_POLYNOMIAL)
		polynomial(target, f, out);
	else
		roofline(f, physical, out);
}
