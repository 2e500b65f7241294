/* A table of text cells whose columns are as wide as their widest cell, and which fits the terminal. */
#ifndef REPORT_CELLS_H
#define REPORT_CELLS_H

#include "core/text.h"

#define JM_CELLS_COLUMNS_MAX 16

struct jm_cells {
	size_t n_columns;
	bool is_left[JM_CELLS_COLUMNS_MAX]; /* else right-aligned */
	/* What goes where the terminal is too narrow: the highest first. 0: never. */
	unsigned char spare[JM_CELLS_COLUMNS_MAX];
	bool is_quiet; /* does not say what was left out */
	char **texts; /* row by row */
	size_t n, capacity;
	bool is_failed;
};

/* Adds one cell; rows follow each other. */
void jm_cells_add(struct jm_cells *cells, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends the table, its first row bold where is_colour. width: of the terminal. Where it is too narrow column shrink is cut in
 * its middle, then columns are left out (see spare) and named in a line below; 0: column shrink is cut beyond 96 columns.
 * Frees the cells. Errors: JM_E_NOMEM. */
int jm_cells_print(struct jm_cells *cells, size_t shrink, int width, bool is_colour, struct jm_buffer *out);

#endif
