#define _GNU_SOURCE
#include "core/result.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(name, text) text,
static const char *const method_texts[] = {JM_METHOD_LIST(TEXT)};
#undef TEXT
#define N_METHODS (sizeof(method_texts) / sizeof(method_texts[0]))

const char *jm_method_text(enum jm_method method)
{
	return (unsigned)method < N_METHODS ? method_texts[method] : "unknown";
}

int jm_method_parse(const char *text, enum jm_method *out)
{
	size_t i;

	for (i = 0; i < N_METHODS; i++) {
		if (strcmp(text, method_texts[i]) == 0) {
			*out = (enum jm_method)i;
			return 0;
		}
	}
	return JM_E_INVALID;
}

static const struct jm_channel_result *find_channel(const struct jm_result *r, const char *name)
{
	size_t i;

	for (i = 0; name && i < r->n_channels; i++)
		if (strcmp(r->channels[i].channel->name, name) == 0)
			return &r->channels[i];
	return NULL;
}

bool jm_result_is_outermost(const struct jm_result *r, const struct jm_channel_result *c)
{
	size_t i;

	for (i = 0; i <= r->n_channels; i++) {
		c = find_channel(r, c->part_of);
		if (!c)
			return true;
		if (isfinite(c->energy_j))
			return false;
	}
	return false;
}

static void free_texts(char **texts, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
}

void jm_result_finish(struct jm_result *r)
{
	free(r->channels);
	free(r->layers);
	free(r->types);
	free(r->iterations);
	free(r->groups);
	free(r->closure);
	free(r->processes);
	free(r->containers);
	free(r->process_facts);
	free(r->container_facts);
	free(r->process_closure);
	jm_timeline_destroy(r->timeline);
	free_texts(r->warnings, r->n_warnings);
	free_texts(r->notes, r->n_notes);
	free_texts(r->names, r->n_names);
	free(r->devices);
	memset(r, 0, sizeof(*r));
}

/* Appends text (owned from then on) to a list; frees it on failure. */
static int append(char ***texts, size_t *n, char *text)
{
	char **grown = text ? realloc(*texts, (*n + 1) * sizeof(**texts)) : NULL;

	if (!grown) {
		free(text);
		return JM_E_NOMEM;
	}
	*texts = grown;
	grown[(*n)++] = text;
	return 0;
}

/* Gives a text to free; NULL: no memory. */
static char *format_text(const char *format, va_list args)
{
	char *text = NULL;

	return vasprintf(&text, format, args) < 0 ? NULL : text;
}

int jm_result_warn(struct jm_result *r, const char *format, ...)
{
	va_list args;
	int rc;

	va_start(args, format);
	rc = append(&r->warnings, &r->n_warnings, format_text(format, args));
	va_end(args);
	return rc;
}

int jm_result_note(struct jm_result *r, const char *format, ...)
{
	va_list args;
	int rc;

	va_start(args, format);
	rc = append(&r->notes, &r->n_notes, format_text(format, args));
	va_end(args);
	return rc;
}

int jm_result_warn_first(struct jm_result *r, const char *format, ...)
{
	va_list args;
	char *last;
	int rc;

	va_start(args, format);
	rc = append(&r->warnings, &r->n_warnings, format_text(format, args));
	va_end(args);
	if (rc)
		return rc;
	last = r->warnings[r->n_warnings - 1];
	memmove(r->warnings + 1, r->warnings, (r->n_warnings - 1) * sizeof(*r->warnings));
	r->warnings[0] = last;
	return 0;
}

const char *jm_result_text(struct jm_result *r, const char *text)
{
	char *copy = strdup(text);

	return append(&r->names, &r->n_names, copy) ? NULL : copy;
}

double jm_row_mj_per_mmac(const struct jm_row *row)
{
	double mmac = row->work.macs * (double)row->count / 1e6;

	return row->work.is_known && mmac > 0 ? row->energy_j * 1e3 / mmac : NAN;
}

double jm_row_gflop_per_j(const struct jm_row *row)
{
	double gflop = row->work.flops * (double)row->count / 1e9;

	return row->work.is_known && gflop > 0 && row->energy_j > 0 ? gflop / row->energy_j : NAN;
}

double jm_row_flop_per_byte(const struct jm_row *row)
{
	return row->work.is_known && row->work.bytes > 0 ? row->work.flops / row->work.bytes : NAN;
}
