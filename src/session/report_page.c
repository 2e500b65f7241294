/* A report as a page: the scene along time, and what is known of the machine and the run. */
#include "compare/layer_names.h"
#include "core/error.h"
#include "core/units.h"
#include "export/export.h"
#include "session/report_page.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FACTS_MAX  16
#define EVENTS_MAX 500

/* What is drawn: all that the recording holds. */
static void find_extent(struct jm_recording *r, const struct jm_span *spans, size_t n, struct jm_scene_input *in)
{
	int64_t first, last;
	size_t i;

	if (jm_recording_extent(r, &first, &last) == 0) {
		in->start_ns = first;
		in->end_ns = last + 1;
	} else if (n) {
		in->start_ns = spans[0].start_ns;
		in->end_ns = spans[0].end_ns + 1;
	}
	for (i = 0; i < n; i++) {
		in->start_ns = spans[i].start_ns < in->start_ns ? spans[i].start_ns : in->start_ns;
		in->end_ns = spans[i].end_ns > in->end_ns ? spans[i].end_ns : in->end_ns;
	}
}

/* All samples of all channels, where those that the report needed are not all. */
static int load_all(struct jm_recording *r, const struct jm_scene_input *in, struct jm_sample **samples,
		    size_t *n_samples, struct jm_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < in->n_channels; i++)
		rc = jm_recording_samples(r, (uint16_t)i, in->start_ns, in->end_ns, &samples[i], &n_samples[i], err);
	return rc;
}

int jm_report_begin_scene(struct jm_report *report, size_t n_channels, struct jm_series **series_out, struct jm_error *err)
{
	*series_out = calloc(n_channels + 1, sizeof(**series_out));
	if (!*series_out)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the channels");
	return jm_recording_hold_spans(report->recording, err);
}

int jm_report_make_scene(struct jm_report *report, const struct jm_scene_input *known, int64_t from_ns, int64_t to_ns,
			 struct jm_error *err)
{
	struct jm_scene_input in = *known;
	struct jm_sample **own = NULL;
	size_t *n_own = NULL, i;
	int rc = jm_recording_hold_spans(report->recording, err);

	if (rc)
		return rc;
	in.channels = jm_recording_channels(report->recording, &in.n_channels);
	in.spans = jm_recording_held_spans(report->recording, &in.n_spans);
	find_extent(report->recording, in.spans, in.n_spans, &in);
	if (in.start_ns < from_ns || in.end_ns > to_ns) {
		own = calloc(in.n_channels + 1, sizeof(*own));
		n_own = calloc(in.n_channels + 1, sizeof(*n_own));
		rc = own && n_own ? load_all(report->recording, &in, own, n_own, err)
				  : jm_error_set(err, JM_E_NOMEM, "out of memory for the readings");
		in.samples = (const struct jm_sample *const *)own;
		in.n_samples = n_own;
		in.series = NULL;
	}
	if (rc == 0)
		rc = jm_scene_create(&in, NULL, &report->scene, err);
	for (i = 0; own && i < in.n_channels; i++)
		free(own[i]);
	free(own);
	free(n_own);
	return rc;
}

/* ---- Facts -------------------------------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 4, 5)))
add_fact(struct jm_page_fact *facts, size_t *n, const char *label, const char *format, ...)
{
	va_list args;

	if (*n == FACTS_MAX)
		return;
	va_start(args, format);
	vsnprintf(facts[*n].value, sizeof(facts[*n].value), format, args);
	va_end(args);
	facts[(*n)++].label = label;
}

static void add_meta(struct jm_recording *r, struct jm_page_fact *facts, size_t *n, const char *label, const char *key)
{
	const char *text = jm_recording_meta(r, key);

	if (text && text[0])
		add_fact(facts, n, label, "%s", text);
}

/* ISO 8601 in UTC: readers sit anywhere. */
static void add_date(struct jm_recording *r, struct jm_page_fact *facts, size_t *n)
{
	int64_t real_ns;
	struct tm utc;
	char text[64];
	time_t s;

	if (jm_recording_meta_time(r, "anchor_realtime_ns", &real_ns) || real_ns <= 0)
		return;
	s = (time_t)(real_ns / JM_NS_PER_S);
	if (gmtime_r(&s, &utc) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &utc))
		add_fact(facts, n, "Recorded", "%s", text);
}

static size_t collect_facts(const struct jm_report *report, struct jm_page_fact *facts)
{
	struct jm_recording *r = report->recording;
	int64_t value;
	size_t n = 0;

	add_date(r, facts, &n);
	add_meta(r, facts, &n, "Host", "hostname");
	add_meta(r, facts, &n, "Processor", "cpu");
	if (jm_recording_meta_i64(r, "n_cpus", &value) == 0)
		add_fact(facts, &n, "Logical processors", "%" PRId64, value);
	add_meta(r, facts, &n, "Kernel", "kernel");
	add_meta(r, facts, &n, "CUDA_VISIBLE_DEVICES", "cuda_visible_devices");
	add_meta(r, facts, &n, "Kind of recording", "kind");
	if (jm_recording_meta_time(r, "period_ns", &value) == 0 && value > 0)
		add_fact(facts, &n, "Reading asked for every", "%.6g ms", (double)value * 1e-6);
	add_meta(r, facts, &n, "Recorded by joulemap", "joulemap_version");
	add_fact(facts, &n, "File", "%s", report->path);
	return n;
}

/* ---- The page ----------------------------------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

const char *jm_report_title(const struct jm_report *report)
{
	const struct jm_run *run = &report->result.run;

	return run->model ? base_name(run->model) : run->command ? run->command : base_name(report->path);
}

/* Gives the names of the tracks, one a lane; free(). Borrowed from the recording; NULL entries: none. */
static const char **track_names(const struct jm_report *report)
{
	const char **names = calloc(report->scene->n_lanes + 1, sizeof(char *));
	char key[32];
	size_t i;

	for (i = 0; names && i < report->scene->n_lanes; i++) {
		snprintf(key, sizeof(key), "track_%" PRIu32, report->scene->lanes[i].track);
		names[i] = jm_recording_meta(report->recording, key);
	}
	return names;
}

static size_t collect_events(const struct jm_report *report, struct jm_page_event *out)
{
	size_t n, i, k = 0;
	const struct jm_event *events = jm_recording_events(report->recording, &n);

	for (i = 0; i < n && k < EVENTS_MAX; i++)
		if (events[i].t_ns >= report->scene->start_ns && events[i].t_ns < report->scene->end_ns)
			out[k++] = (struct jm_page_event){events[i].t_ns, events[i].duration_ns, events[i].kind,
							  events[i].text};
	return k;
}

int jm_report_page_parts(const struct jm_report *report, const struct jm_tariff *tariff, struct jm_page_parts *out,
			 struct jm_error *err)
{
	struct jm_page_recording *r = &out->recording;

	*out = (struct jm_page_parts){0};
	if (!report->scene)
		return jm_error_set(err, JM_E_INVALID, "the report was opened without a scene");
	out->facts = calloc(FACTS_MAX, sizeof(*out->facts));
	out->events = calloc(EVENTS_MAX, sizeof(*out->events));
	out->track_names = track_names(report);
	if (!out->facts || !out->events || !out->track_names) {
		jm_page_parts_finish(out);
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the page");
	}
	*r = (struct jm_page_recording){.title = jm_report_title(report),
					.result = &report->result,
					.scene = report->scene,
					.names = jm_recording_names(report->recording),
					.track_names = out->track_names,
					.facts = out->facts,
					.events = out->events,
					.tariff = *tariff,
					.part_of = jm_layer_role};
	r->n_facts = collect_facts(report, out->facts);
	r->n_events = collect_events(report, out->events);
	return 0;
}

void jm_page_parts_finish(struct jm_page_parts *parts)
{
	free(parts->facts);
	free(parts->events);
	free((void *)parts->track_names);
	*parts = (struct jm_page_parts){0};
}

int jm_report_page(const struct jm_report *report, const struct jm_view *view, struct jm_buffer *out,
		   struct jm_error *err)
{
	struct jm_page_parts parts;
	struct jm_page page = {.title = jm_report_title(report), .recordings = &parts.recording, .n_recordings = 1};
	int rc = jm_report_page_parts(report, &view->tariff, &parts, err);

	if (rc)
		return rc;
	rc = jm_page_write(&page, out, err);
	jm_page_parts_finish(&parts);
	return rc;
}
