/* The linear system of one step, and the bounds of its powers. */
#include "attribution/fit_solver.h"
#include "core/linalg.h"

#include <math.h>
#include <string.h>

#define PIN          1e9 /* precision that holds a layer at its lowest power */
#define N_PIN_ROUNDS 4

/* What a layer draws at least, as a fraction of its prior. */
static double lowest(const struct jm_fit_solver *s, size_t layer)
{
	double prior = s->in->prior_w[layer];

	if (layer + s->in->n_above_idle < s->in->n_layers || !(prior > 0))
		return 0;
	return fmax(0, s->channels[0].state.idle_w / prior);
}

/* m and right hand side of (xx * noise_scale + 1) x = xy * noise_scale + centre, pinned layers at their lowest. */
static void assemble(struct jm_fit_solver *s)
{
	size_t p = s->n_params, i, l, c;

	for (i = 0; i < p * p; i++)
		s->m[i] = s->xx[i] * s->variance_scale;
	for (i = 0; i < p; i++) {
		s->m[i * p + i] += 1;
		s->solution[i] = s->xy[i] * s->variance_scale + s->centre[i];
	}
	for (l = 0; l < s->in->n_layers; l++) {
		double a = s->scale[l], b, down = 1 - lowest(s, l);

		c = s->first_class + s->in->layer_class[l];
		b = s->scale[c];
		if (!s->is_pinned[l])
			continue;
		s->m[l * p + l] += PIN * a * a;
		s->m[c * p + c] += PIN * b * b;
		s->m[c * p + l] += PIN * a * b;
		s->m[l * p + c] += PIN * a * b;
		s->solution[l] -= PIN * a * down;
		s->solution[c] -= PIN * b * down;
	}
}

int jm_fit_solve(struct jm_fit_solver *s)
{
	size_t l, c, n_new, round;

	for (round = 0, n_new = 1; n_new > 0 && round <= N_PIN_ROUNDS; round++) {
		assemble(s);
		if (jm_cholesky(s->m, s->n_params) < 0)
			return JM_E_UNIDENTIFIABLE;
		jm_cholesky_solve(s->m, s->n_params, s->solution);
		for (l = 0, n_new = 0; l < s->in->n_layers; l++) {
			c = s->first_class + s->in->layer_class[l];
			if (!s->is_pinned[l] &&
			    1 + s->solution[l] * s->scale[l] + s->solution[c] * s->scale[c] < lowest(s, l)) {
				s->is_pinned[l] = true;
				n_new++;
			}
		}
	}
	return 0;
}

int jm_fit_release(struct jm_fit_solver *s)
{
	size_t p = s->n_params, l, n = 0;

	for (l = s->in->n_layers - s->in->n_above_idle; l < s->in->n_layers; l++) {
		n += s->is_pinned[l];
		s->is_pinned[l] = false;
	}
	if (n == 0)
		return 0;
	memcpy(s->wide, s->solution, p * sizeof(double));
	assemble(s);
	memcpy(s->solution, s->wide, p * sizeof(double));
	if (jm_cholesky(s->m, p) < 0)
		return JM_E_UNIDENTIFIABLE;
	jm_cholesky_inverse(s->m, p, s->inverse);
	return 0;
}
