#include "attribution/stretch.h"

#include "core/grow.h"
#include "core/order.h"
#include "core/units.h"

#include <stdlib.h>
#include <string.h>

void jm_stretches_finish(struct jm_stretches *s)
{
	free(s->items);
	memset(s, 0, sizeof(*s));
}

int jm_stretches_add(struct jm_stretches *s, int64_t start_ns, int64_t end_ns)
{
	if (end_ns <= start_ns)
		return 0;
	if (!jm_grow(&s->items, &s->capacity, s->n, sizeof(*s->items)))
		return JM_E_NOMEM;
	s->items[s->n++] = (struct jm_stretch){start_ns, end_ns};
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct jm_stretch *x = a, *y = b;

	return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

void jm_stretches_sort(struct jm_stretches *s)
{
	if (s->n > 1)
		jm_order_sort(s->items, s->n, sizeof(*s->items), compare);
}

void jm_stretches_merge(struct jm_stretches *s)
{
	size_t i, n = 0;

	if (s->n == 0)
		return;
	jm_stretches_sort(s);
	for (i = 1; i < s->n; i++) {
		if (s->items[i].start_ns > s->items[n].end_ns)
			s->items[++n] = s->items[i];
		else if (s->items[i].end_ns > s->items[n].end_ns)
			s->items[n].end_ns = s->items[i].end_ns;
	}
	s->n = n + 1;
}

int jm_stretches_and(const struct jm_stretches *a, const struct jm_stretches *b, struct jm_stretches *out)
{
	size_t i = 0, j = 0;
	int code = 0;

	while (i < a->n && j < b->n && code == 0) {
		int64_t start = a->items[i].start_ns, end = a->items[i].end_ns;

		if (b->items[j].start_ns > start)
			start = b->items[j].start_ns;
		if (b->items[j].end_ns < end)
			end = b->items[j].end_ns;
		code = jm_stretches_add(out, start, end);
		if (a->items[i].end_ns < b->items[j].end_ns)
			i++;
		else
			j++;
	}
	return code;
}

int jm_stretches_minus(const struct jm_stretches *a, const struct jm_stretches *b, struct jm_stretches *out)
{
	size_t i, j = 0;
	int code = 0;

	for (i = 0; i < a->n && code == 0; i++) {
		int64_t at = a->items[i].start_ns, end = a->items[i].end_ns;

		while (j < b->n && b->items[j].end_ns <= at)
			j++;
		for (; j < b->n && b->items[j].start_ns < end && code == 0; j++) {
			code = jm_stretches_add(out, at, b->items[j].start_ns);
			at = b->items[j].end_ns;
			if (at >= end)
				break; /* this one may reach into the next stretch of a */
		}
		if (code == 0)
			code = jm_stretches_add(out, at, end);
	}
	return code;
}

double jm_stretches_seconds(const struct jm_stretches *s)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < s->n; i++)
		sum += jm_s_from_ns(s->items[i].end_ns - s->items[i].start_ns);
	return sum;
}

double jm_stretches_energy(const struct jm_stretches *s, const struct jm_series *series, double *seen_s_out)
{
	struct jm_series_cursor c = {0};
	double sum = 0, seen_s = 0;
	size_t i;

	for (i = 0; i < s->n; i++) {
		struct jm_series_point a = jm_series_at(series, &c, s->items[i].start_ns);
		struct jm_series_point b = jm_series_at(series, &c, s->items[i].end_ns);

		sum += b.energy_j - a.energy_j;
		seen_s += b.seen_s - a.seen_s;
	}
	if (seen_s_out)
		*seen_s_out = seen_s;
	return sum;
}
