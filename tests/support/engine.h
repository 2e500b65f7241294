/* A stand-in of the camera-traps engine with its topology: incoming SUB and outgoing PUB on TCP with a proxy between them, and for one
 * external plugin a thread with a REP socket on TCP that is a PUB and a SUB towards the proxy. Ports are free ones of loopback, kept
 * over a restart. */
#ifndef TESTS_SUPPORT_ENGINE_H
#define TESTS_SUPPORT_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

struct engine {
	char plugin[64], incoming[64], outgoing[64]; /* addresses */
	void *context;
	void *rep, *plugin_pub, *plugin_sub; /* of the plugin's thread */
	void *in, *in_local, *out, *out_local;
	pthread_t proxy_thread, plugin_thread;
	_Atomic int n_next, n_quit, n_published[256]; /* by first byte */
};

static inline void engine_require(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "engine: %s: %s\n", what, zmq_strerror(zmq_errno()));
	abort();
}

/* Binds to the address, or to a free port the first time. */
static inline void engine_bind(void *socket, char *address, size_t size)
{
	int i;

	/* The port of an engine that just ended may take a moment to be free. */
	for (i = 0; i < 200 && zmq_bind(socket, address[0] ? address : "tcp://127.0.0.1:*") != 0; i++) {
		zmq_pollitem_t none;

		engine_require(zmq_errno() == EADDRINUSE && i < 199, "bind");
		zmq_poll(&none, 0, 25);
	}
	zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, address, &size);
}

static inline void *engine_socket(struct engine *e, int type)
{
	void *socket = zmq_socket(e->context, type);
	int zero = 0;

	engine_require(socket != NULL, "socket");
	zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof(zero));
	if (type == ZMQ_SUB)
		zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
	return socket;
}

/* Moves everything from incoming to outgoing. */
static inline void *engine_proxy(void *arg)
{
	struct engine *e = arg;
	zmq_pollitem_t items[] = {{e->in, 0, ZMQ_POLLIN, 0}, {e->in_local, 0, ZMQ_POLLIN, 0}};
	zmq_msg_t msg;
	int i;

	while (zmq_poll(items, 2, -1) >= 0) {
		for (i = 0; i < 2; i++) {
			if (!(items[i].revents & ZMQ_POLLIN))
				continue;
			zmq_msg_init(&msg);
			if (zmq_msg_recv(&msg, items[i].socket, 0) < 0)
				goto out;
			zmq_send(e->out, zmq_msg_data(&msg), zmq_msg_size(&msg), 0);
			zmq_send(e->out_local, zmq_msg_data(&msg), zmq_msg_size(&msg), 0);
			zmq_msg_close(&msg);
		}
	}
out:
	zmq_close(e->in);
	zmq_close(e->in_local);
	zmq_close(e->out);
	zmq_close(e->out_local);
	return NULL;
}

static inline bool engine_is(zmq_msg_t *msg, const char *text)
{
	return zmq_msg_size(msg) == strlen(text) && memcmp(zmq_msg_data(msg), text, strlen(text)) == 0;
}

/* The command loop of an external plugin's thread. */
static inline void *engine_plugin(void *arg)
{
	struct engine *e = arg;
	zmq_msg_t msg, event;

	for (;;) {
		zmq_msg_init(&msg);
		if (zmq_msg_recv(&msg, e->rep, 0) < 0)
			break;
		if (engine_is(&msg, "plugin_command: quit")) {
			e->n_quit++;
			zmq_msg_close(&msg);
			break;
		}
		if (engine_is(&msg, "plugin_command: next_msg")) {
			e->n_next++;
			zmq_msg_init(&event);
			if (zmq_msg_recv(&event, e->plugin_sub, 0) < 0) {
				zmq_msg_close(&msg); /* holds what the sender said of itself */
				break;
			}
			zmq_msg_send(&event, e->rep, 0);
		} else {
			zmq_send(e->plugin_pub, zmq_msg_data(&msg), zmq_msg_size(&msg), 0);
			e->n_published[zmq_msg_size(&msg) ? *(unsigned char *)zmq_msg_data(&msg) : 0]++;
			zmq_send(e->rep, "event-engine: msg published", 27, 0);
		}
		zmq_msg_close(&msg);
	}
	zmq_close(e->rep);
	zmq_close(e->plugin_pub);
	zmq_close(e->plugin_sub);
	return NULL;
}

/* Addresses that are empty are filled. */
static inline void engine_start(struct engine *e)
{
	e->context = zmq_ctx_new();
	e->in = engine_socket(e, ZMQ_SUB);
	e->in_local = engine_socket(e, ZMQ_SUB);
	e->out = engine_socket(e, ZMQ_PUB);
	e->out_local = engine_socket(e, ZMQ_PUB);
	engine_bind(e->in, e->incoming, sizeof(e->incoming));
	engine_bind(e->out, e->outgoing, sizeof(e->outgoing));
	engine_require(zmq_bind(e->in_local, "inproc://messages") == 0, "bind messages");
	engine_require(zmq_bind(e->out_local, "inproc://events") == 0, "bind events");
	e->rep = engine_socket(e, ZMQ_REP);
	engine_bind(e->rep, e->plugin, sizeof(e->plugin));
	e->plugin_pub = engine_socket(e, ZMQ_PUB);
	e->plugin_sub = zmq_socket(e->context, ZMQ_SUB);
	zmq_setsockopt(e->plugin_sub, ZMQ_SUBSCRIBE, "\x12\x00", 2);
	zmq_setsockopt(e->plugin_sub, ZMQ_SUBSCRIBE, "\x20\x00", 2);
	zmq_setsockopt(e->plugin_sub, ZMQ_SUBSCRIBE, "\x21\x00", 2);
	engine_require(zmq_connect(e->plugin_pub, "inproc://messages") == 0, "connect");
	engine_require(zmq_connect(e->plugin_sub, "inproc://events") == 0, "connect");
	engine_require(pthread_create(&e->proxy_thread, NULL, engine_proxy, e) == 0, "thread");
	engine_require(pthread_create(&e->plugin_thread, NULL, engine_plugin, e) == 0, "thread");
}

static inline void engine_stop(struct engine *e)
{
	zmq_ctx_shutdown(e->context);
	pthread_join(e->proxy_thread, NULL);
	pthread_join(e->plugin_thread, NULL);
	zmq_ctx_term(e->context);
}

#endif
