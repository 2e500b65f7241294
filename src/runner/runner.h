/* Runs an ONNX model under measurement: warm-up, then measured blocks without a profiler and short profiled blocks
 * between them. Energy and latency come from the former, the shares of layers from the latter. It measures nothing
 * itself: sensors are sampled by others meanwhile; it says, in spans, what ran when. */
#ifndef RUNNER_RUNNER_H
#define RUNNER_RUNNER_H

#include "core/env.h"
#include "core/sink.h"
#include "model/model.h"
#include "runner/input.h"

#include <stdatomic.h>

#define JM_RUNNER_RUNS_MAX 100000000u
#define JM_RUNNER_PASSES_MAX 10000

struct jm_runner_options {
	const char *model_path;       /* also finds external data. With model_bytes: a name for messages */
	const void *model_bytes;      /* a model in memory, borrowed until destroy; NULL: read model_path */
	size_t model_size;
	uint64_t runs;                /* measured calls, 1 to JM_RUNNER_RUNS_MAX */
	uint64_t warmup;              /* calls before them; 0 is allowed */
	unsigned threads;             /* 0: ONNX Runtime's choice */
	const char *provider;         /* "cpu", "cuda", ...; NULL: cpu */
	struct jm_ort_search search;  /* where the library is looked for */
	struct jm_input_options input;
	bool no_profile;              /* no profiled blocks: no layer times */
	double dither_fraction;       /* longest random rest between measured calls, of a call, 0 to 1; 0: none */
	uint64_t isolate_passes;      /* blocks in which each layer is run alone after the run (isolate.h); 0: none */
	int64_t isolate_budget_ns;    /* time for them, above 0 where there are any */
	/* Warm up, beyond warmup calls, until latency settles within this fraction (settle.h), for at most settle_limit_ns; 0: do not. */
	double settle_fraction;
	int64_t settle_limit_ns;
	int64_t duration_ns;          /* as many measured calls as take so long, in place of runs, at least 20; 0: runs */
};

struct jm_runner_progress {
	const char *phase;     /* "warm-up", "measured", "profiled", "isolated": static */
	uint64_t done, total;  /* calls of the phase over all its blocks; profiled: total is what was planned */
	double fraction;       /* of the whole run, 0 to 1 */
	int64_t latency_ns;    /* of the last call */
};

/* Where a run's outcome goes. Called from the thread in jm_runner_run only, and never during a call of the model. */
struct jm_runner_output {
	struct jm_span_sink spans;
	/* Key and value for the recording's meta table; may be NULL. */
	int (*meta)(void *ctx, const char *key, const char *value);
	/* At most ten times a second; may be NULL. */
	void (*progress)(void *ctx, const struct jm_runner_progress *progress);
	/* One line for the user; may be NULL. */
	void (*warn)(void *ctx, const char *text);
	/* One line worth knowing that is no warning; may be NULL. */
	void (*tell)(void *ctx, const char *text);
	void *ctx; /* of the four above */
	const atomic_bool *cancel; /* set (by a signal handler, say): stop after the current call; may be NULL */
};

struct jm_runner_counts {
	uint64_t warmup, measured, profiled; /* calls done */
	uint64_t blocks;                     /* profiled blocks whose layer times were kept */
	uint64_t layers;                     /* layer spans written */
};

struct jm_runner;

/* Loads the library, the model and the inputs: all that can be refused is refused here. Errors: those of jm_ort_open,
 * jm_ort_session_create, jm_inputs_make, jm_model_load (but a build without the ONNX schema runs models all the same);
 * JM_E_INVALID for numbers out of range. options: borrowed until destroy. *out: yours. */
int jm_runner_create(const struct jm_runner_options *options, const struct jm_env *env, struct jm_runner **out,
		     struct jm_error *err);
void jm_runner_destroy(struct jm_runner *r);

/* Gives what is known before the run to meta: model, precision, parameters, model_bytes, weight_bytes, nodes, batch,
 * items_per_iteration, inputs, input_source, seed, runs, warmup, provider, onnxruntime, onnxruntime_library,
 * onnxruntime_api, threads, dither_fraction (above 0). Unknown ones are left out. Errors: those of meta. */
int jm_runner_describe(const struct jm_runner *r, int (*meta)(void *ctx, const char *key, const char *value), void *ctx);

/* Runs. Spans: PHASE "warm-up" (JM_SPAN_WARMUP), "measured", "profiled" (JM_SPAN_PROFILED) on track 0 around ITERATION
 * spans named "iteration", flagged likewise, and LAYER spans (JM_SPAN_PROFILED). Measured calls are numbered from 0,
 * profiled ones from runs on, warm-up ones have JM_NO_ITERATION. Creating sessions and reading profiles lies outside of all
 * phases. With isolate_passes, isolated blocks follow (isolate.h), and the model is run as ONNX Runtime rewrote it before.
 * Meta: iterations, profiled_iterations, profiled_blocks, node_providers ("CPUExecutionProvider=218"),
 * clock_tie_ns, peak_memory_bytes (of the process, up to the end of the first measured block). A profile that cannot be had is a warning, not an error.
 * Errors: JM_E_CANCELLED, with all done so far kept; those of the model's call and of the sinks. counts_out: written in
 * any case. */
int jm_runner_run(struct jm_runner *r, const struct jm_runner_output *output, struct jm_runner_counts *counts_out,
		  struct jm_error *err);

#endif
