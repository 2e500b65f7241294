/* Sums of products over readings: what the fit needs of them, whatever their number. Inside attribution/ only.
 *
 * Raw columns: regions (activity), idle (1 - their sum), derivatives of the prediction by lag, box and tau, two drift curves,
 * of a twin its gain, lag, box and tau, and last the
 * reading itself. Odd and even blocks of time are summed apart, for the hold-out; blocks do not share random
 * effects. */
#ifndef ATTRIBUTION_FIT_GRAM_H
#define ATTRIBUTION_FIT_GRAM_H

#include "attribution/fit.h"

/* Columns behind the regions; a twin's four where it has one; the reading is the last column. */
enum { JM_GRAM_IDLE, JM_GRAM_LAG, JM_GRAM_BOX, JM_GRAM_TAU, JM_GRAM_DRIFT, JM_GRAM_DRIFT2, JM_GRAM_COMMON };
enum { JM_GRAM_TWIN_GAIN = JM_GRAM_COMMON, JM_GRAM_TWIN_LAG, JM_GRAM_TWIN_BOX, JM_GRAM_TWIN_TAU, JM_GRAM_WITH_TWIN };

#define JM_FIT_CHANNELS 2

#define JM_EFFECTS 8 /* random effects that one reading can feel */

/* The model about which the sums are taken. */
struct jm_fit_state {
	struct jm_kernel kernel;
	double idle_w;
	const double *power;                         /* n_regions */
	double white_w2, jitter_s2, effect_variance; /* s^2, J, R of fit.h */
	double gain;                                 /* readings are divided by it */
};

/* Where an update strays from the clock by much of the kernel, it sees the kernel smeared: the mean over three times, 0 and
 * +-sqrt(3 J), with these weights (Gauss-Hermite). */
#define JM_SMEAR_MIDDLE (2.0 / 3)
#define JM_SMEAR_SIDE   (1.0 / 6)
/* Gives sqrt(3 J) where smearing matters, else 0. */
double jm_fit_smear_s(const struct jm_fit_input *in, const struct jm_fit_state *state);

/* What is known of each reading before its row is built. */
struct jm_fit_columns {
	size_t n;
	double *memory;
	double *lag, *box, *tau, *drift, *drift2; /* n each */
	double *yhat, *cut_w2;                    /* prediction, v_k */
	double *slope2;  /* mean square of the slope over the times an update may stray to, W^2/s^2 */
	double *effects; /* n x JM_EFFECTS: of effect newest[k] - j */
	uint32_t *newest;
	bool has_effects;
};

/* n: readings. Errors: JM_E_NOMEM, with nothing to finish. */
int jm_columns_init(struct jm_fit_columns *c, size_t n);
void jm_columns_finish(struct jm_fit_columns *c);
/* Fills c at the state of the fit. Errors: JM_E_NOMEM. */
int jm_columns_fill(struct jm_fit_columns *c, const struct jm_fit_input *in, const struct jm_fit_state *state);

/* One channel of a fit. */
struct jm_fit_channel {
	const struct jm_fit_input *in;
	struct jm_fit_columns columns;
	struct jm_fit_state state;
};

/* Finds white_w2, jitter_s2 and effect_variance from the residuals about yhat. */
void jm_columns_noise(const struct jm_fit_columns *c, const struct jm_fit_input *in, struct jm_fit_state *state);

struct jm_gram {
	size_t n;        /* columns: regions, common, twin's, reading */
	double *half[2]; /* n x n each, lower triangle, weighted */
	size_t n_readings;
};

/* Errors: JM_E_NOMEM. */
int jm_gram_init(struct jm_gram *g, size_t n_regions, size_t n_channels);
void jm_gram_finish(struct jm_gram *g);
/* Fills g. Errors: JM_E_NOMEM. */
int jm_gram_sum(struct jm_gram *g, const struct jm_fit_channel *channels, size_t n_channels);

/* Calls visit for every raw row, block of time by block of time, and in a block channel by channel, with its weight; then, of
 * each random effect, once with the row that takes its share away again, weight -1. */
typedef void (*jm_gram_visit)(void *ctx, size_t channel, const double *row, double weight, size_t block);
int jm_gram_rows(const struct jm_fit_channel *channels, size_t n_channels, size_t n_columns, jm_gram_visit visit,
		 void *ctx);

#endif
