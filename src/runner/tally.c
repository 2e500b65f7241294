#define _GNU_SOURCE
#include "runner/tally.h"

#include "core/grow.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

void jm_tally_init(struct jm_tally *t, struct jm_span_sink next)
{
	*t = (struct jm_tally){.next = next};
}

void jm_tally_finish(struct jm_tally *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		free(t->layers[i].name);
		free(t->layers[i].type);
	}
	free(t->layers);
	free(t->layer_of_index);
	memset(t, 0, sizeof(*t));
}

static int cover_index(struct jm_tally *t, uint32_t index)
{
	size_t n = index < 64 ? 128 : 2 * (size_t)index, i;
	uint32_t *grown;

	if (index < t->n_indexes)
		return 0;
	grown = realloc(t->layer_of_index, n * sizeof(*grown));
	if (!grown)
		return JM_E_NOMEM;
	for (i = t->n_indexes; i < n; i++)
		grown[i] = NONE;
	t->layer_of_index = grown;
	t->n_indexes = n;
	return 0;
}

static int add_layer(struct jm_tally *t, const char *text, size_t text_n, const char *type, size_t type_n,
		     uint32_t index)
{
	struct jm_tally_layer *l;

	if (!jm_grow(&t->layers, &t->capacity, t->n, sizeof(*t->layers)))
		return JM_E_NOMEM;
	l = &t->layers[t->n];
	*l = (struct jm_tally_layer){strndup(text, text_n), strndup(type ? type : "", type ? type_n : 0), index, 0, 0};
	if (!l->name || !l->type) {
		free(l->name);
		free(l->type);
		return JM_E_NOMEM;
	}
	t->layer_of_index[index] = (uint32_t)t->n++;
	return 0;
}

static int take_name(void *ctx, const char *text, size_t text_n, const char *type, size_t type_n, uint32_t *index_out)
{
	struct jm_tally *t = ctx;
	uint32_t index = 0;
	int rc = t->next.name(t->next.ctx, text, text_n, type, type_n, &index);

	rc = rc ? rc : cover_index(t, index);
	if (rc == 0 && t->layer_of_index[index] == NONE)
		rc = add_layer(t, text, text_n, type, type_n, index);
	if (rc == 0)
		*index_out = index;
	return rc;
}

static int take_spans(void *ctx, const struct jm_span *spans, size_t n)
{
	struct jm_tally *t = ctx;
	size_t i;

	for (i = 0; i < n; i++) {
		uint32_t l = spans[i].name < t->n_indexes ? t->layer_of_index[spans[i].name] : NONE;

		if (spans[i].kind != JM_SPAN_LAYER || l == NONE)
			continue;
		t->layers[l].total_ns += spans[i].end_ns - spans[i].start_ns;
		t->layers[l].n++;
	}
	return t->next.write(t->next.ctx, spans, n);
}

static int pass_shapes(void *ctx, uint32_t name, const char *text)
{
	struct jm_tally *t = ctx;

	return t->next.shapes(t->next.ctx, name, text);
}

struct jm_span_sink jm_tally_sink(struct jm_tally *t)
{
	return (struct jm_span_sink){take_name, take_spans, t, t->next.shapes ? pass_shapes : NULL};
}

static int compare(const void *a, const void *b)
{
	const struct jm_tally_layer *x = a, *y = b;

	if (x->total_ns != y->total_ns)
		return x->total_ns < y->total_ns ? 1 : -1;
	return (x->index > y->index) - (x->index < y->index);
}

void jm_tally_sort(struct jm_tally *t)
{
	if (t->n)
		qsort(t->layers, t->n, sizeof(*t->layers), compare);
}
