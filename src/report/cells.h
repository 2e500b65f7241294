/* A table of text cells whose columns are as wide as their widest cell. */
#ifndef REPORT_CELLS_H
#define REPORT_CELLS_H

#include "core/text.h"

#define JM_CELLS_COLUMNS_MAX 16

struct jm_cells {
	size_t n_columns;
	bool is_left[JM_CELLS_COLUMNS_MAX]; /* else right-aligned */
	char **texts;                       /* row by row */
	size_t n, capacity;
	bool is_failed;
};

/* Adds one cell; rows follow each other. */
void jm_cells_add(struct jm_cells *cells, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends the table. width: where it is too wide, column shrink is cut in its middle; 0: only
 * beyond 96 columns. header: of bold first
 * row where is_colour. Frees the cells. Errors: JM_E_NOMEM. */
int jm_cells_print(struct jm_cells *cells, size_t shrink, int width, bool is_colour, struct jm_buffer *out);

#endif
