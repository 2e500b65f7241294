/* The engine, as its external plugin sees it.
 *
 * The engine's side of a plugin is a REP socket of one thread: "plugin_command: next_msg" is answered by the next event once there is
 * one, "plugin_command: quit" by nothing, and everything else is published and answered by "event-engine: msg published". A request
 * whose engine went away is never answered, and a REQ socket cannot ask twice: the socket is made anew then. ZeroMQ's monitor
 * tells when. */
#include "service/zeromq.h"

#include <stdio.h>
#include <string.h>

#include <zmq.h>

#define NEXT      "plugin_command: next_msg"
#define QUIT      "plugin_command: quit"
#define PUBLISHED "event-engine: msg published"

void jm_engine_leave(struct jm_event_link *link)
{
	if (link->req)
		zmq_socket_monitor(link->req, NULL, 0);
	jm_zeromq_close(link, &link->monitor);
	jm_zeromq_close(link, &link->req);
}

int jm_engine_reach(struct jm_event_link *link, struct jm_error *err)
{
	char name[64];

	snprintf(name, sizeof(name), "inproc://joulemap-monitor-%u", link->n_monitors++);
	link->req = jm_zeromq_open(link, ZMQ_REQ);
	link->monitor = zmq_socket(link->context, ZMQ_PAIR);
	if (!link->req || !link->monitor ||
	    zmq_socket_monitor(link->req, name, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) != 0 ||
	    zmq_connect(link->monitor, name) != 0 || jm_zeromq_watch(link, link->monitor) != 0 ||
	    jm_zeromq_watch(link, link->req) != 0 || zmq_connect(link->req, link->engine_address) != 0) {
		jm_zeromq_error(err, "connect to", link->engine_address);
		jm_engine_leave(link);
		return err ? err->code : JM_E_IO;
	}
	jm_zeromq_set(link->monitor, ZMQ_LINGER, 0);
	link->state = ENGINE_REACHING;
	return 0;
}

static void engine_found(struct jm_event_link *link)
{
	if (link->state != ENGINE_REACHING)
		return;
	link->state = ENGINE_FREE;
	link->hello_is_due = link->hello.data != NULL && !link->is_quitting;
	link->stats.engine_is_up = true;
	if (link->options.engine_is_up)
		link->options.engine_is_up(link->options.ctx, true);
}

void jm_engine_lost(struct jm_event_link *link, int64_t now_ns)
{
	jm_engine_leave(link);
	link->state = link->is_quitting ? ENGINE_NONE : ENGINE_RESTING;
	link->retry_ns = now_ns + link->backoff_ns;
	link->backoff_ns = link->backoff_ns * 2 < BACKOFF_MAX_NS ? link->backoff_ns * 2 : BACKOFF_MAX_NS;
	if (!link->stats.engine_is_up)
		return;
	link->stats.engine_is_up = false;
	link->stats.n_lost++;
	if (link->options.engine_is_up)
		link->options.engine_is_up(link->options.ctx, false);
}

/* Reads what the monitor tells: 16 bits of event in the first part, in the machine's order (zmq_socket_monitor(3)). */
void jm_engine_watch(struct jm_event_link *link, int64_t now_ns)
{
	zmq_msg_t msg;
	uint16_t event;

	while (link->monitor && jm_zeromq_is_ready(link->monitor, ZMQ_POLLIN)) {
		zmq_msg_init(&msg);
		event = 0;
		if (zmq_msg_recv(&msg, link->monitor, ZMQ_DONTWAIT) >= (int)sizeof(event))
			memcpy(&event, zmq_msg_data(&msg), sizeof(event));
		while (zmq_msg_more(&msg) && zmq_msg_recv(&msg, link->monitor, ZMQ_DONTWAIT) >= 0)
			;
		zmq_msg_close(&msg);
		if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
			engine_found(link);
		else if (event == ZMQ_EVENT_DISCONNECTED)
			jm_engine_lost(link, now_ns);
	}
}

static void say(struct jm_event_link *link, const void *data, size_t n, enum jm_engine_state next)
{
	if (zmq_send(link->req, data, n, ZMQ_DONTWAIT) == (int)n)
		link->state = next;
}

void jm_engine_speak(struct jm_event_link *link)
{
	if (link->state != ENGINE_FREE)
		return;
	if (link->hello_is_due) {
		say(link, link->hello.data, link->hello.n, ENGINE_SAID);
	} else if (link->to_engine.n) {
		say(link, link->to_engine.items[0].data, link->to_engine.items[0].n, ENGINE_SAID);
	} else if (link->is_quitting) {
		jm_zeromq_set(link->req, ZMQ_LINGER, 1000); /* it has no answer that shows it arrived */
		say(link, QUIT, sizeof(QUIT) - 1, ENGINE_NONE);
	} else if (!link->is_holding) {
		say(link, NEXT, sizeof(NEXT) - 1, ENGINE_LISTENING);
	}
}

static void confirmed(struct jm_event_link *link, const void *data, size_t n)
{
	bool is_published = n == sizeof(PUBLISHED) - 1 && memcmp(data, PUBLISHED, n) == 0;

	link->stats.n_sent += is_published;
	link->stats.n_refused += !is_published;
	if (link->hello_is_due)
		link->hello_is_due = false;
	else if (link->to_engine.n)
		jm_zeromq_pop(&link->to_engine);
}

bool jm_engine_listen(struct jm_event_link *link)
{
	enum jm_engine_state state = link->state;
	zmq_msg_t msg;

	if ((state != ENGINE_SAID && state != ENGINE_LISTENING) || !jm_zeromq_is_ready(link->req, ZMQ_POLLIN) ||
	    !jm_zeromq_receive(link->req, &msg))
		return false;
	link->state = ENGINE_FREE;
	link->backoff_ns = BACKOFF_MIN_NS;
	if (state == ENGINE_SAID) {
		confirmed(link, zmq_msg_data(&msg), zmq_msg_size(&msg));
	} else {
		link->stats.n_received++;
		link->options.receive(link->options.ctx, zmq_msg_data(&msg), zmq_msg_size(&msg));
	}
	zmq_msg_close(&msg);
	return true;
}
