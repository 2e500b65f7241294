/* The Trace Event Format as Chrome, PyTorch's profiler (Kineto) and many others write it: an array of events, or an
 * object whose "traceEvents" is that array. Complete events (X) and pairs of begin and end (B, E) become spans; the
 * other phases (metadata, counters, flows, asynchronous and instant events) are no intervals of a track. As the format
 * allows, an array that stands alone may lack its closing bracket.
 *
 * Kind by category: kernel; gpu_memcpy, gpu_memset: copy; cpu_op, operator: layer; "ProfilerStep#n": iteration; anything
 * else: range. PyTorch 2.4 and later count ts from "baseTimeNanoseconds". ts from 2001 on counts from 1970.
 * Source: "Trace Event Format", Google, 2016; libkineto/src/output_json.cpp. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/units.h"
#include "trace/emit.h"
#include "trace/event.h"

#include <stdio.h>
#include <string.h>

/* ts and dur are rounded one by one. */
#define SLACK_NS JM_NS_PER_US

struct reading {
	const struct jm_trace_input *in;
	struct jm_emit emit;
	struct jm_json *json;
	struct jm_trace_tracks tracks;
	struct jm_span_list spans, steps;
	struct jm_span_list open; /* begun by B, not yet ended; in order */
	bool is_described[4096];  /* tracks whose device was told */
	int64_t base_ns;
	bool is_object;
	struct jm_oddity negative, untimed, unmatched;
};

static int match(const char *head, size_t n)
{
	char first = jm_head_first(head, n);

	if (first == '{' && jm_head_has(head, n, "traceEvents"))
		return 85;
	if (first == '{' && jm_head_has(head, n, "\"schemaVersion\"") && jm_head_has(head, n, "deviceProperties"))
		return 80; /* Kineto's preamble may fill the head */
	if (first != '[' && first != '{')
		return 0;
	return jm_head_has(head, n, "\"ph\"") && jm_head_has(head, n, "\"ts\"") ? 60 : 0;
}

static enum jm_span_kind kind_of(const struct jm_trace_event *event)
{
	static const struct {
		const char *category;
		enum jm_span_kind kind;
	} kinds[] = {{"kernel", JM_SPAN_KERNEL},   {"Kernel", JM_SPAN_KERNEL},  {"gpu_memcpy", JM_SPAN_COPY},
		     {"gpu_memset", JM_SPAN_COPY}, {"Memcpy", JM_SPAN_COPY},    {"Memset", JM_SPAN_COPY},
		     {"cpu_op", JM_SPAN_LAYER},    {"operator", JM_SPAN_LAYER}, {"Operator", JM_SPAN_LAYER}};
	size_t i;

	if (strncmp(event->name.data, "ProfilerStep#", 13) == 0)
		return JM_SPAN_ITERATION;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(event->category.data, kinds[i].category) == 0)
			return kinds[i].kind;
	return JM_SPAN_RANGE;
}

static void odd(struct reading *r, struct jm_oddity *o, const struct jm_trace_event *event)
{
	jm_oddity_add(o, o->n == 0 ? jm_json_line(r->json, event->offset) : 0);
}

/* Kineto gives each stream of a device a thread of its own. */
static void describe_track(struct reading *r, const struct jm_trace_event *event, const struct jm_span *span)
{
	char key[48];

	if (event->device < 0 || event->device > 255 || (span->kind != JM_SPAN_KERNEL && span->kind != JM_SPAN_COPY) ||
	    r->is_described[span->track])
		return;
	snprintf(key, sizeof(key), "track_%u_device", (unsigned)span->track);
	jm_emit_meta(&r->emit, key, "cuda:%d", (int)event->device);
	r->is_described[span->track] = true;
}

static int keep(struct reading *r, const struct jm_span *span, struct jm_error *err)
{
	int rc = jm_span_list_add(span->kind == JM_SPAN_ITERATION ? &r->steps : &r->spans, span);

	return rc ? jm_error_set(err, rc, "out of memory") : 0;
}

/* The last B of the track is ended. */
static int end_open(struct reading *r, const struct jm_trace_event *event, uint32_t track, struct jm_error *err)
{
	size_t i = r->open.n;
	struct jm_span span;

	while (i > 0 && r->open.items[i - 1].track != track)
		i--;
	if (i == 0) {
		odd(r, &r->unmatched, event);
		return 0;
	}
	span = r->open.items[i - 1];
	memmove(&r->open.items[i - 1], &r->open.items[i], (r->open.n - i) * sizeof(span));
	r->open.n--;
	span.end_ns = event->start_ns;
	if (span.end_ns < span.start_ns) {
		odd(r, &r->negative, event);
		return 0;
	}
	return keep(r, &span, err);
}

/* B without E: more than this many at once are no trace. */
#define MAX_OPEN ((size_t)100000)

static int take(struct reading *r, const struct jm_trace_event *event, struct jm_error *err)
{
	struct jm_span span = {.iteration = JM_NO_ITERATION};
	bool is_begin = event->phase == 'B';
	int rc;

	if (event->phase != 'X' && event->phase != 'E' && !is_begin)
		return 0;
	if (!event->has_start || (event->phase == 'X' && !event->has_duration)) {
		odd(r, &r->untimed, event);
		return 0;
	}
	rc = jm_trace_track(&r->tracks, event->pid, event->tid, &span.track);
	if (rc)
		return jm_error_set(err, rc, "%s: more than 4096 threads, or no memory for them", jm_trace_path(r->in));
	if (event->phase == 'E')
		return end_open(r, event, span.track, err);
	if (event->duration_ns < 0 || __builtin_add_overflow(event->start_ns, event->duration_ns, &span.end_ns)) {
		odd(r, &r->negative, event);
		return 0;
	}
	span.start_ns = event->start_ns;
	span.kind = (uint8_t)kind_of(event);
	span.name = jm_emit_name(&r->emit, event->name.data, event->name.n,
				 event->op_name.n ? event->op_name.data : event->category.data,
				 event->op_name.n ? event->op_name.n : event->category.n);
	describe_track(r, event, &span);
	if (!is_begin)
		return keep(r, &span, err);
	if (r->open.n == MAX_OPEN)
		return jm_error_set(err, JM_E_FORMAT, "%s: too many begin events without their end",
				    jm_trace_path(r->in));
	rc = jm_span_list_add(&r->open, &span);
	return rc ? jm_error_set(err, rc, "out of memory") : 0;
}

static int read_events(struct reading *r, struct jm_error *err)
{
	struct jm_trace_event event = {.is_whole = true};
	struct jm_json_token t;
	int rc;

	while (!(rc = jm_json_next(r->json, &t, err)) && t.type != JM_JSON_ARRAY_END) {
		rc = jm_trace_event_read(r->json, &t, &event, err);
		if (!rc)
			rc = take(r, &event, err);
		if (!rc && r->emit.rc)
			rc = jm_emit_finish(&r->emit, err);
		if (rc)
			break;
	}
	/* Between events of a bare array the end of the text is the end of the array. */
	if (rc && jm_json_is_truncated(r->json) && !r->is_object && event.is_whole) {
		jm_trace_warn(r->emit.out, "%s: the closing bracket is missing; all whole events were read",
			      jm_trace_path(r->in));
		rc = JM_E_GONE;
	}
	jm_trace_event_finish(&event);
	return rc;
}

static int read_object(struct reading *r, struct jm_error *err)
{
	struct jm_json_token key, t;
	int rc;

	while (!(rc = jm_json_next(r->json, &key, err)) && key.type == JM_JSON_KEY) {
		bool is_events = jm_json_is(&key, "traceEvents"), is_base = jm_json_is(&key, "baseTimeNanoseconds");

		rc = jm_json_next(r->json, &t, err);
		if (!rc && is_base && (t.n == 0 || jm_text_fixed(t.text, t.n, 0, &r->base_ns)))
			rc = jm_json_error(r->json, &t, err, "baseTimeNanoseconds is no time");
		if (!rc && is_events && t.type == JM_JSON_ARRAY)
			rc = read_events(r, err);
		else if (!rc)
			rc = jm_json_skip(r->json, &t, err);
		if (rc)
			return rc;
	}
	return rc;
}

static int read_document(struct reading *r, struct jm_error *err)
{
	struct jm_json_token t;
	int rc = jm_json_next(r->json, &t, err);

	if (rc)
		return rc;
	r->is_object = t.type == JM_JSON_OBJECT;
	if (t.type == JM_JSON_ARRAY)
		rc = read_events(r, err);
	else if (t.type == JM_JSON_OBJECT)
		rc = read_object(r, err);
	else
		rc = jm_json_error(r->json, &t, err, "an array of events, or an object that holds one, was expected");
	if (rc == JM_E_GONE)
		return 0;
	return rc ? rc : jm_json_next(r->json, &t, err);
}

/* Kineto's ts without base count from 1970; those with one count from it, unless they are absolute all the same. */
static void set_clock(struct reading *r)
{
	const int64_t epoch_ns = JM_NS_PER_S * 1000000000;
	int64_t first = r->spans.n ? r->spans.items[0].start_ns : 0;
	size_t i;

	if (first <= epoch_ns && r->base_ns > epoch_ns) {
		for (i = 0; i < r->spans.n; i++) {
			if (__builtin_add_overflow(r->spans.items[i].start_ns, r->base_ns,
						   &r->spans.items[i].start_ns) ||
			    __builtin_add_overflow(r->spans.items[i].end_ns, r->base_ns, &r->spans.items[i].end_ns))
				r->spans.items[i].start_ns = r->spans.items[i].end_ns;
		}
		for (i = 0; i < r->steps.n; i++) {
			if (__builtin_add_overflow(r->steps.items[i].start_ns, r->base_ns,
						   &r->steps.items[i].start_ns) ||
			    __builtin_add_overflow(r->steps.items[i].end_ns, r->base_ns, &r->steps.items[i].end_ns))
				r->steps.items[i].start_ns = r->steps.items[i].end_ns;
		}
		first = epoch_ns + 1;
	}
	r->emit.out->clock = first > epoch_ns ? JM_TRACE_CLOCK_REALTIME : JM_TRACE_CLOCK_RELATIVE;
}

static int hand_over(struct reading *r, struct jm_error *err)
{
	uint64_t n_crossing = 0;
	size_t i;
	int rc;

	jm_span_list_sort(&r->spans);
	jm_span_list_sort(&r->steps);
	for (i = 0; i < r->steps.n; i++)
		r->steps.items[i].iteration = (uint32_t)i;
	if (r->steps.n > 0)
		jm_span_list_assign(&r->spans, &r->steps, SLACK_NS);
	rc = jm_span_list_nesting(&r->spans, SLACK_NS, NULL, &n_crossing);
	if (rc)
		return jm_error_set(err, rc, "out of memory");
	set_clock(r);
	for (i = 0; i < r->steps.n; i++)
		jm_emit_span(&r->emit, &r->steps.items[i]);
	for (i = 0; i < r->spans.n; i++)
		jm_emit_span(&r->emit, &r->spans.items[i]);
	jm_oddity_warn(&r->negative, r->in, r->emit.out, "an event with negative or endless duration was left out");
	jm_oddity_warn(&r->untimed, r->in, r->emit.out, "an event without ts or dur was left out");
	jm_oddity_warn(&r->unmatched, r->in, r->emit.out, "an end event without its begin was left out");
	if (r->open.n > 0)
		jm_trace_warn(r->emit.out, "%s: %zu begin events without their end were left out", jm_trace_path(r->in),
			      r->open.n);
	if (n_crossing > 0)
		jm_trace_warn(r->emit.out, "%s: %llu events of one thread overlap without one containing the other",
			      jm_trace_path(r->in), (unsigned long long)n_crossing);
	jm_emit_meta(&r->emit, "trace_source", "chrome");
	return jm_emit_finish(&r->emit, err);
}

static int read_trace(const struct jm_trace_input *in, struct jm_trace_output *out, struct jm_error *err)
{
	struct reading r = {.in = in};
	int rc;

	jm_emit_init(&r.emit, out);
	rc = jm_json_open(in->path, in->data, in->n, &r.json, err);
	if (!rc)
		rc = read_document(&r, err);
	if (!rc)
		rc = hand_over(&r, err);
	jm_json_close(r.json);
	jm_trace_tracks_finish(&r.tracks);
	jm_span_list_finish(&r.spans);
	jm_span_list_finish(&r.steps);
	jm_span_list_finish(&r.open);
	return rc;
}

const struct jm_importer jm_importer_chrome = {
    .name = "chrome",
    .summary = "Chrome trace, PyTorch profiler (JSON, plain or gzip)",
    .match = match,
    .read = read_trace,
};
