#include "attribution/fit_gram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHAPE_SD 0.05     /* rho: sd of the power inside a segment about what the model says, as a fraction */
#define LAG_STEP_S 5e-5   /* steps of the differences; never above 2 % of the kernel, or RAPL-speed fits break silently */
#define STEP_FRACTION 0.02
#define BOX_STEP 0.002
#define TAU_STEP 0.01
#define DRIFT_S 15.0      /* settling time of the second drift curve, s */
#define ROWS_AT_ONCE 8

int jm_gram_init(struct jm_gram *g, size_t n_regions)
{
	size_t n = n_regions + JM_GRAM_EXTRA;

	memset(g, 0, sizeof(*g));
	g->n = n;
	g->half[0] = calloc(2 * n * n, sizeof(double));
	g->half[1] = g->half[0] ? g->half[0] + n * n : NULL;
	return g->half[0] ? 0 : JM_E_NOMEM;
}

void jm_gram_finish(struct jm_gram *g)
{
	free(g->half[0]);
	memset(g, 0, sizeof(*g));
}

static double kernel_length(const struct jm_fit_input *in, const struct jm_kernel *k)
{
	double width = in->n_readings ? in->readings[in->n_readings / 2].width_s : 0;

	if (width > 0)
		return width;
	return fmax(k->box_s, k->tau_s);
}

/* Predicts all readings at the state's kernel moved by d. */
static int predict(const struct jm_fit_input *in, const struct jm_fit_state *s, struct jm_kernel d, double *out)
{
	struct jm_kernel k = s->kernel;

	k.lag_s += d.lag_s;
	k.box_s += d.box_s;
	k.tau_s += d.tau_s;
	return jm_forward_predict(in->segments, in->n_segments, in->n_regions, s->power, s->idle_w, &k, in->readings,
				  in->n_readings, out);
}

/* out = (prediction at +up - prediction at -down) / (up + down along that axis). work: n_readings. */
static int difference(const struct jm_fit_input *in, const struct jm_fit_state *s, struct jm_kernel up, struct jm_kernel down,
		      double distance, double *out, double *work)
{
	int code = predict(in, s, up, out);
	size_t i;

	if (code == 0)
		code = predict(in, s, down, work);
	for (i = 0; i < in->n_readings && code == 0; i++)
		out[i] = (out[i] - work[i]) / distance;
	return code;
}

/* Columns lag, box, tau, drift, drift2 of all readings: 5 x n_readings. work: n_readings. */
static int nuisance_columns(const struct jm_fit_input *in, const struct jm_fit_state *s, double *out, double *work)
{
	size_t i, n = in->n_readings;
	double length = kernel_length(in, &s->kernel), lag = fmin(LAG_STEP_S, STEP_FRACTION * length);
	double box = BOX_STEP * s->kernel.box_s, tau = TAU_STEP * s->kernel.tau_s, first, span, mean2 = 0;
	int code = 0;

	memset(out, 0, 5 * n * sizeof(*out));
	if (in->kernel_sd.lag_s > 0)
		code = difference(in, s, (struct jm_kernel){.lag_s = lag}, (struct jm_kernel){.lag_s = -lag}, 2 * lag, out, work);
	if (code == 0 && in->kernel_sd.box_s > 0 && box > 0)
		code = difference(in, s, (struct jm_kernel){.box_s = box}, (struct jm_kernel){.box_s = -box}, 2 * box, out + n, work);
	if (code == 0 && in->kernel_sd.tau_s > 0) {
		struct jm_kernel down = {.tau_s = -tau};

		if (tau == 0)
			tau = STEP_FRACTION * length;
		code = difference(in, s, (struct jm_kernel){.tau_s = tau}, down, tau - down.tau_s, out + 2 * n, work);
	}
	if (code == 0)
		code = predict(in, s, (struct jm_kernel){0}, work);
	first = in->readings[0].t_s;
	span = in->readings[n - 1].t_s - first;
	for (i = 0; i < n; i++)
		mean2 += exp(-(in->readings[i].t_s - first) / DRIFT_S) / (double)n;
	for (i = 0; i < n && code == 0 && span > 0; i++) {
		double u = 2 * (in->readings[i].t_s - first) / span - 1;

		out[3 * n + i] = work[i] * (in->temperature ? in->temperature[i] / 10 : u);
		out[4 * n + i] = work[i] * (exp(-(in->readings[i].t_s - first) / DRIFT_S) - mean2);
	}
	return code;
}

/* Variance of a reading from the unknown power inside the segments that the kernel's edges cut. */
static double cut_variance(const struct jm_fit_input *in, const struct jm_fit_state *s, const struct jm_forward *f, size_t i)
{
	double width = in->readings[i].width_s > 0 ? in->readings[i].width_s : s->kernel.box_s, sum = 0;
	size_t k;

	if (width > 0 && s->kernel.tau_s > width)
		return 0; /* the low-pass rounds the edges off */
	if (!(width > 0))
		width = s->kernel.tau_s;
	for (k = 0; k < 2 && width > 0; k++) {
		if (f->cut[k].length_s > 0) {
			double e = SHAPE_SD * s->power[f->cut[k].region] * f->cut[k].length_s / width;

			sum += e * e;
		}
	}
	return sum;
}

int jm_gram_rows(const struct jm_fit_input *in, const struct jm_fit_state *state, jm_gram_visit visit, void *ctx)
{
	size_t i, r, n_regions = in->n_regions, n = in->n_readings;
	double *columns = malloc((6 * n + n_regions + JM_GRAM_EXTRA) * sizeof(*columns)), *row = columns + 6 * n;
	struct jm_forward f = {0};
	int code = columns ? nuisance_columns(in, state, columns, columns + 5 * n) : JM_E_NOMEM;

	if (code == 0)
		code = jm_forward_init(&f, in->segments, in->n_segments, n_regions, NULL);
	for (i = 0; i < n && code == 0; i++) {
		double sum = 0, *extra = row + n_regions;

		jm_forward_row(&f, &state->kernel, &in->readings[i], row);
		for (r = 0; r < n_regions; r++)
			sum += row[r];
		extra[JM_GRAM_IDLE] = 1 - sum;
		for (r = 0; r < 5; r++)
			extra[JM_GRAM_LAG + r] = columns[r * n + i];
		extra[JM_GRAM_READING] = in->readings[i].power_w;
		visit(ctx, row, 1 / (state->variance_w2 + cut_variance(in, state, &f, i)),
		      (size_t)((in->readings[i].t_s - in->readings[0].t_s) / in->block_s));
	}
	jm_forward_finish(&f);
	free(columns);
	return code;
}

/* Rows wait until there are several for the same half: then the matrix is walked through once for all of them. */
struct summer {
	struct jm_gram *g;
	double *rows[2]; /* ROWS_AT_ONCE x n */
	size_t n_rows[2];
};

static void flush(struct summer *s, int half)
{
	size_t n = s->g->n, i, j, k;
	double *g = s->g->half[half];
	const double *rows = s->rows[half];

	for (k = s->n_rows[half]; k < ROWS_AT_ONCE; k++)
		memset(s->rows[half] + k * n, 0, n * sizeof(double));
	for (i = 0; i < n; i++) {
		double a[ROWS_AT_ONCE], any = 0, *out = g + i * n;

		for (k = 0; k < ROWS_AT_ONCE; k++) {
			a[k] = rows[k * n + i];
			any += fabs(a[k]);
		}
		if (any == 0)
			continue;
		for (j = 0; j <= i; j++)
			out[j] += ((a[0] * rows[j] + a[1] * rows[n + j]) + (a[2] * rows[2 * n + j] + a[3] * rows[3 * n + j])) +
				  ((a[4] * rows[4 * n + j] + a[5] * rows[5 * n + j]) +
				   (a[6] * rows[6 * n + j] + a[7] * rows[7 * n + j]));
	}
	s->n_rows[half] = 0;
}

static void take_row(void *ctx, const double *row, double weight, size_t block)
{
	struct summer *s = ctx;
	int half = (int)(block & 1);
	double root = sqrt(weight), *out = s->rows[half] + s->n_rows[half] * s->g->n;
	size_t i;

	for (i = 0; i < s->g->n; i++)
		out[i] = row[i] * root;
	s->g->weight += weight;
	s->g->n_readings++;
	if (++s->n_rows[half] == ROWS_AT_ONCE)
		flush(s, half);
}

int jm_gram_sum(struct jm_gram *g, const struct jm_fit_input *in, const struct jm_fit_state *state)
{
	struct summer s = {.g = g};
	int code;

	s.rows[0] = malloc(2 * ROWS_AT_ONCE * g->n * sizeof(double));
	if (!s.rows[0])
		return JM_E_NOMEM;
	s.rows[1] = s.rows[0] + ROWS_AT_ONCE * g->n;
	memset(g->half[0], 0, 2 * g->n * g->n * sizeof(double));
	g->weight = 0;
	g->n_readings = 0;
	code = jm_gram_rows(in, state, take_row, &s);
	if (code == 0) {
		flush(&s, 0);
		flush(&s, 1);
	}
	free(s.rows[0]);
	return code;
}
