#include "session/report.h"

#include "attribution/attribution.h"
#include "core/error.h"
#include "core/units.h"
#include "report/table.h"
#include "session/calibration.h"
#include "session/device_map.h"
#include "session/processes.h"
#include "session/report_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Readings around the window still tell about its edges, and sensors lag. */
#define MARGIN_NS (2 * JM_NS_PER_S)

/* All that attribution borrows. */
struct loaded {
	struct jm_sample **samples;
	size_t *n_samples;
	struct jm_ledger *ledgers;
	const struct jm_ledger **ledger_pointers;
	struct jm_stretch *windows, *idle;
	struct jm_span *phases, *iterations;
	struct jm_parts parts;
	struct jm_device_map devices;
	struct jm_baseline *baselines;
	struct jm_response *responses;
	double *limits;
	struct jm_series *series; /* for the scene; else NULL */
	int64_t from_ns, to_ns; /* samples lie between these */
	double unquiet;         /* how busy the quiet stretches were, where too much for a level; else 0 */
	struct jm_attribution_input in;
};

static void unload(struct loaded *l)
{
	size_t i;

	for (i = 0; l->samples && i < l->in.n_channels; i++)
		free(l->samples[i]);
	for (i = 0; l->series && i < l->in.n_channels; i++)
		jm_series_finish(&l->series[i]);
	free(l->series);
	free(l->samples);
	free(l->n_samples);
	free(l->ledgers);
	free((void *)l->ledger_pointers);
	free(l->windows);
	free(l->idle);
	free(l->phases);
	free(l->iterations);
	jm_parts_finish(&l->parts);
	jm_device_map_finish(&l->devices);
	free(l->baselines);
	free(l->responses);
	free(l->limits);
}

static int load_channels(struct jm_recording *r, struct loaded *l)
{
	size_t n, i;

	l->in.channels = jm_recording_channels(r, &n);
	l->in.n_channels = n;
	l->samples = calloc(n + 1, sizeof(*l->samples));
	l->n_samples = calloc(n + 1, sizeof(*l->n_samples));
	l->ledgers = calloc(n + 1, sizeof(*l->ledgers));
	l->ledger_pointers = calloc(n + 1, sizeof(*l->ledger_pointers));
	if (!l->samples || !l->n_samples || !l->ledgers || !l->ledger_pointers)
		return JM_E_NOMEM;
	for (i = 0; i < n; i++)
		if (jm_recording_ledger(r, (uint16_t)i, &l->ledgers[i]) == 0)
			l->ledger_pointers[i] = &l->ledgers[i];
	l->in.samples = (const struct jm_sample *const *)l->samples;
	l->in.n_samples = l->n_samples;
	l->in.ledgers = l->ledger_pointers;
	return 0;
}

/* Gives the sensor that begins with this channel and can be loaded in one pass, or -1. */
static int sensor_from(struct jm_recording *r, size_t channel, size_t *n_out)
{
	const struct jm_recording_sensor *sensors;
	size_t n, i;

	sensors = jm_recording_sensors(r, &n);
	for (i = 0; i < n; i++) {
		if (sensors[i].first_channel != channel || sensors[i].n_channels < 2 || sensors[i].n_channels > 8)
			continue;
		*n_out = sensors[i].n_channels;
		return (int)i;
	}
	return -1;
}

static int load_range(struct jm_recording *r, struct loaded *l, struct jm_error *err)
{
	size_t i, n;
	int rc = 0, sensor;

	for (i = 0; rc == 0 && i < l->in.n_channels; i += n) {
		n = 1;
		sensor = sensor_from(r, i, &n);
		if (sensor >= 0 && i + n <= l->in.n_channels)
			rc = jm_recording_sensor_samples(r, (size_t)sensor, l->from_ns, l->to_ns, &l->samples[i],
							 &l->n_samples[i], err);
		else
			rc = jm_recording_samples(r, (uint16_t)i, l->from_ns, l->to_ns, &l->samples[i],
						  &l->n_samples[i], err);
	}
	return rc;
}

static int load_samples(struct jm_recording *r, struct loaded *l, struct jm_error *err)
{
	int64_t from = l->windows[0].start_ns, to = l->windows[l->in.n_windows - 1].end_ns;
	size_t i;

	for (i = 0; i < l->in.n_idle; i++) {
		from = l->idle[i].start_ns < from ? l->idle[i].start_ns : from;
		to = l->idle[i].end_ns > to ? l->idle[i].end_ns : to;
	}
	for (i = 0; i < l->in.n_layers; i++) {
		if (!(l->in.layers[i].flags & JM_SPAN_ISOLATED))
			continue;
		from = l->in.layers[i].start_ns < from ? l->in.layers[i].start_ns : from;
		to = l->in.layers[i].end_ns > to ? l->in.layers[i].end_ns : to;
	}
	l->from_ns = from - MARGIN_NS;
	l->to_ns = to + MARGIN_NS;
	return load_range(r, l, err);
}

static bool is_phase(const struct jm_span *span, const struct jm_names *names, const char *name)
{
	return span->end_ns > span->start_ns && span->name < names->n &&
	       strcmp(names->items[span->name].text, name) == 0;
}

/* Gives the stretches of the phases of that name. */
static int stretches(const struct jm_span *phases, size_t n_phases, const struct jm_names *names, const char *name,
		     struct jm_stretch **out, size_t *n_out)
{
	struct jm_stretch *list = calloc(n_phases + 1, sizeof(*list));
	size_t n = 0, i;

	if (!list)
		return JM_E_NOMEM;
	for (i = 0; i < n_phases; i++) {
		if (!is_phase(&phases[i], names, name))
			continue;
		/* Spans come in order of start; those that overlap are one stretch. */
		if (n && phases[i].start_ns < list[n - 1].end_ns) {
			if (phases[i].end_ns > list[n - 1].end_ns)
				list[n - 1].end_ns = phases[i].end_ns;
			continue;
		}
		list[n++] = (struct jm_stretch){phases[i].start_ns, phases[i].end_ns};
	}
	*out = list;
	*n_out = n;
	return 0;
}

/* The window without phases: the command's, or the whole recording; of one that was killed, up to its last reading. */
static int whole_window(struct jm_recording *r, struct loaded *l)
{
	struct jm_stretch *w = &l->windows[0];
	bool has_start = jm_recording_meta_time(r, "window_start_ns", &w->start_ns) == 0;
	bool has_end = jm_recording_meta_time(r, "window_end_ns", &w->end_ns) == 0;
	int64_t first_ns = 0, last_ns = 0;

	if ((!has_start || !has_end) && jm_recording_extent(r, &first_ns, &last_ns))
		return JM_E_NOT_FOUND;
	w->start_ns = has_start ? w->start_ns : first_ns;
	w->end_ns = has_end ? w->end_ns : last_ns;
	l->in.n_windows = 1;
	return w->end_ns > w->start_ns ? 0 : JM_E_NOT_FOUND;
}

/* A run killed in its first measured block has iterations, but no phase around them yet. */
static bool iteration_window(struct loaded *l)
{
	struct jm_stretch *w = &l->windows[0];
	size_t i, n = 0;

	for (i = 0; i < l->in.n_iterations; i++) {
		const struct jm_span *s = &l->iterations[i];

		if (s->flags)
			continue;
		w->start_ns = n == 0 || s->start_ns < w->start_ns ? s->start_ns : w->start_ns;
		w->end_ns = n == 0 || s->end_ns > w->end_ns ? s->end_ns : w->end_ns;
		n++;
	}
	if (n == 0 || w->end_ns <= w->start_ns)
		return false;
	l->in.n_windows = 1;
	return true;
}

/* The window that the user named by its spans. */
static int named_window(struct jm_recording *r, struct loaded *l, const char *name, struct jm_error *err)
{
	struct jm_span *spans;
	size_t n;
	int rc = jm_recording_spans(r, UINT32_MAX, &spans, &n, err);

	if (rc)
		return rc;
	free(l->windows);
	l->windows = NULL;
	rc = stretches(spans, n, jm_recording_names(r), name, &l->windows, &l->in.n_windows);
	free(spans);
	if (rc == 0 && l->in.n_windows == 0)
		return jm_error_set(err, JM_E_NOT_FOUND, "no span is called '%s'", name);
	return rc ? jm_error_set(err, rc, "out of memory for the windows") : 0;
}

/* Stretches in which others computed give no level. */
static void judge_quiet(struct jm_recording *r, struct loaded *l)
{
	double busy;

	if (l->in.n_idle == 0 || jm_recording_meta_double(r, "quiet_busy_fraction", &busy) ||
	    !(busy > JM_IDLE_BUSY_MAX))
		return;
	l->unquiet = busy;
	l->in.n_idle = 0;
}

static int load_windows(struct jm_recording *r, struct loaded *l, const char *window, struct jm_error *err)
{
	const struct jm_names *names = jm_recording_names(r);
	size_t n_phases;
	int rc = jm_recording_spans(r, 1u << JM_SPAN_PHASE, &l->phases, &n_phases, err);

	if (rc)
		return rc;
	rc = stretches(l->phases, n_phases, names, "measured", &l->windows, &l->in.n_windows);
	rc = rc ? rc : stretches(l->phases, n_phases, names, "idle", &l->idle, &l->in.n_idle);
	judge_quiet(r, l);
	if (rc == 0 && l->in.n_windows == 0 && !iteration_window(l))
		rc = whole_window(r, l);
	if (rc == 0 && window)
		rc = named_window(r, l, window, err);
	else if (rc == JM_E_NOT_FOUND) {
		jm_error_set(err, rc, "the recording holds no two readings in the time that it is of");
		return jm_error_remedy(err, "record for longer than one sampling period, or with a shorter -i");
	}
	l->in.windows = l->windows;
	l->in.idle = l->idle;
	return rc;
}

static int load_spans(struct jm_recording *r, struct loaded *l, const char *by, struct jm_error *err)
{
	int64_t items = 0;
	int rc = jm_recording_spans(r, 1u << JM_SPAN_ITERATION, &l->iterations, &l->in.n_iterations, err);

	rc = rc ? rc : jm_report_load_parts(r, by, &l->parts, err);
	rc = rc ? rc : jm_device_map_init(&l->devices, r, l->parts.spans, l->parts.n_spans, err);
	if (rc)
		return rc;
	jm_recording_meta_i64(r, "items_per_iteration", &items);
	l->in.items_per_iteration = items > 0 ? (uint64_t)items : 0;
	l->in.iterations = l->iterations;
	l->in.layers = l->parts.spans;
	l->in.n_layers = l->parts.n_spans;
	l->in.channel_devices = l->devices.channel_devices;
	l->in.names = l->parts.names;
	l->in.n_names = l->parts.n_names;
	l->in.ties = l->parts.ties;
	l->in.calls = l->parts.calls;
	return 0;
}

/* The maths knows of quiet stretches only; which idle recording was taken, or why none, is known here. */
static void explain_baseline(struct jm_result *result, const struct jm_baseline *given, size_t n, const char *note)
{
	bool is_known = false, is_given = false;
	size_t i;

	for (i = 0; i < result->n_channels; i++)
		is_known = is_known || !isnan(result->channels[i].idle_power_w);
	for (i = 0; given && i < n; i++)
		is_given = is_given || given[i].is_known;
	if (!is_known || is_given)
		snprintf(result->baseline_reason, sizeof(result->baseline_reason), "%s", note);
}

static void warn_of_calibration(void *ctx, const char *text)
{
	jm_result_warn(ctx, "%s", text);
}

static int parse_options(const struct jm_report_options *options, struct jm_attribution_options *out,
			 struct jm_error *err)
{
	if (jm_method_parse(options->method ? options->method : "auto", &out->method)) {
		jm_error_set(err, JM_E_INVALID, "there is no method '%s'", options->method);
		jm_error_remedy(err, "auto, share, window, integrate, regress, isolate or fused");
		return JM_E_INVALID;
	}
	if (jm_weighing_parse(options->weigh, &out->weighing))
		return jm_error_set(err, JM_E_INVALID,
				    "processes cannot be weighed by '%s': auto, time, cycles or instructions",
				    options->weigh);
	out->no_baseline = options->baseline && strcmp(options->baseline, "none") == 0;
	return 0;
}

/* Loads the idle levels. note (size bytes): which, or why none. */
static int load_levels(struct jm_report *report, const struct jm_report_options *options, struct loaded *l, char *note,
		       size_t size, struct jm_error *err)
{
	int rc = 0;

	note[0] = '\0';
	/* Quiet stretches of the run itself are nearer to it than a stored level of another day. */
	if (options->baseline || l->in.n_idle == 0)
		rc = jm_session_baselines(report->recording, options->baseline, &l->baselines, note, size, err);
	if (rc)
		return rc;
	if (l->unquiet > 0 && !options->baseline && strncmp(note, "no idle level", 13) == 0)
		snprintf(note, size,
			 "no idle level: the stretches before and after were not quiet (processors at work %.0f %%); "
			 "stop what else runs, or measure the level once: joulemap idle",
			 100 * l->unquiet);
	l->in.baselines = l->baselines;
	return 0;
}

/* Says of a result what attribution does not know. */
static int explain_result(struct jm_report *report, struct loaded *l, const char *note)
{
	jm_report_warn_of_limits(&report->result);
	explain_baseline(&report->result, l->baselines, l->in.n_channels, note);
	jm_report_explain_rests(report->recording, &report->result);
	jm_processes_explain(report->recording, &report->processes, &report->result);
	jm_report_warn_of_readings(report->recording, &report->result);
	return jm_device_map_explain(&l->devices, report->recording, &report->result);
}

static int attribute(struct jm_report *report, const struct jm_report_options *options, double target_fraction,
		     struct loaded *l, struct jm_error *err)
{
	struct jm_attribution_options opt = {.skip_iterations = !options->with_iterations,
					     .with_timeline = options->with_timeline,
					     .target_fraction = target_fraction,
					     .series_out = l->series};
	char note[256];
	int rc = parse_options(options, &opt, err);

	rc = rc ? rc : load_levels(report, options, l, note, sizeof(note), err);
	if (rc)
		return rc;
	if (jm_calibration_responses(report->recording, &l->responses, warn_of_calibration, &report->result))
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the sensors' responses");
	l->in.responses = l->responses;
	jm_report_describe_run(report->recording, &report->result);
	rc = jm_report_describe_devices(report->recording, l->in.windows, l->in.n_windows, &report->result, err);
	l->limits = rc ? NULL : jm_report_limits(&report->result, l->in.channels, l->in.n_channels);
	if (rc == 0 && !l->limits)
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory for the limits");
	l->in.limited_fractions = l->limits;
	rc = rc ? rc : jm_attribute(&l->in, &opt, &report->result, err);
	rc = rc ? rc : jm_report_add_work(report->recording, &report->result, err);
	return rc ? rc : explain_result(report, l, note);
}

static int explain(struct jm_report *report, const struct jm_report_options *options, double target_fraction,
		   struct jm_error *err)
{
	struct loaded l = {0};
	int rc = load_channels(report->recording, &l);

	if (rc)
		jm_error_set(err, rc, "out of memory for the channels");
	if (rc == 0 && options->with_scene)
		rc = jm_report_begin_scene(report, l.in.n_channels, &l.series, err);
	if (rc == 0)
		rc = load_spans(report->recording, &l, options->by, err);
	if (rc == 0)
		rc = load_windows(report->recording, &l, options->window, err);
	if (rc == 0)
		rc = load_samples(report->recording, &l, err);
	if (rc == 0)
		rc = jm_processes_load(report->recording, &report->processes, &l.in, err);
	if (rc == 0)
		rc = attribute(report, options, target_fraction, &l, err);
	report->part_kinds = l.parts.kinds;
	if (rc == 0) {
		report->windows = l.windows;
		report->n_windows = l.in.n_windows;
		report->iterations = l.iterations;
		report->n_iterations = l.in.n_iterations;
		report->calls = l.parts.calls;
		report->n_calls = l.parts.calls ? l.parts.n_names : 0;
		l.windows = NULL;
		l.iterations = NULL;
		l.parts.calls = NULL;
	}
	if (rc == 0 && options->with_scene)
		rc = jm_report_make_scene(
		    report, &(struct jm_scene_input){.samples = l.in.samples, .n_samples = l.in.n_samples, .series = l.series},
		    l.from_ns, l.to_ns, err);
	jm_recording_release_spans(report->recording);
	unload(&l);
	return rc;
}

int jm_report_open_target(const char *path, const struct jm_report_options *options, double target_fraction,
			  struct jm_report **out, struct jm_error *err)
{
	struct jm_report_options used = {.size = sizeof(used)};
	struct jm_report *report = calloc(1, sizeof(*report));
	int rc;

	if (!report)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the report");
	/* A caller that was built with an earlier header knows fewer fields. */
	if (options)
		memcpy(&used, options, options->size < sizeof(used) ? options->size : sizeof(used));
	snprintf(report->path, sizeof(report->path), "%s", path);
	rc = jm_recording_open(path, &report->recording, err);
	if (rc == 0)
		rc = explain(report, &used, target_fraction, err);
	if (rc) {
		jm_report_destroy(report);
		return rc;
	}
	*out = report;
	return 0;
}

int jm_report_open(const char *path, const struct jm_report_options *options, struct jm_report **out,
		   struct jm_error *err)
{
	return jm_report_open_target(path, options, 0, out, err);
}

bool jm_report_is_inside(const struct jm_report *report, int64_t t_ns)
{
	size_t i;

	for (i = 0; i < report->n_windows; i++)
		if (t_ns >= report->windows[i].start_ns && t_ns < report->windows[i].end_ns)
			return true;
	return false;
}

void jm_report_destroy(struct jm_report *report)
{
	if (!report)
		return;
	jm_result_finish(&report->result);
	jm_process_log_finish(&report->processes);
	free(report->windows);
	free(report->iterations);
	free(report->calls);
	jm_scene_destroy(report->scene);
	jm_recording_close(report->recording);
	free(report);
}
