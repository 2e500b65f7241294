/* isolate: power_l = mean over the blocks in which l ran alone; energy_l = power_l * time_l in situ. A slow common factor
 * (heat) is divided out: block = power_l * (1 + pass_j), pass j = the j-th block of each layer, mean of the passes zero.
 *
 * Variance of a level, of what the sensor showed:
 *   spread^2 / n      between the n blocks of the layer, passes taken out: the layer's own, with POOL_FREEDOM degrees of
 *                     freedom of all layers' pooled spread added, since a few blocks tell their spread badly; widened by
 *                     what Student's t has over the normal at so many degrees of freedom
 *   pass^2 / passes   the passes' mean is what the level is of, and they stray
 *   quantum^2         of a gauge step / sqrt(12), of a counter step / sqrt(6) over a block: readings of one value share its
 *                     error, so it is not averaged down
 * Without a spread (one block each, or a constant gauge of unknown quantum) there is no interval.
 * Wrong when: a layer alone does not draw what it draws among others: warm cache, other clocks, a loop that waits for
 * launches. `fused` corrects that. */
#include "attribution/isolate.h"

#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_CONSTANTS 5 /* time constants after the start of a block: what was before is down to 0.7 % */
#define N_ROUNDS         10
#define POOL_FREEDOM     4.0
#define N_ARRAYS         6

struct block {
	int64_t start_ns, end_ns;
	uint32_t layer, pass;
	double mean_w, settle_w; /* settle: second half of its readings less the first; NAN: too few */
	double call_s;           /* NAN: unknown */
	size_t n;
};

static int compare_blocks(const void *a, const void *b)
{
	const struct block *x = a, *y = b;

	return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static size_t first_after(const struct jm_series *s, int64_t t_ns)
{
	size_t low = 0, high = s->n_readings;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->readings[middle].t_ns < t_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void read_block(const struct jm_series *s, const struct jm_response *r, struct block *b)
{
	int64_t lag_ns = (int64_t)(r->lag_s * 1e9),
		settle_ns = (int64_t)((r->box_s + SETTLE_CONSTANTS * r->tau_s) * 1e9),
		middle_ns = b->start_ns + lag_ns + settle_ns / 2 + (b->end_ns - b->start_ns) / 2;
	size_t i = first_after(s, b->start_ns + lag_ns + settle_ns), n_late = 0;
	double sum = 0, late = 0;

	for (; i < s->n_readings && s->readings[i].t_ns - lag_ns <= b->end_ns; i++) {
		const struct jm_reading *k = &s->readings[i];

		/* A counter's reading is a mean since the one before: that must lie inside, too. */
		if (k->span_ns > 0 && k->t_ns - k->span_ns < b->start_ns + lag_ns)
			continue;
		sum += k->power_w;
		b->n++;
		if (k->t_ns - k->span_ns / 2 < middle_ns)
			continue;
		late += k->power_w;
		n_late++;
	}
	b->mean_w = b->n ? sum / (double)b->n : NAN;
	b->settle_w = NAN;
	if (n_late > 0 && n_late < b->n)
		b->settle_w = late / (double)n_late - (sum - late) / (double)(b->n - n_late);
}

/* Collects the blocks of known layers that hold a reading, by start. Gives how many, or a negative code. */
static long take_blocks(const struct jm_work *w, size_t c, const struct jm_response *r, struct block *blocks)
{
	uint32_t *passes = calloc(w->n_layers + 1, sizeof(*passes));
	size_t i, n = 0;

	if (!passes)
		return JM_E_NOMEM;
	for (i = 0; i < w->in->n_layers; i++) {
		const struct jm_span *s = &w->in->layers[i];
		struct block *b = &blocks[n];

		if (!(s->flags & JM_SPAN_ISOLATED) || w->layer_of_name[s->name] == JM_NO_LAYER)
			continue;
		*b = (struct block){.start_ns = s->start_ns, .end_ns = s->end_ns, .layer = w->layer_of_name[s->name]};
		b->call_s = NAN;
		if (s->iteration > 0 && s->iteration != JM_NO_ITERATION)
			b->call_s = jm_s_from_ns(s->end_ns - s->start_ns) / (double)s->iteration;
		read_block(&w->series[c], r, b);
		n += b->n > 0;
	}
	if (n > 0)
		qsort(blocks, n, sizeof(*blocks), compare_blocks);
	for (i = 0; i < n; i++)
		blocks[i].pass = passes[blocks[i].layer]++;
	free(passes);
	return (long)n;
}

/* Sums by layer or by pass. */
struct tally {
	double sum, weight;
};

static size_t count_passes(const struct block *blocks, size_t n)
{
	size_t i, n_passes = 0;

	for (i = 0; i < n; i++)
		n_passes = blocks[i].pass + 1u > n_passes ? blocks[i].pass + 1u : n_passes;
	return n_passes;
}

/* Alternates between layer levels and pass effects. passes: n_passes entries. tallies: room for the more of both. */
static void fit_levels(const struct block *blocks, size_t n, double *power_w, size_t n_layers, double *passes,
		       size_t n_passes, struct tally *tallies)
{
	size_t round, i;

	memset(passes, 0, n_passes * sizeof(*passes));
	for (round = 0; round < N_ROUNDS; round++) {
		double mean = 0;

		memset(tallies, 0, n_layers * sizeof(*tallies));
		for (i = 0; i < n; i++) {
			tallies[blocks[i].layer].sum +=
			    (double)blocks[i].n * blocks[i].mean_w / (1 + passes[blocks[i].pass]);
			tallies[blocks[i].layer].weight += (double)blocks[i].n;
		}
		for (i = 0; i < n_layers; i++)
			power_w[i] = tallies[i].weight > 0 ? tallies[i].sum / tallies[i].weight : NAN;
		memset(tallies, 0, n_passes * sizeof(*tallies));
		for (i = 0; i < n; i++) {
			double level = power_w[blocks[i].layer];

			if (!(level > 0))
				continue;
			tallies[blocks[i].pass].sum += blocks[i].mean_w / level - 1;
			tallies[blocks[i].pass].weight += 1;
		}
		for (i = 0; i < n_passes; i++)
			mean += (passes[i] = tallies[i].weight > 0 ? tallies[i].sum / tallies[i].weight : 0) /
				(double)n_passes;
		for (i = 0; i < n_passes; i++)
			passes[i] -= mean;
	}
}

/* 97.5 % quantile of Student's t against that of the normal: Cornish-Fisher, good to 2 % from three degrees on. */
static double student_factor(double freedom)
{
	double z2 = 1.959964 * 1.959964;

	return 1 + (z2 + 1) / (4 * freedom) + (5 * z2 * z2 + 16 * z2 + 3) / (96 * freedom * freedom);
}

/* Spread of blocks about level and pass, per layer and pooled, to the sd of levels. squares: room for n_layers. */
static void fill_spread(const struct block *blocks, size_t n, struct jm_isolated *out, size_t n_layers,
			const double *passes, size_t n_passes, double quantum_w, struct tally *squares)
{
	double pooled = 0, freedom = 0, pass2 = 0;
	size_t i;

	memset(squares, 0, n_layers * sizeof(*squares));
	for (i = 0; i < n; i++) {
		double level = out->power_w[blocks[i].layer],
		       e = blocks[i].mean_w / level / (1 + passes[blocks[i].pass]) - 1;

		if (!(level > 0))
			continue;
		squares[blocks[i].layer].sum += e * e;
		squares[blocks[i].layer].weight += 1;
	}
	for (i = 0; i < n_layers; i++) {
		pooled += squares[i].sum;
		freedom += fmax(0, squares[i].weight - 1);
	}
	freedom -= (double)n_passes - 1;
	pooled = freedom > 0 ? pooled / freedom : NAN;
	out->block_sd = sqrt(pooled);
	for (i = 0; i < n_passes; i++)
		pass2 += passes[i] * passes[i] / fmax(1, (double)n_passes - 1);
	out->shared_sd = sqrt(pass2 / (double)(n_passes > 0 ? n_passes : 1));
	for (i = 0; i < n_layers; i++) {
		double m = squares[i].weight, shared = fmin(POOL_FREEDOM, freedom), own, variance;

		out->sd_w[i] = NAN;
		if (m == 0 || !(freedom > 0))
			continue;
		own = (squares[i].sum + shared * pooled) / (m - 1 + shared);
		variance = own / m * pow(student_factor(m - 1 + shared), 2) + pass2 / (double)n_passes;
		variance = variance * out->power_w[i] * out->power_w[i] + quantum_w * quantum_w;
		/* Rounding is no spread. */
		if (variance > 1e-18 * out->power_w[i] * out->power_w[i])
			out->sd_w[i] = sqrt(variance);
	}
}

/* Mean and its sd over a layer's blocks of what a block says of itself. value: offset of a double in struct block. */
static void average(const struct block *blocks, size_t n, size_t value, double *mean, double *sd, size_t n_layers,
		    struct tally *tallies)
{
	size_t i;
	double x;

	memset(tallies, 0, n_layers * sizeof(*tallies));
	for (i = 0; i < n; i++) {
		memcpy(&x, (const char *)&blocks[i] + value, sizeof(x));
		if (isnan(x))
			continue;
		tallies[blocks[i].layer].sum += x;
		tallies[blocks[i].layer].weight++;
	}
	for (i = 0; i < n_layers; i++) {
		mean[i] = tallies[i].weight > 0 ? tallies[i].sum / tallies[i].weight : NAN;
		tallies[i].sum = 0;
	}
	for (i = 0; i < n && sd; i++) {
		memcpy(&x, (const char *)&blocks[i] + value, sizeof(x));
		if (!isnan(x))
			tallies[blocks[i].layer].sum += (x - mean[blocks[i].layer]) * (x - mean[blocks[i].layer]);
	}
	for (i = 0; i < n_layers && sd; i++)
		sd[i] =
		    tallies[i].weight > 1 ? sqrt(tallies[i].sum / (tallies[i].weight - 1) / tallies[i].weight) : NAN;
}

static int describe(struct jm_isolated *out, const struct block *blocks, size_t n, size_t n_layers, double quantum_w)
{
	size_t n_passes = count_passes(blocks, n), more = n_passes > n_layers ? n_passes : n_layers, i;
	struct tally *tallies = calloc(more + 1, sizeof(*tallies));
	double *passes = calloc(n_passes + 1, sizeof(*passes));

	if (!tallies || !passes) {
		free(tallies);
		free(passes);
		return JM_E_NOMEM;
	}
	fit_levels(blocks, n, out->power_w, n_layers, passes, n_passes, tallies);
	fill_spread(blocks, n, out, n_layers, passes, n_passes, quantum_w, tallies);
	for (i = 0; i < n_layers; i++) {
		out->n_blocks[i] = tallies[i].weight;
		out->n_known += !isnan(out->power_w[i]); /* of those run alone */
	}
	average(blocks, n, offsetof(struct block, settle_w), out->settle_w, out->settle_sd_w, n_layers, tallies);
	average(blocks, n, offsetof(struct block, call_s), out->call_s, NULL, n_layers, tallies);
	free(tallies);
	free(passes);
	return 0;
}

/* A layer that was not run alone has the mean power of identical ones that were. */
static void take_twins(const struct jm_work *w, struct jm_isolated *out)
{
	double *const arrays[] = {out->sd_w, out->call_s, out->settle_w, out->settle_sd_w};
	size_t *first = malloc((w->in->n_names + 1) * sizeof(*first)), l, k;
	struct tally *tallies = calloc(w->in->n_names + 1, sizeof(*tallies));

	for (l = 0; l < w->n_layers && first && tallies; l++) {
		uint32_t tie = w->in->ties[w->layers[l].name];

		if (isnan(out->power_w[l]))
			continue;
		first[tie] = tallies[tie].weight > 0 ? first[tie] : l;
		tallies[tie].sum += out->power_w[l];
		tallies[tie].weight++;
	}
	for (l = 0; l < w->n_layers && first && tallies; l++) {
		uint32_t tie = w->in->ties[w->layers[l].name];

		if (!isnan(out->power_w[l]) || tallies[tie].weight == 0)
			continue;
		for (k = 0; k < sizeof(arrays) / sizeof(arrays[0]); k++)
			arrays[k][l] = arrays[k][first[tie]];
		out->power_w[l] = tallies[tie].sum / tallies[tie].weight;
		out->sd_w[l] = hypot(out->sd_w[l], JM_TIED_SD * out->power_w[l]);
	}
	/* Without memory they stay unknown, which is no error. */
	free(first);
	free(tallies);
}

/* What the sensor's steps alone leave open of a block's mean, W. */
static double quantum(const struct jm_series *s, const struct block *blocks, size_t n)
{
	if (!s->is_counter)
		return s->step_w / sqrt(12);
	return n > 0 ? s->step_j / sqrt(6) / jm_s_from_ns(blocks[n / 2].end_ns - blocks[n / 2].start_ns) : 0;
}

int jm_isolated_init(struct jm_isolated *out, const struct jm_work *w, size_t c, const struct jm_response *r,
		     struct jm_error *err)
{
	size_t n_layers = w->n_layers, stride = n_layers + 1;
	struct block *blocks = malloc((w->in->n_layers + 1) * sizeof(*blocks));
	long n = blocks ? take_blocks(w, c, r, blocks) : JM_E_NOMEM;

	memset(out, 0, sizeof(*out));
	out->power_w = calloc(N_ARRAYS * stride, sizeof(double));
	if (out->power_w) {
		out->sd_w = out->power_w + stride;
		out->call_s = out->sd_w + stride;
		out->settle_w = out->call_s + stride;
		out->settle_sd_w = out->settle_w + stride;
		out->n_blocks = out->settle_sd_w + stride;
	}
	if (n < 0 || !out->power_w ||
	    describe(out, blocks, (size_t)n, n_layers, quantum(&w->series[c], blocks, (size_t)n)) < 0) {
		free(blocks);
		jm_isolated_finish(out);
		return jm_error_set(err, JM_E_NOMEM, "out of memory for isolated blocks");
	}
	free(blocks);
	if (w->in->ties)
		take_twins(w, out);
	return 0;
}

void jm_isolated_finish(struct jm_isolated *i)
{
	free(i->power_w);
	memset(i, 0, sizeof(*i));
}
