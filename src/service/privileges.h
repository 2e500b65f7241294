/* Giving up rights that are not needed: what a program that answers strangers should not have. docs/security.md says why these. */
#ifndef SERVICE_PRIVILEGES_H
#define SERVICE_PRIVILEGES_H

#include "joulemap/joulemap.h"

/* Becomes user (a name, or a number), with his groups, for good. Of root's capabilities two stay, where they were there: CAP_PERFMON and
 * CAP_DAC_READ_SEARCH, which read the processor's counters; no others can be got again. Then forbids itself system calls that no
 * measuring needs: starting programs, tracing others, mounting, loading modules, ... (Linux on x86-64 and arm64). Before any thread is
 * made, and after what only root can read was read. may_execute: programs may still be started (exec: sensors).
 * Errors: JM_E_PERMISSION (only root can become another), JM_E_NOT_FOUND (no such user), JM_E_UNSUPPORTED (the kernel cannot). */
int jm_privileges_drop(const char *user, bool may_execute, struct jm_error *err);

#endif
