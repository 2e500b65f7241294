/* What the runner's files share. */
#ifndef RUNNER_RUNNER_INTERNAL_H
#define RUNNER_RUNNER_INTERNAL_H

#include "runner/runner.h"

struct jm_runner {
	const struct jm_env *env;
	struct jm_runner_options options;
	struct jm_ort *ort;
	struct jm_ort_session *session; /* without a profiler */
	struct jm_inputs inputs;
	struct jm_model *model;   /* NULL: this build cannot tell its facts */
	unsigned char *rewritten; /* see rewrite.h; NULL: the model as it is */
	size_t rewritten_size;
	enum jm_ort_level rewritten_level;
	char rewrite_reason[384];
};

/* Binds the inputs to a session of the model. */
int jm_runner_bind(struct jm_runner *r, struct jm_ort_session *s, struct jm_error *err);

/* Creates a session of the model and binds the inputs to it. profile_prefix: NULL for none. */
int jm_runner_session(struct jm_runner *r, const char *profile_prefix, struct jm_ort_session **out,
		      struct jm_error *err);

#endif
