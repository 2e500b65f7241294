#include "report/run.h"

#include "core/display.h"
#include "report/table.h"

#include <math.h>
#include <string.h>

/* The reason without what the label says already. */
static void idle_reason(const char *reason, struct jm_buffer *out)
{
	static const char known[] = "idle level: ", unknown[] = "no idle level: ";

	if (strncmp(reason, known, sizeof(known) - 1) == 0)
		jm_display_line(out, "idle level  %s", reason + sizeof(known) - 1);
	else if (strncmp(reason, unknown, sizeof(unknown) - 1) == 0)
		jm_display_line(out, "idle level  none: %s", reason + sizeof(unknown) - 1);
	else
		jm_display_line(out, "idle level  %s", reason);
}

static void idle(const struct jm_result *r, struct jm_buffer *out)
{
	char level[32], above[32], mean[32];
	size_t i;

	if (!r->baseline_reason[0])
		return;
	idle_reason(r->baseline_reason, out);
	for (i = 0; i < r->n_channels; i++) {
		const struct jm_channel_result *c = &r->channels[i];

		if (c->channel->same_as >= 0 || !isfinite(c->idle_power_w) || !(c->mean_power_w > 0) ||
		    !jm_result_is_outermost(r, c))
			continue;
		jm_report_quantity(c->idle_power_w, "W", level, sizeof(level));
		if (c->idle_power_w > c->mean_power_w) {
			jm_report_quantity(c->mean_power_w, "W", mean, sizeof(mean));
			jm_display_line(
			    out, "            %s: %s when idle, more than the %s of the work: no idle level of it",
			    c->channel->name, level, mean);
			continue;
		}
		jm_report_quantity(c->energy_j * (1 - c->idle_power_w / c->mean_power_w), "J", above, sizeof(above));
		jm_display_line(out, "            %s: %s when idle; %s above that", c->channel->name, level, above);
	}
}

static void latency(const struct jm_run *run, struct jm_buffer *out)
{
	const struct jm_latency *l = &run->latency;

	if (!l->n)
		return;
	jm_display_line(
	    out, "latency     mean %.4g ms, std %.3g, min %.4g, median %.4g, p95 %.4g, max %.4g  (%llu iterations)",
	    l->mean_ms, l->std_ms, l->min_ms, l->median_ms, l->p95_ms, l->max_ms, (unsigned long long)l->n);
	if (isfinite(run->throughput_items_s))
		jm_display_line(out, "throughput  %.4g items/s (%llu per iteration)", run->throughput_items_s,
				(unsigned long long)run->items_per_iteration);
}

void jm_report_run(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out)
{
	const struct jm_run *run = &r->run;
	size_t from, i;

	if (run->model)
		jm_display_line(out, "model       %s%s%s", run->model, run->precision ? ", " : "",
				run->precision ? run->precision : "");
	if (run->command)
		jm_display_line(out, "command     %s", run->command);
	/* What stands above may be copied, and is not broken into lines. */
	from = out->n;
	if (run->exit_code > 0)
		jm_display_line(out, "exit code   %d", run->exit_code);
	if (r->counters[0])
		jm_display_line(out, "counters    %s", r->counters);
	if (isfinite(run->duration_s))
		jm_display_line(out, "measured    %.3f s", run->duration_s);
	latency(run, out);
	if (isfinite(run->distortion))
		jm_display_line(
		    out,
		    "profiler    layer times from profiled blocks: %.4g ms an iteration there, %.2f times the "
		    "unprofiled median; scaled back, energy is from unprofiled blocks",
		    run->profiled_latency_ms, run->distortion);
	if (r->n_layers)
		jm_display_line(out, "method      %s: %s", jm_method_text(r->method), r->method_reason);
	for (i = 0; i < r->n_notes; i++)
		jm_display_line(out, "fit         %s", r->notes[i]);
	idle(r, out);
	jm_display_wrap(out, from, view->width, JM_DISPLAY_HANG);
	jm_buffer_puts(out, "\n");
}
