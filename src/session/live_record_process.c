/* The processes of a recording of a live view: those that were asked for, and what descends from them. */
#include "session/live_record.h"

#include "core/error.h"
#include "core/grow.h"

#include <stdlib.h>
#include <string.h>

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

static struct jm_live_member *find(const struct jm_live_recording *rec, uint32_t id)
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

static struct jm_live_member *add_member(struct jm_live_recording *rec, uint32_t id)
{
	size_t at = place_of(rec, id);

	if (!jm_grow(&rec->members, &rec->members_capacity, rec->n_members, sizeof(*rec->members)))
		return NULL;
	memmove(&rec->members[at + 1], &rec->members[at], (rec->n_members - at) * sizeof(*rec->members));
	rec->members[at] = (struct jm_live_member){.id = id, .local = (uint32_t)rec->n_members};
	rec->n_members++;
	return &rec->members[at];
}

static void describe(struct jm_live_recording *rec, const struct jm_live_record *r)
{
	const struct jm_live_member *m = find(rec, r->id);
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

int jm_live_record_begin(struct jm_live_recording *rec, const struct jm_live *live)
{
	struct jm_process_step step = live->step;
	size_t i, n = 0;

	for (i = 0; i < live->n_records; i++) {
		const struct jm_live_record *r = live->records[i];
		struct jm_live_member *m;

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
		const struct jm_live_member *m = find(rec, s->samples[i].process);

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
		struct jm_live_member *m = find(rec, s->gone[i]);

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
			const struct jm_live_member *m = find(rec, s->memory[i].process);
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
		const struct jm_live_member *m = row.process == JM_PROCESS_OTHERS ? NULL : find(rec, row.process);

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
