/* The solver's working memory, shared by the solving (fit.c) and the describing (fit_describe.c). Inside attribution/ only. */
#ifndef ATTRIBUTION_FIT_SOLVER_H
#define ATTRIBUTION_FIT_SOLVER_H

#include "attribution/fit_gram.h"

#define JM_FIT_CLASS_SD 0.15
#define JM_FIT_TERMS    4 /* a raw column goes into at most eps, kappa, two shapes */

struct jm_fit_term {
	size_t param;
	double value;
};

/* Working memory of one fit. */
struct jm_fit_solver {
	const struct jm_fit_input *in;
	struct jm_gram gram;
	struct jm_fit_channel channels[JM_FIT_CHANNELS]; /* the first is in's own, the second its twin */
	size_t n_channels;
	size_t n_params, first_class, first_shape, idle; /* idle and what follows it: as the raw columns */
	size_t *shape_of;                                /* n_layers: first of two shape parameters, or SIZE_MAX */
	struct jm_fit_term *terms;                       /* raw column x JM_FIT_TERMS, param SIZE_MAX: none */
	double *base;                                    /* raw coefficients at the prior */
	double *scale;                                   /* n_params: sd of the prior */
	double *centre;                                  /* n_params: mean of the prior in its sd */
	double *xx, *xy;                                 /* data part of the normal equations, at noise 1 */
	double *m, *inverse, *solution, *raw;            /* system, its inverse, scaled solution, raw coefficients */
	double *wide;                                    /* raw x params */
	double *power;                                   /* n_regions: state.power */
	bool *is_pinned;                                 /* n_layers */
	double sd_eps, sd_class, variance_scale;
	double sd_shape[2]; /* of the linear and of the quadratic terms */
};

/* Solves the system that xx and xy hold, layers at or above their lowest power: solution; m: its factor. Errors:
 * JM_E_UNIDENTIFIABLE: singular. */
int jm_fit_solve(struct jm_fit_solver *s);

/* A layer held at idle power is not known to draw that: makes m and inverse those without this bound; the solution stays. After
 * the last solve. Errors: JM_E_UNIDENTIFIABLE. */
int jm_fit_release(struct jm_fit_solver *s);

/* Learns sd_eps, sd_class and sd_shape from a solution and its inverse. */
void jm_fit_learn(struct jm_fit_solver *s);

/* Fills out, after the last solve: powers, covariance, residuals, what the fit says of itself. freedom: parameters the data
 * determined. Errors: JM_E_NOMEM. */
int jm_fit_describe(struct jm_fit_solver *s, double freedom, struct jm_fit *out);

#endif
