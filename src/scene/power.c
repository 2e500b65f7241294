#include "scene/scene.h"

#include <math.h>
#include <stdlib.h>

int jm_power_buckets_init(struct jm_power_buckets *b, int64_t start_ns, int64_t end_ns, size_t n)
{
	size_t i;

	*b = (struct jm_power_buckets){.start_ns = start_ns, .n = n};
	b->bucket_ns = (double)(end_ns - start_ns) / (double)n;
	b->min_w = malloc(n * sizeof(*b->min_w));
	b->max_w = malloc(n * sizeof(*b->max_w));
	b->energy_j = calloc(n, sizeof(*b->energy_j));
	b->seen_s = calloc(n, sizeof(*b->seen_s));
	if (!b->min_w || !b->max_w || !b->energy_j || !b->seen_s) {
		jm_power_buckets_finish(b);
		return JM_E_NOMEM;
	}
	for (i = 0; i < n; i++)
		b->min_w[i] = b->max_w[i] = NAN;
	return 0;
}

void jm_power_buckets_finish(struct jm_power_buckets *b)
{
	free(b->min_w);
	free(b->max_w);
	free(b->energy_j);
	free(b->seen_s);
	*b = (struct jm_power_buckets){0};
}

double jm_power_buckets_mean_w(const struct jm_power_buckets *b, size_t i)
{
	return b->seen_s[i] > 0 ? b->energy_j[i] / b->seen_s[i] : NAN;
}

/* The stretch [from, to) of a bucket, ns from the first one's start, with the power at both ends. */
static void add_part(struct jm_power_buckets *b, size_t i, double from, double to, double from_w, double to_w)
{
	double seconds = (to - from) * 1e-9, low = from_w < to_w ? from_w : to_w, high = from_w < to_w ? to_w : from_w;

	if (!(to > from))
		return;
	b->energy_j[i] += seconds * (from_w + to_w) / 2;
	b->seen_s[i] += seconds;
	if (!(b->min_w[i] <= low))
		b->min_w[i] = (float)low;
	if (!(b->max_w[i] >= high))
		b->max_w[i] = (float)high;
}

void jm_power_buckets_add(struct jm_power_buckets *b, const struct jm_power_piece *piece)
{
	double start = (double)(piece->start_ns - b->start_ns), end = (double)(piece->end_ns - b->start_ns);
	double slope = end > start ? ((double)piece->end_w - (double)piece->start_w) / (end - start) : 0;
	double last = b->bucket_ns * (double)b->n, at = start > 0 ? start : 0, stop = end < last ? end : last;
	size_t i = (size_t)(at / b->bucket_ns);

	for (; at < stop && i < b->n; i++) {
		double edge = b->bucket_ns * (double)(i + 1), to = edge < stop ? edge : stop;

		add_part(b, i, at, to, (double)piece->start_w + slope * (at - start),
			 (double)piece->start_w + slope * (to - start));
		at = to > at ? to : at;
	}
}
