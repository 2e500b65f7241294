/* Reads trt_layer_latency.json, the large file of a raw_data tree. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/grow.h"
#include "core/json.h"
#include "core/text.h"
#include "trace/map_internal.h"
#include "trace/stamp.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(struct jm_error *err)
{
	return jm_error_set(err, JM_E_NOMEM, "out of memory");
}

static void layer_finish(struct jm_map_layer *layer)
{
	free(layer->name);
	free(layer->type);
	free(layer->entries);
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

struct jm_map_layer *jm_map_layer_begin(struct jm_map_layers *layers, const char *name, size_t n)
{
	struct jm_map_layer *layer;
	uint32_t index;

	if (!jm_grow(&layers->items, &layers->capacity, layers->n, sizeof(*layers->items)))
		return NULL;
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

int jm_map_layer_add(struct jm_map_layers *layers, struct jm_map_layer *layer, const struct jm_map_entry *entry)
{
	if (layer->n == layer->capacity) {
		size_t capacity = layer->n ? 2 * layer->n : layers->n_cycles ? layers->n_cycles : 1024;
		struct jm_map_entry *entries = realloc(layer->entries, capacity * sizeof(*entries));

		if (!entries)
			return JM_E_NOMEM;
		layer->entries = entries;
		layer->capacity = capacity;
	}
	layer->entries[layer->n++] = *entry;
	if (layer->n > layers->n_cycles)
		layers->n_cycles = layer->n;
	return 0;
}

static int read_duration(struct jm_json *json, const struct jm_json_token *t, struct jm_map_layers *layers,
			 struct jm_map_entry *entry, struct jm_error *err)
{
	const char *end = NULL;
	double ms, same;
	int rc = jm_json_number(json, t, &ms, err);

	if (rc)
		return rc;
	if (ms < 0 || ms > JM_MAP_MAX_MS)
		return jm_json_error(json, t, err, "a layer cannot take %.*s ms", (int)(t->n < 30 ? t->n : 30),
				     t->text);
	entry->duration_ms = ms;
	entry->duration = jm_decimal_read(t->text, t->text + t->n, &same, &end);
	if (end != t->text + t->n)
		entry->duration = 0;
	if (memchr(t->text, '.', t->n) || memchr(t->text, 'e', t->n) || memchr(t->text, 'E', t->n))
		layers->is_integral = false;
	return 0;
}

/* One entry: 0.25, or [0.25, "YYYYmmdd-HH:MM:SS.f"]. */
static int read_entry(struct jm_json *json, struct jm_json_token *t, struct jm_map_layers *layers,
		      struct jm_map_entry *entry, struct jm_stamp_cache *cache, struct jm_error *err)
{
	bool has_stamp = t->type == JM_JSON_ARRAY;
	int rc = has_stamp ? jm_json_next(json, t, err) : 0;

	entry->stamp_us = 0;
	if (!rc)
		rc = read_duration(json, t, layers, entry, err);
	if (rc || !has_stamp) {
		layers->has_stamps = false;
		return rc;
	}
	rc = jm_json_next(json, t, err);
	if (rc)
		return rc;
	if (t->type != JM_JSON_STRING || jm_stamp_compact(cache, t->text, t->n, &entry->stamp_us))
		return jm_json_error(json, t, err, "a time 'YYYYmmdd-HH:MM:SS.f' was expected");
	rc = jm_json_next(json, t, err);
	if (!rc && t->type != JM_JSON_ARRAY_END)
		rc = jm_json_error(json, t, err, "an entry of more than two values");
	return rc;
}

static int read_layer(struct jm_json *json, const struct jm_json_token *key, struct jm_map_layers *layers,
		      struct jm_stamp_cache *cache, struct jm_error *err)
{
	struct jm_map_layer *layer = jm_map_layer_begin(layers, key->text, key->n);
	struct jm_map_entry entry;
	struct jm_json_token t;
	int rc;

	if (!layer)
		return no_memory(err);
	rc = jm_json_next(json, &t, err);
	if (!rc && t.type != JM_JSON_ARRAY)
		return jm_json_error(json, &t, err, "the list of a layer's cycles was expected");
	while (!rc && !(rc = jm_json_next(json, &t, err)) && t.type != JM_JSON_ARRAY_END) {
		rc = read_entry(json, &t, layers, &entry, cache, err);
		if (!rc && jm_map_layer_add(layers, layer, &entry))
			rc = no_memory(err);
	}
	return rc;
}

void jm_map_layers_count(struct jm_map_layers *layers)
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
	jm_map_layers_count(layers);
	return rc;
}

int jm_map_layers_merge(struct jm_map_layers *to, struct jm_map_layers *from)
{
	size_t i;

	for (i = 0; i < from->n; i++) {
		struct jm_map_layer *source = &from->items[i];
		struct jm_map_layer *layer = jm_map_layer_begin(to, source->name, strlen(source->name));
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
	jm_map_layers_count(to);
	to->has_stamps &= from->has_stamps;
	to->is_integral &= from->is_integral;
	return 0;
}
