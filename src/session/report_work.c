#define _GNU_SOURCE
#include "model/op_cost.h"
#include "session/report.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct jm_row_work work_of(const char *type, const char *text)
{
	struct jm_row_work work = {.is_known = false};
	struct jm_operands *operands = malloc(sizeof(*operands));
	struct jm_op_cost cost = {.macs = NAN};

	if (operands && jm_operands_parse(text, operands) == 0)
		jm_op_cost(operands->op[0] ? operands->op : type, operands->in, operands->n_in, operands->out, operands->n_out, &cost);
	free(operands);
	if (!isnan(cost.macs) && !isnan(cost.flops) && !isnan(cost.bytes))
		work = (struct jm_row_work){true, cost.macs, cost.flops, cost.bytes};
	return work;
}

/* A type computes what its layers do, in the mean; with a layer that is not known it is not known. */
static void add_type(struct jm_row *type, const struct jm_result *r)
{
	double macs = 0, flops = 0, bytes = 0, n = 0;
	size_t i;

	for (i = 0; i < r->n_layers; i++) {
		const struct jm_row *l = &r->layers[i];

		if (l->channel != type->channel || !l->type || strcmp(l->type, type->name) != 0)
			continue;
		if (!l->work.is_known)
			return;
		macs += l->work.macs * (double)l->count;
		flops += l->work.flops * (double)l->count;
		bytes += l->work.bytes * (double)l->count;
		n += (double)l->count;
	}
	if (n > 0)
		type->work = (struct jm_row_work){true, macs / n, flops / n, bytes / n};
}

int jm_report_add_work(struct jm_recording *r, struct jm_result *result, struct jm_error *err)
{
	const struct jm_names *names = jm_recording_names(r);
	size_t i, name;
	int rc = jm_recording_load_shapes(r, err);

	if (rc)
		return rc;
	for (i = 0; i < result->n_layers; i++) {
		struct jm_row *row = &result->layers[i];

		name = jm_names_find(names, row->name, row->type);
		if (name != SIZE_MAX && names->items[name].shapes)
			row->work = work_of(row->type, names->items[name].shapes);
	}
	for (i = 0; i < result->n_types; i++)
		add_type(&result->types[i], result);
	return 0;
}
