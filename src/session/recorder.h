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

/* Keeps how much memory is taken by now: what follows is the model's and its runtime's. */
void jm_recorder_model_comes(struct jm_recorder *r);

/* The world that it records in. Borrowed. */
const struct jm_env *jm_recorder_env(const struct jm_recorder *r);

/* How much of all processors' time was idle by then. */
struct jm_load {
	bool is_known;
	int64_t t_ns, idle_ns;
	uint32_t n_cpus;
};

/* recorder_notes.c. Reads /proc/stat; where it cannot, out->is_known is false. */
void jm_recorder_look_at_load(const struct jm_env *env, struct jm_load *out);
/* Part of all processors' time between the two looks that was at work, 0 to 1. NAN: unknown, or less than JM_LOAD_MIN_NS apart, which
 * clock ticks cannot tell. */
#define JM_LOAD_MIN_NS (100 * INT64_C(1000000))
double jm_recorder_busy(const struct jm_load *before, const struct jm_load *after);

#endif
