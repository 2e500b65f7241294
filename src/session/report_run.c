#include "session/report.h"

#include <math.h>

void jm_session_own_cost(struct jm_recording *r, struct jm_own_cost *cost)
{
	double cpu_s, wall_s;
	int64_t value;

	*cost = JM_OWN_COST_UNKNOWN;
	if (jm_recording_meta_double(r, "own_cpu_s", &cpu_s) == 0 &&
	    jm_recording_meta_double(r, "own_wall_s", &wall_s) == 0 && wall_s > 0) {
		cost->cpu_s = cpu_s;
		cost->wall_s = wall_s;
	}
	if (jm_recording_meta_i64(r, "own_peak_rss_bytes", &value) == 0 && value > 0)
		cost->rss_bytes = (uint64_t)value;
	if (jm_recording_meta_i64(r, "own_rss_with_model_bytes", &value) == 0 && value > 0)
		cost->rss_with_model_bytes = (uint64_t)value;
}

void jm_report_describe_run(struct jm_recording *r, struct jm_result *result)
{
	struct jm_run *run = &result->run;
	int64_t value;

	*run = (struct jm_run){.command = jm_recording_meta(r, "command"),
			       .model = jm_recording_meta(r, "model"),
			       .precision = jm_recording_meta(r, "precision"),
			       .duration_s = NAN,
			       .throughput_items_s = NAN,
			       .profiled_latency_ms = NAN,
			       .distortion = NAN,
			       .exit_code = -1};
	if (jm_recording_meta_i64(r, "batch", &value) == 0 && value > 0)
		run->batch = (uint64_t)value;
	if (jm_recording_meta_i64(r, "exit_code", &value) == 0)
		run->exit_code = (int)value;
	jm_session_own_cost(r, &result->own_cost);
}

/* With rests between the calls the window says nothing of the rate that the model can keep up. */
void jm_report_explain_rests(struct jm_recording *r, struct jm_result *result)
{
	struct jm_run *run = &result->run;
	double fraction;

	if (jm_recording_meta_double(r, "dither_fraction", &fraction) || !(fraction > 0))
		return;
	if (run->latency.n && run->items_per_iteration && run->latency.mean_ms > 0)
		run->throughput_items_s = 1e3 * (double)run->items_per_iteration / run->latency.mean_ms;
	jm_result_warn(
	    result,
	    "random rests of up to %.3g %% of an inference lay between the measured ones (--dither): the throughput "
	    "is that of the mean latency, and the window holds the rests' energy, too",
	    100 * fraction);
}
