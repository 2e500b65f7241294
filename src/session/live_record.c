/* Recordings of a live view: what is read once goes into as many files as are wanted, each with its own processes. */
#include "session/live_record.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "session/calibration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was read reaches the file this often, as in a recorder; less often where there are many files. */
#define COMMIT_NS      (500 * JM_NS_PER_MS)
#define COMMIT_MANY_NS (2000 * JM_NS_PER_MS)
#define MANY           16

/* ---- Readings ----------------------------------------------------------------------------------------------------- */

static void count(struct jm_live_recording *rec, const struct jm_sample *s)
{
	struct jm_ledger *l = &rec->ledgers[s->channel];

	if (s->status != JM_SAMPLE_OK)
		return;
	if (l->last_ns && s->t_ns - l->last_ns > l->longest_gap_ns)
		l->longest_gap_ns = s->t_ns - l->last_ns;
	l->first_ns = l->first_ns ? l->first_ns : s->t_ns;
	l->last_ns = s->t_ns;
}

void jm_live_record_samples(struct jm_live *live, const struct jm_sample *samples, size_t n)
{
	struct jm_live_recording *rec;
	size_t i;

	for (rec = live->recordings; rec; rec = rec->next) {
		struct jm_sample_sink sink = jm_writer_sample_sink(rec->writer);

		sink.write(sink.ctx, samples, n);
		for (i = 0; i < n; i++)
			count(rec, &samples[i]);
	}
}

void jm_live_record_lost(struct jm_live *live, const struct jm_sensor *sensor, int64_t t_ns)
{
	struct jm_event event = {
	    .t_ns = t_ns, .channel = sensor->first_channel, .kind = "sensor_lost", .text = sensor->name};
	struct jm_live_recording *rec;

	for (rec = live->recordings; rec; rec = rec->next)
		jm_writer_event(rec->writer, &event);
}

static void write_ledgers(struct jm_live_recording *rec)
{
	const struct jm_sensor_set *set = &rec->live->sensors->set;
	size_t i;

	for (i = 0; i < set->n_channels; i++) {
		struct jm_ledger now = jm_live_ledger(rec->live, i), *l = &rec->ledgers[i];
		const struct jm_ledger *before = &rec->before[i];

		l->expected = now.expected - before->expected;
		l->taken = now.taken - before->taken;
		l->late = now.late - before->late;
		l->missed = now.missed - before->missed;
		l->repeated = now.repeated - before->repeated;
		l->cpu_ns = now.cpu_ns - before->cpu_ns;
		l->period_ns = rec->live->awake_ns;
		if (l->expected)
			jm_writer_ledger(rec->writer, (uint16_t)i, l);
	}
}

void jm_live_record_commit(struct jm_live *live, int64_t now_ns)
{
	int64_t period_ns;
	struct jm_live_recording *rec;
	size_t n = 0;

	for (rec = live->recordings; rec; rec = rec->next)
		n++;
	period_ns = n > MANY ? COMMIT_MANY_NS : COMMIT_NS;
	for (rec = live->recordings; rec; rec = rec->next) {
		if (now_ns - rec->committed_ns < period_ns)
			continue;
		rec->committed_ns = now_ns;
		if (++rec->n_commits % 2 == 0)
			write_ledgers(rec);
		jm_writer_commit(rec->writer);
	}
}

/* ---- The file ------------------------------------------------------------------------------------------------------ */

/* The last reading of each channel before it begins: so that the first interval is whole. */
static void write_first_readings(struct jm_live_recording *rec)
{
	struct jm_live *live = rec->live;
	struct jm_sample_sink sink = jm_writer_sample_sink(rec->writer);
	size_t i;

	for (i = 0; i < live->sensors->set.n_channels; i++) {
		struct jm_live_sum *sum = &live->sums[i];

		rec->before[i] = jm_live_ledger(live, i);
		if (!sum->has_sample || sum->sample.t_ns < live->ticked_ns - live->awake_ns)
			continue;
		sink.write(sink.ctx, &sum->sample, 1);
		count(rec, &sum->sample);
		/* It is one that was due and came. */
		rec->before[i].expected -= rec->before[i].expected > 0;
		rec->before[i].taken -= rec->before[i].taken > 0;
	}
}

static void describe_run(struct jm_live_recording *rec, const struct jm_live_record_options *options)
{
	struct jm_live *live = rec->live;
	struct jm_writer *w = rec->writer;
	struct jm_buffer choice = {0};
	size_t i;

	jm_writer_meta(w, "joulemap_version", jm_version());
	jm_writer_meta(w, "kind", "record");
	if (options->command)
		jm_writer_meta(w, "command", options->command);
	jm_writer_meta_i64(w, "period_ns", live->awake_ns);
	jm_writer_meta_i64(w, "anchor_monotonic_ns", live->ticked_ns);
	jm_writer_meta_i64(w, "anchor_realtime_ns", live->ticked_realtime_ns);
	jm_session_describe_machine(&live->sensors->env, w);
	for (i = 0; i < options->n_ids; i++) {
		const struct jm_live_record *r = jm_live_find(live, options->ids[i]);

		if (r)
			jm_buffer_printf(&choice, "%s%lld", choice.n ? "," : "", (long long)r->facts.pid);
	}
	if (choice.n && jm_buffer_terminate(&choice))
		jm_writer_meta(w, "process_choice", choice.data);
	jm_buffer_finish(&choice);
	if (live->watch) {
		jm_writer_meta(w, "process_clock", jm_process_watch_clock(live->watch));
		jm_writer_meta_i64(w, "process_quantum_ns", jm_process_watch_quantum_ns(live->watch));
		jm_writer_meta_i64(w, "process_period_ns", live->awake_ns);
	}
	jm_writer_meta_i64(w, "window_start_ns", rec->start_ns);
}

static int begin(struct jm_live_recording *rec, const struct jm_live_record_options *options, struct jm_error *err)
{
	struct jm_live *live = rec->live;
	size_t n_channels = live->sensors->set.n_channels;
	int64_t rss_bytes;
	int rc;

	rec->start_ns = live->ticked_ns;
	jm_own_cost(&rec->own_cpu_ns, &rss_bytes);
	rec->committed_ns = jm_env_now(&live->sensors->env);
	rec->before = calloc(n_channels + 1, sizeof(*rec->before));
	rec->ledgers = calloc(n_channels + 1, sizeof(*rec->ledgers));
	rec->roots = calloc(options->n_ids + 1, sizeof(*rec->roots));
	if (!rec->before || !rec->ledgers || !rec->roots)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for a recording");
	if (options->n_ids)
		memcpy(rec->roots, options->ids, options->n_ids * sizeof(*rec->roots));
	rec->n_roots = options->n_ids;
	rc = jm_writer_create(options->path, false, &rec->writer, err);
	if (rc)
		return rc;
	describe_run(rec, options);
	jm_session_describe_sensors(live->sensors, rec->writer);
	jm_calibration_into_recording(live->sensors, rec->writer);
	write_first_readings(rec);
	if (jm_live_record_begin(rec, live))
		return jm_error_set(err, JM_E_NOMEM, "out of memory for a recording");
	jm_writer_commit(rec->writer);
	return jm_writer_status(rec->writer, err);
}

int jm_live_record(struct jm_live *live, const struct jm_live_record_options *options, struct jm_live_recording **out,
		   struct jm_error *err)
{
	struct jm_live_recording *rec;
	int rc;

	if (!options || options->size < sizeof(*options) || !options->path)
		return jm_error_set(err, JM_E_INVALID, "a recording needs a path and options of this version");
	rec = calloc(1, sizeof(*rec));
	if (!rec)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for a recording");
	rec->live = live;
	rc = begin(rec, options, err);
	if (rc) {
		rec->live = NULL;
		jm_live_recording_close(rec, NULL);
		return rc;
	}
	rec->next = live->recordings;
	live->recordings = rec;
	*out = rec;
	return 0;
}

int jm_live_recording_meta(struct jm_live_recording *rec, const char *key, const char *text)
{
	return jm_writer_meta(rec->writer, key, text);
}

int jm_live_recording_status(const struct jm_live_recording *rec, struct jm_error *err)
{
	return jm_writer_status(rec->writer, err);
}

/* Of this process, which may do other things, too: a service has no more than the live view and what asks for it. */
static void write_own_cost(struct jm_live_recording *rec)
{
	int64_t cpu_ns, rss_bytes;

	jm_own_cost(&cpu_ns, &rss_bytes);
	jm_writer_meta_double(rec->writer, "own_cpu_s", jm_s_from_ns(cpu_ns - rec->own_cpu_ns));
	jm_writer_meta_double(rec->writer, "own_wall_s", jm_s_from_ns(rec->live->ticked_ns - rec->start_ns));
	if (rss_bytes > 0)
		jm_writer_meta_i64(rec->writer, "own_peak_rss_bytes", rss_bytes);
}

void jm_live_recording_end(struct jm_live_recording *rec)
{
	struct jm_live_recording **at;
	struct jm_live *live = rec->live;

	if (!live)
		return;
	for (at = &live->recordings; *at && *at != rec; at = &(*at)->next)
		;
	if (*at)
		*at = rec->next;
	write_ledgers(rec);
	write_own_cost(rec);
	jm_writer_meta_i64(rec->writer, "window_end_ns", live->ticked_ns);
	jm_writer_meta_i64(rec->writer, "end_monotonic_ns", live->ticked_ns);
	jm_writer_meta_i64(rec->writer, "end_realtime_ns", live->ticked_realtime_ns);
	jm_writer_meta_i64(rec->writer, "process_snapshots_taken", (int64_t)rec->n_steps);
	rec->live = NULL;
}

int jm_live_recording_close(struct jm_live_recording *rec, struct jm_error *err)
{
	int rc;

	if (!rec)
		return 0;
	jm_live_recording_end(rec);
	rc = jm_writer_close(rec->writer, err);
	free(rec->roots);
	free(rec->members);
	free(rec->samples);
	free(rec->before);
	free(rec->ledgers);
	free(rec);
	return rc;
}
