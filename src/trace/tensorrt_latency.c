/* trt_layer_latency.json of edge-vision-power-estimation: an object, layer name to list over inferences ("cycles"), of
 * milliseconds or of [milliseconds, "YYYYmmdd-HH:MM:SS.f"]; order of the keys: order of execution. A stamp is the time
 * of the profiler's report, which TensorRT makes after the whole inference, so that the stamps of a cycle overlap:
 * then its layers are laid back to back, ending with the last report. Without stamps they are laid from 0. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/units.h"
#include "trace/emit.h"
#include "trace/map_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int match(const char *head, size_t n)
{
	/* {"name": [0.25, or {"name": [[0.25, "20300101-00:00:00.5" */
	static const enum jm_json_type plain[] = {JM_JSON_OBJECT, JM_JSON_KEY, JM_JSON_ARRAY, JM_JSON_NUMBER};
	static const enum jm_json_type stamped[] = {JM_JSON_OBJECT, JM_JSON_KEY,    JM_JSON_ARRAY,
						    JM_JSON_ARRAY,  JM_JSON_NUMBER, JM_JSON_STRING};
	enum jm_json_type types[6];
	struct jm_json *json = NULL;
	struct jm_json_token t;
	size_t i = 0;

	if (jm_head_first(head, n) != '{' || jm_json_open(NULL, head, n, &json, NULL))
		return 0;
	while (i < 6 && !jm_json_next(json, &t, NULL))
		types[i++] = t.type;
	jm_json_close(json);
	if (i == 6 && memcmp(types, stamped, sizeof(stamped)) == 0)
		return 90;
	return i >= 4 && memcmp(types, plain, sizeof(plain)) == 0 ? 70 : 0;
}

struct laying {
	struct jm_emit emit;
	struct jm_map_layers layers;
	uint32_t *names, cycle_name;
	int64_t *starts, *ends; /* of one cycle, us or ns */
	double at_ms;           /* without stamps: end of the last layer */
	uint64_t n_laid;
};

/* Layers by the million, a day each, would leave the range of ns. */
static int64_t bounded_ns(double ns)
{
	return ns < 9e18 ? llround(ns) : INT64_C(9000000000000000000);
}

static int64_t ns_from_us(int64_t us)
{
	int64_t ns;

	if (!__builtin_mul_overflow(us, JM_NS_PER_US, &ns))
		return ns;
	return us < 0 ? INT64_MIN : INT64_MAX;
}

/* Without stamps: back to back from 0, in ns. */
static void lay_from_zero(struct laying *l, size_t cycle)
{
	size_t i;

	for (i = 0; i < l->layers.n; i++) {
		if (cycle >= l->layers.items[i].n)
			continue;
		l->starts[i] = bounded_ns(l->at_ms * 1e6);
		l->at_ms += l->layers.items[i].entries[cycle].duration_ms;
		l->ends[i] = bounded_ns(l->at_ms * 1e6);
	}
}

static void lay_cycle(struct laying *l, size_t cycle)
{
	struct jm_span span = {.kind = JM_SPAN_LAYER, .flags = JM_SPAN_PROFILED, .iteration = (uint32_t)cycle};
	struct jm_span whole = {.kind = JM_SPAN_ITERATION,
				.flags = JM_SPAN_PROFILED,
				.iteration = (uint32_t)cycle,
				.start_ns = INT64_MAX,
				.end_ns = INT64_MIN,
				.name = l->cycle_name};
	size_t i;

	if (l->layers.has_stamps)
		l->n_laid += !jm_map_lay(&l->layers, cycle, l->starts, l->ends);
	else
		lay_from_zero(l, cycle);
	for (i = 0; i < l->layers.n; i++) {
		if (cycle >= l->layers.items[i].n)
			continue;
		if (l->layers.has_stamps) {
			l->starts[i] = ns_from_us(l->starts[i]);
			l->ends[i] = ns_from_us(l->ends[i]);
		}
		if (l->starts[i] < whole.start_ns)
			whole.start_ns = l->starts[i];
		if (l->ends[i] > whole.end_ns)
			whole.end_ns = l->ends[i];
	}
	jm_emit_span(&l->emit, &whole);
	for (i = 0; i < l->layers.n; i++) {
		if (cycle >= l->layers.items[i].n)
			continue;
		span.name = l->names[i];
		span.start_ns = l->starts[i];
		span.end_ns = l->ends[i];
		jm_emit_span(&l->emit, &span);
	}
}

static int hand_over(struct laying *l, const struct jm_trace_input *in, struct jm_trace_output *out,
		     struct jm_error *err)
{
	uint64_t n_ragged = 0, n_back;
	size_t i;

	l->names = calloc(l->layers.n + 1, sizeof(*l->names));
	l->starts = calloc(2 * l->layers.n + 1, sizeof(*l->starts));
	if (!l->names || !l->starts)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	l->ends = l->starts + l->layers.n;
	l->cycle_name = jm_emit_name(&l->emit, "inference", 9, NULL, 0);
	for (i = 0; i < l->layers.n; i++) {
		const char *name = l->layers.items[i].name;

		l->names[i] = jm_emit_name(&l->emit, name, strlen(name), NULL, 0);
		n_ragged += l->layers.items[i].n != l->layers.n_cycles;
	}
	for (i = 0; i < l->layers.n_cycles && !l->emit.rc; i++)
		lay_cycle(l, i);
	out->clock = l->layers.has_stamps ? JM_TRACE_CLOCK_LOCAL : JM_TRACE_CLOCK_NONE;
	if (n_ragged > 0)
		jm_trace_warn(out,
			      "%s: %llu layers have fewer entries than others: entry n is taken to be of inference n",
			      jm_trace_path(in), (unsigned long long)n_ragged);
	n_back = jm_map_count_steps_back(&l->layers);
	if (n_back > 0)
		jm_trace_warn(out, "%s: the clock of the layers steps back %llu times: spans around it overlap others",
			      jm_trace_path(in), (unsigned long long)n_back);
	if (l->n_laid > 0)
		jm_trace_warn(
		    out,
		    "%s: the times of the layers overlap in %llu of %llu inferences, as TensorRT reports them "
		    "afterwards: they were laid back to back before the last report",
		    jm_trace_path(in), (unsigned long long)l->n_laid, (unsigned long long)l->layers.n_cycles);
	jm_emit_meta(&l->emit, "trace_source", "tensorrt");
	return jm_emit_finish(&l->emit, err);
}

static int read_latency(const struct jm_trace_input *in, struct jm_trace_output *out, struct jm_error *err)
{
	struct laying l = {.at_ms = 0};
	struct jm_json *json = NULL;
	int rc;

	jm_emit_init(&l.emit, out);
	rc = jm_json_open(in->path, in->data, in->n, &json, err);
	if (!rc)
		rc = jm_map_latency_read(json, &l.layers, err);
	if (!rc)
		rc = hand_over(&l, in, out, err);
	jm_json_close(json);
	jm_map_layers_finish(&l.layers);
	free(l.names);
	free(l.starts);
	return rc;
}

const struct jm_importer jm_importer_tensorrt_latency = {
    .name = "tensorrt_latency",
    .summary = "trt_layer_latency.json: milliseconds of each layer and inference, with or without times",
    .match = match,
    .read = read_latency,
};
