#define _GNU_SOURCE
#include "core/error.h"
#include "trace/map_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 4096

struct names {
	char **items;
	size_t n;
};

static void warn(const struct jm_map_options *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void warn(const struct jm_map_options *o, const char *format, ...)
{
	char text[512];
	va_list args;

	if (!o->warn)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	o->warn(o->ctx, text);
}

static int join(char *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int join(char *out, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(out, PATH_BYTES, format, args);
	va_end(args);
	return n < 0 || n >= PATH_BYTES ? JM_E_INVALID : 0;
}

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* Finds the one file of folder whose name fits pattern. Errors: JM_E_NOT_FOUND; JM_E_INVALID when several do. */
static int find_one(const char *folder, const char *pattern, char *out)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int n = 0;

	while (dir && (entry = readdir(dir)))
		if (fnmatch(pattern, entry->d_name, 0) == 0 && join(out, "%s/%s", folder, entry->d_name) == 0)
			n++;
	if (dir)
		closedir(dir);
	return n == 1 ? 0 : n == 0 ? JM_E_NOT_FOUND : JM_E_INVALID;
}

static int find_power_log(const char *folder, const char *name, char *out, struct jm_error *err)
{
	int rc = join(out, "%s/%s_power_log.log", folder, name);

	if (rc)
		return jm_error_set(err, rc, "the path of %s is too long", name);
	if (exists(out))
		return 0;
	rc = find_one(folder, "*power_log*.log", out);
	if (rc == JM_E_INVALID)
		return jm_error_set(err, rc, "%s holds several power logs", folder);
	if (rc)
		return jm_error_set(err, rc, "%s holds no power log (%s_power_log.log)", folder, name);
	return 0;
}

/* The idle power of the tree. A tree without one can be mapped, but not compared with what the scripts made of it. */
static int find_idle(const struct jm_map_options *o, double *out_uw, struct jm_error *err)
{
	char path[PATH_BYTES];

	*out_uw = NAN;
	if (join(path, "%s/idling_power.json", o->raw_data_dir))
		return jm_error_set(err, JM_E_INVALID, "the path is too long");
	if (exists(path) || find_one(o->raw_data_dir, "*idling_power_log*.log", path) == 0)
		return jm_map_idle_load(path, out_uw, err);
	if (o->mode != JM_MAP_CORRECTED)
		return jm_error_set(err, JM_E_NOT_FOUND, "%s holds no idling_power.json", o->raw_data_dir);
	warn(o, "%s holds no idling_power.json: the power without idle power stays empty", o->raw_data_dir);
	return 0;
}

static int make_folder(const char *path, struct jm_error *err)
{
	char copy[PATH_BYTES];
	char *c;

	if (join(copy, "%s", path))
		return jm_error_set(err, JM_E_INVALID, "the path is too long");
	for (c = copy + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		mkdir(copy, 0777);
		*c = '/';
	}
	if (mkdir(copy, 0777) && errno != EEXIST)
		return jm_error_errno(err, errno, "cannot make the folder %s", path);
	return 0;
}

static int copy_file(const char *from, const char *to, struct jm_error *err)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1, rc = 0;
	char data[65536];
	ssize_t n = 0;

	if (in < 0)
		return jm_error_errno(err, errno, "cannot read %s", from);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	while (out >= 0 && (n = read(in, data, sizeof(data))) > 0)
		if (write(out, data, (size_t)n) != n) {
			n = -1;
			break;
		}
	if (out < 0 || n < 0)
		rc = jm_error_errno(err, errno, "cannot copy %s to %s", from, to);
	if (out >= 0 && close(out) && !rc)
		rc = jm_error_errno(err, errno, "cannot write %s", to);
	close(in);
	return rc;
}

/* Writes beside the final name and renames: a CSV that is there is whole. */
static int write_csv(const struct jm_map_options *o, const struct jm_map_layers *layers,
		     const struct jm_map_power *power, double idle_uw, struct jm_map_model *m, struct jm_error *err)
{
	char part[PATH_BYTES + 8];
	int fd, rc;

	snprintf(part, sizeof(part), "%s.part", m->csv_path);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return jm_error_errno(err, errno, "cannot write %s", part);
	rc = jm_map_write(fd, layers, power, idle_uw, o->mode, m, err);
	if (close(fd) && !rc)
		rc = jm_error_errno(err, errno, "cannot write %s", part);
	if (!rc && rename(part, m->csv_path))
		rc = jm_error_errno(err, errno, "cannot rename %s", part);
	if (rc)
		unlink(part);
	return rc;
}

static int load_model(const char *folder, const char *log, enum jm_map_mode mode, struct jm_map_layers *layers,
		      struct jm_map_power *power, struct jm_error *err)
{
	char path[PATH_BYTES];
	struct jm_map_parts *parts;
	int rc, power_rc;

	if (join(path, "%s/trt_profiling/trt_layer_latency.json", folder))
		return jm_error_set(err, JM_E_INVALID, "the path is too long");
	rc = jm_map_parts_start(path, &parts, err);
	if (rc)
		return rc;
	power_rc = jm_map_power_load(log, mode != JM_MAP_CORRECTED, power, err);
	rc = jm_map_parts_finish(parts, layers, power_rc ? NULL : err);
	if (power_rc || rc)
		return power_rc ? power_rc : rc;
	if (join(path, "%s/trt_profiling/trt_engine_info.json", folder))
		return jm_error_set(err, JM_E_INVALID, "the path is too long");
	return jm_map_types_load(path, layers, err);
}

/* What the scripts could not read either, and what the corrected way must put in order first. */
static int check(const struct jm_map_options *o, const char *name, struct jm_map_layers *layers,
		 struct jm_map_power *power, struct jm_error *err)
{
	uint64_t n_back;

	if (o->mode != JM_MAP_CORRECTED) {
		if (!layers->has_stamps)
			return jm_error_set(err, JM_E_UNSUPPORTED,
					    "%s: the latencies have no times of day, nothing ties them to the log",
					    name);
		if (power->n == 0)
			return jm_error_set(err, JM_E_FORMAT, "%s: the power log is empty", name);
		return 0;
	}
	if (!layers->has_stamps)
		warn(o, "%s: the latencies have no times of day, nothing ties them to the power log: no power", name);
	if (power->has_cut_end)
		warn(o, "%s: the last line of the power log has no end and was left out, as it may be cut off", name);
	if (power->n == 0)
		warn(o, "%s: the power log is empty: no power", name);
	n_back = jm_map_count_steps_back(layers);
	if (n_back > 0)
		warn(o,
		     "%s: the clock of the layers steps back %llu times: power around it may be that of another time",
		     name, (unsigned long long)n_back);
	if (power->n > 0 && !power->is_sorted)
		warn(o, "%s: the clock of the power log steps back: its readings were sorted by time", name);
	return jm_map_power_sort(power) ? jm_error_set(err, JM_E_NOMEM, "out of memory") : 0;
}

static void warn_of_rows(const struct jm_map_options *o, const struct jm_map_model *m)
{
	if (m->n_laid > 0)
		warn(o,
		     "%s: in %llu of %llu cycles the times of the layers overlap, as TensorRT reports them after the "
		     "cycle: "
		     "the layers were laid back to back before the last report",
		     m->name, (unsigned long long)m->n_laid, (unsigned long long)m->n_cycles);
	if (m->n_after_log + m->n_before_log > 0)
		warn(o, "%s: %llu rows lie before and %llu after the power log: their power is missing", m->name,
		     (unsigned long long)m->n_before_log, (unsigned long long)m->n_after_log);
	if (m->n_dropped > 0)
		warn(o, "%s: %llu rows after the end of the power log were dropped, as the script does", m->name,
		     (unsigned long long)m->n_dropped);
}

static int map_model(const struct jm_map_options *o, const char *name, double idle_uw, struct jm_map_model *m,
		     struct jm_error *err)
{
	char folder[PATH_BYTES], log[PATH_BYTES], info[PATH_BYTES], copy[PATH_BYTES];
	struct jm_map_layers layers = {0};
	struct jm_map_power power = {0};
	int rc;

	if (join(folder, "%s/%s", o->raw_data_dir, name) ||
	    join(copy, "%s/%s/trt_engine_info.json", o->result_dir, name) ||
	    join(info, "%s/trt_profiling/trt_engine_info.json", folder))
		return jm_error_set(err, JM_E_INVALID, "the path of %s is too long", name);
	if (!o->overwrite && (exists(m->csv_path) || exists(copy))) {
		jm_error_set(err, JM_E_EXISTS, "%s exists", exists(m->csv_path) ? m->csv_path : copy);
		return jm_error_remedy(err, "use --force to replace it, or another folder");
	}
	rc = find_power_log(folder, name, log, err);
	if (!rc)
		rc = load_model(folder, log, o->mode, &layers, &power, err);
	if (!rc)
		rc = check(o, name, &layers, &power, err);
	if (!rc && !join(folder, "%s/%s", o->result_dir, name))
		rc = make_folder(folder, err);
	if (!rc)
		rc = write_csv(o, &layers, &power, idle_uw, m, err);
	if (!rc)
		rc = copy_file(info, copy, err);
	if (!rc)
		warn_of_rows(o, m);
	jm_map_layers_finish(&layers);
	jm_map_power_finish(&power);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_finish(struct names *names)
{
	while (names->n > 0)
		free(names->items[--names->n]);
	free(names->items);
}

/* The folders of the tree, in order; stray files and hidden folders are left out. */
static int list_models(const char *raw_data_dir, struct names *names, struct jm_error *err)
{
	DIR *dir = opendir(raw_data_dir);
	struct dirent *entry;
	char path[PATH_BYTES];
	struct stat st;

	if (!dir)
		return jm_error_errno(err, errno, "cannot read %s", raw_data_dir);
	while ((entry = readdir(dir))) {
		char **items;

		if (entry->d_name[0] == '.' || join(path, "%s/%s", raw_data_dir, entry->d_name) || stat(path, &st) ||
		    !S_ISDIR(st.st_mode))
			continue;
		items = realloc(names->items, (names->n + 1) * sizeof(*items));
		if (!items)
			break;
		names->items = items;
		items[names->n] = strdup(entry->d_name);
		if (!items[names->n])
			break;
		names->n++;
	}
	closedir(dir);
	if (entry)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	if (names->n == 0)
		return jm_error_set(err, JM_E_NOT_FOUND, "%s holds no folder of a model", raw_data_dir);
	qsort(names->items, names->n, sizeof(*names->items), by_name);
	return 0;
}

int jm_map_raw_data(const struct jm_map_options *options, struct jm_error *err)
{
	struct names names = {0};
	char csv[PATH_BYTES];
	double idle_uw = NAN;
	size_t i;
	int rc, first = 0;

	if (options->size != sizeof(*options) || !options->raw_data_dir || !options->result_dir)
		return jm_error_set(err, JM_E_INVALID, "the options of the mapping are incomplete");
	rc = list_models(options->raw_data_dir, &names, err);
	if (!rc)
		rc = find_idle(options, &idle_uw, err);
	for (i = 0; i < names.n && !rc; i++) {
		struct jm_map_model m = {.name = names.items[i], .csv_path = csv};

		if (join(csv, "%s/%s/power_runtime_mapping_layerwise.csv", options->result_dir, m.name))
			m.rc = jm_error_set(&m.error, JM_E_INVALID, "the path of %s is too long", m.name);
		else
			m.rc = map_model(options, m.name, idle_uw, &m, &m.error);
		if (options->report)
			options->report(options->ctx, &m);
		if (m.rc && !first) {
			first = m.rc;
			if (err)
				*err = m.error;
		}
	}
	names_finish(&names);
	return rc ? rc : first;
}
