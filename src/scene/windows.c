/* The stretches of which every reading and span is kept: those that one wants to look at closely. */
#include "scene/scene.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Gives the index of the first span that starts at t or later. */
static size_t first_from(const struct jm_span *spans, size_t n, int64_t t)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (spans[middle].start_ns < t)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Adds a window unless it would take more spans than are left. */
static void add_window(struct jm_scene *s, const struct jm_span *spans, size_t n, int64_t start, int64_t end,
		       const char *label, size_t *left)
{
	struct jm_scene_window *w = &s->windows[s->n_windows];
	int64_t from = start > s->start_ns ? start : s->start_ns, to = end < s->end_ns ? end : s->end_ns;
	size_t inside = first_from(spans, n, to) - first_from(spans, n, from);

	if (to <= from || inside == 0 || inside > *left || s->n_windows == JM_SCENE_WINDOWS)
		return;
	*left -= inside;
	*w = (struct jm_scene_window){.start_ns = from, .end_ns = to};
	snprintf(w->label, sizeof(w->label), "%s", label);
	s->n_windows++;
}

/* An iteration with a little of what is around it. */
static void add_iteration(struct jm_scene *s, const struct jm_span *spans, size_t n, const struct jm_span *it,
			  const char *what, size_t *left)
{
	int64_t margin = (it->end_ns - it->start_ns) / 8;
	char label[48];

	if (it->iteration == JM_NO_ITERATION)
		snprintf(label, sizeof(label), "%siteration", what);
	else
		snprintf(label, sizeof(label), "%siteration (%" PRIu32 ")", what, it->iteration);
	add_window(s, spans, n, it->start_ns - margin, it->end_ns + margin, label, left);
}

static int by_length(const void *a, const void *b)
{
	const struct jm_span *x = *(const struct jm_span *const *)a, *y = *(const struct jm_span *const *)b;
	int64_t p = x->end_ns - x->start_ns, q = y->end_ns - y->start_ns;

	return p != q ? (p > q) - (p < q) : (x > y) - (x < y);
}

static int by_start(const void *a, const void *b)
{
	const struct jm_scene_window *x = a, *y = b;

	return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

/* A label that says more than which iteration it is. */
static bool is_telling(const char *label)
{
	return strncmp(label, "iteration", strlen("iteration")) != 0;
}

/* Windows that touch become one, under the label that tells more. */
static void merge(struct jm_scene *s)
{
	size_t i, k = 0;

	qsort(s->windows, s->n_windows, sizeof(*s->windows), by_start);
	for (i = 1; i < s->n_windows; i++) {
		struct jm_scene_window *last = &s->windows[k], *w = &s->windows[i];

		if (w->start_ns > last->end_ns) {
			s->windows[++k] = *w;
			continue;
		}
		last->end_ns = w->end_ns > last->end_ns ? w->end_ns : last->end_ns;
		if (!is_telling(last->label) && is_telling(w->label))
			memcpy(last->label, w->label, sizeof(last->label));
	}
	s->n_windows = s->n_windows ? k + 1 : 0;
}

/* Typical and extreme iterations, and some spread over the run. iterations: pointers, n_it of them, in order of time. */
static int pick_iterations(struct jm_scene *s, const struct jm_span *spans, size_t n, const struct jm_span **iterations,
			   size_t n_it, size_t *left)
{
	const struct jm_span **sorted = malloc(n_it * sizeof(struct jm_span *));
	size_t k, n_even = JM_SCENE_WINDOWS - 4;

	if (!sorted)
		return JM_E_NOMEM;
	memcpy((void *)sorted, (const void *)iterations, n_it * sizeof(*sorted));
	qsort((void *)sorted, n_it, sizeof(*sorted), by_length);
	add_iteration(s, spans, n, sorted[n_it / 2], "median ", left);
	add_iteration(s, spans, n, sorted[n_it - 1], "slowest ", left);
	add_iteration(s, spans, n, sorted[0], "fastest ", left);
	add_iteration(s, spans, n, iterations[0], "first ", left);
	for (k = 1; k <= n_even; k++)
		add_iteration(s, spans, n, iterations[k * (n_it - 1) / n_even], k == n_even ? "last " : "", left);
	free((void *)sorted);
	return 0;
}

/* Without iterations: stretches of as many spans each, spread over the recording. */
static void pick_evenly(struct jm_scene *s, const struct jm_span *spans, size_t n, size_t *left)
{
	size_t each = *left / JM_SCENE_WINDOWS, k;
	char label[48];

	for (k = 0; each > 1 && k < JM_SCENE_WINDOWS; k++) {
		size_t i = k * (n - 1) / JM_SCENE_WINDOWS, end = i + each < n ? i + each : n - 1;

		snprintf(label, sizeof(label), "at %.3f s", (double)(spans[i].start_ns - s->start_ns) * 1e-9);
		add_window(s, spans, n, spans[i].start_ns, spans[end].start_ns, label, left);
	}
}

int jm_scene_pick_windows(struct jm_scene *s, const struct jm_span *spans, size_t n, size_t n_boxes_max)
{
	const struct jm_span **iterations = malloc((n + 1) * sizeof(struct jm_span *));
	size_t n_it = 0, left = n_boxes_max, i;
	int rc = 0;

	s->windows = calloc(JM_SCENE_WINDOWS, sizeof(*s->windows));
	if (!s->windows || !iterations) {
		free((void *)iterations);
		return JM_E_NOMEM;
	}
	for (i = 0; i < n; i++)
		if (spans[i].kind == JM_SPAN_ITERATION && !(spans[i].flags & JM_SPAN_WARMUP))
			iterations[n_it++] = &spans[i];
	if (n_it)
		rc = pick_iterations(s, spans, n, iterations, n_it, &left);
	else if (n)
		pick_evenly(s, spans, n, &left);
	free((void *)iterations);
	merge(s);
	return rc;
}
