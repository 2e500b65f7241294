/* Recordings of a live view: what is read once goes into as many files as are wanted, each with its own processes. */
#include "session/live_internal.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "recording/recording.h"
#include "session/calibration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was read reaches the file this often, as in a recorder; less often where there are many files. */
#define COMMIT_NS      (500 * JM_NS_PER_MS)
#define COMMIT_MANY_NS (2000 * JM_NS_PER_MS)
#define MANY           16

/* A process of the recording. */
struct member {
	uint32_t id, local;        /* of the live view; of the recording, where ids count from 0 without holes */
	int64_t cpu_ns, reaped_ns; /* when the recording began */
	bool is_gone;
};

struct jm_live_recording {
	struct jm_live *live; /* NULL: ended */
	struct jm_writer *writer;
	uint32_t *roots;
	size_t n_roots;
	struct member *members; /* in order of id */
	size_t n_members, members_capacity, n_gone;
	struct jm_process_sample *samples; /* of the step at work */
	size_t samples_capacity;
	struct jm_ledger *before;  /* ledgers when it began, one a channel */
	struct jm_ledger *ledgers; /* of them: gap, first and last as seen here */
	int64_t start_ns, committed_ns;
	uint64_t n_steps, n_commits;
	struct jm_live_recording *next;
};

/* ---- Processes ---------------------------------------------------------------------------------------------------- */

static size_t place_of(const struct jm_live_recording *rec, uint32_t id)
{
	size_t low = 0, high = rec->n_members;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (rec->members[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct member *find(const struct jm_live_recording *rec, uint32_t id)
{
	size_t i = place_of(rec, id);

	return i < rec->n_members && rec->members[i].id == id ? &rec->members[i] : NULL;
}

static bool is_root(const struct jm_live_recording *rec, uint32_t id)
{
	size_t i;

	for (i = 0; i < rec->n_roots; i++)
		if (rec->roots[i] == id)
			return true;
	return false;
}

/* Below a process that was asked for. */
static bool is_inside(const struct jm_live_recording *rec, const struct jm_live_record *r)
{
	for (; r; r = r->parent)
		if (find(rec, r->id) || is_root(rec, r->id))
			return true;
	return false;
}

static struct member *add_member(struct jm_live_recording *rec, uint32_t id)
{
	size_t at = place_of(rec, id);

	if (rec->n_members == rec->members_capacity) {
		size_t capacity = rec->members_capacity ? 2 * rec->members_capacity : 16;
		struct member *grown = realloc(rec->members, capacity * sizeof(*grown));

		if (!grown)
			return NULL;
		rec->members = grown;
		rec->members_capacity = capacity;
	}
	memmove(&rec->members[at + 1], &rec->members[at], (rec->n_members - at) * sizeof(*rec->members));
	rec->members[at] = (struct member){.id = id, .local = (uint32_t)rec->n_members};
	rec->n_members++;
	return &rec->members[at];
}

static void describe(struct jm_live_recording *rec, const struct jm_live_record *r)
{
	const struct member *m = find(rec, r->id);
	struct jm_process p = {.id = m->local,
			       .pid = r->facts.pid,
			       .parent_pid = r->facts.parent_pid,
			       .ns_pid = r->facts.ns_pid,
			       .start_ticks = r->facts.start_ticks,
			       .first_ns = r->first_ns > rec->start_ns ? r->first_ns : rec->start_ns,
			       .is_root = is_root(rec, r->id),
			       .name = r->facts.name,
			       .command = r->facts.command,
			       .cgroup = r->cgroup,
			       .runtime = r->facts.runtime,
			       .container = r->facts.container,
			       .pod = r->facts.pod};

	jm_writer_process(rec->writer, &p);
}

/* Those that are there when it begins: their time counts from here. */
static int take_present(struct jm_live_recording *rec, const struct jm_live *live)
{
	struct jm_process_step step = live->step;
	size_t i, n = 0;

	for (i = 0; i < live->n_records; i++) {
		const struct jm_live_record *r = live->records[i];
		struct member *m;

		/* One that no snapshot has described yet comes with the next. */
		if (r->facts.is_gone || !r->facts.name || !is_inside(rec, r))
			continue;
		m = add_member(rec, r->id);
		if (!m)
			return JM_E_NOMEM;
		m->cpu_ns = r->cpu_ns;
		m->reaped_ns = r->reaped_ns;
		describe(rec, r);
	}
	rec->samples = calloc(rec->n_members + 1, sizeof(*rec->samples));
	if (!rec->samples)
		return JM_E_NOMEM;
	rec->samples_capacity = rec->n_members;
	for (i = 0; i < rec->n_members; i++) {
		const struct jm_live_record *r = jm_live_find(live, rec->members[i].id);

		rec->samples[n++] = (struct jm_process_sample){
		    .process = rec->members[i].local, .rss_bytes = r->facts.rss_bytes > 0 ? r->facts.rss_bytes : 0};
	}
	if (!live->has_step)
		return 0;
	rec->n_steps++;
	step.n_watched = (uint32_t)n;
	return jm_writer_process_step(rec->writer, &step, rec->samples, n);
}

static void take_described(struct jm_live_recording *rec, const struct jm_live *live,
			   const struct jm_process_snapshot *s)
{
	size_t i;

	for (i = 0; i < s->n_described; i++) {
		const struct jm_live_record *r = jm_live_find(live, s->described[i].id);

		if (r && (find(rec, r->id) || (is_inside(rec, r) && add_member(rec, r->id))))
			describe(rec, r);
	}
}

static void take_step(struct jm_live_recording *rec, const struct jm_process_snapshot *s)
{
	struct jm_process_step step = s->step;
	size_t i, n = 0;

	if (rec->samples_capacity < rec->n_members) {
		struct jm_process_sample *grown = realloc(rec->samples, rec->members_capacity * sizeof(*grown));

		if (!grown)
			return;
		rec->samples = grown;
		rec->samples_capacity = rec->members_capacity;
	}
	for (i = 0; i < s->n_samples && n < rec->n_members; i++) {
		const struct member *m = find(rec, s->samples[i].process);

		if (!m)
			continue;
		rec->samples[n] = s->samples[i];
		rec->samples[n].process = m->local;
		rec->samples[n].cpu_ns -= m->cpu_ns;
		rec->samples[n++].reaped_ns -= m->reaped_ns;
	}
	step.n_watched = (uint32_t)(rec->n_members - rec->n_gone);
	rec->n_steps++;
	jm_writer_process_step(rec->writer, &step, rec->samples, n);
}

static void take_gone(struct jm_live_recording *rec, const struct jm_process_snapshot *s)
{
	size_t i;

	for (i = 0; i < s->n_gone; i++) {
		struct member *m = find(rec, s->gone[i]);

		if (!m || m->is_gone)
			continue;
		m->is_gone = true;
		rec->n_gone++;
		jm_writer_process_gone(rec->writer, m->local, s->step.t_ns);
	}
}

void jm_live_record_processes(struct jm_live *live, const struct jm_process_snapshot *s)
{
	struct jm_live_recording *rec;
	size_t i;

	for (rec = live->recordings; rec; rec = rec->next) {
		take_described(rec, live, s);
		take_step(rec, s);
		for (i = 0; i < s->n_memory; i++) {
			const struct member *m = find(rec, s->memory[i].process);
			struct jm_process_memory memory = s->memory[i];

			memory.process = m ? m->local : 0;
			if (m)
				jm_writer_process_memory(rec->writer, &memory);
		}
		take_gone(rec, s);
	}
}

/* What other recordings' processes had of a GPU is of others here. */
static void write_gpu(struct jm_live_recording *rec, const struct jm_process_gpu *rows, size_t n)
{
	struct jm_process_gpu others = {0};
	size_t i;

	for (i = 0; i < n; i++) {
		struct jm_process_gpu row = rows[i];
		const struct member *m = row.process == JM_PROCESS_OTHERS ? NULL : find(rec, row.process);

		row.process = m ? m->local : JM_PROCESS_OTHERS;
		if (m) {
			jm_writer_process_gpu(rec->writer, &row);
			continue;
		}
		others.n += row.n;
		others.sm_ppm += row.sm_ppm;
		others.memory_ppm += row.memory_ppm;
		/* The row of the others ends those of a GPU. */
		if (rows[i].process != JM_PROCESS_OTHERS)
			continue;
		row.n = others.n;
		row.sm_ppm = others.sm_ppm;
		row.memory_ppm = others.memory_ppm;
		row.used_bytes = -1;
		jm_writer_process_gpu(rec->writer, &row);
		others = (struct jm_process_gpu){0};
	}
}

void jm_live_record_gpus(struct jm_live *live, const struct jm_process_gpu *rows, size_t n)
{
	struct jm_live_recording *rec;

	for (rec = live->recordings; rec; rec = rec->next)
		write_gpu(rec, rows, n);
}

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
	int rc;

	rec->start_ns = live->ticked_ns;
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
	if (take_present(rec, live))
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
