/* Power over the whole recording, with the spans below it. */
#include "plot/plot_internal.h"

#include <math.h>
#include <stdio.h>

#define POWER_HEIGHT 230.0
#define LANES_MAX    12

static bool is_shown(const struct jm_plot *p, const struct jm_scene_channel *c)
{
	const struct jm_channel_result *result = &p->in->result->channels[c->channel];

	if (p->options.channel >= 0)
		return c->channel == (size_t)p->options.channel;
	return !result->same_as;
}

static size_t n_lanes(const struct jm_plot *p)
{
	return p->in->scene->n_lanes < LANES_MAX ? p->in->scene->n_lanes : LANES_MAX;
}

static double key(struct jm_plot *p, double y)
{
	struct jm_text_style style = {.size = 11, .colour = JM_PLOT_SOFT};
	double x = JM_PLOT_MARGIN;
	size_t i, n = 0;

	for (i = 0; i < p->in->scene->n_channels; i++) {
		const struct jm_scene_channel *c = &p->in->scene->channels[i];
		const struct jm_channel *channel = p->in->result->channels[c->channel].channel;
		const char *note = channel->state == JM_STATE_ESTIMATED ? " (estimated)" : "";

		if (!is_shown(p, c))
			continue;
		jm_canvas_rect(p->canvas, x, y - 9, 10, 10, jm_plot_colour(n++), 1);
		jm_canvas_text(p->canvas, x + 15, y, &style, "%s%s", channel->name, note);
		x += 34 + jm_canvas_text_width(p->canvas, style.size, false, channel->name) +
		     jm_canvas_text_width(p->canvas, style.size, false, note);
	}
	return y;
}

static void lanes(struct jm_plot *p, const struct jm_plot_frame *f, double y)
{
	static const char *const titles[] = {
	    [JM_SPAN_PHASE] = "phases",   [JM_SPAN_ITERATION] = "calls", [JM_SPAN_LAYER] = "layers",
	    [JM_SPAN_KERNEL] = "kernels", [JM_SPAN_COPY] = "copies",     [JM_SPAN_RANGE] = "ranges",
	    [JM_SPAN_REGION] = "regions", [JM_SPAN_REQUEST] = "requests"};
	struct jm_text_style style = {.size = 10.5, .colour = JM_PLOT_SOFT, .align = 1, .max_width = 60};
	struct jm_plot_types types;
	size_t i;

	jm_plot_rank_types(p->in->result, &types);
	for (i = 0; i < n_lanes(p); i++, y += JM_PLOT_LANE + 4) {
		const struct jm_scene_lane *lane = &p->in->scene->lanes[i];

		if (lane->depth == 0 && lane->kind < sizeof(titles) / sizeof(titles[0]))
			jm_canvas_text(p->canvas, f->x - 7, y + 11, &style, "%s", titles[lane->kind]);
		jm_plot_lane(p, f, i, y, &types);
	}
}

static void draw(struct jm_plot *p, double y)
{
	const struct jm_scene *s = p->in->scene;
	struct jm_plot_frame f = {
	    .x = JM_PLOT_MARGIN + 62, .y = y, .height = POWER_HEIGHT, .to_s = (double)(s->end_ns - s->start_ns) * 1e-9};
	char subtitle[200];
	size_t i, n = 0;

	f.width = p->width - f.x - JM_PLOT_MARGIN;
	snprintf(subtitle, sizeof(subtitle),
		 "Power over time. Line: mean; band: least to greatest of each %.3g s; gaps are gaps. Below: what ran, "
		 "grey where merged",
		 f.to_s / f.width);
	jm_plot_title(p, subtitle);
	key(p, y - 20);
	for (i = 0; i < s->n_channels; i++)
		if (is_shown(p, &s->channels[i]))
			f.top_w = fmax(f.top_w, jm_plot_frame_peak(&f, s, &s->channels[i]));
	jm_plot_frame_axes(p, &f, true);
	for (i = 0; i < s->n_channels; i++)
		if (is_shown(p, &s->channels[i]))
			jm_plot_frame_power(p, &f, &s->channels[i], jm_plot_colour(n++));
	lanes(p, &f, f.y + f.height + 28);
}

double jm_plot_timeline(struct jm_plot *p)
{
	double y = 76 + 26;

	if (!p->in->scene || (p->in->scene->n_channels == 0 && p->in->scene->n_lanes == 0))
		return -1;
	if (p->canvas)
		draw(p, y);
	return y + POWER_HEIGHT + 28 + (double)n_lanes(p) * (JM_PLOT_LANE + 4) + 14;
}
