/* The service by HTTP: measurements, stream, metrics, page. Loopback unless told otherwise; beyond it only with a token. */
#ifndef SERVICE_HTTP_H
#define SERVICE_HTTP_H

#include "service/service.h"

#define JM_HTTP_PORT 7373

struct jm_http_options {
	const char *address; /* to listen on, numeric; NULL: 127.0.0.1 */
	uint16_t port;       /* 0: any free one */
	const char *token;   /* all but /healthz then want it; NULL: none */
	const char *host;    /* a further name that requests may give as Host; NULL: none */
};

struct jm_http;

/* Listens, and joins the loop of s. Errors: JM_E_EXISTS: the port is taken; JM_E_PERMISSION; JM_E_INVALID: no address, or one beyond
 * loopback without a token; JM_E_UNSUPPORTED: built without libmicrohttpd; JM_E_NOMEM. */
int jm_http_open(struct jm_service *s, const struct jm_http_options *options, struct jm_http **out,
		 struct jm_error *err);
/* Ends connections, answered or not, and frees. Before the service is closed. */
void jm_http_close(struct jm_http *http);
uint16_t jm_http_port(const struct jm_http *http);

/* Says whether a request's Host header (or, with its scheme taken off, Origin) names us: for loopback, localhost or a numeric
 * loopback address, with or without port; else anything. Keeps a page of another name that resolves to us (DNS rebinding) out. */
bool jm_http_is_own_host(const char *host, bool is_loopback, const char *further);

#endif
