/* MODEL_tensorrt.json of edge-vision-power-estimation (and MODEL_BACKEND_TIMESTAMP.json of its desktop benchmarks):
 * {"config": {...}, "total_time": s, "timestamp": "YYYYmmdd-HHMMSS", "latencies": [s, ...], "avg_latency": s,
 * "avg_throughput": 1/s}. The latencies have no times of day (timestamp is the start of the program, before loading,
 * compiling and warming up), so they make no spans: they become meta keys, and what they say of themselves is checked.
 */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/grow.h"
#include "core/json.h"
#include "core/text.h"
#include "trace/emit.h"

#include <math.h>
#include <stdlib.h>

/* A year: no latency, and sums stay finite. */
#define MAX_S 3.2e7
/* Of the mean that the file states from that of its latencies: more than rounding makes. */
#define MEAN_TOLERANCE 1e-3

struct latencies {
	double *items;
	size_t n, capacity;
};

struct reading {
	const struct jm_trace_input *in;
	struct jm_json *json;
	struct jm_emit emit;
	struct latencies latencies;
	struct jm_oddity odd;
	bool has_latencies;
	double runs, mean_s; /* as the file states them; NAN: it does not */
};

static int match(const char *head, size_t n)
{
	if (jm_head_first(head, n) != '{' || !jm_head_has(head, n, "latencies"))
		return 0;
	return jm_head_has(head, n, "config") || jm_head_has(head, n, "avg_latency") ? 85 : 30;
}

static int add(struct latencies *l, double seconds)
{
	if (!jm_grow(&l->items, &l->capacity, l->n, sizeof(*l->items)))
		return JM_E_NOMEM;
	l->items[l->n++] = seconds;
	return 0;
}

static int read_latencies(struct reading *r, struct jm_error *err)
{
	struct jm_json_token t;
	double seconds;
	int rc = jm_json_next(r->json, &t, err);

	if (!rc && t.type != JM_JSON_ARRAY)
		return jm_json_error(r->json, &t, err, "the list of latencies was expected");
	r->has_latencies = true;
	r->latencies.n = 0;
	while (!rc && !(rc = jm_json_next(r->json, &t, err)) && t.type != JM_JSON_ARRAY_END) {
		rc = jm_json_number(r->json, &t, &seconds, err);
		if (!rc && (seconds < 0 || seconds > MAX_S))
			jm_oddity_add(&r->odd, r->odd.n ? 0 : jm_json_line(r->json, t.offset));
		else if (!rc && add(&r->latencies, seconds))
			rc = jm_error_set(err, JM_E_NOMEM, "out of memory");
	}
	return rc;
}

/* Passes on the value of key, a text or a number, as meta; anything else is skipped. */
static int pass(struct reading *r, const char *key, struct jm_error *err)
{
	struct jm_json_token t;
	int rc = jm_json_next(r->json, &t, err);

	if (!rc && (t.type == JM_JSON_STRING || t.type == JM_JSON_NUMBER))
		jm_emit_meta(&r->emit, key, "%.*s", (int)(t.n < 1000 ? t.n : 1000), t.text);
	return rc ? rc : jm_json_skip(r->json, &t, err);
}

static int read_number(struct reading *r, double *out, struct jm_error *err)
{
	struct jm_json_token t;
	int rc = jm_json_next(r->json, &t, err);

	return rc ? rc : jm_json_number(r->json, &t, out, err);
}

/* The first number of a shape is the batch. */
static int read_shape(struct reading *r, struct jm_error *err)
{
	struct jm_json_token t;
	bool is_first = true;
	int rc = jm_json_next(r->json, &t, err);

	if (rc || t.type != JM_JSON_ARRAY)
		return rc ? rc : jm_json_skip(r->json, &t, err);
	while (!(rc = jm_json_next(r->json, &t, err)) && t.type != JM_JSON_ARRAY_END) {
		int64_t batch;

		if (is_first && t.type == JM_JSON_NUMBER && jm_text_i64(t.text, t.n, &batch) == 0 && batch > 0)
			jm_emit_meta(&r->emit, "batch", "%lld", (long long)batch);
		is_first = false;
		rc = jm_json_skip(r->json, &t, err);
		if (rc)
			break;
	}
	return rc;
}

static int read_config(struct reading *r, struct jm_error *err)
{
	struct jm_json_token key, t;
	int rc = jm_json_next(r->json, &t, err);

	if (!rc && t.type != JM_JSON_OBJECT)
		return jm_json_skip(r->json, &t, err);
	while (!rc && !(rc = jm_json_next(r->json, &key, err)) && key.type == JM_JSON_KEY) {
		if (jm_json_is(&key, "model"))
			rc = pass(r, "model", err);
		else if (jm_json_is(&key, "dtype"))
			rc = pass(r, "precision", err);
		else if (jm_json_is(&key, "backend"))
			rc = pass(r, "backend", err);
		else if (jm_json_is(&key, "input_shape"))
			rc = read_shape(r, err);
		else if (jm_json_is(&key, "runs"))
			rc = read_number(r, &r->runs, err);
		else
			rc = jm_json_skip(r->json, &key, err);
	}
	return rc;
}

static int read_run(struct reading *r, struct jm_error *err)
{
	struct jm_json_token key, t;
	int rc = jm_json_next(r->json, &t, err);

	if (!rc && t.type != JM_JSON_OBJECT)
		return jm_json_error(r->json, &t, err, "an object with \"latencies\" was expected");
	while (!rc && !(rc = jm_json_next(r->json, &key, err)) && key.type == JM_JSON_KEY) {
		if (jm_json_is(&key, "config"))
			rc = read_config(r, err);
		else if (jm_json_is(&key, "latencies"))
			rc = read_latencies(r, err);
		else if (jm_json_is(&key, "avg_latency"))
			rc = read_number(r, &r->mean_s, err);
		else if (jm_json_is(&key, "timestamp"))
			rc = pass(r, "program_started", err);
		else
			rc = jm_json_skip(r->json, &key, err);
	}
	if (!rc)
		rc = jm_json_next(r->json, &t, err); /* text behind the end is an error */
	if (!rc && !r->has_latencies)
		rc = jm_error_set(err, JM_E_FORMAT, "%s: no \"latencies\" in it", jm_trace_path(r->in));
	return rc;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void emit_seconds(struct reading *r, const char *key, double seconds)
{
	char text[32];

	jm_text_shortest(seconds, text);
	jm_emit_meta(&r->emit, key, "%s", text);
}

static void hand_over(struct reading *r)
{
	struct latencies *l = &r->latencies;
	double sum = 0;
	size_t i;

	for (i = 0; i < l->n; i++)
		sum += l->items[i];
	jm_oddity_warn(&r->odd, r->in, r->emit.out, "a negative or endless latency was left out");
	if (r->runs >= 0 && (double)(l->n + r->odd.n) != r->runs)
		jm_trace_warn(r->emit.out, "%s: %zu latencies, but %.0f runs were asked for", jm_trace_path(r->in),
			      l->n + r->odd.n, r->runs);
	jm_emit_meta(&r->emit, "latencies", "%zu", l->n);
	if (l->n == 0)
		return;
	if (fabs(r->mean_s - sum / (double)l->n) > MEAN_TOLERANCE * sum / (double)l->n)
		jm_trace_warn(r->emit.out, "%s: avg_latency is %g s, but the mean of the latencies %g s: that is kept",
			      jm_trace_path(r->in), r->mean_s, sum / (double)l->n);
	qsort(l->items, l->n, sizeof(*l->items), by_value);
	emit_seconds(r, "latency_mean_s", sum / (double)l->n);
	emit_seconds(r, "latency_median_s", (l->items[(l->n - 1) / 2] + l->items[l->n / 2]) / 2);
	emit_seconds(r, "latency_min_s", l->items[0]);
	emit_seconds(r, "latency_max_s", l->items[l->n - 1]);
}

static int read_latency_file(const struct jm_trace_input *in, struct jm_trace_output *out, struct jm_error *err)
{
	struct reading r = {.in = in, .runs = NAN, .mean_s = NAN};
	int rc;

	jm_emit_init(&r.emit, out);
	out->clock = JM_TRACE_CLOCK_NONE;
	rc = jm_json_open(in->path, in->data, in->n, &r.json, err);
	if (!rc)
		rc = read_run(&r, err);
	if (!rc) {
		hand_over(&r);
		rc = jm_emit_finish(&r.emit, err);
	}
	jm_json_close(r.json);
	free(r.latencies.items);
	return rc;
}

const struct jm_importer jm_importer_run_latencies = {
    .name = "run_latencies",
    .summary = "MODEL_tensorrt.json: latencies and settings of a benchmark of edge-vision-power-estimation",
    .match = match,
    .read = read_latency_file,
};
