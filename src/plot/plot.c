#include "plot/plot_internal.h"

#include "core/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(name, text) text,
static const char *const kinds[] = {JM_PLOT_LIST(TEXT)};
#undef TEXT

int jm_plot_parse(const char *text, enum jm_plot_kind *out)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(text, kinds[i]) == 0) {
			*out = (enum jm_plot_kind)i;
			return 0;
		}
	}
	return JM_E_INVALID;
}

jm_colour jm_plot_colour(size_t i)
{
	static const jm_colour colours[] = {0x0072b2, 0xd55e00, 0x00835f, 0xa0518a,
					    0x9a7400, 0x56b4e9, 0x7a5230, 0x6a717a};

	return colours[i % (sizeof(colours) / sizeof(colours[0]))];
}

double jm_plot_step(double range, int n)
{
	double raw = range / n, base = pow(10, floor(log10(raw)));

	return base * (base >= raw ? 1 : 2 * base >= raw ? 2 : 5 * base >= raw ? 5 : 10);
}

void jm_plot_value(double value, double largest, const char *unit, char *out, size_t size)
{
	static const struct {
		double scale;
		const char *prefix;
	} prefixes[] = {{1e6, "M"}, {1e3, "k"}, {1, ""}, {1e-3, "m"}, {1e-6, "µ"}, {1e-9, "n"}};
	double size_of;
	size_t i = 0;

	if (!isfinite(value)) {
		snprintf(out, size, "–");
		return;
	}
	while (i < 5 && fabs(largest) < 0.99995 * prefixes[i].scale)
		i++;
	value /= prefixes[i].scale;
	size_of = fabs(value);
	snprintf(out, size, "%.*f %s%s",
		 size_of >= 999.95   ? 0
		 : size_of >= 99.995 ? 1
		 : size_of >= 9.9995 ? 2
				     : 3,
		 value, largest == 0 ? "" : prefixes[i].prefix, unit);
}

double jm_plot_title(struct jm_plot *p, const char *subtitle)
{
	struct jm_text_style big = {
	    .size = 17, .colour = JM_PLOT_INK, .is_bold = true, .max_width = p->width - 2 * JM_PLOT_MARGIN};
	struct jm_text_style small = {.size = 11.5, .colour = JM_PLOT_SOFT, .max_width = p->width - 2 * JM_PLOT_MARGIN};

	if (p->canvas) {
		jm_canvas_text(p->canvas, JM_PLOT_MARGIN, 36, &big, "%s", p->in->title);
		jm_canvas_text(p->canvas, JM_PLOT_MARGIN, 55, &small, "%s", subtitle);
	}
	return 76;
}

/* ---- Types ------------------------------------------------------------------------------------------------------- */

static bool is_typed(const struct jm_result *r)
{
	size_t i;

	for (i = 0; i < r->n_layers; i++)
		if (r->layers[i].type && r->layers[i].type[0])
			return true;
	return false;
}

static const char *last_word(const char *name)
{
	size_t n = strlen(name);

	while (n && !strchr("./:", name[n - 1]))
		n--;
	return name + n;
}

/* By energy, then time; a few tens of types at most matter, so it is looked through as often as colours are there. */
struct type_sum {
	const char *text;
	double energy_j, time_s;
};

static int by_sum(const void *a, const void *b)
{
	const struct type_sum *x = a, *y = b;

	if (x->energy_j != y->energy_j)
		return x->energy_j < y->energy_j ? 1 : -1;
	return (x->time_s < y->time_s) - (x->time_s > y->time_s);
}

#define SUMS_MAX 256

void jm_plot_rank_types(const struct jm_result *r, struct jm_plot_types *out)
{
	struct type_sum *sums = calloc(SUMS_MAX, sizeof(*sums));
	bool has_types = is_typed(r);
	size_t n = 0, i, k;

	*out = (struct jm_plot_types){0};
	for (i = 0; sums && i < r->n_layers; i++) {
		const struct jm_row *row = &r->layers[i];
		const char *text = has_types ? row->type : last_word(row->name);

		for (k = 0; k < n && strcmp(sums[k].text, text) != 0; k++)
			;
		if (!text[0] || k == SUMS_MAX)
			continue;
		sums[k].text = text;
		sums[k].energy_j += isfinite(row->energy_j) ? row->energy_j : 0;
		sums[k].time_s += row->time_s;
		n = k == n ? n + 1 : n;
	}
	if (sums)
		qsort(sums, n, sizeof(*sums), by_sum);
	for (i = 0; i < n && i < JM_PLOT_TYPES; i++)
		out->texts[out->n++] = sums[i].text;
	out->is_more = n > JM_PLOT_TYPES;
	free(sums);
}

jm_colour jm_plot_type_colour(const struct jm_plot_types *types, const char *type, const char *name)
{
	const char *text = type && type[0] ? type : last_word(name);
	size_t i;

	for (i = 0; i < types->n; i++)
		if (strcmp(types->texts[i], text) == 0)
			return jm_plot_colour(i);
	return JM_PLOT_GREY;
}

double jm_plot_key(struct jm_plot *p, const struct jm_plot_types *types, double x, double y)
{
	struct jm_text_style style = {.size = 11, .colour = JM_PLOT_SOFT, .max_width = 160};
	double start = x;
	size_t i, n = types->n + (types->is_more ? 1 : 0);

	if (!p->canvas)
		return n ? 20 : 0;
	for (i = 0; i < n; i++) {
		const char *text = i < types->n ? types->texts[i] : "other";
		double width = jm_canvas_text_width(p->canvas, style.size, false, text);

		width = (width < style.max_width ? width : style.max_width) + 34;
		if (x + width > p->width - JM_PLOT_MARGIN && x > start)
			break; /* one line is enough: the names are in the picture, too */
		jm_canvas_rect(p->canvas, x, y - 9, 10, 10, i < types->n ? jm_plot_colour(i) : JM_PLOT_GREY, 1);
		jm_canvas_text(p->canvas, x + 15, y, &style, "%s", text);
		x += width;
	}
	return n ? 20 : 0;
}

/* ---- Choosing and drawing ----------------------------------------------------------------------------------------- */

static int best_channel(const struct jm_result *r)
{
	int best = -1;
	size_t i;

	for (i = 0; i < r->n_channels; i++) {
		const struct jm_channel_result *c = &r->channels[i];

		if (!isfinite(c->energy_j) || c->same_as || c->part_of)
			continue;
		if (best < 0 || c->energy_j > r->channels[best].energy_j)
			best = (int)i;
	}
	for (i = 0; best < 0 && i < r->n_channels; i++)
		if (isfinite(r->channels[i].energy_j))
			best = (int)i;
	return best;
}

const struct jm_scene_channel *jm_plot_scene_channel(const struct jm_scene *s, int channel)
{
	size_t i;

	for (i = 0; s && i < s->n_channels; i++)
		if (channel >= 0 && s->channels[i].channel == (size_t)channel)
			return &s->channels[i];
	return NULL;
}

int jm_plot_draw(const struct jm_plot_input *in, const struct jm_plot_options *options, struct jm_buffer *out,
		 struct jm_error *err)
{
	static double (*const draws[])(struct jm_plot *) = {[JM_PLOT_LAYERS] = jm_plot_layers,
							    [JM_PLOT_ENERGY] = jm_plot_layers,
							    [JM_PLOT_LATENCY] = jm_plot_layers,
							    [JM_PLOT_TIMELINE] = jm_plot_timeline,
							    [JM_PLOT_MAPPING] = jm_plot_mapping};
	struct jm_plot p = {.in = in, .options = *options};
	int rc;

	p.options.limit = p.options.limit ? p.options.limit : 30;
	p.width = p.options.width > 0 ? p.options.width : 960;
	p.channel = p.options.channel >= 0 ? p.options.channel : best_channel(in->result);
	p.height = draws[p.options.kind](&p);
	if (p.height < 0) {
		jm_error_set(err, JM_E_NOT_FOUND, "there is nothing for a plot of %s in this recording",
			     kinds[p.options.kind]);
		jm_error_remedy(err, "%s",
				p.options.kind == JM_PLOT_MAPPING ? "a recording with readings and spans inside of them"
				: p.options.kind == JM_PLOT_TIMELINE ? "a recording with readings or spans"
								     : "--plot timeline shows any recording");
		return JM_E_NOT_FOUND;
	}
	rc = jm_canvas_create(p.options.format, p.width, p.height, p.options.scale > 0 ? p.options.scale : 2, &p.canvas,
			      err);
	if (rc)
		return rc;
	draws[p.options.kind](&p);
	rc = jm_canvas_finish(p.canvas, out, err);
	jm_canvas_destroy(p.canvas);
	return rc;
}
