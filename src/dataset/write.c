#define _GNU_SOURCE
#include "dataset/dataset.h"

#include "core/error.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
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

/* Through a second name, so that a table is never half there. */
static int write_file(const char *path, const struct jm_buffer *b, struct jm_error *err)
{
	char partial[4096 + 16];
	int fd, rc = 0;
	size_t done = 0;

	snprintf(partial, sizeof(partial), "%s.partial", path);
	fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return jm_error_errno(err, errno, "cannot write %s", partial);
	while (done < b->n && rc == 0) {
		ssize_t n = write(fd, b->data + done, b->n - done);

		if (n < 0 && errno != EINTR)
			rc = jm_error_errno(err, errno, "cannot write %s", partial);
		done += n > 0 ? (size_t)n : 0;
	}
	if (close(fd) && rc == 0)
		rc = jm_error_errno(err, errno, "cannot write %s", partial);
	if (rc == 0 && rename(partial, path))
		rc = jm_error_errno(err, errno, "cannot write %s", path);
	if (rc)
		unlink(partial);
	return rc;
}

static int write_table(const char *folder, const struct jm_dataset_row *rows, size_t n, bool is_historic,
		       struct jm_error *err)
{
	struct jm_buffer b = {0};
	char path[4096];
	size_t i;
	int rc, length;

	if (strchr(rows->network, '/') || rows->network[0] == '.' || !rows->network[0])
		return jm_error_set(err, JM_E_INVALID, "'%s' is no name for a network's folder", rows->network);
	snprintf(path, sizeof(path), "%s/%s", folder, rows->network);
	rc = make_folder(path, err);
	if (rc)
		return rc;
	length = snprintf(path, sizeof(path), "%s/%s/%s.csv", folder, rows->network,
			  jm_layer_kind_text(rows->features.kind));
	if (length >= (int)sizeof(path))
		return jm_error_set(err, JM_E_INVALID, "the path of %s is too long", rows->network);
	write_header(&b, rows->features.kind, is_historic);
	for (i = 0; i < n; i++)
		write_row(&b, &rows[i], is_historic);
	rc = b.is_failed ? jm_error_set(err, JM_E_NOMEM, "no memory for %s", path) : write_file(path, &b, err);
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
		if (!is_historic || first->features.kind <= JM_LAYER_DENSE)
			rc = write_table(folder, first, n, is_historic, err);
	}
	return rc;
}
