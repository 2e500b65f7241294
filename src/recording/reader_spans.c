/* Spans out of a recording. */
#include "recording/reader.h"

#include "core/grow.h"
#include "recording/schema.h"

#include <stdlib.h>

/* Outer spans first. */
static int compare_spans(const void *a, const void *b)
{
	const struct jm_span *x = a, *y = b;

	if (x->start_ns != y->start_ns)
		return x->start_ns > y->start_ns ? 1 : -1;
	return (x->end_ns < y->end_ns) - (x->end_ns > y->end_ns);
}

static bool read_span(struct jm_rows *rows, int64_t origin_ns, struct jm_span *out)
{
	int64_t duration = jm_rows_i64(rows, 1, 0, JM_READER_TIME_MAX);

	out->start_ns = jm_rows_time(rows, 0, origin_ns);
	out->kind = (uint8_t)jm_rows_i64(rows, 2, 0, JM_SPAN_REQUEST);
	out->name = (uint32_t)jm_rows_i64(rows, 3, 0, UINT32_MAX);
	out->track = (uint32_t)jm_rows_i64(rows, 4, 0, UINT32_MAX);
	out->iteration = (uint32_t)jm_rows_i64_or(rows, 5, 0, UINT32_MAX, JM_NO_ITERATION);
	out->flags = (uint8_t)jm_rows_i64(rows, 6, 0, UINT8_MAX);
	out->device = 0;
	if (out->name >= rows->r->names.n)
		return jm_rows_bad(rows, "a span has a name that is not there");
	out->end_ns = out->start_ns + duration;
	if (out->end_ns > JM_READER_TIME_MAX)
		return jm_rows_bad(rows, "a time is out of range");
	return rows->rc == 0;
}

static int load_spans(struct jm_recording *r, uint32_t kind_mask, struct jm_span **out, size_t *n_out,
		      struct jm_error *err)
{
	struct jm_span *spans = NULL;
	size_t n = 0, capacity = 0;
	struct jm_rows rows;
	int64_t origin_ns;
	int rc = jm_reader_load_origin(r, JM_META_TIME_ORIGIN, &origin_ns, err);

	if (rc == 0)
		rc = jm_reader_load_names(r, err);
	if (rc)
		return rc;
	jm_rows_begin(&rows, r, "span",
		      "SELECT start, duration_ns, kind, name, track, iteration, flags FROM span"
		      " WHERE (?1 >> kind) & 1",
		      err);
	if (rows.rc == 0)
		sqlite3_bind_int64(rows.statement, 1, kind_mask);
	while (jm_rows_next(&rows)) {
		if (!jm_grow(&spans, &capacity, n, sizeof(*spans))) {
			rows.rc = jm_error_set(err, JM_E_NOMEM, "out of memory reading spans of %s", r->path);
			break;
		}
		if (!read_span(&rows, origin_ns, &spans[n]))
			break;
		n++;
	}
	rc = jm_rows_end(&rows);
	if (rc == 0)
		rc = jm_recording_sort(spans, n, sizeof(*spans), compare_spans);
	if (rc) {
		free(spans);
		return rc == JM_E_NOMEM ? jm_error_set(err, rc, "out of memory reading spans of %s", r->path) : rc;
	}
	*out = spans;
	*n_out = n;
	return 0;
}

static int read_spans(struct jm_recording *r, uint32_t kind_mask, struct jm_span **out, size_t *n_out,
		      struct jm_error *err)
{
	int rc;

	jm_reader_update_size(r);
	rc = jm_reader_begin(r, err);
	if (rc)
		return rc;
	rc = load_spans(r, kind_mask, out, n_out, err);
	jm_reader_end(r);
	return rc;
}

int jm_recording_hold_spans(struct jm_recording *r, struct jm_error *err)
{
	int rc = r->held ? 0 : read_spans(r, UINT32_MAX, &r->held, &r->n_held, err);

	/* None at all is held, too. */
	if (rc == 0 && !r->held && !(r->held = malloc(sizeof(*r->held))))
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory reading spans of %s", r->path);
	return rc;
}

const struct jm_span *jm_recording_held_spans(const struct jm_recording *r, size_t *n_out)
{
	*n_out = r->n_held;
	return r->held;
}

void jm_recording_release_spans(struct jm_recording *r)
{
	free(r->held);
	r->held = NULL;
	r->n_held = 0;
}

static bool is_of(const struct jm_span *span, uint32_t kind_mask)
{
	return kind_mask >> span->kind & 1;
}

static int copy_held(const struct jm_recording *r, uint32_t kind_mask, struct jm_span **out, size_t *n_out,
		     struct jm_error *err)
{
	struct jm_span *spans;
	size_t n = 0, i;

	for (i = 0; i < r->n_held; i++)
		n += is_of(&r->held[i], kind_mask);
	spans = malloc((n + 1) * sizeof(*spans));
	if (!spans)
		return jm_error_set(err, JM_E_NOMEM, "out of memory reading spans of %s", r->path);
	for (i = n = 0; i < r->n_held; i++)
		if (is_of(&r->held[i], kind_mask))
			spans[n++] = r->held[i];
	*out = spans;
	*n_out = n;
	return 0;
}

int jm_recording_spans(struct jm_recording *r, uint32_t kind_mask, struct jm_span **out, size_t *n_out,
		       struct jm_error *err)
{
	return r->held ? copy_held(r, kind_mask, out, n_out, err) : read_spans(r, kind_mask, out, n_out, err);
}

static int each_span(struct jm_recording *r, int (*take)(void *ctx, const struct jm_span *span), void *ctx,
		     struct jm_error *err)
{
	struct jm_rows rows;
	struct jm_span span;
	int64_t origin_ns;
	int rc = jm_reader_load_origin(r, JM_META_TIME_ORIGIN, &origin_ns, err), taken = 0;

	if (rc == 0)
		rc = jm_reader_load_names(r, err);
	if (rc)
		return rc;
	jm_rows_begin(&rows, r, "span",
		      "SELECT start, duration_ns, kind, name, track, iteration, flags FROM span"
		      " ORDER BY track, start, duration_ns DESC",
		      err);
	while (taken == 0 && jm_rows_next(&rows) && read_span(&rows, origin_ns, &span))
		taken = take(ctx, &span);
	rc = jm_rows_end(&rows);
	return rc ? rc : taken;
}

int jm_recording_each_span(struct jm_recording *r, int (*take)(void *ctx, const struct jm_span *span), void *ctx,
			   struct jm_error *err)
{
	int rc;

	jm_reader_update_size(r);
	rc = jm_reader_begin(r, err);
	if (rc)
		return rc;
	rc = each_span(r, take, ctx, err);
	jm_reader_end(r);
	return rc;
}
