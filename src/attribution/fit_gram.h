/* Sums of products over readings: what the fit needs of them, whatever their number. Inside attribution/ only.
 *
 * Raw columns: regions (activity), idle (1 - their sum), derivatives of the prediction by lag, box and tau, two drift curves,
 * and last the reading itself. Odd and even blocks of time are summed apart, for the hold-out. */
#ifndef ATTRIBUTION_FIT_GRAM_H
#define ATTRIBUTION_FIT_GRAM_H

#include "attribution/fit.h"

#define JM_GRAM_EXTRA 7 /* idle, lag, box, tau, drift, drift, reading */
enum { JM_GRAM_IDLE, JM_GRAM_LAG, JM_GRAM_BOX, JM_GRAM_TAU, JM_GRAM_DRIFT, JM_GRAM_DRIFT2, JM_GRAM_READING };

struct jm_gram {
	size_t n;          /* columns: n_regions + JM_GRAM_EXTRA */
	double *half[2];   /* n x n each, lower triangle, weighted */
	double weight;     /* sum of weights */
	size_t n_readings;
};

/* The model about which the sums are taken. */
struct jm_fit_state {
	struct jm_kernel kernel;
	double idle_w, variance_w2; /* s^2 */
	const double *power;        /* n_regions */
};

int jm_gram_init(struct jm_gram *g, size_t n_regions);
void jm_gram_finish(struct jm_gram *g);
/* Fills g. Errors: JM_E_NOMEM. */
int jm_gram_sum(struct jm_gram *g, const struct jm_fit_input *in, const struct jm_fit_state *state);

/* Calls visit for every raw row, in order, with its weight and the number of its block. */
typedef void (*jm_gram_visit)(void *ctx, const double *row, double weight, size_t block);
int jm_gram_rows(const struct jm_fit_input *in, const struct jm_fit_state *state, jm_gram_visit visit, void *ctx);

#endif
