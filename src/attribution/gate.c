#include "attribution/gate.h"

#include "core/units.h"

#include <math.h>
#include <stdlib.h>

#define GATE_NOISE      1.5   /* residual above so many times what noise allows is a misfit, */
#define GATE_SWING      0.05  /* unless it is below this part of the swing, which real kernels leave */
#define GATE_SHARED     0.75  /* and a model that leaves this part of what one power for all leaves explains nothing */
#define WOBBLE          0.005 /* from one iteration to the next, of its power */
#define N_PHASES        16
#define N_LAGS          8
#define MIN_CORRELATION 0.3 /* sum of squares of N_LAGS autocorrelations: white noise has N_LAGS / readings */
#define MAX_STRAYING    0.1 /* of the mean power */
#define MIN_PER_PHASE   10
#define MIN_ITERATIONS  20

/* Prediction at a lag moved by shift_s. power: per region. */
static int predict(const struct jm_estimate *e, const struct jm_estimate_input *in, const double *power, double shift_s,
		   double *out)
{
	struct jm_kernel kernel = e->fit.kernel;

	kernel.lag_s += shift_s;
	return jm_forward_predict(in->segments, in->fit.n_segments, in->fit.n_regions, power, e->fit.idle_w, &kernel,
				  in->readings, in->fit.n_readings, out);
}

/* Rms of what updates that stray from the clock by a known sd make of the model's slope, W. work: two rows of readings. */
static int slope_noise(const struct jm_estimate *e, const struct jm_estimate_input *in, const double *power,
		       double clock_sd_s, double *work, double *out)
{
	size_t n = in->fit.n_readings, k;
	double sum = 0;
	int code = predict(e, in, power, clock_sd_s, work);

	if (code == 0)
		code = predict(e, in, power, -clock_sd_s, work + n);
	for (k = 0; code == 0 && k < n; k++)
		sum += (work[k] - work[n + k]) * (work[k] - work[n + k]) / 4;
	*out = code == 0 && n > 0 ? sqrt(sum / (double)n) : 0;
	return code;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Rms of the part of the residual that the phase within the iteration explains, W, freed of what chance explains. */
static double phase_part(const struct jm_work *w, const struct jm_estimate *e, const struct jm_estimate_input *in,
			 const double *residual, double *lengths)
{
	double sum[N_PHASES + 1] = {0}, count[N_PHASES + 1] = {0}, squares = 0, between = 0, n = 0, used = 0, median;
	size_t i, at = 0, p;

	for (i = 0; i < w->iterations.n; i++)
		lengths[i] = jm_s_from_ns(w->iterations.items[i].end_ns - w->iterations.items[i].start_ns);
	qsort(lengths, w->iterations.n, sizeof(*lengths), compare_doubles);
	median = lengths[w->iterations.n / 2];
	for (i = 0; i < in->fit.n_readings; i++) {
		double t = in->readings[i].t_s - in->readings[i].width_s / 2 - e->fit.kernel.lag_s, phase;

		while (at + 1 < w->iterations.n &&
		       jm_s_from_ns(w->iterations.items[at + 1].start_ns - in->origin_ns) <= t)
			at++;
		phase = (t - jm_s_from_ns(w->iterations.items[at].start_ns - in->origin_ns)) / median;
		p = phase >= 0 && phase < 1 ? (size_t)(phase * N_PHASES)
					    : N_PHASES; /* the last: in the rest after it */
		sum[p] += residual[i];
		count[p]++;
	}
	for (p = 0; p <= N_PHASES; p++) {
		if (count[p] < MIN_PER_PHASE)
			continue;
		between += sum[p] * sum[p] / count[p];
		n += count[p];
		used++;
	}
	for (i = 0; i < in->fit.n_readings; i++)
		squares += residual[i] * residual[i] / (double)in->fit.n_readings;
	return n > 0 ? sqrt(fmax(0, between - used * squares) / n) : INFINITY;
}

/* Sum of the squares of autocorrelations of the residual, from readings that see different iterations; *first_out: the first. */
static double correlation(const struct jm_work *w, const struct jm_estimate_input *in, const double *residual,
			  double *first_out)
{
	double iteration_s = w->n_iterations > 0 ? w->busy_s / w->n_iterations : 0, squares = 0, total = 0;
	size_t n = in->fit.n_readings, first = 1, lag, k;

	while (first < n && in->readings[first].t_s - in->readings[0].t_s < iteration_s)
		first++;
	for (k = 0; k < n; k++)
		squares += residual[k] * residual[k];
	for (lag = first; lag < first + N_LAGS && lag < n; lag++) {
		double sum = 0;

		for (k = lag; k < n; k++)
			sum += residual[k] * residual[k - lag];
		total += squares > 0 ? sum * sum / (squares * squares) : 0;
		if (lag == first)
			*first_out = squares > 0 ? sum / squares : 0;
	}
	return total;
}

/* Finds whether the power strays slowly; if so, and the rest is within the gate, that is no misfit. residual: room for a row. */
static int judge_straying(const struct jm_work *w, const struct jm_response *r, const struct jm_estimate_input *in,
			  const double *power, struct jm_estimate *e, double *residual)
{
	double *lengths = malloc((w->iterations.n + 1) * sizeof(*lengths)), mean = 0, first = 0, total;
	size_t k, n = in->fit.n_readings;
	int code = lengths ? predict(e, in, power, 0, residual) : JM_E_NOMEM;

	for (k = 0; code == 0 && k < n; k++) {
		residual[k] = in->readings[k].power_w - residual[k];
		mean += in->readings[k].power_w / (double)n;
	}
	if (code == 0) {
		total = correlation(w, in, residual, &first);
		e->phase_w = phase_part(w, e, in, residual, lengths);
		e->is_straying = total >= MIN_CORRELATION && first > 0 && e->fit.residual_w <= MAX_STRAYING * mean;
		if (e->is_straying)
			e->straying = sqrt(first) * e->fit.residual_w / mean;
		e->is_misfit = e->is_misfit && !(e->is_straying && r->is_lag_anchored && e->phase_w <= e->gate_w);
	}
	free(lengths);
	return code;
}

int jm_estimate_gate(const struct jm_work *w, const struct jm_response *r, const struct jm_isolated *isolated,
		     const struct jm_estimate_input *in, struct jm_estimate *e)
{
	double wobble = isolated && isolated->block_sd > WOBBLE ? isolated->block_sd : WOBBLE, highest = e->fit.idle_w;
	size_t n = in->fit.n_readings, l;
	double *work = malloc((2 * n + in->fit.n_regions + 1) * sizeof(*work)), *power = work + 2 * n, slope = 0;
	int code = work ? 0 : JM_E_NOMEM;

	for (l = 0; l < e->fit.n_layers; l++)
		highest = fmax(highest, e->fit.power_w[l]);
	for (l = 0; code == 0 && l < in->fit.n_regions; l++)
		power[l] = e->fit.power_w[in->regions[l].layer];
	if (code == 0 && r->clock_sd_s > 0)
		code = slope_noise(e, in, power, r->clock_sd_s, work, &slope);
	e->expected_w = sqrt(r->noise_w * r->noise_w + slope * slope + wobble * highest * wobble * highest);
	e->gate_w = fmax(GATE_NOISE * e->expected_w, GATE_SWING * e->fit.swing_w);
	e->is_misfit = e->fit.residual_w > e->gate_w;
	if (code == 0 && isolated && w->iterations.n >= MIN_ITERATIONS)
		code = judge_straying(w, r, in, power, e, work);
	/* A reading that hardly moves cannot be explained by layers, and need not be. Where layers were run alone, layers that all
	 * draw about the same leave as much as one power for all, and are no worse known for that. */
	if (!isolated && e->fit.shared_w > 2 * e->expected_w && e->fit.residual_w > GATE_SHARED * e->fit.shared_w)
		e->is_misfit = true;
	free(work);
	return code;
}
