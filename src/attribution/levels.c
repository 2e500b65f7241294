#include "attribution/levels.h"

#include "attribution/estimate_input.h"
#include "core/linalg.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MATTERS      0.05 /* of a rest's mean length: a shorter response books little wrong */
#define MIN_READINGS 50
#define N_LAGS       5   /* tried, over two sd either way */
#define MAX_RESIDUAL 0.5 /* of the difference between the levels: more is no pair of levels */
#define N_PHASES     8   /* of an iteration: what a rest seems to take is of the phases beside it */
#define PHASE_SD     0.4 /* of the busy level: by so much may a phase differ from the mean */
#define N_ROUNDS     3   /* of the noise, which weighs against that */
#define N_UNKNOWN    (N_PHASES + 1)

/* Sums of products of the columns (phases, rest, reading). */
struct sums {
	double xx[N_UNKNOWN + 1][N_UNKNOWN + 1], n;
};

static void add_row(struct sums *s, const double *activity, double y)
{
	double row[N_UNKNOWN + 1], busy = 0;
	size_t i, j;

	for (i = 0; i < N_PHASES; i++) {
		row[i] = activity[i];
		busy += activity[i];
	}
	row[N_PHASES] = 1 - fmin(1, busy);
	row[N_UNKNOWN] = y;
	for (i = 0; i <= N_UNKNOWN; i++)
		for (j = 0; j <= i; j++)
			s->xx[i][j] += row[i] * row[j];
	s->n++;
}

/* Mean square of the readings about x. */
static double mean_square(const struct sums *s, const double *x)
{
	double sum = s->xx[N_UNKNOWN][N_UNKNOWN];
	size_t i, j;

	for (i = 0; i < N_UNKNOWN; i++) {
		sum -= 2 * x[i] * s->xx[N_UNKNOWN][i];
		for (j = 0; j < N_UNKNOWN; j++)
			sum += x[i] * x[j] * (i >= j ? s->xx[i][j] : s->xx[j][i]);
	}
	return fmax(0, sum / s->n);
}

/* Phases about a mean of their own: each strays from it by PHASE_SD, which the precision says; the mean is free, so the penalty
 * is on the differences from it. */
static bool solve_at(const struct sums *s, double precision, double *x)
{
	double m[N_UNKNOWN * N_UNKNOWN] = {0};
	size_t i, j;

	for (i = 0; i < N_UNKNOWN; i++) {
		x[i] = s->xx[N_UNKNOWN][i];
		for (j = 0; j <= i; j++)
			m[i * N_UNKNOWN + j] = s->xx[i][j];
	}
	for (i = 0; i < N_PHASES; i++)
		for (j = 0; j <= i; j++)
			m[i * N_UNKNOWN + j] += precision * ((i == j) - 1.0 / N_PHASES);
	for (i = 0; i < N_UNKNOWN; i++)
		m[i * N_UNKNOWN + i] *= 1 + 1e-9;
	if (jm_cholesky(m, N_UNKNOWN))
		return false;
	jm_cholesky_solve(m, N_UNKNOWN, x);
	return true;
}

static bool solve(const struct sums *s, struct jm_two_levels *out)
{
	double x[N_UNKNOWN] = {0}, precision = 0, square = 0;
	size_t i, k;

	for (k = 0; k < N_ROUNDS; k++) {
		if (!solve_at(s, precision, x))
			return false;
		square = mean_square(s, x);
		for (i = 0, out->busy_w = 0; i < N_PHASES; i++)
			out->busy_w += x[i] / N_PHASES;
		precision = square / fmax(1e-12, PHASE_SD * PHASE_SD * out->busy_w * out->busy_w);
	}
	out->rest_w = x[N_PHASES];
	out->residual_w = sqrt(square);
	return out->rest_w >= 0 && out->busy_w > out->rest_w &&
	       out->residual_w <= MAX_RESIDUAL * (out->busy_w - out->rest_w);
}

/* The levels at one lag. Errors: JM_E_NOMEM. */
static int at_lag(const struct jm_segment *segments, size_t n_segments, const struct jm_kernel *kernel,
		  const struct jm_model_reading *readings, size_t n, struct jm_two_levels *out)
{
	struct jm_forward f = {0};
	struct sums s = {0};
	double activity[N_PHASES];
	size_t k;
	int code = jm_forward_init(&f, segments, n_segments, N_PHASES, NULL);

	if (code < 0)
		return code;
	for (k = 0; k < n; k++) {
		jm_forward_row(&f, kernel, &readings[k], activity);
		add_row(&s, activity, readings[k].power_w);
	}
	jm_forward_finish(&f);
	out->is_known = solve(&s, out);
	return 0;
}

/* Iterations in phases. NULL: out of memory. *n_out 0: they run into each other. */
static struct jm_segment *phase_segments(const struct jm_work *w, size_t *n_out)
{
	struct jm_segment *segments = malloc((w->iterations.n * N_PHASES + 1) * sizeof(*segments));
	int64_t origin_ns = w->windows.items[0].start_ns;
	size_t i, k, n = 0;

	*n_out = 0;
	for (i = 0; segments && i < w->iterations.n; i++) {
		const struct jm_stretch *s = &w->iterations.items[i];
		double start_s = jm_s_from_ns(s->start_ns - origin_ns),
		       length_s = jm_s_from_ns(s->end_ns - s->start_ns);

		if (i > 0 && s->start_ns < w->iterations.items[i - 1].end_ns)
			return segments;
		for (k = 0; k < N_PHASES; k++)
			segments[n++] =
			    (struct jm_segment){start_s + length_s * (double)k / N_PHASES,
						start_s + length_s * (double)(k + 1) / N_PHASES, (uint32_t)k, 1};
	}
	*n_out = n;
	return segments;
}

/* Says whether the response is known, and long enough against the rests to matter. */
static bool matters(const struct jm_work *w, size_t c, const struct jm_response *r)
{
	double rest_s = jm_stretches_seconds(&w->rest),
	       reach_s = w->series[c].is_counter ? jm_s_from_ns(w->series[c].period_ns) : r->box_s + 2 * r->tau_s;

	return w->rest.n > 0 && w->iterations.n > 0 && r->family != JM_RESPONSE_UNKNOWN &&
	       r->family != JM_RESPONSE_RAMP && reach_s > MATTERS * rest_s / (double)w->rest.n;
}

int jm_two_levels(const struct jm_work *w, size_t c, const struct jm_response *r, struct jm_two_levels *out)
{
	struct jm_kernel kernel = {r->lag_s, r->box_s, r->tau_s};
	struct jm_model_reading *readings = NULL;
	struct jm_segment *segments;
	size_t n = 0, n_segments;
	int code, k;

	memset(out, 0, sizeof(*out));
	out->residual_w = INFINITY;
	if (!matters(w, c, r))
		return 0;
	segments = phase_segments(w, &n_segments);
	code = segments ? jm_estimate_readings(w, c, r, &readings, &n) : JM_E_NOMEM;
	for (k = 0; k < N_LAGS && code == 0 && n_segments && n >= MIN_READINGS; k++) {
		struct jm_two_levels at = {0};

		kernel.lag_s = r->lag_s + r->lag_sd_s * (4.0 * k / (N_LAGS - 1) - 2);
		code = at_lag(segments, n_segments, &kernel, readings, n, &at);
		if (at.is_known && (!out->is_known || at.residual_w < out->residual_w))
			*out = at;
		if (!(r->lag_sd_s > 0))
			break;
	}
	free(segments);
	free(readings);
	return code;
}

int jm_levels_of_rests(const struct jm_work *w, size_t c, const struct jm_response *r, struct jm_levels *levels)
{
	struct jm_two_levels two;
	double rest_s, bare_s;
	int code = jm_two_levels(w, c, r, &two);

	if (code < 0 || !two.is_known)
		return code;
	jm_stretches_energy(&w->rest, &w->series[c], &rest_s);
	jm_stretches_energy(&w->bare, &w->series[c], &bare_s);
	levels->is_known = true;
	levels->idle_j = two.rest_w * rest_s;
	levels->bare_j = two.rest_w * bare_s;
	snprintf(
	    levels->reason, sizeof(levels->reason),
	    "%.4g W between iterations and %.4g W in them explain the readings through the sensor's response (residual "
	    "%.3g W)",
	    two.rest_w, two.busy_w, two.residual_w);
	return 0;
}
