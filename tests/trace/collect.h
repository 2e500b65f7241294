/* Collects what an importer yields, for the tests. */
#ifndef TESTS_TRACE_COLLECT_H
#define TESTS_TRACE_COLLECT_H

#include "trace/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct collected {
	struct jm_names names;
	struct jm_span *spans;
	struct jm_sample *samples;
	size_t n_spans, n_samples, spans_capacity, samples_capacity;
	struct jm_channel channels[16];
	size_t n_channels;
	char meta[4096], warnings[4096];
	enum jm_trace_clock clock;
	struct jm_process_log processes;
};

static int collect_name(void *ctx, const char *text, size_t text_n, const char *type, size_t type_n, uint32_t *out)
{
	struct collected *c = ctx;

	return jm_names_add(&c->names, text, text_n, type, type_n, out);
}

static int collect_spans(void *ctx, const struct jm_span *spans, size_t n)
{
	struct collected *c = ctx;

	if (c->n_spans + n > c->spans_capacity) {
		c->spans_capacity = 2 * (c->n_spans + n);
		c->spans = realloc(c->spans, c->spans_capacity * sizeof(*spans));
	}
	memcpy(c->spans + c->n_spans, spans, n * sizeof(*spans));
	c->n_spans += n;
	return 0;
}

static int collect_samples(void *ctx, const struct jm_sample *samples, size_t n)
{
	struct collected *c = ctx;

	if (c->n_samples + n > c->samples_capacity) {
		c->samples_capacity = 2 * (c->n_samples + n);
		c->samples = realloc(c->samples, c->samples_capacity * sizeof(*samples));
	}
	memcpy(c->samples + c->n_samples, samples, n * sizeof(*samples));
	c->n_samples += n;
	return 0;
}

static int collect_channel(void *ctx, const struct jm_channel *channel, uint16_t *out)
{
	struct collected *c = ctx;

	if (c->n_channels == 16)
		return JM_E_FULL;
	*out = (uint16_t)c->n_channels;
	c->channels[c->n_channels++] = *channel;
	return 0;
}

static int collect_meta(void *ctx, const char *key, const char *value)
{
	struct collected *c = ctx;
	size_t n = strlen(c->meta);

	snprintf(c->meta + n, sizeof(c->meta) - n, "%s=%s\n", key, value);
	return 0;
}

static int collect_processes(void *ctx, struct jm_process_log *log)
{
	struct collected *c = ctx;

	c->processes = *log;
	return 0;
}

static void collect_warning(void *ctx, const char *text)
{
	struct collected *c = ctx;
	size_t n = strlen(c->warnings);

	snprintf(c->warnings + n, sizeof(c->warnings) - n, "%s\n", text);
}

/* Stage of blocks of layers run alone, for the next readings; NULL: none. */
static const char *collect_isolated;

/* Reads text with the importer called name, or with the one that recognises it when name is NULL. */
static inline int collect_text(struct collected *c, const char *name, const char *path, const char *text, size_t n,
			       struct jm_error *err)
{
	const struct jm_importer *importer = name ? jm_importer_find(name) : NULL;
	struct jm_trace_output out = {.isolated = collect_isolated,
				      .spans = {collect_name, collect_spans, c, NULL},
				      .samples = {collect_samples, c},
				      .channel = collect_channel,
				      .meta = collect_meta,
				      .processes = collect_processes,
				      .warn = collect_warning,
				      .ctx = c};
	struct jm_trace_input in = {path, NULL, n};
	char *copy = calloc(1, n + 64);
	int rc;

	memset(c, 0, sizeof(*c));
	if (!copy)
		return JM_E_NOMEM;
	memcpy(copy, text, n);
	in.data = copy;
	rc = jm_trace_read(importer, &in, &out, err);
	c->clock = out.clock;
	free(copy);
	return rc;
}

/* Gives the whole file, terminated, or NULL. */
static inline char *collect_load(const char *path, size_t *n_out)
{
	struct stat st;
	FILE *file = fopen(path, "rb");
	char *text = NULL;

	*n_out = 0;
	if (file && fstat(fileno(file), &st) == 0 && (text = calloc(1, (size_t)st.st_size + 1)))
		*n_out = fread(text, 1, (size_t)st.st_size, file);
	if (file)
		fclose(file);
	return text;
}

/* Reads a file of tests/fixtures/trace by the importer that recognises it. */
static inline int collect_fixture(struct collected *c, const char *name, struct jm_error *err)
{
	char path[512];
	size_t n;
	char *text;
	int rc;

	snprintf(path, sizeof(path), "%s/trace/%s", JM_FIXTURES, name);
	text = collect_load(path, &n);
	if (!text)
		return JM_E_NOT_FOUND;
	rc = collect_text(c, NULL, name, text, n, err);
	free(text);
	return rc;
}

/* Gives the path of a file of the shared test data, which is not part of the project, or NULL. Static storage. */
static inline const char *collect_shared(const char *name)
{
	static char path[1024];
	const char *root = getenv("JM_SHARED");
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", root ? root : JM_SOURCE_DIR "/../shared/data", name);
	if (stat(path, &st) == 0)
		return path;
	printf("SKIP: %s is not there\n", path);
	return NULL;
}

static inline const char *collected_name(const struct collected *c, size_t span)
{
	return c->names.items[c->spans[span].name].text;
}

static inline const char *collected_type(const struct collected *c, size_t span)
{
	return c->names.items[c->spans[span].name].type;
}

static inline void collect_finish(struct collected *c)
{
	jm_names_finish(&c->names);
	free(c->spans);
	free(c->samples);
	jm_process_log_finish(&c->processes);
	memset(c, 0, sizeof(*c));
}

#endif
