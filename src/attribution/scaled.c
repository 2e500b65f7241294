#include "attribution/scaled.h"

#include "core/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMON_SD     0.15
#define CLASS_SD      0.05
#define OWN_SD        0.03
#define NOT_ALONE_SD  0.4
#define BARE_SD       0.5
#define IDLE_SD       0.3
#define UNKNOWN_IDLE  0.5
#define LONG_REST     2 /* responses of the sensor: such rests are seen for themselves, */
#define LONG_REST_SD  0.05
#define CONSTANT_COST 0.5 /* of the way from a cost in proportion to a cost per run, */
#define CONSTANT_SD   0.5 /* and its sd: either may be */
#define GAP_COST      0.5 /* of it that may lie between layers, */
#define GAP_SD        0.5
#define RESOLVED      0.25 /* relative sd above which a figure is none */
#define FAR           3    /* prior sd between the blocks' sum and the channel */
#define N_OUTSIDE     2    /* bare, idle */
#define N_SHARED      3    /* common, a, b */

/* Energies z = centre + own * x + shared * y, all x and y of sd 1. Entries: layers, bare, idle. */
struct parts_model {
	size_t n_layers, n, n_factors; /* n: layers and N_OUTSIDE */
	double *centre, *own;          /* n, J */
	double *shared;                /* n x n_factors, J */
	size_t *classes;               /* n_layers */
	double *times;                 /* n_layers, s: constant_cost_times */
};

/* Times of layers, were the profiler's cost the same for every run of a layer: no less than nothing, and as much in all as the
 * layers have. out: n_layers. */
static void constant_cost_times(const struct jm_work *w, double *out)
{
	double runs = 0, all_s = 0, left_s = 0, cost_s;
	size_t l;

	for (l = 0; l < w->n_layers; l++) {
		runs += w->layers[l].count;
		all_s += w->layers[l].time_s;
	}
	cost_s = runs > 0 ? all_s * (1 / w->stretch - 1) / runs : 0;
	for (l = 0; l < w->n_layers; l++) {
		out[l] = fmax(0, w->layers[l].time_s / w->stretch - cost_s * w->layers[l].count);
		left_s += out[l];
	}
	for (l = 0; l < w->n_layers; l++)
		out[l] *= left_s > 0 ? all_s / left_s : 1;
}

double jm_scaled_displacement(const struct jm_work *w)
{
	double at = 0, most = 0, *times = malloc((w->n_layers + 1) * sizeof(*times));
	size_t l;

	if (!times || !(w->stretch > 0) || !(w->n_iterations > 0)) {
		free(times);
		return NAN;
	}
	constant_cost_times(w, times);
	for (l = 0; l < w->n_layers; l++) {
		at += times[l] - w->layers[l].time_s;
		most = fmax(most, fabs(at));
	}
	free(times);
	return most / w->n_iterations;
}

/* Numbers types in order of their first layer. */
static void number_classes(const struct jm_work *w, size_t *classes)
{
	size_t l, k, n = 0;

	for (l = 0; l < w->n_layers; l++) {
		for (k = 0; k < l && strcmp(w->layers[k].type, w->layers[l].type) != 0;)
			k++;
		classes[l] = k < l ? classes[k] : n++;
	}
}

static void fill_layers(const struct jm_work *w, const struct jm_isolated *isolated, double mean_w, double seen,
			struct parts_model *m)
{
	double layers_s = 0, bare_s = jm_stretches_seconds(&w->bare), gap_part, power_w = 0;
	size_t l;

	for (l = 0; l < w->n_layers; l++)
		layers_s += w->layers[l].time_s;
	/* What scaling took from the layers, were the profiler's cost all between them; no more than there is. */
	gap_part = layers_s > 0 ? fmin(fmax(0, 1 / w->stretch - 1), bare_s / layers_s) : 0;
	for (l = 0; l < w->n_layers; l++) {
		double moved_s, time_s = w->layers[l].time_s * seen, level = isolated->power_w[l],
				*f = m->shared + l * m->n_factors;
		bool is_alone = level > 0;

		level = is_alone ? level : mean_w;
		power_w += level * w->layers[l].time_s / (layers_s > 0 ? layers_s : 1);
		moved_s = m->times[l] * seen - time_s;
		m->centre[l] = level * (time_s * (1 + GAP_COST * gap_part) + CONSTANT_COST * moved_s);
		m->own[l] = m->centre[l] * (is_alone ? OWN_SD : NOT_ALONE_SD);
		if (is_alone && isolated->sd_w[l] > 0)
			m->own[l] = hypot(m->own[l], isolated->sd_w[l] * time_s);
		f[0] = COMMON_SD * m->centre[l];
		f[1] = CONSTANT_SD * level * moved_s;
		f[2] = GAP_SD * gap_part * level * time_s;
		f[N_SHARED + m->classes[l]] = CLASS_SD * m->centre[l];
	}
	m->centre[l] = mean_w * fmax(0, bare_s - GAP_COST * gap_part * layers_s) * seen;
	m->own[l] = BARE_SD * mean_w * bare_s * seen;
	m->shared[l * m->n_factors + 2] = -GAP_SD * gap_part * power_w * layers_s * seen;
}

static void fill_idle(const struct jm_work *w, size_t c, double mean_w, struct parts_model *m)
{
	double rest_s = jm_stretches_seconds(&w->rest), level = UNKNOWN_IDLE * mean_w, sd = UNKNOWN_IDLE * mean_w,
	       seen_s;
	double rest_j = jm_stretches_energy(&w->rest, &w->series[c], &seen_s);
	size_t i = m->n_layers + 1;

	if (w->rest.n > 0 && rest_s / (double)w->rest.n >= LONG_REST * jm_work_response_s(w, c) && seen_s > 0) {
		level = rest_j / seen_s;
		sd = LONG_REST_SD * level;
	} else if (w->baselines[c].is_known) {
		level = w->baselines[c].power_w;
		sd = fmax(IDLE_SD * level, 3 * w->baselines[c].sd_w);
	}
	m->centre[i] = level * rest_s;
	m->own[i] = sd * rest_s;
}

/* Covariance of entry i with the sum of all. */
static double with_sum(const struct parts_model *m, const double *sums, size_t i)
{
	double covariance = m->own[i] * m->own[i];
	size_t k;

	for (k = 0; k < m->n_factors; k++)
		covariance += m->shared[i * m->n_factors + k] * sums[k];
	return covariance;
}

/* Takes in the one measurement. variance: of the total, J^2. gain, prior: room for n each. Gives by how many sd the sum known
 * before is off. */
static double close_sum(struct parts_model *m, double total_j, double variance, double *sums, double *gain,
			double *posterior)
{
	double off = total_j, all = variance;
	size_t i, k;

	for (i = 0; i < m->n; i++) {
		off -= m->centre[i];
		for (k = 0; k < m->n_factors; k++)
			sums[k] += m->shared[i * m->n_factors + k];
	}
	for (i = 0; i < m->n; i++)
		all += gain[i] = with_sum(m, sums, i);
	for (i = 0; i < m->n; i++) {
		posterior[i] = m->own[i] * m->own[i] - gain[i] * gain[i] / all;
		for (k = 0; k < m->n_factors; k++)
			posterior[i] += m->shared[i * m->n_factors + k] * m->shared[i * m->n_factors + k];
		m->centre[i] = fmax(0, m->centre[i] + gain[i] / all * off);
	}
	return off / sqrt(all);
}

static void fill_parts(const struct jm_work *w, const struct jm_isolated *isolated, const struct parts_model *m,
		       const double *posterior, double seen, struct jm_part *parts)
{
	size_t l;

	for (l = 0; l < w->n_layers; l++) {
		struct jm_part *p = &parts[l];
		double sd = sqrt(fmax(0, posterior[l]));

		*p = (struct jm_part){.energy_j = m->centre[l], .variance_j2 = sd * sd, .group = -1};
		p->seen_s = w->layers[l].time_s * seen;
		p->origin = JM_ORIGIN_PRIOR;
		p->resolvable = p->seen_s == 0 || sd <= RESOLVED * m->centre[l];
		if (!p->resolvable)
			snprintf(p->reason, sizeof(p->reason),
				 isolated->power_w[l] > 0
				     ? "known within %.0f %% only: short against the profiler's cost"
				     : "known within %.0f %% only: it was not run alone",
				 100 * sd / m->centre[l]);
		else
			snprintf(p->reason, sizeof(p->reason),
				 "power %salone times scaled time, brought to the measured sum; its interval holds the "
				 "profiler's distortion",
				 isolated->power_w[l] > 0 && isolated->n_blocks[l] == 0 ? "of an identical layer "
											: "");
	}
}

static int alloc_model(struct parts_model *m, const struct jm_work *w, double **work)
{
	m->n_layers = w->n_layers;
	m->n = w->n_layers + N_OUTSIDE;
	m->n_factors = N_SHARED + w->n_layers; /* at most a class a layer */
	m->centre = calloc(2 * m->n + m->n * m->n_factors + 3 * m->n + m->n_factors, sizeof(double));
	m->classes = calloc(m->n, sizeof(*m->classes));
	if (!m->centre || !m->classes) {
		free(m->centre);
		free(m->classes);
		return JM_E_NOMEM;
	}
	number_classes(w, m->classes);
	m->own = m->centre + m->n;
	m->shared = m->own + m->n;
	m->times = m->shared + m->n * m->n_factors;
	*work = m->times + m->n;
	constant_cost_times(w, m->times);
	return 0;
}

int jm_scaled_estimate(const struct jm_work *w, size_t c, const struct jm_isolated *isolated, struct jm_part *parts,
		       struct jm_levels *levels, struct jm_error *err)
{
	struct parts_model m;
	double *work, seen_s, total_j = jm_stretches_energy(&w->windows, &w->series[c], &seen_s), variance = 0,
			      before = 0, after = 0, off, seen = w->windows_s > 0 ? seen_s / w->windows_s : 0, mean_w;
	size_t i;

	if (alloc_model(&m, w, &work) < 0)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for %zu layers", w->n_layers);
	mean_w = seen_s > 0 ? total_j / seen_s : 0;
	fill_layers(w, isolated, mean_w, seen, &m);
	fill_idle(w, c, mean_w, &m);
	for (i = 0; i < w->windows.n; i++)
		variance += jm_series_variance(&w->series[c], w->windows.items[i].start_ns, w->windows.items[i].end_ns);
	for (i = 0; i < w->n_layers; i++)
		before += m.centre[i];
	off = close_sum(&m, total_j, variance, work, work + m.n_factors, work + m.n_factors + m.n);
	for (i = 0; i < w->n_layers; i++)
		after += m.centre[i];
	fill_parts(w, isolated, &m, work + m.n_factors + m.n, seen, parts);
	levels->is_known = true;
	levels->bare_j = m.centre[m.n_layers];
	levels->idle_j = m.centre[m.n_layers + 1];
	snprintf(levels->reason, sizeof(levels->reason),
		 "layers alone (%zu of %zu) times scaled times, brought to the measured sum by %+.2g %%; profiled "
		 "inferences "
		 "take %.3g times as long, which moves layers by up to %.2g ms%s",
		 isolated->n_known, w->n_layers, before > 0 ? 100 * (after / before - 1) : 0, 1 / w->stretch,
		 1e3 * jm_scaled_displacement(w),
		 fabs(off) > FAR ? "; blocks and whole differ by more than their errors allow" : "");
	free(m.centre);
	free(m.classes);
	return 0;
}
