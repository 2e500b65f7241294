#define _GNU_SOURCE
#include "trace/emit.h"

#include "core/error.h"
#include "core/grow.h"
#include "core/text.h"

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

uint32_t jm_emit_name(struct jm_emit *e, const char *text, size_t n, const char *type, size_t type_n)
{
	uint32_t index = 0;

	if (!e->rc && e->out->spans.name)
		e->rc = e->out->spans.name(e->out->spans.ctx, text, n, type, type_n, &index);
	return index;
}

void jm_emit_shapes(struct jm_emit *e, uint32_t name, const char *taken, const char *given)
{
	struct jm_buffer text = {0};

	if (e->rc || !e->out->spans.shapes)
		return;
	jm_buffer_printf(&text, "%s -> %s", taken, given);
	if (jm_buffer_terminate(&text))
		e->rc = e->out->spans.shapes(e->out->spans.ctx, name, text.data);
	else
		e->rc = JM_E_NOMEM;
	jm_buffer_finish(&text);
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

void jm_oddity_warn(const struct jm_oddity *o, const struct jm_trace_input *in, struct jm_trace_output *out,
		    const char *what)
{
	if (o->n > 0)
		jm_trace_warn(out, "%s:%llu: %s (%llu in all)", jm_trace_path(in), (unsigned long long)o->first_line,
			      what, (unsigned long long)o->n);
}

int jm_span_list_add(struct jm_span_list *list, const struct jm_span *span)
{
	if (!jm_grow(&list->items, &list->capacity, list->n, sizeof(*list->items)))
		return JM_E_NOMEM;
	list->items[list->n++] = *span;
	return 0;
}

void jm_span_list_finish(struct jm_span_list *list)
{
	free(list->items);
	memset(list, 0, sizeof(*list));
}

static int by_start(const void *a, const void *b)
{
	const struct jm_span *x = a, *y = b;

	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return x->end_ns < y->end_ns ? 1 : x->end_ns > y->end_ns ? -1 : 0;
}

void jm_span_list_sort(struct jm_span_list *list)
{
	size_t i;

	for (i = 1; i < list->n; i++)
		if (by_start(&list->items[i - 1], &list->items[i]) > 0) {
			qsort(list->items, list->n, sizeof(*list->items), by_start);
			return;
		}
}

/* Says how well a run holds a span: 0 not at all, 2 on the same track. */
static int holds(const struct jm_span *run, const struct jm_span *span, int64_t slack_ns)
{
	if (span->start_ns + slack_ns < run->start_ns || span->end_ns - slack_ns > run->end_ns)
		return 0;
	return run->track == span->track ? 2 : 1;
}

/* Runs may overlap (several threads), but few at a time: look back over those that started before the span. */
#define MAX_OVERLAPPING_RUNS 256

static uint32_t iteration_of(const struct jm_span_list *runs, const struct jm_span *span, int64_t slack_ns)
{
	size_t low = 0, high = runs->n, back;
	uint32_t found = JM_NO_ITERATION;
	int best = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (runs->items[middle].start_ns <= span->start_ns + slack_ns)
			low = middle + 1;
		else
			high = middle;
	}
	for (back = 0; back < MAX_OVERLAPPING_RUNS && low > 0 && best < 2; back++) {
		int fit = holds(&runs->items[--low], span, slack_ns);

		if (fit > best) {
			best = fit;
			found = runs->items[low].iteration;
		}
	}
	return found;
}

uint64_t jm_span_list_assign(struct jm_span_list *list, const struct jm_span_list *runs, int64_t slack_ns)
{
	uint64_t n_outside = 0;
	size_t i;

	for (i = 0; i < list->n; i++) {
		list->items[i].iteration = iteration_of(runs, &list->items[i], slack_ns);
		n_outside += list->items[i].iteration == JM_NO_ITERATION;
	}
	return n_outside;
}

/* Open spans of one track: a stack of indices. */
struct stack {
	size_t *items;
	size_t n, capacity;
};

static int push(struct stack *s, size_t i)
{
	if (!jm_grow(&s->items, &s->capacity, s->n, sizeof(*s->items)))
		return JM_E_NOMEM;
	s->items[s->n++] = i;
	return 0;
}

/* Puts span i on its track's stack. Gives 1 when it crosses the one it starts in, 0 or JM_E_NOMEM. */
static int nest(const struct jm_span_list *list, struct stack *s, size_t i, int64_t slack_ns, bool *parents)
{
	const struct jm_span *span = &list->items[i];
	int crossing = 0, rc;

	while (s->n > 0 && list->items[s->items[s->n - 1]].end_ns <= span->start_ns + slack_ns)
		s->n--;
	if (s->n > 0) {
		crossing = list->items[s->items[s->n - 1]].end_ns < span->end_ns - slack_ns;
		if (parents && !crossing)
			parents[s->items[s->n - 1]] = true;
	}
	rc = push(s, i);
	return rc ? rc : crossing;
}

int jm_span_list_nesting(const struct jm_span_list *list, int64_t slack_ns, bool *parents, uint64_t *n_crossing_out)
{
	uint32_t n_tracks = 0;
	struct stack *stacks;
	uint64_t n_crossing = 0;
	size_t i;
	int rc = 0;

	for (i = 0; i < list->n; i++)
		if (list->items[i].track >= n_tracks)
			n_tracks = list->items[i].track + 1;
	stacks = calloc(n_tracks ? n_tracks : 1, sizeof(*stacks));
	if (!stacks)
		return JM_E_NOMEM;
	for (i = 0; i < list->n && rc >= 0; i++) {
		rc = nest(list, &stacks[list->items[i].track], i, slack_ns, parents);
		n_crossing += rc == 1;
	}
	for (i = 0; i < n_tracks; i++)
		free(stacks[i].items);
	free(stacks);
	if (rc < 0)
		return rc;
	*n_crossing_out = n_crossing;
	return 0;
}

int jm_sample_list_add(struct jm_sample_list *list, uint16_t channel, int64_t t_ns, int64_t value, bool is_gap)
{
	if (!jm_grow(&list->items, &list->capacity, list->n, sizeof(*list->items)))
		return JM_E_NOMEM;
	memset(&list->items[list->n], 0, sizeof(*list->items));
	list->items[list->n].t_ns = t_ns;
	list->items[list->n].value = is_gap ? 0 : value;
	list->items[list->n].channel = channel;
	list->items[list->n++].status = is_gap ? JM_SAMPLE_GAP : JM_SAMPLE_OK;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct jm_sample *x = a, *y = b;

	if (x->t_ns != y->t_ns)
		return x->t_ns < y->t_ns ? -1 : 1;
	return x->channel < y->channel ? -1 : x->channel > y->channel;
}

void jm_sample_list_emit(struct jm_sample_list *list, const struct jm_trace_input *in, struct jm_emit *e)
{
	size_t i, n_back = 0;

	for (i = 1; i < list->n; i++)
		n_back += list->items[i].t_ns < list->items[i - 1].t_ns;
	if (n_back > 0) {
		jm_trace_warn(e->out, "%s: the time of the log steps back %zu times: its readings were sorted by time",
			      jm_trace_path(in), n_back);
		qsort(list->items, list->n, sizeof(*list->items), by_time);
	}
	for (i = 0; i < list->n; i++) {
		e->samples[e->n_samples++] = list->items[i];
		if (e->n_samples == JM_EMIT_BATCH)
			flush_samples(e);
	}
	free(list->items);
	memset(list, 0, sizeof(*list));
}
