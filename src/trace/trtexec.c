/* trtexec --exportProfile: [{"count": N}, {"name", "timeMs", "averageMs", "medianMs", "percentage"}, ...]: one inference
 * with the mean time of each layer, laid back to back from 0.
 * trtexec --exportTimes: [{"startEnqMs", ..., "startH2dMs", "endH2dMs", "startComputeMs", "endComputeMs", "startD2hMs",
 * "endD2hMs", ...}, ...]: an iteration each, with its copies and its computation, in ms from an unknown start. Copies of
 * one iteration may overlap the computation of another: each kind has a track of its own.
 * Seen in output of TensorRT 10. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/json.h"
#include "core/text.h"
#include "core/units.h"
#include "trace/emit.h"

#include <string.h>

enum { ENQUEUE, H2D, COMPUTE, D2H, N_PARTS };

struct reading {
	const struct jm_trace_input *in;
	struct jm_emit emit;
	struct jm_json *json;
	uint64_t n_iterations; /* in a profile: "count" */
	int64_t at_ns;         /* end of the last layer */
	uint32_t whole_name, part_names[N_PARTS];
	bool is_timing;
	struct jm_oddity negative;
};

/* One object of either file. Times in ns. */
struct entry {
	struct jm_buffer name;
	bool has_name, has_average, has_count;
	int64_t average_ns, count, start_ns[N_PARTS], end_ns[N_PARTS];
	unsigned has_start, has_end; /* bit 1 << part */
	uint64_t offset;
};

static int match(const char *head, size_t n)
{
	if (jm_head_first(head, n) != '[')
		return 0;
	return jm_head_has(head, n, "startComputeMs") ||
		       (jm_head_has(head, n, "averageMs") && jm_head_has(head, n, "percentage"))
		   ? 90
		   : 0;
}

static int read_ns(struct jm_json *json, const struct jm_json_token *t, int decimals, int64_t *out,
		   struct jm_error *err)
{
	if (t->type != JM_JSON_NUMBER || jm_text_fixed(t->text, t->n, decimals, out))
		return jm_json_error(json, t, err, "a number was expected");
	return 0;
}

static int read_value(struct reading *r, const struct jm_json_token *key, const struct jm_json_token *t,
		      struct entry *e, struct jm_error *err)
{
	static const char *const starts[N_PARTS] = {"startEnqMs", "startH2dMs", "startComputeMs", "startD2hMs"};
	static const char *const ends[N_PARTS] = {"endEnqMs", "endH2dMs", "endComputeMs", "endD2hMs"};
	unsigned i;

	for (i = 0; i < N_PARTS; i++) {
		if (jm_json_is(key, starts[i])) {
			e->has_start |= 1u << i;
			return read_ns(r->json, t, 6, &e->start_ns[i], err);
		}
		if (jm_json_is(key, ends[i])) {
			e->has_end |= 1u << i;
			return read_ns(r->json, t, 6, &e->end_ns[i], err);
		}
	}
	return 0;
}

static int read_entry(struct reading *r, struct entry *e, struct jm_error *err)
{
	struct jm_json_token key, t;
	char text[32];
	int rc;

	e->name.n = 0;
	e->has_name = e->has_average = e->has_count = false;
	e->has_start = e->has_end = 0;
	while (!(rc = jm_json_next(r->json, &key, err)) && key.type == JM_JSON_KEY) {
		struct jm_json_token copy = key;

		/* The key's text goes with the next token. */
		copy.n = key.n < sizeof(text) ? key.n : sizeof(text);
		memcpy(text, key.text, copy.n);
		copy.text = text;
		e->offset = key.offset;
		rc = jm_json_next(r->json, &t, err);
		if (rc)
			return rc;
		if (jm_json_is(&copy, "name") && t.type == JM_JSON_STRING) {
			e->has_name = true;
			jm_buffer_append(&e->name, t.text, t.n);
			rc = e->name.is_failed ? jm_error_set(err, JM_E_NOMEM, "out of memory") : 0;
		} else if (jm_json_is(&copy, "averageMs")) {
			e->has_average = true;
			rc = read_ns(r->json, &t, 6, &e->average_ns, err);
		} else if (jm_json_is(&copy, "count")) {
			e->has_count = true;
			rc = read_ns(r->json, &t, 0, &e->count, err);
		} else {
			rc = read_value(r, &copy, &t, e, err);
		}
		if (!rc)
			rc = jm_json_skip(r->json, &t, err);
		if (rc)
			return rc;
	}
	return rc;
}

static void odd(struct reading *r, const struct entry *e)
{
	jm_oddity_add(&r->negative, r->negative.n == 0 ? jm_json_line(r->json, e->offset) : 0);
}

/* A layer of the profile. */
static void take_layer(struct reading *r, const struct entry *e)
{
	struct jm_span span = {.kind = JM_SPAN_LAYER, .flags = JM_SPAN_PROFILED, .start_ns = r->at_ns};

	if (e->average_ns < 0 || __builtin_add_overflow(r->at_ns, e->average_ns, &span.end_ns)) {
		odd(r, e);
		return;
	}
	r->at_ns = span.end_ns;
	span.name = jm_emit_name(&r->emit, e->name.data ? e->name.data : "", e->name.n, NULL, 0);
	jm_emit_span(&r->emit, &span);
}

/* An iteration of the timing. */
static void take_iteration(struct reading *r, const struct entry *e)
{
	static const uint8_t kinds[N_PARTS] = {JM_SPAN_RANGE, JM_SPAN_COPY, JM_SPAN_KERNEL, JM_SPAN_COPY};
	uint32_t number = (uint32_t)r->n_iterations;
	struct jm_span span = {.kind = JM_SPAN_ITERATION,
			       .iteration = number,
			       .name = r->whole_name,
			       .start_ns = e->start_ns[COMPUTE],
			       .end_ns = e->end_ns[COMPUTE]};
	unsigned i;

	if (span.end_ns < span.start_ns) {
		odd(r, e);
		return;
	}
	r->n_iterations++;
	for (i = H2D; i < N_PARTS; i++) {
		if (!(e->has_start & e->has_end & 1u << i) || e->end_ns[i] < e->start_ns[i])
			continue;
		span.start_ns = e->start_ns[i] < span.start_ns ? e->start_ns[i] : span.start_ns;
		span.end_ns = e->end_ns[i] > span.end_ns ? e->end_ns[i] : span.end_ns;
	}
	r->is_timing = true;
	jm_emit_span(&r->emit, &span);
	for (i = 0; i < N_PARTS; i++) {
		if (!(e->has_start & e->has_end & 1u << i))
			continue;
		if (e->end_ns[i] < e->start_ns[i]) {
			odd(r, e);
			continue;
		}
		if (e->end_ns[i] == e->start_ns[i])
			continue;
		span = (struct jm_span){.kind = kinds[i],
					.iteration = number,
					.name = r->part_names[i],
					.track = i + 1,
					.start_ns = e->start_ns[i],
					.end_ns = e->end_ns[i]};
		jm_emit_span(&r->emit, &span);
	}
}

static int read_entries(struct reading *r, struct entry *e, struct jm_error *err)
{
	struct jm_json_token t;
	int rc = jm_json_next(r->json, &t, err);

	if (!rc && t.type != JM_JSON_ARRAY)
		return jm_json_error(r->json, &t, err, "a list was expected");
	while (!rc && !(rc = jm_json_next(r->json, &t, err)) && t.type != JM_JSON_ARRAY_END) {
		if (t.type != JM_JSON_OBJECT)
			return jm_json_error(r->json, &t, err, "an object was expected");
		rc = read_entry(r, e, err);
		if (rc)
			break;
		if (e->has_count && !e->has_name && e->count > 0)
			r->n_iterations = (uint64_t)e->count;
		else if (e->has_name && e->has_average)
			take_layer(r, e);
		else if (e->has_start & e->has_end & 1u << COMPUTE)
			take_iteration(r, e);
		else
			rc = jm_json_error(r->json, &t, err,
					   "neither a layer with averageMs nor an iteration with startComputeMs");
	}
	return rc ? rc : jm_json_next(r->json, &t, err);
}

static int read_trtexec(const struct jm_trace_input *in, struct jm_trace_output *out, struct jm_error *err)
{
	static const char *const parts[N_PARTS] = {"enqueue", "h2d", "compute", "d2h"};
	struct reading r = {.in = in};
	struct entry e = {.count = 0};
	int rc = jm_json_open(in->path, in->data, in->n, &r.json, err), i;

	jm_emit_init(&r.emit, out);
	r.whole_name = jm_emit_name(&r.emit, "inference", 9, NULL, 0);
	for (i = 0; i < N_PARTS; i++)
		r.part_names[i] = jm_emit_name(&r.emit, parts[i], strlen(parts[i]), NULL, 0);
	if (!rc)
		rc = read_entries(&r, &e, err);
	if (!rc) {
		out->clock = r.is_timing ? JM_TRACE_CLOCK_RELATIVE : JM_TRACE_CLOCK_NONE;
		jm_oddity_warn(&r.negative, in, out, "a negative duration was left out");
		jm_emit_meta(&r.emit, "iterations", "%llu", (unsigned long long)r.n_iterations);
		jm_emit_meta(&r.emit, "trace_source", "trtexec");
		rc = jm_emit_finish(&r.emit, err);
	}
	jm_json_close(r.json);
	jm_buffer_finish(&e.name);
	return rc;
}

const struct jm_importer jm_importer_trtexec = {
    .name = "trtexec",
    .summary = "trtexec --exportProfile (mean time of each layer) and --exportTimes (every inference with its copies)",
    .match = match,
    .read = read_trtexec,
};
