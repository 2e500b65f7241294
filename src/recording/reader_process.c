/* Processes out of a recording. */
#include "recording/reader.h"

#include "core/grow.h"
#include "recording/schema.h"

/* Times count from here; absent until the first row of any kind. */
static int time_origin(struct jm_recording *r, int64_t *out, struct jm_error *err)
{
	struct jm_rows rows;

	*out = 0;
	jm_rows_begin(&rows, r, "meta", "SELECT value FROM meta WHERE key = '" JM_META_TIME_ORIGIN "'", err);
	if (jm_rows_next(&rows))
		*out = jm_rows_i64(&rows, 0, -JM_READER_TIME_MAX, JM_READER_TIME_MAX);
	return jm_rows_end(&rows);
}

static bool room(struct jm_rows *rows, void *items, size_t *capacity, size_t n, size_t size)
{
	if (jm_grow(items, capacity, n, size))
		return true;
	rows->rc = jm_error_set(rows->err, JM_E_NOMEM, "out of memory reading processes of %s", rows->r->path);
	return false;
}

static int load_processes(struct jm_recording *r, int64_t origin_ns, struct jm_process_log *log, struct jm_error *err)
{
	size_t capacity = 0, last_capacity = 0;
	struct jm_rows rows;

	jm_rows_begin(&rows, r, "process",
		      "SELECT id, pid, parent_pid, ns_pid, start_ticks, first, last, is_root, name, command, cgroup,"
		      " runtime, container, pod FROM process ORDER BY id",
		      err);
	while (jm_rows_next(&rows)) {
		struct jm_process *p;
		bool is_gone = sqlite3_column_type(rows.statement, 6) != SQLITE_NULL;

		if (!room(&rows, &log->processes, &capacity, log->n_processes, sizeof(*p)) ||
		    !room(&rows, &log->last_ns, &last_capacity, log->n_processes, sizeof(int64_t)))
			break;
		p = &log->processes[log->n_processes];
		*p = (struct jm_process){0};
		p->id = (uint32_t)jm_rows_i64(&rows, 0, (int64_t)log->n_processes, (int64_t)log->n_processes);
		p->pid = jm_rows_i64(&rows, 1, 0, INT64_MAX);
		p->parent_pid = jm_rows_i64(&rows, 2, 0, INT64_MAX);
		p->ns_pid = jm_rows_i64(&rows, 3, 0, INT64_MAX);
		p->start_ticks = (uint64_t)jm_rows_i64(&rows, 4, 0, INT64_MAX);
		p->first_ns = jm_rows_time(&rows, 5, origin_ns);
		log->last_ns[log->n_processes++] = is_gone ? jm_rows_time(&rows, 6, origin_ns) : INT64_MAX;
		p->is_root = jm_rows_i64(&rows, 7, 0, 1) != 0;
		p->name = jm_rows_text_dup(&rows, 8);
		p->command = jm_rows_text_dup(&rows, 9);
		p->cgroup = jm_rows_text_dup(&rows, 10);
		p->runtime = jm_rows_text_dup(&rows, 11);
		p->container = jm_rows_text_dup(&rows, 12);
		p->pod = jm_rows_text_dup(&rows, 13);
	}
	return jm_rows_end(&rows);
}

static int load_steps(struct jm_recording *r, int64_t origin_ns, struct jm_process_log *log, struct jm_error *err)
{
	size_t capacity = 0;
	struct jm_rows rows;

	jm_rows_begin(
	    &rows, r, "process_step",
	    "SELECT id, t, half_width_ns, idle_ns, n_cpus, n_watched, used_bytes FROM process_step ORDER BY id", err);
	while (jm_rows_next(&rows)) {
		struct jm_process_step *s;

		if (!room(&rows, &log->steps, &capacity, log->n_steps, sizeof(*s)))
			break;
		s = &log->steps[log->n_steps];
		*s = (struct jm_process_step){0};
		jm_rows_i64(&rows, 0, (int64_t)log->n_steps, (int64_t)log->n_steps);
		s->t_ns = jm_rows_time(&rows, 1, origin_ns);
		s->half_width_ns = jm_rows_i64(&rows, 2, 0, JM_READER_TIME_MAX);
		s->is_idle_known = sqlite3_column_type(rows.statement, 3) != SQLITE_NULL;
		s->idle_ns = jm_rows_i64_or(&rows, 3, 0, JM_READER_TIME_MAX, 0);
		s->n_cpus = (uint32_t)jm_rows_i64_or(&rows, 4, 1, UINT32_MAX, 0);
		s->n_watched = (uint32_t)jm_rows_i64(&rows, 5, 0, UINT32_MAX);
		s->used_bytes = jm_rows_i64_or(&rows, 6, 0, JM_READER_TIME_MAX, -1);
		if (log->n_steps && s->t_ns < s[-1].t_ns)
			jm_rows_bad(&rows, "time goes back");
		log->n_steps++;
	}
	return jm_rows_end(&rows);
}

/* An id within n. Without any, no value is valid. */
static uint32_t read_id(struct jm_rows *rows, int column, size_t n)
{
	return (uint32_t)jm_rows_i64(rows, column, n ? 0 : -1, (int64_t)n - 1);
}

static int load_samples(struct jm_recording *r, struct jm_process_log *log, struct jm_error *err)
{
	size_t capacity = 0, step_capacity = 0;
	uint32_t previous = 0;
	struct jm_rows rows;

	jm_rows_begin(&rows, r, "process_sample",
		      "SELECT step, process, cpu_ns, reaped_ns, rss_bytes FROM process_sample ORDER BY rowid", err);
	while (jm_rows_next(&rows)) {
		struct jm_process_sample *s;

		if (!room(&rows, &log->samples, &capacity, log->n_samples, sizeof(*s)) ||
		    !room(&rows, &log->sample_steps, &step_capacity, log->n_samples, sizeof(uint32_t)))
			break;
		s = &log->samples[log->n_samples];
		log->sample_steps[log->n_samples] = read_id(&rows, 0, log->n_steps);
		s->process = read_id(&rows, 1, log->n_processes);
		s->cpu_ns = jm_rows_i64(&rows, 2, 0, JM_READER_TIME_MAX);
		s->reaped_ns = jm_rows_i64(&rows, 3, 0, JM_READER_TIME_MAX);
		s->rss_bytes = jm_rows_i64_or(&rows, 4, 0, JM_READER_TIME_MAX, -1);
		if (log->sample_steps[log->n_samples] < previous)
			jm_rows_bad(&rows, "samples are out of order");
		previous = log->sample_steps[log->n_samples++];
	}
	return jm_rows_end(&rows);
}

static int load_memory(struct jm_recording *r, int64_t origin_ns, struct jm_process_log *log, struct jm_error *err)
{
	size_t capacity = 0;
	struct jm_rows rows;

	jm_rows_begin(&rows, r, "process_memory",
		      "SELECT process, t, pss_bytes, uss_bytes FROM process_memory ORDER BY t", err);
	while (jm_rows_next(&rows)) {
		struct jm_process_memory *m;

		if (!room(&rows, &log->memory, &capacity, log->n_memory, sizeof(*m)))
			break;
		m = &log->memory[log->n_memory++];
		m->process = read_id(&rows, 0, log->n_processes);
		m->t_ns = jm_rows_time(&rows, 1, origin_ns);
		m->pss_bytes = jm_rows_i64(&rows, 2, 0, JM_READER_TIME_MAX);
		m->uss_bytes = jm_rows_i64(&rows, 3, 0, JM_READER_TIME_MAX);
	}
	return jm_rows_end(&rows);
}

static int load_gpu(struct jm_recording *r, int64_t origin_ns, struct jm_process_log *log, struct jm_error *err)
{
	size_t capacity = 0;
	struct jm_rows rows;

	jm_rows_begin(
	    &rows, r, "process_gpu",
	    "SELECT t, gpu, process, n, sm_ppm, memory_ppm, used_bytes FROM process_gpu ORDER BY gpu, t, rowid", err);
	while (jm_rows_next(&rows)) {
		bool is_others = sqlite3_column_type(rows.statement, 2) == SQLITE_NULL;
		struct jm_process_gpu *g;

		if (!room(&rows, &log->gpu, &capacity, log->n_gpu, sizeof(*g)))
			break;
		g = &log->gpu[log->n_gpu++];
		g->t_ns = jm_rows_time(&rows, 0, origin_ns);
		g->gpu = (uint16_t)jm_rows_i64(&rows, 1, 0, UINT16_MAX);
		g->process = is_others ? JM_PROCESS_OTHERS : read_id(&rows, 2, log->n_processes);
		g->n = (uint32_t)jm_rows_i64(&rows, 3, 0, UINT32_MAX);
		g->sm_ppm = jm_rows_i64(&rows, 4, 0, 1000000000);
		g->memory_ppm = jm_rows_i64_or(&rows, 5, 0, 1000000000, -1);
		g->used_bytes = jm_rows_i64_or(&rows, 6, 0, JM_READER_TIME_MAX, -1);
	}
	return jm_rows_end(&rows);
}

/* This table and the next came later than the others. */
static int load_busy(struct jm_recording *r, struct jm_process_log *log, struct jm_error *err)
{
	struct jm_rows rows;
	int64_t found;
	int rc = jm_reader_has_table(r, "process_busy", &found, err);

	if (rc || !found)
		return rc;
	jm_rows_begin(&rows, r, "process_busy", "SELECT step, busy_ns FROM process_busy", err);
	while (jm_rows_next(&rows)) {
		uint32_t step = read_id(&rows, 0, log->n_steps);
		int64_t busy_ns = jm_rows_i64(&rows, 1, 0, JM_READER_TIME_MAX);

		if (rows.rc)
			break;
		log->steps[step].is_busy_known = true;
		log->steps[step].busy_ns = busy_ns;
	}
	return jm_rows_end(&rows);
}

static int load_counts(struct jm_recording *r, struct jm_process_log *log, struct jm_error *err)
{
	size_t capacity = 0, step_capacity = 0;
	uint32_t previous = 0;
	struct jm_rows rows;
	int64_t found;
	int rc = jm_reader_has_table(r, "process_count", &found, err), k;

	if (rc || !found)
		return rc;
	jm_rows_begin(&rows, r, "process_count",
		      "SELECT step, process, cycles, instructions, llc_misses FROM process_count ORDER BY rowid", err);
	while (jm_rows_next(&rows)) {
		bool is_machine = sqlite3_column_type(rows.statement, 1) == SQLITE_NULL;
		struct jm_process_count *c;

		if (!room(&rows, &log->counts, &capacity, log->n_counts, sizeof(*c)) ||
		    !room(&rows, &log->count_steps, &step_capacity, log->n_counts, sizeof(uint32_t)))
			break;
		c = &log->counts[log->n_counts];
		log->count_steps[log->n_counts] = read_id(&rows, 0, log->n_steps);
		c->process = is_machine ? JM_PROCESS_MACHINE : read_id(&rows, 1, log->n_processes);
		for (k = 0; k < JM_N_COUNTS; k++)
			c->counts[k] = jm_rows_i64_or(&rows, 2 + k, 0, INT64_MAX, -1);
		if (log->count_steps[log->n_counts] < previous)
			jm_rows_bad(&rows, "counts are out of order");
		previous = log->count_steps[log->n_counts++];
	}
	return jm_rows_end(&rows);
}

static int load(struct jm_recording *r, struct jm_process_log *log, struct jm_error *err)
{
	int64_t origin_ns;
	int rc = time_origin(r, &origin_ns, err);

	rc = rc ? rc : load_processes(r, origin_ns, log, err);
	rc = rc ? rc : load_steps(r, origin_ns, log, err);
	rc = rc ? rc : load_samples(r, log, err);
	rc = rc ? rc : load_memory(r, origin_ns, log, err);
	rc = rc ? rc : load_gpu(r, origin_ns, log, err);
	rc = rc ? rc : load_busy(r, log, err);
	return rc ? rc : load_counts(r, log, err);
}

int jm_recording_process_log(struct jm_recording *r, struct jm_process_log *out, struct jm_error *err)
{
	struct jm_process_log log = {0};
	int rc = 0;

	if (r->has_processes) {
		jm_reader_update_size(r);
		rc = jm_schema_exec(r->db, "BEGIN", err, r->path);
		rc = rc ? rc : load(r, &log, err);
		sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
	}
	if (rc) {
		jm_process_log_finish(&log);
		return rc;
	}
	*out = log;
	return 0;
}
