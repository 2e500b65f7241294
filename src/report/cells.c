#define _GNU_SOURCE
#include "report/cells.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Templates make kernels' names of hundreds of columns; CSV and JSON have them whole. */
#define NAME_COLUMNS_MAX 96

void jm_cells_add(struct jm_cells *cells, const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	if (cells->n == cells->capacity) {
		size_t capacity = cells->capacity ? cells->capacity * 2 : 128;
		char **texts = realloc(cells->texts, capacity * sizeof(*texts));

		if (!texts) {
			cells->is_failed = true;
			return;
		}
		cells->texts = texts;
		cells->capacity = capacity;
	}
	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		cells->is_failed = true;
	else
		cells->texts[cells->n++] = text;
}

/* Columns on a terminal: bytes that do not continue a UTF-8 sequence. */
static size_t columns(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* Control characters (a layer may be called anything) would move the cursor. */
static void sanitise(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

static size_t byte_at(const char *text, size_t column)
{
	size_t i;

	for (i = 0; text[i]; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80 && column-- == 0)
			break;
	return i;
}

/* Cuts text to n columns, from its middle: both ends of a layer's name tell it from others. */
static void cut(char *text, size_t n)
{
	size_t have = columns(text), head, from;

	if (have <= n || n < 5)
		return;
	head = byte_at(text, (n - 2) / 2);
	from = byte_at(text, have - (n - 2 - (n - 2) / 2));
	memcpy(text + head, "..", 2);
	memmove(text + head + 2, text + from, strlen(text + from) + 1);
}

static void pad(struct jm_buffer *out, size_t n)
{
	while (n-- > 0)
		jm_buffer_append(out, " ", 1);
}

static void print_row(const struct jm_cells *cells, size_t row, const size_t *widths, struct jm_buffer *out)
{
	size_t i;

	for (i = 0; i < cells->n_columns; i++) {
		const char *text = cells->texts[row * cells->n_columns + i];
		size_t n = columns(text);

		if (i)
			jm_buffer_puts(out, "  ");
		if (!cells->is_left[i])
			pad(out, widths[i] - n);
		jm_buffer_puts(out, text);
		if (cells->is_left[i] && i + 1 < cells->n_columns)
			pad(out, widths[i] - n);
	}
}

static void measure(const struct jm_cells *cells, size_t n_rows, size_t *widths)
{
	size_t i;

	memset(widths, 0, JM_CELLS_COLUMNS_MAX * sizeof(*widths));
	for (i = 0; i < n_rows * cells->n_columns; i++) {
		size_t n = columns(cells->texts[i]);

		if (n > widths[i % cells->n_columns])
			widths[i % cells->n_columns] = n;
	}
}

static void shrink_column(struct jm_cells *cells, size_t n_rows, size_t shrink, int width, size_t *widths)
{
	size_t total = 2 * (cells->n_columns - 1), most = width > 0 ? (size_t)width : SIZE_MAX, i;

	if (widths[shrink] > NAME_COLUMNS_MAX)
		widths[shrink] = NAME_COLUMNS_MAX;
	for (i = 0; i < cells->n_columns; i++)
		total += widths[i];
	if (total > most)
		widths[shrink] = widths[shrink] > total - most + 12 ? widths[shrink] - (total - most) : 12;
	for (i = 0; i < n_rows; i++)
		cut(cells->texts[i * cells->n_columns + shrink], widths[shrink]);
	measure(cells, n_rows, widths);
}

int jm_cells_print(struct jm_cells *cells, size_t shrink, int width, bool is_colour, struct jm_buffer *out)
{
	size_t widths[JM_CELLS_COLUMNS_MAX];
	size_t n_rows = cells->n / cells->n_columns, i;

	for (i = 0; i < cells->n; i++)
		sanitise(cells->texts[i]);
	measure(cells, n_rows, widths);
	shrink_column(cells, n_rows, shrink, width, widths);
	for (i = 0; i < n_rows; i++) {
		jm_buffer_puts(out, is_colour && i == 0 ? "\033[1m" : "");
		print_row(cells, i, widths, out);
		jm_buffer_puts(out, is_colour && i == 0 ? "\033[0m\n" : "\n");
	}
	for (i = 0; i < cells->n; i++)
		free(cells->texts[i]);
	free(cells->texts);
	cells->texts = NULL;
	cells->n = cells->capacity = 0;
	return cells->is_failed || out->is_failed ? JM_E_NOMEM : 0;
}
