#include "report/complexity.h"

#include "core/display.h"
#include "report/cells.h"
#include "report/table.h"

#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

/* A row: a layer, or all layers of a type. */
struct row {
	const char *name, *type;
	size_t n_layers, order;
	uint64_t n_parameters, n_buffers, weight_bytes;
	double macs, flops, bytes, activation_bytes; /* NAN: unknown */
	const struct jm_shape *out;                  /* NULL: of a type */
	const char *reason;
};

static struct row layer_row(const struct jm_layer_complexity *l, size_t order)
{
	return (struct row){.name = l->name,
			    .type = l->type,
			    .n_layers = 1,
			    .order = order,
			    .n_parameters = l->n_parameters,
			    .n_buffers = l->n_buffers,
			    .weight_bytes = l->weight_bytes,
			    .macs = l->cost.macs,
			    .flops = l->cost.flops,
			    .bytes = l->cost.bytes,
			    .activation_bytes = l->activation_bytes,
			    .out = &l->out,
			    .reason = l->cost.reason};
}

/* A sum with an unknown part is unknown. */
static void add(struct row *to, const struct row *from)
{
	to->n_layers++;
	to->n_parameters += from->n_parameters;
	to->n_buffers += from->n_buffers;
	to->weight_bytes += from->weight_bytes;
	to->macs += from->macs;
	to->flops += from->flops;
	to->bytes += from->bytes;
	to->activation_bytes += from->activation_bytes;
	to->reason = to->reason ? to->reason : from->reason;
}

static struct row *find_type(struct row *rows, size_t n, const char *type)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(rows[i].type, type) == 0)
			return &rows[i];
	return NULL;
}

static double descending(double a, double b)
{
	return (isnan(b) ? -1 : b) - (isnan(a) ? -1 : a);
}

static int compare(const struct row *a, const struct row *b, enum jm_complexity_sort sort)
{
	double d = 0;

	if (sort == JM_COMPLEXITY_BY_NAME)
		return strcmp(a->name, b->name);
	if (sort == JM_COMPLEXITY_BY_MACS)
		d = descending(a->macs, b->macs);
	else if (sort == JM_COMPLEXITY_BY_PARAMETERS)
		d = descending((double)a->n_parameters, (double)b->n_parameters);
	else if (sort == JM_COMPLEXITY_BY_BYTES)
		d = descending(a->bytes, b->bytes);
	if (d == 0)
		return a->order < b->order ? -1 : a->order > b->order;
	return d < 0 ? -1 : 1;
}

#define COMPARE(name, sort)                                                                                            \
	static int name(const void *a, const void *b)                                                                  \
	{                                                                                                              \
		return compare(a, b, sort);                                                                            \
	}
COMPARE(by_macs, JM_COMPLEXITY_BY_MACS)
COMPARE(by_parameters, JM_COMPLEXITY_BY_PARAMETERS)
COMPARE(by_bytes, JM_COMPLEXITY_BY_BYTES)
COMPARE(by_name, JM_COMPLEXITY_BY_NAME)

static void sort_rows(struct row *rows, size_t n, enum jm_complexity_sort sort)
{
	static int (*const orders[])(const void *, const void *) = {NULL, by_macs, by_parameters, by_bytes, by_name};

	if (orders[sort])
		qsort(rows, n, sizeof(*rows), orders[sort]);
}

/* Gives all rows, sorted; free(). NULL: no memory. */
static struct row *make_rows(const struct jm_complexity_view *v, size_t *n_out)
{
	struct row *rows = calloc(v->counts->n_layers + 1, sizeof(*rows));
	size_t i, n = 0;

	for (i = 0; rows && i < v->counts->n_layers; i++) {
		struct row row = layer_row(&v->counts->layers[i], i);
		struct row *same = v->is_by_type ? find_type(rows, n, row.type) : NULL;

		if (same) {
			add(same, &row);
			continue;
		}
		if (v->is_by_type) {
			row.name = row.type;
			row.out = NULL;
		}
		rows[n++] = row;
	}
	if (rows)
		sort_rows(rows, n, v->sort);
	*n_out = n;
	return rows;
}

static void quantity_cell(struct jm_cells *cells, double value, const char *unit)
{
	char text[32];

	if (value == 0) {
		jm_cells_add(cells, "0");
		return;
	}
	jm_report_quantity(value, unit, text, sizeof(text));
	if (text[0] && text[strlen(text) - 1] == ' ')
		text[strlen(text) - 1] = 0;
	jm_cells_add(cells, "%s", text);
}

static void share_cell(struct jm_cells *cells, double part, double whole)
{
	if (whole > 0 && isfinite(part))
		jm_cells_add(cells, "%.1f %%", 100 * part / whole);
	else
		jm_cells_add(cells, "-");
}

static void row_cells(struct jm_cells *cells, const struct jm_complexity_view *v, const struct row *r)
{
	char shape[96] = "";

	if (r->out)
		jm_shape_text(r->out, shape, sizeof(shape));
	jm_cells_add(cells, "%s", r->name);
	if (v->is_by_type)
		jm_cells_add(cells, "%zu", r->n_layers);
	else
		jm_cells_add(cells, "%s", r->type);
	jm_cells_add(cells, "%llu", (unsigned long long)r->n_parameters);
	quantity_cell(cells, r->macs, "MAC");
	share_cell(cells, r->macs, v->counts->macs);
	quantity_cell(cells, r->flops, "FLOP");
	quantity_cell(cells, (double)r->weight_bytes, "B");
	quantity_cell(cells, r->activation_bytes, "B");
	if (r->bytes > 0 && isfinite(r->flops))
		jm_cells_add(cells, "%.4g", r->flops / r->bytes);
	else
		jm_cells_add(cells, "-");
	if (!v->is_by_type)
		jm_cells_add(cells, "%s", shape);
}

static void header_cells(struct jm_cells *cells, bool is_by_type)
{
	static const char *const titles[] = {"parameters", "MACs",        "of all",   "FLOPs",
					     "weights",    "activations", "FLOP/byte"};
	size_t i;

	jm_cells_add(cells, "%s", is_by_type ? "type" : "layer");
	jm_cells_add(cells, "%s", is_by_type ? "layers" : "type");
	for (i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		jm_cells_add(cells, "%s", titles[i]);
	if (!is_by_type)
		jm_cells_add(cells, "output");
}

static int print_rows(const struct jm_complexity_view *v, struct jm_buffer *out)
{
	struct jm_cells cells = {.n_columns = v->is_by_type ? 9 : 10,
				 .is_left = {true, !v->is_by_type},
				 .spare = {0, 0, 0, 0, 2, 1, 4, 5, 6, 3}};
	size_t i, n, n_shown;
	struct row *rows = make_rows(v, &n);

	if (!rows)
		return JM_E_NOMEM;
	n_shown = v->limit && v->limit < n ? v->limit : n;
	header_cells(&cells, v->is_by_type);
	for (i = 0; i < n_shown; i++)
		row_cells(&cells, v, &rows[i]);
	free(rows);
	jm_buffer_puts(out, "\n");
	if (jm_cells_print(&cells, 0, v->width, v->is_colour, out))
		return JM_E_NOMEM;
	if (n_shown < n)
		jm_display_line(out, "(%zu of %zu; -n 0 shows all)", n_shown, n);
	return 0;
}

static void print_quantity(struct jm_buffer *out, const char *title, double value, const char *unit, const char *rest)
{
	char text[32] = "unknown";

	/* A sum over layers of which none is known is no 0. */
	if (value == 0 && !rest[0])
		snprintf(text, sizeof(text), "0");
	else if (value > 0 || !rest[0])
		jm_report_quantity(value, unit, text, sizeof(text));
	jm_display_line(out, "  %-12s %s%s", title, text, rest);
}

static void print_totals(const struct jm_complexity_view *v, struct jm_buffer *out)
{
	const struct jm_complexity *c = v->counts;
	const char *rest = c->n_unknown ? "  (without layers of unknown shape or operator)" : "";
	size_t i;
	char shape[96];

	jm_display_line(out, "%s: %zu layers, weights mostly %s, opset %lld%s%s", v->path, c->n_layers,
			 jm_dtype_text(v->model->precision), (long long)v->model->opset,
			 v->model->producer[0] ? ", by " : "", v->model->producer);
	for (i = 0; i < v->n_inputs; i++) {
		jm_shape_text(&v->inputs[i].shape, shape, sizeof(shape));
		jm_display_line(out, "  input        %s %s", v->inputs[i].name, shape);
	}
	jm_display_line(out, "  parameters   %llu, and %llu in buffers", (unsigned long long)c->n_parameters,
			 (unsigned long long)c->n_buffers);
	print_quantity(out, "weights", (double)c->weight_bytes, "B", "");
	print_quantity(out, "MACs", c->macs, "MAC", rest);
	print_quantity(out, "FLOPs", c->flops, "FLOP", rest);
	print_quantity(out, "activations", c->activation_bytes, "B", rest);
	print_quantity(out, "moved", c->bytes, "B", rest);
	if (c->bytes > 0 && c->flops > 0)
		jm_display_line(out, "  intensity    %.4g FLOP/byte", c->flops / c->bytes);
	if (c->n_batch_norm)
		jm_display_line(out, "  %zu batch normalisations are layers of their own (not folded into convolutions)",
				 c->n_batch_norm);
	for (i = 0; i < v->n_notes; i++)
		jm_display_line(out, "  note: %s", v->notes[i]);
}

int jm_complexity_table(const struct jm_complexity_view *v, struct jm_buffer *out)
{
	print_totals(v, out);
	return v->is_summary ? 0 : print_rows(v, out);
}

static void csv_number(struct jm_buffer *out, double value)
{
	if (isfinite(value))
		jm_buffer_printf(out, "%.0f", value);
	jm_buffer_puts(out, ",");
}

int jm_complexity_csv(const struct jm_complexity_view *v, struct jm_buffer *out)
{
	size_t i, n;
	struct row *rows = make_rows(v, &n);
	char shape[96];

	if (!rows)
		return JM_E_NOMEM;
	jm_buffer_puts(out, "name,type,layers,parameters,buffers,weight_bytes,macs,flops,bytes,activation_bytes,"
			    "output_shape,reason\n");
	for (i = 0; i < n && (v->limit == 0 || i < v->limit); i++) {
		const struct row *r = &rows[i];

		shape[0] = 0;
		if (r->out && r->out->is_known)
			jm_shape_text(r->out, shape, sizeof(shape));
		jm_buffer_csv(out, r->name);
		jm_buffer_puts(out, ",");
		jm_buffer_csv(out, r->type);
		jm_buffer_printf(out, ",%zu,%llu,%llu,%llu,", r->n_layers, (unsigned long long)r->n_parameters,
				 (unsigned long long)r->n_buffers, (unsigned long long)r->weight_bytes);
		csv_number(out, r->macs);
		csv_number(out, r->flops);
		csv_number(out, r->bytes);
		csv_number(out, r->activation_bytes);
		jm_buffer_csv(out, shape);
		jm_buffer_puts(out, ",");
		jm_buffer_csv(out, r->reason ? r->reason : "");
		jm_buffer_puts(out, "\n");
	}
	free(rows);
	return 0;
}

static void json_text(struct jm_buffer *out, const char *key, const char *value)
{
	jm_buffer_printf(out, "\"%s\": ", key);
	if (value)
		jm_buffer_json_string(out, value);
	else
		jm_buffer_puts(out, "null");
}

static void json_number(struct jm_buffer *out, const char *key, double value)
{
	jm_buffer_printf(out, ", \"%s\": ", key);
	jm_buffer_json_number(out, value);
}

static void json_count(struct jm_buffer *out, const char *key, uint64_t value)
{
	jm_buffer_printf(out, ", \"%s\": %llu", key, (unsigned long long)value);
}

static void json_shape(struct jm_buffer *out, const struct jm_shape *s)
{
	size_t i;

	if (!s || !s->is_known) {
		jm_buffer_puts(out, "null");
		return;
	}
	jm_buffer_puts(out, "[");
	for (i = 0; i < s->n_dims; i++)
		jm_buffer_printf(out, "%s%lld", i ? ", " : "", (long long)s->dims[i]);
	jm_buffer_puts(out, "]");
}

static void json_row(struct jm_buffer *out, const struct row *r)
{
	jm_buffer_puts(out, "{");
	json_text(out, "name", r->name);
	jm_buffer_puts(out, ", ");
	json_text(out, "type", r->type);
	json_count(out, "layers", r->n_layers);
	json_count(out, "parameters", r->n_parameters);
	json_count(out, "buffers", r->n_buffers);
	json_count(out, "weight_bytes", r->weight_bytes);
	json_number(out, "macs", r->macs);
	json_number(out, "flops", r->flops);
	json_number(out, "bytes", r->bytes);
	json_number(out, "activation_bytes", r->activation_bytes);
	jm_buffer_puts(out, ", \"output_shape\": ");
	json_shape(out, r->out);
	jm_buffer_puts(out, ", ");
	json_text(out, "reason", r->reason);
	jm_buffer_puts(out, "}");
}

static void json_head(const struct jm_complexity_view *v, struct jm_buffer *out)
{
	const struct jm_complexity *c = v->counts;
	size_t i;

	jm_buffer_puts(out, "{\"format\": \"joulemap-model/1\",\n ");
	json_text(out, "model", v->path);
	jm_buffer_puts(out, ", ");
	json_text(out, "precision", v->model->precision ? jm_dtype_text(v->model->precision) : NULL);
	json_count(out, "opset", (uint64_t)v->model->opset);
	json_count(out, "file_bytes", v->model->file_bytes);
	jm_buffer_puts(out, ",\n \"inputs\": [");
	for (i = 0; i < v->n_inputs; i++) {
		jm_buffer_puts(out, i ? ", {" : "{");
		json_text(out, "name", v->inputs[i].name);
		jm_buffer_puts(out, ", \"shape\": ");
		json_shape(out, &v->inputs[i].shape);
		jm_buffer_puts(out, "}");
	}
	jm_buffer_printf(out, "],\n \"totals\": {\"layers\": %zu", c->n_layers);
	json_count(out, "parameters", c->n_parameters);
	json_count(out, "buffers", c->n_buffers);
	json_count(out, "weight_bytes", c->weight_bytes);
	json_number(out, "macs", c->macs);
	json_number(out, "flops", c->flops);
	json_number(out, "bytes", c->bytes);
	json_number(out, "activation_bytes", c->activation_bytes);
	json_count(out, "unknown_layers", c->n_unknown);
	json_count(out, "batch_norm_layers", c->n_batch_norm);
	jm_buffer_puts(out, "},\n \"notes\": [");
	for (i = 0; i < v->n_notes; i++) {
		jm_buffer_puts(out, i ? ", " : "");
		jm_buffer_json_string(out, v->notes[i]);
	}
	jm_buffer_puts(out, "]");
}

int jm_complexity_json(const struct jm_complexity_view *v, struct jm_buffer *out)
{
	size_t i, n;
	struct row *rows = make_rows(v, &n);

	if (!rows)
		return JM_E_NOMEM;
	json_head(v, out);
	jm_buffer_printf(out, ",\n \"%s\": [", v->is_by_type ? "types" : "layers");
	for (i = 0; i < n && (v->limit == 0 || i < v->limit); i++) {
		jm_buffer_puts(out, i ? ",\n  " : "\n  ");
		json_row(out, &rows[i]);
	}
	jm_buffer_puts(out, "]}\n");
	free(rows);
	return 0;
}
