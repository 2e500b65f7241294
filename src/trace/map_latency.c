/* Reads trt_layer_latency.json, the large file of a raw_data tree: in two halves at once where it can be cut. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/json.h"
#include "core/text.h"
#include "trace/map_internal.h"
#include "trace/stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int no_memory(struct jm_error *err)
{
	return jm_error_set(err, JM_E_NOMEM, "out of memory");
}

static void layer_finish(struct jm_map_layer *layer)
{
	free(layer->name);
	free(layer->type);
	free(layer->duration_ms);
	free(layer->stamp_us);
	memset(layer, 0, sizeof(*layer));
}

void jm_map_layers_finish(struct jm_map_layers *layers)
{
	size_t i;

	for (i = 0; i < layers->n; i++)
		layer_finish(&layers->items[i]);
	free(layers->items);
	jm_names_finish(&layers->names);
	memset(layers, 0, sizeof(*layers));
}

static int layer_grow(struct jm_map_layer *layer, size_t capacity)
{
	double *durations = realloc(layer->duration_ms, capacity * sizeof(*durations));
	int64_t *stamps;

	if (!durations)
		return JM_E_NOMEM;
	layer->duration_ms = durations;
	stamps = realloc(layer->stamp_us, capacity * sizeof(*stamps));
	if (!stamps)
		return JM_E_NOMEM;
	layer->stamp_us = stamps;
	layer->capacity = capacity;
	return 0;
}

/* A key that comes again replaces the first one, in its place, as in Python. NULL: out of memory. */
static struct jm_map_layer *layer_begin(struct jm_map_layers *layers, const char *name, size_t n)
{
	struct jm_map_layer *layer;
	uint32_t index;

	if (layers->n == layers->capacity) {
		size_t capacity = layers->capacity ? 2 * layers->capacity : 64;
		struct jm_map_layer *items = realloc(layers->items, capacity * sizeof(*items));

		if (!items)
			return NULL;
		layers->items = items;
		layers->capacity = capacity;
	}
	if (jm_names_add(&layers->names, name, n, NULL, 0, &index))
		return NULL;
	layer = &layers->items[index];
	if (index < layers->n) {
		layer->n = 0;
		return layer;
	}
	memset(layer, 0, sizeof(*layer));
	layer->name = strndup(name, n);
	if (!layer->name)
		return NULL;
	layers->n++;
	return layer;
}

static int read_duration(struct jm_json *json, const struct jm_json_token *t, struct jm_map_layers *layers, double *out,
			 struct jm_error *err)
{
	int rc = jm_json_number(json, t, out, err);

	if (rc)
		return rc;
	/* A day: what is longer is no layer, and would overflow the sums in microseconds. */
	if (*out < 0 || *out > 8.64e7)
		return jm_json_error(json, t, err, "a layer cannot take %.*s ms", (int)(t->n < 30 ? t->n : 30),
				     t->text);
	if (memchr(t->text, '.', t->n) || memchr(t->text, 'e', t->n) || memchr(t->text, 'E', t->n))
		layers->is_integral = false;
	return 0;
}

/* One entry: 0.25, or [0.25, "YYYYmmdd-HH:MM:SS.f"]. */
static int read_entry(struct jm_json *json, struct jm_json_token *t, struct jm_map_layers *layers,
		      struct jm_map_layer *layer, struct jm_stamp_cache *cache, struct jm_error *err)
{
	bool has_stamp = t->type == JM_JSON_ARRAY;
	int rc;

	if (layer->n == layer->capacity) {
		size_t capacity = layer->n ? 2 * layer->n : layers->n_cycles ? layers->n_cycles : 1024;

		rc = layer_grow(layer, capacity);
		if (rc)
			return no_memory(err);
	}
	layer->stamp_us[layer->n] = 0;
	if (has_stamp && (rc = jm_json_next(json, t, err)))
		return rc;
	rc = read_duration(json, t, layers, &layer->duration_ms[layer->n], err);
	if (rc || !has_stamp) {
		layers->has_stamps = false;
		layer->n++;
		return rc;
	}
	rc = jm_json_next(json, t, err);
	if (rc)
		return rc;
	if (t->type != JM_JSON_STRING || jm_stamp_compact(cache, t->text, t->n, &layer->stamp_us[layer->n]))
		return jm_json_error(json, t, err, "a time 'YYYYmmdd-HH:MM:SS.f' was expected");
	layer->n++;
	rc = jm_json_next(json, t, err);
	if (!rc && t->type != JM_JSON_ARRAY_END)
		rc = jm_json_error(json, t, err, "an entry of more than two values");
	return rc;
}

static int read_layer(struct jm_json *json, const struct jm_json_token *key, struct jm_map_layers *layers,
		      struct jm_stamp_cache *cache, struct jm_error *err)
{
	struct jm_map_layer *layer = layer_begin(layers, key->text, key->n);
	struct jm_json_token t;
	int rc;

	if (!layer)
		return no_memory(err);
	rc = jm_json_next(json, &t, err);
	if (!rc && t.type != JM_JSON_ARRAY)
		return jm_json_error(json, &t, err, "the list of a layer's cycles was expected");
	while (!rc && !(rc = jm_json_next(json, &t, err)) && t.type != JM_JSON_ARRAY_END)
		rc = read_entry(json, &t, layers, layer, cache, err);
	if (!rc && layer->n > layers->n_cycles)
		layers->n_cycles = layer->n;
	return rc;
}

/* A key that came twice may have shortened its layer. */
static void count_cycles(struct jm_map_layers *layers)
{
	size_t i;

	layers->n_cycles = 0;
	for (i = 0; i < layers->n; i++)
		if (layers->items[i].n > layers->n_cycles)
			layers->n_cycles = layers->items[i].n;
}

int jm_map_latency_read(struct jm_json *json, struct jm_map_layers *layers, struct jm_error *err)
{
	struct jm_stamp_cache cache = {0};
	struct jm_json_token t;
	int rc;

	layers->has_stamps = layers->is_integral = true;
	rc = jm_json_next(json, &t, err);
	if (!rc && t.type != JM_JSON_OBJECT)
		rc = jm_json_error(json, &t, err, "an object of layers was expected");
	while (!rc && !(rc = jm_json_next(json, &t, err)) && t.type == JM_JSON_KEY)
		rc = read_layer(json, &t, layers, &cache, err);
	if (!rc)
		rc = jm_json_next(json, &t, err); /* text behind the end is an error */
	count_cycles(layers);
	return rc;
}

/* Files below this are read as fast by one thread. */
#define MIN_SPLIT_BYTES ((off_t)4 << 20)

/* One part of a latency file: some of its layers. */
struct part {
	const char *path;
	int fd;
	uint64_t from, to;
	char first, last;
	struct jm_map_layers layers;
	int rc;
};

static void *read_part(void *ctx)
{
	struct part *p = ctx;
	struct jm_json *json = NULL;

	p->rc = jm_json_open_range(p->path, p->fd, p->from, p->to, p->first, p->last, &json, NULL);
	if (!p->rc)
		p->rc = jm_map_latency_read(json, &p->layers, NULL);
	jm_json_close(json);
	return NULL;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Says whether text[i], a quotation mark, seems to begin the name of a layer behind another one: ']', ']', ',' before
 * it. *comma_out: place of the comma. It may be fooled by the inside of a string. */
static bool begins_layer(const char *text, size_t i, size_t *comma_out)
{
	static const char before[] = {',', ']', ']'};
	size_t k;

	for (k = 0; k < sizeof(before); k++) {
		while (i > 0 && is_space(text[i - 1]))
			i--;
		if (i == 0 || text[i - 1] != before[k])
			return false;
		i--;
		if (k == 0)
			*comma_out = i;
	}
	return true;
}

/* Looks for a border of two layers behind the middle. Gives false when there is none near. */
static bool find_border(int fd, off_t size, uint64_t *comma_out, uint64_t *name_out)
{
	size_t n = (size_t)(size / 8), comma = 0, i;
	char *text = malloc(n);
	const char *mark;
	bool is_found = false;

	if (!text || pread(fd, text, n, size / 2) != (ssize_t)n)
		n = 0;
	for (i = 0; i < n && !is_found; i++) {
		mark = memchr(text + i, '"', n - i);
		if (!mark)
			break;
		i = (size_t)(mark - text);
		is_found = begins_layer(text, i, &comma);
		*comma_out = (uint64_t)(size / 2) + comma;
		*name_out = (uint64_t)(size / 2) + i;
	}
	free(text);
	return is_found;
}

/* Moves the layers of from behind those of to. */
static int merge(struct jm_map_layers *to, struct jm_map_layers *from)
{
	size_t i;

	for (i = 0; i < from->n; i++) {
		struct jm_map_layer *source = &from->items[i];
		struct jm_map_layer *layer = layer_begin(to, source->name, strlen(source->name));
		char *name;

		if (!layer)
			return JM_E_NOMEM;
		name = layer->name;
		layer->name = NULL;
		layer_finish(layer);
		*layer = *source;
		memset(source, 0, sizeof(*source));
		free(layer->name);
		layer->name = name;
	}
	count_cycles(to);
	to->has_stamps &= from->has_stamps;
	to->is_integral &= from->is_integral;
	return 0;
}

/* Reads a large file in two halves at once. The halves are made documents of their own, so that when both are accepted
 * the whole is right, too, and the border was one. Else, and when the file is small: JM_E_AGAIN, read it in one. */
static int load_halves(const char *path, int fd, struct jm_map_layers *layers)
{
	struct part a = {.path = path, .fd = fd, .last = '}'},
		    b = {.path = path, .fd = fd, .to = UINT64_MAX, .first = '{'};
	off_t size = lseek(fd, 0, SEEK_END);
	pthread_t thread;

	if (size < MIN_SPLIT_BYTES || !find_border(fd, size, &a.to, &b.from) ||
	    pthread_create(&thread, NULL, read_part, &b))
		return JM_E_AGAIN;
	read_part(&a);
	pthread_join(thread, NULL);
	if (!a.rc && !b.rc && merge(&a.layers, &b.layers) == 0) {
		*layers = a.layers;
		memset(&a.layers, 0, sizeof(a.layers));
	} else {
		a.rc = JM_E_AGAIN;
	}
	jm_map_layers_finish(&a.layers);
	jm_map_layers_finish(&b.layers);
	return a.rc;
}

int jm_map_latency_load(const char *path, struct jm_map_layers *layers, struct jm_error *err)
{
	struct jm_json *json = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return jm_error_errno(err, errno, "cannot read %s", path);
	rc = load_halves(path, fd, layers);
	if (rc == JM_E_AGAIN) {
		rc = jm_json_open_fd(path, fd, &json, err);
		if (!rc)
			rc = jm_map_latency_read(json, layers, err);
	}
	jm_json_close(json);
	close(fd);
	return rc;
}
