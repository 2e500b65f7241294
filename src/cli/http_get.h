/* The little of HTTP that joulemap ask needs: one request, one answer, one connection. */
#ifndef CLI_HTTP_GET_H
#define CLI_HTTP_GET_H

#include "core/text.h"

struct jm_http_peer {
	char host[256], port[8];
	const char *token; /* NULL: none */
};

/* Reads "http://HOST[:PORT]". Errors: JM_E_INVALID. */
int jm_http_peer_parse(const char *url, const char *default_port, struct jm_http_peer *out, struct jm_error *err);

/* Sends a request (body: JSON, or NULL) and takes the answer's body into out, terminated. Errors: JM_E_NOT_FOUND: nobody listens;
 * JM_E_IO, JM_E_FORMAT: no HTTP came back; JM_E_NOMEM. */
int jm_http_ask(const struct jm_http_peer *peer, const char *method, const char *path, const char *body,
		int *status_out, struct jm_buffer *out, struct jm_error *err);

/* Takes an answer (terminated) apart: status, and where the body begins. Errors: JM_E_FORMAT: no HTTP. */
int jm_http_answer_parse(const char *text, int *status_out, const char **body_out);

#endif
