#include "core/process.h"

#include <stdlib.h>

void jm_process_log_finish(struct jm_process_log *log)
{
	size_t i;

	for (i = 0; i < log->n_processes; i++) {
		struct jm_process *p = &log->processes[i];

		free((char *)p->name);
		free((char *)p->command);
		free((char *)p->cgroup);
		free((char *)p->runtime);
		free((char *)p->container);
		free((char *)p->pod);
	}
	free(log->processes);
	free(log->last_ns);
	free(log->steps);
	free(log->samples);
	free(log->sample_steps);
	free(log->memory);
	free(log->gpu);
	free(log->counts);
	free(log->count_steps);
}
