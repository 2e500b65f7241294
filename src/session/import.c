#define _GNU_SOURCE
#include "attribution/align.h"
#include "core/error.h"
#include "core/units.h"
#include "recording/recording.h"
#include "session/gather.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Below this the activity explains too little of the power for the offset to be believed. */
#define CORRELATION_MIN 0.5

static const char *clock_text(enum jm_trace_clock clock)
{
	static const char *const texts[] = {
	    [JM_TRACE_CLOCK_NONE] = "durations only",    [JM_TRACE_CLOCK_RELATIVE] = "relative",
	    [JM_TRACE_CLOCK_MONOTONIC] = "monotonic",    [JM_TRACE_CLOCK_REALTIME] = "real time",
	    [JM_TRACE_CLOCK_LOCAL] = "local wall clock",
	};

	return texts[clock];
}

static int by_start(const void *a, const void *b)
{
	const struct jm_span *x = a, *y = b;

	return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static int by_time(const void *a, const void *b)
{
	const struct jm_sample *x = a, *y = b;

	if (x->t_ns != y->t_ns)
		return (x->t_ns > y->t_ns) - (x->t_ns < y->t_ns);
	return (x->channel > y->channel) - (x->channel < y->channel);
}

/* The first file with readings sets the clock. */
static const struct jm_gathered *power_file(const struct jm_gathering *g)
{
	size_t i;

	for (i = 0; i < g->n_files; i++)
		if (g->files[i].n_samples)
			return &g->files[i];
	return NULL;
}

/* Makes the series that says when power was drawn: the first channel with energy that is not a twin. */
static int power_series(const struct jm_gathering *g, const struct jm_gathered *f, struct jm_series *out,
			struct jm_error *err)
{
	struct jm_sample *samples = malloc((f->n_samples + 1) * sizeof(*samples));
	uint16_t channel = 0;
	size_t n = 0, i;
	int rc;

	if (!samples)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the readings of %s", f->path);
	while (channel < g->n_channels &&
	       (!jm_channel_has_energy(&g->channels[channel]) || g->channels[channel].same_as >= 0))
		channel++;
	for (i = 0; i < f->n_samples; i++)
		if (f->samples[i].channel == channel)
			samples[n++] = f->samples[i];
	rc = channel < g->n_channels ? jm_series_init(out, &g->channels[channel], samples, n, 0, err)
				     : jm_error_set(err, JM_E_FORMAT, "%s has no power or energy", f->path);
	free(samples);
	return rc;
}

static int align(const struct jm_gathering *g, const struct jm_gathered *power, const struct jm_gathered *trace,
		 int64_t *offset_ns_out, struct jm_error *err)
{
	int64_t *starts = malloc((trace->n_spans + 1) * sizeof(*starts)),
		*ends = malloc((trace->n_spans + 1) * sizeof(*ends));
	struct jm_alignment a = {0};
	struct jm_series series = {0};
	size_t i;
	int rc = starts && ends ? power_series(g, power, &series, err) : jm_error_set(err, JM_E_NOMEM, "out of memory");

	for (i = 0; rc == 0 && i < trace->n_spans; i++) {
		starts[i] = trace->spans[i].start_ns;
		ends[i] = trace->spans[i].end_ns;
	}
	if (rc == 0)
		rc = jm_align(&series, starts, ends, trace->n_spans, &a, err);
	jm_series_finish(&series);
	free(starts);
	free(ends);
	if (rc == 0 && a.correlation < CORRELATION_MIN)
		rc = jm_error_set(err, JM_E_UNIDENTIFIABLE,
				  "the clocks of %s (%s) and %s (%s) cannot be tied: power follows activity too little "
				  "(correlation %.2f)",
				  trace->path, clock_text(trace->clock), power->path, clock_text(power->clock),
				  a.correlation);
	if (rc) {
		jm_error_remedy(err, "give the offset between the two: --offset SECONDS");
		return rc;
	}
	jm_gather_tell(
	    g, "clock of %s (%s) tied to %s (%s): offset %+.6f s, within %.6f s, correlation %.3f (next best %.3f)",
	    trace->path, clock_text(trace->clock), power->path, clock_text(power->clock), jm_s_from_ns(a.offset_ns),
	    jm_s_from_ns(a.resolution_ns), a.correlation, a.runner_up);
	*offset_ns_out = a.offset_ns;
	return 0;
}

/* Brings the spans of one file to the clock of the readings. */
static int tie(const struct jm_gathering *g, const struct jm_import_options *o, const struct jm_gathered *power,
	       struct jm_gathered *f, struct jm_error *err)
{
	int64_t offset_ns = o->has_offset ? o->offset_ns : 0;
	size_t i;
	int rc;

	if (f->n_spans == 0 || !power || f == power)
		return 0;
	if (!o->has_offset && (f->clock != power->clock || f->clock <= JM_TRACE_CLOCK_RELATIVE)) {
		rc = align(g, power, f, &offset_ns, err);
		if (rc)
			return rc;
	} else if (!o->has_offset) {
		jm_gather_tell(g, "clock of %s and %s: the same (%s), offset 0", f->path, power->path,
			       clock_text(f->clock));
	}
	for (i = 0; i < f->n_spans; i++) {
		f->spans[i].start_ns += offset_ns;
		f->spans[i].end_ns += offset_ns;
	}
	return 0;
}

/* Spans that no reading covers have no energy; nobody should have to find that out from a report. */
static void tell_outside(const struct jm_gathering *g, const struct jm_gathered *power, const struct jm_gathered *f)
{
	int64_t first = INT64_MAX, last = INT64_MIN;
	size_t n_before = 0, n_after = 0, i;

	for (i = 0; i < power->n_samples; i++) {
		first = power->samples[i].t_ns < first ? power->samples[i].t_ns : first;
		last = power->samples[i].t_ns > last ? power->samples[i].t_ns : last;
	}
	for (i = 0; i < f->n_spans; i++) {
		n_before += f->spans[i].start_ns < first;
		n_after += f->spans[i].start_ns >= first && f->spans[i].end_ns > last;
	}
	if (n_before + n_after > 0)
		jm_gather_tell(g, "%s: %zu of %zu spans begin before %s and %zu end after it: they have no power there",
			       f->path, n_before, f->n_spans, power->path, n_after);
}

static bool is_inside(const struct jm_span *span, const struct jm_span *phases, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (span->start_ns >= phases[i].start_ns && span->end_ns <= phases[i].end_ns)
			return true;
	return false;
}

/* Marks the layers inside the phases that the user named as run alone; an importer that knows stages did so before.
 * Errors: JM_E_NOT_FOUND when there are none. */
static int mark_isolated(struct jm_gathering *g, const char *name, struct jm_error *err)
{
	struct jm_span phases[64];
	size_t n = 0, n_marked = 0, i, k;

	for (i = 0; i < g->n_files; i++)
		for (k = 0; k < g->files[i].n_spans && n < sizeof(phases) / sizeof(phases[0]); k++)
			if (g->files[i].spans[k].kind == JM_SPAN_PHASE &&
			    strcmp(g->names.items[g->files[i].spans[k].name].text, name) == 0)
				phases[n++] = g->files[i].spans[k];
	for (i = 0; i < g->n_files; i++) {
		for (k = 0; k < g->files[i].n_spans; k++) {
			struct jm_span *s = &g->files[i].spans[k];

			if (s->kind == JM_SPAN_PHASE || !(is_inside(s, phases, n) || (s->flags & JM_SPAN_ISOLATED)))
				continue;
			s->flags |= JM_SPAN_ISOLATED;
			n_marked++;
		}
	}
	if (n_marked == 0)
		return jm_error_set(err, JM_E_NOT_FOUND, "no phase '%s' with layers in it", name);
	jm_gather_tell(g, "%zu blocks of layers run alone, in phase %s", n_marked, name);
	return 0;
}

static bool is_plain(const struct jm_span *s)
{
	return !(s->flags & (JM_SPAN_PROFILED | JM_SPAN_ISOLATED | JM_SPAN_WARMUP)) &&
	       (s->kind == JM_SPAN_ITERATION || s->kind == JM_SPAN_LAYER);
}

/* Where all inferences ran under the profiler, there is no other block for the energy to come from: the readings are
 * those of the profiled ones. */
static void take_profiled_as_measured(struct jm_gathering *g)
{
	size_t n_profiled = 0, i, k;

	for (i = 0; i < g->n_files; i++)
		for (k = 0; k < g->files[i].n_spans; k++) {
			if (is_plain(&g->files[i].spans[k]))
				return;
			n_profiled += (g->files[i].spans[k].flags & JM_SPAN_PROFILED) != 0;
		}
	if (n_profiled == 0)
		return;
	for (i = 0; i < g->n_files; i++)
		for (k = 0; k < g->files[i].n_spans; k++)
			g->files[i].spans[k].flags &= (uint8_t)~JM_SPAN_PROFILED;
	jm_gather_tell(g, "all inferences ran under a profiler: what that costs is in the layers' time and energy");
}

static int write_channels(struct jm_writer *w, const struct jm_gathering *g)
{
	struct jm_recording_sensor *sensors = calloc(g->n_channels + 1, sizeof(*sensors));
	size_t i;
	int rc;

	if (!sensors)
		return JM_E_NOMEM;
	for (i = 0; i < g->n_channels; i++) {
		snprintf(sensors[i].name, sizeof(sensors[i].name), "%s", g->channels[i].name);
		snprintf(sensors[i].driver, sizeof(sensors[i].driver), "import");
		sensors[i].first_channel = (uint16_t)i;
		sensors[i].n_channels = 1;
	}
	rc = jm_writer_sensors(w, sensors, g->n_channels, g->channels, g->n_channels);
	free(sensors);
	return rc;
}

/* What was expected of a log is not known; taken and the longest gap are. */
static int write_ledgers(struct jm_writer *w, const struct jm_gathering *g, const struct jm_gathered *f)
{
	size_t c, i;
	int rc = 0;

	for (c = 0; c < g->n_channels && rc == 0; c++) {
		struct jm_ledger l = {.period_ns = g->channels[c].update_period_ns};

		for (i = 0; i < f->n_samples; i++) {
			const struct jm_sample *s = &f->samples[i];

			if (s->channel != c || s->status != JM_SAMPLE_OK)
				continue;
			if (l.taken++ == 0)
				l.first_ns = s->t_ns;
			else if (s->t_ns - l.last_ns > l.longest_gap_ns)
				l.longest_gap_ns = s->t_ns - l.last_ns;
			l.last_ns = s->t_ns;
		}
		if (l.taken == 0)
			continue;
		l.expected = l.period_ns > 0 ? (uint64_t)((l.last_ns - l.first_ns) / l.period_ns) + 1 : l.taken;
		l.missed = l.expected > l.taken ? l.expected - l.taken : 0;
		rc = jm_writer_ledger(w, (uint16_t)c, &l);
	}
	return rc;
}

static int write_names(struct jm_span_sink *sink, const struct jm_gathering *g)
{
	const struct jm_names *names = &g->names;
	size_t i;
	int rc = 0;

	/* In the same order, so that indices stay. */
	for (i = 0; i < names->n && rc == 0; i++) {
		const struct jm_name *n = &names->items[i];
		uint32_t index;

		rc = sink->name(sink->ctx, n->text, strlen(n->text), n->type, strlen(n->type), &index);
		if (rc == 0 && n->shapes)
			rc = sink->shapes(sink->ctx, index, n->shapes);
	}
	return rc;
}

static int write_window(struct jm_writer *w, const struct jm_gathering *g)
{
	int64_t start = INT64_MAX, end = INT64_MIN;
	size_t i, k;
	int rc;

	for (i = 0; i < g->n_files; i++) {
		for (k = 0; k < g->files[i].n_spans; k++) {
			start = g->files[i].spans[k].start_ns < start ? g->files[i].spans[k].start_ns : start;
			end = g->files[i].spans[k].end_ns > end ? g->files[i].spans[k].end_ns : end;
		}
	}
	if (start >= end)
		return 0;
	rc = jm_writer_meta_i64(w, "window_start_ns", start);
	return rc ? rc : jm_writer_meta_i64(w, "window_end_ns", end);
}

static int write_all(struct jm_writer *w, struct jm_gathering *g)
{
	struct jm_sample_sink samples = jm_writer_sample_sink(w);
	struct jm_span_sink spans = jm_writer_span_sink(w);
	size_t i;
	int rc = jm_writer_meta(w, "imported", "1");

	rc = rc ? rc : jm_writer_meta(w, "kind", "import");
	for (i = 0; i < g->n_meta && rc == 0; i++)
		rc = jm_writer_meta(w, g->keys[i], g->values[i]);
	rc = rc ? rc : write_channels(w, g);
	rc = rc ? rc : write_names(&spans, g);
	rc = rc ? rc : write_window(w, g);
	rc = rc ? rc : jm_import_processes(w, &g->processes);
	for (i = 0; i < g->n_files && rc == 0; i++) {
		struct jm_gathered *f = &g->files[i];

		if (f->n_samples)
			qsort(f->samples, f->n_samples, sizeof(*f->samples), by_time);
		rc = f->n_samples ? samples.write(samples.ctx, f->samples, f->n_samples) : 0;
		rc = rc || !f->n_spans ? rc : spans.write(spans.ctx, f->spans, f->n_spans);
		rc = rc ? rc : write_ledgers(w, g, f);
	}
	return rc;
}

static int write_recording(struct jm_gathering *g, const struct jm_import_options *o, struct jm_error *err)
{
	struct jm_writer *w;
	int rc = jm_writer_create(o->path, o->overwrite, &w, err), closing;

	if (rc)
		return rc;
	rc = write_all(w, g);
	if (rc && jm_writer_status(w, err) == 0)
		jm_error_set(err, rc, "cannot write %s: %s", o->path, jm_error_text(rc));
	closing = jm_writer_close(w, rc ? NULL : err);
	return rc ? rc : closing;
}

/* A file that is well-formed and empty must not look like a measurement. */
static int check_content(const struct jm_gathering *g, struct jm_error *err)
{
	size_t n_readings = 0, n_spans = 0, i, k;

	for (i = 0; i < g->n_files; i++) {
		n_spans += g->files[i].n_spans;
		for (k = 0; k < g->files[i].n_samples; k++)
			n_readings += g->files[i].samples[k].status == JM_SAMPLE_OK;
	}
	if (n_readings)
		return 0;
	if (n_spans) {
		jm_gather_tell(g,
			       "warning: there is no reading of power or energy: the recording has times alone; give a "
			       "power log, too");
		return 0;
	}
	jm_error_set(err, JM_E_FORMAT, "there is nothing in %s%s: neither readings nor spans", g->files[0].path,
		     g->n_files > 1 ? " and the other files" : "");
	jm_error_remedy(err, "check that the logger ran: a power log has a reading a line");
	return JM_E_FORMAT;
}

int jm_import(const char *const *files, size_t n_files, const struct jm_import_options *o, struct jm_error *err)
{
	struct jm_gathering g = {.isolated = o->isolated, .tell = o->tell, .ctx = o->ctx};
	const struct jm_gathered *power;
	size_t i;
	int rc = n_files ? 0 : jm_error_set(err, JM_E_INVALID, "nothing to import");

	for (i = 0; i < n_files && rc == 0; i++)
		rc = jm_gather_file(&g, files[i], err);
	if (rc == 0)
		rc = jm_gather_types(&g, err);
	power = power_file(&g);
	rc = rc ? rc : check_content(&g, err);
	for (i = 0; i < g.n_files && rc == 0; i++) {
		if (g.files[i].n_spans)
			qsort(g.files[i].spans, g.files[i].n_spans, sizeof(struct jm_span), by_start);
		rc = tie(&g, o, power, &g.files[i], err);
		if (rc == 0 && power && g.files[i].n_spans)
			tell_outside(&g, power, &g.files[i]);
	}
	if (rc == 0 && o->isolated)
		rc = mark_isolated(&g, o->isolated, err);
	if (rc == 0 && power)
		take_profiled_as_measured(&g);
	if (rc == 0)
		rc = write_recording(&g, o, err);
	jm_gathering_finish(&g);
	return rc;
}
