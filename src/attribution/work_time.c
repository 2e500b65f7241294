/* The times of an attribution: windows, iterations, slices, layers, latency. */
#include "attribution/work.h"

#include "core/error.h"
#include "core/grow.h"
#include "core/order.h"
#include "core/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define OVERLAP_NS    200 /* times of traces are rounded */
#define SKIPPED_FLAGS (JM_SPAN_WARMUP | JM_SPAN_ISOLATED)

static int take_windows(struct jm_work *w, struct jm_error *err)
{
	const struct jm_attribution_input *in = w->in;
	size_t i;

	if (in->n_windows == 0)
		return jm_error_set(err, JM_E_INVALID, "there is no measured window");
	for (i = 0; i < in->n_windows; i++) {
		if (in->windows[i].end_ns <= in->windows[i].start_ns ||
		    (i > 0 && in->windows[i].start_ns < in->windows[i - 1].end_ns))
			return jm_error_set(err, JM_E_INVALID,
					    "measured window %zu is empty or overlaps the one before", i);
		if (jm_stretches_add(&w->windows, in->windows[i].start_ns, in->windows[i].end_ns) < 0)
			return jm_error_set(err, JM_E_NOMEM, "out of memory");
	}
	w->windows_s = jm_stretches_seconds(&w->windows);
	return 0;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void fill_latency(struct jm_latency *out, double *ms, size_t n)
{
	double sum = 0, sum2 = 0, rank;
	size_t i;

	*out = (struct jm_latency){NAN, NAN, NAN, NAN, NAN, NAN, n};
	if (n == 0)
		return;
	jm_order_sort(ms, n, sizeof(*ms), compare_doubles);
	for (i = 0; i < n; i++)
		sum += ms[i];
	out->mean_ms = sum / (double)n;
	for (i = 0; i < n; i++)
		sum2 += (ms[i] - out->mean_ms) * (ms[i] - out->mean_ms);
	out->std_ms = n > 1 ? sqrt(sum2 / (double)(n - 1)) : NAN;
	out->min_ms = ms[0];
	out->max_ms = ms[n - 1];
	out->median_ms = n % 2 ? ms[n / 2] : 0.5 * (ms[n / 2 - 1] + ms[n / 2]);
	rank = 0.95 * (double)(n - 1);
	i = (size_t)rank;
	out->p95_ms = i + 1 < n ? ms[i] + (rank - (double)i) * (ms[i + 1] - ms[i]) : ms[n - 1];
}

static int latency_of(const struct jm_stretches *s, struct jm_latency *out)
{
	double *ms = malloc((s->n + 1) * sizeof(*ms));
	size_t i;

	if (!ms)
		return JM_E_NOMEM;
	for (i = 0; i < s->n; i++)
		ms[i] = (double)(s->items[i].end_ns - s->items[i].start_ns) * 1e-6;
	fill_latency(out, ms, s->n);
	free(ms);
	return 0;
}

/* Gives the seconds of [start, end) that lie in windows. */
static double seconds_inside(const struct jm_stretches *windows, int64_t start_ns, int64_t end_ns)
{
	size_t low = 0, high = windows->n;
	double sum = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (windows->items[middle].end_ns <= start_ns)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < windows->n && windows->items[low].start_ns < end_ns; low++) {
		int64_t a = windows->items[low].start_ns, b = windows->items[low].end_ns;

		sum += jm_s_from_ns((b < end_ns ? b : end_ns) - (a > start_ns ? a : start_ns));
	}
	return sum;
}

/* Counts an unprofiled iteration as far as it lies in a window. */
static int take_iteration(struct jm_work *w, const struct jm_stretch *s, struct jm_stretches *touching)
{
	double length = jm_s_from_ns(s->end_ns - s->start_ns),
	       inside = seconds_inside(&w->windows, s->start_ns, s->end_ns);
	int code;

	if (inside <= 0)
		return 0;
	w->n_iterations += inside / length;
	code = jm_stretches_add(touching, s->start_ns, s->end_ns);
	if (code == 0 && inside > length * (1 - 1e-12))
		code = jm_stretches_add(&w->iterations, s->start_ns, s->end_ns);
	return code;
}

/* Sorts iterations into those that were profiled, those whole inside a window, and those that touch one at all. */
static int take_iterations(struct jm_work *w, struct jm_stretches *profiled, struct jm_stretches *touching)
{
	uint64_t n_bad = 0;
	size_t i;
	int code = 0;

	for (i = 0; i < w->in->n_iterations && code == 0; i++) {
		const struct jm_span *s = &w->in->iterations[i];

		if (s->end_ns < s->start_ns)
			n_bad++;
		if (s->end_ns <= s->start_ns || (s->flags & SKIPPED_FLAGS))
			continue;
		if (s->flags & JM_SPAN_PROFILED) {
			code = jm_stretches_add(profiled, s->start_ns, s->end_ns);
			continue;
		}
		code = take_iteration(w, &(struct jm_stretch){s->start_ns, s->end_ns}, touching);
	}
	if (n_bad > 0 && code == 0)
		code = jm_result_warn(w->result, "%" PRIu64 " iterations end before they start: left out", n_bad);
	return code;
}

static int compare_spans(const void *a, const void *b)
{
	const struct jm_span *x = a, *y = b;

	return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static bool is_taken(const struct jm_span *s, bool is_profiled)
{
	return !(s->flags & SKIPPED_FLAGS) && ((s->flags & JM_SPAN_PROFILED) != 0) == is_profiled;
}

/* Looks whether names are in the table, and whether all spans can be taken as they are: then they need not be copied. */
static int look_at_spans(const struct jm_work *w, bool is_profiled, bool *all_out, struct jm_error *err)
{
	const struct jm_span *s = w->in->layers;
	bool is_all = true;
	size_t i;

	for (i = 0; i < w->in->n_layers; i++) {
		if (s[i].name >= w->in->n_names)
			return jm_error_set(err, JM_E_INVALID, "span %zu has name %u of a table of %zu", i, s[i].name,
					    w->in->n_names);
		is_all = is_all && is_taken(&s[i], is_profiled) && s[i].end_ns >= s[i].start_ns &&
			 (i == 0 || s[i - 1].start_ns <= s[i].start_ns);
	}
	*all_out = is_all && i > 0;
	return 0;
}

/* Gives the usable layer spans with (or without) the PROFILED flag, by start; *own_out: free(), NULL where those of the input are
 * given themselves. */
static int take_spans(struct jm_work *w, bool is_profiled, const struct jm_span **out, struct jm_span **own_out, size_t *n_out,
		      struct jm_error *err)
{
	struct jm_span *spans;
	uint64_t n_bad = 0;
	size_t i, n = 0;
	bool is_all = false;
	int code = look_at_spans(w, is_profiled, &is_all, err);

	*own_out = NULL;
	*out = w->in->layers;
	*n_out = w->in->n_layers;
	if (code || is_all)
		return code;
	*out = spans = *own_out = malloc((w->in->n_layers + 1) * sizeof(*spans));
	if (!spans)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for %zu spans", w->in->n_layers);
	for (i = 0; i < w->in->n_layers; i++) {
		if (!is_taken(&w->in->layers[i], is_profiled))
			continue;
		if (w->in->layers[i].end_ns < w->in->layers[i].start_ns)
			n_bad++;
		else
			spans[n++] = w->in->layers[i];
	}
	jm_order_sort(spans, n, sizeof(*spans), compare_spans);
	*n_out = n;
	return n_bad ? jm_result_warn(w->result, "%" PRIu64 " layer spans end before they start: left out", n_bad) : 0;
}

/* Without iterations of their own, spans are held together by their iteration number. */
static int iterations_of_spans(const struct jm_span *spans, size_t n, struct jm_stretches *out)
{
	uint32_t highest = 0;
	size_t i, n_numbers;
	struct jm_stretch *extents;
	int code = 0;

	for (i = 0; i < n; i++) {
		if (spans[i].iteration != JM_NO_ITERATION && spans[i].iteration > highest)
			highest = spans[i].iteration;
	}
	if (highest > n)
		return 0; /* numbers that make no sense as a count */
	n_numbers = (size_t)highest + 1;
	extents = malloc(n_numbers * sizeof(*extents));
	if (!extents)
		return JM_E_NOMEM;
	for (i = 0; i < n_numbers; i++)
		extents[i] = (struct jm_stretch){INT64_MAX, INT64_MIN};
	for (i = 0; i < n; i++) {
		struct jm_stretch *e = &extents[spans[i].iteration == JM_NO_ITERATION ? 0 : spans[i].iteration];

		e->start_ns = spans[i].start_ns < e->start_ns ? spans[i].start_ns : e->start_ns;
		e->end_ns = spans[i].end_ns > e->end_ns ? spans[i].end_ns : e->end_ns;
	}
	for (i = 0; i < n_numbers && code == 0; i++)
		code = jm_stretches_add(out, extents[i].start_ns, extents[i].end_ns);
	free(extents);
	return code;
}

/* Iterations by the numbers of the layers that ran in place, where nobody marked any: only if every layer has a number and the
 * iterations follow each other. */
static int number_iterations(struct jm_work *w, const struct jm_span *spans, size_t n, struct jm_stretches *touching)
{
	struct jm_stretches found = {0};
	size_t i, n_numbered = 0;
	bool is_sequence;
	int code = 0;

	for (i = 0; i < n; i++)
		n_numbered += spans[i].iteration != JM_NO_ITERATION;
	if (n > 0 && n_numbered == n)
		code = iterations_of_spans(spans, n, &found);
	jm_stretches_sort(&found);
	is_sequence = found.n > 1;
	for (i = 1; i < found.n; i++)
		is_sequence = is_sequence && found.items[i].start_ns >= found.items[i - 1].end_ns - OVERLAP_NS;
	for (i = 0; i < found.n && is_sequence && code == 0; i++)
		code = take_iteration(w, &found.items[i], touching);
	jm_stretches_finish(&found);
	return code;
}

/* Gives the layer of a name, added if new; NULL when out of memory. */
static struct jm_layer *layer_for(struct jm_work *w, uint32_t name, size_t *capacity)
{
	if (w->layer_of_name[name] == JM_NO_LAYER) {
		const struct jm_name *text = &w->in->names[name];
		struct jm_layer *layer;

		if (!jm_grow(&w->layers, capacity, w->n_layers, sizeof(*w->layers)))
			return NULL;
		layer = &w->layers[w->n_layers];
		*layer = (struct jm_layer){.name = name};
		layer->text = jm_result_text(w->result, text->text ? text->text : "");
		layer->type = jm_result_text(w->result, text->type ? text->type : "");
		if (!layer->text || !layer->type)
			return NULL;
		w->layer_of_name[name] = (uint32_t)w->n_layers++;
	}
	return &w->layers[w->layer_of_name[name]];
}

/* Counts the runs of layers: those whose start lies in `where`, times scale. */
static int count_layers(struct jm_work *w, const struct jm_span *spans, size_t n, const struct jm_stretches *where,
			double scale, double span_scale)
{
	size_t i, j = 0, capacity = 0;

	w->layer_of_name = malloc((w->in->n_names + 1) * sizeof(*w->layer_of_name));
	if (!w->layer_of_name)
		return JM_E_NOMEM;
	for (i = 0; i < w->in->n_names; i++)
		w->layer_of_name[i] = JM_NO_LAYER;
	for (i = 0; i < n; i++) {
		struct jm_layer *layer;
		double run_s;

		while (j < where->n && where->items[j].end_ns <= spans[i].start_ns)
			j++;
		if (j == where->n)
			break;
		if (spans[i].end_ns <= where->items[j].start_ns && spans[i].start_ns < where->items[j].start_ns)
			continue;
		layer = layer_for(w, spans[i].name, &capacity);
		if (!layer)
			return JM_E_NOMEM;
		run_s = jm_s_from_ns(spans[i].end_ns - spans[i].start_ns) * span_scale / scale;
		layer->count += scale;
		layer->runs += scale;
		layer->span_s += jm_s_from_ns(spans[i].end_ns - spans[i].start_ns) * span_scale;
		layer->span_s2 += scale * run_s * run_s;
	}
	return 0;
}

/* Slices of unprofiled iterations from profiled spans; see layout.h. */
static int scale_profiled(struct jm_work *w, struct jm_stretches *profiled, const struct jm_stretches *touching,
			  struct jm_error *err)
{
	struct jm_layout layout = {0};
	struct jm_slices slices = {0};
	struct jm_span *own = NULL;
	const struct jm_span *spans = NULL;
	size_t i, n = 0, n_profiled;
	double stretch = 1;
	int code = take_spans(w, true, &spans, &own, &n, err);

	if (code == 0 && profiled->n == 0)
		code = iterations_of_spans(spans, n, profiled);
	n_profiled = profiled->n;
	jm_stretches_sort(profiled);
	if (code == 0)
		code = jm_slices_init(&slices, spans, n, err);
	if (code == 0)
		code = jm_layout_init(&layout, &slices, profiled, w->in->n_names);
	if (code == 0 && n_profiled > 0 && w->n_iterations > 0)
		stretch = jm_stretches_seconds(touching) / (double)touching->n /
			  (jm_stretches_seconds(profiled) / (double)n_profiled);
	for (i = 0; i < touching->n && code == 0; i++)
		code = jm_layout_place(&layout, touching->items[i].start_ns, touching->items[i].end_ns, &w->slices);
	if (code == 0 && n_profiled > 0)
		code = count_layers(w, spans, n, profiled, w->n_iterations / (double)n_profiled,
				    stretch * w->n_iterations / (double)n_profiled);
	for (i = 0; i < w->n_layers && w->in->calls; i++)
		if (w->in->calls[w->layers[i].name] > 0)
			w->layers[i].runs = w->in->calls[w->layers[i].name] * w->n_iterations;
	w->is_scaled = w->slices.n > 0;
	w->stretch = stretch;
	jm_layout_finish(&layout);
	jm_slices_finish(&slices);
	free(own);
	return code;
}

static int take_layers(struct jm_work *w, struct jm_stretches *profiled, struct jm_stretches *touching,
		       struct jm_error *err)
{
	struct jm_span *own = NULL;
	const struct jm_span *spans = NULL;
	size_t n = 0, i;
	int code = take_spans(w, false, &spans, &own, &n, err);

	if (code == 0 && w->in->n_iterations == 0)
		code = number_iterations(w, spans, n, touching);
	if (code == 0)
		code = jm_slices_init(&w->slices, spans, n, err);
	if (code == 0)
		code = jm_slices_clip(&w->slices, &w->windows);
	if (code == 0)
		code = count_layers(w, spans, n, &w->windows, 1, 1);
	free(own);
	if (code == 0 && w->n_layers == 0) {
		free(w->layer_of_name);
		w->layer_of_name = NULL;
		code = scale_profiled(w, profiled, touching, err);
		if (code == 0)
			code = jm_slices_clip(&w->slices, &w->windows);
	}
	for (i = 0; i < w->slices.n && code == 0; i++)
		w->layers[w->layer_of_name[w->slices.items[i].name]].time_s += jm_slice_seconds(&w->slices.items[i]);
	return code;
}

/* busy, rest, bare: see work.h. */
static int take_parts(struct jm_work *w, const struct jm_stretches *touching)
{
	struct jm_stretches all = {0}, cover = {0};
	size_t i;
	int code = jm_slices_cover(&w->slices, &cover);

	for (i = 0; i < touching->n && code == 0; i++)
		code = jm_stretches_add(&all, touching->items[i].start_ns, touching->items[i].end_ns);
	/* Without iterations there is no telling what lies between them: the windows are the whole. */
	for (i = 0; i < w->windows.n && touching->n == 0 && code == 0; i++)
		code = jm_stretches_add(&all, w->windows.items[i].start_ns, w->windows.items[i].end_ns);
	for (i = 0; i < cover.n && code == 0; i++)
		code = jm_stretches_add(&all, cover.items[i].start_ns, cover.items[i].end_ns);
	jm_stretches_merge(&all);
	if (code == 0)
		code = jm_stretches_and(&all, &w->windows, &w->busy);
	if (code == 0)
		code = jm_stretches_minus(&w->windows, &w->busy, &w->rest);
	if (code == 0)
		code = jm_stretches_minus(&w->busy, &cover, &w->bare);
	w->busy_s = jm_stretches_seconds(&w->busy);
	jm_stretches_finish(&all);
	jm_stretches_finish(&cover);
	return code;
}

static int fill_run(struct jm_work *w, const struct jm_stretches *profiled)
{
	struct jm_run *run = &w->result->run;
	struct jm_latency slow;
	int code = latency_of(&w->iterations, &run->latency);

	if (code == 0)
		code = latency_of(profiled, &slow);
	if (code < 0)
		return code;
	run->duration_s = w->windows_s;
	run->iterations = (uint64_t)llround(w->n_iterations);
	run->items_per_iteration = w->in->items_per_iteration;
	run->throughput_items_s = NAN;
	if (run->items_per_iteration > 0 && w->n_iterations > 0)
		run->throughput_items_s = w->n_iterations * (double)run->items_per_iteration / w->windows_s;
	run->profiled_latency_ms = slow.median_ms;
	run->distortion = slow.n && run->latency.n ? slow.median_ms / run->latency.median_ms : NAN;
	return 0;
}

int jm_work_time(struct jm_work *w, struct jm_error *err)
{
	struct jm_stretches profiled = {0}, touching = {0};
	int code = take_windows(w, err);

	if (code == 0)
		code = take_iterations(w, &profiled, &touching);
	if (code == 0)
		code = take_layers(w, &profiled, &touching, err);
	if (code == 0 && !w->whole)
		code = fill_run(w, &profiled);
	if (code == 0)
		code = take_parts(w, &touching);
	jm_stretches_finish(&profiled);
	jm_stretches_finish(&touching);
	return code == JM_E_NOMEM ? jm_error_set(err, code, "out of memory for the spans") : code;
}
