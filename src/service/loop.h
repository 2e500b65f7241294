/* The event loop of the service: descriptors and times, one thread, no spinning. What watches a descriptor of its own (HTTP,
 * events) joins here, and must never block. */
#ifndef SERVICE_LOOP_H
#define SERVICE_LOOP_H

#include "joulemap/joulemap.h"

struct jm_loop;

/* Errors: JM_E_NOMEM, JM_E_IO. */
int jm_loop_create(struct jm_loop **out, struct jm_error *err);
void jm_loop_destroy(struct jm_loop *loop);

/* Calls ready whenever fd can be read. fd stays the caller's, who takes it out before closing it. Errors: JM_E_NOMEM, JM_E_IO. */
int jm_loop_add(struct jm_loop *loop, int fd, void (*ready)(void *ctx), void *ctx);
void jm_loop_remove(struct jm_loop *loop, int fd);

/* Adds one who is asked, before each wait, when it wants to be called next: due gives a time on CLOCK_MONOTONIC, INT64_MAX
 * for never; call is called from then on. Errors: JM_E_NOMEM. */
int jm_loop_add_timed(struct jm_loop *loop, int64_t (*due_ns)(void *ctx), void (*call)(void *ctx), void *ctx);

/* Runs until jm_loop_stop is called by one of those it calls. Errors: JM_E_IO. */
int jm_loop_run(struct jm_loop *loop, struct jm_error *err);
void jm_loop_stop(struct jm_loop *loop);

#endif
