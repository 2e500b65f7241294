#include "runner/plan.h"

#include "core/units.h"

#define BLOCK_NS (4 * JM_NS_PER_S)      /* slow drift (clocks, heat) is sampled this often */
#define BLOCKS_WANTED 8                 /* each costs the creation of a session: longer runs have longer blocks ... */
#define BLOCK_MAX_NS (30 * JM_NS_PER_S) /* ... up to this, which is what a kill can lose of the phases */
#define BLOCKS_MIN_RUNS 20         /* below, one block */
#define PROFILED_MIN 10
#define PROFILED_MAX 30
#define PROFILED_TENTH 10
#define EVENTS_MAX 100000 /* a block: about 100 MB of text at most, far below ONNX Runtime's own limit */
#define EVENTS_PER_NODE 3

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low ? low : value > high ? high : value;
}

void jm_plan_make(uint64_t runs, int64_t latency_ns, uint64_t n_nodes, struct jm_plan *out)
{
	double total_ns = (double)runs * (double)latency_ns;
	uint64_t per_block, events_per_call = n_nodes * EVENTS_PER_NODE + 4;
	uint64_t calls_max = EVENTS_MAX / events_per_call;

	out->n_blocks = runs < BLOCKS_MIN_RUNS ? 1 : 2;
	if (total_ns / (double)BLOCK_NS > (double)out->n_blocks && runs >= BLOCKS_MIN_RUNS)
		out->n_blocks = clamp((uint64_t)(total_ns / (double)BLOCK_NS), 2, BLOCKS_WANTED);
	if (total_ns / (double)out->n_blocks > (double)BLOCK_MAX_NS)
		out->n_blocks = clamp((uint64_t)(total_ns / (double)BLOCK_MAX_NS), 1, runs / BLOCKS_MIN_RUNS + 1);
	per_block = runs / out->n_blocks;
	out->profiled_per_block = clamp(per_block / PROFILED_TENTH, PROFILED_MIN, PROFILED_MAX);
	if (out->profiled_per_block + JM_PLAN_PROFILED_WARMUP > calls_max)
		out->profiled_per_block = calls_max > JM_PLAN_PROFILED_WARMUP ? calls_max - JM_PLAN_PROFILED_WARMUP : 1;
	out->profiled_budget_ns = (int64_t)(total_ns / (double)out->n_blocks / PROFILED_TENTH);
}

uint64_t jm_plan_runs_of(const struct jm_plan *plan, uint64_t runs, uint64_t i)
{
	return runs / plan->n_blocks + (i < runs % plan->n_blocks);
}
