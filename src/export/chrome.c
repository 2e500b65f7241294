/* The trace event format of Chromium, JSON Object Format, which chrome://tracing and Perfetto read ("Trace Event Format", Google,
 * 2016: complete events "X", counters "C", metadata "M"). Its times are microseconds; three decimals keep the nanosecond. They
 * count from the first event, so that a reader that takes them for doubles loses none. */
#include "export/export.h"

#include <inttypes.h>

#define PID "1"

static void begin_event(struct jm_trace *t, const char *phase)
{
	jm_buffer_printf(&t->out, "%s{\"ph\":\"%s\",\"pid\":" PID, t->has_event ? ",\n" : "\n", phase);
	t->has_event = true;
}

static void time_us(struct jm_trace *t, const char *key, int64_t ns)
{
	uint64_t magnitude = ns < 0 ? (uint64_t)-ns : (uint64_t)ns;

	jm_buffer_printf(&t->out, ",\"%s\":%s%" PRIu64 ".%03u", key, ns < 0 ? "-" : "", magnitude / 1000,
			 (unsigned)(magnitude % 1000));
}

static void arg(struct jm_trace *t, const struct jm_trace_arg *a, bool is_first)
{
	jm_buffer_puts(&t->out, is_first ? "" : ",");
	jm_buffer_json_string(&t->out, a->key);
	jm_buffer_puts(&t->out, ":");
	if (a->text)
		jm_buffer_json_string(&t->out, a->text);
	else if (a->is_whole)
		jm_buffer_printf(&t->out, "%.0f", a->number);
	else
		jm_buffer_json_number(&t->out, a->number);
}

static void args(struct jm_trace *t, const struct jm_trace_arg *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		arg(t, &list[i], i == 0);
}

/* {"ph":"M", ... "name":WHAT,"args":{"name":TEXT}} */
static void name_it(struct jm_trace *t, const char *what, uint32_t tid, const char *text)
{
	begin_event(t, "M");
	jm_buffer_printf(&t->out, ",\"tid\":%" PRIu32 ",\"name\":\"%s\",\"args\":{\"name\":", tid, what);
	jm_buffer_json_string(&t->out, text);
	jm_buffer_puts(&t->out, "}}");
}

static void begin(struct jm_trace *t)
{
	jm_buffer_puts(&t->out, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
	name_it(t, "process_name", 0, t->head.process);
}

static void track(struct jm_trace *t, const struct jm_trace_track *track)
{
	if (track->kind == JM_TRACE_COUNTER)
		return; /* named by each value */
	name_it(t, "thread_name", track->id, track->name);
	begin_event(t, "M");
	jm_buffer_printf(&t->out,
			 ",\"tid\":%" PRIu32 ",\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":%" PRIu32 "}}",
			 track->id, track->id);
}

static void value(struct jm_trace *t, const struct jm_trace_track *track, int64_t t_ns, double value)
{
	begin_event(t, "C");
	jm_buffer_puts(&t->out, ",\"name\":");
	jm_buffer_json_string(&t->out, track->name);
	time_us(t, "ts", t_ns - t->head.origin_ns);
	jm_buffer_puts(&t->out, ",\"args\":{");
	arg(t, &(struct jm_trace_arg){.key = track->unit, .number = value}, true);
	jm_buffer_puts(&t->out, "}}");
}

static void begin_slice(struct jm_trace *t, uint32_t track, const struct jm_trace_slice *slice)
{
	begin_event(t, "X");
	jm_buffer_printf(&t->out, ",\"tid\":%" PRIu32 ",\"name\":", track);
	jm_buffer_json_string(&t->out, slice->name);
	jm_buffer_puts(&t->out, ",\"cat\":");
	jm_buffer_json_string(&t->out, slice->category);
	time_us(t, "ts", slice->start_ns - t->head.origin_ns);
	time_us(t, "dur", slice->end_ns - slice->start_ns);
	jm_buffer_puts(&t->out, ",\"args\":{");
	args(t, slice->args, slice->n_args);
	jm_buffer_puts(&t->out, "}}");
}

/* A complete event says its own end. */
static void end_slice(struct jm_trace *t, uint32_t track, int64_t t_ns)
{
	(void)t;
	(void)track;
	(void)t_ns;
}

static void end(struct jm_trace *t, const struct jm_trace_arg *facts, size_t n_facts)
{
	jm_buffer_puts(&t->out, "\n],\"otherData\":{");
	args(t, facts, n_facts);
	jm_buffer_puts(&t->out, "}}\n");
}

static const struct jm_trace_writer writer = {
    .begin = begin, .track = track, .value = value, .begin_slice = begin_slice, .end_slice = end_slice, .end = end};

const struct jm_exporter jm_exporter_chrome = {
    .name = "chrome",
    .summary = "trace events as JSON, for chrome://tracing and ui.perfetto.dev",
    .trace = &writer,
};
