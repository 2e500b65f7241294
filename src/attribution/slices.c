#include "attribution/slices.h"

#include "core/error.h"
#include "core/grow.h"
#include "core/order.h"

#include <stdlib.h>
#include <string.h>

struct track_slice {
	struct jm_slice slice;
	uint32_t track;
};

struct track_slices {
	struct track_slice *items;
	size_t n, capacity;
};

void jm_slices_finish(struct jm_slices *s)
{
	free(s->items);
	memset(s, 0, sizeof(*s));
}

int jm_slices_add(struct jm_slices *s, struct jm_slice slice)
{
	if (slice.end_ns <= slice.start_ns)
		return 0;
	if (!jm_grow(&s->items, &s->capacity, s->n, sizeof(*s->items)))
		return JM_E_NOMEM;
	s->items[s->n++] = slice;
	return 0;
}

static int compare_spans(const void *a, const void *b)
{
	const struct jm_span *x = *(const struct jm_span *const *)a, *y = *(const struct jm_span *const *)b;

	if (x->track != y->track)
		return x->track < y->track ? -1 : 1;
	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	if (x->end_ns != y->end_ns)
		return x->end_ns > y->end_ns ? -1 : 1;
	return (x->name > y->name) - (x->name < y->name);
}

static int compare_slices(const void *a, const void *b)
{
	const struct track_slice *x = a, *y = b;

	if (x->slice.start_ns != y->slice.start_ns)
		return x->slice.start_ns < y->slice.start_ns ? -1 : 1;
	return (x->track > y->track) - (x->track < y->track);
}

static int emit(struct track_slices *out, const struct jm_span *span, int64_t start_ns, int64_t end_ns)
{
	if (end_ns > span->end_ns)
		end_ns = span->end_ns;
	if (end_ns <= start_ns)
		return 0;
	if (!jm_grow(&out->items, &out->capacity, out->n, sizeof(*out->items)))
		return JM_E_NOMEM;
	out->items[out->n++] = (struct track_slice){{start_ns, end_ns, span->name, 1}, span->track};
	return 0;
}

/* Self time on one track. spans: n of one track, by start, the longer first. stack: room for n. */
static int flatten_track(struct track_slices *out, const struct jm_span **spans, size_t n, const struct jm_span **stack)
{
	size_t i, depth = 0;
	int64_t at = INT64_MIN;
	int code = 0;

	for (i = 0; i <= n && code == 0; i++) {
		int64_t start = i < n ? spans[i]->start_ns : INT64_MAX;

		while (depth > 0 && stack[depth - 1]->end_ns <= start && code == 0) {
			const struct jm_span *top = stack[--depth];

			code = emit(out, top, at, top->end_ns);
			if (top->end_ns > at)
				at = top->end_ns;
		}
		if (depth > 0 && i < n && code == 0)
			code = emit(out, stack[depth - 1], at, start);
		if (i < n) {
			if (start > at)
				at = start;
			stack[depth++] = spans[i];
		}
	}
	return code;
}

/* Gives the end of the elementary interval that starts at `at`: the next end of an active slice or start of a new one. */
static int64_t next_event(const struct track_slice *const *active, size_t n_active, const struct track_slices *in,
			  size_t i)
{
	int64_t t = i < in->n ? in->items[i].slice.start_ns : INT64_MAX;
	size_t k;

	for (k = 0; k < n_active; k++)
		t = active[k]->slice.end_ns < t ? active[k]->slice.end_ns : t;
	return t;
}

/* Shares the time of tracks that run at once. in: by start. */
static int share_tracks(const struct track_slices *in, struct jm_slices *out, struct jm_error *err)
{
	const struct track_slice *active[JM_TRACKS_AT_ONCE];
	size_t i = 0, k, n_active = 0, n_left;
	int64_t at = INT64_MIN;
	int code = 0;

	while ((i < in->n || n_active > 0) && code == 0) {
		int64_t end;

		if (n_active == 0)
			at = in->items[i].slice.start_ns;
		while (i < in->n && in->items[i].slice.start_ns <= at) {
			if (n_active == JM_TRACKS_AT_ONCE)
				return jm_error_set(err, JM_E_INVALID, "more than %d tracks of spans run at once",
						    JM_TRACKS_AT_ONCE);
			active[n_active++] = &in->items[i++];
		}
		end = next_event(active, n_active, in, i);
		for (k = 0; k < n_active && code == 0; k++)
			code =
			    jm_slices_add(out, (struct jm_slice){at, end, active[k]->slice.name, (uint32_t)n_active});
		for (k = n_left = 0; k < n_active; k++) {
			if (active[k]->slice.end_ns > end)
				active[n_left++] = active[k];
		}
		n_active = n_left;
		at = end;
	}
	return code;
}

static int flatten(const struct jm_span **sorted, const struct jm_span **stack, size_t n, struct jm_slices *out,
		   struct jm_error *err)
{
	struct track_slices slices = {0};
	size_t first, end;
	int code = 0;

	for (first = 0; first < n && code == 0; first = end) {
		for (end = first; end < n && sorted[end]->track == sorted[first]->track;)
			end++;
		code = flatten_track(&slices, sorted + first, end - first, stack);
	}
	if (code == 0 && slices.n > 0) {
		jm_order_sort(slices.items, slices.n, sizeof(*slices.items), compare_slices);
		code = share_tracks(&slices, out, err);
	}
	free(slices.items);
	return code;
}

int jm_slices_init(struct jm_slices *out, const struct jm_span *spans, size_t n, struct jm_error *err)
{
	const struct jm_span **sorted = malloc((n + 1) * sizeof(*sorted)), **stack = malloc((n + 1) * sizeof(*stack));
	size_t i, n_sorted = 0;
	int code = JM_E_NOMEM;

	memset(out, 0, sizeof(*out));
	if (sorted && stack) {
		for (i = 0; i < n; i++) {
			if (spans[i].end_ns > spans[i].start_ns)
				sorted[n_sorted++] = &spans[i];
		}
		jm_order_sort(sorted, n_sorted, sizeof(*sorted), compare_spans);
		code = flatten(sorted, stack, n_sorted, out, err);
	}
	free(sorted);
	free(stack);
	if (code < 0)
		jm_slices_finish(out);
	return code == JM_E_NOMEM ? jm_error_set(err, code, "out of memory for %zu spans", n) : code;
}

/* Says whether windows cut off nothing. */
static bool are_inside(const struct jm_slices *s, const struct jm_stretches *windows)
{
	size_t i, j = 0;

	for (i = 0; i < s->n; i++) {
		while (j < windows->n && windows->items[j].end_ns <= s->items[i].start_ns)
			j++;
		if (j == windows->n || windows->items[j].start_ns > s->items[i].start_ns ||
		    windows->items[j].end_ns < s->items[i].end_ns)
			return false;
	}
	return true;
}

int jm_slices_clip(struct jm_slices *s, const struct jm_stretches *windows)
{
	struct jm_slices out = {0};
	size_t i, j = 0;
	int code = 0;

	if (are_inside(s, windows))
		return 0;
	for (i = 0; i < s->n && code == 0; i++) {
		size_t k;

		while (j < windows->n && windows->items[j].end_ns <= s->items[i].start_ns)
			j++;
		for (k = j; k < windows->n && windows->items[k].start_ns < s->items[i].end_ns && code == 0; k++) {
			struct jm_slice part = s->items[i];

			if (part.start_ns < windows->items[k].start_ns)
				part.start_ns = windows->items[k].start_ns;
			if (part.end_ns > windows->items[k].end_ns)
				part.end_ns = windows->items[k].end_ns;
			code = jm_slices_add(&out, part);
		}
	}
	if (code < 0) {
		jm_slices_finish(&out);
		return code;
	}
	jm_slices_finish(s);
	*s = out;
	return 0;
}

int jm_slices_cover(const struct jm_slices *s, struct jm_stretches *out)
{
	size_t i;
	int code = 0;

	for (i = 0; i < s->n && code == 0; i++) {
		struct jm_stretch *last = out->n ? &out->items[out->n - 1] : NULL;

		if (last && s->items[i].start_ns >= last->start_ns && s->items[i].start_ns <= last->end_ns)
			last->end_ns = s->items[i].end_ns > last->end_ns ? s->items[i].end_ns : last->end_ns;
		else
			code = jm_stretches_add(out, s->items[i].start_ns, s->items[i].end_ns);
	}
	jm_stretches_merge(out);
	return code;
}
