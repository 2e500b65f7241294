#define _GNU_SOURCE
#include "session/gather.h"

#include "core/error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the importer's callbacks need: the gathering and the file under way. */
struct context {
	struct jm_gathering *g;
	struct jm_gathered *file;
};

void jm_gather_tell(const struct jm_gathering *g, const char *format, ...)
{
	char text[1024];
	va_list args;

	if (!g->tell)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	g->tell(g->ctx, text);
}

/* Makes room for n more items of size bytes. */
static int reserve(void **items, size_t used, size_t *capacity, size_t n, size_t size)
{
	size_t wanted = *capacity ? *capacity : 1024;
	void *grown;

	if (*capacity - used >= n)
		return 0;
	while (wanted - used < n)
		wanted *= 2;
	grown = realloc(*items, wanted * size);
	if (!grown)
		return JM_E_NOMEM;
	*items = grown;
	*capacity = wanted;
	return 0;
}

static int add_name(void *ctx, const char *text, size_t text_n, const char *type, size_t type_n, uint32_t *index_out)
{
	struct context *c = ctx;

	return jm_names_add(&c->g->names, text, text_n, type, type_n, index_out);
}

static int add_shapes(void *ctx, uint32_t name, const char *text)
{
	struct context *c = ctx;

	return jm_names_set_shapes(&c->g->names, name, text);
}

static int add_spans(void *ctx, const struct jm_span *spans, size_t n)
{
	struct context *c = ctx;
	struct jm_gathered *f = c->file;
	void *items = f->spans;
	int rc = reserve(&items, f->n_spans, &f->spans_capacity, n, sizeof(*spans));

	f->spans = items;
	if (rc)
		return rc;
	memcpy(f->spans + f->n_spans, spans, n * sizeof(*spans));
	f->n_spans += n;
	return 0;
}

static int add_samples(void *ctx, const struct jm_sample *samples, size_t n)
{
	struct context *c = ctx;
	struct jm_gathered *f = c->file;
	void *items = f->samples;
	int rc = reserve(&items, f->n_samples, &f->samples_capacity, n, sizeof(*samples));

	f->samples = items;
	if (rc)
		return rc;
	memcpy(f->samples + f->n_samples, samples, n * sizeof(*samples));
	f->n_samples += n;
	return 0;
}

static int add_channel(void *ctx, const struct jm_channel *channel, uint16_t *index_out)
{
	struct jm_gathering *g = ((struct context *)ctx)->g;
	struct jm_channel *channels;
	size_t i;

	for (i = 0; i < g->n_channels; i++) {
		if (strcmp(g->channels[i].name, channel->name) == 0) {
			*index_out = (uint16_t)i;
			return 0;
		}
	}
	channels = g->n_channels < UINT16_MAX ? realloc(g->channels, (g->n_channels + 1) * sizeof(*channels)) : NULL;
	if (!channels)
		return JM_E_NOMEM;
	g->channels = channels;
	channels[g->n_channels] = *channel;
	*index_out = (uint16_t)g->n_channels++;
	return 0;
}

static int add_meta(void *ctx, const char *key, const char *value)
{
	struct jm_gathering *g = ((struct context *)ctx)->g;
	char **keys = realloc(g->keys, (g->n_meta + 1) * sizeof(*keys)), **values;

	if (!keys)
		return JM_E_NOMEM;
	g->keys = keys;
	values = realloc(g->values, (g->n_meta + 1) * sizeof(*values));
	if (!values)
		return JM_E_NOMEM;
	g->values = values;
	keys[g->n_meta] = strdup(key);
	values[g->n_meta] = strdup(value);
	if (!keys[g->n_meta] || !values[g->n_meta]) {
		free(keys[g->n_meta]);
		free(values[g->n_meta]);
		return JM_E_NOMEM;
	}
	g->n_meta++;
	return 0;
}

static int add_processes(void *ctx, struct jm_process_log *log)
{
	struct context *c = ctx;

	if (c->g->processes.n_steps) {
		jm_gather_tell(c->g, "%s: its processes were left out: those of another file are taken", c->file->path);
		jm_process_log_finish(log);
		return 0;
	}
	c->g->processes = *log;
	return 0;
}

static void tell(void *ctx, const char *text)
{
	jm_gather_tell(((struct context *)ctx)->g, "%s", text);
}

/* Gives the number in "track_N" or "track_N_..."; -1: key is none of those. *rest_out: what follows the number. */
static int64_t track_of_key(const char *key, const char **rest_out)
{
	char *end;
	unsigned long n;

	if (strncmp(key, "track_", 6) != 0 || key[6] < '0' || key[6] > '9')
		return -1;
	n = strtoul(key + 6, &end, 10);
	*rest_out = end;
	return n < UINT32_MAX ? (int64_t)n : -1;
}

/* Every importer numbers tracks from 0. Those of a file that says what its tracks are get numbers of their own, so that what it
 * says of them is not said of another file's. first_meta: of this file. Errors: JM_E_NOMEM. */
static int separate_tracks(struct jm_gathering *g, struct jm_gathered *f, size_t first_meta)
{
	uint32_t last = 0;
	bool is_described = false;
	const char *rest;
	char key[96];
	size_t i;

	for (i = first_meta; i < g->n_meta; i++) {
		int64_t track = track_of_key(g->keys[i], &rest);
		char *own;

		if (track < 0)
			continue;
		is_described = true;
		snprintf(key, sizeof(key), "track_%" PRIu64 "%.40s", (uint64_t)track + g->n_tracks, rest);
		own = strdup(key);
		if (!own)
			return JM_E_NOMEM;
		free(g->keys[i]);
		g->keys[i] = own;
	}
	for (i = 0; i < f->n_spans; i++) {
		if (is_described)
			f->spans[i].track += g->n_tracks;
		last = f->spans[i].track > last ? f->spans[i].track : last;
	}
	if (f->n_spans && last >= g->n_tracks)
		g->n_tracks = last + 1;
	return 0;
}

static int read_file(struct jm_gathering *g, struct jm_gathered *f, struct jm_error *err)
{
	struct context c = {g, f};
	struct jm_trace_output out = {
	    .spans = {.name = add_name, .write = add_spans, .ctx = &c, .shapes = add_shapes},
	    .samples = {.write = add_samples, .ctx = &c},
	    .channel = add_channel,
	    .meta = add_meta,
	    .processes = add_processes,
	    .warn = tell,
	    .isolated = g->isolated,
	    .ctx = &c,
	};
	size_t first_meta = g->n_meta;
	int rc = jm_trace_read_file(NULL, f->path, &out, err);

	f->clock = out.clock;
	if (rc == 0 && separate_tracks(g, f, first_meta))
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory for the tracks of %s", f->path);
	if (rc == 0)
		jm_gather_tell(g, "%s: %s, %zu spans, %zu readings", f->path, out.importer->name, f->n_spans,
			       f->n_samples);
	return rc;
}

int jm_gather_file(struct jm_gathering *g, const char *path, struct jm_error *err)
{
	struct jm_gathered *files = realloc(g->files, (g->n_files + 1) * sizeof(*files));

	if (!files)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for %s", path);
	g->files = files;
	files[g->n_files] = (struct jm_gathered){.path = path};
	return read_file(g, &files[g->n_files++], err);
}

void jm_gathering_finish(struct jm_gathering *g)
{
	size_t i;

	for (i = 0; i < g->n_files; i++) {
		free(g->files[i].spans);
		free(g->files[i].samples);
	}
	for (i = 0; i < g->n_meta; i++) {
		free(g->keys[i]);
		free(g->values[i]);
	}
	free(g->files);
	free(g->keys);
	free(g->values);
	free(g->channels);
	jm_names_finish(&g->names);
	jm_process_log_finish(&g->processes);
	memset(g, 0, sizeof(*g));
}
