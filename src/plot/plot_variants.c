#include "plot/plot_variants.h"

#include "plot/plot_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ROW   46.0
#define LABEL 150.0
#define TOP   112.0

/* Right of a bar stands its value. */
#define VALUE_ROOM 78.0

static double largest_of(const struct jm_plot_panel *panel, size_t n)
{
	double most = 0;
	size_t i, k;

	for (i = 0; i < n; i++) {
		const struct jm_plot_bar *b = &panel->bars[i];

		most = isfinite(b->value) ? fmax(most, b->value) : most;
		for (k = 0; k < b->n_trials; k++)
			most = isfinite(b->trials[k]) ? fmax(most, b->trials[k]) : most;
	}
	return most > 0 ? most : 1;
}

static void value_text(double value, const char *unit, char *out, size_t size)
{
	if (!isfinite(value))
		snprintf(out, size, "no figure");
	else if (strcmp(unit, "%") == 0)
		snprintf(out, size, "%.2f %%", value);
	else if (unit[0])
		jm_plot_value(value, value, unit, out, size);
	else
		snprintf(out, size, "%.4g", value);
}

/* Where a panel's bars lie. */
struct place {
	double x, y, width, largest;
};

static void bar(struct jm_plot *p, const struct jm_plot_bar *b, const char *unit, const struct place *at, jm_colour colour)
{
	struct jm_text_style style = {.size = 11, .colour = JM_PLOT_INK, .is_bold = true};
	struct jm_text_style small = {.size = 10, .colour = JM_PLOT_SOFT, .max_width = at->width};
	double scale = (at->width - VALUE_ROOM) / at->largest, x = at->x, y = at->y, end = x;
	char text[48];
	size_t i;

	if (isfinite(b->value) && b->value > 0) {
		end = x + b->value * scale;
		jm_canvas_rect(p->canvas, x, y + 6, end - x, 15, colour, b->is_estimated ? 0.45 : 0.9);
	}
	for (i = 0; b->n_trials > 1 && i < b->n_trials; i++) {
		if (!isfinite(b->trials[i]))
			continue;
		jm_canvas_dot(p->canvas, x + b->trials[i] * scale, y + 13.5, 2.2, JM_PLOT_INK);
		end = fmax(end, x + b->trials[i] * scale);
	}
	value_text(b->value, unit, text, sizeof(text));
	if (!isfinite(b->value))
		style.colour = JM_PLOT_SOFT;
	jm_canvas_text(p->canvas, end + 7, y + 17.5, &style, "%s", text);
	jm_canvas_text(p->canvas, x, y + 34, &small, "%s", b->below);
}

static void draw(struct jm_plot *p, const struct jm_plot_variants *in)
{
	struct jm_text_style label = {.size = 11.5, .colour = JM_PLOT_INK, .align = 1, .max_width = LABEL - 14};
	struct jm_text_style soft = {.size = 11, .colour = JM_PLOT_SOFT, .max_width = p->width - 2 * JM_PLOT_MARGIN};
	double left = JM_PLOT_MARGIN + LABEL, room = p->width - left - JM_PLOT_MARGIN,
	       width = (room - 26 * (double)(in->n_panels - 1)) / (double)in->n_panels, bottom = TOP + (double)in->n_variants * ROW;
	size_t i, k;

	jm_plot_title(p, in->subtitle);
	for (i = 0; i < in->n_variants; i++)
		jm_canvas_text(p->canvas, left - 10, TOP + (double)i * ROW + 17.5, &label, "%s", in->names[i]);
	for (k = 0; k < in->n_panels; k++) {
		struct jm_text_style head = {.size = 12, .colour = JM_PLOT_INK, .is_bold = true, .max_width = width};
		struct place at = {.x = left + (double)k * (width + 26),
				   .width = width,
				   .largest = largest_of(&in->panels[k], in->n_variants)};

		jm_canvas_text(p->canvas, at.x, TOP - 8, &head, "%s", in->panels[k].title);
		jm_canvas_line(p->canvas, at.x, TOP, at.x, bottom - 8, JM_PLOT_LINE, 1);
		for (i = 0; i < in->n_variants; i++) {
			at.y = TOP + (double)i * ROW;
			bar(p, &in->panels[k].bars[i], in->panels[k].unit, &at, jm_plot_colour(i));
		}
	}
	jm_canvas_text(p->canvas, JM_PLOT_MARGIN, bottom + 18, &soft, "%s", in->note);
}

int jm_plot_variants_draw(const struct jm_plot_variants *in, struct jm_buffer *out, struct jm_error *err)
{
	const struct jm_plot_input title = {.title = in->title};
	struct jm_plot p = {.in = &title,
			    .width = in->width > 0 ? in->width : 960,
			    .height = TOP + (double)in->n_variants * ROW + 36};
	int rc = jm_canvas_create(in->format, p.width, p.height, in->scale > 0 ? in->scale : 2, &p.canvas, err);

	if (rc)
		return rc;
	draw(&p, in);
	rc = jm_canvas_finish(p.canvas, out, err);
	jm_canvas_destroy(p.canvas);
	return rc;
}
