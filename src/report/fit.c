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
	double truth, predicted;	/* NAN: of a kind */
};

typedef void (*line_fn)(void *ctx, const struct line *line);

static void kind_lines(const struct jm_predictor *p, const struct jm_validation *e, line_fn give, void *ctx)
{
	int k, t, a;

	for (k = 0; k < JM_LAYER_KINDS; k++)
		for (t = 0; t < JM_TARGETS; t++)
			for (a = 0; a < JM_APPROACHES; a++) {
				const struct jm_regression *r = &p->kinds[k].regressions[t][a];
				struct line l = {"kind",	jm_layer_kind_text((enum jm_layer_kind)k), t, a, r->n_rows,
						 r->n_networks, e ? &e->kinds[k][t][a] : NULL,		   NAN, NAN};

				if (r->is_there)
					give(ctx, &l);
			}
}

static void network_lines(const struct jm_validation *e, line_fn give, void *ctx)
{
	size_t i;
	int t, a;

	for (i = 0; i < e->n_networks; i++)
		for (t = 0; t < JM_TARGETS; t++)
			for (a = 0; a < JM_APPROACHES; a++) {
				const struct jm_network_errors *n = &e->networks[i];
				struct line l = {"network", n->name, t, a, n->layers[t][a].n, 1, &n->layers[t][a], NAN, NAN};

				l.truth = t == JM_TARGET_RUNTIME ? n->true_ms : n->true_mj;
				l.predicted = t == JM_TARGET_RUNTIME ? n->predicted_ms[a] : n->predicted_mj[a];
				if (n->layers[t][a].n)
					give(ctx, &l);
			}
}

static void sum_lines(const struct jm_validation *e, line_fn give, void *ctx)
{
	int t, a;

	for (t = 0; t < JM_TARGETS; t++)
		for (a = 0; a < JM_APPROACHES; a++) {
			const struct jm_errors *all = &e->all[t][a];
			const struct jm_errors *sums = t == JM_TARGET_RUNTIME ? &e->runtime[a] : &e->energy[a];
			struct line layers = {"all", "layers", t, a, all->n, e->n_networks, all, NAN, NAN};
			struct line networks = {"all",	t == JM_TARGET_RUNTIME ? "network runtime" : "network energy",
						t,	a,
						sums->n, e->n_networks,
						sums,	NAN,
						NAN};

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
	static const char *const titles[] = {"of",	"target",  "approach", "rows",	    "median %",
					     "MAPE %", "RMSPE %", "R2",	      "in 95 % [%]", "sum %"};
	size_t i;

	*cells = (struct jm_cells){.n_columns = 10, .is_left = {true, true, true}, .spare = {0, 0, 0, 2, 0, 0, 0, 1}};
	for (i = 0; i < 10; i++)
		jm_cells_add(cells, "%s", titles[i]);
}

int jm_fit_table(const struct jm_predictor *p, const struct jm_validation *e, const char *path,
		 const struct jm_prediction_view *v, struct jm_buffer *out)
{
	struct jm_cells cells;
	int rc;

	jm_buffer_printf(out, "learnt from %llu layers of %llu network%s%s%s%s%s%s\n", (unsigned long long)p->n_rows,
			 (unsigned long long)p->n_networks, p->n_networks == 1 ? "" : "s", p->device[0] ? ", on " : "",
			 p->device, path ? "; wrote " : "", path ? path : "", e ? "" : "; --evaluate says how wrong it is");
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
	network_lines(e, table_line, &cells);
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
	jm_buffer_puts(out, "\n");
}

static void all_lines(const struct jm_predictor *p, const struct jm_validation *e, line_fn give, void *ctx)
{
	kind_lines(p, e, give, ctx);
	if (!e)
		return;
	network_lines(e, give, ctx);
	sum_lines(e, give, ctx);
}

int jm_fit_csv(const struct jm_predictor *p, const struct jm_validation *e, struct jm_buffer *out)
{
	jm_buffer_puts(out, "of,name,target,approach,rows,networks,median_percent,mape_percent,rmspe_percent,r2,covered,true_sum,"
			    "predicted_sum\n");
	all_lines(p, e, csv_line, out);
	return out->is_failed ? JM_E_NOMEM : 0;
}

static void json_line(void *ctx, const struct line *l)
{
	struct jm_buffer *out = ctx;
	static const char *const keys[] = {"median_percent", "mape_percent", "rmspe_percent", "r2",
					   "covered",	    "true_sum",	    "predicted_sum"};
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

int jm_fit_json(const struct jm_predictor *p, const struct jm_validation *e, struct jm_buffer *out)
{
	jm_buffer_printf(out, "{\"format\":\"joulemap-fit/1\",\"rows\":%llu,\"networks\":%llu,\"device\":",
			 (unsigned long long)p->n_rows, (unsigned long long)p->n_networks);
	jm_buffer_json_string(out, p->device);
	jm_buffer_puts(out, ",\"errors\":[");
	if (!out->is_failed)
		all_lines(p, e, json_line, out);
	jm_buffer_puts(out, "]}\n");
	return out->is_failed ? JM_E_NOMEM : 0;
}
