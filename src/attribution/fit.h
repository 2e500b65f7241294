/* The estimator's core: layer powers, and what is not quite known of the sensor, from readings through the forward model.
 *
 *   y_k = sum_r a_kr p_r + (1 - sum_r a_kr) p_idle + drift + noise,   a from forward.h at (lag, box, tau)
 *   p_r = p0_l (1 + eps_l + kappa_class(l) + s1_l u_r + s2_l v_r)
 *
 * eps: sd sd_eps; kappa: of a class of layers (0.15); s1, s2: how the power runs inside a layer, on three sub-segments
 * (u = -1, 0, 1; v = 1/3, -2/3, 1/3; learned, from 0.12 on). lag, box, tau: priors from calibration. drift: y times two slow curves of zero
 * mean over the run (0.02), or the temperature. Minimised by Gauss-Newton over (lag, box, tau), everything else is linear:
 *   sum (y - yhat)^2 / (s^2 + v_k) + sum (theta - prior)^2 / sd^2,   p >= 0 (p_idle: see n_above_idle)
 * Noise of reading k: s^2 + v_k + J (dyhat/dt)^2 + random effects of variance R, s, J and R found from the residual's
 * squares and its products between neighbours (moments):
 *   J: the update strays from the clock by sd sqrt(J); readings on a slope know less than those on a plateau.
 *   R: the power of an iteration strays from the mean (wobble), and every reading that sees it strays along; of a counter,
 *      the time of each edge strays, which adds to one increment what it takes from the next. Both couple neighbours, and are
 *      eliminated exactly: Sigma^-1 = D^-1 - D^-1 B (B' D^-1 B + 1/R)^-1 B' D^-1 with a banded B' D^-1 B.
 * v_k: the power's shape inside the segments that the kernel's edges cut, rho p 2 f (1 - f) d / W.
 * s^2: from the residual, with n - trace(M^-1 X'X) degrees of freedom. sd_eps: given, or learned (the value that
 * makes the eps found likely), unless another predicts odd blocks from even ones and back clearly better.
 * A twin's readings are y = g (the same) + its own noise, through its own kernel; g about 1, its noise found likewise. Wobble is
 * taken for independent between the two: the blocks' scores correct the covariance for that.
 * Covariance: M^-1, inflated per layer to M^-1 (S + P) M^-1 where that is larger; P: prior precision, S: sum over blocks of
 * time of the outer product of their scores X' W r. That is what a moving-block bootstrap estimates (readings of one block
 * may err together), without its random numbers, and it works with the 6 s that leave a bootstrap six blocks.
 * Wrong when: regions are missing or misplaced, clocks move within a layer, a power cap couples layers: the residual shows
 * it, see gate in estimator.c. */
#ifndef ATTRIBUTION_FIT_H
#define ATTRIBUTION_FIT_H

#include "attribution/forward.h"

struct jm_fit_region {
	uint32_t layer;
	float linear, quadratic; /* u and v above; 0 for layers in one piece */
};

struct jm_fit_input {
	const struct jm_segment *segments;
	size_t n_segments;
	const struct jm_fit_region *regions;
	size_t n_regions;
	const struct jm_model_reading *readings; /* by time */
	size_t n_readings;
	const double *temperature;          /* per reading, degrees; or NULL */
	struct jm_kernel kernel, kernel_sd; /* start and prior; sd 0: held */
	double idle_w, idle_sd_w;
	size_t n_layers, n_classes;
	size_t n_above_idle;         /* the last so many layers draw idle power at least, the others 0 */
	const double *prior_w;       /* n_layers */
	const double *layer_sd;      /* n_layers: sd of eps as a fraction, where it is not sd_eps; 0: sd_eps; or NULL */
	const uint32_t *layer_class; /* n_layers */
	double sd_eps;               /* start, or the value where is_eps_fixed */
	bool is_eps_fixed;           /* else learned from the layers, guarded by hold-out */
	double block_s;              /* readings closer than that may err together */
	double step_w;               /* quantum */
	const uint32_t
	    *segment_group;    /* per segment: number of the group of iterations it belongs to, not decreasing; or NULL:
					  no random effects of iterations */
	bool is_counter;       /* readings are increments: the time of one edge is in two readings */
	uint32_t n_iterations; /* Gauss-Newton steps; 0: 8 */
	/* Another channel that reads the same thing another way: more rows of the same regression. Of it count readings,
	 * kernel, kernel_sd, step_w, segment_group, is_counter, block_s and gain_sd. NULL: none. */
	const struct jm_fit_input *twin;
	double gain_sd; /* of a twin's gain about 1, against the first channel's */
};

struct jm_fit {
	size_t n_layers;
	double *power_w;    /* n_layers */
	double *covariance; /* n_layers^2, W^2 */
	double *prior_sd_w; /* n_layers */
	struct jm_kernel kernel, kernel_sd;
	double idle_w, idle_sd_w;
	double wobble;     /* sd of the power of one group of iterations about the mean, as a fraction */
	double jitter_s;   /* sd of the time of an update about the clock, s */
	double white_w;    /* sd of what noise is left: the sensor's own */
	double residual_w; /* sd of a reading about the model, degrees of freedom taken off */
	double sd_eps;
	double swing_w;   /* 1st to 99th percentile of the readings */
	double shared_w;  /* sd of the readings about the best model in which all layers draw the same */
	double freedom;   /* parameters the data determined, trace(M^-1 X'X) */
	double twin_gain; /* of the twin against the first channel; 0: no twin */
	double twin_wobble;
};

/* Errors: JM_E_NOMEM; JM_E_UNIDENTIFIABLE: fewer than ten readings, or a singular system. out is yours: jm_fit_finish. */
int jm_fit(const struct jm_fit_input *in, struct jm_fit *out, struct jm_error *err);
void jm_fit_finish(struct jm_fit *fit);

#endif
