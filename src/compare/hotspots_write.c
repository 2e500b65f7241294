#include "compare/hotspots.h"

#include "report/cells.h"
#include "report/figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CELL 64

static void add_number(struct jm_cells *cells, double value)
{
	char text[CELL];

	jm_report_four_digits(value, text, sizeof(text));
	jm_cells_add(cells, "%s", text);
}

/* Bounds of a gain that a noisy run leaves open would fill the line. */
static void percent_text(double value, char *out, size_t size)
{
	if (value < -9.995)
		snprintf(out, size, "<-999");
	else
		snprintf(out, size, "%.0f", 100 * value);
}

static void add_gain(const struct jm_hotspot *h, struct jm_cells *cells)
{
	char gain[16], low[16], high[16];

	percent_text(h->gain, gain, sizeof(gain));
	percent_text(h->gain_ci.low, low, sizeof(low));
	percent_text(h->gain_ci.high, high, sizeof(high));
	if (!isfinite(h->gain))
		jm_cells_add(cells, "-");
	else if (isfinite(h->gain_ci.low))
		jm_cells_add(cells, "%s [%s, %s]", gain, low, high);
	else
		jm_cells_add(cells, "%s", gain);
}

static void add_percent(struct jm_cells *cells, double value)
{
	if (isfinite(value))
		jm_cells_add(cells, "%.1f", fabs(value) < 5e-4 ? 0 : 100 * value);
	else
		jm_cells_add(cells, "-");
}

static void add_row(const struct jm_hotspot *h, enum jm_hotspots_by by, bool has_gain, double sum,
		    struct jm_cells *cells)
{
	jm_cells_add(cells, "%s", h->name);
	if (by == JM_HOTSPOTS_LAYER) {
		jm_cells_add(cells, "%s", h->type);
		jm_cells_add(cells, "%s", h->role);
	} else {
		jm_cells_add(cells, "%zu", h->n_layers);
	}
	add_number(cells, h->ms);
	add_number(cells, h->mj);
	add_percent(cells, h->share);
	if (!has_gain)
		return;
	add_gain(h, cells);
	add_number(cells, h->saved_mj);
	add_percent(cells, h->saved_share);
	add_percent(cells, sum);
}

static void add_headings(enum jm_hotspots_by by, bool has_gain, struct jm_cells *cells)
{
	static const char *const names[] = {"layer", "type", "part"};

	jm_cells_add(cells, "%s", names[by]);
	if (by == JM_HOTSPOTS_LAYER) {
		jm_cells_add(cells, "type");
		jm_cells_add(cells, "part");
	} else {
		jm_cells_add(cells, "layers");
	}
	jm_cells_add(cells, "ms");
	jm_cells_add(cells, "mJ");
	jm_cells_add(cells, "share %%");
	if (!has_gain)
		return;
	jm_cells_add(cells, "gain %%");
	jm_cells_add(cells, "saved mJ");
	jm_cells_add(cells, "saved %%");
	jm_cells_add(cells, "in all %%");
}

static int print(const struct jm_comparison_data *c, size_t other, enum jm_hotspots_by by,
		 const struct jm_compare_view *view, struct jm_buffer *out)
{
	const struct jm_variant *v = other ? &c->variants[other] : NULL;
	struct jm_cells cells = {.n_columns = (by == JM_HOTSPOTS_LAYER ? 6 : 5) + (v ? 4 : 0),
				 .is_left = {true, by == JM_HOTSPOTS_LAYER, by == JM_HOTSPOTS_LAYER}};
	struct jm_hotspots h;
	double sum = 0;
	size_t i, shown;

	if (by == JM_HOTSPOTS_LAYER)
		memcpy(cells.spare, (const unsigned char[]){0, 4, 3, 6, 2, 0, 0, 5, 0, 2}, 10);
	if (jm_hotspots_make(&c->variants[0], v ? &c->layers[other - 1] : NULL, by, &h))
		return JM_E_NOMEM;
	jm_buffer_puts(out, "\n");
	if (v)
		jm_compare_say(
		    view->width, out,
		    "what of %s to make as %s first: saved = share x gain, of all layers; conversions included",
		    c->variants[0].name, v->name);
	else
		jm_compare_say(view->width, out,
			       "where the energy of %s goes; give a second recording for the gain of each",
			       c->variants[0].name);
	if (v && v->is_simulated == 1)
		jm_compare_say(view->width, out,
			       "note: its integers are simulated: these gains are none of integer arithmetic");
	add_headings(by, v != NULL, &cells);
	shown = view->limit && view->limit < h.n ? view->limit : h.n;
	for (i = 0; i < shown; i++) {
		sum += isfinite(h.items[i].saved_share) ? h.items[i].saved_share : 0;
		add_row(&h.items[i], by, v != NULL, sum, &cells);
	}
	if (jm_cells_print(&cells, 0, view->width, view->is_colour, out))
		out->is_failed = true;
	if (shown < h.n)
		jm_buffer_printf(out, "  ... and %zu more: --limit all shows them\n", h.n - shown);
	jm_hotspots_finish(&h);
	return out->is_failed ? JM_E_NOMEM : 0;
}

int jm_hotspots_table(const struct jm_comparison_data *c, enum jm_hotspots_by by, const struct jm_compare_view *view,
		      struct jm_buffer *out)
{
	size_t i;
	int rc = 0;

	if (c->n_variants == 1)
		rc = print(c, 0, by, view, out);
	for (i = 1; i < c->n_variants && rc == 0; i++)
		rc = print(c, i, by, view, out);
	jm_compare_explain_layers(c, view->width, out);
	return rc;
}

int jm_hotspots_csv(const struct jm_comparison_data *c, enum jm_hotspots_by by, struct jm_buffer *out)
{
	size_t i, k, n = c->n_variants > 1 ? c->n_variants : 2;

	jm_buffer_puts(out, "variant,name,type,part,layers,time_ms,energy_mj,share,gain,gain_ci_low,gain_ci_high,saved_"
			    "mj,saved_share\n");
	for (i = 1; i < n; i++) {
		struct jm_hotspots h;

		if (jm_hotspots_make(&c->variants[0], c->n_variants > 1 ? &c->layers[i - 1] : NULL, by, &h))
			return JM_E_NOMEM;
		for (k = 0; k < h.n; k++) {
			const struct jm_hotspot *x = &h.items[k];

			jm_compare_text_cell(out, c->n_variants > 1 ? c->variants[i].name : c->variants[0].name);
			jm_compare_text_cell(out, x->name);
			jm_compare_text_cell(out, by == JM_HOTSPOTS_ROLE ? "" : x->type);
			jm_compare_text_cell(out, by == JM_HOTSPOTS_TYPE ? "" : x->role);
			jm_compare_count_cell(out, x->n_layers, true);
			jm_compare_cell(out, x->ms);
			jm_compare_cell(out, x->mj);
			jm_compare_cell(out, x->share);
			jm_compare_cell(out, x->gain);
			jm_compare_cell(out, x->gain_ci.low);
			jm_compare_cell(out, x->gain_ci.high);
			jm_compare_cell(out, x->saved_mj);
			jm_compare_cell(out, x->saved_share);
			jm_compare_end_row(out);
		}
		jm_hotspots_finish(&h);
	}
	return 0;
}

static void json_number(struct jm_buffer *b, const char *key, double value)
{
	jm_buffer_printf(b, ",\"%s\":", key);
	jm_buffer_json_number(b, value);
}

static void json_row(const struct jm_hotspot *h, enum jm_hotspots_by by, struct jm_buffer *b)
{
	jm_buffer_puts(b, "{\"name\":");
	jm_buffer_json_string(b, h->name);
	if (by == JM_HOTSPOTS_LAYER) {
		jm_buffer_puts(b, ",\"type\":");
		jm_buffer_json_string(b, h->type);
		jm_buffer_puts(b, ",\"part\":");
		jm_buffer_json_string(b, h->role);
	}
	jm_buffer_printf(b, ",\"layers\":%zu", h->n_layers);
	json_number(b, "time_ms", h->ms);
	json_number(b, "energy_mj", h->mj);
	json_number(b, "share", h->share);
	json_number(b, "gain", h->gain);
	json_number(b, "gain_ci_low", h->gain_ci.low);
	json_number(b, "gain_ci_high", h->gain_ci.high);
	json_number(b, "saved_mj", h->saved_mj);
	json_number(b, "saved_share", h->saved_share);
	jm_buffer_puts(b, "}");
}

static int json_rows(const struct jm_comparison_data *c, size_t other, enum jm_hotspots_by by, struct jm_buffer *b)
{
	struct jm_hotspots h;
	size_t k;

	if (jm_hotspots_make(&c->variants[0], other ? &c->layers[other - 1] : NULL, by, &h))
		return JM_E_NOMEM;
	for (k = 0; k < h.n; k++) {
		jm_buffer_puts(b, k ? ",\n" : "\n");
		json_row(&h.items[k], by, b);
	}
	jm_hotspots_finish(&h);
	return 0;
}

int jm_hotspots_json(const struct jm_comparison_data *c, struct jm_buffer *out)
{
	static const char *const keys[] = {"layers", "types", "parts"};
	size_t i, first = c->n_variants > 1 ? 1 : 0, k;
	int rc = 0;

	jm_buffer_puts(out, ",\n\"hotspots\":[");
	for (i = first; i < c->n_variants; i++) {
		jm_buffer_puts(out, i > first ? ",\n{\"variant\":" : "\n{\"variant\":");
		jm_buffer_json_string(out, c->variants[i].name);
		for (k = 0; k < 3 && rc == 0; k++) {
			jm_buffer_printf(out, ",\n\"%s\":[", keys[k]);
			rc = json_rows(c, i, (enum jm_hotspots_by)k, out);
			jm_buffer_puts(out, "]");
		}
		jm_buffer_puts(out, "}");
	}
	jm_buffer_puts(out, "]");
	return rc;
}
