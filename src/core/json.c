#define _GNU_SOURCE
#include "core/json.h"

#include "core/error.h"
#include "core/json_parse.h"
#include "core/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes parsed at once. Small enough that the tokens of a batch stay in the processor's second-level cache. */
#define CHUNK_BYTES ((size_t)32768)

struct jm_json {
	struct jm_json_parser *parser;
	struct jm_json_batch batch;
	size_t next;      /* token of the batch */
	const char *data; /* memory: all of it */
	size_t n, fed;
	char *chunk;      /* file: CHUNK_BYTES */
	int fd;           /* -1: memory */
	uint64_t at, to;  /* file: next byte, end of the range */
	char first, last; /* stand around the range; 0: nothing, or given already */
	bool is_done;     /* all was fed and accepted */
	bool is_started;
	char *decoded; /* the inner document of a double-encoded one */
	uint64_t base_line;
	int failed; /* kept: errors are final */
	struct jm_error error;
	char path[512];
};

static int create(const char *path, struct jm_json **out, struct jm_error *err)
{
	struct jm_json *json = calloc(1, sizeof(*json));

	if (!json)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	json->parser = jm_json_parser_create();
	json->fd = -1;
	snprintf(json->path, sizeof(json->path), "%s", path ? path : "JSON text");
	if (!json->parser) {
		jm_json_close(json);
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	}
	*out = json;
	return 0;
}

int jm_json_open(const char *path, const char *data, size_t n, struct jm_json **out, struct jm_error *err)
{
	int rc = create(path, out, err);

	if (rc)
		return rc;
	jm_json_restart(*out, data, n, 0);
	return 0;
}

int jm_json_open_range(const char *path, int fd, uint64_t from, uint64_t to, char first, char last,
		       struct jm_json **out, struct jm_error *err)
{
	struct jm_json *json;
	int rc = create(path, &json, err);

	if (rc)
		return rc;
	json->fd = fd;
	json->at = from;
	json->to = to;
	json->first = first;
	json->last = last;
	json->chunk = malloc(CHUNK_BYTES + 2);
	if (!json->chunk) {
		jm_json_close(json);
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	}
	*out = json;
	return 0;
}

int jm_json_open_fd(const char *path, int fd, struct jm_json **out, struct jm_error *err)
{
	return jm_json_open_range(path, fd, 0, UINT64_MAX, '\0', '\0', out, err);
}

void jm_json_close(struct jm_json *json)
{
	if (!json)
		return;
	jm_json_parser_destroy(json->parser);
	free(json->batch.tokens);
	free(json->batch.text);
	free(json->chunk);
	free(json->decoded);
	free(json);
}

void jm_json_restart(struct jm_json *json, const char *data, size_t n, uint64_t base_line)
{
	jm_json_parser_reset(json->parser);
	json->batch.n_tokens = 0;
	json->batch.n_text = 0;
	json->next = 0;
	json->data = data ? data : "";
	json->n = n;
	json->fed = 0;
	json->fd = -1;
	json->is_done = false;
	json->is_started = false;
	json->base_line = base_line;
	json->failed = 0;
}

static int fail(struct jm_json *json, int code, struct jm_error *err)
{
	json->failed = code;
	json->error.code = code;
	if (err)
		*err = json->error;
	return code;
}

/* Gives the next piece of text. */
static int piece(struct jm_json *json, const char **data, size_t *n, bool *is_last)
{
	size_t want;
	ssize_t got;

	if (json->fd < 0) {
		*data = json->data + json->fed;
		*n = json->n - json->fed < CHUNK_BYTES ? json->n - json->fed : CHUNK_BYTES;
		json->fed += *n;
		*is_last = json->fed == json->n;
		return 0;
	}
	want = json->to - json->at < CHUNK_BYTES ? (size_t)(json->to - json->at) : CHUNK_BYTES;
	*data = json->chunk;
	*n = 0;
	if (json->first)
		json->chunk[(*n)++] = json->first;
	json->first = '\0';
	do
		got = want ? pread(json->fd, json->chunk + *n, want, (off_t)json->at) : 0;
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return jm_error_errno(&json->error, errno, "cannot read %s", json->path);
	*n += (size_t)got;
	json->at += (uint64_t)got;
	*is_last = got == 0;
	if (*is_last && json->last)
		json->chunk[(*n)++] = json->last;
	return 0;
}

/* Parses pieces until there are tokens. Text of an unfinished token moves to the front of the batch. */
static int fill(struct jm_json *json, struct jm_error *err)
{
	struct jm_json_batch *batch = &json->batch;

	if (json->failed)
		return fail(json, json->failed, err);
	batch->n_tokens = 0;
	json->next = 0;
	while (batch->n_tokens == 0 && !json->is_done) {
		size_t pending = jm_json_parser_pending(json->parser);
		const char *data = NULL, *message = "";
		uint64_t offset = 0;
		size_t n = 0;
		int rc = piece(json, &data, &n, &json->is_done);

		if (rc)
			return fail(json, rc, err);
		if (pending && batch->n_text > pending)
			memmove(batch->text, batch->text + batch->n_text - pending, pending);
		batch->n_text = pending;
		rc = jm_json_parser_feed(json->parser, data, n, json->is_done, batch, &offset, &message);
		if (rc == JM_E_NOMEM)
			jm_error_set(&json->error, rc, "%s: out of memory", json->path);
		else if (rc)
			jm_error_set(&json->error, rc, "%s:%llu (byte %llu): %s", json->path,
				     (unsigned long long)jm_json_line(json, offset), (unsigned long long)offset,
				     message);
		json->failed = rc;
		if (rc && batch->n_tokens == 0)
			return fail(json, rc, err);
		if (rc) /* what came before the error is given out first */
			break;
	}
	return 0;
}

/* Opens up a document that is one string of n bytes holding an object or array; leaves another one as it is. */
static int open_inner(struct jm_json *json, const char *text, size_t n, struct jm_error *err)
{
	size_t skip = 0;
	char *inner;
	int rc = 0;

	while (skip < n && memchr(" \t\r\n", text[skip], 4))
		skip++;
	if (skip == n || (text[skip] != '{' && text[skip] != '['))
		return 0;
	inner = malloc(n);
	if (!inner)
		return fail(json, jm_error_set(&json->error, JM_E_NOMEM, "%s: out of memory", json->path), err);
	memcpy(inner, text, n);
	while (!json->is_done && !rc) /* what follows the string must be checked, too */
		rc = fill(json, err);
	if (!rc && json->failed)
		rc = fail(json, json->failed, err);
	if (rc) {
		free(inner);
		return rc;
	}
	free(json->decoded);
	json->decoded = inner;
	jm_json_restart(json, inner, n, 0);
	json->is_started = true;
	return fill(json, err);
}

/* Parses on when the batch is used up. */
static int refill(struct jm_json *json, struct jm_error *err)
{
	const struct jm_json_batch *batch = &json->batch;
	int rc = fill(json, err);

	if (rc || json->is_started)
		return rc;
	json->is_started = true;
	if (batch->n_tokens == 0 || batch->tokens[0].type != JM_JSON_STRING || batch->tokens[0].n == 0)
		return 0;
	return open_inner(json, batch->text + batch->tokens[0].text_at, batch->tokens[0].n, err);
}

int jm_json_next(struct jm_json *json, struct jm_json_token *out, struct jm_error *err)
{
	const struct jm_json_raw *raw;
	int rc;

	if (json->next == json->batch.n_tokens) {
		rc = refill(json, err);
		if (rc)
			return rc;
	}
	if (json->next == json->batch.n_tokens) {
		memset(out, 0, sizeof(*out));
		return 0;
	}
	raw = &json->batch.tokens[json->next++];
	out->type = (enum jm_json_type)raw->type;
	out->depth = raw->depth;
	out->text = json->batch.text ? json->batch.text + raw->text_at : "";
	out->n = raw->n;
	out->offset = raw->offset;
	return 0;
}

int jm_json_skip(struct jm_json *json, const struct jm_json_token *token, struct jm_error *err)
{
	struct jm_json_token t = *token;
	unsigned depth;
	int rc;

	if (t.type == JM_JSON_KEY) {
		rc = jm_json_next(json, &t, err);
		if (rc)
			return rc;
	}
	if (t.type != JM_JSON_OBJECT && t.type != JM_JSON_ARRAY)
		return 0;
	depth = t.depth;
	do {
		rc = jm_json_next(json, &t, err);
		if (rc)
			return rc;
	} while ((t.type != JM_JSON_OBJECT_END && t.type != JM_JSON_ARRAY_END) || t.depth != depth);
	return 0;
}

bool jm_json_is_truncated(const struct jm_json *json)
{
	return json->failed == JM_E_FORMAT && jm_json_parser_is_truncated(json->parser);
}

static uint64_t count_lines(const char *data, size_t n)
{
	const char *end = data + n;
	uint64_t lines = 0;

	while ((data = memchr(data, '\n', (size_t)(end - data)))) {
		lines++;
		data++;
	}
	return lines;
}

uint64_t jm_json_line(struct jm_json *json, uint64_t offset)
{
	uint64_t line = json->base_line + 1, at = 0;
	char text[4096];

	if (json->fd < 0)
		return json->data ? line + count_lines(json->data, offset < json->n ? (size_t)offset : json->n) : line;
	while (at < offset) {
		size_t want = offset - at < sizeof(text) ? (size_t)(offset - at) : sizeof(text);
		ssize_t got = pread(json->fd, text, want, (off_t)at);

		if (got <= 0)
			break;
		line += count_lines(text, (size_t)got);
		at += (uint64_t)got;
	}
	return line;
}

int jm_json_error(struct jm_json *json, const struct jm_json_token *at, struct jm_error *err, const char *format, ...)
{
	char message[256];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return jm_error_set(err, JM_E_FORMAT, "%s:%llu (byte %llu): %s", json->path,
			    (unsigned long long)jm_json_line(json, at->offset), (unsigned long long)at->offset,
			    message);
}

int jm_json_number(struct jm_json *json, const struct jm_json_token *token, double *out, struct jm_error *err)
{
	if (token->type != JM_JSON_NUMBER)
		return jm_json_error(json, token, err, "a number was expected");
	if (jm_text_double(token->text, token->n, out))
		return jm_json_error(json, token, err, "the number %.*s is out of range",
				     (int)(token->n < 40 ? token->n : 40), token->text);
	return 0;
}

bool jm_json_is(const struct jm_json_token *token, const char *text)
{
	size_t n = strlen(text);

	return token->n == n && memcmp(token->text, text, n) == 0;
}
