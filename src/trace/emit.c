#define _GNU_SOURCE
#include "trace/emit.h"

#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void jm_emit_init(struct jm_emit *e, struct jm_trace_output *out)
{
	e->out = out;
	e->n_spans = 0;
	e->n_samples = 0;
	e->rc = 0;
}

static void flush_spans(struct jm_emit *e)
{
	if (!e->rc && e->n_spans && e->out->spans.write)
		e->rc = e->out->spans.write(e->out->spans.ctx, e->spans, e->n_spans);
	e->n_spans = 0;
}

static void flush_samples(struct jm_emit *e)
{
	if (!e->rc && e->n_samples && e->out->samples.write)
		e->rc = e->out->samples.write(e->out->samples.ctx, e->samples, e->n_samples);
	e->n_samples = 0;
}

void jm_emit_span(struct jm_emit *e, const struct jm_span *span)
{
	e->spans[e->n_spans++] = *span;
	if (e->n_spans == JM_EMIT_BATCH)
		flush_spans(e);
}

static void add_sample(struct jm_emit *e, uint16_t channel, int64_t t_ns, int64_t value, enum jm_sample_status status)
{
	struct jm_sample *s = &e->samples[e->n_samples++];

	memset(s, 0, sizeof(*s));
	s->t_ns = t_ns;
	s->value = value;
	s->channel = channel;
	s->status = (uint8_t)status;
	if (e->n_samples == JM_EMIT_BATCH)
		flush_samples(e);
}

void jm_emit_sample(struct jm_emit *e, uint16_t channel, int64_t t_ns, int64_t value)
{
	add_sample(e, channel, t_ns, value, JM_SAMPLE_OK);
}

void jm_emit_gap(struct jm_emit *e, uint16_t channel, int64_t t_ns)
{
	add_sample(e, channel, t_ns, 0, JM_SAMPLE_GAP);
}

uint32_t jm_emit_name(struct jm_emit *e, const char *text, size_t n, const char *type, size_t type_n)
{
	uint32_t index = 0;

	if (!e->rc && e->out->spans.name)
		e->rc = e->out->spans.name(e->out->spans.ctx, text, n, type, type_n, &index);
	return index;
}

uint16_t jm_emit_channel(struct jm_emit *e, const struct jm_channel *channel)
{
	uint16_t index = 0;

	if (!e->rc && e->out->channel)
		e->rc = e->out->channel(e->out->ctx, channel, &index);
	return index;
}

void jm_emit_meta(struct jm_emit *e, const char *key, const char *format, ...)
{
	char value[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	if (!e->rc && e->out->meta)
		e->rc = e->out->meta(e->out->ctx, key, value);
}

int jm_emit_finish(struct jm_emit *e, struct jm_error *err)
{
	flush_spans(e);
	flush_samples(e);
	if (e->rc)
		return jm_error_set(err, e->rc, "cannot keep what was imported: %s", jm_error_text(e->rc));
	return 0;
}

void jm_trace_warn(struct jm_trace_output *out, const char *format, ...)
{
	char text[512];
	va_list args;

	if (!out->warn)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	out->warn(out->ctx, text);
}

bool jm_head_has(const char *head, size_t n, const char *word)
{
	return memmem(head, n, word, strlen(word)) != NULL;
}

char jm_head_first(const char *head, size_t n)
{
	bool is_quoted = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (memchr(" \t\r\n", head[i], 4))
			continue;
		if (head[i] != '"' || is_quoted)
			return head[i];
		is_quoted = true;
	}
	return '\0';
}

const char *jm_trace_path(const struct jm_trace_input *in)
{
	return in->path ? in->path : "the input";
}

void jm_oddity_add(struct jm_oddity *o, uint64_t line)
{
	if (o->n++ == 0)
		o->first_line = line;
}

void jm_oddity_warn(const struct jm_oddity *o, const struct jm_trace_input *in, struct jm_trace_output *out, const char *what)
{
	if (o->n > 0)
		jm_trace_warn(out, "%s:%llu: %s (%llu in all)", jm_trace_path(in), (unsigned long long)o->first_line, what,
			      (unsigned long long)o->n);
}

int jm_span_list_add(struct jm_span_list *list, const struct jm_span *span)
{
	if (list->n == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 1024;
		struct jm_span *items = realloc(list->items, capacity * sizeof(*items));

		if (!items)
			return JM_E_NOMEM;
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->n++] = *span;
	return 0;
}

void jm_span_list_finish(struct jm_span_list *list)
{
	free(list->items);
	memset(list, 0, sizeof(*list));
}
