/* Training data from mapped layers: power_runtime_mapping_layerwise.csv beside trt_engine_info.json, as joulemap map and the
 * historic scripts write them, and from the raw data that these are made of. */
#define _GNU_SOURCE
#include "session/dataset.h"

#include "core/error.h"
#include "core/text.h"
#include "dataset/engine.h"
#include "joulemap/map.h"
#include "model/model.h"
#include "trace/table.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAPPING        "power_runtime_mapping_layerwise.csv"
#define ENGINE         "trt_engine_info.json"
#define IDLE           "idling_power.json"
#define FILE_BYTES_MAX (UINT64_C(4) << 30)
#define LAYER_NAME     "layer_name"
#define POWER_COLUMN   "layer_power_excluding_idle_power_micro_watt"
#define RUNTIME_COLUMN "layer_run_time"

/* Sums of one layer over the cycles. */
struct sums {
	double power_uw, power_squares, time_ms;
	uint64_t n_rows, n_power, n_time;
};

struct mapping {
	const char *path;
	const struct jm_engine *engine;
	struct sums *sums; /* by layer of the engine */
	size_t next;       /* layers come in the engine's order: the next one is most often the one */
	size_t n_unknown;  /* rows of layers that the engine does not list */
	double unknown_ms;
	int name, power, time;
};

static bool exists(const char *folder, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	return snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path) && stat(path, &st) == 0 &&
	       S_ISREG(st.st_mode);
}

static int column(const struct jm_table *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->n_fields; i++)
		if (jm_field_is(&t->fields[i], name))
			return (int)i;
	return -1;
}

static struct sums *find_layer(struct mapping *m, const struct jm_field *name)
{
	size_t i, n = m->engine->n;

	for (i = 0; i < n; i++) {
		size_t at = (m->next + i) % n;
		const char *text = m->engine->layers[at].name;

		if (strlen(text) == name->n && memcmp(text, name->text, name->n) == 0) {
			m->next = at + 1;
			return &m->sums[at];
		}
	}
	return NULL;
}

/* Missing figures are empty fields. Errors: JM_E_FORMAT. */
static int add_figure(const struct mapping *m, const struct jm_table *t, int at, double *sum, double *squares,
		      uint64_t *n, struct jm_error *err)
{
	const struct jm_field *f = &t->fields[at];
	double value;

	if (f->n == 0)
		return 0;
	if (jm_text_double(f->text, f->n, &value))
		return jm_error_set(err, JM_E_FORMAT, "%s:%llu: '%.*s' is no number", m->path,
				    (unsigned long long)t->line, (int)(f->n < 60 ? f->n : 60), f->text);
	*sum += value;
	if (squares)
		*squares += value * value;
	++*n;
	return 0;
}

static int add_row(struct mapping *m, const struct jm_table *t, struct jm_error *err)
{
	struct sums *s;
	int most = m->name > m->power ? m->name : m->power, rc;

	most = most > m->time ? most : m->time;
	if ((size_t)most >= t->n_fields)
		return jm_error_set(err, JM_E_FORMAT, "%s:%llu: the row has %zu fields", m->path,
				    (unsigned long long)t->line, t->n_fields);
	s = find_layer(m, &t->fields[m->name]);
	if (!s) {
		uint64_t n_ignored = 0;

		m->n_unknown++;
		return add_figure(m, t, m->time, &m->unknown_ms, NULL, &n_ignored, err);
	}
	s->n_rows++;
	rc = add_figure(m, t, m->power, &s->power_uw, &s->power_squares, &s->n_power, err);
	return rc ? rc : add_figure(m, t, m->time, &s->time_ms, NULL, &s->n_time, err);
}

static int read_mapping(struct mapping *m, struct jm_error *err)
{
	struct jm_table t;
	unsigned char *data = NULL;
	size_t n;
	int rc = jm_model_file(m->path, FILE_BYTES_MAX, &data, &n, err), more;

	if (rc)
		return rc;
	jm_table_init(&t, (const char *)data, n);
	more = jm_table_next(&t);
	m->name = column(&t, LAYER_NAME);
	m->power = column(&t, POWER_COLUMN);
	m->time = column(&t, RUNTIME_COLUMN);
	if (more == 1 && (m->name < 0 || m->power < 0 || m->time < 0))
		rc = jm_error_set(
		    err, JM_E_FORMAT,
		    "%s: the columns " LAYER_NAME ", " POWER_COLUMN " and " RUNTIME_COLUMN " were expected", m->path);
	while (rc == 0 && more == 1 && (more = jm_table_next(&t)) == 1)
		rc = add_row(m, &t, err);
	if (rc == 0 && more < 0)
		rc = jm_error_set(err, more, "%s:%llu: this is no table", m->path, (unsigned long long)t.line);
	jm_table_finish(&t);
	free(data);
	return rc;
}

/* The historic scripts keep three types alone, and pass over a network with one layer that is rare. */
static bool is_historic_type(const char *type)
{
	return strcmp(type, "CaskConvolution") == 0 || strcmp(type, "CaskPooling") == 0 ||
	       strcmp(type, "CaskGemmConvolution") == 0;
}

static bool is_rare(const struct jm_dataset_building *b, const struct sums *s)
{
	return s->n_power < b->count_min || s->n_time < b->count_min;
}

/* Layers without a row do not count, there as here. */
static bool is_passed_over(const struct jm_dataset_building *b, const struct mapping *m)
{
	size_t i;

	for (i = 0; b->options->is_historic && i < m->engine->n; i++)
		if (m->sums[i].n_rows && is_historic_type(m->engine->layers[i].type) && is_rare(b, &m->sums[i]))
			return true;
	return false;
}

static int add_layers(struct jm_dataset_building *b, const struct mapping *m, const char *network, struct jm_error *err)
{
	size_t i, n_rare = 0, n_unknown = 0, n_taken = 0;
	double time_ms = m->unknown_ms, taken_ms = 0;

	if (is_passed_over(b, m)) {
		jm_dataset_tell(b, "%s: passed over whole, as the historic scripts do: a layer has too few readings",
				network);
		return 0;
	}
	for (i = 0; i < m->engine->n; i++) {
		const struct jm_engine_layer *l = &m->engine->layers[i];
		const struct sums *s = &m->sums[i];
		struct jm_dataset_row row = {.network = (char *)(uintptr_t)network,
					     .layer = l->name,
					     .type = l->type,
					     .clock_mhz = NAN,
					     .memory_clock_mhz = NAN};
		double variance;

		time_ms += s->time_ms;
		if (!l->is_known || (b->options->is_historic && !is_historic_type(l->type))) {
			n_unknown++;
			continue;
		}
		if (is_rare(b, s)) {
			n_rare++;
			continue;
		}
		row.features = l->features;
		row.runtime_ms = s->time_ms / (double)s->n_time;
		row.power_w = s->power_uw / (double)s->n_power * 1e-6;
		variance = s->power_squares / (double)s->n_power - pow(s->power_uw / (double)s->n_power, 2);
		row.power_low_w = row.power_w - 1.96e-6 * sqrt(fmax(variance, 0) / (double)s->n_power);
		row.power_high_w = 2 * row.power_w - row.power_low_w;
		row.power_state = JM_POWER_MEASURED;
		row.count = s->n_time;
		n_taken++;
		taken_ms += s->time_ms;
		if (jm_dataset_add(&b->data, &row))
			return jm_error_set(err, JM_E_NOMEM, "no memory for %s", m->path);
	}
	jm_dataset_tell(b, "%s: %zu layers, %.1f %% of the layers' time", network, n_taken,
			time_ms > 0 ? 100 * taken_ms / time_ms : 0);
	if (n_rare)
		jm_dataset_tell(b, "%s: %zu layers left out, less than %llu readings of power and time", network,
				n_rare, (unsigned long long)b->count_min);
	if (n_unknown)
		jm_dataset_tell(b, "%s: %zu layers left out, of no kind that is learnt", network, n_unknown);
	if (m->n_unknown)
		jm_dataset_tell(b, "%s: %zu rows of layers that the engine does not list", network, m->n_unknown);
	return 0;
}

static int take_mapped(struct jm_dataset_building *b, const char *folder, struct jm_error *err)
{
	char path[PATH_MAX], network[256], whole[PATH_MAX];
	struct jm_engine engine = {0};
	struct mapping m = {.path = path, .engine = &engine};
	unsigned char *data = NULL;
	size_t n;
	int rc;

	if (snprintf(path, sizeof(path), "%s/" ENGINE, folder) >= (int)(sizeof(path) - sizeof(MAPPING)))
		return jm_error_set(err, JM_E_INVALID, "the path %s is too long", folder);
	rc = jm_model_file(path, FILE_BYTES_MAX, &data, &n, err);
	rc = rc ? rc : jm_engine_read(path, (const char *)data, n, b->options->is_historic, &engine, err);
	free(data);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/" MAPPING, folder);
	m.sums = calloc(engine.n + 1, sizeof(*m.sums));
	rc = m.sums ? read_mapping(&m, err) : jm_error_set(err, JM_E_NOMEM, "no memory for %s", path);
	/* "." and "x/" have a name, too. */
	jm_dataset_network_name(realpath(folder, whole) ? whole : folder, network, sizeof(network));
	rc = rc ? rc : add_layers(b, &m, network, err);
	free(m.sums);
	jm_engine_finish(&engine);
	return rc;
}

static void remove_tree(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	char inner[PATH_MAX];

	while (dir && (e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (snprintf(inner, sizeof(inner), "%s/%s", path, e->d_name) < (int)sizeof(inner) && unlink(inner))
			remove_tree(inner);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

/* Raw data are mapped first, into a folder that goes again. */
static int take_raw(struct jm_dataset_building *b, const char *folder, struct jm_error *err)
{
	const char *base = getenv("TMPDIR");
	char mapped[PATH_MAX];
	struct jm_map_options options = {.size = sizeof(options),
					 .raw_data_dir = folder,
					 .result_dir = mapped,
					 .mode = b->options->is_historic ? JM_MAP_HEAD : JM_MAP_CORRECTED,
					 .overwrite = true,
					 .warn = b->options->tell,
					 .ctx = b->options->ctx};
	int rc;

	if (snprintf(mapped, sizeof(mapped), "%s/joulemap-map-XXXXXX", base && base[0] ? base : "/tmp") >=
		(int)sizeof(mapped) ||
	    !mkdtemp(mapped))
		return jm_error_errno(err, errno, "cannot make the folder %s", mapped);
	rc = jm_map_raw_data(&options, err);
	rc = rc ? rc : jm_dataset_take_folder(b, mapped, err);
	remove_tree(mapped);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Folders of networks, in the order of their names. */
static int take_tree(struct jm_dataset_building *b, const char *folder, size_t *n_out, struct jm_error *err)
{
	struct dirent **entries;
	char path[PATH_MAX];
	char **names;
	int n = scandir(folder, &entries, NULL, NULL), i, n_names = 0, rc = 0;

	if (n < 0)
		return jm_error_errno(err, errno, "cannot open the folder %s", folder);
	names = calloc((size_t)n + 1, sizeof(*names));
	for (i = 0; i < n; i++) {
		int length = snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);

		if (names && length < (int)sizeof(path) && entries[i]->d_name[0] != '.' && exists(path, MAPPING))
			names[n_names++] = strdup(path);
		free(entries[i]);
	}
	free(entries);
	if (names)
		qsort(names, (size_t)n_names, sizeof(*names), by_name);
	for (i = 0; i < n_names; i++) {
		rc = rc || !names[i] ? rc : take_mapped(b, names[i], err);
		free(names[i]);
	}
	free(names);
	*n_out = (size_t)n_names;
	return rc;
}

int jm_dataset_take_folder(struct jm_dataset_building *b, const char *path, struct jm_error *err)
{
	size_t n;
	int rc;

	if (exists(path, MAPPING))
		return take_mapped(b, path, err);
	if (exists(path, IDLE))
		return take_raw(b, path, err);
	rc = take_tree(b, path, &n, err);
	if (rc == 0 && n == 0) {
		jm_error_set(err, JM_E_NOT_FOUND, "%s holds no mapped layers and no raw data", path);
		jm_error_remedy(err, "expected: NETWORK/" MAPPING " beside " ENGINE ", or " IDLE
				     " beside folders of networks");
		rc = JM_E_NOT_FOUND;
	}
	return rc;
}
