#include "compare/layers.h"
#include "compare/write.h"

#include "report/cells.h"
#include "report/figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CELL 64

static const struct jm_layer *first_of(const struct jm_layer_groups *g, const struct jm_layer_group *group)
{
	return group->first == JM_NO_GROUP ? NULL : &g->first.items[group->first];
}

static const struct jm_layer *other_of(const struct jm_layer_groups *g, const struct jm_layer_group *group)
{
	return group->other == JM_NO_GROUP ? NULL : &g->other.items[group->other];
}

static double weight(const struct jm_layer_group *g)
{
	double first = isfinite(g->first_mj) ? g->first_mj : 0, other = isfinite(g->other_mj) ? g->other_mj : 0;

	/* Without energy, times. */
	return first + other > 0 ? fmax(first, other) : 1e-9 * fmax(g->first_ms, g->other_ms);
}

static int compare_groups(const void *a, const void *b)
{
	double x = weight(*(const struct jm_layer_group *const *)a),
	       y = weight(*(const struct jm_layer_group *const *)b);

	return (x < y) - (x > y);
}

/* Those with most energy first. NULL: out of memory. */
static const struct jm_layer_group **sorted(const struct jm_layer_groups *g)
{
	const struct jm_layer_group **list = calloc(g->n + 1, sizeof(*list));
	size_t i;

	for (i = 0; list && i < g->n; i++)
		list[i] = &g->items[i];
	if (list)
		qsort(list, g->n, sizeof(*list), compare_groups);
	return list;
}

static void add_number(struct jm_cells *cells, double value, bool is_there)
{
	char text[CELL];

	jm_report_four_digits(value, text, sizeof(text));
	jm_cells_add(cells, "%s", is_there ? text : "");
}

static void add_type(struct jm_cells *cells, const struct jm_layer *l, size_t n)
{
	if (n > 1)
		jm_cells_add(cells, "%s +%zu", l->type, n - 1);
	else
		jm_cells_add(cells, "%s", l ? l->type : "-");
}

/* Of estimates the ratio alone: how they repeat says nothing of the energy. */
static void add_ratio(const struct jm_against *r, bool is_estimate, struct jm_cells *cells)
{
	char value[16], low[16], high[16];

	jm_compare_ratio_text(r->value, value, sizeof(value));
	jm_compare_ratio_text(r->ci.low, low, sizeof(low));
	jm_compare_ratio_text(r->ci.high, high, sizeof(high));
	if (!isfinite(r->value))
		jm_cells_add(cells, "-");
	else if (is_estimate)
		jm_cells_add(cells, "%s%s×", value[0] == '<' || value[0] == '>' ? "" : "~", value);
	else if (isfinite(r->ci.low))
		jm_cells_add(cells, "%s× [%s, %s]", value, low, high);
	else
		jm_cells_add(cells, "%s×", value);
}

static void add_row(const struct jm_layer_groups *g, const struct jm_layer_group *group, bool is_estimate,
		    struct jm_cells *cells)
{
	const struct jm_layer *a = first_of(g, group), *b = other_of(g, group);

	jm_cells_add(cells, "%s", a ? a->name : b ? b->name : "(conversions)");
	add_type(cells, a, group->n_first);
	add_type(cells, b, group->n_other);
	jm_cells_add(cells, "%s", jm_match_text(group->match));
	add_number(cells, group->first_ms, a != NULL);
	add_number(cells, group->other_ms, b != NULL);
	add_number(cells, group->first_mj, a != NULL);
	add_number(cells, group->other_mj, b != NULL);
	if (group->n_conversions)
		jm_cells_add(cells, "%.4g (%zu)", group->conversions_mj, group->n_conversions);
	else
		jm_cells_add(cells, "%s", "");
	add_ratio(&group->against, is_estimate, cells);
}

static bool is_estimate(const struct jm_comparison_data *c, size_t i)
{
	return c->variants[0].state == JM_STATE_ESTIMATED || c->variants[i].state == JM_STATE_ESTIMATED;
}

static int print_variant(const struct jm_comparison_data *c, size_t i, const struct jm_compare_view *view,
			 struct jm_buffer *out)
{
	static const char *const headings[] = {"layer",    "type", "type there", "matched by",     "ms",
					       "ms there", "mJ",   "mJ there",   "conversions mJ", "energy"};
	const struct jm_layer_groups *g = &c->layers[i - 1];
	const struct jm_layer_group **list = sorted(g);
	struct jm_cells cells = {
	    .n_columns = 10, .is_left = {true, true, true, true}, .spare = {0, 3, 4, 6, 5, 5, 0, 0, 2, 0}};
	size_t shown = view->limit && view->limit < g->n ? view->limit : g->n, k;
	int rc;

	if (!list)
		return JM_E_NOMEM;
	jm_buffer_puts(out, "\n");
	jm_compare_say(
	    view->width, out,
	    "layers of %s (there) against %s, an iteration; conversions: Quantize, Dequantize and Cast that were "
	    "inserted",
	    c->variants[i].name, c->variants[0].name);
	for (k = 0; k < sizeof(headings) / sizeof(headings[0]); k++)
		jm_cells_add(&cells, "%s", headings[k]);
	for (k = 0; k < shown; k++)
		add_row(g, list[k], is_estimate(c, i), &cells);
	free(list);
	rc = jm_cells_print(&cells, 0, view->width, view->is_colour, out);
	if (shown < g->n)
		jm_buffer_printf(out, "  ... and %zu more: --limit all shows them\n", g->n - shown);
	jm_compare_say(view->width, out,
		       "all layers: %.4g mJ against %.4g mJ, of it %.4g mJ in %zu inserted conversions",
		       g->total_other_mj, g->total_first_mj, g->total_conversions_mj, g->n_conversions);
	return rc;
}

/* Shares of time say where time goes; they cannot show that one layer draws less power than another. */
void jm_compare_explain_layers(const struct jm_comparison_data *c, int width, struct jm_buffer *out)
{
	const struct jm_trial *t = c->variants[0].trials[0];

	if (t->method == JM_METHOD_SHARE)
		jm_compare_say(width, out, "note: layers got their energy by time share: these %s",
			       c->n_variants > 1 ? "differences are differences of time, at the mean power of each run"
						 : "shares are shares of time");
	if (c->variants[0].state == JM_STATE_ESTIMATED)
		jm_compare_say(width, out, "note: energy is estimated from processor use, not measured by a sensor");
}

int jm_compare_layers_table(const struct jm_comparison_data *c, const struct jm_compare_view *view,
			    struct jm_buffer *out)
{
	size_t i;
	int rc = 0;

	jm_buffer_puts(out, "\n");
	jm_compare_explain_layers(c, view->width, out);
	for (i = 1; i < c->n_variants && rc == 0; i++)
		rc = print_variant(c, i, view, out);
	return rc;
}

void jm_compare_layers_csv(const struct jm_comparison_data *c, struct jm_buffer *out)
{
	size_t i, k;

	jm_buffer_puts(
	    out,
	    "variant,layer_first,layer,type_first,type,matched_by,n_first,n,time_first_ms,time_ms,energy_first_mj,"
	    "energy_mj,conversions_first,conversions,conversions_first_mj,conversions_mj,conversions_ms,energy_ratio,"
	    "ci_low,ci_high,p,reason\n");
	for (i = 1; i < c->n_variants; i++)
		for (k = 0; k < c->layers[i - 1].n; k++) {
			const struct jm_layer_groups *g = &c->layers[i - 1];
			const struct jm_layer_group *group = &g->items[k];
			const struct jm_layer *a = first_of(g, group), *b = other_of(g, group);

			jm_compare_text_cell(out, c->variants[i].name);
			jm_compare_text_cell(out, a ? a->name : "");
			jm_compare_text_cell(out, b ? b->name : "");
			jm_compare_text_cell(out, a ? a->type : "");
			jm_compare_text_cell(out, b ? b->type : "");
			jm_compare_text_cell(out, jm_match_text(group->match));
			jm_compare_count_cell(out, group->n_first, true);
			jm_compare_count_cell(out, group->n_other, true);
			jm_compare_cell(out, a ? group->first_ms : NAN);
			jm_compare_cell(out, b ? group->other_ms : NAN);
			jm_compare_cell(out, a ? group->first_mj : NAN);
			jm_compare_cell(out, b ? group->other_mj : NAN);
			jm_compare_count_cell(out, group->n_first_conversions, true);
			jm_compare_count_cell(out, group->n_conversions, true);
			jm_compare_cell(out, group->first_conversions_mj);
			jm_compare_cell(out, group->conversions_mj);
			jm_compare_cell(out, group->conversions_ms);
			jm_compare_cell(out, group->against.value);
			jm_compare_cell(out, group->against.ci.low);
			jm_compare_cell(out, group->against.ci.high);
			jm_compare_cell(out, group->against.p);
			jm_compare_text_cell(out, group->against.why);
			jm_compare_end_row(out);
		}
}

static void json_text(struct jm_buffer *b, const char *key, const char *value)
{
	jm_buffer_printf(b, "\"%s\":", key);
	if (value && value[0])
		jm_buffer_json_string(b, value);
	else
		jm_buffer_puts(b, "null");
	jm_buffer_puts(b, ",");
}

static void json_number(struct jm_buffer *b, const char *key, double value)
{
	jm_buffer_printf(b, "\"%s\":", key);
	jm_buffer_json_number(b, value);
	jm_buffer_puts(b, ",");
}

static void json_group(struct jm_buffer *b, const struct jm_layer_groups *g, const struct jm_layer_group *group)
{
	const struct jm_layer *x = first_of(g, group), *y = other_of(g, group);

	jm_buffer_puts(b, "{");
	json_text(b, "layer_first", x ? x->name : NULL);
	json_text(b, "layer", y ? y->name : NULL);
	json_text(b, "type_first", x ? x->type : NULL);
	json_text(b, "type", y ? y->type : NULL);
	json_text(b, "matched_by", jm_match_text(group->match));
	json_number(b, "time_first_ms", x ? group->first_ms : NAN);
	json_number(b, "time_ms", y ? group->other_ms : NAN);
	json_number(b, "energy_first_mj", x ? group->first_mj : NAN);
	json_number(b, "energy_mj", y ? group->other_mj : NAN);
	json_number(b, "conversions_first_mj", group->first_conversions_mj);
	json_number(b, "conversions_mj", group->conversions_mj);
	json_number(b, "energy_ratio", group->against.value);
	json_number(b, "ci_low", group->against.ci.low);
	json_number(b, "ci_high", group->against.ci.high);
	json_text(b, "reason", group->against.why);
	jm_buffer_printf(b, "\"n_first\":%zu,\"n\":%zu,\"conversions\":%zu}", group->n_first, group->n_other,
			 group->n_conversions);
}

void jm_compare_layers_json(const struct jm_comparison_data *c, struct jm_buffer *out)
{
	size_t i, k;

	jm_buffer_puts(out, ",\n\"layers\":[");
	for (i = 1; i < c->n_variants; i++) {
		const struct jm_layer_groups *g = &c->layers[i - 1];

		jm_buffer_puts(out, i > 1 ? ",\n{\"variant\":" : "\n{\"variant\":");
		jm_buffer_json_string(out, c->variants[i].name);
		jm_buffer_puts(out, ",");
		json_number(out, "total_first_mj", g->total_first_mj);
		json_number(out, "total_mj", g->total_other_mj);
		json_number(out, "conversions_mj", g->total_conversions_mj);
		jm_buffer_printf(out, "\"conversions\":%zu,\"groups\":[", g->n_conversions);
		for (k = 0; k < g->n; k++) {
			jm_buffer_puts(out, k ? ",\n" : "\n");
			json_group(out, g, &g->items[k]);
		}
		jm_buffer_puts(out, "]}");
	}
	jm_buffer_puts(out, "]");
}
