/* How readings and spans become energies, in three steps over one short stretch of the recording: what the sensor said, what ran,
 * and the two laid over each other. */
#include "plot/plot_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PANEL_HEIGHT 130.0
#define SPANS_WANTED 9
#define READINGS_MIN 8
#define READINGS_MAX 400

static double seconds(const struct jm_scene *s, int64_t t_ns)
{
	return (double)(t_ns - s->start_ns) * 1e-9;
}

/* The innermost lane of parts: what the energy is split over. */
static int lane_of_parts(const struct jm_scene *s)
{
	size_t i;
	int found = -1;

	for (i = 0; i < s->n_lanes; i++)
		if (s->lanes[i].kind != JM_SPAN_PHASE && s->lanes[i].kind != JM_SPAN_ITERATION && s->lanes[i].n_spans)
			found = found < 0 || s->lanes[i].kind == s->lanes[found].kind ? (int)i : found;
	for (i = 0; found < 0 && i < s->n_lanes; i++)
		if (s->lanes[i].kind == JM_SPAN_ITERATION)
			found = (int)i;
	return found;
}

static bool is_kept(const struct jm_scene *s, const struct jm_scene_channel *c, int64_t from, int64_t to)
{
	size_t i;

	for (i = 0; i < s->n_windows; i++)
		if (s->windows[i].start_ns <= from && s->windows[i].end_ns >= to)
			return true;
	return c->is_whole && s->n_windows == 0;
}

static size_t first_piece(const struct jm_scene_channel *c, int64_t t_ns)
{
	size_t low = 0, high = c->n_exact;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->exact[middle].end_ns <= t_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct stretch {
	int64_t start_ns, end_ns;
};

/* How well successive spans show the idea: of like length, close upon each other, with a few readings in each. Less is better; below 0:
 * they do not. Many spans are less easily read than few. */
static double badness(const struct jm_scene *s, const struct jm_scene_channel *c, const struct stretch *spans, size_t n_spans)
{
	int64_t from = spans[0].start_ns, to = spans[n_spans - 1].end_ns, greatest = 0, busy = 0;
	double n = (double)(first_piece(c, to) - first_piece(c, from)), length = (double)(to - from);
	size_t i;

	if (to <= from || n < READINGS_MIN || n > READINGS_MAX || (!is_kept(s, c, from, to) && !c->is_whole))
		return -1;
	for (i = 0; i < n_spans; i++) {
		int64_t span = spans[i].end_ns - spans[i].start_ns;

		greatest = span > greatest ? span : greatest;
		busy += span;
	}
	return fabs(log(n / 50)) + log((double)greatest * (double)n_spans / length + 1) +
	       4 * log(fmax(1, length / ((double)busy + 1))) + 0.5 * log((double)n_spans / SPANS_WANTED);
}

/* Gives the lane's spans in order of start; free(). NULL: none, or out of memory. */
static struct stretch *spans_of(const struct jm_scene *s, int lane, size_t *n_out)
{
	struct stretch *spans = calloc(s->n_boxes + 1, sizeof(*spans));
	size_t i, n = 0;

	for (i = 0; spans && i < s->n_boxes; i++)
		if (s->boxes[i].lane == lane)
			spans[n++] = (struct stretch){s->boxes[i].start_ns, s->boxes[i].end_ns};
	*n_out = n;
	return spans;
}

/* Where spans are shorter than the readings are apart, more of them are needed to see any. */
static double pick_spans(const struct jm_scene *s, const struct jm_scene_channel *c, const struct stretch *spans, size_t n,
			 struct stretch *out)
{
	static const size_t sizes[] = {SPANS_WANTED, 3 * SPANS_WANTED, 9 * SPANS_WANTED};
	double best = INFINITY;
	size_t i, k;

	for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++)
		for (i = 0; i + sizes[k] <= n; i++) {
			double bad = badness(s, c, &spans[i], sizes[k]);

			if (bad < 0 || bad >= best)
				continue;
			best = bad;
			*out = (struct stretch){spans[i].start_ns, spans[i + sizes[k] - 1].end_ns};
		}
	return best;
}

/* Picks the stretch of some successive spans that shows best; without one, some readings around a span. */
static bool pick(const struct jm_scene *s, const struct jm_scene_channel *c, int lane, double *from_s, double *to_s)
{
	size_t n, i, k;
	struct stretch *spans = spans_of(s, lane, &n), best = {0};
	bool is_found = spans && isfinite(pick_spans(s, c, spans, n, &best));

	for (i = 0; spans && !is_found && i < n; i++) {
		k = first_piece(c, spans[i].start_ns);
		if (k + READINGS_MIN + 4 >= c->n_exact || c->exact[k].start_ns > spans[i].end_ns)
			continue;
		best = (struct stretch){c->exact[k].start_ns, c->exact[k + READINGS_MIN + 4].end_ns};
		is_found = true;
	}
	free(spans);
	*from_s = seconds(s, best.start_ns) - 0.03 * (double)(best.end_ns - best.start_ns) * 1e-9;
	*to_s = seconds(s, best.end_ns) + 0.03 * (double)(best.end_ns - best.start_ns) * 1e-9;
	return is_found;
}

static void caption(struct jm_plot *p, double y, int number, const char *head, const char *text)
{
	struct jm_text_style big = {.size = 12.5, .colour = JM_PLOT_INK, .is_bold = true};
	struct jm_text_style small = {.size = 11, .colour = JM_PLOT_SOFT};
	double x = JM_PLOT_MARGIN + 12 + jm_canvas_text_width(p->canvas, big.size, true, "0  ") +
		   jm_canvas_text_width(p->canvas, big.size, true, head);

	small.max_width = p->width - x - JM_PLOT_MARGIN;
	jm_canvas_text(p->canvas, JM_PLOT_MARGIN, y, &big, "%d  %s", number, head);
	jm_canvas_text(p->canvas, x, y, &small, "%s", text);
}

static void readings(struct jm_plot *p, const struct jm_plot_frame *f, const struct jm_scene_channel *c)
{
	const struct jm_scene *s = p->in->scene;
	size_t i;

	for (i = 0; i < c->n_exact; i++) {
		double t = seconds(s, c->exact[i].end_ns);

		if (t >= f->from_s && t <= f->to_s)
			jm_canvas_dot(p->canvas, jm_plot_frame_x(f, t), jm_plot_frame_y(f, (double)c->exact[i].end_w),
				      2.3, jm_plot_colour(0));
	}
}

/* The energy below the curve between two times, with the area's outline in xy (n_max points); the part without readings is left out. */
static double area(const struct jm_plot *p, const struct jm_plot_frame *f, const struct jm_scene_channel *c,
		   double from, double to, double *xy, size_t n_max, size_t *n_out, double *seen_out)
{
	const struct jm_scene *s = p->in->scene;
	double energy = 0, seen = 0;
	size_t i, n = 0;

	for (i = first_piece(c, s->start_ns + (int64_t)(from * 1e9)); i < c->n_exact && n + 3 < n_max; i++) {
		const struct jm_power_piece *piece = &c->exact[i];
		double start = seconds(s, piece->start_ns), end = seconds(s, piece->end_ns), a = fmax(start, from),
		       b = fmin(end, to);
		double slope = ((double)piece->end_w - (double)piece->start_w) / (end - start);
		double wa = (double)piece->start_w + slope * (a - start),
		       wb = (double)piece->start_w + slope * (b - start);

		if (start >= to)
			break;
		if (b <= a)
			continue;
		energy += (wa + wb) / 2 * (b - a);
		seen += b - a;
		xy[2 * n] = jm_plot_frame_x(f, a);
		xy[2 * n++ + 1] = jm_plot_frame_y(f, wa);
		xy[2 * n] = jm_plot_frame_x(f, b);
		xy[2 * n++ + 1] = jm_plot_frame_y(f, wb);
	}
	if (n) {
		double first_x = xy[0], last_x = xy[2 * n - 2];

		xy[2 * n] = last_x;
		xy[2 * n++ + 1] = f->y + f->height;
		xy[2 * n] = first_x;
		xy[2 * n++ + 1] = f->y + f->height;
	}
	*n_out = n;
	*seen_out = seen;
	return energy;
}

#define AREA_POINTS 2048

static void areas(struct jm_plot *p, const struct jm_plot_frame *f, const struct jm_scene_channel *c, int lane,
		  const struct jm_plot_types *types)
{
	const struct jm_scene *s = p->in->scene;
	struct jm_text_style style = {.size = 10.5, .colour = JM_PLOT_INK, .align = 0.5};
	double *xy = malloc(2 * AREA_POINTS * sizeof(*xy));
	size_t i, n;

	for (i = 0; xy && i < s->n_boxes; i++) {
		const struct jm_scene_box *box = &s->boxes[i];
		double from = seconds(s, box->start_ns), to = seconds(s, box->end_ns), seen, energy, middle, width;
		const struct jm_name *name = box->name < p->in->names->n ? &p->in->names->items[box->name] : NULL;
		char text[32];

		if (box->lane != lane || to <= f->from_s || from >= f->to_s)
			continue;
		energy = area(p, f, c, fmax(from, f->from_s), fmin(to, f->to_s), xy, AREA_POINTS, &n, &seen);
		if (n)
			jm_canvas_area(p->canvas, xy, n,
				       name ? jm_plot_type_colour(types, name->type, name->text) : JM_PLOT_GREY, 0.5);
		middle = (jm_plot_frame_x(f, fmax(from, f->from_s)) + jm_plot_frame_x(f, fmin(to, f->to_s))) / 2;
		width = jm_plot_frame_x(f, to) - jm_plot_frame_x(f, from);
		jm_plot_value(energy, energy, "J", text, sizeof(text));
		/* The part of a span that the stretch cuts off has no figure. */
		if (from >= f->from_s && to <= f->to_s && seen > 0.99 * (to - from) &&
		    width > jm_canvas_text_width(p->canvas, 10.5, false, text))
			jm_canvas_text(p->canvas, middle, f->y + f->height - 7, &style, "%s", text);
	}
	free(xy);
}

/* Edges of the spans across the curve; so many that they would hide it are left out. */
static void edges(struct jm_plot *p, const struct jm_plot_frame *f, int lane)
{
	const struct jm_scene *s = p->in->scene;
	size_t i, n = 0, k;

	for (i = 0; i < s->n_boxes; i++)
		n += s->boxes[i].lane == lane && seconds(s, s->boxes[i].end_ns) > f->from_s &&
		     seconds(s, s->boxes[i].start_ns) < f->to_s;
	for (i = 0; n <= 40 && i < s->n_boxes; i++) {
		const double ends[] = {seconds(s, s->boxes[i].start_ns), seconds(s, s->boxes[i].end_ns)};

		for (k = 0; k < 2 && s->boxes[i].lane == lane; k++)
			if (ends[k] >= f->from_s && ends[k] <= f->to_s)
				jm_canvas_dashes(p->canvas, jm_plot_frame_x(f, ends[k]), f->y,
						 jm_plot_frame_x(f, ends[k]), f->y + f->height, JM_PLOT_GREY, 0.8);
	}
}

static void third_caption(const struct jm_plot *p, char *out, size_t size)
{
	enum jm_method method = p->in->result->n_layers ? p->in->result->layers[0].method : p->in->result->method;

	if (method == JM_METHOD_INTEGRATE)
		snprintf(out, size,
			 "a span's energy is the area below the power while it ran, summed over all its executions");
	else
		snprintf(out, size,
			 "the area below the power while a span ran. This report's method is %s: see "
			 "docs/attribution.md for what it adds",
			 jm_method_text(method));
}

static void draw(struct jm_plot *p, const struct jm_scene_channel *c, int lane, double from_s, double to_s)
{
	struct jm_plot_frame f = {.x = JM_PLOT_MARGIN + 44,
				  .y = 120,
				  .height = PANEL_HEIGHT,
				  .from_s = from_s,
				  .to_s = to_s},
			     third;
	const struct jm_channel *channel = p->in->result->channels[c->channel].channel;
	struct jm_plot_types types;
	char text[256], length[32];
	double y;

	f.width = p->width - f.x - JM_PLOT_MARGIN;
	jm_plot_value(to_s - from_s, to_s - from_s, "s", length, sizeof(length));
	snprintf(text, sizeof(text), "How readings and spans become energies: %s of the recording, on %s%s", length,
		 channel->name, channel->state == JM_STATE_ESTIMATED ? " (estimated)" : "");
	jm_plot_title(p, text);
	jm_plot_rank_types(p->in->result, &types);
	f.top_w = jm_plot_frame_peak(&f, p->in->scene, c);
	y = f.y + f.height + 66;
	third = f;
	third.y = y + JM_PLOT_LANE + 48;
	caption(p, f.y - 16, 1, "What the sensor said",
		channel->kind == JM_KIND_COUNTER ? "a counter: mean power from one update to the next"
						 : "one dot a reading");
	jm_plot_frame_axes(p, &f, true);
	edges(p, &f, lane);
	jm_plot_frame_power(p, &f, c, jm_plot_colour(0));
	readings(p, &f, c);
	caption(p, y - 12, 2, "What ran", "each span with its own start and end, on the same clock");
	jm_plot_lane(p, &f, (size_t)lane, y, &types);
	third_caption(p, text, sizeof(text));
	caption(p, third.y - 16, 3, "The two laid over each other", text);
	third.top_w = jm_plot_frame_peak(&third, p->in->scene, c);
	jm_plot_frame_axes(p, &third, true);
	areas(p, &third, c, lane, &types);
	edges(p, &third, lane);
	jm_plot_frame_power(p, &third, c, jm_plot_colour(0));
}

double jm_plot_mapping(struct jm_plot *p)
{
	const struct jm_scene *s = p->in->scene;
	const struct jm_scene_channel *c = jm_plot_scene_channel(s, p->channel);
	int lane = s ? lane_of_parts(s) : -1;
	double from_s, to_s;

	if (!c || lane < 0 || !pick(s, c, lane, &from_s, &to_s))
		return -1;
	if (p->canvas)
		draw(p, c, lane, from_s, to_s);
	return 120 + PANEL_HEIGHT + 66 + JM_PLOT_LANE + 48 + PANEL_HEIGHT + 36;
}
