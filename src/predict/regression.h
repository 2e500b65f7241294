/* One regression of one target of one kind of layer. */
#ifndef PREDICT_REGRESSION_H
#define PREDICT_REGRESSION_H

#include "predict/predictor.h"

/* Rows to learn from: indices into d of one kind, with the target known; fold: of each, by network. */
struct jm_regression_data {
	const struct jm_dataset *d;
	const size_t *rows;
	const unsigned *fold;
	size_t n, n_folds;
	enum jm_layer_kind kind;
	enum jm_target target;
};

double jm_target_of(const struct jm_dataset_row *row, enum jm_target target);

/* Fits; out_of_fold: n predictions by models that did not see the row's fold, NAN where there is one fold. Errors: JM_E_NOMEM.
 * Without enough rows out->is_there stays false. */
int jm_regression_fit(const struct jm_regression_data *data, enum jm_approach approach, size_t n_alphas,
		      struct jm_regression *out, double *out_of_fold);
void jm_regression_finish(struct jm_regression *r);
double jm_regression_value(const struct jm_regression *r, enum jm_approach approach, enum jm_target target,
			   const struct jm_features *f);

#endif
