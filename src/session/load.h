/* A file whole in memory, decompressed where it is gzip. */
#ifndef SESSION_LOAD_H
#define SESSION_LOAD_H

#include "trace/trace.h"

/* Reads path into *out: data is followed by 64 zero bytes. Errors: those of the file; JM_E_FORMAT for damaged gzip
 * data; JM_E_NOMEM, also for more than 4 GiB. */
int jm_session_load(const char *path, struct jm_trace_input *out, struct jm_error *err);
void jm_session_unload(struct jm_trace_input *in);

#endif
