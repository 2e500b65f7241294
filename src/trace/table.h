/* Rows of comma-separated text in memory, RFC 4180: quoted fields may hold commas, doubled quotes and line breaks. */
#ifndef TRACE_TABLE_H
#define TRACE_TABLE_H

#include "trace/trace.h"

#define JM_TABLE_FIELDS 64

struct jm_field {
	const char *text; /* not terminated, without quotes and surrounding blanks; lives until the next row */
	size_t n;
};

struct jm_table {
	const char *at, *end;
	uint64_t line; /* of the row, from 1; next_line: behind it */
	uint64_t next_line;
	struct jm_field fields[JM_TABLE_FIELDS];
	size_t n_fields;
	char *scratch; /* quoted fields, unquoted */
	size_t scratch_n;
};

/* text: n bytes, borrowed until finish. */
void jm_table_init(struct jm_table *t, const char *text, size_t n);
void jm_table_finish(struct jm_table *t);
/* Goes to the next row that is not empty; 1: there is one, 0: the end. Errors: JM_E_FORMAT (a quotation mark that is not
 * closed, or more than JM_TABLE_FIELDS fields; line says where), JM_E_NOMEM. */
int jm_table_next(struct jm_table *t);
/* Says whether the row in hand is the last one and lacks the end of its line, so that a number in it may be cut off; warns
 * that it is left out. */
bool jm_table_is_cut(const struct jm_table *t, const struct jm_trace_input *in, struct jm_trace_output *out);
bool jm_field_is(const struct jm_field *f, const char *text);

#endif
