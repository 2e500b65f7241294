#define _GNU_SOURCE
#include "cli/http_get.h"

#include "core/error.h"
#include "core/units.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)64 << 20)
#define TIMEOUT_S  30 /* for the whole of an answer: one that comes by the byte is none */

int jm_http_peer_parse(const char *url, const char *default_port, struct jm_http_peer *out, struct jm_error *err)
{
	const char *at = strncmp(url, "http://", 7) == 0 ? url + 7 : url, *port;
	size_t n = at[0] == '[' ? strcspn(at, "]") : strcspn(at, ":/");
	size_t first = at[0] == '[';

	if (n <= first || n - first >= sizeof(out->host) || (first && at[n] != ']'))
		goto bad;
	snprintf(out->host, sizeof(out->host), "%.*s", (int)(n - first), at + first);
	port = at + n + first;
	if (*port == ':') {
		n = strspn(port + 1, "0123456789");
		if (n == 0 || n >= sizeof(out->port) || (port[1 + n] && strcmp(port + 1 + n, "/") != 0))
			goto bad;
		snprintf(out->port, sizeof(out->port), "%.*s", (int)n, port + 1);
		return 0;
	}
	snprintf(out->port, sizeof(out->port), "%s", default_port);
	if (*port == '\0' || strcmp(port, "/") == 0)
		return 0;
bad:
	jm_error_set(err, JM_E_INVALID, "'%s' is no address of a service", url);
	return jm_error_remedy(err, "http://127.0.0.1:7373");
}

static int connect_to(const struct jm_http_peer *peer, struct jm_error *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *a;
	struct timeval timeout = {.tv_sec = TIMEOUT_S};
	int fd = -1, errno_value = 0, rc = getaddrinfo(peer->host, peer->port, &hints, &list);

	if (rc)
		return jm_error_set(err, JM_E_NOT_FOUND, "cannot find %s: %s", peer->host, gai_strerror(rc));
	for (a = list; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen)) {
			errno_value = errno;
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	if (fd < 0) {
		jm_error_set(err, JM_E_NOT_FOUND, "no service answers at %s, port %s: %s", peer->host, peer->port,
			     strerror(errno_value));
		return jm_error_remedy(err, "start one: joulemap serve");
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	return fd;
}

static int receive(int fd, struct jm_buffer *answer, struct jm_error *err)
{
	int64_t end_ns = jm_now_ns() + TIMEOUT_S * JM_NS_PER_S;
	char block[16384];
	ssize_t n;

	while ((n = recv(fd, block, sizeof(block), 0)) > 0) {
		if (answer->n + (size_t)n > ANSWER_MAX)
			return jm_error_set(err, JM_E_FORMAT, "the service answers more than %zu bytes", ANSWER_MAX);
		jm_buffer_append(answer, block, (size_t)n);
		if (jm_now_ns() > end_ns)
			return jm_error_set(err, JM_E_IO, "the service's answer did not end within %d s", TIMEOUT_S);
	}
	return n < 0 ? jm_error_errno(err, errno, "the service does not answer") : 0;
}

static int exchange(int fd, const struct jm_buffer *request, struct jm_buffer *answer, struct jm_error *err)
{
	size_t sent = 0;
	ssize_t n;

	while (sent < request->n) {
		n = send(fd, request->data + sent, request->n - sent, MSG_NOSIGNAL);
		if (n < 0)
			return jm_error_errno(err, errno, "cannot ask the service");
		sent += (size_t)n;
	}
	return receive(fd, answer, err);
}

int jm_http_answer_parse(const char *text, int *status_out, const char **body_out)
{
	size_t minor = strncmp(text, "HTTP/1.", 7) == 0 ? strspn(text + 7, "0123456789") : 0;
	const char *status = text + 7 + minor, *body = minor ? strstr(text, "\r\n\r\n") : NULL;

	if (!body || *status != ' ' || strspn(status + 1, "0123456789") != 3 || !strchr(" \r", status[4]))
		return JM_E_FORMAT;
	*status_out = 100 * (status[1] - '0') + 10 * (status[2] - '0') + status[3] - '0';
	*body_out = body + 4;
	return 0;
}

int jm_http_ask(const struct jm_http_peer *peer, const char *method, const char *path, const char *body,
		int *status_out, struct jm_buffer *out, struct jm_error *err)
{
	struct jm_buffer request = {0}, answer = {0};
	const char *text, *begin = NULL;
	int fd = connect_to(peer, err), rc;

	if (fd < 0)
		return fd;
	/* HTTP/1.0: the answer ends with the connection, and comes in one piece. */
	jm_buffer_printf(
	    &request, strchr(peer->host, ':') ? "%s %s HTTP/1.0\r\nHost: [%s]\r\n" : "%s %s HTTP/1.0\r\nHost: %s\r\n",
	    method, path, peer->host);
	if (peer->token)
		jm_buffer_printf(&request, "Authorization: Bearer %s\r\n", peer->token);
	if (body)
		jm_buffer_printf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
	jm_buffer_puts(&request, "\r\n");
	if (body)
		jm_buffer_puts(&request, body);
	rc = request.is_failed ? jm_error_set(err, JM_E_NOMEM, "out of memory for the request")
			       : exchange(fd, &request, &answer, err);
	close(fd);
	jm_buffer_finish(&request);
	text = rc ? NULL : jm_buffer_terminate(&answer);
	if (rc == 0 && !text)
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory for the answer");
	if (rc == 0 && jm_http_answer_parse(text, status_out, &begin))
		rc = jm_error_set(err, JM_E_FORMAT, "what answers at %s, port %s, is no joulemap service", peer->host,
				  peer->port);
	if (rc == 0) {
		out->n = 0;
		jm_buffer_puts(out, begin);
		rc = jm_buffer_terminate(out) ? 0 : jm_error_set(err, JM_E_NOMEM, "out of memory for the answer");
	}
	jm_buffer_finish(&answer);
	return rc;
}
