/* The inside of a recording of a live view: live_record.c (the file, readings) and live_record_process.c. */
#ifndef SESSION_LIVE_RECORD_H
#define SESSION_LIVE_RECORD_H

#include "recording/recording.h"
#include "session/live_internal.h"

/* A process of the recording. */
struct jm_live_member {
	uint32_t id, local;        /* of the live view; of the recording, where ids count from 0 without holes */
	int64_t cpu_ns, reaped_ns; /* when the recording began */
	bool is_gone;
};

struct jm_live_recording {
	struct jm_live *live; /* NULL: ended */
	struct jm_writer *writer;
	uint32_t *roots;
	size_t n_roots;
	struct jm_live_member *members; /* in order of id */
	size_t n_members, members_capacity, n_gone;
	struct jm_process_sample *samples; /* of the step at work */
	size_t samples_capacity;
	struct jm_ledger *before;  /* ledgers when it began, one a channel */
	struct jm_ledger *ledgers; /* of them: gap, first and last as seen here */
	int64_t start_ns, committed_ns;
	int64_t own_cpu_ns; /* of this process, when it began */
	uint64_t n_steps, n_commits;
	struct jm_live_recording *next;
};

/* Writes the processes that are there when it begins: their time counts from here. Errors: JM_E_NOMEM; of the writer. */
int jm_live_record_begin(struct jm_live_recording *rec, const struct jm_live *live);

#endif
