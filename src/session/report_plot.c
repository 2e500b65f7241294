/* A report as a picture. */
#include "core/error.h"
#include "joulemap/plot.h"
#include "plot/plot.h"
#include "session/report.h"
#include "session/write.h"

#include <string.h>

static int find_channel(const struct jm_result *r, const char *name, int *out, struct jm_error *err)
{
	size_t i;

	*out = -1;
	for (i = 0; name && i < r->n_channels; i++)
		if (strcmp(r->channels[i].channel->name, name) == 0)
			*out = (int)i;
	return name && *out < 0 ? jm_error_set(err, JM_E_INVALID, "the recording has no channel '%s'", name) : 0;
}

static int parse(const struct jm_report *report, const struct jm_plot_view *view, struct jm_plot_options *out,
		 struct jm_error *err)
{
	*out = (struct jm_plot_options){.limit = view->limit, .width = view->width, .scale = view->scale};
	out->kind = report->result.n_layers ? JM_PLOT_LAYERS : JM_PLOT_TIMELINE;
	if (view->plot && jm_plot_parse(view->plot, &out->kind))
		return jm_error_set(err, JM_E_INVALID,
				    "there is no plot '%s': layers, energy, latency, timeline or mapping", view->plot);
	if (!view->format || (strcmp(view->format, "svg") != 0 && strcmp(view->format, "png") != 0))
		return jm_error_set(err, JM_E_INVALID, "pictures are svg or png, not '%s'",
				    view->format ? view->format : "");
	out->format = strcmp(view->format, "svg") == 0 ? JM_CANVAS_SVG : JM_CANVAS_PNG;
	if (!report->scene)
		return jm_error_set(err, JM_E_INVALID, "the report was opened without a scene");
	return find_channel(&report->result, view->channel, &out->channel, err);
}

int jm_report_plot(const struct jm_report *report, const struct jm_plot_view *view, jm_write_fn write, void *ctx,
		   struct jm_error *err)
{
	struct jm_plot_view used = {.size = sizeof(used)};
	struct jm_plot_input in = {.title = jm_report_title(report), .result = &report->result, .scene = report->scene};
	struct jm_plot_options options;
	struct jm_buffer b = {0};
	int rc;

	memcpy(&used, view, view->size < sizeof(used) ? view->size : sizeof(used));
	in.names = jm_recording_names(report->recording);
	rc = parse(report, &used, &options, err);
	rc = rc ? rc : jm_plot_draw(&in, &options, &b, err);
	return jm_session_write(&b, rc, "the picture", write, ctx, err);
}
