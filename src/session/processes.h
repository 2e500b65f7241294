/* Processes beside the sensors: a thread that takes a snapshot of those watched, ten times a second. */
#ifndef SESSION_PROCESSES_H
#define SESSION_PROCESSES_H

#include "attribution/attribution.h"
#include "core/env.h"
#include "core/result.h"
#include "recording/recording.h"

struct jm_process_recorder;

/* Finds the processes that options ask for; *out stays NULL when that is nobody. Nothing is written yet.
 * Errors: JM_E_NOT_FOUND: none of the processes named is there, or there is no /proc; JM_E_INVALID: a choice that is none;
 * JM_E_PERMISSION, JM_E_NOMEM. */
int jm_process_recorder_open(struct jm_recorder *r, const struct jm_env *env, const struct jm_record_options *options,
			     struct jm_process_recorder **out, struct jm_error *err);
/* Takes the first snapshot and starts the thread; r has its file by now. NULL is allowed. Errors: JM_E_NOMEM. */
int jm_process_recorder_start(struct jm_process_recorder *p, struct jm_error *err);
/* Takes the last snapshot and ends. NULL and twice are allowed. */
void jm_process_recorder_stop(struct jm_process_recorder *p);
void jm_process_recorder_destroy(struct jm_process_recorder *p);
/* Own processor time, ns, after stop. NULL gives 0. */
int64_t jm_process_recorder_cpu_ns(const struct jm_process_recorder *p);

/* Reads the log of a recording (yours, also after an error: jm_process_log_finish) into in. Texts stay the recording's. */
int jm_processes_load(struct jm_recording *r, struct jm_process_log *log, struct jm_attribution_input *in,
		      struct jm_error *err);

/* Says in the result how the processes of a recording were sampled, and warns of what was missed. */
void jm_processes_explain(struct jm_recording *r, const struct jm_process_log *log, struct jm_result *result);

#endif
