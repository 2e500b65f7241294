/* Bars of layers: energy with its interval, time, or both side by side, in one order. */
#include "plot/plot_internal.h"

#include "export/export.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ROW   22.0
#define LABEL 230.0

/* What a panel shows of a row. */
struct panel {
	const char *title, *unit;
	double x, width, largest;
	bool is_energy;
};

static bool has_iterations(const struct jm_plot *p)
{
	return p->in->result->run.iterations > 0;
}

static double value_of(const struct jm_plot *p, const struct jm_row *row, bool is_energy)
{
	if (!is_energy)
		return row->latency_ms * 1e-3;
	if (has_iterations(p) && isfinite(row->energy_per_iteration_mj))
		return row->energy_per_iteration_mj * 1e-3;
	return row->count ? row->energy_j / (double)row->count : NAN;
}

static struct jm_interval interval_of(const struct jm_plot *p, const struct jm_row *row, bool is_energy)
{
	double scale = value_of(p, row, true) / row->energy_j;

	if (!is_energy || !isfinite(scale))
		return (struct jm_interval){NAN, NAN};
	return (struct jm_interval){row->energy_ci_j.low * scale, row->energy_ci_j.high * scale};
}

static void bar(struct jm_plot *p, const struct panel *panel, const struct jm_row *row, double y, jm_colour colour)
{
	double value = value_of(p, row, panel->is_energy), room = panel->width - 74, scale = room / panel->largest, end;
	struct jm_interval ci = interval_of(p, row, panel->is_energy);
	struct jm_text_style style = {.size = 10.5, .colour = JM_PLOT_INK};
	char text[48];

	end = panel->x;
	if (isfinite(value) && value > 0) {
		end = panel->x + value * scale;
		jm_canvas_rect(p->canvas, panel->x, y + 4, end - panel->x, ROW - 9, colour,
			       row->is_estimated && panel->is_energy ? 0.45 : 0.9);
	}
	if (isfinite(ci.low) && isfinite(ci.high)) {
		double low = panel->x + fmax(ci.low, 0) * scale,
		       high = fmin(panel->x + ci.high * scale, panel->x + room), m = y + ROW / 2 - 0.5;

		jm_canvas_line(p->canvas, low, m, high, m, JM_PLOT_INK, 1.1);
		jm_canvas_line(p->canvas, low, m - 3.5, low, m + 3.5, JM_PLOT_INK, 1.1);
		jm_canvas_line(p->canvas, high, m - 3.5, high, m + 3.5, JM_PLOT_INK, 1.1);
		end = high > end ? high : end;
	}
	if (isfinite(value)) {
		jm_plot_value(value, value, panel->unit, text, sizeof(text));
	} else {
		snprintf(text, sizeof(text), "no figure");
		style.colour = JM_PLOT_SOFT;
	}
	jm_canvas_text(p->canvas, end + 6, y + ROW / 2 + 3.5, &style, "%s", text);
}

/* The greatest value, or end of an interval as far as twice that. */
static double largest_of(const struct jm_plot *p, const struct jm_row *const *rows, size_t n, bool is_energy)
{
	double most = 0, high = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		double value = value_of(p, rows[i], is_energy);
		struct jm_interval ci = interval_of(p, rows[i], is_energy);

		most = isfinite(value) && value > most ? value : most;
		high = isfinite(ci.high) && ci.high > high ? ci.high : high;
	}
	most = fmax(most, fmin(high, 2 * most));
	return most > 0 ? most : 1;
}

static void draw_panel(struct jm_plot *p, struct panel *panel, const struct jm_row *const *rows, size_t n, double y,
		       const struct jm_plot_types *types)
{
	struct jm_text_style head = {.size = 12, .colour = JM_PLOT_INK, .is_bold = true, .max_width = panel->width};
	size_t i;

	panel->largest = largest_of(p, rows, n, panel->is_energy);
	jm_canvas_text(p->canvas, panel->x, y - 6, &head, "%s", panel->title);
	jm_canvas_line(p->canvas, panel->x, y, panel->x, y + (double)n * ROW, JM_PLOT_LINE, 1);
	for (i = 0; i < n; i++)
		bar(p, panel, rows[i], y + (double)i * ROW, jm_plot_type_colour(types, rows[i]->type, rows[i]->name));
}

static void labels(struct jm_plot *p, const struct jm_row *const *rows, size_t n, double y)
{
	struct jm_text_style style = {.size = 10.5, .colour = JM_PLOT_INK, .align = 1, .max_width = LABEL - 10};
	size_t i;

	for (i = 0; i < n; i++)
		jm_canvas_text(p->canvas, JM_PLOT_MARGIN + LABEL - 8, y + (double)i * ROW + ROW / 2 + 3.5, &style, "%s",
			       rows[i]->name);
}

/* What is left below the rows: how many more there are, and what they come to together. */
static void rest(struct jm_plot *p, const struct jm_row *const *rows, size_t n, size_t n_all, double y)
{
	struct jm_text_style style = {.size = 11, .colour = JM_PLOT_SOFT, .max_width = p->width - 2 * JM_PLOT_MARGIN};
	const char *note;
	bool has_ci = false;
	double sum = 0;
	char text[48];
	size_t i;

	for (i = 0; i < n; i++)
		has_ci = has_ci || isfinite(rows[i]->energy_ci_j.high);
	for (i = n; i < n_all; i++)
		sum += isfinite(value_of(p, rows[i], true)) ? value_of(p, rows[i], true) : 0;
	jm_plot_value(sum, sum, "J", text, sizeof(text));
	note = p->options.kind == JM_PLOT_LATENCY ? ""
	       : has_ci                           ? "Whiskers: 95 % intervals, relative to the sensor."
	       : n && rows[0]->is_estimated       ? "Estimated, not measured."
						  : "This method gives no intervals.";
	if (n < n_all && p->options.kind != JM_PLOT_LATENCY)
		jm_canvas_text(p->canvas, JM_PLOT_MARGIN, y, &style, "%zu more layers, %s together. %s", n_all - n,
			       text, note);
	else if (n < n_all)
		jm_canvas_text(p->canvas, JM_PLOT_MARGIN, y, &style, "%zu more layers.", n_all - n);
	else
		jm_canvas_text(p->canvas, JM_PLOT_MARGIN, y, &style, "%s", note);
}

static void draw(struct jm_plot *p, const struct jm_row *const *rows, size_t n, size_t n_all, double y)
{
	const struct jm_result *r = p->in->result;
	enum jm_plot_kind kind = p->options.kind;
	double left = JM_PLOT_MARGIN + LABEL, room = p->width - left - JM_PLOT_MARGIN, half = (room - 30) / 2;
	struct panel energy = {.title = has_iterations(p) ? "Energy of an inference" : "Energy of an execution",
			       .unit = "J",
			       .x = left,
			       .width = kind == JM_PLOT_LAYERS ? half : room,
			       .is_energy = true};
	struct panel time = {.title = "Time of an execution", .unit = "s", .x = left, .width = room};
	struct jm_plot_types types;
	char subtitle[256];

	if (kind == JM_PLOT_LAYERS)
		time = (struct panel){.title = time.title, .unit = "s", .x = left + half + 30, .width = half};
	if (kind == JM_PLOT_LATENCY)
		snprintf(subtitle, sizeof(subtitle), "Time by layer, mean of all executions");
	else
		snprintf(subtitle, sizeof(subtitle), "%s%s, energy by layer, method %s",
			 p->channel >= 0 ? r->channels[p->channel].channel->name : "no energy",
			 n && rows[0]->is_estimated ? " (estimated)" : "",
			 n ? jm_method_text(rows[0]->method) : "none");
	jm_plot_title(p, subtitle);
	jm_plot_rank_types(r, &types);
	jm_plot_key(p, &types, JM_PLOT_MARGIN, y - 32);
	labels(p, rows, n, y);
	if (kind != JM_PLOT_LATENCY)
		draw_panel(p, &energy, rows, n, y, &types);
	if (kind != JM_PLOT_ENERGY)
		draw_panel(p, &time, rows, n, y, &types);
	rest(p, rows, n, n_all, y + (double)n * ROW + 22);
}

double jm_plot_layers(struct jm_plot *p)
{
	struct jm_view view = {.by = JM_BY_LAYER,
			       .sort = p->options.kind == JM_PLOT_LATENCY ? JM_SORT_TIME : JM_SORT_ENERGY,
			       .limit = p->options.limit};
	size_t n, n_all;
	const struct jm_row **rows = jm_view_sorted(p->in->result, &view, p->channel, &n, &n_all);
	double y = jm_plot_title(&(struct jm_plot){.width = p->width}, "") + 44, height = -1;

	if (rows && n) {
		height = y + (double)n * ROW + 40;
		if (p->canvas)
			draw(p, rows, n, n_all, y);
	}
	free((void *)rows);
	return height;
}
