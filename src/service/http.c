#include "service/http_internal.h"

#include "core/error.h"
#include "core/units.h"
#include "service/present.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_S        30u
#define REQUESTS_PER_S   500.0
#define REQUESTS_BURST   1000.0
#define CONNECTION_BYTES ((size_t)16 << 10)

enum MHD_Result jm_http_send(struct MHD_Connection *c, unsigned status, const char *type, struct jm_buffer *b)
{
	struct MHD_Response *response;
	enum MHD_Result rc;

	if (b->is_failed) {
		jm_buffer_finish(b);
		return MHD_NO;
	}
	response = MHD_create_response_from_buffer(b->n, b->data, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		jm_buffer_finish(b);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	rc = MHD_queue_response(c, status, response);
	MHD_destroy_response(response);
	return rc;
}

enum MHD_Result jm_http_refuse(struct jm_http *http, struct MHD_Connection *c, unsigned status,
			       const struct jm_error *err)
{
	struct jm_buffer b = {0};

	http->counts.n_refused++;
	jm_present_error(&b, err);
	return jm_http_send(c, status, "application/json", &b);
}

/* How long it takes tells nothing of where they differ. */
static bool is_token(const char *token, const char *given)
{
	size_t n = strlen(token), given_n = strlen(given), i;
	unsigned char difference = n != given_n;

	for (i = 0; i < given_n; i++)
		difference |= (unsigned char)(token[i % n] ^ given[i]);
	return !difference;
}

/* Gives 0, or the status to refuse with. */
static unsigned may_ask(struct jm_http *http, struct MHD_Connection *c, const char *url, struct jm_error *why)
{
	const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");
	const char *origin = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Origin");
	const char *given = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Authorization");
	const char *scheme = origin ? strstr(origin, "://") : NULL;

	if (!jm_http_is_own_host(host, http->is_loopback, http->host) ||
	    (origin && !jm_http_is_own_host(scheme ? scheme + 3 : origin, http->is_loopback, http->host))) {
		jm_error_set(why, JM_E_PERMISSION, "the request names another host");
		jm_error_remedy(why, "ask localhost or 127.0.0.1; joulemap serve --host NAME allows a further name");
		return MHD_HTTP_FORBIDDEN;
	}
	if (!http->token[0] || strcmp(url, "/healthz") == 0 || strcmp(url, "/") == 0)
		return 0;
	if (given && strncmp(given, "Bearer ", 7) == 0 && is_token(http->token, given + 7))
		return 0;
	jm_error_set(why, JM_E_PERMISSION, "a token is wanted, and none or another one was given");
	jm_error_remedy(why, "send the header 'Authorization: Bearer TOKEN'");
	return MHD_HTTP_UNAUTHORIZED;
}

static bool is_too_fast(struct jm_http *http)
{
	int64_t now_ns = jm_now_ns();

	http->allowance += jm_s_from_ns(now_ns - http->allowed_ns) * REQUESTS_PER_S;
	http->allowance = http->allowance < REQUESTS_BURST ? http->allowance : REQUESTS_BURST;
	http->allowed_ns = now_ns;
	if (http->allowance < 1)
		return true;
	http->allowance--;
	return false;
}

static enum MHD_Result answer(struct jm_http *http, struct MHD_Connection *c, const char *url, const char *method,
			      const struct jm_http_request *request)
{
	struct jm_error why = {0};
	unsigned status;

	http->counts.n_requests++;
	if (is_too_fast(http)) {
		jm_error_set(&why, JM_E_AGAIN, "too many requests: at most %g a second", REQUESTS_PER_S);
		return jm_http_refuse(http, c, MHD_HTTP_TOO_MANY_REQUESTS, &why);
	}
	status = may_ask(http, c, url, &why);
	if (status)
		return jm_http_refuse(http, c, status, &why);
	if (request->is_too_large) {
		jm_error_set(&why, JM_E_FULL, "a request has at most %zu bytes", JM_HTTP_BODY_MAX);
		return jm_http_refuse(http, c, MHD_HTTP_CONTENT_TOO_LARGE, &why);
	}
	if (http->is_ending && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		jm_error_set(&why, JM_E_GONE, "the service is ending");
		return jm_http_refuse(http, c, MHD_HTTP_SERVICE_UNAVAILABLE, &why);
	}
	return jm_http_route(http, c, url, method, request);
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *c, const char *url, const char *method,
			      const char *version, const char *data, size_t *n, void **state)
{
	struct jm_http_request *request = *state;

	(void)version;
	if (!request) {
		*state = request = calloc(1, sizeof(*request));
		return request ? MHD_YES : MHD_NO;
	}
	if (*n) {
		request->is_too_large = request->is_too_large || *n > JM_HTTP_BODY_MAX - request->body.n;
		if (!request->is_too_large)
			jm_buffer_append(&request->body, data, *n);
		*n = 0;
		return request->body.is_failed ? MHD_NO : MHD_YES;
	}
	return answer(ctx, c, url, method, request);
}

static void completed(void *ctx, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why)
{
	struct jm_http_request *request = *state;

	(void)ctx;
	(void)c;
	(void)why;
	if (!request)
		return;
	jm_buffer_finish(&request->body);
	free(request);
	*state = NULL;
}

static void run(void *ctx)
{
	struct jm_http *http = ctx;

	MHD_run(http->daemon);
}

static int64_t due_ns(void *ctx)
{
	struct jm_http *http = ctx;
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(http->daemon, &ms) != MHD_YES)
		return INT64_MAX;
	return jm_now_ns() + (int64_t)ms * JM_NS_PER_MS;
}

static int bad_address(struct jm_error *err, const char *text)
{
	jm_error_set(err, JM_E_INVALID, "'%s' is no address to listen on", text);
	return jm_error_remedy(err, "give a numeric address such as 127.0.0.1 or 0.0.0.0");
}

/* Gives a listening socket, or a negative JM_E_ code. */
static int listen_on(const char *text, uint16_t port, bool *is_loopback, struct jm_error *err)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
	bool is_six = inet_pton(AF_INET6, text, &six.sin6_addr) == 1;
	const struct sockaddr *address = is_six ? (const void *)&six : (const void *)&four;
	int fd, on = 1, errno_value;

	if (!is_six && inet_pton(AF_INET, text, &four.sin_addr) != 1)
		return bad_address(err, text);
	*is_loopback = is_six ? IN6_IS_ADDR_LOOPBACK(&six.sin6_addr) : (ntohl(four.sin_addr.s_addr) >> 24) == 127;
	fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return jm_error_errno(err, errno, "cannot make a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, address, is_six ? sizeof(six) : sizeof(four)) == 0 && listen(fd, JM_HTTP_CONNECTIONS_MAX) == 0)
		return fd;
	errno_value = errno;
	close(fd);
	if (errno_value != EADDRINUSE)
		return jm_error_errno(err, errno_value, "cannot listen on %s, port %u", text, port);
	jm_error_set(err, JM_E_EXISTS, "port %u of %s is taken", port, text);
	jm_error_remedy(err, "another joulemap serve may run already; or take another port: --port");
	return JM_E_EXISTS;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t n = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &n))
		return 0;
	return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
						   : ((struct sockaddr_in *)&address)->sin_port);
}

static int start(struct jm_http *http, int fd, struct jm_error *err)
{
	const union MHD_DaemonInfo *info;
	struct jm_service_follower follower = {jm_http_streams_tick, http};

	http->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, http,
					MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
					(unsigned)JM_HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S,
					MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES,
					MHD_OPTION_NOTIFY_COMPLETED, completed, http, MHD_OPTION_END);
	if (!http->daemon) {
		close(fd);
		return jm_error_set(err, JM_E_NOMEM, "cannot start the HTTP server");
	}
	info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	http->epoll_fd = info ? info->epoll_fd : -1;
	if (jm_loop_add(http->service->loop, http->epoll_fd, run, http) ||
	    jm_loop_add_timed(http->service->loop, due_ns, run, http) || jm_service_follow(http->service, &follower))
		return jm_error_set(err, JM_E_NOMEM, "the HTTP server cannot join the event loop");
	return 0;
}

int jm_http_open(struct jm_service *s, const struct jm_http_options *options, struct jm_http **out,
		 struct jm_error *err)
{
	const char *address = options->address ? options->address : "127.0.0.1";
	struct jm_http *http = calloc(1, sizeof(*http));
	int fd, rc;

	if (!http)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the HTTP server");
	http->service = s;
	http->epoll_fd = -1;
	http->allowance = REQUESTS_BURST;
	http->allowed_ns = jm_now_ns();
	snprintf(http->token, sizeof(http->token), "%s", options->token ? options->token : "");
	snprintf(http->host, sizeof(http->host), "%s", options->host ? options->host : "");
	fd = listen_on(address, options->port, &http->is_loopback, err);
	if (fd < 0) {
		free(http);
		return fd;
	}
	if (!http->is_loopback && !http->token[0]) {
		close(fd);
		free(http);
		jm_error_set(err, JM_E_INVALID, "%s can be reached from other machines: that takes a token", address);
		return jm_error_remedy(err, "give --token-file FILE (mode 0600), or listen on 127.0.0.1");
	}
	http->port = port_of(fd);
	rc = start(http, fd, err);
	if (rc) {
		jm_http_close(http);
		return rc;
	}
	*out = http;
	return 0;
}

void jm_http_close(struct jm_http *http)
{
	if (!http)
		return;
	if (http->daemon) {
		jm_http_streams_end(http);
		jm_loop_remove(http->service->loop, http->epoll_fd);
		MHD_run(http->daemon);
		MHD_stop_daemon(http->daemon);
	}
	free(http);
}

uint16_t jm_http_port(const struct jm_http *http)
{
	return http->port;
}
