/* Sockets of the link, and queues of what waits to be sent. */
#include "service/zeromq.h"

#include "core/error.h"
#include "service/event_message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <zmq.h>

int jm_zeromq_push(struct jm_zeromq_queue *q, const void *data, size_t n)
{
	void *copy;

	if (q->n == QUEUE_SIZE)
		return JM_E_FULL;
	if (!(copy = malloc(n ? n : 1)))
		return JM_E_NOMEM;
	memcpy(copy, data, n);
	q->items[q->n++] = (struct jm_zeromq_message){copy, n};
	return 0;
}

void jm_zeromq_pop(struct jm_zeromq_queue *q)
{
	free(q->items[0].data);
	memmove(q->items, q->items + 1, --q->n * sizeof(q->items[0]));
}

void jm_zeromq_forget(struct jm_zeromq_queue *q)
{
	while (q->n)
		jm_zeromq_pop(q);
}

int jm_zeromq_error(struct jm_error *err, const char *what, const char *address)
{
	int code = errno == EADDRINUSE ? JM_E_EXISTS
		   : errno == EINVAL || errno == EPROTONOSUPPORT || errno == EADDRNOTAVAIL || errno == ENODEV
		       ? JM_E_INVALID
		   : errno == ENOMEM ? JM_E_NOMEM
				     : JM_E_IO;

	jm_error_set(err, code, "cannot %s %s: %s", what, address, zmq_strerror(errno));
	jm_error_remedy(err, "give it as tcp://HOST:PORT");
	return code;
}

void jm_zeromq_set(void *socket, int option, int value)
{
	zmq_setsockopt(socket, option, &value, sizeof(value));
}

void *jm_zeromq_open(struct jm_event_link *link, int type)
{
	void *socket = zmq_socket(link->context, type);
	int64_t largest = JM_EVENT_MAX_BYTES;

	if (!socket)
		return NULL;
	zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &largest, sizeof(largest));
	jm_zeromq_set(socket, ZMQ_LINGER, 0);
	jm_zeromq_set(socket, ZMQ_RECONNECT_IVL, (int)(BACKOFF_MIN_NS / 1000000));
	jm_zeromq_set(socket, ZMQ_RECONNECT_IVL_MAX, (int)(BACKOFF_MAX_NS / 1000000));
	jm_zeromq_set(socket, ZMQ_TCP_KEEPALIVE, 1);
	jm_zeromq_set(socket, ZMQ_TCP_KEEPALIVE_IDLE, 20);
	jm_zeromq_set(socket, ZMQ_TCP_KEEPALIVE_INTVL, 5);
	jm_zeromq_set(socket, ZMQ_TCP_KEEPALIVE_CNT, 3);
	return socket;
}

static int socket_fd(void *socket)
{
	int fd = -1;
	size_t size = sizeof(fd);

	return zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0 ? fd : -1;
}

bool jm_zeromq_is_ready(void *socket, int what)
{
	int events = 0;
	size_t size = sizeof(events);

	return socket && zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 && (events & what);
}

int jm_zeromq_watch(struct jm_event_link *link, void *socket)
{
	struct epoll_event event = {.events = EPOLLIN};

	event.data.fd = socket_fd(socket);
	return epoll_ctl(link->epoll, EPOLL_CTL_ADD, event.data.fd, &event);
}

void jm_zeromq_close(struct jm_event_link *link, void **socket)
{
	if (!*socket)
		return;
	epoll_ctl(link->epoll, EPOLL_CTL_DEL, socket_fd(*socket), NULL);
	zmq_close(*socket);
	*socket = NULL;
}

bool jm_zeromq_receive(void *socket, zmq_msg_t *msg)
{
	bool has_parts = false;

	zmq_msg_init(msg);
	if (zmq_msg_recv(msg, socket, ZMQ_DONTWAIT) < 0)
		return false;
	while (zmq_msg_more(msg)) {
		has_parts = true;
		if (zmq_msg_recv(msg, socket, ZMQ_DONTWAIT) < 0)
			break;
	}
	if (has_parts) {
		zmq_msg_close(msg);
		zmq_msg_init(msg);
	}
	return true;
}
