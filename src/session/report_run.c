#include "session/report.h"

#include <math.h>

void jm_report_describe_run(struct jm_recording *r, struct jm_result *result)
{
	struct jm_run *run = &result->run;
	int64_t value;
	double cpu_s, wall_s;

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
	result->own_cost = (struct jm_own_cost){NAN, NAN, 0};
	if (jm_recording_meta_double(r, "own_cpu_s", &cpu_s) == 0 &&
	    jm_recording_meta_double(r, "own_wall_s", &wall_s) == 0 && wall_s > 0) {
		result->own_cost.cpu_s = cpu_s;
		result->own_cost.cpu_fraction = cpu_s / wall_s;
	}
	if (jm_recording_meta_i64(r, "own_peak_rss_bytes", &value) == 0 && value > 0)
		result->own_cost.rss_bytes = (uint64_t)value;
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
