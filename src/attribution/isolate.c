/* isolate: power_l = mean of the readings that lie wholly inside blocks in which l ran alone; energy_l = power_l * time_l in
 * situ. A slow common factor (heat) is divided out: reading = power_l * (1 + pass_j), pass j = the j-th block of each layer,
 * mean of the passes zero. Wrong when a layer alone does not draw what it draws among others: warm cache, other clocks, a loop
 * that waits for launches. `fused` corrects that. */
#include "attribution/estimate.h"

#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_CONSTANTS 5 /* time constants after the start of a block: what was before is down to 0.7 % */
#define N_ROUNDS         10

struct block {
	int64_t start_ns, end_ns;
	uint32_t layer, pass;
	double mean_w;
	size_t n;
};

static int compare_blocks(const void *a, const void *b)
{
	const struct block *x = a, *y = b;

	return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static void read_block(const struct jm_series *s, const struct jm_response *r, struct block *b)
{
	int64_t lag_ns = (int64_t)(r->lag_s * 1e9),
		settle_ns = (int64_t)((r->box_s + SETTLE_CONSTANTS * r->tau_s) * 1e9);
	size_t low = 0, high = s->n_readings;
	double sum = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->readings[middle].t_ns < b->start_ns + lag_ns + settle_ns)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < s->n_readings && s->readings[low].t_ns - lag_ns <= b->end_ns; low++) {
		if (s->readings[low].span_ns > 0 &&
		    s->readings[low].t_ns - s->readings[low].span_ns < b->start_ns + lag_ns)
			continue;
		sum += s->readings[low].power_w;
		b->n++;
	}
	b->mean_w = b->n ? sum / (double)b->n : NAN;
}

/* Collects the blocks of known layers that hold a reading. Gives how many, or a negative code. */
static long take_blocks(const struct jm_work *w, size_t c, struct block *blocks)
{
	struct jm_response r = jm_estimate_response(w, c, NULL);
	uint32_t *passes = calloc(w->n_layers + 1, sizeof(*passes));
	size_t i, n = 0, n_kept = 0;

	if (!passes)
		return JM_E_NOMEM;
	for (i = 0; i < w->in->n_layers; i++) {
		const struct jm_span *s = &w->in->layers[i];

		if (!(s->flags & JM_SPAN_ISOLATED) || w->layer_of_name[s->name] == JM_NO_LAYER)
			continue;
		blocks[n] = (struct block){s->start_ns, s->end_ns, w->layer_of_name[s->name], 0, 0, 0};
		read_block(&w->series[c], &r, &blocks[n]);
		n += blocks[n].n > 0;
	}
	qsort(blocks, n, sizeof(*blocks), compare_blocks);
	for (i = 0; i < n; i++) {
		blocks[i].pass = passes[blocks[i].layer]++;
		n_kept++;
	}
	free(passes);
	return (long)n_kept;
}

/* Alternates between layer levels and pass effects. passes: room for n; gives the sd of a block about the model. */
static double fit_levels(const struct block *blocks, size_t n, struct jm_isolated *out, size_t n_layers, double *work)
{
	double *passes = work, *sums = work + n, *counts = sums + (n > n_layers ? n : n_layers), error = 0;
	size_t round, i, n_sum = n > n_layers ? n : n_layers, n_passes = 0;

	for (i = 0; i < n; i++)
		n_passes = blocks[i].pass + 1u > n_passes ? blocks[i].pass + 1u : n_passes;
	memset(passes, 0, n * sizeof(*passes));
	for (round = 0; round < N_ROUNDS; round++) {
		double mean = 0;

		memset(sums, 0, n_sum * sizeof(*sums));
		memset(counts, 0, n_sum * sizeof(*counts));
		for (i = 0; i < n; i++) {
			sums[blocks[i].layer] += (double)blocks[i].n * blocks[i].mean_w / (1 + passes[blocks[i].pass]);
			counts[blocks[i].layer] += (double)blocks[i].n;
		}
		for (i = 0; i < n_layers; i++)
			out->power_w[i] = counts[i] > 0 ? sums[i] / counts[i] : NAN;
		memset(sums, 0, n_sum * sizeof(*sums));
		memset(counts, 0, n_sum * sizeof(*counts));
		for (i = 0; i < n; i++) {
			sums[blocks[i].pass] += blocks[i].mean_w / out->power_w[blocks[i].layer] - 1;
			counts[blocks[i].pass] += 1;
		}
		for (i = 0; i < n_passes; i++)
			mean += (passes[i] = sums[i] / counts[i]) / (double)n_passes;
		for (i = 0; i < n_passes; i++)
			passes[i] -= mean;
	}
	for (i = 0; i < n; i++) {
		double e = blocks[i].mean_w / out->power_w[blocks[i].layer] / (1 + passes[blocks[i].pass]) - 1;

		error += e * e;
	}
	return sqrt(error / fmax(1, (double)n - (double)n_layers));
}

int jm_isolated_init(struct jm_isolated *out, const struct jm_work *w, size_t c, struct jm_error *err)
{
	size_t n_layers = w->n_layers, n_work, i;
	struct block *blocks = malloc((w->in->n_layers + 1) * sizeof(*blocks));
	double *work = NULL, sd;
	long n = blocks ? take_blocks(w, c, blocks) : JM_E_NOMEM;

	memset(out, 0, sizeof(*out));
	n_work = n >= 0 ? (size_t)n + 2 * ((size_t)n > n_layers ? (size_t)n : n_layers) + 1 : 0;
	out->power_w = malloc((2 * n_layers + 1) * sizeof(double));
	work = n >= 0 ? malloc(n_work * sizeof(*work)) : NULL;
	if (n < 0 || !out->power_w || !work) {
		free(blocks);
		free(work);
		jm_isolated_finish(out);
		return jm_error_set(err, JM_E_NOMEM, "out of memory for isolated blocks");
	}
	out->sd_w = out->power_w + n_layers;
	sd = fit_levels(blocks, (size_t)n, out, n_layers, work);
	for (i = 0; i < n_layers; i++)
		work[i] = 0;
	for (i = 0; i < (size_t)n; i++)
		work[blocks[i].layer]++;
	for (i = 0; i < n_layers; i++) {
		out->sd_w[i] = work[i] > 0 ? fmax(sd, 1e-3) * out->power_w[i] / sqrt(work[i]) : NAN;
		out->n_known += work[i] > 0;
	}
	free(blocks);
	free(work);
	return 0;
}

void jm_isolated_finish(struct jm_isolated *i)
{
	free(i->power_w);
	memset(i, 0, sizeof(*i));
}
