#define _GNU_SOURCE
#include "dataset/dataset.h"

#include "core/grow.h"

#include <stdlib.h>
#include <string.h>

#define TEXT(name, text) text,
static const char *const state_texts[] = {JM_POWER_STATE_LIST(TEXT)};
#undef TEXT

const char *jm_power_state_text(enum jm_power_state state)
{
	return state_texts[state];
}

static void free_row(struct jm_dataset_row *row)
{
	free(row->network);
	free(row->layer);
	free(row->type);
	free(row->device);
}

void jm_dataset_finish(struct jm_dataset *d)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		free_row(&d->rows[i]);
	free(d->rows);
	memset(d, 0, sizeof(*d));
}

static char *copy(const char *text)
{
	return strdup(text ? text : "");
}

int jm_dataset_add(struct jm_dataset *d, const struct jm_dataset_row *row)
{
	struct jm_dataset_row own = *row;

	if (!jm_grow(&d->rows, &d->capacity, d->n, sizeof(*d->rows)))
		return JM_E_NOMEM;
	own.network = copy(row->network);
	own.layer = copy(row->layer);
	own.type = copy(row->type);
	own.device = copy(row->device);
	if (!own.network || !own.layer || !own.type || !own.device) {
		free_row(&own);
		return JM_E_NOMEM;
	}
	d->rows[d->n++] = own;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct jm_dataset_row *x = a, *y = b;
	int order = strcmp(x->network, y->network);

	if (order == 0)
		order = (int)x->features.kind - (int)y->features.kind;
	return order ? order : strcmp(x->layer, y->layer);
}

void jm_dataset_sort(struct jm_dataset *d)
{
	if (d->n)
		qsort(d->rows, d->n, sizeof(*d->rows), compare);
}
