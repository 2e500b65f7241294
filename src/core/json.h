/* A streaming JSON reader: the caller pulls one token after the other, out of memory or a file. No tree is built: a
 * file of any size is read in a fixed amount of memory (but for single strings). Behind it: Boost.JSON's basic_parser,
 * picked by measurement (docs/architecture.md).
 *
 * Strict RFC 8259 in UTF-8; NaN, comments, trailing commas and trailing text are errors. A document that is one JSON
 * string which itself holds an object or array (double encoding, as Python's json.dump(json.dumps(x)) makes it) is
 * opened up by itself. One thread at a time. */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include "joulemap/joulemap.h"

/* Deepest nesting taken; deeper is JM_E_FORMAT. */
#define JM_JSON_MAX_DEPTH 64

enum jm_json_type {
	JM_JSON_END, /* of the document */
	JM_JSON_OBJECT,
	JM_JSON_OBJECT_END,
	JM_JSON_ARRAY,
	JM_JSON_ARRAY_END,
	JM_JSON_KEY,
	JM_JSON_STRING,
	JM_JSON_NUMBER,
	JM_JSON_TRUE,
	JM_JSON_FALSE,
	JM_JSON_NULL,
};

struct jm_json_token {
	enum jm_json_type type;
	unsigned depth; /* objects and arrays around the token; a begin or end token is not inside its own */
	/* key, string: decoded UTF-8; number: as written; not terminated; lives until the next call */
	const char *text;
	size_t n;        /* bytes of text */
	uint64_t offset; /* byte in the document, of this token or shortly before it */
};

struct jm_json;

/* Opens a document of n bytes in memory; data must outlive the reader. path: for messages, may be NULL.
 * Errors: JM_E_NOMEM. Syntax errors come from jm_json_next. */
int jm_json_open(const char *path, const char *data, size_t n, struct jm_json **out, struct jm_error *err);
/* The same for a regular file; fd stays the caller's, and where it stands. */
int jm_json_open_fd(const char *path, int fd, struct jm_json **out, struct jm_error *err);
/* The same for the bytes [from, to) of a regular file, as if first stood before and last behind them; '\0': nothing. */
int jm_json_open_range(const char *path, int fd, uint64_t from, uint64_t to, char first, char last,
		       struct jm_json **out, struct jm_error *err);
void jm_json_close(struct jm_json *json);
/* Begins anew with another document in memory, e.g. the next line of JSON Lines; base_line: lines before it. */
void jm_json_restart(struct jm_json *json, const char *data, size_t n, uint64_t base_line);

/* Gives the next token. Errors: JM_E_FORMAT with path, line and byte; JM_E_NOMEM; JM_E_IO. */
int jm_json_next(struct jm_json *json, struct jm_json_token *out, struct jm_error *err);
/* Skips the rest of the value that begins with token: all of an object or array, nothing of anything else. For a key:
 * its value. */
int jm_json_skip(struct jm_json *json, const struct jm_json_token *token, struct jm_error *err);

/* Says whether the last error of jm_json_next was the end of the text before the end of the document. */
bool jm_json_is_truncated(const struct jm_json *json);
/* Line (from 1) of an offset. Cold: counts from the start. */
uint64_t jm_json_line(struct jm_json *json, uint64_t offset);

/* Sets err to "path:line (byte N): message" and gives JM_E_FORMAT. */
int jm_json_error(struct jm_json *json, const struct jm_json_token *at, struct jm_error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Gives the number in token. Errors: JM_E_FORMAT when it is no number, or out of a double's range. */
int jm_json_number(struct jm_json *json, const struct jm_json_token *token, double *out, struct jm_error *err);

/* Says whether the token's text is this one. */
bool jm_json_is(const struct jm_json_token *token, const char *text);

#endif
