/* What records of AIPowerMeter say of processes, gathered record by record into a process log. */
#ifndef TRACE_AIPOWERMETER_PROCESS_H
#define TRACE_AIPOWERMETER_PROCESS_H

#include "core/process.h"

/* Figures of one process in one record. X(name, key in "cpu") */
#define JM_APM_FIGURES(X)                                                                                              \
	X(USE, "per_process_cpu_uses")                                                                                 \
	X(TIME, "absolute_cpu_time_per_pid")                                                                           \
	X(MEMORY, "per_process_mem_use_abs")                                                                           \
	X(MEMORY_SHARE, "per_process_mem_use_percent")                                                                 \
	X(USS, "per_process_mem_use_uss")
#define JM_APM_ENUM(name, key) JM_APM_##name,
enum jm_apm_figure { JM_APM_FIGURES(JM_APM_ENUM) JM_APM_N_FIGURES };
#undef JM_APM_ENUM

struct jm_apm_processes;

/* Gives NULL when out of memory. */
struct jm_apm_processes *jm_apm_processes_create(void);
void jm_apm_processes_destroy(struct jm_apm_processes *p);

/* Processes of one record, and users of GPUs. */
#define JM_APM_PROCESSES_MAX 4096

/* Adds a figure of the record at hand. value: as in the file. Errors: JM_E_NOMEM; JM_E_FULL: too many processes in a record. */
int jm_apm_processes_add(struct jm_apm_processes *p, enum jm_apm_figure figure, int64_t pid, double value);
/* Memory in use, all of it, bytes. */
void jm_apm_processes_used(struct jm_apm_processes *p, double bytes);
/* Use (fraction of the time) or memory (bytes) of a GPU by a process; the other NAN. Errors: as above. */
int jm_apm_processes_gpu(struct jm_apm_processes *p, uint16_t gpu, int64_t pid, double use, double bytes);
/* In place of a process: the part that those of the record are of all use of the GPU. */
#define JM_APM_OWN_OF_ALL 0
/* Says that the record speaks of a GPU (below 64), be it that nobody used it. */
void jm_apm_processes_gpu_seen(struct jm_apm_processes *p, uint16_t gpu);
/* Ends the record; is_first: of its segment, so that nobody knows when it began. Errors: JM_E_NOMEM. */
int jm_apm_processes_end(struct jm_apm_processes *p, int64_t t_ns, bool is_first);
/* Forgets the record at hand: it was torn. */
void jm_apm_processes_drop(struct jm_apm_processes *p);

/* Makes the log; *out is yours. n_over: records whose shares added up to more than one. Records out of order give none.
 * Errors: JM_E_NOT_FOUND: no process, or times that go back; JM_E_NOMEM. */
int jm_apm_processes_finish(struct jm_apm_processes *p, struct jm_process_log *out, uint64_t *n_over);

#endif
