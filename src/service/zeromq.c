/* The link over ZeroMQ. Of its descriptors (edge-triggered, one a socket) an epoll makes one. */
#include "service/zeromq.h"

#include "core/error.h"
#include "service/event_message.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

#define BATCH 256 /* messages taken in one call of jm_event_link_work */

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static bool listen_to_publisher(struct jm_event_link *link)
{
	zmq_msg_t msg;

	if (link->is_holding || !jm_zeromq_is_ready(link->sub, ZMQ_POLLIN) || !jm_zeromq_receive(link->sub, &msg))
		return false;
	link->stats.n_received++;
	link->options.receive(link->options.ctx, zmq_msg_data(&msg), zmq_msg_size(&msg));
	zmq_msg_close(&msg);
	return true;
}

/* An XPUB socket is told who subscribes: a message of 1 (or 0: no more) and the prefix that is wanted, the first time somebody wants
 * it. Of a prefix two bytes count, and the second is 0 in all that is sent here. */
static void take_subscription(struct jm_event_link *link, const uint8_t *data, size_t n)
{
	if (n == 1)
		link->wants_all = data[0] == 1;
	else if (n > 1)
		link->is_wanted[data[1]] = data[0] == 1;
}

/* Says whether somebody wants the next message. */
static bool has_subscriber(const struct jm_event_link *link)
{
	const struct jm_zeromq_message *m = &link->to_publish.items[0];

	return link->to_publish.n && (link->wants_all || (m->n && link->is_wanted[*(const uint8_t *)m->data]));
}

/* A publisher's messages vanish while nobody subscribes to them: what is not wanted yet waits. */
static void publish(struct jm_event_link *link)
{
	zmq_msg_t msg;

	while (jm_zeromq_is_ready(link->pub, ZMQ_POLLIN) && jm_zeromq_receive(link->pub, &msg)) {
		take_subscription(link, zmq_msg_data(&msg), zmq_msg_size(&msg));
		zmq_msg_close(&msg);
	}
	while (has_subscriber(link) && jm_zeromq_is_ready(link->pub, ZMQ_POLLOUT)) {
		struct jm_zeromq_message *m = &link->to_publish.items[0];

		if (zmq_send(link->pub, m->data, m->n, ZMQ_DONTWAIT) < 0)
			break;
		link->stats.n_sent++;
		jm_zeromq_pop(&link->to_publish);
	}
}

/* Events of the engine that this program listens to. Of what is sent here alone, all is wanted: what is malformed is counted. */
static int subscribe(void *sub, bool is_bound)
{
	static const uint8_t prefixes[][2] = {
	    {JM_EVENT_PLUGIN_TERMINATE, 0}, {JM_EVENT_POWER_START, 0}, {JM_EVENT_POWER_STOP, 0}};
	size_t i;

	if (is_bound)
		return zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0);
	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (zmq_setsockopt(sub, ZMQ_SUBSCRIBE, prefixes[i], 2) != 0)
			return -1;
	return 0;
}

static bool is_loopback(const char *address)
{
	return strncmp(address, "tcp://127.", 10) == 0 || strncmp(address, "tcp://localhost:", 16) == 0 ||
	       strncmp(address, "ipc://", 6) == 0;
}

static int open_sub(struct jm_event_link *link, const char *address, struct jm_error *err)
{
	bool is_bound = address[0] == '@';

	address += is_bound;
	if (is_bound && !is_loopback(address)) {
		jm_error_set(err, JM_E_INVALID, "events are not taken from the network at %s: they carry no password",
			     address);
		jm_error_remedy(err, "bind 127.0.0.1, or connect to a publisher you trust (without '@')");
		return JM_E_INVALID;
	}
	link->sub = jm_zeromq_open(link, ZMQ_SUB);
	if (!link->sub || jm_zeromq_watch(link, link->sub) != 0 || subscribe(link->sub, is_bound) != 0 ||
	    (is_bound ? zmq_bind(link->sub, address) : zmq_connect(link->sub, address)) != 0)
		return jm_zeromq_error(err, is_bound ? "bind" : "connect to", address);
	return 0;
}

static int open_pub(struct jm_event_link *link, const char *address, struct jm_error *err)
{
	link->pub = jm_zeromq_open(link, ZMQ_XPUB);
	if (!link->pub || jm_zeromq_watch(link, link->pub) != 0 || zmq_connect(link->pub, address) != 0)
		return jm_zeromq_error(err, "connect to", address);
	return 0;
}

/* ---- The link ----------------------------------------------------------------------------------------------------------- */

static int open_sockets(struct jm_event_link *link, struct jm_error *err)
{
	const struct jm_event_link_options *o = &link->options;
	int rc = 0;

	if (o->subscribe)
		rc = open_sub(link, o->subscribe, err);
	if (rc == 0 && o->publish)
		rc = open_pub(link, o->publish, err);
	if (rc == 0 && o->engine) {
		if (!(link->engine_address = strdup(o->engine)))
			return jm_error_set(err, JM_E_NOMEM, "out of memory");
		rc = jm_engine_reach(link, err);
	}
	return rc;
}

int jm_event_link_open(const struct jm_event_link_options *options, struct jm_event_link **out, struct jm_error *err)
{
	struct jm_error own;
	struct jm_event_link *link;
	int rc;

	if (!err)
		err = &own;
	if (!options->engine && !options->subscribe && !options->publish)
		return jm_error_set(err, JM_E_INVALID, "no address for events is given");
	if (!(link = calloc(1, sizeof(*link))))
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	link->options = *options;
	link->backoff_ns = BACKOFF_MIN_NS;
	link->epoll = epoll_create1(EPOLL_CLOEXEC);
	link->context = zmq_ctx_new();
	if (link->epoll < 0 || !link->context)
		rc = jm_error_errno(err, errno, "cannot start ZeroMQ");
	else
		rc = open_sockets(link, err);
	if (rc != 0) {
		jm_event_link_close(link, 0);
		return rc;
	}
	link->has_more = true; /* edges before the first wait are not lost */
	*out = link;
	return 0;
}

int jm_event_link_fd(const struct jm_event_link *link)
{
	return link->epoll;
}

int64_t jm_event_link_due_ns(const struct jm_event_link *link)
{
	if (link->has_more)
		return 0;
	if (link->state == ENGINE_RESTING || (link->state == ENGINE_FREE && !link->is_holding))
		return link->retry_ns;
	return INT64_MAX;
}

void jm_event_link_work(struct jm_event_link *link, int64_t now_ns)
{
	int n = 0;
	bool is_progress = true;

	jm_engine_watch(link, now_ns);
	if (link->state == ENGINE_RESTING && now_ns >= link->retry_ns && jm_engine_reach(link, NULL) != 0)
		jm_engine_lost(link, now_ns);
	while (is_progress && n++ < BATCH) {
		jm_engine_speak(link);
		is_progress = jm_engine_listen(link);
		is_progress |= listen_to_publisher(link);
	}
	publish(link);
	jm_engine_watch(link, now_ns);
	/* Descriptors tell of changes only: who stops with messages left must come back by himself. */
	link->has_more = is_progress;
	if (!is_progress && link->state == ENGINE_FREE) /* could not speak: not at once again */
		link->retry_ns = now_ns + BACKOFF_MIN_NS;
}

int jm_event_link_hello(struct jm_event_link *link, const void *data, size_t n)
{
	void *copy = malloc(n ? n : 1);

	if (!copy)
		return JM_E_NOMEM;
	memcpy(copy, data, n);
	free(link->hello.data);
	link->hello = (struct jm_zeromq_message){copy, n};
	link->hello_is_due = link->state == ENGINE_FREE;
	if (link->pub && jm_zeromq_push(&link->to_publish, data, n) == 0)
		link->has_more = true;
	return 0;
}

int jm_event_link_send(struct jm_event_link *link, const void *data, size_t n)
{
	int rc = 0, rc_publish = 0;

	if (link->options.engine && link->state != ENGINE_NONE)
		rc = jm_zeromq_push(&link->to_engine, data, n);
	if (link->pub)
		rc_publish = jm_zeromq_push(&link->to_publish, data, n);
	link->stats.n_dropped += (uint64_t)(rc != 0) + (rc_publish != 0);
	link->has_more = true;
	return rc ? rc : rc_publish;
}

void jm_event_link_hold(struct jm_event_link *link)
{
	link->is_holding = true;
}

void jm_event_link_quit(struct jm_event_link *link)
{
	link->is_holding = true;
	link->is_quitting = true;
	link->has_more = true;
}

bool jm_event_link_is_done(const struct jm_event_link *link)
{
	bool engine_can = link->state == ENGINE_FREE || link->state == ENGINE_SAID;

	return !has_subscriber(link) && !(engine_can && (link->to_engine.n || link->hello_is_due || link->is_quitting));
}

void jm_event_link_stats(const struct jm_event_link *link, struct jm_event_link_stats *out)
{
	*out = link->stats;
}

void jm_event_link_close(struct jm_event_link *link, int timeout_ms)
{
	int64_t end;

	if (!link)
		return;
	end = now() + timeout_ms * INT64_C(1000000);
	while (timeout_ms > 0 && !jm_event_link_is_done(link) && now() < end) {
		struct pollfd p = {.fd = link->epoll, .events = POLLIN};

		poll(&p, 1, jm_event_link_due_ns(link) == 0 ? 0 : 50);
		jm_event_link_work(link, now());
	}
	if (link->pub)
		jm_zeromq_set(link->pub, ZMQ_LINGER, timeout_ms);
	jm_engine_leave(link);
	jm_zeromq_close(link, &link->sub);
	jm_zeromq_close(link, &link->pub);
	if (link->context)
		zmq_ctx_term(link->context);
	if (link->epoll >= 0)
		close(link->epoll);
	jm_zeromq_forget(&link->to_engine);
	jm_zeromq_forget(&link->to_publish);
	free(link->hello.data);
	free(link->engine_address);
	free(link);
}

static void ignore(void *ctx, const void *data, size_t n)
{
	(void)ctx;
	(void)data;
	(void)n;
}

int jm_event_publish_once(const char *address, const void *data, size_t n, int timeout_ms, struct jm_error *err)
{
	struct jm_event_link_options options = {.publish = address, .receive = ignore};
	struct jm_event_link_stats stats = {0};
	struct jm_event_link *link;
	int64_t end = now() + timeout_ms * INT64_C(1000000), left;
	int rc = jm_event_link_open(&options, &link, err);

	if (rc != 0)
		return rc;
	rc = jm_event_link_send(link, data, n);
	while (rc == 0 && stats.n_sent == 0 && (left = end - now()) > 0) {
		struct pollfd p = {.fd = link->epoll, .events = POLLIN};

		jm_event_link_work(link, now());
		jm_event_link_stats(link, &stats);
		if (stats.n_sent == 0)
			poll(&p, 1, (int)(left / 1000000) + 1);
	}
	jm_event_link_close(link, 1000);
	if (rc != 0)
		return jm_error_set(err, rc, "cannot send the event");
	if (stats.n_sent == 0) {
		jm_error_set(err, JM_E_GONE, "nobody took the event at %s within %d ms", address, timeout_ms);
		return jm_error_remedy(err, "is the engine, or joulemap serve --subscribe @%s, running there?",
				       address);
	}
	return 0;
}
