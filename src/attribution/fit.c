/* See fit.h for the model. All parameters are scaled by their prior sd, so that the prior is the unit matrix and a held
 * parameter a column of zeros. */
#include "attribution/fit.h"

#include "attribution/fit_solver.h"
#include "core/linalg.h"
#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHAPE_TERM_SD 0.12 /* to start from */
#define DRIFT_SD      0.02
#define MIN_READINGS  10
#define N_ITERATIONS  8
#define N_NOISE_STEPS 4
#define MANY_PARAMS                                                                                                    \
	150 /* above, each system costs so much that fewer inner steps must do: the outer ones go on anyway */
#define N_FEW_STEPS   2
#define HOLD_OUT_GAIN 0.01 /* another sd_eps must predict that much better than the learned one */
#define MAX_LEARNED   0.15 /* of a start below that */
#define FOOLED_GAIN   0.03
#define N_LEARN_STEPS 10

static const double eps_choices[] = {0.01, 0.02, 0.04, 0.08, 0.15};
#define N_CHOICES (sizeof(eps_choices) / sizeof(eps_choices[0]))

static void solver_finish(struct jm_fit_solver *s)
{
	size_t k;

	jm_gram_finish(&s->gram);
	for (k = 0; k < s->n_channels; k++)
		jm_columns_finish(&s->channels[k].columns);
	free(s->shape_of);
	free(s->terms);
	free(s->base);
	free(s->is_pinned);
}

static int solver_alloc(struct jm_fit_solver *s)
{
	size_t q = s->gram.n, p = s->n_params, wide = q > p ? q : p;
	size_t n_doubles = 2 * q + 4 * p + 3 * p * p + wide * p + s->in->n_regions;
	double *d = calloc(n_doubles, sizeof(*d));
	size_t k;

	s->base = d;
	s->terms = malloc(q * JM_FIT_TERMS * sizeof(*s->terms));
	s->is_pinned = calloc(s->in->n_layers + 1, sizeof(*s->is_pinned));
	if (!d || !s->terms || !s->is_pinned)
		return JM_E_NOMEM;
	s->raw = d + q;
	s->scale = s->raw + q;
	s->centre = s->scale + p;
	s->xy = s->centre + p;
	s->solution = s->xy + p;
	s->xx = s->solution + p;
	s->m = s->xx + p * p;
	s->inverse = s->m + p * p;
	s->wide = s->inverse + p * p;
	s->power = s->wide + wide * p;
	for (k = 0; k < s->n_channels; k++)
		s->channels[k].state.power = s->power;
	return 0;
}

static int solver_init(struct jm_fit_solver *s, const struct jm_fit_input *in)
{
	size_t l, r, n_shapes = 0;
	int code;

	memset(s, 0, sizeof(*s));
	s->in = in;
	s->shape_of = malloc((in->n_layers + 1) * sizeof(*s->shape_of));
	s->n_channels = in->twin ? 2 : 1;
	s->channels[0].in = in;
	s->channels[1].in = in->twin;
	code = jm_gram_init(&s->gram, in->n_regions, s->n_channels);
	for (l = 0; l < s->n_channels; l++) {
		struct jm_fit_channel *c = &s->channels[l];

		c->state.kernel = c->in->kernel;
		c->state.idle_w = in->idle_w;
		c->state.gain = 1;
		if (code == 0)
			code = jm_columns_init(&c->columns, c->in->n_readings);
	}
	if (!s->shape_of || code < 0)
		return JM_E_NOMEM;
	for (l = 0; l < in->n_layers; l++)
		s->shape_of[l] = SIZE_MAX;
	s->first_class = in->n_layers;
	s->first_shape = s->first_class + in->n_classes;
	for (r = 0; r < in->n_regions; r++) {
		const struct jm_fit_region *g = &in->regions[r];

		if ((g->linear != 0 || g->quadratic != 0) && s->shape_of[g->layer] == SIZE_MAX)
			s->shape_of[g->layer] = s->first_shape + 2 * n_shapes++;
	}
	s->idle = s->first_shape + 2 * n_shapes;
	s->n_params = s->idle + s->gram.n - in->n_regions - 1;
	s->variance_scale = 1;
	s->sd_eps = in->sd_eps;
	s->sd_class = JM_FIT_CLASS_SD;
	s->sd_shape[0] = s->sd_shape[1] = SHAPE_TERM_SD;
	return solver_alloc(s);
}

static double clamp(double x, double limit)
{
	return x > limit ? limit : x < -limit ? -limit : x;
}

/* lag, box, tau of one channel, from parameter `at` on. */
static void set_kernel_prior(struct jm_fit_solver *s, const struct jm_fit_channel *c, size_t at)
{
	const struct jm_kernel *start = &c->in->kernel, *sd = &c->in->kernel_sd, *now = &c->state.kernel;
	double off[] = {start->lag_s - now->lag_s, start->box_s - now->box_s, start->tau_s - now->tau_s};
	double sds[] = {sd->lag_s, sd->box_s, sd->tau_s};
	size_t k;

	for (k = 0; k < 3; k++) {
		s->scale[at + k] = sds[k];
		s->centre[at + k] = sds[k] > 0 ? off[k] / sds[k] : 0;
	}
}

/* Prior sd and mean of all parameters at the present kernel. */
static void set_priors(struct jm_fit_solver *s, double sd_eps)
{
	const struct jm_fit_input *in = s->in;
	size_t l;

	memset(s->centre, 0, s->n_params * sizeof(double));
	for (l = 0; l < in->n_layers; l++)
		s->scale[l] = in->layer_sd && in->layer_sd[l] > 0 ? in->layer_sd[l] : sd_eps;
	for (l = s->first_class; l < s->first_shape; l++)
		s->scale[l] = s->sd_class;
	for (l = s->first_shape; l < s->idle; l++)
		s->scale[l] = s->sd_shape[(l - s->first_shape) % 2];
	s->scale[s->idle + JM_GRAM_IDLE] = in->idle_sd_w;
	s->scale[s->idle + JM_GRAM_DRIFT] = s->scale[s->idle + JM_GRAM_DRIFT2] = DRIFT_SD;
	set_kernel_prior(s, &s->channels[0], s->idle + JM_GRAM_LAG);
	if (s->n_channels > 1) {
		size_t gain = s->idle + JM_GRAM_TWIN_GAIN;

		set_kernel_prior(s, &s->channels[1], s->idle + JM_GRAM_TWIN_LAG);
		s->scale[gain] = in->twin->gain_sd;
		if (in->twin->gain_sd > 0)
			s->centre[gain] = (1 / s->channels[1].state.gain - 1) / in->twin->gain_sd;
	}
}

/* How raw columns go into parameters. */
static void set_terms(struct jm_fit_solver *s)
{
	const struct jm_fit_input *in = s->in;
	size_t i, k;

	memset(s->base, 0, s->gram.n * sizeof(double));
	for (i = 0; i < s->gram.n * JM_FIT_TERMS; i++)
		s->terms[i].param = SIZE_MAX;
	for (i = 0; i < in->n_regions; i++) {
		const struct jm_fit_region *g = &in->regions[i];
		struct jm_fit_term *t = s->terms + i * JM_FIT_TERMS;
		double p0 = in->prior_w[g->layer];
		size_t c = s->first_class + in->layer_class[g->layer], shape = s->shape_of[g->layer];

		s->base[i] = p0;
		t[0] = (struct jm_fit_term){g->layer, p0 * s->scale[g->layer]};
		t[1] = (struct jm_fit_term){c, p0 * s->scale[c]};
		if (shape != SIZE_MAX) {
			t[2] = (struct jm_fit_term){shape, p0 * (double)g->linear * s->scale[shape]};
			t[3] = (struct jm_fit_term){shape + 1, p0 * (double)g->quadratic * s->scale[shape + 1]};
		}
	}
	s->base[in->n_regions + JM_GRAM_IDLE] = in->idle_w;
	for (k = 0; in->n_regions + k + 1 < s->gram.n; k++)
		s->terms[(in->n_regions + k) * JM_FIT_TERMS] = (struct jm_fit_term){s->idle + k, s->scale[s->idle + k]};
}

static double gram_at(const double *g, size_t n, size_t i, size_t j)
{
	return i >= j ? g[i * n + j] : g[j * n + i];
}

/* xx = T' G T, xy = T' (G_y - G base) for the sum of n_halves matrices from `first` on. */
static void project(struct jm_fit_solver *s, int first, int n_halves)
{
	size_t n = s->gram.n, p = s->n_params, i, j, k, y = n - 1;
	const double *g0 = s->gram.half[first], *g1 = s->gram.half[first + n_halves - 1];
	double both = n_halves == 2 ? 1 : 0;

	memset(s->wide, 0, n * p * sizeof(double));
	memset(s->xx, 0, p * p * sizeof(double));
	memset(s->xy, 0, p * sizeof(double));
	for (i = 0; i < y; i++) {
		double *wide = s->wide + i * p, rhs = gram_at(g0, n, i, y) + both * gram_at(g1, n, i, y);

		for (j = 0; j < y; j++) {
			double v = gram_at(g0, n, i, j) + both * gram_at(g1, n, i, j);

			rhs -= v * s->base[j];
			for (k = 0; k < JM_FIT_TERMS && s->terms[j * JM_FIT_TERMS + k].param != SIZE_MAX; k++)
				wide[s->terms[j * JM_FIT_TERMS + k].param] += v * s->terms[j * JM_FIT_TERMS + k].value;
		}
		for (k = 0; k < JM_FIT_TERMS && s->terms[i * JM_FIT_TERMS + k].param != SIZE_MAX; k++) {
			const struct jm_fit_term *t = &s->terms[i * JM_FIT_TERMS + k];
			double *out = s->xx + t->param * p;

			s->xy[t->param] += t->value * rhs;
			for (j = 0; j < p; j++)
				out[j] += t->value * wide[j];
		}
	}
}

/* raw = base + T solution. */
static void expand(struct jm_fit_solver *s)
{
	size_t i, k;

	memcpy(s->raw, s->base, s->gram.n * sizeof(double));
	for (i = 0; i + 1 < s->gram.n; i++) {
		for (k = 0; k < JM_FIT_TERMS && s->terms[i * JM_FIT_TERMS + k].param != SIZE_MAX; k++)
			s->raw[i] +=
			    s->terms[i * JM_FIT_TERMS + k].value * s->solution[s->terms[i * JM_FIT_TERMS + k].param];
	}
}

/* Weighted sum of squares of (reading - raw coefficients), over one half. */
static double squares(const struct jm_fit_solver *s, int half)
{
	size_t n = s->gram.n, y = n - 1, i, j;
	const double *g = s->gram.half[half];
	double sum = g[y * n + y];

	for (i = 0; i < y; i++) {
		double inner = -2 * g[y * n + i];

		for (j = 0; j < y; j++)
			inner += gram_at(g, n, i, j) * s->raw[j];
		sum += s->raw[i] * inner;
	}
	return sum > 0 ? sum : 0;
}

static double trace_inverse(struct jm_fit_solver *s)
{
	double sum = 0;
	size_t i;

	jm_cholesky_inverse(s->m, s->n_params, s->inverse);
	for (i = 0; i < s->n_params; i++)
		sum += s->inverse[i * s->n_params + i];
	return sum;
}

/* Picks sd_eps: predicts each half from the other. */
static int hold_out(struct jm_fit_solver *s)
{
	double best = INFINITY, scale = s->variance_scale, learned = s->sd_eps;
	/* Layers that differ so much from what was known before are a misfit speaking: then the default must be beaten. */
	bool is_fooled = s->in->sd_eps < MAX_LEARNED && learned > MAX_LEARNED;
	size_t i;
	int half, code = 0;

	s->sd_eps = is_fooled ? s->in->sd_eps : learned;
	for (i = 0; i <= N_CHOICES && code == 0; i++) {
		double sum = 0, sd = i == 0 ? (is_fooled ? s->in->sd_eps : learned) : eps_choices[i - 1];

		for (half = 0; half < 2 && code == 0; half++) {
			memset(s->is_pinned, 0, s->in->n_layers * sizeof(bool));
			set_priors(s, sd);
			set_terms(s);
			project(s, half, 1);
			code = jm_fit_solve(s);
			expand(s);
			sum += squares(s, 1 - half);
		}
		if (sum < best * (1 - (is_fooled ? FOOLED_GAIN : HOLD_OUT_GAIN))) {
			best = sum;
			s->sd_eps = sd;
		}
	}
	s->variance_scale = scale;
	return code;
}

/* Solves at the present kernel, and finds the noise at which the residual has the size it should. */
static int solve_noise(struct jm_fit_solver *s, double *freedom_out)
{
	double n = (double)s->gram.n_readings;
	size_t step;
	int code = 0;

	memset(s->is_pinned, 0, s->in->n_layers * sizeof(bool));
	set_priors(s, s->sd_eps);
	set_terms(s);
	project(s, 0, 2);
	for (step = 0; step < (s->n_params > MANY_PARAMS ? N_FEW_STEPS : N_NOISE_STEPS) && code == 0; step++) {
		double freedom, chi2;

		code = jm_fit_solve(s);
		if (code < 0)
			break;
		freedom = (double)s->n_params - trace_inverse(s);
		expand(s);
		chi2 = (squares(s, 0) + squares(s, 1)) / fmax(5, n - freedom);
		s->variance_scale = 1 / fmax(chi2, 1e-9);
		*freedom_out = freedom;
	}
	return code;
}

/* Moves a kernel by lag, box and tau, not too far at once. */
static void step_kernel(struct jm_fit_channel *c, const double *by)
{
	const struct jm_kernel *sd = &c->in->kernel_sd, *start = &c->in->kernel;
	struct jm_kernel *k = &c->state.kernel;

	k->lag_s += clamp(by[0], 0.25 * sd->lag_s);
	k->box_s = fmax(0.2 * start->box_s, k->box_s + clamp(by[1], 0.4 * sd->box_s));
	k->tau_s = fmax(0.05 * start->tau_s, k->tau_s + clamp(by[2], 0.5 * sd->tau_s));
}

/* Takes over powers, idle level, kernels and gain from the solution. */
static void step_state(struct jm_fit_solver *s)
{
	const double *extra = s->raw + s->in->n_regions;
	size_t k;

	memcpy(s->power, s->raw, s->in->n_regions * sizeof(double));
	for (k = 0; k < s->n_channels; k++) {
		s->channels[k].state.idle_w = extra[JM_GRAM_IDLE];
		step_kernel(&s->channels[k], extra + (k == 0 ? JM_GRAM_LAG : JM_GRAM_TWIN_LAG));
	}
	if (s->n_channels > 1)
		s->channels[1].state.gain *= 1 + clamp(extra[JM_GRAM_TWIN_GAIN], s->in->twin->gain_sd);
	s->variance_scale = 1;
}

/* Sums of products at the present kernels, powers and noise. */
static int fill_gram(struct jm_fit_solver *s, bool is_early)
{
	size_t k;
	int code = 0;

	for (k = 0; k < s->n_channels && code == 0; k++) {
		struct jm_fit_channel *c = &s->channels[k];

		code = jm_columns_fill(&c->columns, c->in, &c->state);
		if (code < 0)
			break;
		jm_columns_noise(&c->columns, c->in, &c->state);
		if (is_early)
			c->state.effect_variance = c->state.jitter_s2 = 0;
	}
	return code < 0 ? code : jm_gram_sum(&s->gram, s->channels, s->n_channels);
}

static int run(struct jm_fit_solver *s, struct jm_fit *out)
{
	const struct jm_fit_input *in = s->in;
	size_t i, step, n_steps = in->n_iterations ? in->n_iterations : N_ITERATIONS;
	size_t n_learn = s->n_params > MANY_PARAMS ? N_FEW_STEPS : N_LEARN_STEPS;
	double freedom = 0;
	int code = 0;

	for (i = 0; i < in->n_regions; i++)
		s->power[i] = in->prior_w[in->regions[i].layer];
	for (step = 0; step < n_steps && code == 0; step++) {
		/* The first residuals are those of the prior, not noise. */
		code = fill_gram(s, step < 2);
		if (code == 0)
			code = solve_noise(s, &freedom);
		for (i = 0; i < n_learn && code == 0 && !in->is_eps_fixed && step >= 2; i++) {
			jm_fit_learn(s);
			code = solve_noise(s, &freedom);
		}
		if (code == 0 && !in->is_eps_fixed && step + 1 == n_steps) {
			code = hold_out(s);
			if (code == 0)
				code = solve_noise(s, &freedom);
		}
		if (code == 0 && step + 1 < n_steps)
			step_state(s);
	}
	if (code == 0)
		code = jm_fit_release(s);
	if (code == 0)
		code = jm_fit_describe(s, freedom, out);
	return code;
}

void jm_fit_finish(struct jm_fit *fit)
{
	free(fit->power_w);
	memset(fit, 0, sizeof(*fit));
}

int jm_fit(const struct jm_fit_input *in, struct jm_fit *out, struct jm_error *err)
{
	struct jm_fit_solver s;
	size_t n = in->n_layers;
	int code;

	memset(out, 0, sizeof(*out));
	if (in->n_readings < MIN_READINGS || n == 0)
		return jm_error_set(err, JM_E_UNIDENTIFIABLE, "%zu readings are too few to tell layers apart",
				    in->n_readings);
	out->n_layers = n;
	out->power_w = calloc(n * n + 2 * n, sizeof(double));
	code = solver_init(&s, in);
	if (!out->power_w)
		code = JM_E_NOMEM;
	if (code == 0) {
		out->prior_sd_w = out->power_w + n;
		out->covariance = out->prior_sd_w + n;
		code = run(&s, out);
	}
	solver_finish(&s);
	if (code == 0)
		return 0;
	jm_fit_finish(out);
	return jm_error_set(err, code, code == JM_E_NOMEM ? "out of memory for %zu layers" : "no answer for %zu layers",
			    n);
}
