#define _GNU_SOURCE
#include "predict/lasso.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ALPHA_RANGE 1e-3

/* Sums over the rows of one fold, or of several. */
struct sums {
	double n, y, yy;
	double *x, *xy, *xx; /* p, p, p x p */
};

/* The centred problem that sums describe, divided by n. */
struct centred {
	double *gram, *c, *mean; /* p x p, p, p */
	double mean_y;
};

static int sums_init(struct sums *s, size_t p)
{
	memset(s, 0, sizeof(*s));
	s->x = calloc(p * (p + 2), sizeof(double));
	if (!s->x)
		return JM_E_NOMEM;
	s->xy = s->x + p;
	s->xx = s->xy + p;
	return 0;
}

static void sums_add_row(struct sums *s, const double *x, double y, size_t p)
{
	size_t i, k;

	s->n++;
	s->y += y;
	s->yy += y * y;
	for (i = 0; i < p; i++) {
		double xi = x[i], *row = s->xx + i * p;

		s->x[i] += xi;
		s->xy[i] += xi * y;
		if (xi != 0)
			for (k = 0; k <= i; k++)
				row[k] += xi * x[k];
	}
}

static void sums_add(struct sums *s, const struct sums *other, double sign, size_t p)
{
	size_t i;

	s->n += sign * other->n;
	s->y += sign * other->y;
	s->yy += sign * other->yy;
	for (i = 0; i < p * (p + 2); i++)
		s->x[i] += sign * other->x[i];
}

static void centre(const struct sums *s, size_t p, struct centred *out)
{
	size_t i, k;

	out->mean_y = s->y / s->n;
	for (i = 0; i < p; i++)
		out->mean[i] = s->x[i] / s->n;
	for (i = 0; i < p; i++) {
		out->c[i] = s->xy[i] / s->n - out->mean[i] * out->mean_y;
		for (k = 0; k <= i; k++)
			out->gram[i * p + k] = out->gram[k * p + i] =
			    s->xx[i * p + k] / s->n - out->mean[i] * out->mean[k];
	}
}

static double step(double gradient, double diagonal, double w, double alpha, bool is_positive)
{
	double z = gradient + diagonal * w;

	if (z > alpha)
		return (z - alpha) / diagonal;
	if (z < -alpha && !is_positive)
		return (z + alpha) / diagonal;
	return 0;
}

/* One pass; gradient = c - Gw is kept up to date. Gives the largest change. */
static double sweep(const double *gram, size_t p, double alpha, bool is_positive, bool only_active, double *w,
		    double *gradient, double *largest)
{
	double change_max = 0;
	size_t i, k;

	*largest = 0;
	for (i = 0; i < p; i++) {
		double diagonal = gram[i * p + i], new, change;

		if (diagonal <= 1e-12 || (only_active && w[i] == 0))
			continue;
		new = step(gradient[i], diagonal, w[i], alpha, is_positive);
		change = new - w[i];
		*largest = fmax(*largest, fabs(new));
		if (change == 0)
			continue;
		for (k = 0; k < p; k++)
			gradient[k] -= change * gram[i * p + k];
		w[i] = new;
		change_max = fmax(change_max, fabs(change));
	}
	return change_max;
}

void jm_lasso_descend(const double *gram, const double *c, size_t p, double alpha, const struct jm_lasso_options *options,
		      double *w, double *work)
{
	size_t n, i, k;
	double largest;
	bool only_active = false;

	for (i = 0; i < p; i++) {
		work[i] = c[i];
		for (k = 0; k < p; k++)
			if (w[k] != 0)
				work[i] -= gram[i * p + k] * w[k];
	}
	/* Between full passes only over what is not zero: most coefficients are. */
	for (n = 0; n < options->sweeps_max; n++) {
		double change = sweep(gram, p, alpha, options->is_positive, only_active, w, work, &largest);

		if (change > options->tolerance * largest)
			only_active = true;
		else if (only_active)
			only_active = false;
		else
			break;
	}
}

static double mean_squared_error(const struct sums *fold, const struct centred *m, const double *w, size_t p)
{
	double b = m->mean_y, error;
	size_t i, k;

	for (i = 0; i < p; i++)
		b -= w[i] * m->mean[i];
	/* sum (y - b - w'x)^2 from the fold's sums. */
	error = fold->yy - 2 * b * fold->y + fold->n * b * b;
	for (i = 0; i < p; i++) {
		double cross = 0;

		if (w[i] == 0)
			continue;
		for (k = 0; k < i; k++)
			cross += w[k] * fold->xx[i * p + k];
		error += w[i] * (2 * b * fold->x[i] - 2 * fold->xy[i] + 2 * cross + w[i] * fold->xx[i * p + i]);
	}
	return fmax(error, 0) / fmax(fold->n, 1);
}

struct search {
	const struct jm_lasso_problem *q;
	const struct jm_lasso_options *o;
	struct sums *folds, all;
	struct centred m;
	double *w, *work, *error, *alphas;
};

static void search_finish(struct search *s)
{
	size_t f;

	for (f = 0; s->folds && f < s->q->n_folds; f++)
		free(s->folds[f].x);
	free(s->folds);
	free(s->all.x);
	free(s->m.gram);
	free(s->w);
}

static int search_begin(struct search *s)
{
	size_t p = s->q->p, n_alphas = s->o->n_alphas, i;
	int rc = sums_init(&s->all, p);

	s->folds = calloc(s->q->n_folds, sizeof(*s->folds));
	s->m.gram = calloc(p * (p + 2), sizeof(double));
	s->w = calloc(2 * p + 2 * n_alphas, sizeof(double));
	if (rc || !s->folds || !s->m.gram || !s->w)
		return JM_E_NOMEM;
	s->m.c = s->m.gram + p * p;
	s->m.mean = s->m.c + p;
	s->work = s->w + p;
	s->error = s->work + p;
	s->alphas = s->error + n_alphas;
	for (i = 0; i < s->q->n_folds && rc == 0; i++)
		rc = sums_init(&s->folds[i], p);
	for (i = 0; i < s->q->n && rc == 0; i++)
		sums_add_row(&s->folds[s->q->fold[i]], s->q->x + i * p, s->q->y[i], p);
	for (i = 0; i < s->q->n_folds && rc == 0; i++)
		sums_add(&s->all, &s->folds[i], 1, p);
	return rc;
}

static void choose_alphas(struct search *s)
{
	size_t i;
	double top = 0;

	centre(&s->all, s->q->p, &s->m);
	for (i = 0; i < s->q->p; i++)
		top = fmax(top, s->o->is_positive ? s->m.c[i] : fabs(s->m.c[i]));
	for (i = 0; i < s->o->n_alphas; i++)
		s->alphas[i] = top * pow(ALPHA_RANGE, s->o->n_alphas > 1 ? (double)i / (double)(s->o->n_alphas - 1) : 1);
}

static void validate(struct search *s)
{
	size_t p = s->q->p, f, i;

	for (f = 0; f < s->q->n_folds; f++) {
		const struct sums *fold = &s->folds[f];

		if (fold->n == 0 || fold->n >= s->all.n)
			continue;
		sums_add(&s->all, fold, -1, p);
		centre(&s->all, p, &s->m);
		memset(s->w, 0, p * sizeof(double));
		for (i = 0; i < s->o->n_alphas; i++) {
			jm_lasso_descend(s->m.gram, s->m.c, p, s->alphas[i], s->o, s->w, s->work);
			s->error[i] += mean_squared_error(fold, &s->m, s->w, p);
		}
		sums_add(&s->all, fold, 1, p);
	}
}

/* The coefficients at alphas[to], reached along the path. */
static void follow(struct search *s, size_t to)
{
	size_t i;

	memset(s->w, 0, s->q->p * sizeof(double));
	for (i = 0; i <= to; i++)
		jm_lasso_descend(s->m.gram, s->m.c, s->q->p, s->alphas[i], s->o, s->w, s->work);
}

static double value(const struct search *s, const double *x)
{
	double y = s->m.mean_y;
	size_t i;

	for (i = 0; i < s->q->p; i++)
		if (s->w[i] != 0)
			y += s->w[i] * (x[i] - s->m.mean[i]);
	return y;
}

static void predict_folds(struct search *s, size_t best, double *out_of_fold)
{
	size_t f, i, p = s->q->p;

	for (f = 0; f < s->q->n_folds; f++) {
		if (s->folds[f].n == 0 || s->folds[f].n >= s->all.n)
			continue;
		sums_add(&s->all, &s->folds[f], -1, p);
		centre(&s->all, p, &s->m);
		follow(s, best);
		sums_add(&s->all, &s->folds[f], 1, p);
		for (i = 0; i < s->q->n; i++)
			if (s->q->fold[i] == f)
				out_of_fold[i] = value(s, s->q->x + i * p);
	}
}

int jm_lasso(const struct jm_lasso_problem *problem, const struct jm_lasso_options *options, double *coefficients,
	     double *intercept, double *out_of_fold, double *alpha_out)
{
	struct search s = {.q = problem, .o = options};
	size_t i, best = 0;
	int rc;

	for (i = 0; i < problem->n; i++)
		if (problem->fold[i] >= problem->n_folds)
			return JM_E_INVALID;
	rc = search_begin(&s);
	if (rc == 0) {
		choose_alphas(&s);
		if (problem->n_folds > 1)
			validate(&s);
		for (i = 1; i < options->n_alphas; i++)
			if (s.error[i] < s.error[best])
				best = i;
		best = problem->n_folds > 1 ? best : options->n_alphas - 1;
		for (i = 0; out_of_fold && i < problem->n; i++)
			out_of_fold[i] = NAN;
		if (out_of_fold && problem->n_folds > 1)
			predict_folds(&s, best, out_of_fold);
		centre(&s.all, problem->p, &s.m);
		follow(&s, best);
		memcpy(coefficients, s.w, problem->p * sizeof(double));
		*intercept = s.m.mean_y;
		for (i = 0; i < problem->p; i++)
			*intercept -= s.w[i] * s.m.mean[i];
		if (alpha_out)
			*alpha_out = s.alphas[best];
	}
	search_finish(&s);
	return rc;
}
