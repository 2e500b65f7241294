#define _GNU_SOURCE
#include "report/cells.h"

#include "core/display.h"
#include "core/grow.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Templates make kernels' names of hundreds of columns; CSV and JSON have them whole. */
#define NAME_COLUMNS_MAX 96
/* A name is cut to so many before a column is left out, and to so few in the end. */
#define NAME_COLUMNS_FEW 24
#define NAME_COLUMNS_MIN 5

void jm_cells_add(struct jm_cells *cells, const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	if (!jm_grow(&cells->texts, &cells->capacity, cells->n, sizeof(*cells->texts))) {
		cells->is_failed = true;
		return;
	}
	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		cells->is_failed = true;
	else
		cells->texts[cells->n++] = text;
}

static void pad(struct jm_buffer *out, size_t n)
{
	while (n-- > 0)
		jm_buffer_append(out, " ", 1);
}

static void print_row(const struct jm_cells *cells, size_t row, const size_t *widths, const bool *is_out,
		      struct jm_buffer *out)
{
	size_t last = cells->n_columns, i, n_before = 0;

	while (last > 0 && is_out[last - 1])
		last--;
	for (i = 0; i < last; i++) {
		const char *text = cells->texts[row * cells->n_columns + i];
		size_t n = jm_display_columns(text);

		if (is_out[i])
			continue;
		if (n_before++)
			jm_buffer_puts(out, "  ");
		if (!cells->is_left[i])
			pad(out, widths[i] - n);
		jm_buffer_puts(out, text);
		if (cells->is_left[i] && i + 1 < last)
			pad(out, widths[i] - n);
	}
}

static void measure(const struct jm_cells *cells, size_t n_rows, size_t *widths)
{
	size_t i;

	memset(widths, 0, JM_CELLS_COLUMNS_MAX * sizeof(*widths));
	for (i = 0; i < n_rows * cells->n_columns; i++) {
		size_t n = jm_display_columns(cells->texts[i]);

		if (n > widths[i % cells->n_columns])
			widths[i % cells->n_columns] = n;
	}
}

/* Columns of the table beyond those that column shrink takes at least. */
static size_t others(const struct jm_cells *cells, size_t shrink, const size_t *widths, const bool *is_out)
{
	size_t total = 0, i;

	for (i = 0; i < cells->n_columns; i++)
		total += is_out[i] || i == shrink ? 0 : widths[i] + 2;
	return total;
}

/* Gives the column to leave out next, or n_columns. */
static size_t most_spare(const struct jm_cells *cells, const bool *is_out)
{
	size_t best = cells->n_columns, i;

	for (i = 0; i < cells->n_columns; i++)
		if (cells->spare[i] && !is_out[i] &&
		    (best == cells->n_columns || cells->spare[i] >= cells->spare[best]))
			best = i;
	return best;
}

/* Cuts names and leaves out columns until the table fits, or nothing more can go. */
static void fit(struct jm_cells *cells, size_t n_rows, size_t shrink, size_t width, size_t *widths, bool *is_out)
{
	size_t name = widths[shrink] < NAME_COLUMNS_MAX ? widths[shrink] : NAME_COLUMNS_MAX, few, rest, i;

	few = name < NAME_COLUMNS_FEW ? name : NAME_COLUMNS_FEW;
	while (width && (rest = others(cells, shrink, widths, is_out)) + few > width &&
	       (i = most_spare(cells, is_out)) < cells->n_columns)
		is_out[i] = true;
	rest = others(cells, shrink, widths, is_out);
	if (width && rest + name > width)
		name = width > rest + NAME_COLUMNS_MIN ? width - rest : NAME_COLUMNS_MIN;
	for (i = 0; i < n_rows; i++)
		jm_display_cut(cells->texts[i * cells->n_columns + shrink], name);
	measure(cells, n_rows, widths);
}

/* What is not shown is said. */
static void tell_left_out(const struct jm_cells *cells, const bool *is_out, int width, struct jm_buffer *out)
{
	size_t from = out->n, i, n = 0;

	for (i = 0; i < cells->n_columns; i++)
		if (is_out[i])
			jm_display_text(out, "%s%s", n++ ? ", " : "  no room for: ", cells->texts[i]);
	if (n)
		jm_buffer_puts(out, "\n");
	jm_display_wrap(out, from, width, JM_DISPLAY_HANG);
}

int jm_cells_print(struct jm_cells *cells, size_t shrink, int width, bool is_colour, struct jm_buffer *out)
{
	size_t widths[JM_CELLS_COLUMNS_MAX];
	bool is_out[JM_CELLS_COLUMNS_MAX] = {false};
	size_t n_rows = cells->n / cells->n_columns, i;

	for (i = 0; i < cells->n; i++)
		jm_display_neutralise(cells->texts[i]);
	measure(cells, n_rows, widths);
	fit(cells, n_rows, shrink, width > 0 ? (size_t)width : 0, widths, is_out);
	for (i = 0; i < n_rows; i++) {
		jm_buffer_puts(out, is_colour && i == 0 ? "\033[1m" : "");
		print_row(cells, i, widths, is_out, out);
		jm_buffer_puts(out, is_colour && i == 0 ? "\033[0m\n" : "\n");
	}
	if (n_rows && !cells->is_quiet)
		tell_left_out(cells, is_out, width, out);
	for (i = 0; i < cells->n; i++)
		free(cells->texts[i]);
	free(cells->texts);
	cells->texts = NULL;
	cells->n = cells->capacity = 0;
	return cells->is_failed || out->is_failed ? JM_E_NOMEM : 0;
}
