/* Search for a sensor's response: for each family a coarse grid over (lag, width), then a pattern search that halves its steps.
 * At every point the levels are solved for linearly with a weak ridge, so the score is the residual alone. The families are
 * compared by predicting each fifth of the readings from the other four. */
#include "attribution/calibrate.h"

#include "core/linalg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_FOLDS             5
#define FOLD_BLOCKS         8
#define MIN_READINGS        10
#define MAX_SEARCH_READINGS 1500
#define MIN_SEARCH_READINGS 100
#define MAX_SEARCH_SEGMENTS 60000
#define MAX_SEARCH_LEVELS   40
#define MAX_BLOCK_LEVELS    128
#define N_LAG_STEPS         8    /* of a kernel, when the lag alone is searched */
#define RIDGE               1e-6 /* of the diagonal: keeps never-seen regions from being singular */
#define FIRST_LAG_S         -0.02
#define LAST_LAG_S          0.06
#define LAG_STEP_S          0.004
#define RAMP_S              1.0
#define MIN_STEP            1e-3 /* of the kernel: the search ends there */
#define SD_SAFETY           3    /* the curvature knows nothing of misfit */
#define MIN_SD              0.02
#define BETTER              0.97 /* a family with more freedom must beat a simpler one by this */

struct problem {
	struct jm_segment *segments; /* region: level */
	size_t n_segments, n_levels;
	const struct jm_model_reading *readings;
	size_t n_readings;
	bool is_waveform;
	double *grams; /* N_FOLDS x n x n, n = n_levels + 2: levels, idle or 1, reading */
	double *m, *x, *row;
};

static int problem_alloc(struct problem *p)
{
	size_t n = p->n_levels + 2;

	p->grams = malloc((N_FOLDS * n * n + n * n + 2 * n) * sizeof(double));
	if (!p->grams)
		return JM_E_NOMEM;
	p->m = p->grams + N_FOLDS * n * n;
	p->x = p->m + n * n;
	p->row = p->x + n;
	return 0;
}

/* A fold is every fifth of FOLD_BLOCKS x N_FOLDS stretches, so that no part of the load is left out whole. */
static size_t fold_of(const struct problem *p, size_t i)
{
	return i * FOLD_BLOCKS * N_FOLDS / p->n_readings % N_FOLDS;
}

static int sum_up(struct problem *p, const struct jm_kernel *k)
{
	size_t n = p->n_levels + 2, i, a, b;
	struct jm_forward f;
	int code = jm_forward_init(&f, p->segments, p->n_segments, p->n_levels, NULL);

	if (code < 0)
		return code;
	memset(p->grams, 0, N_FOLDS * n * n * sizeof(double));
	for (i = 0; i < p->n_readings; i++) {
		double *g = p->grams + fold_of(p, i) * n * n, sum = 0;

		jm_forward_row(&f, k, &p->readings[i], p->row);
		for (a = 0; a < p->n_levels; a++)
			sum += p->row[a];
		p->row[n - 2] = p->is_waveform ? 1 : 1 - sum;
		p->row[n - 1] = p->readings[i].power_w;
		for (a = 0; a < n; a++) {
			for (b = 0; b <= a && p->row[a] != 0; b++)
				g[a * n + b] += p->row[a] * p->row[b];
		}
	}
	jm_forward_finish(&f);
	return 0;
}

/* Solves on all folds but `left` (N_FOLDS: on all). x: levels, idle. */
static int solve(struct problem *p, size_t left)
{
	size_t n = p->n_levels + 2, q = n - 1, f, i, j;
	double trace = 0;

	memset(p->m, 0, n * n * sizeof(double));
	memset(p->x, 0, n * sizeof(double));
	for (f = 0; f < N_FOLDS; f++) {
		const double *g = p->grams + f * n * n;

		for (i = 0; i < q && f != left; i++) {
			for (j = 0; j <= i; j++)
				p->m[i * q + j] += g[i * n + j];
			p->x[i] += g[q * n + i];
		}
	}
	for (i = 0; i < q; i++)
		trace += p->m[i * q + i] / (double)q;
	for (i = 0; i < q; i++)
		p->m[i * q + i] += RIDGE * trace;
	if (jm_cholesky(p->m, q) < 0)
		return JM_E_UNIDENTIFIABLE;
	jm_cholesky_solve(p->m, q, p->x);
	return 0;
}

static double fold_squares(const struct problem *p, size_t f)
{
	size_t n = p->n_levels + 2, q = n - 1, i, j;
	const double *g = p->grams + f * n * n;
	double sum = g[q * n + q];

	for (i = 0; i < q; i++) {
		double inner = -2 * g[q * n + i] + g[i * n + i] * p->x[i];

		for (j = 0; j < i; j++)
			inner += 2 * g[i * n + j] * p->x[j];
		sum += p->x[i] * inner;
	}
	return sum > 0 ? sum : 0;
}

/* Residual sum of squares at a kernel; infinite when it cannot be had. */
static double score(struct problem *p, struct jm_kernel k)
{
	double sum = 0;
	size_t f;

	if (k.box_s < 0 || k.tau_s < 0 || sum_up(p, &k) < 0 || solve(p, N_FOLDS) < 0)
		return INFINITY;
	for (f = 0; f < N_FOLDS; f++)
		sum += fold_squares(p, f);
	return sum;
}

static double hold_out(struct problem *p, struct jm_kernel k)
{
	double sum = 0;
	size_t f;

	if (sum_up(p, &k) < 0)
		return INFINITY;
	for (f = 0; f < N_FOLDS; f++) {
		if (solve(p, f) < 0)
			return INFINITY;
		sum += fold_squares(p, f);
	}
	return sum;
}

static void try_kernel(struct problem *p, struct jm_kernel k, struct jm_kernel *best, double *best_score)
{
	double s = score(p, k);

	if (s < *best_score) {
		*best_score = s;
		*best = k;
	}
}

static void coarse_grid(struct problem *p, enum jm_response_family family, struct jm_kernel *best, double *best_score)
{
	static const double boxes[] = {0.005, 0.01, 0.02, 0.025, 0.05, 0.1},
			    taus[] = {0.004, 0.008, 0.012, 0.018, 0.03};
	size_t i, n = family == JM_RESPONSE_RC ? sizeof(taus) / sizeof(taus[0]) : sizeof(boxes) / sizeof(boxes[0]);
	double lag;

	if (family == JM_RESPONSE_RC_BOX) {
		struct jm_kernel start = *best;

		for (i = 0; i < 4; i++) {
			for (lag = -0.004; lag <= 0.0041; lag += 0.002)
				try_kernel(p,
					   (struct jm_kernel){start.lag_s + lag - 0.25 * boxes[i], 0.5 * boxes[i],
							      start.tau_s},
					   best, best_score);
		}
		return;
	}
	for (lag = FIRST_LAG_S; lag <= LAST_LAG_S; lag += LAG_STEP_S) {
		if (family == JM_RESPONSE_RAMP)
			try_kernel(p, (struct jm_kernel){lag, RAMP_S, 0}, best, best_score);
		for (i = 0; i < n && family != JM_RESPONSE_RAMP; i++) {
			struct jm_kernel k = {lag, family == JM_RESPONSE_BOX ? boxes[i] : 0,
					      family == JM_RESPONSE_RC ? taus[i] : 0};

			try_kernel(p, k, best, best_score);
		}
	}
}

/* Moves along the axes and along lag against width, which a kernel's centre of gravity couples. */
static void refine(struct problem *p, enum jm_response_family family, struct jm_kernel *best, double *best_score)
{
	bool has_box = family == JM_RESPONSE_BOX || family == JM_RESPONSE_RC_BOX;
	bool has_tau = family == JM_RESPONSE_RC || family == JM_RESPONSE_RC_BOX;
	double size = best->box_s + best->tau_s, step;
	int sign;

	for (step = 0.1 * size; step > MIN_STEP * size;) {
		double before = *best_score;
		struct jm_kernel k = *best;

		for (sign = -1; sign <= 1; sign += 2) {
			double d = sign * step;

			try_kernel(p, (struct jm_kernel){k.lag_s + d, k.box_s, k.tau_s}, best, best_score);
			if (has_box) {
				try_kernel(p, (struct jm_kernel){k.lag_s, k.box_s + 2 * d, k.tau_s}, best, best_score);
				try_kernel(p, (struct jm_kernel){k.lag_s - d, k.box_s + 2 * d, k.tau_s}, best,
					   best_score);
			}
			if (has_tau) {
				try_kernel(p, (struct jm_kernel){k.lag_s, k.box_s, k.tau_s + d}, best, best_score);
				try_kernel(p, (struct jm_kernel){k.lag_s - d, k.box_s, k.tau_s + d}, best, best_score);
			}
		}
		if (*best_score > before * (1 - 1e-9))
			step /= 2;
	}
}

/* Change of one parameter that raises the residual by the noise of one reading. */
static double axis_sd(struct problem *p, struct jm_kernel k, struct jm_kernel direction, double best_score)
{
	double size = k.box_s + k.tau_s, d = 0.05 * size, rise, variance = best_score / (double)p->n_readings;
	struct jm_kernel up = {k.lag_s + d * direction.lag_s, k.box_s + d * direction.box_s,
			       k.tau_s + d * direction.tau_s};

	rise = score(p, up) - best_score;
	if (!(rise > 0))
		return 0.2 * size;
	return fmax(MIN_SD * size, SD_SAFETY * d * sqrt(variance / rise));
}

static double swing(const struct problem *p)
{
	double low = INFINITY, high = -INFINITY;
	size_t i;

	for (i = 0; i < p->n_readings; i++) {
		low = fmin(low, p->readings[i].power_w);
		high = fmax(high, p->readings[i].power_w);
	}
	return high - low;
}

static int search(struct problem *p, struct jm_response *out, struct jm_calibration_score *scores)
{
	static const enum jm_response_family families[] = {JM_RESPONSE_BOX, JM_RESPONSE_RC, JM_RESPONSE_RC_BOX,
							   JM_RESPONSE_RAMP};
	struct jm_calibration_score found[4];
	double best = INFINITY, n = (double)p->n_readings;
	struct jm_kernel k = {0};
	size_t i, picked = 0;

	for (i = 0; i < 4; i++) {
		double s = INFINITY;

		/* The composite starts from the pure low-pass, which comes before it. */
		k = families[i] == JM_RESPONSE_RC_BOX ? found[1].kernel : (struct jm_kernel){0};
		coarse_grid(p, families[i], &k, &s);
		if (isfinite(s))
			refine(p, families[i], &k, &s);
		found[i].family = families[i];
		found[i].kernel = k;
		found[i].residual_w = sqrt(s / n);
		found[i].hold_out_w = sqrt(hold_out(p, k) / n);
		if (found[i].hold_out_w < BETTER * best) {
			best = found[i].hold_out_w;
			picked = i;
		}
	}
	if (scores)
		memcpy(scores, found, sizeof(found));
	if (!isfinite(best))
		return JM_E_UNIDENTIFIABLE;
	k = found[picked].kernel;
	memset(out, 0, sizeof(*out));
	out->family = families[picked];
	out->lag_s = k.lag_s;
	out->box_s = k.box_s;
	out->tau_s = k.tau_s;
	best = found[picked].residual_w * found[picked].residual_w * n;
	out->lag_sd_s = axis_sd(p, k, (struct jm_kernel){1, 0, 0}, best);
	out->box_sd_s = k.box_s > 0 ? axis_sd(p, k, (struct jm_kernel){0, 1, 0}, best) : 0;
	out->tau_sd_s = k.tau_s > 0 ? axis_sd(p, k, (struct jm_kernel){0, 0, 1}, best) : 0;
	out->noise_w = found[picked].residual_w;
	out->residual_fraction = swing(p) > 0 ? found[picked].hold_out_w / swing(p) : 0;
	out->is_lag_anchored = true;
	return score(p, k) < INFINITY ? 0 : JM_E_UNIDENTIFIABLE;
}

/* Takes a piece of the run that can be searched in seconds: the first readings, layers thrown together where there are many.
 * What is lost is left to the fit, which starts from what is found. */
static void take_piece(struct problem *p, const struct jm_fit_input *in, size_t max_levels)
{
	size_t i, n = in->n_readings < MAX_SEARCH_READINGS ? in->n_readings : MAX_SEARCH_READINGS;

	if (in->n_segments > MAX_SEARCH_SEGMENTS) {
		while (n > MIN_SEARCH_READINGS && in->readings[n - 1].t_s > in->segments[MAX_SEARCH_SEGMENTS].start_s)
			n--;
	}
	p->n_readings = n;
	p->n_levels = in->n_layers < max_levels ? in->n_layers : max_levels;
	for (i = 0; i < in->n_segments && in->segments[i].start_s < p->readings[n - 1].t_s - FIRST_LAG_S; i++) {
		size_t layer = in->regions[in->segments[i].region].layer;

		p->segments[i] = in->segments[i];
		p->segments[i].region = (uint32_t)(layer * p->n_levels / in->n_layers);
	}
	p->n_segments = i;
}

/* Begins a problem of that many levels at most; problem_free() it, whatever comes. Errors: JM_E_UNIDENTIFIABLE (too little to tell),
 * JM_E_NOMEM. */
static int problem_init(struct problem *p, const struct jm_fit_input *in, size_t levels_max)
{
	memset(p, 0, sizeof(*p));
	p->readings = in->readings;
	if (in->n_readings < MIN_READINGS || in->n_layers == 0)
		return JM_E_UNIDENTIFIABLE;
	p->segments = malloc((in->n_segments + 1) * sizeof(*p->segments));
	if (!p->segments)
		return JM_E_NOMEM;
	take_piece(p, in, levels_max);
	return problem_alloc(p);
}

static void problem_free(struct problem *p)
{
	free(p->segments);
	free(p->grams);
}

int jm_calibrate_search(const struct jm_fit_input *in, struct jm_response *out, struct jm_calibration_score *scores)
{
	struct problem p;
	int code = problem_init(&p, in, MAX_SEARCH_LEVELS);

	if (code == 0)
		code = search(&p, out, scores);
	problem_free(&p);
	return code;
}

/* Searches the lag at a kernel that is known: a grid, then halved steps around the best. */
static int search_lag(struct problem *p, const struct jm_response *known, struct jm_response *out)
{
	struct jm_kernel k = {0, known->box_s, known->tau_s}, best;
	double size = k.box_s + k.tau_s, best_score = INFINITY, step;

	/* A counter's kernel is the time between its changes. */
	if (size == 0 && p->n_readings > 0)
		size = p->readings[p->n_readings / 2].width_s;
	if (!(size > 0))
		return JM_E_UNIDENTIFIABLE;
	step = fmin(LAG_STEP_S, size / N_LAG_STEPS);
	best = k;
	for (k.lag_s = FIRST_LAG_S; k.lag_s <= LAST_LAG_S + size; k.lag_s += step)
		try_kernel(p, k, &best, &best_score);
	for (; step > MIN_STEP * size; step /= 2) {
		double at = best.lag_s;

		try_kernel(p, (struct jm_kernel){at - step, k.box_s, k.tau_s}, &best, &best_score);
		try_kernel(p, (struct jm_kernel){at + step, k.box_s, k.tau_s}, &best, &best_score);
	}
	if (!isfinite(best_score))
		return JM_E_UNIDENTIFIABLE;
	*out = *known;
	out->lag_s = best.lag_s;
	best.box_s = size - best.tau_s; /* the scale of the differences; a counter's own box is its width */
	out->lag_sd_s = axis_sd(p, best, (struct jm_kernel){1, 0, 0}, best_score);
	out->is_lag_anchored = true;
	return 0;
}

int jm_calibrate_blocks(const struct jm_fit_input *in, const struct jm_response *known, struct jm_response *out)
{
	struct problem p;
	int code = problem_init(&p, in, MAX_BLOCK_LEVELS);

	if (code == 0)
		code = known->family == JM_RESPONSE_UNKNOWN ? search(&p, out, NULL) : search_lag(&p, known, out);
	problem_free(&p);
	return code;
}

int jm_calibrate_waveform(const struct jm_segment *segments, size_t n_segments, const struct jm_model_reading *readings,
			  size_t n_readings, struct jm_response *out, struct jm_calibration_score *scores,
			  double *gain_out, double *offset_out)
{
	struct problem p = {.readings = readings, .n_readings = n_readings, .n_levels = 1, .is_waveform = true};
	int code;

	if (n_readings < MIN_READINGS)
		return JM_E_UNIDENTIFIABLE;
	p.segments = malloc((n_segments + 1) * sizeof(*p.segments));
	if (!p.segments)
		return JM_E_NOMEM;
	memcpy(p.segments, segments, n_segments * sizeof(*segments));
	p.n_segments = n_segments;
	code = problem_alloc(&p);
	if (code == 0)
		code = search(&p, out, scores);
	if (code == 0 && gain_out)
		*gain_out = p.x[0];
	if (code == 0 && offset_out)
		*offset_out = p.x[1];
	free(p.segments);
	free(p.grams);
	return code;
}
