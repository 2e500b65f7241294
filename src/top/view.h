/* The model as lines of text, no wider and no more than the terminal has. */
#ifndef TOP_VIEW_H
#define TOP_VIEW_H

#include "top/model.h"

enum jm_top_style { JM_TOP_PLAIN, JM_TOP_TITLE, JM_TOP_HEAD, JM_TOP_DIM, JM_TOP_WARNING, JM_TOP_BAR };

struct jm_top_line {
	char *text; /* neutralised UTF-8, or ASCII */
	enum jm_top_style style;
};

struct jm_top_lines {
	struct jm_top_line *items;
	size_t n, capacity;
	size_t n_rows; /* of them processes: what a page is */
	bool is_failed;
};

/* rows, columns: of the terminal; 0: unlimited. is_utf8: else no character beyond ASCII is used. has_keys: with a line that tells
 * of them. n_processes: at most so many; 0: as many as fit. */
struct jm_top_size {
	int rows, columns;
	bool is_utf8, has_keys;
	size_t n_processes;
};

/* Writes the model into out, which is emptied before. Errors: JM_E_NOMEM. */
int jm_top_view(const struct jm_top *top, const struct jm_top_size *size, struct jm_top_lines *out);
void jm_top_lines_finish(struct jm_top_lines *lines);

/* Draws the last values as a line of blocks, from 0 to the largest of them, one a column; unknown ones are blank. out: at least
 * 3 * columns + 1 bytes. */
void jm_top_spark(const double *values, size_t n, size_t columns, bool is_utf8, char *out);

#endif
