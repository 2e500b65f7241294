/* Numbers of processes in PID namespaces (pid_namespaces(7)): /proc/PID/status lists them under NSpid, outermost first. */
#ifndef PROCESS_NAMESPACE_H
#define PROCESS_NAMESPACE_H

#include "core/env.h"

/* Finds the process that is called inner in the namespace of reference (a number of env's /proc; 0: this process).
 * out: its number in env's /proc. Errors: JM_E_NOT_FOUND: no such reference, or no such process in its namespace; JM_E_INVALID:
 * several fit, as the namespaces of others cannot be told apart; JM_E_UNSUPPORTED: a kernel that does not list them. */
int jm_process_from_inner(const struct jm_env *env, int64_t inner, int64_t reference, int64_t *out,
			  struct jm_error *err);

/* Says whether env's /proc numbers processes as this process does. */
bool jm_process_is_own_namespace(const struct jm_env *env);

#endif
