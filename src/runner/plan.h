/* How measured and profiled blocks alternate. */
#ifndef RUNNER_PLAN_H
#define RUNNER_PLAN_H

#include "joulemap/joulemap.h"

struct jm_plan {
	uint64_t n_blocks;         /* measured blocks; a profiled one follows each */
	uint64_t profiled_per_block; /* 0: no profiling */
	int64_t profiled_budget_ns; /* a profiled block ends early when it has lasted this long, but not before
				       JM_PLAN_PROFILED_MIN calls */
};

#define JM_PLAN_PROFILED_MIN 5
#define JM_PLAN_PROFILED_WARMUP 3 /* calls of a fresh profiled session that are not used */
#define JM_PLAN_REWARM 2          /* calls of the plain session after a profiled block that are not used */

/* Plans. runs: measured calls; latency_ns: of one call, estimated (0: unknown); n_nodes: of the model (0: unknown). A
 * profiled block takes a tenth of the calls and of the time of its measured block, 10 to 30 calls, and fewer where a large
 * model would exceed the number of events: ONNX Runtime drops those beyond 1,000,000 (profiler.h, kMaxEvents), older
 * versions write three a node, and each is about 1 kB of text. */
void jm_plan_make(uint64_t runs, int64_t latency_ns, uint64_t n_nodes, struct jm_plan *out);

/* Gives the measured calls of block i: runs split evenly. */
uint64_t jm_plan_runs_of(const struct jm_plan *plan, uint64_t runs, uint64_t i);

#endif
