/* The recorder, for the other files of the session. */
#ifndef SESSION_RECORDER_H
#define SESSION_RECORDER_H

#include "session/session.h"

/* As jm_recorder_start, under env. */
int jm_recorder_start_env(const struct jm_env *env, const struct jm_record_options *options, struct jm_recorder **out,
			  struct jm_error *err);

/* Span sink into the recording; may be used from any thread while the recorder runs. */
struct jm_span_sink jm_recorder_span_sink(struct jm_recorder *r);

/* Adds a line to the warnings. Any thread. */
void jm_recorder_add_warning(struct jm_recorder *r, const char *text);

const struct jm_env *jm_recorder_env(const struct jm_recorder *r);

#endif
