/* What ort_library.c and ort_session.c share. */
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

/* Turns a status into an error and releases it. context: what was tried. Gives 0 for NULL. */
int jm_ort_check(const struct jm_ort *ort, OrtStatus *status, const char *context, struct jm_error *err);

#endif
