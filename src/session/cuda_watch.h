/* Takes in what libjoulemap_cuda.so writes into a folder, while it does and afterwards. */
#ifndef SESSION_CUDA_WATCH_H
#define SESSION_CUDA_WATCH_H

#include "trace/trace.h"

struct jm_cuda_watch;

/* out: copied; what its functions are given (ctx) must outlive the watch. Errors: JM_E_NOT_FOUND, JM_E_PERMISSION (the
 * folder), JM_E_NOMEM. */
int jm_cuda_watch_create(const char *folder, const struct jm_trace_output *out, struct jm_cuda_watch **watch_out,
			 struct jm_error *err);
/* Takes in what is new, n_max bytes or so. Files that are damaged are told of and left. Errors: those of the sinks. */
int jm_cuda_watch_drain(struct jm_cuda_watch *w, size_t n_max);
/* Takes in all that is left, says what the processes said. Call once, when they have ended. Errors: those of the sinks. */
int jm_cuda_watch_finish(struct jm_cuda_watch *w);
void jm_cuda_watch_destroy(struct jm_cuda_watch *w);

#endif
