/* Per reading: derivatives, drift curves, what random effects it feels, and the noise that follows from the residuals. */
#include "attribution/fit_gram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHAPE_SD       0.05 /* rho: sd of the power inside a segment about what the model says, as a fraction */
#define LAG_STEP_S     5e-5 /* steps of the differences; never above 2 % of the kernel, or RAPL-speed fits break silently */
#define STEP_FRACTION  0.02
#define BOX_STEP       0.002
#define TAU_STEP       0.01
#define DRIFT_S        15.0 /* settling time of the second drift curve, s */
#define N_SLOTS        (2 * JM_EFFECTS)
#define N_NOISE_ROUNDS 8
#define N_NEIGHBOURS   4
#define SMEAR_ABOVE    0.005 /* jitter above this part of the kernel smears it */
#define MIN_SIGMAS     3
#define MAX_WOBBLE     0.05
#define MIN_WHITE      0.02 /* of the residual: below that the model's own errors would be taken for truth */

int jm_columns_init(struct jm_fit_columns *c, size_t n)
{
	memset(c, 0, sizeof(*c));
	c->n = n;
	c->memory = calloc((8 + JM_EFFECTS) * n + 1, sizeof(double));
	c->newest = calloc(n + 1, sizeof(*c->newest));
	if (!c->memory || !c->newest) {
		jm_columns_finish(c);
		return JM_E_NOMEM;
	}
	c->lag = c->memory;
	c->box = c->lag + n;
	c->tau = c->box + n;
	c->drift = c->tau + n;
	c->drift2 = c->drift + n;
	c->yhat = c->drift2 + n;
	c->cut_w2 = c->yhat + n;
	c->slope2 = c->cut_w2 + n;
	c->effects = c->slope2 + n;
	return 0;
}

void jm_columns_finish(struct jm_fit_columns *c)
{
	free(c->memory);
	free(c->newest);
	memset(c, 0, sizeof(*c));
}

static double kernel_length(const struct jm_fit_input *in, const struct jm_kernel *k)
{
	double width = in->n_readings ? in->readings[in->n_readings / 2].width_s : 0;

	if (width > 0)
		return width;
	return fmax(k->box_s, k->tau_s);
}

double jm_fit_smear_s(const struct jm_fit_input *in, const struct jm_fit_state *state)
{
	double jitter = sqrt(state->jitter_s2);

	return !in->is_counter && jitter > SMEAR_ABOVE * kernel_length(in, &state->kernel) ? sqrt(3) * jitter : 0;
}

/* Predicts all readings at the state's kernel moved by d, update times exact. */
static int predict_sharp(const struct jm_fit_input *in, const struct jm_fit_state *s, struct jm_kernel d, double *out)
{
	struct jm_kernel k = s->kernel;

	k.lag_s += d.lag_s;
	k.box_s += d.box_s;
	k.tau_s += d.tau_s;
	return jm_forward_predict(in->segments, in->n_segments, in->n_regions, s->power, s->idle_w, &k, in->readings,
				  in->n_readings, out);
}

/* The same with update times that stray. */
static int predict(const struct jm_fit_input *in, const struct jm_fit_state *s, struct jm_kernel d, double *out)
{
	double smear = jm_fit_smear_s(in, s), *side;
	int sign, code = predict_sharp(in, s, d, out);
	size_t i;

	if (code < 0 || smear == 0)
		return code;
	side = malloc((in->n_readings + 1) * sizeof(*side));
	if (!side)
		return JM_E_NOMEM;
	for (i = 0; i < in->n_readings; i++)
		out[i] *= JM_SMEAR_MIDDLE;
	for (sign = -1; sign <= 1 && code == 0; sign += 2) {
		struct jm_kernel moved = d;

		moved.lag_s += sign * smear;
		code = predict_sharp(in, s, moved, side);
		for (i = 0; i < in->n_readings && code == 0; i++)
			out[i] += JM_SMEAR_SIDE * side[i];
	}
	free(side);
	return code;
}

/* out = (prediction at +up - prediction at -down) / (up + down along that axis). work: n_readings. */
static int difference(const struct jm_fit_input *in, const struct jm_fit_state *s, struct jm_kernel up,
		      struct jm_kernel down, double distance, double *out, double *work)
{
	int code = predict(in, s, up, out);
	size_t i;

	if (code == 0)
		code = predict(in, s, down, work);
	for (i = 0; i < in->n_readings && code == 0; i++)
		out[i] = (out[i] - work[i]) / distance;
	return code;
}

static int fill_derivatives(struct jm_fit_columns *c, const struct jm_fit_input *in, const struct jm_fit_state *s)
{
	double length = kernel_length(in, &s->kernel), lag = fmin(LAG_STEP_S, STEP_FRACTION * length);
	double box = BOX_STEP * s->kernel.box_s, tau = TAU_STEP * s->kernel.tau_s;
	double *work = c->yhat;
	int code = 0;

	if (lag > 0)
		code = difference(in, s, (struct jm_kernel){.lag_s = lag}, (struct jm_kernel){.lag_s = -lag}, 2 * lag,
				  c->lag, work);
	if (code == 0 && in->kernel_sd.box_s > 0 && box > 0)
		code = difference(in, s, (struct jm_kernel){.box_s = box}, (struct jm_kernel){.box_s = -box}, 2 * box,
				  c->box, work);
	if (code == 0 && in->kernel_sd.tau_s > 0) {
		struct jm_kernel down = {.tau_s = -tau};

		if (tau == 0)
			tau = STEP_FRACTION * length;
		code = difference(in, s, (struct jm_kernel){.tau_s = tau}, down, tau - down.tau_s, c->tau, work);
	}
	return code;
}

/* Mean of (yhat(t + j) - yhat(t))^2 / J over a normal j of variance J, by three points (0, +-sqrt(3 J)): where the kernel's
 * edge crosses short layers the slope at one point says little. */
static int fill_slopes(struct jm_fit_columns *c, const struct jm_fit_input *in, const struct jm_fit_state *s)
{
	double step = fmin(LAG_STEP_S, STEP_FRACTION * kernel_length(in, &s->kernel)), *work = c->effects;
	int sign, code = 0;
	size_t i;

	if (s->jitter_s2 > 0)
		step = sqrt(3 * s->jitter_s2);
	memset(c->slope2, 0, c->n * sizeof(double));
	for (sign = -1; sign <= 1 && code == 0; sign += 2) {
		code = predict_sharp(in, s, (struct jm_kernel){.lag_s = sign * step}, work);
		for (i = 0; i < c->n && code == 0; i++)
			c->slope2[i] += 0.5 * (work[i] - c->yhat[i]) * (work[i] - c->yhat[i]) / (step * step);
	}
	return code;
}

static void fill_drift(struct jm_fit_columns *c, const struct jm_fit_input *in)
{
	double first = in->readings[0].t_s, span = in->readings[c->n - 1].t_s - first, mean = 0;
	size_t i;

	for (i = 0; i < c->n; i++)
		mean += exp(-(in->readings[i].t_s - first) / DRIFT_S) / (double)c->n;
	for (i = 0; i < c->n && span > 0; i++) {
		double u = 2 * (in->readings[i].t_s - first) / span - 1;

		c->drift[i] = c->yhat[i] * (in->temperature ? in->temperature[i] / 10 : u);
		c->drift2[i] = c->yhat[i] * (exp(-(in->readings[i].t_s - first) / DRIFT_S) - mean);
	}
}

/* A counter's reading feels the time of its own edge and of the one before. */
static int fill_edges(struct jm_fit_columns *c, const struct jm_fit_input *in, const struct jm_fit_state *s)
{
	struct jm_model_reading *edges = malloc((c->n + 1) * sizeof(*edges));
	struct jm_kernel k = {.lag_s = s->kernel.lag_s};
	double *power = c->effects; /* the values land where they are overwritten last to first */
	size_t i;
	int code = edges ? 0 : JM_E_NOMEM;

	for (i = 0; i < c->n && code == 0; i++)
		edges[i] = (struct jm_model_reading){in->readings[i].t_s, 0, 0};
	if (code == 0)
		code = jm_forward_predict(in->segments, in->n_segments, in->n_regions, s->power, s->idle_w, &k, edges,
					  c->n, power);
	free(edges);
	for (i = c->n; i-- > 0 && code == 0;) {
		double now = power[i], before = i > 0 ? power[i - 1] : now, width = in->readings[i].width_s;
		bool is_next = i > 0 && fabs(in->readings[i].t_s - width - in->readings[i - 1].t_s) < 1e-3 * width;

		memset(c->effects + i * JM_EFFECTS, 0, JM_EFFECTS * sizeof(double));
		c->effects[i * JM_EFFECTS] = now / width;
		c->effects[i * JM_EFFECTS + 1] = -before / width;
		if (!is_next)
			c->effects[i * JM_EFFECTS + 1] = 0;
		c->newest[i] = (uint32_t)i;
	}
	return code;
}

/* A gauge's reading feels the iterations in its kernel, each with the power it adds. */
static int fill_iterations(struct jm_fit_columns *c, const struct jm_fit_input *in, const struct jm_fit_state *s)
{
	uint32_t *slots = malloc((in->n_segments + 1) * sizeof(*slots));
	struct jm_forward f = {0};
	double row[N_SLOTS];
	size_t i, k, at = 0;
	int code = slots ? 0 : JM_E_NOMEM;

	for (i = 0; i < in->n_segments && code == 0; i++)
		slots[i] = in->segment_group[i] % N_SLOTS;
	if (code == 0)
		code = jm_forward_init_slots(&f, in->segments, in->n_segments, s->power, slots, N_SLOTS);
	for (i = 0; i < c->n && code == 0; i++) {
		uint32_t newest;

		jm_forward_row(&f, &s->kernel, &in->readings[i], row);
		while (at + 1 < in->n_segments && in->segments[at + 1].start_s <= in->readings[i].t_s - s->kernel.lag_s)
			at++;
		newest = in->segment_group[at];
		for (k = 0; k < JM_EFFECTS; k++)
			c->effects[i * JM_EFFECTS + k] = k <= newest ? row[(newest - k) % N_SLOTS] : 0;
		c->newest[i] = newest;
	}
	jm_forward_finish(&f);
	free(slots);
	return code;
}

/* Variance of a reading from the unknown power inside the segments that the kernel's edges cut. */
static void fill_cuts(struct jm_fit_columns *c, const struct jm_fit_input *in, const struct jm_fit_state *s,
		      struct jm_forward *f)
{
	double value;
	size_t i, k;

	for (i = 0; i < c->n; i++) {
		double width = in->readings[i].width_s > 0 ? in->readings[i].width_s : s->kernel.box_s;

		c->cut_w2[i] = 0;
		if (width > 0 && s->kernel.tau_s > width)
			continue; /* the low-pass rounds the edges off */
		jm_forward_row(f, &s->kernel, &in->readings[i], &value);
		width = width > 0 ? width : s->kernel.tau_s;
		for (k = 0; k < 2 && width > 0; k++) {
			if (f->cut[k].length_s > 0) {
				double e = SHAPE_SD * s->power[f->cut[k].region] * f->cut[k].length_s / width;

				c->cut_w2[i] += e * e;
			}
		}
	}
}

int jm_columns_fill(struct jm_fit_columns *c, const struct jm_fit_input *in, const struct jm_fit_state *state)
{
	struct jm_forward f = {0};
	int code = fill_derivatives(c, in, state);

	if (code == 0)
		code = predict(in, state, (struct jm_kernel){0}, c->yhat);
	if (code == 0)
		code = jm_forward_init(&f, in->segments, in->n_segments, in->n_regions, state->power);
	if (code < 0)
		return code;
	fill_cuts(c, in, state, &f);
	jm_forward_finish(&f);
	code = fill_slopes(c, in, state);
	if (code < 0)
		return code;
	fill_drift(c, in);
	c->has_effects = in->is_counter || in->segment_group;
	if (in->is_counter)
		return fill_edges(c, in, state);
	return in->segment_group ? fill_iterations(c, in, state) : 0;
}

/* Sum over shared effects of (feeling of reading i) * (feeling of reading k), k > i. */
static double shared_effects(const struct jm_fit_columns *c, size_t i, size_t k)
{
	uint32_t shift = c->newest[k] - c->newest[i];
	double sum = 0;
	size_t j;

	for (j = 0; j + shift < JM_EFFECTS && shift < JM_EFFECTS; j++)
		sum += c->effects[i * JM_EFFECTS + j] * c->effects[k * JM_EFFECTS + j + shift];
	return sum;
}

static double residual(const struct jm_fit_columns *c, const struct jm_fit_input *in, const struct jm_fit_state *state,
		       size_t i)
{
	return in->readings[i].power_w / state->gain - c->yhat[i];
}

/* Neighbours' residuals agree because of what they share: R = sum r_i r_k c_ik / sum c_ik^2. */
static double effect_variance(const struct jm_fit_columns *c, const struct jm_fit_input *in,
			      const struct jm_fit_state *state)
{
	double above = 0, below = 0, spread = 0, variance;
	size_t i, k;

	for (i = 0; i < c->n && c->has_effects; i++) {
		for (k = i + 1; k <= i + N_NEIGHBOURS && k < c->n; k++) {
			double shared = shared_effects(c, i, k);

			double term = residual(c, in, state, i) * residual(c, in, state, k) * shared;

			above += term;
			spread += term * term;
			below += shared * shared;
		}
	}
	/* Readings that share next to nothing say nothing of what they share. */
	if (!(above > MIN_SIGMAS * sqrt(spread)))
		return 0;
	variance = above / below;
	return in->is_counter ? variance : fmin(variance, MAX_WOBBLE * MAX_WOBBLE);
}

void jm_columns_noise(const struct jm_fit_columns *c, const struct jm_fit_input *in, struct jm_fit_state *state)
{
	double mean = 0, floor_w2, white, jitter = 0, effect = effect_variance(c, in, state);
	size_t i, round;

	for (i = 0; i < c->n; i++) {
		double r = residual(c, in, state, i);

		mean += r * r / (double)c->n;
	}
	floor_w2 = fmax(in->step_w * in->step_w / 12, MIN_WHITE * mean);
	white = mean;
	/* Regression of r^2 on 1 and slope^2, weighted by what its variance would be. */
	for (round = 0; round < N_NOISE_ROUNDS; round++) {
		double w0 = 0, w1 = 0, w2 = 0, y0 = 0, y1 = 0, det;

		for (i = 0; i < c->n; i++) {
			double r = residual(c, in, state, i), d2 = in->is_counter ? 0 : c->slope2[i];
			double known = c->cut_w2[i] + (c->has_effects ? effect * shared_effects(c, i, i) : 0);
			double expected = white + jitter * d2 + known, w = 1 / (expected * expected), e = r * r - known;

			w0 += w;
			w1 += w * d2;
			w2 += w * d2 * d2;
			y0 += w * e;
			y1 += w * e * d2;
		}
		det = w0 * w2 - w1 * w1;
		jitter = det > 1e-9 * w0 * w2 ? fmax(0, (w0 * y1 - w1 * y0) / det) : 0;
		white = fmax(floor_w2, (y0 - jitter * w1) / w0);
		if (white == floor_w2 && w2 > 0)
			jitter = fmax(0, (y1 - white * w1) / w2);
	}
	state->white_w2 = white;
	state->jitter_s2 = jitter;
	state->effect_variance = effect;
}
