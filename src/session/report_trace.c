/* A recording as a trace: power above the layers, with what the result says of each layer as its arguments. docs/export.md. */
#define _GNU_SOURCE
#include "session/report.h"

#include "attribution/series.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/units.h"
#include "export/trace.h"
#include "session/report_trace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void number(struct jm_trace_args *a, const char *key, double value)
{
	if (isfinite(value) && a->n < JM_TRACE_ARGS_MAX)
		a->items[a->n++] = (struct jm_trace_arg){.key = key, .number = value};
}

static void count(struct jm_trace_args *a, const char *key, double value)
{
	size_t before = a->n;

	number(a, key, value);
	if (a->n > before)
		a->items[before].is_whole = true;
}

static void text(struct jm_trace_args *a, const char *key, const char *value)
{
	if (value && *value && a->n < JM_TRACE_ARGS_MAX)
		a->items[a->n++] = (struct jm_trace_arg){.key = key, .text = value};
}

static int compare_keys(const void *a, const void *b)
{
	const struct jm_trace_name *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	return order ? order : strcmp(x->type, y->type);
}

/* Ties the rows of the result to the names of the recording: [name] is its first row, row->next the one on another channel. */
static int tie_rows(struct jm_tracing *g)
{
	const struct jm_result *r = &g->report->result;
	const struct jm_names *names = jm_recording_names(g->report->recording);
	struct jm_trace_name *sorted = calloc(names->n + 1, sizeof(*sorted));
	size_t i;

	g->n_names = names->n;
	g->first_row = calloc(names->n + 1, sizeof(*g->first_row));
	g->next_row = calloc(r->n_layers + 1, sizeof(*g->next_row));
	g->row_texts = calloc(r->n_layers + 1, sizeof(*g->row_texts));
	if (!sorted || !g->first_row || !g->next_row || !g->row_texts) {
		free(sorted);
		return JM_E_NOMEM;
	}
	for (i = 0; i < names->n; i++)
		sorted[i] = (struct jm_trace_name){names->items[i].text, names->items[i].type, i};
	qsort(sorted, names->n, sizeof(*sorted), compare_keys);
	for (i = r->n_layers; i-- > 0;) {
		const struct jm_trace_name key = {r->layers[i].name, r->layers[i].type, 0};
		const struct jm_trace_name *found =
		    r->layers[i].channel < 0 ? NULL : bsearch(&key, sorted, names->n, sizeof(*sorted), compare_keys);

		if (!found)
			continue;
		g->next_row[i] = g->first_row[found->index];
		g->first_row[found->index] = i + 1;
	}
	free(sorted);
	return 0;
}

static char *key_of(const char *what, const char *channel)
{
	char *key;

	return asprintf(&key, "%s (%s)", what, channel) < 0 ? NULL : key;
}

/* The arguments' names say of which channel they are. */
static int make_keys(struct jm_tracing *g)
{
	static const char *const what[JM_TRACE_KEYS] = {
	    [JM_TRACE_MEAN_MJ] = "mean_energy_mj", [JM_TRACE_MEAN] = "mean_energy",
	    [JM_TRACE_POWER_W] = "mean_power_w",   [JM_TRACE_STATE] = "state",
	    [JM_TRACE_ENERGY_MJ] = "energy_mj",    [JM_TRACE_SD_MJ] = "energy_sd_mj",
	    [JM_TRACE_TOTAL_J] = "energy_j"};
	size_t c, k;

	for (c = 0; c < g->n_channels; c++)
		for (k = 0; k < JM_TRACE_KEYS; k++) {
			g->channels[c].keys[k] = key_of(what[k], g->channels[c].channel->name);
			if (!g->channels[c].keys[k])
				return JM_E_NOMEM;
		}
	return 0;
}

static const char *state_of(const struct jm_channel *c)
{
	return c->state == JM_STATE_ESTIMATED ? "estimated" : "measured";
}

/* "[0.1, 0.2] mJ, 18.99 W, mean of 2350; fused, measured": all that stands beside the figure. Once a row: a viewer's file holds
 * it once, or at least short. Errors: NULL. */
static const char *describe_row(const struct jm_tracing *g, size_t i)
{
	const struct jm_row *row = &g->report->result.layers[i];
	double scale = row->count ? 1e3 / (double)row->count : NAN;
	char bounds[80] = "", power[48] = "";
	const char *state = row->resolvable ? state_of(g->channels[row->channel].channel) : "no figure";

	if (g->row_texts[i])
		return g->row_texts[i];
	if (row->resolvable && isfinite(row->energy_ci_j.low * scale) && isfinite(row->energy_ci_j.high * scale))
		snprintf(bounds, sizeof(bounds), "[%.4g, %.4g] mJ, ", row->energy_ci_j.low * scale,
			 row->energy_ci_j.high * scale);
	if (row->resolvable && isfinite(row->mean_power_w))
		snprintf(power, sizeof(power), "%.4g W, ", row->mean_power_w);
	if (asprintf(&g->row_texts[i], "%s%smean of %llu; %s, %s%s%s", bounds, power, (unsigned long long)row->count,
		     jm_method_text(row->method), state, row->resolvable ? "" : ": ", row->resolvable ? "" : row->reason) < 0)
		g->row_texts[i] = NULL;
	return g->row_texts[i];
}

/* What is known of a layer is known of all its executions together. */
static void add_row(const struct jm_tracing *g, size_t i, struct jm_trace_args *args)
{
	const struct jm_row *row = &g->report->result.layers[i];
	const struct jm_trace_channel *c = &g->channels[row->channel];

	if (row->resolvable && row->count)
		number(args, c->keys[JM_TRACE_MEAN_MJ], row->energy_j * 1e3 / (double)row->count);
	text(args, c->keys[JM_TRACE_MEAN], describe_row(g, i));
}

/* Energy of this very span, where it is long for the sensor and readings cover it. */
static void add_integral(const struct jm_tracing *g, const struct jm_span *span, struct jm_trace_args *args)
{
	size_t i;

	for (i = 0; i < g->n_channels; i++) {
		const struct jm_trace_channel *c = &g->channels[i];
		double seen_s, energy_j, span_s = jm_s_from_ns(span->end_ns - span->start_ns);

		if (!c->has_series || c->series.period_ns == 0 ||
		    span->end_ns - span->start_ns < JM_TRACE_PERIODS * c->series.period_ns)
			continue;
		energy_j = jm_series_energy(&c->series, span->start_ns, span->end_ns, &seen_s);
		if (seen_s < JM_TRACE_SEEN * span_s)
			continue;
		number(args, c->keys[JM_TRACE_ENERGY_MJ], 1e3 * energy_j);
		number(args, c->keys[JM_TRACE_SD_MJ],
		       1e3 * sqrt(jm_series_variance(&c->series, span->start_ns, span->end_ns)));
		number(args, c->keys[JM_TRACE_POWER_W], energy_j / seen_s);
		text(args, c->keys[JM_TRACE_STATE], state_of(c->channel));
	}
}

static void begin_thread(struct jm_tracing *g, uint32_t track)
{
	char key[32], plain[32];
	const char *name;

	snprintf(key, sizeof(key), "track_%u", (unsigned)track);
	snprintf(plain, sizeof(plain), track ? "track %u" : "run", (unsigned)track);
	name = jm_recording_meta(g->report->recording, key);
	jm_trace_thread(&g->trace, name ? name : plain);
	g->thread = track;
	g->has_thread = true;
}

static int take_span(void *ctx, const struct jm_span *span)
{
	struct jm_tracing *g = ctx;
	const struct jm_names *names = jm_recording_names(g->report->recording);
	bool is_part = (g->report->part_kinds >> span->kind & 1) && span->name < g->n_names;
	struct jm_trace_args args = {.n = 0};
	struct jm_trace_slice slice = {.start_ns = span->start_ns,
				       .end_ns = span->end_ns,
				       .name = names->items[span->name].text,
				       .category = jm_span_kind_text(span->kind),
				       .args = args.items};
	size_t row;

	if (!g->has_thread || span->track != g->thread)
		begin_thread(g, span->track);
	text(&args, "type", names->items[span->name].type);
	if (span->iteration != JM_NO_ITERATION)
		count(&args, span->flags & JM_SPAN_ISOLATED ? "calls" : "iteration", span->iteration);
	text(&args, "taken",
	     span->flags & JM_SPAN_PROFILED   ? "under the profiler"
	     : span->flags & JM_SPAN_ISOLATED ? "alone, in a loop"
	     : span->flags & JM_SPAN_WARMUP   ? "in warm-up"
					      : NULL);
	for (row = is_part ? g->first_row[span->name] : 0; row; row = g->next_row[row - 1])
		add_row(g, row - 1, &args);
	if (!is_part)
		add_integral(g, span, &args);
	slice.n_args = args.n;
	jm_trace_slice(&g->trace, &slice);
	return g->trace.rc;
}

static void finish(struct jm_tracing *g)
{
	size_t c, k;

	for (c = 0; c < g->n_channels; c++) {
		for (k = 0; k < JM_TRACE_KEYS; k++)
			free(g->channels[c].keys[k]);
		if (g->channels[c].has_series)
			jm_series_finish(&g->channels[c].series);
	}
	for (k = 0; g->row_texts && k < g->report->result.n_layers; k++)
		free(g->row_texts[k]);
	free(g->row_texts);
	free(g->channels);
	free(g->first_row);
	free(g->next_row);
}

static void describe(struct jm_tracing *g, struct jm_trace_args *a)
{
	static const char *const keys[] = {"command",  "model", "precision", "batch",     "provider",
					   "hostname", "cpu",   "kernel",    "machine_id"};
	const struct jm_result *r = &g->report->result;
	size_t i;

	text(a, "format", "joulemap-trace/1");
	text(a, "joulemap_version", jm_version());
	text(a, "recording", g->report->path);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		text(a, keys[i], jm_recording_meta(g->report->recording, keys[i]));
	text(a, "method", jm_method_text(r->method));
	text(a, "method_reason", r->method_reason);
	for (i = 0; i < r->n_channels; i++) {
		const struct jm_trace_channel *c = &g->channels[r->channels[i].channel - g->all];

		number(a, c->keys[JM_TRACE_TOTAL_J], r->channels[i].energy_j);
		if (isfinite(r->channels[i].energy_j))
			text(a, c->keys[JM_TRACE_STATE], state_of(r->channels[i].channel));
	}
	count(a, "origin_monotonic_ns", (double)g->trace.head.origin_ns);
	count(a, "slices", (double)g->trace.n_slices);
	count(a, "counter_values", (double)g->trace.n_values);
	/* As the columns of CSV are called. */
	number(a, "own_cpu_s", r->own_cost.cpu_s);
	number(a, "own_cpu_fraction", jm_own_cost_fraction(&r->own_cost));
	if (r->own_cost.rss_bytes)
		count(a, "own_rss_bytes", (double)r->own_cost.rss_bytes);
	if (g->trace.n_left_out)
		count(a, "slices_left_out", (double)g->trace.n_left_out);
	for (i = 0; i < r->n_warnings && i < JM_TRACE_WARNINGS_MAX; i++) {
		snprintf(g->warning_keys[i], sizeof(g->warning_keys[i]), "warning_%zu", i + 1);
		text(a, g->warning_keys[i], r->warnings[i]);
	}
}

static void head_of(struct jm_recording *r, const struct jm_report *report, struct jm_trace_head *out)
{
	const char *machine = jm_recording_meta(r, "machine_id"), *model = report->result.run.model, *slash;
	int64_t first_ns = 0, last_ns, span_ns, monotonic_ns, realtime_ns;
	bool has_samples = jm_recording_extent(r, &first_ns, &last_ns) == 0;

	memset(out, 0, sizeof(*out));
	if (jm_recording_first_span(r, &span_ns) == 0 && (!has_samples || span_ns < first_ns))
		first_ns = span_ns;
	out->origin_ns = first_ns;
	out->has_wall_clock = jm_recording_meta_time(r, "anchor_monotonic_ns", &monotonic_ns) == 0 &&
			      jm_recording_meta_time(r, "anchor_realtime_ns", &realtime_ns) == 0;
	if (out->has_wall_clock)
		out->wall_minus_monotonic_ns = realtime_ns - monotonic_ns;
	out->identity = jm_hash(JM_HASH_BEGIN, (const char *)&first_ns, sizeof(first_ns));
	out->identity = jm_hash(out->identity, machine ? machine : "", machine ? strlen(machine) : 0);
	slash = model ? strrchr(model, '/') : NULL;
	out->process = slash && slash[1] ? slash + 1 : model ? model : report->result.run.command;
	out->process = out->process ? out->process : "joulemap recording";
}

int jm_report_write_trace(const struct jm_report *report, const struct jm_trace_writer *writer, jm_write_fn write,
			  void *ctx, struct jm_error *err)
{
	struct jm_tracing g = {.report = report};
	struct jm_trace_args facts = {.n = 0};
	struct jm_trace_head head;
	int rc, ended;

	g.all = jm_recording_channels(report->recording, &g.n_channels);
	g.channels = calloc(g.n_channels + 1, sizeof(*g.channels));
	for (size_t c = 0; g.channels && c < g.n_channels; c++)
		g.channels[c].channel = &g.all[c];
	rc = g.channels ? make_keys(&g) : JM_E_NOMEM;
	rc = rc ? rc : tie_rows(&g);
	if (rc) {
		finish(&g);
		return jm_error_set(err, rc, "out of memory for the trace");
	}
	head_of(report->recording, report, &head);
	jm_trace_begin(&g.trace, writer, &head, write, ctx);
	rc = jm_tracing_counters(&g, err);
	rc = rc ? rc : jm_recording_each_span(report->recording, take_span, &g, err);
	describe(&g, &facts);
	ended = jm_trace_end(&g.trace, facts.items, facts.n);
	finish(&g);
	if (ended)
		return jm_error_set(
		    err, ended, ended == JM_E_NOMEM ? "out of memory for the trace" : "writing the trace was stopped");
	return rc;
}
