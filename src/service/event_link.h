/* The way events come and go: as an external plugin of the camera-traps engine, as a subscriber, as a publisher, or all of these.
 * One thread; nothing here blocks but jm_event_link_close. The owner waits on one descriptor (jm_event_link_fd) and one time
 * (jm_event_link_due_ns), then calls jm_event_link_work.
 *
 * As a plugin, a REQ socket speaks with the engine in lock-step: while it waits for the next event, nothing can be said. What is
 * to be sent is therefore sent before the next event is asked for. */
#ifndef SERVICE_EVENT_LINK_H
#define SERVICE_EVENT_LINK_H

#include "joulemap/joulemap.h"

struct jm_event_link;

/* Addresses of ZeroMQ, "tcp://HOST:PORT". NULL: not that way. With '@' before it ("@tcp://127.0.0.1:5560"; subscribe only) the
 * address is bound, not connected to: loopback alone, as nothing here asks who is speaking. */
struct jm_event_link_options {
	const char *engine;    /* the plugin's port of the engine (REP) */
	const char *subscribe; /* a publisher of events, such as the engine's outgoing port (PUB) */
	const char *publish;   /* a subscriber to events, such as the engine's incoming port (SUB) */
	/* Told a message of n bytes that arrived; borrowed. May call jm_event_link_send and jm_event_link_quit. */
	void (*receive)(void *ctx, const void *data, size_t n);
	/* Told that the engine was reached or lost; may be NULL. */
	void (*engine_is_up)(void *ctx, bool is_up);
	void *ctx;
};

struct jm_event_link_stats {
	uint64_t n_received, n_sent;
	uint64_t n_refused; /* by the engine */
	uint64_t n_dropped; /* nobody took them in time, or the queue was full */
	uint64_t n_lost;    /* times the engine was lost */
	bool engine_is_up;
};

/* Errors: JM_E_INVALID: an address, or none at all; JM_E_EXISTS: the address to bind is taken; JM_E_UNSUPPORTED, JM_E_NOMEM,
 * JM_E_IO. */
int jm_event_link_open(const struct jm_event_link_options *options, struct jm_event_link **out, struct jm_error *err);

/* Gives a descriptor that can be read when there is work. It stays the link's. */
int jm_event_link_fd(const struct jm_event_link *link);
/* Gives when jm_event_link_work wants to be called without that, on CLOCK_MONOTONIC; INT64_MAX: never. */
int64_t jm_event_link_due_ns(const struct jm_event_link *link);
/* Takes in and sends what can be; a bounded number of messages, so that others get their turn. */
void jm_event_link_work(struct jm_event_link *link, int64_t now_ns);

/* Says, each time the engine is reached, this first. Copied. Errors: JM_E_NOMEM. */
int jm_event_link_hello(struct jm_event_link *link, const void *data, size_t n);
/* Sends a message to the engine and to subscribers, each as soon as it can be. Copied. Errors: JM_E_FULL, JM_E_NOMEM. */
int jm_event_link_send(struct jm_event_link *link, const void *data, size_t n);
/* No further event is asked for, so that the engine can be spoken to until the end. */
void jm_event_link_hold(struct jm_event_link *link);
/* Tells the engine, behind what is still to be sent, that this plugin ends; nothing is asked for any more. */
void jm_event_link_quit(struct jm_event_link *link);
/* Says whether all has gone out that can: not what the lock-step forbids. */
bool jm_event_link_is_done(const struct jm_event_link *link);

/* Gives the counts since the start, and whether the engine is up. */
void jm_event_link_stats(const struct jm_event_link *link, struct jm_event_link_stats *out);

/* Gives what has been said up to timeout_ms to go out, then closes. NULL is allowed. */
void jm_event_link_close(struct jm_event_link *link, int timeout_ms);

/* Publishes one message to where a subscriber listens (connects to it) and waits until it has it. For one-shot programs.
 * Errors: JM_E_GONE: nobody took it in time; JM_E_INVALID, JM_E_UNSUPPORTED, JM_E_NOMEM, JM_E_IO. */
int jm_event_publish_once(const char *address, const void *data, size_t n, int timeout_ms, struct jm_error *err);

#endif
