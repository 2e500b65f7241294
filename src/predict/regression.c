#define _GNU_SOURCE
#include "predict/regression.h"

#include "core/linalg.h"
#include "predict/lasso.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Fewer rows than this teach nothing. */
#define ROWS_MIN 3
#define RIDGES   13

double jm_target_of(const struct jm_dataset_row *row, enum jm_target target)
{
	if (target == JM_TARGET_RUNTIME)
		return row->runtime_ms > 0 ? row->runtime_ms : NAN;
	/* An estimate teaches what the estimate assumed, not what the device draws. */
	return row->power_state == JM_POWER_MEASURED && row->power_w > 0 ? row->power_w : NAN;
}

static double physical_of(const double physical[3], const struct jm_features *f)
{
	return physical[0] + physical[1] * f->flops + physical[2] * f->bytes;
}

/* What the physical model is made of, and how much a row counts: less beyond HUBER in logarithms. */
#define PHYSICAL_TERMS  3
#define PHYSICAL_ROUNDS 6
#define HUBER           0.4

struct physical_fit {
	double gram[PHYSICAL_TERMS * PHYSICAL_TERMS], c[PHYSICAL_TERMS];
	double scale[PHYSICAL_TERMS]; /* so that the terms can be told apart in floating point */
};

static void physical_terms(const struct jm_features *f, const double scale[PHYSICAL_TERMS], double x[PHYSICAL_TERMS])
{
	size_t l;

	x[0] = 1;
	x[1] = f->flops;
	x[2] = f->bytes;
	for (l = 0; l < PHYSICAL_TERMS; l++)
		x[l] = scale[l] > 0 ? x[l] / scale[l] : 0;
}

/* Adds a row relative to what the round before predicts: the least sum of such squares is nearly that of the logarithms. */
static void add_physical(struct physical_fit *fit, const struct jm_dataset_row *row, double y, double expected)
{
	double x[PHYSICAL_TERMS], away = fabs(log(y / expected)), weight = away > HUBER ? HUBER / away : 1;
	size_t l;

	physical_terms(&row->features, fit->scale, x);
	weight /= expected * expected;
	for (l = 0; l < PHYSICAL_TERMS * PHYSICAL_TERMS; l++)
		fit->gram[l] += weight * x[l / PHYSICAL_TERMS] * x[l % PHYSICAL_TERMS];
	for (l = 0; l < PHYSICAL_TERMS; l++)
		fit->c[l] += weight * x[l] * y;
}

/* The scale of a term: what it would be alone. */
static void see_scales(const struct jm_regression_data *q, unsigned but_fold, struct physical_fit *fit)
{
	static const double none[PHYSICAL_TERMS] = {1, 1, 1};
	double x[PHYSICAL_TERMS];
	size_t i, l;

	for (i = 0; i < q->n; i++) {
		const struct jm_dataset_row *row = &q->d->rows[q->rows[i]];

		if (q->fold[i] == but_fold)
			continue;
		physical_terms(&row->features, none, x);
		for (l = 0; l < PHYSICAL_TERMS; l++)
			fit->scale[l] = fmax(fit->scale[l], x[l] / jm_target_of(row, q->target));
	}
}

/* Non-negative launch cost, time by FLOP and by byte that are least wrong in logarithms, without much regard for outliers. */
static void fit_physical(const struct jm_regression_data *q, unsigned but_fold, double physical[PHYSICAL_TERMS])
{
	static const struct jm_lasso_options options = {1, 2000, 1e-9, true};
	struct physical_fit fit = {{0}, {0}, {0}};
	double w[PHYSICAL_TERMS], work[PHYSICAL_TERMS];
	size_t i, l, round;

	see_scales(q, but_fold, &fit);
	memset(physical, 0, PHYSICAL_TERMS * sizeof(*physical));
	for (round = 0; round < PHYSICAL_ROUNDS; round++) {
		memset(fit.gram, 0, sizeof(fit.gram));
		memset(fit.c, 0, sizeof(fit.c));
		memset(w, 0, sizeof(w));
		for (i = 0; i < q->n; i++) {
			const struct jm_dataset_row *row = &q->d->rows[q->rows[i]];
			double y = jm_target_of(row, q->target), expected = physical_of(physical, &row->features);

			if (q->fold[i] != but_fold)
				add_physical(&fit, row, y, round && expected > 0 ? expected : y);
		}
		jm_lasso_descend(fit.gram, fit.c, PHYSICAL_TERMS, 0, &options, w, work);
		for (l = 0; l < PHYSICAL_TERMS; l++)
			physical[l] = fit.scale[l] > 0 ? w[l] / fit.scale[l] : 0;
	}
}

/* Terms of all rows, standardised over those outside of but_fold. */
static void make_terms(const struct jm_regression_data *q, enum jm_approach approach, unsigned but_fold,
		       struct jm_regression *r, double *x)
{
	size_t p = r->n_terms, i, k, n = 0;

	memset(r->mean, 0, 2 * p * sizeof(double));
	for (i = 0; i < q->n; i++) {
		const struct jm_features *f = &q->d->rows[q->rows[i]].features;
		double *row = x + i * p;

		jm_terms(approach, q->target, f, physical_of(r->physical, f), row);
		if (q->fold[i] == but_fold)
			continue;
		n++;
		for (k = 0; k < p; k++)
			r->mean[k] += row[k];
	}
	for (k = 0; k < p; k++)
		r->mean[k] /= (double)n;
	for (i = 0; i < q->n; i++)
		for (k = 0; q->fold[i] != but_fold && k < p; k++)
			r->sd[k] += (x[i * p + k] - r->mean[k]) * (x[i * p + k] - r->mean[k]);
	for (k = 0; k < p; k++) {
		r->sd[k] = sqrt(r->sd[k] / (double)n);
		/* A column that never changes in training says nothing. */
		if (!(r->sd[k] > 1e-9 * (1 + fabs(r->mean[k]))))
			r->sd[k] = INFINITY;
	}
	for (i = 0; i < q->n; i++)
		for (k = 0; k < p; k++)
			x[i * p + k] = (x[i * p + k] - r->mean[k]) / r->sd[k];
}

static double linear(const struct jm_regression *r, const double *standardised)
{
	double y = r->intercept;
	size_t k;

	for (k = 0; k < r->n_terms; k++)
		y += r->w[k] * standardised[k];
	return y;
}

/* Of the target, outside of but_fold. */
static void see_range(const struct jm_regression_data *q, unsigned but_fold, struct jm_regression *r)
{
	size_t i;

	r->lowest = INFINITY;
	r->highest = 0;
	for (i = 0; i < q->n; i++) {
		double y = jm_target_of(&q->d->rows[q->rows[i]], q->target);

		if (q->fold[i] == but_fold)
			continue;
		r->lowest = fmin(r->lowest, y);
		r->highest = fmax(r->highest, y);
	}
}

/* Keeps a prediction within ten times what training has seen: beyond it a polynomial means nothing. */
static double bounded(const struct jm_regression *r, double value)
{
	return fmin(fmax(value, r->lowest / 10), r->highest * 10);
}

double jm_regression_value(const struct jm_regression *r, enum jm_approach approach, enum jm_target target,
			   const struct jm_features *f)
{
	double *x = malloc(r->n_terms * sizeof(*x)), y;
	size_t k;

	if (!x)
		return NAN;
	jm_terms(approach, target, f, physical_of(r->physical, f), x);
	for (k = 0; k < r->n_terms; k++)
		x[k] = (x[k] - r->mean[k]) / r->sd[k];
	y = linear(r, x);
	free(x);
	return bounded(r, approach == JM_APPROACH_ROOFLINE ? exp(y) : y);
}

/* Ridge regression of log y on the rows outside of two folds. gram, c: work. */
static int ridge(const struct jm_regression_data *q, const double *x, const double *y, unsigned but, unsigned and_but,
		 double lambda, struct jm_regression *r, double *gram)
{
	size_t p = r->n_terms, i, k, l, n = 0;
	double mean = 0;

	memset(gram, 0, p * p * sizeof(double));
	memset(r->w, 0, p * sizeof(double));
	for (i = 0; i < q->n; i++) {
		if (q->fold[i] == but || q->fold[i] == and_but)
			continue;
		mean += y[i];
		n++;
	}
	mean /= (double)(n ? n : 1);
	for (i = 0; i < q->n; i++) {
		const double *row = x + i * p;

		if (q->fold[i] == but || q->fold[i] == and_but)
			continue;
		for (k = 0; k < p; k++) {
			r->w[k] += row[k] * (y[i] - mean);
			for (l = 0; l <= k; l++)
				gram[k * p + l] += row[k] * row[l];
		}
	}
	for (k = 0; k < p; k++)
		gram[k * p + k] += lambda * (double)(n ? n : 1) + 1e-9;
	r->intercept = mean;
	if (jm_cholesky(gram, p))
		return JM_E_UNIDENTIFIABLE;
	jm_cholesky_solve(gram, p, r->w);
	return 0;
}

static double ridge_of(size_t i)
{
	return pow(10, -4 + 0.5 * (double)i);
}

/* The ridge whose error over folds, but_fold left out of everything, is least. */
static double choose_ridge(const struct jm_regression_data *q, const double *x, const double *y, unsigned but_fold,
			   struct jm_regression *r, double *gram)
{
	double best = INFINITY, chosen = ridge_of(RIDGES / 2);
	size_t i, k;
	unsigned f;

	for (k = 0; q->n_folds > 2 && k < RIDGES; k++) {
		double error = 0;

		for (f = 0; f < q->n_folds && error < best; f++) {
			if (f == but_fold)
				continue;
			if (ridge(q, x, y, but_fold, f, ridge_of(k), r, gram)) {
				error = INFINITY;
				break;
			}
			for (i = 0; i < q->n; i++)
				if (q->fold[i] == f)
					error += pow(linear(r, x + i * r->n_terms) - y[i], 2);
		}
		if (error < best) {
			best = error;
			chosen = ridge_of(k);
		}
	}
	return chosen;
}

/* Fits everything on the rows outside of but_fold. */
static int fit_roofline(const struct jm_regression_data *q, unsigned but_fold, struct jm_regression *r, double *x,
			const double *y, double *gram)
{
	see_range(q, but_fold, r);
	fit_physical(q, but_fold, r->physical);
	make_terms(q, JM_APPROACH_ROOFLINE, but_fold, r, x);
	return ridge(q, x, y, but_fold, UINT32_MAX, choose_ridge(q, x, y, but_fold, r, gram), r, gram);
}

static int roofline(const struct jm_regression_data *q, struct jm_regression *r, double *x, double *out_of_fold)
{
	double *y = malloc((q->n + r->n_terms * r->n_terms) * sizeof(*y)), *gram = y + q->n;
	size_t i;
	unsigned f;
	int rc = y ? 0 : JM_E_NOMEM;

	for (i = 0; rc == 0 && i < q->n; i++) {
		y[i] = log(jm_target_of(&q->d->rows[q->rows[i]], q->target));
		out_of_fold[i] = NAN;
	}
	for (f = 0; q->n_folds > 1 && f < q->n_folds && rc == 0; f++) {
		rc = fit_roofline(q, f, r, x, y, gram);
		for (i = 0; i < q->n && rc == 0; i++)
			if (q->fold[i] == f)
				out_of_fold[i] = bounded(r, exp(linear(r, x + i * r->n_terms)));
	}
	rc = rc ? rc : fit_roofline(q, UINT32_MAX, r, x, y, gram);
	free(y);
	return rc;
}

static int polynomial(const struct jm_regression_data *q, size_t n_alphas, struct jm_regression *r, double *x,
		      double *out_of_fold)
{
	struct jm_lasso_options options = {.n_alphas = n_alphas,
					   .sweeps_max = 1000,
					   .tolerance = 1e-4,
					   /* The historic models left only the runtime of poolings free. */
					   .is_positive =
					       q->kind != JM_LAYER_POOLING || q->target != JM_TARGET_RUNTIME};
	struct jm_lasso_problem problem = {.x = x, .fold = q->fold, .n = q->n, .p = r->n_terms, .n_folds = q->n_folds};
	double *y = malloc(q->n * sizeof(*y));
	size_t i;
	unsigned f;
	int rc;

	if (!y)
		return JM_E_NOMEM;
	for (i = 0; i < q->n; i++)
		y[i] = jm_target_of(&q->d->rows[q->rows[i]], q->target);
	/* For numbers of similar scale alone: jm_lasso standardises what it fits, each part by itself. */
	make_terms(q, JM_APPROACH_POLYNOMIAL, UINT32_MAX, r, x);
	problem.y = y;
	rc = jm_lasso(&problem, &options, r->w, &r->intercept, out_of_fold, NULL);
	for (f = 0; rc == 0 && f < q->n_folds; f++) {
		see_range(q, f, r);
		for (i = 0; i < q->n; i++)
			if (q->fold[i] == f && !isnan(out_of_fold[i]))
				out_of_fold[i] = bounded(r, out_of_fold[i]);
	}
	see_range(q, UINT32_MAX, r);
	free(y);
	return rc;
}

int jm_regression_fit(const struct jm_regression_data *data, enum jm_approach approach, size_t n_alphas,
		      struct jm_regression *out, double *out_of_fold)
{
	size_t p = jm_terms_count(approach, data->kind);
	double *x;
	int rc;

	memset(out, 0, sizeof(*out));
	out->log_low = out->log_high = NAN;
	if (data->n < ROWS_MIN)
		return 0;
	out->n_terms = p;
	out->mean = calloc(3 * p, sizeof(double));
	x = malloc(data->n * p * sizeof(*x));
	if (!out->mean || !x) {
		free(x);
		jm_regression_finish(out);
		return JM_E_NOMEM;
	}
	out->sd = out->mean + p;
	out->w = out->sd + p;
	out->n_rows = data->n;
	rc = approach == JM_APPROACH_ROOFLINE ? roofline(data, out, x, out_of_fold)
					      : polynomial(data, n_alphas, out, x, out_of_fold);
	free(x);
	out->is_there = rc == 0;
	if (rc)
		jm_regression_finish(out);
	return rc == JM_E_UNIDENTIFIABLE ? 0 : rc;
}

void jm_regression_finish(struct jm_regression *r)
{
	free(r->mean);
	memset(r, 0, sizeof(*r));
}
