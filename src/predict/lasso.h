/* Least squares with an L1 penalty by cyclic coordinate descent on the Gram matrix, its strength chosen by nested cross-validation.
 * No library in C does this; those in C++ (mlpack) bring a linear-algebra stack for these hundred lines. */
#ifndef PREDICT_LASSO_H
#define PREDICT_LASSO_H

#include "joulemap/joulemap.h"

struct jm_lasso_options {
	size_t
	    n_alphas; /* strengths tried, from the one that leaves nothing of what is fitted down to a thousandth of it */
	size_t sweeps_max; /* for each */
	double tolerance;  /* of the largest change of a coefficient, relative to the largest coefficient */
	bool is_positive;  /* no negative coefficients */
};

/* Rows of a problem: x is n x p row-major, of similar scale (what is fitted is standardised by itself: a column whose sd is below
 * 3e-5 of its root mean square counts as constant); fold: of each row, below n_folds. */
struct jm_lasso_problem {
	const double *x, *y;
	const unsigned *fold;
	size_t n, p, n_folds;
};

/* Finds coefficients (p, of x as given) and intercept; the strength is the one whose error over the folds is least. out_of_fold (n;
 * may be NULL): each row's prediction by a model that knows nothing of its fold: coefficients, standardisation and strength come from the
 * other folds, the strength by leaving out each of these in turn. *alpha_out (may be NULL): of the standardised columns. Where
 * fewer than two folds are left to choose by, the weakest strength is taken. Errors: JM_E_INVALID (a row's fold is not below
 * n_folds), JM_E_NOMEM. */
int jm_lasso(const struct jm_lasso_problem *problem, const struct jm_lasso_options *options, double *coefficients,
	     double *intercept, double *out_of_fold, double *alpha_out);

/* Minimises w'Gw / 2 - c'w + alpha |w|_1 from the w given, with the constant's place left out. work: p doubles. */
void jm_lasso_descend(const double *gram, const double *c, size_t p, double alpha,
		      const struct jm_lasso_options *options, double *w, double *work);

#endif
