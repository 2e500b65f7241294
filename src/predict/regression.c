#define _GNU_SOURCE
#include "predict/regression.h"

#include "core/linalg.h"
#include "predict/lasso.h"
#include "predict/physical.h"

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

/* What is fitted: the rows, their terms (n x n_terms), and the regression. */
struct fitting {
	const struct jm_regression_data *q;
	struct jm_regression *r;
	double *x, *y; /* y: the target, of the roofline its logarithm */
	/* Of the roofline alone: what is left of y when the work has had its say, and work (n_terms x n_terms). */
	double *z, *gram;
};

static void see_features(const struct jm_regression_data *q, unsigned but_fold, struct jm_regression *r)
{
	size_t i, k;

	for (k = 0; k < JM_FEATURES_MAX + 2; k++) {
		r->seen_low[k] = INFINITY;
		r->seen_high[k] = -INFINITY;
	}
	for (i = 0; i < q->n; i++) {
		const struct jm_features *f = &q->d->rows[q->rows[i]].features;

		for (k = 0; q->fold[i] != but_fold && k < JM_FEATURES_MAX + 2; k++) {
			double v = k < JM_FEATURES_MAX ? f->values[k] : k == JM_FEATURES_MAX ? f->flops : f->bytes;

			r->seen_low[k] = fmin(r->seen_low[k], v);
			r->seen_high[k] = fmax(r->seen_high[k], v);
		}
	}
}

/* NAN: no limit. */
static double kept_between(double value, double low, double high)
{
	return fmin(fmax(value, low), high);
}

/* The terms of the roofline where the layer lies at the edge of what was seen, if it lies beyond. */
static void roofline_terms(const struct jm_regression *r, enum jm_target target, const struct jm_features *f,
			   double *out)
{
	struct jm_features near = *f;
	size_t k;

	for (k = 0; k < JM_FEATURES_MAX; k++)
		near.values[k] = kept_between(f->values[k], r->seen_low[k], r->seen_high[k]);
	near.flops = kept_between(f->flops, r->seen_low[k], r->seen_high[k]);
	near.bytes = kept_between(f->bytes, r->seen_low[k + 1], r->seen_high[k + 1]);
	jm_terms(JM_APPROACH_ROOFLINE, target, &near, jm_physical_value(r->physical, &near), out);
}

/* Terms of all rows, standardised over those outside of but_fold. */
static void make_terms(const struct fitting *fit, enum jm_approach approach, unsigned but_fold)
{
	const struct jm_regression_data *q = fit->q;
	struct jm_regression *r = fit->r;
	size_t p = r->n_terms, i, k, n = 0;
	double *x = fit->x;

	memset(r->mean, 0, 2 * p * sizeof(double));
	for (i = 0; i < q->n; i++) {
		const struct jm_features *f = &q->d->rows[q->rows[i]].features;
		double *row = x + i * p;

		if (approach == JM_APPROACH_ROOFLINE)
			roofline_terms(r, q->target, f, row);
		else
			jm_terms(approach, q->target, f, 0, row);
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

/* What the work alone says, in logarithms. */
static double base_of(const struct jm_regression *r, const struct jm_features *f)
{
	return log(fmax(jm_physical_value(r->physical, f), r->lowest / 10));
}

static double corrected(const struct jm_regression *r, const struct jm_features *f, double sum)
{
	if (isnan(r->correction_low))
		return bounded(r, exp(sum));
	return bounded(r, exp(base_of(r, f) + fmin(fmax(sum, r->correction_low), r->correction_high)));
}

double jm_regression_value(const struct jm_regression *r, enum jm_approach approach, enum jm_target target,
			   const struct jm_features *f)
{
	double *x = malloc(r->n_terms * sizeof(*x)), y;
	size_t k;

	if (!x)
		return NAN;
	if (approach == JM_APPROACH_ROOFLINE)
		roofline_terms(r, target, f, x);
	else
		jm_terms(approach, target, f, 0, x);
	for (k = 0; k < r->n_terms; k++)
		x[k] = (x[k] - r->mean[k]) / r->sd[k];
	y = linear(r, x);
	free(x);
	return approach == JM_APPROACH_ROOFLINE ? corrected(r, f, y) : bounded(r, y);
}

/* Ridge regression of z on the rows outside of two folds. */
static int ridge(const struct fitting *f, unsigned but, unsigned and_but, double lambda)
{
	const struct jm_regression_data *q = f->q;
	double *gram = f->gram, *w = f->r->w, mean = 0;
	size_t p = f->r->n_terms, i, k, l, n = 0;

	memset(gram, 0, p * p * sizeof(double));
	memset(w, 0, p * sizeof(double));
	for (i = 0; i < q->n; i++) {
		if (q->fold[i] == but || q->fold[i] == and_but)
			continue;
		mean += f->z[i];
		n++;
	}
	mean /= (double)(n ? n : 1);
	for (i = 0; i < q->n; i++) {
		const double *row = f->x + i * p;

		if (q->fold[i] == but || q->fold[i] == and_but)
			continue;
		for (k = 0; k < p; k++) {
			w[k] += row[k] * (f->z[i] - mean);
			for (l = 0; l <= k; l++)
				gram[k * p + l] += row[k] * row[l];
		}
	}
	for (k = 0; k < p; k++)
		gram[k * p + k] += lambda * (double)(n ? n : 1) + 1e-9;
	f->r->intercept = mean;
	if (jm_cholesky(gram, p))
		return JM_E_UNIDENTIFIABLE;
	jm_cholesky_solve(gram, p, w);
	return 0;
}

static double ridge_of(size_t i)
{
	return pow(10, -4 + 0.5 * (double)i);
}

/* The squared error over folds, but_fold left out of everything; more than enough is not counted. */
static double ridge_error(const struct fitting *fit, unsigned but_fold, double lambda, double enough)
{
	const struct jm_regression_data *q = fit->q;
	double error = 0;
	unsigned f;
	size_t i;

	for (f = 0; f < q->n_folds && error < enough; f++) {
		if (f == but_fold)
			continue;
		if (ridge(fit, but_fold, f, lambda))
			return INFINITY;
		for (i = 0; i < q->n; i++)
			if (q->fold[i] == f)
				error += pow(linear(fit->r, fit->x + i * fit->r->n_terms) - fit->z[i], 2);
	}
	return error;
}

/* The ridge whose error is least. */
static double choose_ridge(const struct fitting *fit, unsigned but_fold)
{
	double least = INFINITY, chosen = ridge_of(RIDGES / 2);
	size_t k;

	for (k = 0; fit->q->n_folds > 2 && k < RIDGES; k++) {
		double error = ridge_error(fit, but_fold, ridge_of(k), least);

		if (error < least) {
			least = error;
			chosen = ridge_of(k);
		}
	}
	return chosen;
}

/* What is left to be explained, and how far it goes. */
static void take_base(const struct fitting *f, unsigned but_fold)
{
	struct jm_regression *r = f->r;
	size_t i;

	r->correction_low = INFINITY;
	r->correction_high = -INFINITY;
	for (i = 0; i < f->q->n; i++) {
		f->z[i] = f->y[i] - base_of(r, &f->q->d->rows[f->q->rows[i]].features);
		if (f->q->fold[i] == but_fold)
			continue;
		r->correction_low = fmin(r->correction_low, f->z[i]);
		r->correction_high = fmax(r->correction_high, f->z[i]);
	}
}

/* Fits everything on the rows outside of but_fold. */
static int fit_roofline(const struct fitting *f, unsigned but_fold)
{
	see_range(f->q, but_fold, f->r);
	see_features(f->q, but_fold, f->r);
	jm_physical_fit(f->q, but_fold, f->r->physical);
	take_base(f, but_fold);
	make_terms(f, JM_APPROACH_ROOFLINE, but_fold);
	return ridge(f, but_fold, UINT32_MAX, choose_ridge(f, but_fold));
}

static int roofline(const struct fitting *fit, double *out_of_fold)
{
	const struct jm_regression_data *q = fit->q;
	size_t i;
	unsigned f;
	int rc = 0;

	for (i = 0; i < q->n; i++) {
		fit->y[i] = log(fit->y[i]);
		out_of_fold[i] = NAN;
	}
	for (f = 0; q->n_folds > 1 && f < q->n_folds && rc == 0; f++) {
		rc = fit_roofline(fit, f);
		for (i = 0; i < q->n && rc == 0; i++)
			if (q->fold[i] == f)
				out_of_fold[i] = corrected(fit->r, &q->d->rows[q->rows[i]].features,
							   linear(fit->r, fit->x + i * fit->r->n_terms));
	}
	return rc ? rc : fit_roofline(fit, UINT32_MAX);
}

static int polynomial(const struct fitting *fit, size_t n_alphas, double *out_of_fold)
{
	const struct jm_regression_data *q = fit->q;
	struct jm_regression *r = fit->r;
	struct jm_lasso_options options = {.n_alphas = n_alphas,
					   .sweeps_max = 1000,
					   .tolerance = 1e-4,
					   /* The historic models left only the runtime of poolings free. */
					   .is_positive =
					       q->kind != JM_LAYER_POOLING || q->target != JM_TARGET_RUNTIME};
	struct jm_lasso_problem problem = {
	    .x = fit->x, .y = fit->y, .fold = q->fold, .n = q->n, .p = r->n_terms, .n_folds = q->n_folds};
	size_t i;
	unsigned f;
	int rc;

	/* For numbers of similar scale alone: jm_lasso standardises what it fits, each part by itself. */
	make_terms(fit, JM_APPROACH_POLYNOMIAL, UINT32_MAX);
	rc = jm_lasso(&problem, &options, r->w, &r->intercept, out_of_fold, NULL);
	for (f = 0; rc == 0 && f < q->n_folds; f++) {
		see_range(q, f, r);
		for (i = 0; i < q->n; i++)
			if (q->fold[i] == f && !isnan(out_of_fold[i]))
				out_of_fold[i] = bounded(r, out_of_fold[i]);
	}
	see_range(q, UINT32_MAX, r);
	return rc;
}

/* Errors: JM_E_NOMEM. */
static int fitting_begin(struct fitting *f, enum jm_approach approach)
{
	const struct jm_regression_data *q = f->q;
	struct jm_regression *r = f->r;
	size_t p = jm_terms_count(approach, q->kind), i;

	r->n_terms = p;
	r->mean = calloc(3 * p, sizeof(double));
	f->x = malloc((q->n * (p + 2) + (approach == JM_APPROACH_ROOFLINE ? p * p : 0)) * sizeof(double));
	if (!r->mean || !f->x)
		return JM_E_NOMEM;
	r->sd = r->mean + p;
	r->w = r->sd + p;
	f->y = f->x + q->n * p;
	f->z = f->y + q->n;
	f->gram = f->z + q->n;
	for (i = 0; i < q->n; i++)
		f->y[i] = jm_target_of(&q->d->rows[q->rows[i]], q->target);
	return 0;
}

int jm_regression_fit(const struct jm_regression_data *data, enum jm_approach approach, size_t n_alphas,
		      struct jm_regression *out, double *out_of_fold)
{
	struct fitting f = {.q = data, .r = out};
	int rc;

	memset(out, 0, sizeof(*out));
	out->log_low = out->log_high = out->correction_low = out->correction_high = NAN;
	if (data->n < ROWS_MIN)
		return 0;
	out->n_rows = data->n;
	rc = fitting_begin(&f, approach);
	if (rc == 0)
		rc = approach == JM_APPROACH_ROOFLINE ? roofline(&f, out_of_fold)
						      : polynomial(&f, n_alphas, out_of_fold);
	free(f.x);
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
