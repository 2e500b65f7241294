/* The inside of HTTP: http.c (connections, who may), routes.c (what is answered), stream.c (server-sent events). */
#ifndef SERVICE_HTTP_INTERNAL_H
#define SERVICE_HTTP_INTERNAL_H

#include "service/http.h"
#include "service/metrics.h"

#include <microhttpd.h>

#define JM_HTTP_CONNECTIONS_MAX 128
#define JM_HTTP_STREAMS_MAX     32
#define JM_HTTP_BODY_MAX        ((size_t)128 << 10)

struct jm_stream;

struct jm_http {
	struct jm_service *service;
	struct MHD_Daemon *daemon;
	int epoll_fd;
	bool is_loopback;
	char token[256], host[256];
	uint16_t port;
	struct jm_http_counts counts;
	double allowance; /* requests that may come at once */
	int64_t allowed_ns;
	struct jm_stream *streams;
	bool is_ending; /* what was measured has been stopped: nothing begins any more */
	int64_t streamed_ns;
};

/* A request on its way in. */
struct jm_http_request {
	struct jm_buffer body;
	bool is_too_large;
};

/* Sends b, which it takes over, and adds type. */
enum MHD_Result jm_http_send(struct MHD_Connection *c, unsigned status, const char *type, struct jm_buffer *b);
enum MHD_Result jm_http_refuse(struct jm_http *http, struct MHD_Connection *c, unsigned status,
			       const struct jm_error *err);

/* routes.c */
enum MHD_Result jm_http_route(struct jm_http *http, struct MHD_Connection *c, const char *url, const char *method,
			      const struct jm_http_request *request);

/* stream.c */
enum MHD_Result jm_http_stream(struct jm_http *http, struct MHD_Connection *c);
void jm_http_streams_tick(void *ctx, int64_t now_ns);
/* Lets every stream end. */
void jm_http_streams_end(struct jm_http *http);

#endif
