/* What a solved fit says: powers, their covariance from the curvature and from the scores of blocks (fit.h), residuals. */
#include "attribution/fit_solver.h"
#include "core/linalg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Scores of blocks, in parameters. */
struct scorer {
	struct jm_fit_solver *s;
	double *block, *params; /* raw, params */
	double *spread;         /* n_layers: sum over blocks of (h' M^-1 g)^2 */
	size_t current, n_blocks;
	bool is_open;
	double squares, n;
	double bb, bi, ii, by, iy, yy; /* sums for the model with one power for all */
};

static void close_block(struct scorer *c)
{
	struct jm_fit_solver *s = c->s;
	size_t i, k, l;

	memset(c->params, 0, s->n_params * sizeof(double));
	for (i = 0; i + 1 < s->gram.n; i++) {
		for (k = 0; k < JM_FIT_TERMS && s->terms[i * JM_FIT_TERMS + k].param != SIZE_MAX; k++)
			c->params[s->terms[i * JM_FIT_TERMS + k].param] +=
			    s->terms[i * JM_FIT_TERMS + k].value * c->block[i];
	}
	for (i = 0; i < s->n_params; i++)
		c->params[i] *= s->variance_scale;
	jm_cholesky_solve(s->m, s->n_params, c->params);
	for (l = 0; l < s->in->n_layers; l++) {
		size_t klass = s->first_class + s->in->layer_class[l];
		double u = s->in->prior_w[l] * (s->scale[l] * c->params[l] + s->scale[klass] * c->params[klass]);

		c->spread[l] += u * u;
	}
	memset(c->block, 0, s->gram.n * sizeof(double));
	c->n_blocks++;
}

static void take_score(void *ctx, size_t channel, const double *row, double weight, size_t block)
{
	struct scorer *c = ctx;
	size_t i, n = c->s->gram.n;
	double yhat = 0, error, busy, idle;

	if (block != c->current && c->is_open)
		close_block(c);
	c->current = block;
	c->is_open = true;
	for (i = 0; i + 1 < n; i++)
		yhat += row[i] * c->s->raw[i];
	error = weight * (row[n - 1] - yhat);
	for (i = 0; i + 1 < n; i++)
		c->block[i] += error * row[i];
	if (weight < 0 || channel > 0)
		return;
	c->squares += (row[n - 1] - yhat) * (row[n - 1] - yhat);
	c->n++;
	idle = row[c->s->in->n_regions];
	busy = 1 - idle;
	c->bb += busy * busy;
	c->bi += busy * idle;
	c->ii += idle * idle;
	c->by += busy * row[n - 1];
	c->iy += idle * row[n - 1];
	c->yy += row[n - 1] * row[n - 1];
}

/* Residual of the model with one power for all layers and one for idle: normal equations in two unknowns. */
static double shared_residual(const struct scorer *c)
{
	double det = c->bb * c->ii - c->bi * c->bi, b = c->bb > 0 ? c->by / c->bb : 0, q = 0;

	if (det > 1e-9 * c->bb * c->ii) {
		b = (c->by * c->ii - c->iy * c->bi) / det;
		q = (c->bb * c->iy - c->bi * c->by) / det;
	}
	return sqrt(fmax(0, c->yy - b * c->by - q * c->iy) / c->n);
}

/* Covariance of layer powers by the curvature, and their prior sd: see fit.h. */
static void fill_curvature(const struct jm_fit_solver *s, struct jm_fit *out)
{
	size_t n = s->in->n_layers, p = s->n_params, i, j, k;

	for (i = 0; i < n; i++) {
		size_t a[2] = {i, s->first_class + s->in->layer_class[i]};

		for (j = 0; j < n; j++) {
			size_t b[2] = {j, s->first_class + s->in->layer_class[j]};
			double sum = 0;

			for (k = 0; k < 4; k++)
				sum += s->scale[a[k / 2]] * s->scale[b[k % 2]] * s->inverse[a[k / 2] * p + b[k % 2]];
			out->covariance[i * n + j] = sum * s->in->prior_w[i] * s->in->prior_w[j];
		}
		out->prior_sd_w[i] = s->in->prior_w[i] * hypot(s->scale[i], s->sd_class);
	}
}

/* Inflates it where the scores of blocks say more. factors: room for n_layers. */
static void inflate(const struct jm_fit_solver *s, const struct scorer *c, double *factors, struct jm_fit *out)
{
	size_t n = s->in->n_layers, p = s->n_params, i, j, k;

	for (i = 0; i < n; i++) {
		size_t klass = s->first_class + s->in->layer_class[i];
		double prior = 0, robust, variance = out->covariance[i * n + i];

		for (k = 0; k < p; k++) {
			double u = s->scale[i] * s->inverse[i * p + k] + s->scale[klass] * s->inverse[klass * p + k];

			prior += u * u;
		}
		robust = prior * s->in->prior_w[i] * s->in->prior_w[i];
		if (c->n_blocks > 1)
			robust += c->spread[i] * (double)c->n_blocks / (double)(c->n_blocks - 1);
		factors[i] = variance > 0 ? sqrt(fmax(1, robust / variance)) : 1;
	}
	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++)
			out->covariance[i * n + j] *= factors[i] * factors[j];
}

/* Fills shared_w, residual_w, covariance and prior_sd_w. Errors: JM_E_NOMEM. */
static int fill_covariance(struct jm_fit_solver *s, struct jm_fit *out)
{
	size_t n = s->in->n_layers, p = s->n_params;
	struct scorer c = {.s = s};
	double *memory = calloc(s->gram.n + p + 2 * n + 1, sizeof(*memory));
	int code;

	if (!memory)
		return JM_E_NOMEM;
	c.block = memory;
	c.params = memory + s->gram.n;
	c.spread = c.params + p;
	code = jm_gram_rows(s->channels, s->n_channels, s->gram.n, take_score, &c);
	if (code == 0) {
		close_block(&c);
		out->shared_w = shared_residual(&c);
		out->residual_w = sqrt(c.squares / fmax(5, c.n - out->freedom));
		fill_curvature(s, out);
		inflate(s, &c, c.spread + n, out);
	}
	free(memory);
	return code;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int describe_readings(const struct jm_fit_input *in, struct jm_fit *out)
{
	double *y = malloc((in->n_readings + 1) * sizeof(*y)), n = (double)in->n_readings;
	size_t i;

	if (!y)
		return JM_E_NOMEM;
	for (i = 0; i < in->n_readings; i++)
		y[i] = in->readings[i].power_w;
	qsort(y, in->n_readings, sizeof(*y), compare_doubles);
	out->swing_w = y[(size_t)(0.99 * (n - 1))] - y[(size_t)(0.01 * (n - 1))];
	free(y);
	return 0;
}

int jm_fit_describe(struct jm_fit_solver *s, double freedom, struct jm_fit *out)
{
	size_t n = s->in->n_layers, l, p = s->n_params;
	const struct jm_fit_state *first = &s->channels[0].state;
	int code;

	out->freedom = freedom;
	code = fill_covariance(s, out);
	if (code < 0)
		return code;
	for (l = 0; l < n; l++)
		out->power_w[l] =
		    fmax(0, s->in->prior_w[l] * (1 + s->scale[l] * s->solution[l] +
						 s->scale[s->first_class + s->in->layer_class[l]] *
						     s->solution[s->first_class + s->in->layer_class[l]]));
	out->kernel = first->kernel;
	out->kernel_sd.lag_s = s->scale[s->idle + JM_GRAM_LAG] * sqrt(s->inverse[(s->idle + JM_GRAM_LAG) * (p + 1)]);
	out->kernel_sd.box_s = s->scale[s->idle + JM_GRAM_BOX] * sqrt(s->inverse[(s->idle + JM_GRAM_BOX) * (p + 1)]);
	out->kernel_sd.tau_s = s->scale[s->idle + JM_GRAM_TAU] * sqrt(s->inverse[(s->idle + JM_GRAM_TAU) * (p + 1)]);
	out->idle_w = first->idle_w;
	out->idle_sd_w = s->scale[s->idle] * sqrt(s->inverse[s->idle * (p + 1)]);
	out->sd_eps = s->sd_eps;
	out->white_w = sqrt(first->white_w2);
	out->jitter_s = sqrt(s->in->is_counter ? first->effect_variance : first->jitter_s2);
	out->wobble = s->in->is_counter ? 0 : sqrt(first->effect_variance);
	if (s->n_channels > 1) {
		out->twin_gain = s->channels[1].state.gain;
		if (!s->in->twin->is_counter)
			out->twin_wobble = sqrt(s->channels[1].state.effect_variance);
	}
	return describe_readings(s->in, out);
}
