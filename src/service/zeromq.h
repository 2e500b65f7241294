/* The link's inside: sockets, and the engine's side. */
#ifndef SERVICE_ZEROMQ_H
#define SERVICE_ZEROMQ_H

#include "service/event_link.h"

struct zmq_msg_t;

#define QUEUE_SIZE     16
#define BACKOFF_MIN_NS INT64_C(100000000)
#define BACKOFF_MAX_NS INT64_C(5000000000)

struct jm_zeromq_message {
	void *data;
	size_t n;
};

struct jm_zeromq_queue {
	struct jm_zeromq_message items[QUEUE_SIZE];
	size_t n;
};

enum jm_engine_state {
	ENGINE_NONE,      /* no engine is asked for, or the plugin has quit */
	ENGINE_RESTING,   /* lost; a new socket at retry_ns */
	ENGINE_REACHING,  /* connecting; ZeroMQ tries again by itself */
	ENGINE_FREE,      /* may speak */
	ENGINE_SAID,      /* a message is to be confirmed */
	ENGINE_LISTENING, /* the next event is asked for */
};

struct jm_event_link {
	struct jm_event_link_options options;
	char *engine_address;
	void *context;
	void *req, *monitor, *sub, *pub;
	int epoll;
	enum jm_engine_state state;
	int64_t retry_ns, backoff_ns;
	unsigned n_monitors; /* names of monitors are used once */
	struct jm_zeromq_message hello;
	bool hello_is_due, has_more, is_holding, is_quitting;
	bool wants_all, is_wanted[256]; /* by subscribers: everything; by the first byte */
	struct jm_zeromq_queue to_engine, to_publish;
	struct jm_event_link_stats stats;
};

/* First in, first out. push copies. Errors: JM_E_FULL, JM_E_NOMEM. */
int jm_zeromq_push(struct jm_zeromq_queue *q, const void *data, size_t n);
void jm_zeromq_pop(struct jm_zeromq_queue *q);
void jm_zeromq_forget(struct jm_zeromq_queue *q);

/* Makes an error of errno as ZeroMQ left it; gives the code. */
int jm_zeromq_error(struct jm_error *err, const char *what, const char *address);
/* A socket that never waits at close, takes no giant messages, and notices a peer that has vanished without a word. */
void *jm_zeromq_open(struct jm_event_link *link, int type);
void jm_zeromq_close(struct jm_event_link *link, void **socket);
void jm_zeromq_set(void *socket, int option, int value);
/* Adds its descriptor to the link's. Gives 0, or -1 with errno. */
int jm_zeromq_watch(struct jm_event_link *link, void *socket);
/* what: ZMQ_POLLIN, ZMQ_POLLOUT. NULL is never ready. */
bool jm_zeromq_is_ready(void *socket, int what);
/* Reads one message whole; parts behind the first make it unreadable (empty). False: there is none, and nothing to close. */
bool jm_zeromq_receive(void *socket, struct zmq_msg_t *msg);

/* Begins to connect to the engine; leaves it, also half connected. Errors: JM_E_IO, ... of the sockets. */
int jm_engine_reach(struct jm_event_link *link, struct jm_error *err);
void jm_engine_leave(struct jm_event_link *link);
/* It is gone: tries again later. */
void jm_engine_lost(struct jm_event_link *link, int64_t now_ns);
/* Takes in whether it came or went. */
void jm_engine_watch(struct jm_event_link *link, int64_t now_ns);
/* Says what is to be said; then asks for the next event. */
void jm_engine_speak(struct jm_event_link *link);
/* Takes an answer. False: there is none. */
bool jm_engine_listen(struct jm_event_link *link);

#endif
