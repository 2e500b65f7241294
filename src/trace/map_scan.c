/* Reads the layers of a trt_layer_latency.json as Python's json.dump writes it, which is nearly all of the time that a
 * mapping takes: three times as fast as through the JSON reader. Text is taken in steps (a name, an entry); one that the
 * buffer cuts off is begun anew when there is more text. A zero byte behind the text ends every search. */
#define _GNU_SOURCE
#include "core/text.h"
#include "trace/map_internal.h"
#include "trace/stamp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Longest name with what belongs to it; fits into the processor's second-level cache. */
#define BUFFER_BYTES ((size_t)262144)

enum place { AT_BEGIN, AT_NAME, AT_FIRST_NAME, AT_ENTRY, AT_FIRST_ENTRY, AT_LIST_END, AT_END };

struct scan {
	struct jm_map_layers *layers;
	struct jm_map_layer *layer;
	struct jm_stamp_cache cache;
	enum place place;
	bool has_end;
	const char *at, *end;
};

static const char *skip_space(const char *at)
{
	while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')
		at++;
	return at;
}

/* Says whether [at, end) is a number of JSON: strtod and the like take more. */
static bool is_number(const char *at, const char *end)
{
	const char *digits = at;

	while (at < end && *at >= '0' && *at <= '9')
		at++;
	if (at == digits || (*digits == '0' && at > digits + 1))
		return false;
	if (at < end && *at == '.') {
		for (digits = ++at; at < end && *at >= '0' && *at <= '9';)
			at++;
		if (at == digits)
			return false;
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		at++;
		at += at < end && (*at == '+' || *at == '-');
		for (digits = at; at < end && *at >= '0' && *at <= '9';)
			at++;
		if (at == digits)
			return false;
	}
	return at == end;
}

/* Numbers that jm_decimal_read leaves to others. Gives NULL for what is none. */
static const char *odd_number(const char *at, double *out)
{
	size_t n = strspn(at, "0123456789.eE+-");

	return is_number(at, at + n) && jm_text_double(at, n, out) == 0 ? at + n : NULL;
}

/* Each step gives the text behind it, or NULL: not the usual way to write it, or cut off. */
static const char *take_duration(struct scan *s, const char *at, struct jm_map_entry *entry)
{
	const char *begin = at;

	entry->duration = jm_decimal_read(at, s->end, &entry->duration_ms, &at);
	if (!entry->duration || *at == '.' || *at == 'e' || *at == 'E') {
		entry->duration = 0;
		at = odd_number(begin, &entry->duration_ms);
	}
	if (!at || !(entry->duration_ms <= JM_MAP_MAX_MS))
		return NULL;
	while (s->layers->is_integral && begin < at)
		s->layers->is_integral = memchr("0123456789", *begin++, 10) != NULL;
	return at;
}

static const char *take_stamp(struct scan *s, const char *at, struct jm_map_entry *entry)
{
	const char *quote;

	at = skip_space(at);
	if (*at != ',' || *(at = skip_space(at + 1)) != '"')
		return NULL;
	at++;
	/* Nearly all are "YYYYmmdd-HH:MM:SS.ffffff". */
	quote = s->end - at > 24 && at[24] == '"' && at[23] >= '0' && at[23] <= '9'
		    ? at + 24
		    : memchr(at, '"', (size_t)(s->end - at));
	if (!quote || jm_stamp_compact(&s->cache, at, (size_t)(quote - at), &entry->stamp_us))
		return NULL;
	at = skip_space(quote + 1);
	return *at == ']' ? at + 1 : NULL;
}

/* An entry with the comma behind it, or the end of the list. *rc_out: JM_E_NOMEM. */
static const char *take_entry(struct scan *s, const char *at, int *rc_out)
{
	struct jm_map_entry entry = {.stamp_us = 0};
	bool has_stamp;

	at = skip_space(at);
	if (*at == ']' && s->place == AT_FIRST_ENTRY) {
		s->place = AT_LIST_END;
		return at + 1;
	}
	has_stamp = *at == '[';
	at = take_duration(s, has_stamp ? skip_space(at + 1) : at, &entry);
	if (at && has_stamp)
		at = take_stamp(s, at, &entry);
	if (!at)
		return NULL;
	at = skip_space(at);
	if (*at != ',' && *at != ']')
		return NULL;
	if (s->layer->n + 1 < s->layer->capacity && s->layer->n < s->layers->n_cycles)
		s->layer->entries[s->layer->n++] = entry;
	else
		*rc_out = jm_map_layer_add(s->layers, s->layer, &entry);
	s->layers->has_stamps &= has_stamp;
	s->place = *at == ',' ? AT_ENTRY : AT_LIST_END;
	return at + 1;
}

/* "name": [ ; names with escapes or beyond ASCII are not for here. */
static const char *take_name(struct scan *s, const char *at, int *rc_out)
{
	const char *name;
	size_t n;

	at = skip_space(at);
	if (*at == '}' && s->place == AT_FIRST_NAME) {
		s->place = AT_END;
		return at + 1;
	}
	if (*at != '"')
		return NULL;
	name = ++at;
	while (*at >= ' ' && *at < 127 && *at != '"' && *at != '\\')
		at++;
	n = (size_t)(at - name);
	if (*at != '"' || *(at = skip_space(at + 1)) != ':' || *(at = skip_space(at + 1)) != '[')
		return NULL;
	s->layer = jm_map_layer_begin(s->layers, name, n);
	*rc_out = s->layer ? 0 : JM_E_NOMEM;
	s->place = AT_FIRST_ENTRY;
	return at + 1;
}

static const char *take_list_end(struct scan *s, const char *at)
{
	at = skip_space(at);
	if (*at == ',')
		s->place = AT_NAME;
	else if (*at == '}' && s->has_end)
		s->place = AT_END;
	else
		return NULL;
	return at + 1;
}

static const char *take_begin(struct scan *s, const char *at)
{
	at = skip_space(at);
	s->place = AT_FIRST_NAME;
	return *at == '{' ? at + 1 : NULL;
}

/* Takes steps as far as the text goes; s->at: behind the last one. */
static int take_steps(struct scan *s)
{
	const char *at = s->at;
	int rc = 0;

	while (at && !rc) {
		s->at = at;
		switch (s->place) {
		case AT_ENTRY:
		case AT_FIRST_ENTRY:
			at = take_entry(s, at, &rc);
			break;
		case AT_NAME:
		case AT_FIRST_NAME:
			at = take_name(s, at, &rc);
			break;
		case AT_LIST_END:
			at = take_list_end(s, at);
			break;
		case AT_BEGIN:
			at = take_begin(s, at);
			break;
		case AT_END:
			s->at = skip_space(at);
			at = NULL;
			break;
		}
	}
	return rc;
}

static bool is_complete(const struct scan *s)
{
	return skip_space(s->at) == s->end && s->place == (s->has_end ? AT_END : AT_LIST_END);
}

/* Moves what is left to the front of the buffer and reads more behind it. Gives bytes, 0 at the end; -1: errno. */
static ssize_t refill(struct scan *s, char *buffer, int fd, uint64_t from, uint64_t to)
{
	size_t rest = (size_t)(s->end - s->at), room = BUFFER_BYTES - rest;
	ssize_t n;

	memmove(buffer, s->at, rest);
	if (to - from < room)
		room = (size_t)(to - from);
	do
		n = room ? pread(fd, buffer + rest, room, (off_t)from) : 0;
	while (n < 0 && errno == EINTR);
	s->at = buffer;
	s->end = buffer + rest + (n > 0 ? (size_t)n : 0);
	buffer[s->end - buffer] = '\0';
	return n;
}

int jm_map_scan(int fd, uint64_t from, uint64_t to, bool has_begin, bool has_end, struct jm_map_layers *layers)
{
	struct scan s = {.layers = layers, .place = has_begin ? AT_BEGIN : AT_NAME, .has_end = has_end};
	char *buffer = malloc(BUFFER_BYTES + 1);
	ssize_t n = 0;
	int rc = 0;

	if (!buffer)
		return JM_E_NOMEM;
	layers->has_stamps = layers->is_integral = true;
	s.at = s.end = buffer;
	while (!rc && (n = refill(&s, buffer, fd, from, to)) > 0) {
		from += (uint64_t)n;
		rc = take_steps(&s);
	}
	if (!rc && n < 0)
		rc = JM_E_IO;
	if (!rc && !is_complete(&s))
		rc = JM_E_FORMAT;
	jm_map_layers_count(layers);
	free(buffer);
	return rc;
}
