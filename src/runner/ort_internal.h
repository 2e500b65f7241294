/* What the ort_ files share. */
#ifndef RUNNER_ORT_INTERNAL_H
#define RUNNER_ORT_INTERNAL_H

#include "runner/ort.h"

#include <onnxruntime_c_api.h>

struct jm_ort {
	const OrtApi *api;
	OrtEnv *env;
	unsigned api_version;
	char version[32];
	char library[512];
};

struct jm_ort_session {
	struct jm_ort *ort;
	OrtSession *session;
	OrtAllocator *allocator; /* ONNX Runtime's own, not to be freed */
	OrtMemoryInfo *memory;
	struct jm_ort_input *inputs;
	size_t n_inputs, n_outputs;
	const char **input_names; /* borrowed from inputs */
	char **output_names;
	OrtValue **values;  /* bound inputs */
	OrtValue **outputs; /* of the last run */
};

/* Turns a status into an error and releases it. context: what was tried. Gives 0 for NULL. */
int jm_ort_check(const struct jm_ort *ort, OrtStatus *status, const char *context, struct jm_error *err);

#endif
