#define _GNU_SOURCE
#include "dataset/dataset.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
		jm_buffer_puts(b, ",layer_type,precision,macs,flops,bytes,power_low,power_high,power_state,count,device");
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

static int make_folder(const char *path, struct jm_error *err)
{
	if (mkdir(path, 0777) && errno != EEXIST)
		return jm_error_errno(err, errno, "cannot make the folder %s", path);
	return 0;
}

/* The folder of a network, without the tables of an earlier build: what this build left out shall not come from there. A link in its
 * place is not followed. */
static int clear_network(const char *folder, const char *network, struct jm_error *err)
{
	char path[4096], table[4096 + 64];
	struct stat st;
	int kind, rc;

	if (strchr(network, '/') || network[0] == '.' || !network[0])
		return jm_error_set(err, JM_E_INVALID, "'%s' is no name for a network's folder", network);
	if (snprintf(path, sizeof(path), "%s/%s", folder, network) >= (int)sizeof(path))
		return jm_error_set(err, JM_E_INVALID, "the path of %s is too long", network);
	rc = make_folder(path, err);
	if (rc)
		return rc;
	if (lstat(path, &st) || !S_ISDIR(st.st_mode))
		return jm_error_set(err, JM_E_INVALID, "cannot write into %s: it is no folder, or a symbolic link", path);
	for (kind = 0; kind < JM_LAYER_KINDS; kind++) {
		snprintf(table, sizeof(table), "%s/%s.csv", path, jm_layer_kind_text((enum jm_layer_kind)kind));
		if (lstat(table, &st) == 0 && S_ISREG(st.st_mode))
			unlink(table);
	}
	return 0;
}

static int write_table(const char *folder, const struct jm_dataset_row *rows, size_t n, bool is_historic,
		       struct jm_error *err)
{
	struct jm_buffer b = {0};
	char path[4096];
	size_t i;
	int rc, length;

	length = snprintf(path, sizeof(path), "%s/%s/%s.csv", folder, rows->network,
			  jm_layer_kind_text(rows->features.kind));
	if (length >= (int)sizeof(path))
		return jm_error_set(err, JM_E_INVALID, "the path of %s is too long", rows->network);
	write_header(&b, rows->features.kind, is_historic);
	for (i = 0; i < n; i++)
		write_row(&b, &rows[i], is_historic);
	rc = b.is_failed ? jm_error_set(err, JM_E_NOMEM, "no memory for %s", path) : jm_file_write(path, b.data, b.n, true, err);
	jm_buffer_finish(&b);
	return rc;
}

int jm_dataset_write(const struct jm_dataset *d, const char *folder, bool is_historic, struct jm_error *err)
{
	size_t i, n;
	int rc = make_folder(folder, err);

	for (i = 0; i < d->n && rc == 0; i += n) {
		const struct jm_dataset_row *first = &d->rows[i];

		for (n = 1; i + n < d->n; n++)
			if (first[n].features.kind != first->features.kind || strcmp(first[n].network, first->network) != 0)
				break;
		if (i == 0 || strcmp(first->network, first[-1].network) != 0)
			rc = clear_network(folder, first->network, err);
		if (rc == 0 && (!is_historic || first->features.kind <= JM_LAYER_DENSE))
			rc = write_table(folder, first, n, is_historic, err);
	}
	return rc;
}
