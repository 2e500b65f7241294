/* ONNX Runtime's profile: a JSON array of complete events. Each executed node gives "<node>_kernel_time" with
 * args.op_name; each call of Run gives "model_run"; a node's event precedes that of its run. Times count from the start
 * of the session, in whole microseconds, so a node may seem to stick out of its run by one. "_fence_before" and
 * "_fence_after" of older versions say nothing of energy and are left out.
 * Source: onnxruntime/core/common/profiler.cc and framework/sequential_executor.cc, 1.10 to 1.20. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/units.h"
#include "trace/emit.h"
#include "trace/event.h"

#include <stdlib.h>
#include <string.h>

#define SLACK_NS JM_NS_PER_US

struct reading {
	const struct jm_trace_input *in;
	struct jm_emit emit;
	struct jm_json *json;
	struct jm_trace_tracks tracks;
	struct jm_span_list spans; /* layers and kernels, in order of the file */
	struct jm_span_list runs;
	struct jm_oddity negative, untimed, outside;
	bool *is_told; /* by name: its shapes are known */
	size_t n_told;
};

static int match(const char *head, size_t n)
{
	if (jm_head_first(head, n) != '[')
		return 0;
	if (jm_head_has(head, n, "_kernel_time") || jm_head_has(head, n, "model_loading_") ||
	    jm_head_has(head, n, "session_initialization"))
		return 90;
	return 0;
}

/* Length of the node's name when the event is the run of a node, else 0. */
static size_t node_length(const struct jm_trace_event *event)
{
	static const char suffix[] = "_kernel_time";
	size_t n = event->name.n, suffix_n = sizeof(suffix) - 1;

	return n > suffix_n && strcmp(event->name.data + n - suffix_n, suffix) == 0 ? n - suffix_n : 0;
}

/* Counting lines is slow: only for the first. */
static void odd(struct reading *r, struct jm_oddity *o, const struct jm_trace_event *event)
{
	jm_oddity_add(o, o->n == 0 ? jm_json_line(r->json, event->offset) : 0);
}

/* Says whether the name is one whose shapes were not told yet. Without memory for the list they are told again. */
static bool is_new(struct reading *r, uint32_t name)
{
	bool *grown;
	size_t i, n = (size_t)name + 1;

	if (name < r->n_told)
		return !r->is_told[name] && (r->is_told[name] = true);
	grown = realloc(r->is_told, 2 * n * sizeof(*grown));
	if (!grown)
		return true;
	for (i = r->n_told; i < 2 * n; i++)
		grown[i] = i == name;
	r->is_told = grown;
	r->n_told = 2 * n;
	return true;
}

static int take(struct reading *r, const struct jm_trace_event *event, struct jm_error *err)
{
	size_t node_n = node_length(event);
	bool is_run = !strcmp(event->category.data, "Session") && !strcmp(event->name.data, "model_run");
	bool is_kernel = !node_n && !strcmp(event->category.data, "Kernel");
	struct jm_span span = {.iteration = JM_NO_ITERATION};
	int rc;

	if ((!is_run && !is_kernel && !node_n) || event->phase != 'X')
		return 0;
	if (!event->has_start || !event->has_duration) {
		odd(r, &r->untimed, event);
		return 0;
	}
	if (event->duration_ns < 0 || __builtin_add_overflow(event->start_ns, event->duration_ns, &span.end_ns)) {
		odd(r, &r->negative, event);
		return 0;
	}
	span.start_ns = event->start_ns;
	span.kind = is_run ? JM_SPAN_ITERATION : is_kernel ? JM_SPAN_KERNEL : JM_SPAN_LAYER;
	span.flags = JM_SPAN_PROFILED;
	rc = jm_trace_track(&r->tracks, event->pid, event->tid, &span.track);
	if (rc)
		return jm_error_set(err, rc, "%s: cannot number the threads", jm_trace_path(r->in));
	span.name = jm_emit_name(&r->emit, event->name.data, node_n ? node_n : event->name.n, event->op_name.data,
				 event->op_name.n);
	if (node_n && event->given.n && is_new(r, span.name))
		jm_emit_shapes(&r->emit, span.name, event->taken.n ? event->taken.data : "", event->given.data);
	rc = jm_span_list_add(is_run ? &r->runs : &r->spans, &span);
	return rc ? jm_error_set(err, rc, "out of memory") : 0;
}

static int read_events(struct reading *r, struct jm_error *err)
{
	struct jm_trace_event event = {0};
	struct jm_json_token t;
	int rc = jm_json_next(r->json, &t, err);

	if (!rc && t.type != JM_JSON_ARRAY)
		rc = jm_json_error(r->json, &t, err, "an array of events was expected");
	while (!rc && !(rc = jm_json_next(r->json, &t, err)) && t.type != JM_JSON_ARRAY_END) {
		rc = jm_trace_event_read(r->json, &t, &event, err);
		if (!rc)
			rc = take(r, &event, err);
		if (!rc)
			rc = r->emit.rc ? jm_emit_finish(&r->emit, err) : 0;
	}
	if (!rc)
		rc = jm_json_next(r->json, &t, err); /* text behind the array is an error */
	jm_trace_event_finish(&event);
	return rc;
}

static void number_iterations(struct reading *r)
{
	size_t i;

	if (r->runs.n == 0 && r->spans.n > 0)
		jm_trace_warn(r->emit.out, "%s: no model_run events: the nodes cannot be told apart by iteration",
			      jm_trace_path(r->in));
	jm_span_list_sort(&r->runs);
	for (i = 0; i < r->runs.n; i++) {
		r->runs.items[i].iteration = (uint32_t)i;
		jm_emit_span(&r->emit, &r->runs.items[i]);
	}
	jm_span_list_sort(&r->spans);
	r->outside.n = jm_span_list_assign(&r->spans, &r->runs, SLACK_NS);
	if (r->runs.n == 0)
		r->outside.n = 0;
	for (i = 0; i < r->spans.n; i++)
		jm_emit_span(&r->emit, &r->spans.items[i]);
}

static void warn_all(struct reading *r)
{
	jm_oddity_warn(&r->negative, r->in, r->emit.out, "an event with negative or endless duration was left out");
	jm_oddity_warn(&r->untimed, r->in, r->emit.out, "an event without ts or dur was left out");
	if (r->outside.n > 0)
		jm_trace_warn(r->emit.out, "%s: %llu nodes lie outside of every model_run and belong to no iteration",
			      jm_trace_path(r->in), (unsigned long long)r->outside.n);
	if (r->spans.n == 0)
		jm_trace_warn(r->emit.out, "%s: no node was run while this profile was taken", jm_trace_path(r->in));
}

static int read_profile(const struct jm_trace_input *in, struct jm_trace_output *out, struct jm_error *err)
{
	struct reading r = {.in = in};
	int rc;

	jm_emit_init(&r.emit, out);
	rc = jm_json_open(in->path, in->data, in->n, &r.json, err);
	if (!rc)
		rc = read_events(&r, err);
	if (!rc) {
		out->clock = JM_TRACE_CLOCK_RELATIVE;
		number_iterations(&r);
		warn_all(&r);
		jm_emit_meta(&r.emit, "trace_source", "onnxruntime");
		rc = jm_emit_finish(&r.emit, err);
	}
	jm_json_close(r.json);
	jm_trace_tracks_finish(&r.tracks);
	jm_span_list_finish(&r.spans);
	jm_span_list_finish(&r.runs);
	free(r.is_told);
	return rc;
}

const struct jm_importer jm_importer_onnxruntime = {
    .name = "onnxruntime",
    .summary = "profile of ONNX Runtime (JSON)",
    .match = match,
    .read = read_profile,
};
