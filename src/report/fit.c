#include "report/prediction.h"

#include "report/cells.h"

#include <math.h>
#include <stdio.h>

/* One line of errors, whatever it is of. */
struct line {
	const char *what, *name;
	int target, approach;
	uint64_t rows, networks;
	const struct jm_errors *errors; /* NULL: not evaluated */
	double truth, predicted;        /* NAN: of a kind */
	const char *with;               /* networks that were left out with it; empty: none */
};

typedef void (*line_fn)(void *ctx, const struct line *line);

static void kind_lines(const struct jm_predictor *p, const struct jm_validation *e, line_fn give, void *ctx)
{
	int k, t, a;

	for (k = 0; k < JM_LAYER_KINDS; k++)
		for (t = 0; t < JM_TARGETS; t++)
			for (a = 0; a < JM_APPROACHES; a++) {
				const struct jm_regression *r = &p->kinds[k].regressions[t][a];
				struct line l = {"kind",
						 jm_layer_kind_text((enum jm_layer_kind)k),
						 t,
						 a,
						 r->n_rows,
						 r->n_networks,
						 e ? &e->kinds[k][t][a] : NULL,
						 NAN,
						 NAN,
						 ""};

				if (r->is_there)
					give(ctx, &l);
			}
}

/* The names of the other networks of its group, with ";" between. */
static void others(const struct jm_groups *g, const struct jm_network *network, struct jm_buffer *out)
{
	size_t i;

	out->n = 0;
	for (i = 0; i < g->n_networks; i++)
		if (g->networks[i].group == network->group && &g->networks[i] != network)
			jm_buffer_printf(out, "%s%s", out->n ? ";" : "", g->networks[i].name);
}

static void network_lines(const struct jm_validation *e, const struct jm_groups *g, line_fn give, void *ctx)
{
	struct jm_buffer with = {0};
	size_t i;
	int t, a;

	for (i = 0; i < e->n_networks; i++) {
		const struct jm_network_errors *n = &e->networks[i];
		const char *text;

		others(g, &g->networks[i], &with);
		text = jm_buffer_terminate(&with);
		for (t = 0; t < JM_TARGETS; t++)
			for (a = 0; a < JM_APPROACHES; a++) {
				struct line l = {"network", n->name,          t,   a,   n->layers[t][a].n,
						 1,         &n->layers[t][a], NAN, NAN, text ? text : ""};

				l.truth = t == JM_TARGET_RUNTIME ? n->true_ms : n->true_mj;
				l.predicted = t == JM_TARGET_RUNTIME ? n->predicted_ms[a] : n->predicted_mj[a];
				if (n->layers[t][a].n)
					give(ctx, &l);
			}
	}
	jm_buffer_finish(&with);
}

static void sum_lines(const struct jm_validation *e, line_fn give, void *ctx)
{
	int t, a;

	for (t = 0; t < JM_TARGETS; t++)
		for (a = 0; a < JM_APPROACHES; a++) {
			const struct jm_errors *all = &e->all[t][a];
			const struct jm_errors *sums = t == JM_TARGET_RUNTIME ? &e->runtime[a] : &e->energy[a];
			struct line layers = {"all", "layers", t, a, all->n, e->n_groups, all, NAN, NAN, ""};
			struct line networks = {"all",   t == JM_TARGET_RUNTIME ? "network runtime" : "network energy",
						t,       a,
						sums->n, e->n_groups,
						sums,    NAN,
						NAN,     ""};

			if (all->n)
				give(ctx, &layers);
			if (sums->n)
				give(ctx, &networks);
		}
}

static void percent(struct jm_cells *cells, double value)
{
	if (isnan(value))
		jm_cells_add(cells, "-");
	else
		jm_cells_add(cells, "%.1f", value);
}

static void table_line(void *ctx, const struct line *l)
{
	struct jm_cells *cells = ctx;
	struct jm_errors none = {0, NAN, NAN, NAN, NAN, NAN};
	const struct jm_errors *e = l->errors ? l->errors : &none;

	jm_cells_add(cells, "%s", l->name);
	jm_cells_add(cells, "%s", jm_target_text((enum jm_target)l->target));
	jm_cells_add(cells, "%s", jm_approach_text((enum jm_approach)l->approach));
	jm_cells_add(cells, "%llu", (unsigned long long)l->rows);
	percent(cells, e->median);
	percent(cells, e->mape);
	percent(cells, e->rmspe);
	if (isnan(e->r2))
		jm_cells_add(cells, "-");
	else
		jm_cells_add(cells, "%.3f", e->r2);
	percent(cells, 100 * e->covered);
	percent(cells, 100 * (l->predicted / l->truth - 1));
}

static void begin(struct jm_cells *cells)
{
	static const char *const titles[] = {"of",     "target",  "approach", "rows",        "median %",
					     "MAPE %", "RMSPE %", "R2",       "in 95 % [%]", "sum %"};
	size_t i;

	*cells = (struct jm_cells){.n_columns = 10, .is_left = {true, true, true}, .spare = {0, 0, 0, 2, 0, 0, 0, 1}};
	for (i = 0; i < 10; i++)
		jm_cells_add(cells, "%s", titles[i]);
}

/* What would flatter the errors, were it not left out together. */
static void same_networks(const struct jm_groups *g, struct jm_buffer *out)
{
	unsigned i;

	for (i = 0; i < g->n; i++) {
		if (jm_groups_names(g, i, "", NULL) < 2)
			continue;
		jm_groups_explain(g, i, out);
		jm_buffer_puts(out, ": left out together\n");
	}
}

int jm_fit_table(const struct jm_learnt *l, const struct jm_prediction_view *v, struct jm_buffer *out)
{
	const struct jm_predictor *p = l->predictor;
	const struct jm_validation *e = l->evaluation;
	struct jm_cells cells;
	int rc;

	jm_buffer_printf(out, "learnt from %llu layers of %llu network%s%s%s%s%s%s\n", (unsigned long long)p->n_rows,
			 (unsigned long long)p->n_networks, p->n_networks == 1 ? "" : "s", p->device[0] ? ", on " : "",
			 p->device, l->path ? "; wrote " : "", l->path ? l->path : "",
			 e ? "" : "; --evaluate says how wrong it is");
	same_networks(l->groups, out);
	if (!e)
		return out->is_failed ? JM_E_NOMEM : 0;
	jm_buffer_puts(out, "errors are of networks that were left out of the training, whole\n");
	jm_buffer_puts(out, "\n");
	begin(&cells);
	kind_lines(p, e, table_line, &cells);
	rc = jm_cells_print(&cells, 0, v->width, v->is_colour, out);
	if (rc)
		return rc;
	jm_buffer_puts(out, "\n");
	begin(&cells);
	network_lines(e, l->groups, table_line, &cells);
	sum_lines(e, table_line, &cells);
	return jm_cells_print(&cells, 0, v->width, v->is_colour, out);
}

static void csv_line(void *ctx, const struct line *l)
{
	struct jm_buffer *out = ctx;
	struct jm_errors none = {0, NAN, NAN, NAN, NAN, NAN};
	const struct jm_errors *e = l->errors ? l->errors : &none;
	double values[] = {e->median, e->mape, e->rmspe, e->r2, e->covered, l->truth, l->predicted};
	char text[32];
	size_t i;

	jm_buffer_printf(out, "%s,", l->what);
	jm_buffer_csv(out, l->name);
	jm_buffer_printf(out, ",%s,%s,%llu,%llu", jm_target_text((enum jm_target)l->target),
			 jm_approach_text((enum jm_approach)l->approach), (unsigned long long)l->rows,
			 (unsigned long long)l->networks);
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		jm_buffer_puts(out, ",");
		if (isfinite(values[i]))
			jm_buffer_append(out, text, jm_text_shortest(values[i], text));
	}
	jm_buffer_puts(out, ",");
	jm_buffer_csv(out, l->with);
	jm_buffer_puts(out, "\n");
}

static void all_lines(const struct jm_learnt *l, line_fn give, void *ctx)
{
	kind_lines(l->predictor, l->evaluation, give, ctx);
	if (!l->evaluation)
		return;
	network_lines(l->evaluation, l->groups, give, ctx);
	sum_lines(l->evaluation, give, ctx);
}

int jm_fit_csv(const struct jm_learnt *l, struct jm_buffer *out)
{
	jm_buffer_puts(
	    out, "of,name,target,approach,rows,networks,median_percent,mape_percent,rmspe_percent,r2,covered,true_sum,"
		 "predicted_sum,left_out_with\n");
	all_lines(l, csv_line, out);
	return out->is_failed ? JM_E_NOMEM : 0;
}

static void json_line(void *ctx, const struct line *l)
{
	struct jm_buffer *out = ctx;
	static const char *const keys[] = {"median_percent", "mape_percent", "rmspe_percent", "r2",
					   "covered",        "true_sum",     "predicted_sum"};
	struct jm_errors none = {0, NAN, NAN, NAN, NAN, NAN};
	const struct jm_errors *e = l->errors ? l->errors : &none;
	double values[] = {e->median, e->mape, e->rmspe, e->r2, e->covered, l->truth, l->predicted};
	size_t i;

	jm_buffer_printf(out, "%s\n{\"of\":\"%s\",\"name\":", out->data[out->n - 1] == '[' ? "" : ",", l->what);
	jm_buffer_json_string(out, l->name);
	jm_buffer_printf(out, ",\"target\":\"%s\",\"approach\":\"%s\",\"rows\":%llu,\"networks\":%llu",
			 jm_target_text((enum jm_target)l->target), jm_approach_text((enum jm_approach)l->approach),
			 (unsigned long long)l->rows, (unsigned long long)l->networks);
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		jm_buffer_printf(out, ",\"%s\":", keys[i]);
		jm_buffer_json_number(out, values[i]);
	}
	jm_buffer_puts(out, "}");
}

/* Groups of networks that are one, as lists of names. */
static void json_same(const struct jm_groups *g, struct jm_buffer *out)
{
	bool is_first = true;
	size_t i, k;

	jm_buffer_puts(out, ",\"same_networks\":[");
	for (i = 0; i < g->n; i++) {
		size_t n = 0;

		if (jm_groups_names(g, (unsigned)i, "", NULL) < 2)
			continue;
		jm_buffer_puts(out, is_first ? "[" : ",[");
		for (k = 0; k < g->n_networks; k++) {
			if (g->networks[k].group != i)
				continue;
			jm_buffer_puts(out, n++ ? "," : "");
			jm_buffer_json_string(out, g->networks[k].name);
		}
		jm_buffer_puts(out, "]");
		is_first = false;
	}
	jm_buffer_puts(out, "]");
}

int jm_fit_json(const struct jm_learnt *l, struct jm_buffer *out)
{
	const struct jm_predictor *p = l->predictor;

	jm_buffer_printf(out, "{\"format\":\"joulemap-fit/1\",\"rows\":%llu,\"networks\":%llu,\"device\":",
			 (unsigned long long)p->n_rows, (unsigned long long)p->n_networks);
	jm_buffer_json_string(out, p->device);
	json_same(l->groups, out);
	jm_buffer_puts(out, ",\"errors\":[");
	if (!out->is_failed)
		all_lines(l, json_line, out);
	jm_buffer_puts(out, "]}\n");
	return out->is_failed ? JM_E_NOMEM : 0;
}
