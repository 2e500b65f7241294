#define _GNU_SOURCE
#include "dataset/dataset.h"

#include "core/error.h"
#include "core/text.h"
#include "model/model.h"
#include "trace/table.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TABLE_BYTES_MAX (UINT64_C(1) << 30)

/* Columns besides the features. */
enum own { POWER, RUNTIME, LAYER, TYPE, PRECISION, MACS, FLOPS, BYTES, POWER_LOW, POWER_HIGH, STATE, COUNT, DEVICE, CLOCK, MEMORY_CLOCK, OWN };
static const char *const own_names[OWN] = {"power",	"runtime", "layer_name", "layer_type", "precision", "macs",
					   "flops",	"bytes",   "power_low",	 "power_high", "power_state", "count",
					   "device",	"clock_mhz", "memory_clock_mhz"};

/* Which column of the file is which; -1: not there. */
struct header {
	int features[JM_FEATURES_MAX], own[OWN];
	struct jm_layer_columns columns;
};

struct reading {
	const char *path, *network;
	enum jm_layer_kind kind;
	struct jm_dataset *d;
	size_t *n_left_out;
	struct jm_error *err;
};

static int find(const struct jm_table *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->n_fields; i++)
		if (jm_field_is(&t->fields[i], name))
			return (int)i;
	return -1;
}

static int read_header(struct reading *r, const struct jm_table *t, struct header *h)
{
	size_t i;

	jm_layer_columns(r->kind, &h->columns);
	for (i = 0; i < h->columns.n; i++) {
		h->features[i] = find(t, h->columns.names[i]);
		if (h->features[i] < 0 && i < h->columns.n_historic)
			return jm_error_set(r->err, JM_E_FORMAT, "%s: there is no column '%s'", r->path,
					    h->columns.names[i]);
	}
	for (i = 0; i < OWN; i++) {
		h->own[i] = find(t, own_names[i]);
		if (h->own[i] < 0 && i <= LAYER)
			return jm_error_set(r->err, JM_E_FORMAT, "%s: there is no column '%s'", r->path, own_names[i]);
	}
	return 0;
}

/* NAN where the column or the figure is missing. Errors: JM_E_FORMAT. */
static int number(struct reading *r, const struct jm_table *t, int column, double *out)
{
	const struct jm_field *f = &t->fields[column < 0 ? 0 : column];

	*out = NAN;
	if (column < 0 || (size_t)column >= t->n_fields || f->n == 0)
		return 0;
	if (jm_text_double(f->text, f->n, out) == 0)
		return 0;
	return jm_error_set(r->err, JM_E_FORMAT, "%s:%llu: '%.*s' is no number", r->path, (unsigned long long)t->line,
			    (int)(f->n < 60 ? f->n : 60), f->text);
}

static char *text(const struct jm_table *t, int column)
{
	if (column < 0 || (size_t)column >= t->n_fields)
		return strdup("");
	return strndup(t->fields[column].text, t->fields[column].n);
}

static int dtype_of(const char *name)
{
	int i;

	for (i = 1; i < JM_DTYPE_MAX; i++)
		if (strcmp(jm_dtype_text(i), name) == 0)
			return i;
	return JM_DTYPE_UNKNOWN;
}

/* The historic tables hold no groups, dilation or padding of poolings: what their networks had mostly. */
static double assumed(const char *column)
{
	return strcmp(column, "groups") == 0 || strncmp(column, "dilation", 8) == 0 ? 1 : 0;
}

static int read_features(struct reading *r, const struct jm_table *t, const struct header *h, struct jm_features *f)
{
	size_t i;
	int rc = 0;

	*f = (struct jm_features){.kind = r->kind};
	for (i = 0; i < h->columns.n && rc == 0; i++) {
		rc = number(r, t, h->features[i], &f->values[i]);
		if (rc == 0 && isnan(f->values[i]) && i >= h->columns.n_historic)
			f->values[i] = assumed(h->columns.names[i]);
		else if (rc == 0 && !(f->values[i] >= 0))
			rc = jm_error_set(r->err, JM_E_FORMAT, "%s:%llu: the column %s has no value that a layer can have",
					  r->path, (unsigned long long)t->line, h->columns.names[i]);
	}
	rc = rc ? rc : number(r, t, h->own[MACS], &f->macs);
	rc = rc ? rc : number(r, t, h->own[FLOPS], &f->flops);
	rc = rc ? rc : number(r, t, h->own[BYTES], &f->bytes);
	return rc;
}

static int read_figures(struct reading *r, const struct jm_table *t, const struct header *h, struct jm_dataset_row *row)
{
	double count;
	int rc = number(r, t, h->own[POWER], &row->power_w);

	rc = rc ? rc : number(r, t, h->own[RUNTIME], &row->runtime_ms);
	rc = rc ? rc : number(r, t, h->own[POWER_LOW], &row->power_low_w);
	rc = rc ? rc : number(r, t, h->own[POWER_HIGH], &row->power_high_w);
	rc = rc ? rc : number(r, t, h->own[COUNT], &count);
	rc = rc ? rc : number(r, t, h->own[CLOCK], &row->clock_mhz);
	rc = rc ? rc : number(r, t, h->own[MEMORY_CLOCK], &row->memory_clock_mhz);
	if (rc)
		return rc;
	row->power_w *= 1e-6;
	row->power_low_w *= 1e-6;
	row->power_high_w *= 1e-6;
	row->count = count > 0 && count < 9e15 ? (uint64_t)count : 0;
	return 0;
}

static int read_row(struct reading *r, const struct jm_table *t, const struct header *h)
{
	struct jm_dataset_row row = {.network = (char *)(uintptr_t)r->network};
	char *precision = text(t, h->own[PRECISION]), *state = text(t, h->own[STATE]);
	int rc = read_features(r, t, h, &row.features);

	rc = rc ? rc : read_figures(r, t, h, &row);
	row.layer = text(t, h->own[LAYER]);
	row.type = text(t, h->own[TYPE]);
	row.device = text(t, h->own[DEVICE]);
	if (rc == 0 && !(row.runtime_ms > 0) && isnan(row.power_w)) {
		++*r->n_left_out;
	} else if (rc == 0) {
		row.features.dtype = precision ? dtype_of(precision) : JM_DTYPE_UNKNOWN;
		row.power_state = isnan(row.power_w)			     ? JM_POWER_UNKNOWN
				  : state && strcmp(state, "estimated") == 0 ? JM_POWER_ESTIMATED
									     : JM_POWER_MEASURED;
		jm_features_complete(&row.features);
		if (!row.layer || !row.type || !row.device || jm_dataset_add(r->d, &row))
			rc = jm_error_set(r->err, JM_E_NOMEM, "no memory for %s", r->path);
	}
	free(row.layer);
	free(row.type);
	free(row.device);
	free(precision);
	free(state);
	return rc;
}

static int read_table(struct reading *r)
{
	struct header h;
	struct jm_table t;
	unsigned char *data = NULL;
	size_t n;
	int rc = jm_model_file(r->path, TABLE_BYTES_MAX, &data, &n, r->err), more;

	if (rc)
		return rc;
	jm_table_init(&t, (const char *)data, n);
	more = jm_table_next(&t);
	if (more == 1)
		rc = read_header(r, &t, &h);
	while (more == 1 && rc == 0 && (more = jm_table_next(&t)) == 1)
		rc = read_row(r, &t, &h);
	if (rc == 0 && more < 0)
		rc = jm_error_set(r->err, more, "%s:%llu: this is no table", r->path, (unsigned long long)t.line);
	jm_table_finish(&t);
	free(data);
	return rc;
}

static int read_network(const char *folder, const char *network, struct jm_dataset *d, size_t *n_left_out, size_t *n_tables,
			struct jm_error *err)
{
	char path[4096];
	int kind, rc = 0;

	for (kind = 0; kind < JM_LAYER_KINDS && rc == 0; kind++) {
		struct reading r = {path, network, (enum jm_layer_kind)kind, d, n_left_out, err};
		struct stat st;

		if (snprintf(path, sizeof(path), "%s/%s/%s.csv", folder, network, jm_layer_kind_text(r.kind)) >=
		    (int)sizeof(path))
			return jm_error_set(err, JM_E_INVALID, "the path of %s is too long", network);
		if (stat(path, &st) || !S_ISREG(st.st_mode))
			continue;
		rc = read_table(&r);
		++*n_tables;
	}
	return rc;
}

int jm_dataset_read(const char *folder, struct jm_dataset *d, size_t *n_left_out, struct jm_error *err)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t n_tables = 0;
	int rc = 0;

	*n_left_out = 0;
	if (!dir)
		return jm_error_errno(err, errno, "cannot open the folder %s", folder);
	while (rc == 0 && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			rc = read_network(folder, entry->d_name, d, n_left_out, &n_tables, err);
	closedir(dir);
	if (rc == 0 && n_tables == 0) {
		jm_error_set(err, JM_E_NOT_FOUND, "%s holds no training data", folder);
		jm_error_remedy(err, "joulemap dataset build RECORDING... -o %s makes some", folder);
		rc = JM_E_NOT_FOUND;
	}
	jm_dataset_sort(d);
	return rc;
}

static bool is_network(const char *folder, const char *name)
{
	char path[4096];
	struct stat st;
	int kind;

	for (kind = 0; name[0] != '.' && kind < JM_LAYER_KINDS; kind++)
		if (snprintf(path, sizeof(path), "%s/%s/%s.csv", folder, name,
			     jm_layer_kind_text((enum jm_layer_kind)kind)) < (int)sizeof(path) &&
		    stat(path, &st) == 0)
			return true;
	return false;
}

int jm_dataset_others(const struct jm_dataset *d, const char *folder, struct jm_buffer *names, size_t *n)
{
	struct dirent **entries;
	int n_entries = scandir(folder, &entries, NULL, alphasort), i;
	size_t k;

	*n = 0;
	for (i = 0; i < n_entries; i++) {
		for (k = 0; k < d->n && strcmp(d->rows[k].network, entries[i]->d_name) != 0; k++)
			;
		if (k == d->n && is_network(folder, entries[i]->d_name))
			jm_buffer_printf(names, "%s%s", (*n)++ ? ", " : "", entries[i]->d_name);
		free(entries[i]);
	}
	if (n_entries >= 0)
		free(entries);
	return names->is_failed ? JM_E_NOMEM : 0;
}
