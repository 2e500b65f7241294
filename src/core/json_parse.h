/* Between json.c and the parser library: text in, a batch of tokens out. */
#ifndef CORE_JSON_PARSE_H
#define CORE_JSON_PARSE_H

#include "core/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A token of a batch. text_at: place in the batch's text; offset: of the token in the bytes fed since
 * jm_json_parser_reset. */
struct jm_json_raw {
	uint64_t offset;
	uint32_t text_at, n;
	uint8_t type, depth;
};

struct jm_json_batch {
	struct jm_json_raw *tokens;
	size_t n_tokens, tokens_capacity;
	char *text;
	size_t n_text, text_capacity;
};

struct jm_json_parser;

/* NULL: out of memory. reset: before another text. */
struct jm_json_parser *jm_json_parser_create(void);
void jm_json_parser_destroy(struct jm_json_parser *p);
void jm_json_parser_reset(struct jm_json_parser *p);
/* Parses n more bytes; is_last: none follow. Tokens are added to batch; an unfinished string or number at its end stays
 * in the batch's text and is finished by the next call, so the caller keeps text from jm_json_parser_pending() on.
 * Errors: JM_E_FORMAT (message: why; *offset_out: byte), JM_E_NOMEM. */
int jm_json_parser_feed(struct jm_json_parser *p, const char *data, size_t n, bool is_last, struct jm_json_batch *batch,
			uint64_t *offset_out, const char **message_out);
/* Bytes at the end of the batch's text that belong to an unfinished token. */
size_t jm_json_parser_pending(const struct jm_json_parser *p);
/* Says whether the last error was a text that ends too early. */
bool jm_json_parser_is_truncated(const struct jm_json_parser *p);

#ifdef __cplusplus
}
#endif
#endif
