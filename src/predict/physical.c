#include "predict/physical.h"

#include "predict/lasso.h"

#include <math.h>
#include <string.h>

double jm_physical_value(const double physical[JM_PHYSICAL_TERMS], const struct jm_features *f)
{
	return physical[0] + physical[1] * f->flops + physical[2] * (isnan(f->bytes) ? 0 : f->bytes);
}

/* A row counts less beyond HUBER in logarithms. */
#define ROUNDS 6
#define HUBER  0.4

struct physical_fit {
	double gram[JM_PHYSICAL_TERMS * JM_PHYSICAL_TERMS], c[JM_PHYSICAL_TERMS];
	double scale[JM_PHYSICAL_TERMS]; /* so that the terms can be told apart in floating point */
};

static void physical_terms(const struct jm_features *f, const double scale[JM_PHYSICAL_TERMS],
			   double x[JM_PHYSICAL_TERMS])
{
	size_t l;

	x[0] = 1;
	x[1] = f->flops;
	x[2] = f->bytes;
	for (l = 0; l < JM_PHYSICAL_TERMS; l++)
		x[l] = scale[l] > 0 ? x[l] / scale[l] : 0;
}

/* Adds a row relative to what the round before predicts: the least sum of such squares is nearly that of the logarithms. */
static void add_physical(struct physical_fit *fit, const struct jm_dataset_row *row, double y, double expected)
{
	double x[JM_PHYSICAL_TERMS], away = fabs(log(y / expected)), weight = away > HUBER ? HUBER / away : 1;
	size_t l;

	physical_terms(&row->features, fit->scale, x);
	weight /= expected * expected;
	for (l = 0; l < JM_PHYSICAL_TERMS * JM_PHYSICAL_TERMS; l++)
		fit->gram[l] += weight * x[l / JM_PHYSICAL_TERMS] * x[l % JM_PHYSICAL_TERMS];
	for (l = 0; l < JM_PHYSICAL_TERMS; l++)
		fit->c[l] += weight * x[l] * y;
}

/* The scale of a term: what it would be alone. */
static void see_scales(const struct jm_regression_data *q, unsigned but_fold, struct physical_fit *fit)
{
	static const double none[JM_PHYSICAL_TERMS] = {1, 1, 1};
	double x[JM_PHYSICAL_TERMS];
	size_t i, l;

	for (i = 0; i < q->n; i++) {
		const struct jm_dataset_row *row = &q->d->rows[q->rows[i]];

		if (q->fold[i] == but_fold)
			continue;
		physical_terms(&row->features, none, x);
		for (l = 0; l < JM_PHYSICAL_TERMS; l++)
			fit->scale[l] = fmax(fit->scale[l], x[l] / jm_target_of(row, q->target));
	}
}

void jm_physical_fit(const struct jm_regression_data *q, unsigned but_fold, double physical[JM_PHYSICAL_TERMS])
{
	static const struct jm_lasso_options options = {1, 2000, 1e-9, true};
	struct physical_fit fit = {{0}, {0}, {0}};
	double w[JM_PHYSICAL_TERMS], work[JM_PHYSICAL_TERMS];
	size_t i, l, round;

	see_scales(q, but_fold, &fit);
	memset(physical, 0, JM_PHYSICAL_TERMS * sizeof(*physical));
	for (round = 0; round < ROUNDS; round++) {
		memset(fit.gram, 0, sizeof(fit.gram));
		memset(fit.c, 0, sizeof(fit.c));
		memset(w, 0, sizeof(w));
		for (i = 0; i < q->n; i++) {
			const struct jm_dataset_row *row = &q->d->rows[q->rows[i]];
			double y = jm_target_of(row, q->target), expected = jm_physical_value(physical, &row->features);

			if (q->fold[i] != but_fold)
				add_physical(&fit, row, y, round && expected > 0 ? expected : y);
		}
		jm_lasso_descend(fit.gram, fit.c, JM_PHYSICAL_TERMS, 0, &options, w, work);
		for (l = 0; l < JM_PHYSICAL_TERMS; l++)
			physical[l] = fit.scale[l] > 0 ? w[l] / fit.scale[l] : 0;
	}
}
