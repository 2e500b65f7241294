#define _GNU_SOURCE
#include "dataset/dataset.h"

#include "core/error.h"
#include "core/text.h"
#include "dataset/replace.h"

#include <math.h>
#include <string.h>

static void number(struct jm_buffer *b, double value)
{
	char text[32];

	if (isfinite(value))
		jm_buffer_append(b, text, jm_text_shortest(value, text));
}

/* Counts and sizes are whole; the historic tables write them without ".0". */
static void whole(struct jm_buffer *b, double value)
{
	if (isfinite(value) && fabs(value) < 9e15)
		jm_buffer_printf(b, "%.0f", value);
	else
		number(b, value);
}

static void write_header(struct jm_buffer *b, enum jm_layer_kind kind, bool is_historic)
{
	struct jm_layer_columns columns;
	size_t i;

	jm_layer_columns(kind, &columns);
	for (i = 0; i < columns.n_historic; i++)
		jm_buffer_printf(b, "%s,", columns.names[i]);
	jm_buffer_puts(b, "power,runtime,layer_name");
	for (; !is_historic && i < columns.n; i++)
		jm_buffer_printf(b, ",%s", columns.names[i]);
	if (!is_historic)
		jm_buffer_puts(b, ",layer_type,precision,macs,flops,bytes,power_low,power_high,power_state,count,device,clock_mhz,"
				  "memory_clock_mhz");
	jm_buffer_puts(b, "\n");
}

static void write_extra(struct jm_buffer *b, const struct jm_dataset_row *row, const struct jm_layer_columns *columns)
{
	const struct jm_features *f = &row->features;
	size_t i;

	for (i = columns->n_historic; i < columns->n; i++) {
		jm_buffer_puts(b, ",");
		whole(b, f->values[i]);
	}
	jm_buffer_puts(b, ",");
	jm_buffer_csv(b, row->type);
	jm_buffer_printf(b, ",%s,", f->dtype == JM_DTYPE_UNKNOWN ? "" : jm_dtype_text(f->dtype));
	whole(b, f->macs);
	jm_buffer_puts(b, ",");
	whole(b, f->flops);
	jm_buffer_puts(b, ",");
	whole(b, f->bytes);
	jm_buffer_puts(b, ",");
	number(b, row->power_low_w * 1e6);
	jm_buffer_puts(b, ",");
	number(b, row->power_high_w * 1e6);
	jm_buffer_printf(b, ",%s,", jm_power_state_text(row->power_state));
	if (row->count)
		jm_buffer_printf(b, "%llu", (unsigned long long)row->count);
	jm_buffer_puts(b, ",");
	jm_buffer_csv(b, row->device);
	jm_buffer_puts(b, ",");
	number(b, row->clock_mhz);
	jm_buffer_puts(b, ",");
	number(b, row->memory_clock_mhz);
}

static void write_row(struct jm_buffer *b, const struct jm_dataset_row *row, bool is_historic)
{
	struct jm_layer_columns columns;
	size_t i;

	jm_layer_columns(row->features.kind, &columns);
	for (i = 0; i < columns.n_historic; i++) {
		whole(b, row->features.values[i]);
		jm_buffer_puts(b, ",");
	}
	number(b, row->power_w * 1e6);
	jm_buffer_puts(b, ",");
	number(b, row->runtime_ms);
	jm_buffer_puts(b, ",");
	jm_buffer_csv(b, row->layer);
	if (!is_historic)
		write_extra(b, row, &columns);
	jm_buffer_puts(b, "\n");
}

static int check_name(const char *network, struct jm_error *err)
{
	if (strchr(network, '/') || network[0] == '.' || !network[0])
		return jm_error_set(err, JM_E_INVALID, "'%s' is no name for a network's folder", network);
	return 0;
}

static int stage_table(struct jm_replacing *r, const struct jm_dataset_row *rows, size_t n, bool is_historic,
		       struct jm_error *err)
{
	const char *kind = jm_layer_kind_text(rows->features.kind);
	struct jm_buffer b = {0};
	size_t i;
	int rc;

	write_header(&b, rows->features.kind, is_historic);
	for (i = 0; i < n; i++)
		write_row(&b, &rows[i], is_historic);
	rc = b.is_failed ? jm_error_set(err, JM_E_NOMEM, "no memory for the %s layers of %s", kind, rows->network)
			 : jm_replacing_stage(r, kind, b.data, b.n, err);
	jm_buffer_finish(&b);
	return rc;
}

/* The tables of one network, and what this build left out taken away. */
static int stage_network(struct jm_replacing *r, const char *folder, const struct jm_dataset_row *rows, size_t n,
			 bool is_historic, struct jm_error *err)
{
	int kind, rc = check_name(rows->network, err);
	size_t i = 0, end;

	rc = rc ? rc : jm_replacing_enter(r, folder, rows->network, err);
	for (kind = 0; kind < JM_LAYER_KINDS && rc == 0; kind++) {
		for (end = i; end < n && (int)rows[end].features.kind == kind; end++)
			;
		if (end > i && (!is_historic || kind <= JM_LAYER_DENSE))
			rc = stage_table(r, &rows[i], end - i, is_historic, err);
		else
			rc = jm_replacing_remove(r, jm_layer_kind_text((enum jm_layer_kind)kind), err);
		i = end;
	}
	return rc;
}

int jm_dataset_write(const struct jm_dataset *d, const char *folder, bool is_historic, struct jm_error *err)
{
	struct jm_replacing r = {0};
	size_t i, n;
	int rc = jm_replacing_enter(&r, folder, NULL, err);

	for (i = 0; i < d->n && rc == 0; i += n) {
		const struct jm_dataset_row *first = &d->rows[i];

		for (n = 1; i + n < d->n && strcmp(first[n].network, first->network) == 0; n++)
			;
		rc = stage_network(&r, folder, first, n, is_historic, err);
	}
	rc = rc ? rc : jm_replacing_commit(&r, err);
	jm_replacing_finish(&r);
	return rc;
}
