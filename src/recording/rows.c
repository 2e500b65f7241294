/* Rows of a database that may be damaged or made to harm: every type and range is checked. */
#include "recording/reader.h"

#include "recording/schema.h"

#include <stdlib.h>
#include <string.h>

void jm_rows_begin(struct jm_rows *rows, struct jm_recording *r, const char *table, const char *sql,
		   struct jm_error *err)
{
	int rc = sqlite3_prepare_v2(r->db, sql, -1, &rows->statement, NULL);

	rows->r = r;
	rows->table = table;
	rows->n = 0;
	rows->n_max = r->size_bytes / JM_ROW_BYTES_MIN;
	rows->err = err;
	rows->rc = 0;
	if (rc != SQLITE_OK) {
		/* The statement is ours: what makes it wrong is a table or column that is not there. */
		rows->rc = jm_schema_error(r->db, sqlite3_extended_errcode(r->db), NULL, "");
		jm_error_set(err, rows->rc, "%s is damaged: table %s: %s", r->path, table, sqlite3_errmsg(r->db));
	}
}

bool jm_rows_next(struct jm_rows *rows)
{
	char what[300];
	int rc;

	if (rows->rc)
		return false;
	rc = sqlite3_step(rows->statement);
	if (rc == SQLITE_DONE)
		return false;
	if (rc != SQLITE_ROW) {
		rc = sqlite3_extended_errcode(rows->r->db);
		sqlite3_snprintf(sizeof(what), what, "cannot read table %s of %.200s", rows->table, rows->r->path);
		rows->rc = jm_schema_error(rows->r->db, rc, rows->err, what);
		if (rows->rc == JM_E_FORMAT)
			jm_error_remedy(rows->err, "what is left can be had with: sqlite3 %.200s .recover",
					rows->r->path);
		return false;
	}
	/* Pages of a damaged file can refer to each other in circles. */
	if (rows->n++ >= rows->n_max)
		return jm_rows_bad(rows, "has more rows than the file has room for");
	return true;
}

int jm_rows_end(struct jm_rows *rows)
{
	sqlite3_finalize(rows->statement);
	rows->statement = NULL;
	return rows->rc;
}

bool jm_rows_bad(struct jm_rows *rows, const char *what)
{
	if (rows->rc == 0)
		rows->rc = jm_error_set(rows->err, JM_E_FORMAT, "%s is damaged: table %s, row %lld: %s", rows->r->path,
					rows->table, (long long)rows->n, what);
	return false;
}

int64_t jm_rows_i64(struct jm_rows *rows, int column, int64_t low, int64_t high)
{
	int64_t value;

	if (sqlite3_column_type(rows->statement, column) != SQLITE_INTEGER) {
		jm_rows_bad(rows, "an integer is missing");
		return low;
	}
	value = sqlite3_column_int64(rows->statement, column);
	if (value >= low && value <= high)
		return value;
	jm_rows_bad(rows, "a number is out of range");
	return low;
}

int64_t jm_rows_time(struct jm_rows *rows, int column, int64_t origin_ns)
{
	int64_t t_ns = 0;

	if (__builtin_add_overflow(jm_rows_i64(rows, column, INT64_MIN, INT64_MAX), origin_ns, &t_ns) ||
	    t_ns < -JM_READER_TIME_MAX || t_ns > JM_READER_TIME_MAX) {
		jm_rows_bad(rows, "a time is out of range");
		return 0;
	}
	return t_ns;
}

int64_t jm_rows_i64_or(struct jm_rows *rows, int column, int64_t low, int64_t high, int64_t missing)
{
	if (sqlite3_column_type(rows->statement, column) == SQLITE_NULL)
		return missing;
	return jm_rows_i64(rows, column, low, high);
}

void jm_rows_text(struct jm_rows *rows, int column, char *out, size_t size)
{
	const char *text;
	size_t n;

	out[0] = '\0';
	if (sqlite3_column_type(rows->statement, column) != SQLITE_TEXT) {
		jm_rows_bad(rows, "a text is missing");
		return;
	}
	text = (const char *)sqlite3_column_text(rows->statement, column);
	n = (size_t)sqlite3_column_bytes(rows->statement, column);
	if (!text || n >= size || memchr(text, 0, n)) {
		jm_rows_bad(rows, "a text is too long or holds a zero byte");
		return;
	}
	memcpy(out, text, n);
	out[n] = '\0';
}

char *jm_rows_text_dup(struct jm_rows *rows, int column)
{
	/* The type is asked for first: reading as text converts. */
	bool is_text = sqlite3_column_type(rows->statement, column) == SQLITE_TEXT;
	const char *text = is_text ? (const char *)sqlite3_column_text(rows->statement, column) : NULL;
	size_t n = text ? (size_t)sqlite3_column_bytes(rows->statement, column) : 0;
	char *copy;

	if (!text || memchr(text, 0, n)) {
		jm_rows_bad(rows, "a text is missing or holds a zero byte");
		return NULL;
	}
	copy = malloc(n + 1);
	if (!copy) {
		rows->rc = jm_error_set(rows->err, JM_E_NOMEM, "out of memory reading %s", rows->r->path);
		return NULL;
	}
	memcpy(copy, text, n + 1);
	return copy;
}

/* Merges the sorted [from, middle) and [middle, to) of in to out. */
static void merge(const char *in, char *out, size_t from, size_t middle, size_t to, size_t size,
		  int (*compare)(const void *, const void *))
{
	size_t a = from, b = middle, o = from;

	/* In order already: as the spans of an importer often are. */
	if (middle >= to || compare(in + (middle - 1) * size, in + middle * size) <= 0) {
		memcpy(out + from * size, in + from * size, (to - from) * size);
		return;
	}
	while (a < middle && b < to) {
		size_t next = compare(in + a * size, in + b * size) <= 0 ? a++ : b++;

		memcpy(out + o++ * size, in + next * size, size);
	}
	memcpy(out + o * size, in + a * size, (middle - a) * size);
	o += middle - a;
	memcpy(out + o * size, in + b * size, (to - b) * size);
}

static bool is_sorted(const char *items, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	size_t i;

	for (i = 1; i < n; i++)
		if (compare(items + (i - 1) * size, items + i * size) > 0)
			return false;
	return true;
}

int jm_recording_sort(void *items, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	char *in = items, *copy, *out;
	size_t width, from;

	if (is_sorted(items, n, size, compare))
		return 0;
	copy = malloc(n * size);
	if (!copy)
		return JM_E_NOMEM;
	out = copy;
	for (width = 1; width < n; width *= 2) {
		char *swap = in;

		for (from = 0; from < n; from += 2 * width) {
			size_t middle = n - from > width ? from + width : n;
			size_t to = n - from > 2 * width ? from + 2 * width : n;

			merge(in, out, from, middle, to, size, compare);
		}
		in = out;
		out = swap;
	}
	if (in != items)
		memcpy(items, in, n * size);
	free(copy);
	return 0;
}
