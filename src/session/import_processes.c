/* Processes that an importer found, into the recording. */
#include "session/gather.h"

static int write_steps(struct jm_writer *w, const struct jm_process_log *log)
{
	size_t k, i = 0, n;
	int rc = 0;

	for (k = 0; k < log->n_steps && rc == 0; k++, i += n) {
		for (n = 0; i + n < log->n_samples && log->sample_steps[i + n] == k; n++)
			;
		rc = jm_writer_process_step(w, &log->steps[k], log->samples + i, n);
	}
	return rc;
}

int jm_import_processes(struct jm_writer *w, const struct jm_process_log *log)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < log->n_processes && rc == 0; i++)
		rc = jm_writer_process(w, &log->processes[i]);
	rc = rc ? rc : write_steps(w, log);
	for (i = 0; i < log->n_processes && rc == 0; i++)
		if (log->last_ns[i] != INT64_MAX)
			rc = jm_writer_process_gone(w, (uint32_t)i, log->last_ns[i]);
	for (i = 0; i < log->n_memory && rc == 0; i++)
		rc = jm_writer_process_memory(w, &log->memory[i]);
	for (i = 0; i < log->n_gpu && rc == 0; i++)
		rc = jm_writer_process_gpu(w, &log->gpu[i]);
	return rc;
}
