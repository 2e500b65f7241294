/* ONNX Runtime's profile of one block, brought to our clock. */
#ifndef RUNNER_PROFILE_H
#define RUNNER_PROFILE_H

#include "core/sink.h"

/* One call of Run as we stamped it, CLOCK_MONOTONIC: the profile's model_run event lies inside. */
struct jm_profile_call {
	int64_t start_ns, end_ns;
	uint32_t iteration; /* number its spans get */
	bool is_warmup;     /* its layers are not wanted */
};

#define JM_PROFILE_PROVIDERS 8

struct jm_profile_facts {
	uint64_t n_layers;      /* layer spans written */
	int64_t tie_half_width_ns; /* uncertainty of the profile's clock against ours */
	bool is_clock_jumpy;    /* its clock was set meanwhile: each call was tied for itself */
	struct {
		char name[48];
		uint64_t n; /* executions of nodes on it */
	} providers[JM_PROFILE_PROVIDERS];
	size_t n_providers;
	char warning[256]; /* the importer's first one, or empty */
};

/* Reads the profile and writes a LAYER span, JM_SPAN_PROFILED, for each node of each call that is no warm-up: name as ONNX
 * Runtime ran it, after its fusions; type the operator. Track 0 is the thread that called Run; others follow. calls:
 * n_calls entries in order. ONNX Runtime stamps with the wall clock in whole microseconds from an unknown start; the tie is
 * the offset for which every model_run event lies inside its call. Errors: JM_E_FORMAT when the file is damaged or holds
 * another number of runs; those of the sink. */
int jm_profile_read(const char *path, const struct jm_profile_call *calls, size_t n_calls,
		    const struct jm_span_sink *sink, struct jm_profile_facts *facts, struct jm_error *err);

#endif
