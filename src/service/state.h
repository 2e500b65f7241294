/* What is under way, kept in a file (state.json), so that a service that was killed goes on where it was: the same measurements, under the
 * same numbers, with the energy that they had. What happened in between is in none of the sums. One thread. */
#ifndef SERVICE_STATE_H
#define SERVICE_STATE_H

#include "service/measurement.h"

struct jm_state;

/* Reads what an earlier service left in folder and has all resume it where the machine has not been started anew: each measurement with
 * those of its processes that are still there. Then keeps folder's state for all. log is told what goes on and what does not. Call
 * behind all that listen. Errors: JM_E_NOMEM; a file that cannot be read is told and left aside. */
int jm_state_open(const char *folder, struct jm_measurements *all, int64_t now_ns,
		  void (*log)(void *ctx, const char *text), void *ctx, struct jm_state **out, struct jm_error *err);
/* When jm_state_work wants to be called; INT64_MAX: never. */
int64_t jm_state_due_ns(const struct jm_state *state);
void jm_state_work(struct jm_state *state, int64_t now_ns);
/* Writes a last time: by now nothing should be under way. NULL is allowed. */
void jm_state_close(struct jm_state *state);

#endif
