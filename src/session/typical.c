#include "session/typical.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One execution. */
struct execution {
	uint32_t name, iteration;
	double duration_s;
};

static int by_name(const void *a, const void *b)
{
	const struct execution *x = a, *y = b;

	if (x->name != y->name)
		return x->name < y->name ? -1 : 1;
	return (x->duration_s > y->duration_s) - (x->duration_s < y->duration_s);
}

static int by_name_and_iteration(const void *a, const void *b)
{
	const struct execution *x = a, *y = b;

	if (x->name != y->name)
		return x->name < y->name ? -1 : 1;
	return (x->iteration > y->iteration) - (x->iteration < y->iteration);
}

/* Pieces of a layer's executions become one mean execution an iteration. calls: by name, in an iteration; 0: not in pieces. Gives how
 * many executions are left. */
static size_t join_pieces(struct execution *e, size_t n, const double *calls)
{
	size_t i, kept = 0;

	qsort(e, n, sizeof(*e), by_name_and_iteration);
	for (i = 0; i < n; i++) {
		double per_iteration = calls[e[i].name];
		struct execution *last = kept ? &e[kept - 1] : NULL;

		e[i].duration_s /= per_iteration > 0 ? per_iteration : 1;
		if (per_iteration > 0 && last && last->name == e[i].name && last->iteration == e[i].iteration)
			last->duration_s += e[i].duration_s;
		else
			e[kept++] = e[i];
	}
	return kept;
}

static int by_iteration(const void *a, const void *b)
{
	const struct execution *x = a, *y = b;

	return (x->iteration > y->iteration) - (x->iteration < y->iteration);
}

static size_t count_iterations(struct execution *e, size_t n)
{
	size_t i, n_iterations = 0;

	qsort(e, n, sizeof(*e), by_iteration);
	for (i = 0; i < n; i++)
		n_iterations += i == 0 || e[i].iteration != e[i - 1].iteration;
	return n_iterations;
}

/* Of n sorted executions, interpolated. */
static double percentile_of(const struct execution *e, size_t n, double percentile)
{
	double at = percentile / 100 * (double)(n - 1);
	size_t i = (size_t)at;

	return i + 1 < n ? e[i].duration_s + (at - (double)i) * (e[i + 1].duration_s - e[i].duration_s)
			 : e[n - 1].duration_s;
}

/* Fills in the figures by name. calls: as of join_pieces, or NULL. Gives the sum of what is typical over all executions. */
static double take_names(struct execution *e, size_t n, double percentile, const double *calls, struct jm_typical *out)
{
	size_t first, end;
	double all_s = 0;

	qsort(e, n, sizeof(*e), by_name);
	for (first = 0; first < n; first = end) {
		double sum = 0, typical, joined = calls && calls[e[first].name] > 0 ? calls[e[first].name] : 1;

		for (end = first; end < n && e[end].name == e[first].name; end++)
			sum += e[end].duration_s;
		typical = percentile_of(e + first, end - first, percentile);
		out->typical_s[e[first].name] = typical;
		out->mean_s[e[first].name] = sum / (double)(end - first);
		all_s += typical * (double)(end - first) * joined;
	}
	return all_s;
}

static bool is_scaled(const struct jm_result *r)
{
	return r->n_layers > 0 && r->layers[0].is_scaled;
}

int jm_typical_load(struct jm_report *report, double percentile, struct jm_typical *out, struct jm_error *err)
{
	const struct jm_names *names = jm_recording_names(report->recording);
	bool profiled = is_scaled(&report->result);
	struct jm_span *spans = NULL;
	struct execution *e;
	size_t n_spans = 0, n = 0, n_iterations, i;
	const double *calls;
	double all_s, plain_s = report->result.run.latency.median_ms / 1e3;
	int rc = jm_recording_spans(report->recording, report->part_kinds, &spans, &n_spans, err);

	*out = (struct jm_typical){.n = names->n, .fit = 1};
	if (rc)
		return rc;
	out->typical_s = malloc((2 * names->n + 1) * sizeof(double));
	e = malloc((n_spans + 1) * sizeof(*e));
	if (!out->typical_s || !e) {
		free(spans);
		free(e);
		jm_typical_finish(out);
		return jm_error_set(err, JM_E_NOMEM, "no memory for %zu executions", n_spans);
	}
	out->mean_s = out->typical_s + names->n;
	for (i = 0; i < 2 * names->n; i++)
		out->typical_s[i] = NAN;
	for (i = 0; i < n_spans; i++) {
		const struct jm_span *s = &spans[i];

		if ((s->flags & (JM_SPAN_WARMUP | JM_SPAN_ISOLATED)) || s->end_ns < s->start_ns ||
		    s->name >= names->n || ((s->flags & JM_SPAN_PROFILED) != 0) != profiled ||
		    (!profiled && !jm_report_is_inside(report, s->start_ns)))
			continue;
		e[n++] = (struct execution){s->name, s->iteration, (double)(s->end_ns - s->start_ns) * 1e-9};
	}
	n_iterations = count_iterations(e, n);
	calls = profiled && report->calls && report->n_calls >= names->n ? report->calls : NULL; /* names came since */
	if (calls && n > 0)
		n = join_pieces(e, n, calls);
	all_s = take_names(e, n, percentile, calls, out);
	if (profiled && n_iterations > 0 && plain_s > 0 && all_s > plain_s * (double)n_iterations)
		out->fit = plain_s * (double)n_iterations / all_s;
	free(spans);
	free(e);
	return 0;
}

void jm_typical_finish(struct jm_typical *t)
{
	free(t->typical_s);
	memset(t, 0, sizeof(*t));
}

double jm_typical_ms(const struct jm_typical *t, const struct jm_names *names, const struct jm_row *row)
{
	size_t name = jm_names_find(names, row->name, row->type ? row->type : "");

	if (name >= t->n || isnan(t->typical_s[name]))
		return row->latency_ms;
	if (row->is_scaled)
		return 1e3 * t->typical_s[name] * t->fit;
	/* A row's time is without what ran inside of it. */
	return t->mean_s[name] > 0 ? row->latency_ms * t->typical_s[name] / t->mean_s[name] : row->latency_ms;
}
