/* Which process used which GPU: NVML's utilisation of each process. */
#ifndef PROCESS_GPUS_H
#define PROCESS_GPUS_H

#include "core/nvml.h"
#include "process/watch.h"

struct jm_process_gpus;

/* Begins to ask. nvml: borrowed, must stay. Errors: JM_E_UNSUPPORTED: the library, or no GPU, tells of processes; JM_E_NOMEM. */
int jm_process_gpus_create(struct jm_nvml *nvml, struct jm_process_gpus **out, struct jm_error *err);
void jm_process_gpus_destroy(struct jm_process_gpus *g);

/* Asks every GPU once: one row for each watched process that used it since the poll before, and one for all others together, at
 * t_ns. NVML numbers processes as the first namespace does: those that the watch knows by another number are others. *rows_out: borrowed
 * until the next poll. May block as long as the driver does. Gives the number of rows. */
size_t jm_process_gpus_poll(struct jm_process_gpus *g, const struct jm_process_watch *w, int64_t t_ns,
			    const struct jm_process_gpu **rows_out);

#endif
