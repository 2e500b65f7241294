/* Reads the small files of a raw_data tree: power log, idle power, engine info. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/json.h"
#include "core/text.h"
#include "trace/map_internal.h"
#include "trace/stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* No log or engine info comes near; a hostile file does not fill the memory. */
#define MAX_TEXT_BYTES ((off_t)1 << 30)

static int no_memory(struct jm_error *err)
{
	return jm_error_set(err, JM_E_NOMEM, "out of memory");
}

/* Loads a whole file. *text_out: yours, free(). */
static int load(const char *path, char **text_out, size_t *n_out, struct jm_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	ssize_t got = -1;
	char *text = NULL;
	size_t n = 0;

	if (size >= 0 && size <= MAX_TEXT_BYTES)
		text = malloc((size_t)size + 1);
	while (text && (got = pread(fd, text + n, (size_t)size - n, (off_t)n)) > 0)
		n += (size_t)got;
	if (!text || got < 0) {
		int error = size > MAX_TEXT_BYTES ? EFBIG : errno;

		free(text);
		if (fd >= 0)
			close(fd);
		return jm_error_errno(err, error, "cannot read %s", path);
	}
	close(fd);
	*text_out = text;
	*n_out = n;
	return 0;
}

void jm_map_power_finish(struct jm_map_power *power)
{
	free(power->t_us);
	free(power->power_uw);
	memset(power, 0, sizeof(*power));
}

static int power_add(struct jm_map_power *power, int64_t t_us, double power_uw)
{
	if (power->n == power->capacity) {
		size_t capacity = power->capacity ? 2 * power->capacity : 4096;
		int64_t *t = realloc(power->t_us, capacity * sizeof(*t));
		double *p;

		if (!t)
			return JM_E_NOMEM;
		power->t_us = t;
		p = realloc(power->power_uw, capacity * sizeof(*p));
		if (!p)
			return JM_E_NOMEM;
		power->power_uw = p;
		power->capacity = capacity;
	}
	if (power->n == 0)
		power->is_sorted = true;
	else if (t_us < power->t_us[power->n - 1])
		power->is_sorted = false;
	power->t_us[power->n] = t_us;
	power->power_uw[power->n++] = power_uw;
	return 0;
}

/* One line: time, mV, mA. The product of mV and mA is uW. */
static int power_line(struct jm_map_power *power, struct jm_stamp_cache *cache, const char *line, size_t n)
{
	const char *first = memchr(line, ',', n);
	const char *second = first ? memchr(first + 1, ',', n - (size_t)(first + 1 - line)) : NULL;
	double millivolt, milliampere;
	int64_t t_us;

	if (!second || jm_stamp_compact(cache, line, (size_t)(first - line), &t_us) ||
	    jm_text_double(first + 1, (size_t)(second - first - 1), &millivolt) ||
	    jm_text_double(second + 1, (size_t)(line + n - second - 1), &milliampere))
		return JM_E_FORMAT;
	return power_add(power, t_us, millivolt * milliampere);
}

int jm_map_power_load(const char *path, bool keeps_cut_end, struct jm_map_power *power, struct jm_error *err)
{
	struct jm_stamp_cache cache = {0};
	const char *line, *end;
	uint64_t number = 0;
	char *text;
	size_t n;
	int rc = load(path, &text, &n, err);

	if (rc)
		return rc;
	end = text + n;
	power->has_cut_end = n > 0 && end[-1] != '\n';
	while (power->has_cut_end && !keeps_cut_end && end > text && end[-1] != '\n')
		end--;
	for (line = text; line < end && !rc;) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t length = (size_t)((stop ? stop : end) - line);

		number++;
		if (length > 0 && line[length - 1] == '\r')
			length--;
		if (length > 0)
			rc = power_line(power, &cache, line, length);
		line = stop ? stop + 1 : end;
	}
	free(text);
	if (rc == JM_E_NOMEM)
		return no_memory(err);
	if (rc)
		return jm_error_set(err, rc, "%s:%llu: not a line 'YYYYmmdd-HH:MM:SS.f,mV,mA'", path,
				    (unsigned long long)number);
	return 0;
}

struct reading {
	int64_t t_us;
	double power_uw;
	size_t place;
};

static int by_time(const void *a, const void *b)
{
	const struct reading *x = a, *y = b;

	if (x->t_us != y->t_us)
		return x->t_us < y->t_us ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

int jm_map_power_sort(struct jm_map_power *power)
{
	struct reading *readings;
	size_t i;

	if (power->is_sorted || power->n == 0)
		return 0;
	readings = malloc(power->n * sizeof(*readings));
	if (!readings)
		return JM_E_NOMEM;
	for (i = 0; i < power->n; i++)
		readings[i] = (struct reading){power->t_us[i], power->power_uw[i], i};
	qsort(readings, power->n, sizeof(*readings), by_time);
	for (i = 0; i < power->n; i++) {
		power->t_us[i] = readings[i].t_us;
		power->power_uw[i] = readings[i].power_uw;
	}
	free(readings);
	power->is_sorted = true;
	return 0;
}

/* The seed era's log is prose: "The average idling power measured: 4200000.0 muW". */
static int idle_from_prose(const char *path, const char *text, size_t n, double *out_uw, struct jm_error *err)
{
	size_t i = 0, length = 0;

	while (i < n && !memchr("0123456789.", text[i], 11))
		i++;
	while (i + length < n && memchr("0123456789.", text[i + length], 11))
		length++;
	if (jm_text_double(text + i, length, out_uw))
		return jm_error_set(err, JM_E_FORMAT, "%s:1: no idle power in it", path);
	return 0;
}

int jm_map_idle_load(const char *path, double *out_uw, struct jm_error *err)
{
	struct jm_json *json = NULL;
	struct jm_json_token t;
	bool is_found = false;
	char *text;
	size_t n;
	int rc = load(path, &text, &n, err);

	if (rc)
		return rc;
	if (n == 0 || !memchr("{\" \n\r\t", text[0], 6)) {
		rc = idle_from_prose(path, text, n, out_uw, err);
		free(text);
		return rc;
	}
	rc = jm_json_open(path, text, n, &json, err);
	while (!rc && !(rc = jm_json_next(json, &t, err)) && t.type != JM_JSON_END) {
		bool is_idle = t.type == JM_JSON_KEY && t.depth == 1 && jm_json_is(&t, "avg_idle_power");

		if (is_idle && !(rc = jm_json_next(json, &t, err)))
			rc = jm_json_number(json, &t, out_uw, err);
		is_found |= is_idle;
	}
	jm_json_close(json);
	free(text);
	if (!rc && !is_found)
		rc = jm_error_set(err, JM_E_FORMAT, "%s: no \"avg_idle_power\" in it", path);
	return rc;
}

static int open_json(const char *path, struct jm_json **json, int *fd, struct jm_error *err)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd < 0)
		return jm_error_errno(err, errno, "cannot read %s", path);
	return jm_json_open_fd(path, *fd, json, err);
}

/* Sets the type of the layer of that name, if there is one. */
static int set_type(struct jm_map_layers *layers, const struct jm_buffer *name, const char *type)
{
	uint32_t index;

	if (jm_names_add(&layers->names, name->data, name->n, NULL, 0, &index))
		return JM_E_NOMEM;
	if (index >= layers->n)
		return 0;
	free(layers->items[index].type);
	layers->items[index].type = strdup(type);
	return layers->items[index].type ? 0 : JM_E_NOMEM;
}

static int keep(struct jm_buffer *b, const struct jm_json_token *t)
{
	b->n = 0;
	jm_buffer_append(b, t->text, t->n);
	return jm_buffer_terminate(b) ? 0 : JM_E_NOMEM;
}

/* One layer of the engine: only Name and LayerType matter here. */
static int read_engine_layer(struct jm_json *json, struct jm_map_layers *layers, struct jm_buffer text[2],
			     struct jm_error *err)
{
	struct jm_json_token key, t;
	bool has_name = false, has_type = false;
	int rc;

	while (!(rc = jm_json_next(json, &key, err)) && key.type == JM_JSON_KEY) {
		bool is_name = jm_json_is(&key, "Name"), is_type = jm_json_is(&key, "LayerType");

		rc = jm_json_next(json, &t, err);
		if (!rc && (is_name || is_type) && t.type == JM_JSON_STRING) {
			rc = keep(&text[is_type], &t) ? no_memory(err) : 0;
			has_name |= is_name;
			has_type |= is_type;
		}
		if (!rc)
			rc = jm_json_skip(json, &t, err);
		if (rc)
			return rc;
	}
	if (!rc && has_name && has_type && set_type(layers, &text[0], text[1].data))
		rc = no_memory(err);
	return rc;
}

static int read_engine(struct jm_json *json, struct jm_map_layers *layers, struct jm_error *err)
{
	struct jm_buffer text[2] = {{0}};
	struct jm_json_token t;
	bool is_layers = false;
	int rc;

	while (!(rc = jm_json_next(json, &t, err)) && t.type != JM_JSON_END) {
		if (t.type == JM_JSON_KEY && t.depth == 1)
			is_layers = jm_json_is(&t, "Layers");
		if (t.type == JM_JSON_OBJECT && t.depth == 2 && is_layers)
			rc = read_engine_layer(json, layers, text, err);
		if (rc)
			break;
	}
	jm_buffer_finish(&text[0]);
	jm_buffer_finish(&text[1]);
	return rc;
}

int jm_map_types_load(const char *path, struct jm_map_layers *layers, struct jm_error *err)
{
	struct jm_json *json = NULL;
	int fd, rc = open_json(path, &json, &fd, err);
	size_t i;

	if (!rc)
		rc = read_engine(json, layers, err);
	for (i = 0; i < layers->n && !rc; i++)
		if (!layers->items[i].type && !(layers->items[i].type = strdup("Unknown")))
			rc = no_memory(err);
	jm_json_close(json);
	if (fd >= 0)
		close(fd);
	return rc;
}
