/* Processes into a recording. */
#include "recording/writer.h"

#include "recording/schema.h"

int jm_writer_process(struct jm_writer *w, const struct jm_process *p)
{
	sqlite3_stmt *s = w->statements[JM_STATEMENT_PROCESS];
	const char *const texts[] = {p->name, p->command, p->cgroup, p->runtime, p->container, p->pod};
	const int64_t numbers[] = {p->id, p->pid, p->parent_pid, p->ns_pid, (int64_t)p->start_ticks};
	int64_t first;
	int rc = jm_writer_begin(w), i;

	rc = rc ? rc : jm_writer_relative_time(w, p->first_ns, &first);
	if (rc)
		return rc;
	for (i = 0; i < 5; i++)
		sqlite3_bind_int64(s, 1 + i, numbers[i]);
	sqlite3_bind_int64(s, 6, first);
	sqlite3_bind_int(s, 7, p->is_root);
	for (i = 0; i < 6; i++)
		jm_writer_bind_text(s, 8 + i, texts[i]);
	return jm_writer_step(w, JM_STATEMENT_PROCESS);
}

int jm_writer_process_gone(struct jm_writer *w, uint32_t id, int64_t t_ns)
{
	sqlite3_stmt *s = w->statements[JM_STATEMENT_PROCESS_GONE];
	int64_t t;
	int rc = jm_writer_begin(w);

	rc = rc ? rc : jm_writer_relative_time(w, t_ns, &t);
	if (rc)
		return rc;
	sqlite3_bind_int64(s, 1, t);
	sqlite3_bind_int64(s, 2, id);
	return jm_writer_step(w, JM_STATEMENT_PROCESS_GONE);
}

static int write_sample(struct jm_writer *w, const struct jm_process_sample *sample)
{
	sqlite3_stmt *s = w->statements[JM_STATEMENT_PROCESS_SAMPLE];

	sqlite3_bind_int64(s, 1, w->n_process_steps);
	sqlite3_bind_int64(s, 2, sample->process);
	sqlite3_bind_int64(s, 3, sample->cpu_ns);
	sqlite3_bind_int64(s, 4, sample->reaped_ns);
	jm_writer_bind_known(s, 5, sample->rss_bytes >= 0, sample->rss_bytes);
	return jm_writer_step(w, JM_STATEMENT_PROCESS_SAMPLE);
}

static int write_busy(struct jm_writer *w, const struct jm_process_step *step)
{
	sqlite3_stmt *s = w->statements[JM_STATEMENT_PROCESS_BUSY];

	sqlite3_bind_int64(s, 1, w->n_process_steps);
	sqlite3_bind_int64(s, 2, step->busy_ns);
	return jm_writer_step(w, JM_STATEMENT_PROCESS_BUSY);
}

int jm_writer_process_step(struct jm_writer *w, const struct jm_process_step *step,
			   const struct jm_process_sample *samples, size_t n)
{
	sqlite3_stmt *s = w->statements[JM_STATEMENT_PROCESS_STEP];
	int64_t t;
	int rc = jm_writer_begin(w);
	size_t i;

	rc = rc ? rc : jm_writer_relative_time(w, step->t_ns, &t);
	if (rc)
		return rc;
	sqlite3_bind_int64(s, 1, w->n_process_steps);
	sqlite3_bind_int64(s, 2, t);
	sqlite3_bind_int64(s, 3, step->half_width_ns);
	jm_writer_bind_known(s, 4, step->is_idle_known, step->idle_ns);
	jm_writer_bind_known(s, 5, step->n_cpus != 0, step->n_cpus);
	sqlite3_bind_int64(s, 6, step->n_watched);
	jm_writer_bind_known(s, 7, step->used_bytes >= 0, step->used_bytes);
	rc = jm_writer_step(w, JM_STATEMENT_PROCESS_STEP);
	rc = rc == 0 && step->is_busy_known ? write_busy(w, step) : rc;
	for (i = 0; rc == 0 && i < n; i++)
		rc = write_sample(w, &samples[i]);
	w->n_process_steps++;
	return rc;
}

int jm_writer_process_memory(struct jm_writer *w, const struct jm_process_memory *memory)
{
	sqlite3_stmt *s = w->statements[JM_STATEMENT_PROCESS_MEMORY];
	int64_t t;
	int rc = jm_writer_begin(w);

	rc = rc ? rc : jm_writer_relative_time(w, memory->t_ns, &t);
	if (rc)
		return rc;
	sqlite3_bind_int64(s, 1, memory->process);
	sqlite3_bind_int64(s, 2, t);
	sqlite3_bind_int64(s, 3, memory->pss_bytes);
	sqlite3_bind_int64(s, 4, memory->uss_bytes);
	return jm_writer_step(w, JM_STATEMENT_PROCESS_MEMORY);
}

int jm_writer_process_gpu(struct jm_writer *w, const struct jm_process_gpu *row)
{
	sqlite3_stmt *s = w->statements[JM_STATEMENT_PROCESS_GPU];
	int64_t t;
	int rc = jm_writer_begin(w);

	rc = rc ? rc : jm_writer_relative_time(w, row->t_ns, &t);
	if (rc)
		return rc;
	sqlite3_bind_int64(s, 1, t);
	sqlite3_bind_int(s, 2, row->gpu);
	jm_writer_bind_known(s, 3, row->process != JM_PROCESS_OTHERS, row->process);
	sqlite3_bind_int64(s, 4, row->n);
	sqlite3_bind_int64(s, 5, row->sm_ppm);
	jm_writer_bind_known(s, 6, row->memory_ppm >= 0, row->memory_ppm);
	jm_writer_bind_known(s, 7, row->used_bytes >= 0, row->used_bytes);
	return jm_writer_step(w, JM_STATEMENT_PROCESS_GPU);
}

int jm_writer_process_counts(struct jm_writer *w, const struct jm_process_count *rows, size_t n)
{
	sqlite3_stmt *s = w->statements[JM_STATEMENT_PROCESS_COUNT];
	int rc = n && w->n_process_steps == 0 ? JM_E_INVALID : jm_writer_begin(w), k;
	size_t i;

	for (i = 0; rc == 0 && i < n; i++) {
		sqlite3_bind_int64(s, 1, w->n_process_steps - 1);
		jm_writer_bind_known(s, 2, rows[i].process != JM_PROCESS_MACHINE, rows[i].process);
		for (k = 0; k < JM_N_COUNTS; k++)
			jm_writer_bind_known(s, 3 + k, rows[i].counts[k] >= 0, rows[i].counts[k]);
		rc = jm_writer_step(w, JM_STATEMENT_PROCESS_COUNT);
	}
	return rc;
}
