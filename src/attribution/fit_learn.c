/* What the layers say of themselves: how much they differ from what was known before, and how power runs inside them. */
#include "attribution/fit_solver.h"

#include <math.h>

#define MIN_CLASS_SD 0.03
#define MIN_TO_LEARN 8 /* layers; below that sd_eps stays as given */
#define MIN_EPS      0.01
#define MAX_EPS      0.6
#define MIN_SHAPE_SD 0.02
#define MAX_SHAPE_SD 0.2
#define N_START      4 /* layers that the value sd_eps starts from counts for */

/* Sum over parameters of (value^2 + posterior variance), in units of the parameter. */
static double sum_squares(const struct jm_fit_solver *s, size_t first, size_t end, size_t step, double *n)
{
	size_t i, p = s->n_params;
	double sum = 0;

	for (i = first, *n = 0; i < end; i += step) {
		/* Layers of known sd teach nothing. */
		if (i < s->first_class && s->in->layer_sd && s->in->layer_sd[i] > 0)
			continue;
		sum += s->scale[i] * s->scale[i] * (s->solution[i] * s->solution[i] + s->inverse[i * (p + 1)]);
		++*n;
	}
	return sum;
}

static double between(double low, double x, double high)
{
	return fmin(high, fmax(low, x));
}

/* The sd of eps that makes the eps found likely: sd^2 = mean of (eps^2 + posterior variance), and that of classes and shapes
 * likewise. The noise model is close enough to the truth for this; fit.c's hold_out is its guard. */
void jm_fit_learn(struct jm_fit_solver *s)
{
	double start = s->in->sd_eps, n, sum = sum_squares(s, 0, s->first_class, 1, &n);
	size_t k;

	if (n >= MIN_TO_LEARN)
		s->sd_eps = between(MIN_EPS, sqrt((sum + N_START * start * start) / (n + N_START)), MAX_EPS);
	sum = sum_squares(s, s->first_class, s->first_shape, 1, &n);
	if (n >= MIN_TO_LEARN)
		s->sd_class = between(MIN_CLASS_SD, sqrt(sum / n), JM_FIT_CLASS_SD);
	for (k = 0; k < 2; k++) {
		sum = sum_squares(s, s->first_shape + k, s->idle, 2, &n);
		if (n >= MIN_TO_LEARN)
			s->sd_shape[k] = between(MIN_SHAPE_SD, sqrt(sum / n), MAX_SHAPE_SD);
	}
}
