#include "export/export.h"

#include "export/export_list.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DECLARE(name) extern const struct jm_exporter jm_exporter_##name;
JM_EXPORT_LIST(DECLARE)
#undef DECLARE

#define ENTRY(name) &jm_exporter_##name,
const struct jm_exporter *const jm_exporters[] = {JM_EXPORT_LIST(ENTRY) NULL};
#undef ENTRY

const struct jm_exporter *jm_exporter_find(const char *name)
{
	size_t i;

	for (i = 0; jm_exporters[i]; i++)
		if (strcmp(jm_exporters[i]->name, name) == 0)
			return jm_exporters[i];
	return NULL;
}

const struct jm_row *jm_view_rows(const struct jm_result *r, const struct jm_view *view, size_t *n_out)
{
	switch (view->by) {
	case JM_BY_LAYER:
		*n_out = r->n_layers;
		return r->layers;
	case JM_BY_TYPE:
		*n_out = r->n_types;
		return r->types;
	case JM_BY_GROUP:
		*n_out = r->n_groups;
		return r->groups;
	case JM_BY_ITERATION:
		*n_out = r->n_iterations;
		return r->iterations;
	case JM_BY_PROCESS:
		*n_out = r->n_processes;
		return r->processes;
	case JM_BY_CONTAINER:
		*n_out = r->n_containers;
		return r->containers;
	case JM_BY_CHANNEL:
		break;
	}
	*n_out = 0;
	return NULL;
}

/* Unknown values go last, whatever the order. */
static int compare_down(double a, double b)
{
	if (isnan(a) || isnan(b))
		return isnan(a) - isnan(b);
	return (a < b) - (a > b);
}

/* Rows of equal rank keep their order in the model: the address decides. */
static int in_order(const struct jm_row *a, const struct jm_row *b)
{
	return (a > b) - (a < b);
}

static int by_time(const void *a, const void *b)
{
	const struct jm_row *x = *(const struct jm_row *const *)a, *y = *(const struct jm_row *const *)b;
	int order = compare_down(x->time_s, y->time_s);

	return order ? order : in_order(x, y);
}

static int by_energy(const void *a, const void *b)
{
	const struct jm_row *x = *(const struct jm_row *const *)a, *y = *(const struct jm_row *const *)b;
	int order = compare_down(x->energy_j, y->energy_j);

	return order ? order : by_time(a, b);
}

static int by_power(const void *a, const void *b)
{
	const struct jm_row *x = *(const struct jm_row *const *)a, *y = *(const struct jm_row *const *)b;
	int order = compare_down(x->mean_power_w, y->mean_power_w);

	return order ? order : by_time(a, b);
}

static int by_name(const void *a, const void *b)
{
	const struct jm_row *x = *(const struct jm_row *const *)a, *y = *(const struct jm_row *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : in_order(x, y);
}

const struct jm_row **jm_view_sorted(const struct jm_result *r, const struct jm_view *view, int channel, size_t *n_out,
				     size_t *n_all_out)
{
	int (*const orders[])(const void *, const void *) = {[JM_SORT_ENERGY] = by_energy,
							     [JM_SORT_TIME] = by_time,
							     [JM_SORT_POWER] = by_power,
							     [JM_SORT_NAME] = by_name};
	size_t n_rows, n = 0, i;
	const struct jm_row *rows = jm_view_rows(r, view, &n_rows);
	const struct jm_row **sorted = malloc((n_rows + 1) * sizeof(struct jm_row *));

	if (!sorted)
		return NULL;
	for (i = 0; i < n_rows; i++)
		if (channel == -2 || rows[i].channel == channel)
			sorted[n++] = &rows[i];
	if (view->sort != JM_SORT_NONE)
		qsort(sorted, n, sizeof(*sorted), orders[view->sort]);
	if (n_all_out)
		*n_all_out = n;
	*n_out = view->limit && view->limit < n ? view->limit : n;
	return sorted;
}
