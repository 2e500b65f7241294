#define _GNU_SOURCE
#include "predict/lasso.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ALPHA_RANGE 1e-3
/* A column with less variance than this of its mean square is constant: the rest is rounding. */
#define VARIANCE_MIN 1e-9
/* More columns that are not zero than this are gone through with all others. */
#define ACTIVE_MAX 96

/* Sums over the rows of one fold, or of several. */
struct sums {
	double n, y, yy;
	double *x, *xy, *xx; /* p, p, p x p */
};

/* The standardised problem that sums describe, divided by n. */
struct standard {
	double *gram, *c, *mean, *sd; /* p x p, p, p, p; sd INFINITY: a constant column */
	double mean_y, top;           /* top: the least strength that leaves nothing */
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

static void standardise(const struct sums *s, size_t p, bool is_positive, struct standard *out)
{
	size_t i, k;

	out->mean_y = s->y / s->n;
	out->top = 0;
	for (i = 0; i < p; i++) {
		double square = s->xx[i * p + i] / s->n, variance;

		out->mean[i] = s->x[i] / s->n;
		variance = square - out->mean[i] * out->mean[i];
		out->sd[i] = variance > VARIANCE_MIN * square ? sqrt(variance) : INFINITY;
	}
	for (i = 0; i < p; i++) {
		out->c[i] = (s->xy[i] / s->n - out->mean[i] * out->mean_y) / out->sd[i];
		out->top = fmax(out->top, is_positive ? out->c[i] : fabs(out->c[i]));
		for (k = 0; k <= i; k++)
			out->gram[i * p + k] = out->gram[k * p + i] =
			    (s->xx[i * p + k] / s->n - out->mean[i] * out->mean[k]) / out->sd[i] / out->sd[k];
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
static double sweep(const double *gram, size_t p, double alpha, bool is_positive, double *w, double *gradient,
		    double *largest)
{
	double change_max = 0;
	size_t i, k;

	*largest = 0;
	for (i = 0; i < p; i++) {
		double diagonal = gram[i * p + i], new, change;

		if (diagonal <= 1e-12)
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

/* The columns that are not zero, by themselves: most are, so passes over these alone are many times as fast. */
struct active {
	double gram[ACTIVE_MAX * ACTIVE_MAX], w[ACTIVE_MAX], gradient[ACTIVE_MAX];
	size_t at[ACTIVE_MAX], n;
};

/* Gives false where there are too many of them. */
static bool take_active(const double *gram, size_t p, const double *w, const double *gradient, struct active *a)
{
	size_t i, k;

	a->n = 0;
	for (i = 0; i < p; i++) {
		if (w[i] == 0)
			continue;
		if (a->n == ACTIVE_MAX)
			return false;
		a->w[a->n] = w[i];
		a->gradient[a->n] = gradient[i];
		a->at[a->n++] = i;
	}
	for (i = 0; i < a->n; i++)
		for (k = 0; k < a->n; k++)
			a->gram[i * a->n + k] = gram[a->at[i] * p + a->at[k]];
	return true;
}

static void give_back(const double *gram, size_t p, const struct active *a, double *w, double *gradient)
{
	size_t i, k;

	for (i = 0; i < a->n; i++) {
		const double *row = gram + a->at[i] * p;
		double change = a->w[i] - w[a->at[i]];

		w[a->at[i]] = a->w[i];
		for (k = 0; change != 0 && k < p; k++)
			gradient[k] -= change * row[k];
	}
}

void jm_lasso_descend(const double *gram, const double *c, size_t p, double alpha,
		      const struct jm_lasso_options *options, double *w, double *work)
{
	struct active a;
	size_t n, i, k;
	double largest;

	for (i = 0; i < p; i++)
		work[i] = c[i];
	for (i = 0; i < p; i++)
		for (k = 0; w[i] != 0 && k < p; k++)
			work[k] -= gram[i * p + k] * w[i];
	for (n = 0; n < options->sweeps_max; n++) {
		if (sweep(gram, p, alpha, options->is_positive, w, work, &largest) <= options->tolerance * largest)
			break;
		if (!take_active(gram, p, w, work, &a))
			continue;
		while (++n < options->sweeps_max)
			if (sweep(a.gram, a.n, alpha, options->is_positive, a.w, a.gradient, &largest) <=
			    options->tolerance * largest)
				break;
		give_back(gram, p, &a, w, work);
	}
}

/* w: of the columns as they are. */
static double mean_squared_error(const struct sums *fold, const struct standard *m, const double *w, size_t p)
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
	struct sums *folds, all, part; /* part: what is fitted at the moment */
	struct standard m;             /* of part */
	double *w, *raw, *work;        /* of standardised columns, of columns as they are */
	double *kept;
	/* By strength: of the folds in turn, and, fold by fold, of the others in turn while it is out of everything. */
	double *error, *inner;
};

static void search_finish(struct search *s)
{
	size_t f;

	for (f = 0; s->folds && f < s->q->n_folds; f++)
		free(s->folds[f].x);
	free(s->folds);
	free(s->all.x);
	free(s->part.x);
	free(s->m.gram);
	free(s->w);
}

static int search_begin(struct search *s)
{
	size_t p = s->q->p, i;
	int rc = sums_init(&s->all, p) || sums_init(&s->part, p) ? JM_E_NOMEM : 0;

	s->folds = calloc(s->q->n_folds + 1, sizeof(*s->folds));
	s->m.gram = calloc(p * (p + 3), sizeof(double));
	s->w = calloc(4 * p + (s->q->n_folds + 1) * s->o->n_alphas, sizeof(double));
	if (rc || !s->folds || !s->m.gram || !s->w)
		return JM_E_NOMEM;
	s->m.c = s->m.gram + p * p;
	s->m.mean = s->m.c + p;
	s->m.sd = s->m.mean + p;
	s->raw = s->w + p;
	s->work = s->raw + p;
	s->kept = s->work + p;
	s->error = s->kept + p;
	s->inner = s->error + s->o->n_alphas;
	for (i = 0; i < s->q->n_folds && rc == 0; i++)
		rc = sums_init(&s->folds[i], p);
	for (i = 0; i < s->q->n && rc == 0; i++)
		sums_add_row(&s->folds[s->q->fold[i]], s->q->x + i * p, s->q->y[i], p);
	for (i = 0; i < s->q->n_folds && rc == 0; i++)
		sums_add(&s->all, &s->folds[i], 1, p);
	return rc;
}

/* Makes the problem without two folds (NULL: none). Gives false where nothing is left, or a fold is empty. */
static bool take_part(struct search *s, const struct sums *but, const struct sums *and_but)
{
	size_t p = s->q->p;

	s->part.n = s->part.y = s->part.yy = 0;
	memset(s->part.x, 0, p * (p + 2) * sizeof(double));
	sums_add(&s->part, &s->all, 1, p);
	if (but)
		sums_add(&s->part, but, -1, p);
	if (and_but)
		sums_add(&s->part, and_but, -1, p);
	if (s->part.n < 1 || (but && but->n == 0) || (and_but && and_but->n == 0))
		return false;
	standardise(&s->part, p, s->o->is_positive, &s->m);
	return true;
}

/* What a path is followed for: errors of folds at each strength, the coefficients at one. */
struct walk {
	const struct sums *fold[2]; /* NULL: none */
	double *error[2];           /* by strength */
	size_t keep, last;
};

static double strength(const struct search *s, size_t i)
{
	size_t n = s->o->n_alphas;

	return s->m.top * pow(ALPHA_RANGE, n > 1 ? (double)i / (double)(n - 1) : 1);
}

/* From the strongest penalty to the one at last, each from where the one before has led. */
static void follow(struct search *s, const struct walk *walk)
{
	size_t p = s->q->p, i, k;

	memset(s->w, 0, p * sizeof(double));
	for (i = 0; i <= walk->last; i++) {
		jm_lasso_descend(s->m.gram, s->m.c, p, strength(s, i), s->o, s->w, s->work);
		for (k = 0; k < p; k++)
			s->raw[k] = s->w[k] / s->m.sd[k];
		for (k = 0; k < 2; k++)
			if (walk->fold[k])
				walk->error[k][i] += mean_squared_error(walk->fold[k], &s->m, s->raw, p);
		if (i == walk->keep)
			memcpy(s->kept, s->raw, p * sizeof(double));
	}
}

static size_t least(const struct search *s, const double *error, size_t n_folds)
{
	size_t i, best = 0;

	if (n_folds < 2)
		return s->o->n_alphas - 1;
	for (i = 1; i < s->o->n_alphas; i++)
		if (error[i] < error[best])
			best = i;
	return best;
}

/* Without two folds what is learnt is the same whichever of them is predicted: half of the inner paths serve both. */
static void validate_inside(struct search *s)
{
	size_t n_alphas = s->o->n_alphas, f, g;

	for (f = 0; f < s->q->n_folds; f++) {
		for (g = 0; g < f; g++) {
			struct walk walk = {{&s->folds[g], &s->folds[f]},
					    {s->inner + f * n_alphas, s->inner + g * n_alphas},
					    SIZE_MAX,
					    n_alphas - 1};

			if (take_part(s, &s->folds[f], &s->folds[g]))
				follow(s, &walk);
		}
	}
}

static double value(const struct search *s, const double *x)
{
	double y = s->m.mean_y;
	size_t i;

	for (i = 0; i < s->q->p; i++)
		if (s->kept[i] != 0)
			y += s->kept[i] * (x[i] - s->m.mean[i]);
	return y;
}

static void validate(struct search *s, double *out_of_fold)
{
	size_t f, i, n_alphas = s->o->n_alphas;

	for (f = 0; f < s->q->n_folds; f++) {
		struct walk walk = {{&s->folds[f], NULL}, {s->error, NULL}, SIZE_MAX, n_alphas - 1};

		if (!take_part(s, &s->folds[f], NULL))
			continue;
		walk.keep = least(s, s->inner + f * n_alphas, s->q->n_folds - 1);
		follow(s, &walk);
		for (i = 0; out_of_fold && i < s->q->n; i++)
			if (s->q->fold[i] == f)
				out_of_fold[i] = value(s, s->q->x + i * s->q->p);
	}
}

int jm_lasso(const struct jm_lasso_problem *problem, const struct jm_lasso_options *options, double *coefficients,
	     double *intercept, double *out_of_fold, double *alpha_out)
{
	struct search s = {.q = problem, .o = options};
	size_t i, best;
	int rc;

	for (i = 0; i < problem->n; i++)
		if (problem->fold[i] >= problem->n_folds)
			return JM_E_INVALID;
	rc = search_begin(&s);
	for (i = 0; rc == 0 && out_of_fold && i < problem->n; i++)
		out_of_fold[i] = NAN;
	if (rc == 0 && out_of_fold && problem->n_folds > 2)
		validate_inside(&s);
	if (rc == 0 && problem->n_folds > 1)
		validate(&s, out_of_fold);
	if (rc == 0 && take_part(&s, NULL, NULL)) {
		best = least(&s, s.error, problem->n_folds);
		follow(&s, &(struct walk){{NULL, NULL}, {NULL, NULL}, best, best});
		memcpy(coefficients, s.kept, problem->p * sizeof(double));
		*intercept = s.m.mean_y;
		for (i = 0; i < problem->p; i++)
			*intercept -= s.kept[i] * s.m.mean[i];
		if (alpha_out)
			*alpha_out = strength(&s, best);
	}
	search_finish(&s);
	return rc;
}
