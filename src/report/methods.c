#include "report/methods.h"

#include "core/display.h"
#include "core/error.h"
#include "report/cells.h"
#include "report/figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL 96

static const struct jm_row *find_row(const struct jm_result *r, const struct jm_row *like)
{
	size_t i;

	for (i = 0; i < r->n_layers; i++) {
		const struct jm_row *row = &r->layers[i];

		if (row->channel == like->channel && strcmp(row->name, like->name) == 0 &&
		    strcmp(row->type, like->type) == 0)
			return row;
	}
	return NULL;
}

/* Below this width there is no room for intervals of four methods. */
#define BOUNDS_WIDTH 120

static bool has_room(const struct jm_view *view)
{
	return view->width <= 0 || view->width >= BOUNDS_WIDTH;
}

/* "5.148 [4.9, 5.3]": mJ of an iteration as reports have it, or of an execution where there are none. */
static void figure(const struct jm_method_column *c, const struct jm_row *row, bool with_bounds, char *out, size_t size)
{
	char bounds[64] = "", energy[32];
	double scale;

	if (!row || !row->resolvable || !isfinite(row->energy_j)) {
		snprintf(out, size, "%s", row && row->origin == JM_ORIGIN_MERGED ? "in a group" : "-");
		return;
	}
	scale = jm_report_per_unit(row, c->result->run.iterations > 0);
	jm_report_four_digits(row->energy_j * scale, energy, sizeof(energy));
	if (with_bounds && isfinite(row->energy_ci_j.low) && isfinite(row->energy_ci_j.high))
		snprintf(bounds, sizeof(bounds), " [%.3g, %.3g]", row->energy_ci_j.low * scale,
			 row->energy_ci_j.high * scale);
	snprintf(out, size, "%s%s%s%s%s", energy, bounds, row->method != c->asked ? " (" : "",
		 row->method != c->asked ? jm_method_text(row->method) : "", row->method != c->asked ? ")" : "");
}

static int compare_energy(const void *a, const void *b)
{
	const struct jm_row *x = *(const struct jm_row *const *)a, *y = *(const struct jm_row *const *)b;
	double ex = isfinite(x->energy_j) ? x->energy_j : -1, ey = isfinite(y->energy_j) ? y->energy_j : -1;

	return (ex < ey) - (ex > ey);
}

static int print_channel(const struct jm_method_column *columns, size_t n_columns, const struct jm_row **rows, size_t n,
			 const struct jm_view *view, struct jm_buffer *out)
{
	size_t shown = view->limit && view->limit < n ? view->limit : n, i, c;
	const char *unit = columns[0].result->run.iterations ? "mJ/iteration" : "mJ each";
	struct jm_cells cells = {.n_columns = 3 + n_columns, .is_left = {true, true}, .spare = {0, 2, 1}};
	int channel = rows[0]->channel, rc;

	if (channel >= 0) {
		jm_buffer_puts(out, "\n");
		jm_report_heading(out, view->is_colour, "on %s, %s%s",
				  columns[0].result->channels[channel].channel->name, unit,
				  has_room(view) ? " with 95 % interval" : "");
	}
	jm_cells_add(&cells, "name");
	jm_cells_add(&cells, "type");
	jm_cells_add(&cells, "ms each");
	for (c = 0; c < n_columns; c++)
		jm_cells_add(&cells, "%s", jm_method_text(columns[c].asked));
	for (i = 0; i < shown; i++) {
		jm_cells_add(&cells, "%s", rows[i]->name);
		jm_cells_add(&cells, "%s", rows[i]->type);
		jm_cells_add(&cells, "%.4g", rows[i]->latency_ms);
		for (c = 0; c < n_columns; c++) {
			char text[CELL];

			figure(&columns[c], find_row(columns[c].result, rows[i]), has_room(view), text, sizeof(text));
			jm_cells_add(&cells, "%s", text);
		}
	}
	rc = jm_cells_print(&cells, 0, view->width, view->is_colour, out);
	if (shown < n)
		jm_display_line(out, "  ... and %zu more: --limit all shows them", n - shown);
	return rc;
}

static const struct jm_result *result_of(const struct jm_method_column *columns, size_t n_columns,
					 enum jm_method method)
{
	size_t c;

	for (c = 0; c < n_columns; c++)
		if (columns[c].asked == method)
			return columns[c].result;
	return NULL;
}

/* Layers of one type that have a figure alone and in place, added up. Errors are taken as shared: half widths add up. */
struct context {
	const char *type;
	int channel;
	double time_s, alone_j, alone_half_j, in_place_j, in_place_half_j;
};

static void add_to_context(struct context *c, const struct jm_row *alone, const struct jm_row *in_place)
{
	c->time_s += alone->time_s;
	c->alone_j += alone->energy_j;
	c->alone_half_j += (alone->energy_ci_j.high - alone->energy_ci_j.low) / 2;
	c->in_place_j += in_place->energy_j;
	c->in_place_half_j += (in_place->energy_ci_j.high - in_place->energy_ci_j.low) / 2;
}

static bool is_comparable(const struct jm_row *alone, const struct jm_row *in_place)
{
	return in_place && alone->method == JM_METHOD_ISOLATE && in_place->method == JM_METHOD_FUSED &&
	       alone->energy_j > 0 && in_place->energy_j > 0 && alone->resolvable && in_place->resolvable;
}

/* Fills contexts (room for one a layer); gives how many. */
static size_t collect_contexts(const struct jm_result *alone, const struct jm_result *fused, struct context *contexts)
{
	size_t i, k, n = 0;

	for (i = 0; i < alone->n_layers; i++) {
		const struct jm_row *a = &alone->layers[i], *f = find_row(fused, a);

		if (!is_comparable(a, f))
			continue;
		for (k = 0; k < n && (contexts[k].channel != a->channel || strcmp(contexts[k].type, a->type) != 0);)
			k++;
		if (k == n)
			contexts[n++] = (struct context){.type = a->type, .channel = a->channel};
		add_to_context(&contexts[k], a, f);
	}
	return n;
}

/* "+3.1 [-2.0, 8.2]": how much more a type draws in place than alone, in percent. */
static void add_context(const struct context *c, struct jm_cells *cells)
{
	double ratio = c->in_place_j / c->alone_j,
	       half = ratio * hypot(c->in_place_half_j / c->in_place_j, c->alone_half_j / c->alone_j);

	jm_cells_add(cells, "%s", c->type[0] ? c->type : "(no type)");
	jm_cells_add(cells, "%.4g", c->alone_j / c->time_s);
	jm_cells_add(cells, "%.4g", c->in_place_j / c->time_s);
	if (isfinite(half))
		jm_cells_add(cells, "%+.1f [%.1f, %.1f]%s", 100 * (ratio - 1), 100 * (ratio - 1 - half),
			     100 * (ratio - 1 + half), fabs(ratio - 1) > half ? " *" : "");
	else
		jm_cells_add(cells, "%+.1f", 100 * (ratio - 1));
}

static int print_context(const struct jm_method_column *columns, size_t n_columns, const struct jm_view *view,
			 struct jm_buffer *out)
{
	const struct jm_result *alone = result_of(columns, n_columns, JM_METHOD_ISOLATE),
			       *fused = result_of(columns, n_columns, JM_METHOD_FUSED);
	struct jm_cells cells = {.n_columns = 4, .is_left = {true}};
	struct context *contexts;
	size_t i, n;

	if (!alone || !fused)
		return 0;
	contexts = calloc(alone->n_layers + 1, sizeof(*contexts));
	if (!contexts)
		return JM_E_NOMEM;
	n = collect_contexts(alone, fused, contexts);
	if (n > 0) {
		jm_buffer_puts(out, "\nlayers of a type in place (fused) against alone (isolate), with 95 % interval; "
				    "*: not zero\n");
		jm_cells_add(&cells, "type");
		jm_cells_add(&cells, "alone W");
		jm_cells_add(&cells, "in place W");
		jm_cells_add(&cells, "difference %%");
	}
	for (i = 0; i < n; i++)
		add_context(&contexts[i], &cells);
	free(contexts);
	return n > 0 ? jm_cells_print(&cells, 0, view->width, view->is_colour, out) : 0;
}

/* What each method says of itself, and whether its parts and the rest make the whole. */
static void print_reasons(const struct jm_method_column *columns, size_t n_columns, int width, struct jm_buffer *out)
{
	size_t from = out->n, c, i;

	for (c = 0; c < n_columns; c++) {
		const struct jm_result *r = columns[c].result;

		jm_buffer_puts(out, "\n");
		jm_display_line(out, "%-8s  %s", jm_method_text(columns[c].asked), r->method_reason);
		for (i = 0; i < r->n_notes; i++)
			jm_display_line(out, "          %s", r->notes[i]);
		jm_display_line(out, "          cost: %.3g s of blocks and %.3g s of rests when recorded, %.2g s now",
				columns[c].blocks_s, columns[c].rests_s, columns[c].report_s);
		for (i = 0; i < r->n_closure; i++)
			jm_display_line(out,
					"          %s: %.4f J = parts %.4f + between iterations %.4f + unattributed "
					"%.4f + residual "
					"%.2g",
					r->channels[r->closure[i].channel].channel->name, r->closure[i].total_j,
					r->closure[i].parts_j, r->closure[i].idle_j, r->closure[i].unattributed_j,
					r->closure[i].residual_j);
	}
	jm_display_wrap(out, from, width, JM_DISPLAY_HANG);
}

int jm_report_methods(const struct jm_method_column *columns, size_t n_columns, const struct jm_view *view,
		      struct jm_buffer *out, struct jm_error *err)
{
	const struct jm_result *first = columns[0].result;
	const struct jm_row **rows = calloc(first->n_layers + 1, sizeof(*rows));
	int channel, rc = 0;

	if (!rows)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the table");
	for (channel = -1; channel < (int)first->n_channels && rc == 0; channel++) {
		size_t i, n = 0;

		for (i = 0; i < first->n_layers; i++)
			if (first->layers[i].channel == channel)
				rows[n++] = &first->layers[i];
		if (n == 0)
			continue;
		qsort(rows, n, sizeof(*rows), compare_energy);
		rc = print_channel(columns, n_columns, rows, n, view, out);
	}
	free(rows);
	if (rc)
		return jm_error_set(err, rc, "out of memory for the table");
	if (print_context(columns, n_columns, view, out) < 0)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the table");
	print_reasons(columns, n_columns, view->width, out);
	return 0;
}
