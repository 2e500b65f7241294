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
#define TOGETHER_MAX 8

/* Sums of products of the columns (phases, rest, reading). */
struct sums {
	double xx[N_UNKNOWN + 1][N_UNKNOWN + 1], n;
};

/* Channels that are read together, through the same response, see the same of every phase: a row is made for all of them. */
struct together {
	size_t n, n_readings;
	size_t channels[TOGETHER_MAX];
	struct jm_model_reading *readings; /* of the first; owned */
	double *power_w[TOGETHER_MAX];     /* of the others, who differ in it alone; owned */
};

/* Adds reading k of all channels; what they have in common goes to the first one's sums alone. A reading sees one or two phases: what
 * it does not see adds nothing, and is left out. */
static void add_row(struct sums *s, const struct together *t, size_t k, const double *activity)
{
	double row[N_UNKNOWN], busy = 0;
	size_t seen[N_UNKNOWN], n = 0, i, j, m;

	for (i = 0; i < N_PHASES; i++) {
		row[i] = activity[i];
		busy += activity[i];
		if (row[i] != 0)
			seen[n++] = i;
	}
	row[N_PHASES] = 1 - (busy < 1 ? busy : 1);
	if (row[N_PHASES] != 0)
		seen[n++] = N_PHASES;
	for (i = 0; i < n; i++)
		for (j = 0; j <= i; j++)
			s->xx[seen[i]][seen[j]] += row[seen[i]] * row[seen[j]];
	for (m = 0; m < t->n; m++) {
		double y = m ? t->power_w[m][k] : t->readings[k].power_w;

		for (i = 0; i < n; i++)
			s[m].xx[N_UNKNOWN][seen[i]] += y * row[seen[i]];
		s[m].xx[N_UNKNOWN][N_UNKNOWN] += y * y;
	}
	s->n++;
}

static void share_sums(struct sums *s, size_t n)
{
	size_t m;

	for (m = 1; m < n; m++) {
		memcpy(s[m].xx, s->xx, N_UNKNOWN * sizeof(s->xx[0]));
		s[m].n = s->n;
	}
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

/* The levels of all channels at one lag. Errors: JM_E_NOMEM. */
static int at_lag(const struct jm_segment *segments, size_t n_segments, const struct jm_kernel *kernel,
		  const struct together *t, struct jm_two_levels *out)
{
	struct sums s[TOGETHER_MAX] = {0};
	struct jm_forward f = {0};
	double activity[N_PHASES];
	size_t k;
	int code = jm_forward_init(&f, segments, n_segments, N_PHASES, NULL);

	if (code < 0)
		return code;
	for (k = 0; k < t->n_readings; k++) {
		jm_forward_row(&f, kernel, &t->readings[k], activity);
		add_row(s, t, k, activity);
	}
	jm_forward_finish(&f);
	share_sums(s, t->n);
	for (k = 0; k < t->n; k++)
		out[k].is_known = solve(&s[k], &out[k]);
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

static bool is_same_response(const struct jm_response *a, const struct jm_response *b)
{
	return a->family == b->family && a->lag_s == b->lag_s && a->lag_sd_s == b->lag_sd_s && a->box_s == b->box_s &&
	       a->tau_s == b->tau_s;
}

static bool are_read_together(const struct jm_model_reading *a, const struct jm_model_reading *b, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (a[i].t_s != b[i].t_s || a[i].width_s != b[i].width_s)
			return false;
	return true;
}

/* Adds channel k if it is read together with the first one. Errors: JM_E_NOMEM. */
static int join(const struct jm_work *w, size_t k, const struct jm_response *r, struct together *t)
{
	struct jm_model_reading *readings = NULL;
	double *power_w;
	size_t n = 0, i;
	int code = jm_estimate_readings(w, k, r, &readings, &n);

	if (code == 0 && n == t->n_readings && are_read_together(t->readings, readings, n)) {
		power_w = t->power_w[t->n] = malloc((n + 1) * sizeof(*power_w));
		for (i = 0; power_w && i < n; i++)
			power_w[i] = readings[i].power_w;
		if (power_w)
			t->channels[t->n++] = k;
		else
			code = JM_E_NOMEM;
	}
	free(readings);
	return code;
}

/* Adds the channels that are read together with the first one, and whose levels nobody asked for yet. Errors: JM_E_NOMEM. */
static int find_together(const struct jm_work *w, const struct jm_response *r, struct together *t)
{
	size_t k;
	int code = 0;

	for (k = t->channels[0] + 1; w->levels_found && k < w->in->n_channels && t->n < TOGETHER_MAX && code == 0; k++) {
		bool needs_search = false;
		struct jm_response other;

		if (w->levels_found[k].is_done || w->series[k].n_readings != w->series[t->channels[0]].n_readings)
			continue;
		other = jm_estimate_response(w, k, &needs_search);
		if (needs_search || !is_same_response(r, &other) || !matters(w, k, &other))
			continue;
		code = join(w, k, &other, t);
	}
	return code;
}

/* Finds the levels of all of t at the lag that leaves the least. out: one a channel. Errors: JM_E_NOMEM. */
static int find_levels(const struct jm_work *w, const struct jm_response *r, const struct together *t,
		       struct jm_two_levels *out)
{
	struct jm_kernel kernel = {r->lag_s, r->box_s, r->tau_s};
	size_t n_segments, m;
	struct jm_segment *segments = phase_segments(w, &n_segments);
	int code = segments ? 0 : JM_E_NOMEM, k;

	for (k = 0; k < N_LAGS && code == 0 && n_segments && t->n_readings >= MIN_READINGS; k++) {
		struct jm_two_levels at[TOGETHER_MAX] = {0};

		kernel.lag_s = r->lag_s + r->lag_sd_s * (4.0 * k / (N_LAGS - 1) - 2);
		code = at_lag(segments, n_segments, &kernel, t, at);
		for (m = 0; m < t->n; m++)
			if (at[m].is_known && (!out[m].is_known || at[m].residual_w < out[m].residual_w))
				out[m] = at[m];
		if (!(r->lag_sd_s > 0))
			break;
	}
	free(segments);
	return code;
}

int jm_two_levels(const struct jm_work *w, size_t c, const struct jm_response *r, struct jm_two_levels *out)
{
	struct jm_two_levels found[TOGETHER_MAX];
	struct together t = {.n = 1, .channels = {c}};
	size_t m;
	int code;

	for (m = 0; m < TOGETHER_MAX; m++)
		found[m] = (struct jm_two_levels){.residual_w = INFINITY};
	*out = found[0];
	if (!matters(w, c, r))
		return 0;
	if (w->levels_found && w->levels_found[c].is_done && is_same_response(&w->levels_found[c].response, r)) {
		*out = w->levels_found[c].levels;
		return 0;
	}
	code = jm_estimate_readings(w, c, r, &t.readings, &t.n_readings);
	code = code ? code : find_together(w, r, &t);
	code = code ? code : find_levels(w, r, &t, found);
	for (m = 0; m < t.n; m++) {
		free(t.power_w[m]);
		if (code == 0 && w->levels_found)
			w->levels_found[t.channels[m]] = (struct jm_levels_found){true, *r, found[m]};
	}
	free(t.readings);
	*out = found[0];
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
