#include "trace/table.h"

#include "trace/emit.h"

#include <stdlib.h>
#include <string.h>

void jm_table_init(struct jm_table *t, const char *text, size_t n)
{
	memset(t, 0, sizeof(*t));
	t->at = text;
	t->end = text + n;
	t->next_line = 1;
}

void jm_table_finish(struct jm_table *t)
{
	free(t->scratch);
	t->scratch = NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void set_field(struct jm_field *f, const char *from, const char *to)
{
	while (from < to && is_blank(*from))
		from++;
	while (to > from && is_blank(to[-1]))
		to--;
	f->text = from;
	f->n = (size_t)(to - from);
}

static int split(struct jm_table *t, const char *stop)
{
	const char *comma;

	while ((comma = memchr(t->at, ',', (size_t)(stop - t->at)))) {
		if (t->n_fields == JM_TABLE_FIELDS - 1)
			return JM_E_FORMAT;
		set_field(&t->fields[t->n_fields++], t->at, comma);
		t->at = comma + 1;
	}
	set_field(&t->fields[t->n_fields++], t->at, stop);
	t->at = stop < t->end ? stop + 1 : stop;
	t->next_line++;
	return 1;
}

/* One quoted field; at is behind its opening mark and ends behind the closing one. */
static int unquote(struct jm_table *t, struct jm_field *f)
{
	char *out = t->scratch + t->scratch_n;

	f->text = out;
	while (t->at < t->end) {
		if (*t->at == '"') {
			t->at++;
			if (t->at == t->end || *t->at != '"') {
				f->n = (size_t)(out - f->text);
				t->scratch_n += f->n;
				return 0;
			}
		}
		t->next_line += *t->at == '\n';
		*out++ = *t->at++;
	}
	return JM_E_FORMAT;
}

static int split_quoted(struct jm_table *t)
{
	t->scratch_n = 0;
	if (!t->scratch && !(t->scratch = malloc((size_t)(t->end - t->at) + 1)))
		return JM_E_NOMEM;
	for (;;) {
		struct jm_field *f = &t->fields[t->n_fields];
		const char *from;

		if (t->n_fields == JM_TABLE_FIELDS)
			return JM_E_FORMAT;
		while (t->at < t->end && is_blank(*t->at))
			t->at++;
		from = t->at;
		if (t->at < t->end && *t->at == '"') {
			t->at++;
			if (unquote(t, f))
				return JM_E_FORMAT;
			from = NULL;
		}
		while (t->at < t->end && *t->at != ',' && *t->at != '\n') {
			if (!from && !is_blank(*t->at))
				return JM_E_FORMAT;
			t->at++;
		}
		if (from)
			set_field(f, from, t->at);
		t->n_fields++;
		if (t->at == t->end || *t->at++ == '\n')
			break;
	}
	t->next_line++;
	return 1;
}

int jm_table_next(struct jm_table *t)
{
	while (t->at < t->end) {
		const char *stop = memchr(t->at, '\n', (size_t)(t->end - t->at));
		int rc;

		if (!stop)
			stop = t->end;
		t->line = t->next_line;
		t->n_fields = 0;
		rc = memchr(t->at, '"', (size_t)(stop - t->at)) ? split_quoted(t) : split(t, stop);
		if (rc < 0 || t->n_fields > 1 || t->fields[0].n > 0)
			return rc;
	}
	return 0;
}

bool jm_table_is_cut(const struct jm_table *t, const struct jm_trace_input *in, struct jm_trace_output *out)
{
	if (t->at < t->end || t->end[-1] == '\n')
		return false;
	jm_trace_warn(out, "%s:%llu: the last line has no end and was left out, as it may be cut off",
		      jm_trace_path(in), (unsigned long long)t->line);
	return true;
}

bool jm_field_is(const struct jm_field *f, const char *text)
{
	size_t n = strlen(text);

	return f->n == n && memcmp(f->text, text, n) == 0;
}
