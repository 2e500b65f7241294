#include "report/methods.h"

#include "core/error.h"
#include "report/cells.h"

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

/* "5.148 [4.9, 5.3]": mJ an iteration, or J where there are none. */
static void figure(const struct jm_method_column *c, const struct jm_row *row, char *out, size_t size)
{
	uint64_t n = c->result->run.iterations;
	double scale = n ? 1e3 / (double)n : 1;
	size_t used;

	if (!row || !row->resolvable || !isfinite(row->energy_j)) {
		snprintf(out, size, "%s", row && row->origin == JM_ORIGIN_MERGED ? "in a group" : "-");
		return;
	}
	used = (size_t)snprintf(out, size, "%.4g", row->energy_j * scale);
	if (isfinite(row->energy_ci_j.low) && isfinite(row->energy_ci_j.high) && used < size)
		used += (size_t)snprintf(out + used, size - used, " [%.3g, %.3g]", row->energy_ci_j.low * scale,
					 row->energy_ci_j.high * scale);
	if (row->method != c->asked && used < size)
		snprintf(out + used, size - used, " (%s)", jm_method_text(row->method));
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
	const char *unit = columns[0].result->run.iterations ? "mJ/iteration" : "J";
	struct jm_cells cells = {.n_columns = 3 + n_columns, .is_left = {true, true}};
	int channel = rows[0]->channel, rc;

	if (channel >= 0)
		jm_buffer_printf(out, "\non %s, %s with 95 %% interval\n",
				 columns[0].result->channels[channel].channel->name, unit);
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

			figure(&columns[c], find_row(columns[c].result, rows[i]), text, sizeof(text));
			jm_cells_add(&cells, "%s", text);
		}
	}
	rc = jm_cells_print(&cells, 0, view->width, view->is_colour, out);
	if (shown < n)
		jm_buffer_printf(out, "  ... and %zu more: --limit all shows them\n", n - shown);
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

/* Half width of a row's interval against its energy; NAN: none. */
static double half_fraction(const struct jm_row *row)
{
	return (row->energy_ci_j.high - row->energy_ci_j.low) / 2 / row->energy_j;
}

/* "+3.1 [-2.0, 8.2]": how much more a type draws in place than alone, in percent. */
static void add_context(const struct jm_row *in_place, const struct jm_row *alone, struct jm_cells *cells)
{
	double ratio = in_place->energy_j / alone->energy_j,
	       half = ratio * hypot(half_fraction(in_place), half_fraction(alone));

	jm_cells_add(cells, "%s", in_place->name[0] ? in_place->name : "(no type)");
	jm_cells_add(cells, "%.4g", alone->mean_power_w);
	jm_cells_add(cells, "%.4g", in_place->mean_power_w);
	if (isfinite(half))
		jm_cells_add(cells, "%+.1f [%.1f, %.1f]%s", 100 * (ratio - 1), 100 * (ratio - 1 - half),
			     100 * (ratio - 1 + half), fabs(ratio - 1) > half ? " *" : "");
	else
		jm_cells_add(cells, "%+.1f", 100 * (ratio - 1));
}

static bool has_context(const struct jm_row *in_place, const struct jm_row *alone)
{
	return alone->method == JM_METHOD_ISOLATE && in_place->method == JM_METHOD_FUSED &&
	       alone->channel == in_place->channel && alone->energy_j > 0 && in_place->energy_j > 0 &&
	       alone->resolvable && in_place->resolvable;
}

static int print_context(const struct jm_method_column *columns, size_t n_columns, const struct jm_view *view,
			 struct jm_buffer *out)
{
	const struct jm_result *alone = result_of(columns, n_columns, JM_METHOD_ISOLATE),
			       *fused = result_of(columns, n_columns, JM_METHOD_FUSED);
	struct jm_cells cells = {.n_columns = 4, .is_left = {true}};
	size_t i, n = 0;

	if (!alone || !fused || alone->n_types != fused->n_types)
		return 0;
	for (i = 0; i < fused->n_types; i++)
		n += has_context(&fused->types[i], &alone->types[i]);
	if (n == 0)
		return 0;
	jm_buffer_puts(out,
		       "\nlayers of a type in place (fused) against alone (isolate), 95 % interval; *: beyond it\n");
	jm_cells_add(&cells, "type");
	jm_cells_add(&cells, "alone W");
	jm_cells_add(&cells, "in place W");
	jm_cells_add(&cells, "difference %%");
	for (i = 0; i < fused->n_types; i++)
		if (has_context(&fused->types[i], &alone->types[i]))
			add_context(&fused->types[i], &alone->types[i], &cells);
	return jm_cells_print(&cells, 0, view->width, view->is_colour, out);
}

/* What each method says of itself, and whether its parts and the rest make the whole. */
static void print_reasons(const struct jm_method_column *columns, size_t n_columns, struct jm_buffer *out)
{
	size_t c, i;

	for (c = 0; c < n_columns; c++) {
		const struct jm_result *r = columns[c].result;

		jm_buffer_printf(out, "\n%-8s  %s\n", jm_method_text(columns[c].asked), r->method_reason);
		for (i = 0; i < r->n_notes; i++)
			jm_buffer_printf(out, "          %s\n", r->notes[i]);
		jm_buffer_printf(out,
				 "          cost: %.3g s of blocks and %.3g s of rests when recorded, %.2g s now\n",
				 columns[c].blocks_s, columns[c].rests_s, columns[c].report_s);
		for (i = 0; i < r->n_closure; i++)
			jm_buffer_printf(
			    out, "          %s: %.4f J = parts %.4f + idle %.4f + unattributed %.4f + residual %.2g\n",
			    r->channels[r->closure[i].channel].channel->name, r->closure[i].total_j,
			    r->closure[i].parts_j, r->closure[i].idle_j, r->closure[i].unattributed_j,
			    r->closure[i].residual_j);
	}
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
	print_reasons(columns, n_columns, out);
	return 0;
}
