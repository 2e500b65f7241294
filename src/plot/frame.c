/* Power over time in a picture, and rows of spans below it. */
#include "plot/plot_internal.h"

#include <math.h>
#include <stdlib.h>

double jm_plot_frame_x(const struct jm_plot_frame *f, double t_s)
{
	return f->x + (t_s - f->from_s) / (f->to_s - f->from_s) * f->width;
}

double jm_plot_frame_y(const struct jm_plot_frame *f, double power_w)
{
	return f->y + f->height * (1 - power_w / f->top_w);
}

static double seconds(const struct jm_scene *s, int64_t t_ns)
{
	return (double)(t_ns - s->start_ns) * 1e-9;
}

static void times(struct jm_plot *p, const struct jm_plot_frame *f)
{
	struct jm_text_style style = {.size = 10.5, .colour = JM_PLOT_SOFT, .align = 0.5};
	double step = jm_plot_step(f->to_s - f->from_s, 7), t = ceil(f->from_s / step) * step;
	int decimals = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;

	for (; t <= f->to_s + step * 1e-6; t += step) {
		double x = jm_plot_frame_x(f, t);

		jm_canvas_line(p->canvas, x, f->y + f->height, x, f->y + f->height + 4, JM_PLOT_GREY, 1);
		if (x > f->x + 14 && x < f->x + f->width - 14)
			jm_canvas_text(p->canvas, x, f->y + f->height + 16, &style, "%.*f s", decimals, t);
	}
}

void jm_plot_frame_axes(struct jm_plot *p, struct jm_plot_frame *f, bool with_times)
{
	struct jm_text_style style = {.size = 10.5, .colour = JM_PLOT_SOFT, .align = 1};
	double step = jm_plot_step(f->top_w > 0 ? f->top_w : 1, 4), w;

	f->top_w = ceil((f->top_w > 0 ? f->top_w * 1.02 : 1) / step) * step;
	for (w = 0; w <= f->top_w + step / 2; w += step) {
		double y = jm_plot_frame_y(f, w);

		jm_canvas_line(p->canvas, f->x, y, f->x + f->width, y, JM_PLOT_LINE, 1);
		jm_canvas_text(p->canvas, f->x - 7, y + 3.5, &style, "%g%s", w,
			       w + step > f->top_w + step / 2 ? " W" : "");
	}
	if (with_times)
		times(p, f);
}

/* Says whether all pieces in the frame's time are kept. */
static bool is_exact(const struct jm_plot_frame *f, const struct jm_scene *s, const struct jm_scene_channel *c)
{
	size_t i;

	for (i = 0; i < s->n_windows; i++)
		if (seconds(s, s->windows[i].start_ns) <= f->from_s && seconds(s, s->windows[i].end_ns) >= f->to_s)
			return true;
	return c->is_whole;
}

/* Gives the pieces in the frame's time: [*first, end). */
static size_t pieces_in(const struct jm_plot_frame *f, const struct jm_scene *s, const struct jm_scene_channel *c,
			size_t *first)
{
	size_t i = 0, end;

	while (i < c->n_exact && seconds(s, c->exact[i].end_ns) <= f->from_s)
		i++;
	for (end = i; end < c->n_exact && seconds(s, c->exact[end].start_ns) < f->to_s; end++)
		;
	*first = i;
	return end;
}

double jm_plot_frame_peak(const struct jm_plot_frame *f, const struct jm_scene *s, const struct jm_scene_channel *c)
{
	const struct jm_power_buckets *b = &c->buckets;
	double most = 0;
	size_t first, end, i;

	if (is_exact(f, s, c)) {
		end = pieces_in(f, s, c, &first);
		for (i = first; i < end; i++)
			most = fmax(most, fmax((double)c->exact[i].start_w, (double)c->exact[i].end_w));
		return most;
	}
	for (i = 0; i < b->n; i++)
		if (b->seen_s[i] > 0 && (double)(i + 1) * b->bucket_ns * 1e-9 > f->from_s &&
		    (double)i * b->bucket_ns * 1e-9 < f->to_s)
			most = fmax(most, (double)b->max_w[i]);
	return most;
}

/* Readings as they are; a gap is a gap. */
static void draw_pieces(struct jm_plot *p, const struct jm_plot_frame *f, const struct jm_scene_channel *c,
			size_t first, size_t end, jm_colour colour)
{
	const struct jm_scene *s = p->in->scene;
	double *xy = malloc((end - first + 1) * 4 * sizeof(*xy));
	size_t n = 0, i;

	for (i = first; xy && i < end; i++) {
		const struct jm_power_piece *piece = &c->exact[i];

		if (i > first && piece->start_ns > c->exact[i - 1].end_ns + 10) {
			jm_canvas_path(p->canvas, xy, n, colour, 1.4);
			n = 0;
		}
		xy[2 * n] = jm_plot_frame_x(f, seconds(s, piece->start_ns));
		xy[2 * n++ + 1] = jm_plot_frame_y(f, (double)piece->start_w);
		xy[2 * n] = jm_plot_frame_x(f, seconds(s, piece->end_ns));
		xy[2 * n++ + 1] = jm_plot_frame_y(f, (double)piece->end_w);
	}
	if (n)
		jm_canvas_path(p->canvas, xy, n, colour, 1.4);
	free(xy);
}

/* One pixel's worth of buckets. */
struct column {
	double min_w, max_w, energy_j, seen_s;
};

/* Adds up the buckets of each of n columns of the frame. */
static void add_up(const struct jm_plot_frame *f, const struct jm_power_buckets *b, struct column *columns, size_t n)
{
	double width_s = b->bucket_ns * 1e-9, column_s = (f->to_s - f->from_s) / (double)n;
	size_t i, k;

	for (k = 0; k < n; k++)
		columns[k] = (struct column){.min_w = INFINITY};
	for (i = 0; i < b->n; i++) {
		double start = (double)i * width_s;
		size_t from, to;

		if (!(b->seen_s[i] > 0) || start + width_s <= f->from_s || start >= f->to_s)
			continue;
		from = start > f->from_s ? (size_t)((start - f->from_s) / column_s) : 0;
		to = (size_t)((start + width_s - f->from_s) / column_s - 1e-9);
		for (k = from; k <= to && k < n; k++) {
			columns[k].min_w = fmin(columns[k].min_w, (double)b->min_w[i]);
			columns[k].max_w = fmax(columns[k].max_w, (double)b->max_w[i]);
			columns[k].energy_j += b->energy_j[i];
			columns[k].seen_s += b->seen_s[i];
		}
	}
}

/* Columns [first, end) without a gap: the band as one area, the mean as one line. */
static void draw_run(struct jm_plot *p, const struct jm_plot_frame *f, const struct column *columns, size_t first,
		     size_t end, double step, double *xy, jm_colour colour)
{
	size_t n = 0, i;

	for (i = first; i < end; i++) {
		xy[2 * n] = f->x + ((double)i + 0.5) * step;
		xy[2 * n++ + 1] = jm_plot_frame_y(f, columns[i].max_w);
	}
	for (i = end; i-- > first;) {
		xy[2 * n] = f->x + ((double)i + 0.5) * step;
		xy[2 * n++ + 1] = jm_plot_frame_y(f, columns[i].min_w);
	}
	jm_canvas_area(p->canvas, xy, n, colour, 0.28);
	for (n = 0, i = first; i < end; i++) {
		xy[2 * n] = f->x + ((double)i + 0.5) * step;
		xy[2 * n++ + 1] = jm_plot_frame_y(f, columns[i].energy_j / columns[i].seen_s);
	}
	jm_canvas_path(p->canvas, xy, n, colour, 1.2);
}

static void draw_buckets(struct jm_plot *p, const struct jm_plot_frame *f, const struct jm_scene_channel *c,
			 jm_colour colour)
{
	size_t n = (size_t)f->width, i, end;
	struct column *columns = calloc(n + 1, sizeof(*columns));
	double *xy = malloc((n + 1) * 4 * sizeof(*xy));

	if (columns && xy) {
		add_up(f, &c->buckets, columns, n);
		for (i = 0; i < n; i = end + 1) {
			for (end = i; end < n && columns[end].seen_s > 0; end++)
				;
			if (end > i)
				draw_run(p, f, columns, i, end, f->width / (double)n, xy, colour);
		}
	}
	free(columns);
	free(xy);
}

void jm_plot_frame_power(struct jm_plot *p, const struct jm_plot_frame *f, const struct jm_scene_channel *c,
			 jm_colour colour)
{
	size_t first, end = pieces_in(f, p->in->scene, c, &first);

	jm_canvas_clip(p->canvas, f->x, f->y - 4, f->width, f->height + 8);
	if (is_exact(f, p->in->scene, c) && (double)(end - first) <= 2 * f->width)
		draw_pieces(p, f, c, first, end, colour);
	else
		draw_buckets(p, f, c, colour);
	jm_canvas_unclip(p->canvas);
}

static bool is_quiet_kind(const struct jm_scene_lane *lane)
{
	return lane->kind == JM_SPAN_PHASE || lane->kind == JM_SPAN_ITERATION;
}

static jm_colour box_colour(struct jm_plot *p, const struct jm_scene_lane *lane, uint32_t name,
			    const struct jm_plot_types *types)
{
	const struct jm_names *names = p->in->names;

	if (is_quiet_kind(lane) || name >= names->n)
		return lane->kind == JM_SPAN_PHASE ? 0xc4cad0 : JM_PLOT_GREY;
	return jm_plot_type_colour(types, names->items[name].type, names->items[name].text);
}

/* How busy each stretch of a lane with too many boxes was: the busiest bucket of each column. */
static void draw_busy(struct jm_plot *p, const struct jm_plot_frame *f, const struct jm_scene_lane *lane, double y)
{
	double width_s = seconds(p->in->scene, p->in->scene->end_ns) / (double)p->in->scene->n_coarse, high = 0;
	double step = fmax(1, width_s / (f->to_s - f->from_s) * f->width), at = -1;
	size_t i;

	for (i = 0; i < p->in->scene->n_coarse; i++) {
		double x = jm_plot_frame_x(f, (double)i * width_s);

		if (x >= at + step) {
			if (high > 0 && at + step > f->x && at < f->x + f->width)
				jm_canvas_rect(p->canvas, at, y + JM_PLOT_LANE - high, step, high, JM_PLOT_GREY, 0.8);
			at = x;
			high = 0;
		}
		high = fmax(high, JM_PLOT_LANE * fmin((double)lane->busy[i], 1));
	}
}

void jm_plot_lane(struct jm_plot *p, const struct jm_plot_frame *f, size_t number, double y,
		  const struct jm_plot_types *types)
{
	const struct jm_scene *s = p->in->scene;
	const struct jm_scene_lane *lane = &s->lanes[number];
	struct jm_text_style style = {.size = 9.5};
	struct jm_plot_frame at = *f;
	double filled = -1;
	size_t i;

	jm_canvas_clip(p->canvas, f->x, y, f->width, JM_PLOT_LANE);
	if (lane->busy && !is_exact(&at, s, &(struct jm_scene_channel){0})) {
		draw_busy(p, f, lane, y);
		jm_canvas_unclip(p->canvas);
		return;
	}
	for (i = 0; i < s->n_boxes; i++) {
		const struct jm_scene_box *box = &s->boxes[i];
		double a = jm_plot_frame_x(f, seconds(s, box->start_ns)),
		       b = jm_plot_frame_x(f, seconds(s, box->end_ns));

		if (box->lane != number || b < f->x || a > f->x + f->width || b <= filled + 0.3)
			continue;
		jm_canvas_rect(p->canvas, a, y, fmax(b - a - (b - a > 3 ? 0.6 : 0), 0.5), JM_PLOT_LANE,
			       box_colour(p, lane, box->name, types),
			       lane->kind == JM_SPAN_ITERATION && box->iteration % 2 ? 0.6 : 0.95);
		filled = b;
		a = fmax(a, f->x);
		style.max_width = fmin(b, f->x + f->width) - a - 8;
		style.colour = is_quiet_kind(lane) ? JM_PLOT_INK : 0xffffff;
		if (style.max_width > 28 && box->name < p->in->names->n)
			jm_canvas_text(p->canvas, a + 4, y + 11, &style, "%s", p->in->names->items[box->name].text);
	}
	jm_canvas_unclip(p->canvas);
}
