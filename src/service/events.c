#include "service/events.h"

#include "core/error.h"
#include "core/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GOODBYE_MS 1000

struct jm_events {
	struct jm_events_target target;
	struct jm_event_link *link;
	char name[128], uuid[JM_EVENT_UUID_SIZE];
	struct jm_events_stats stats;
	struct jm_event event; /* the one at work: big */
	bool is_terminated;
};

static void say(struct jm_events *events, const char *text)
{
	if (events->target.log)
		events->target.log(events->target.ctx, text);
}

/* The first of each kind of fault is told, then each tenfold: a flood of them must not become a flood of lines. */
static void count_fault(struct jm_events *events, enum jm_event_fault fault)
{
	uint64_t n = ++events->stats.n_faults[fault], round = 1;
	char text[160];

	while (round < n)
		round *= 10;
	if (round != n)
		return;
	snprintf(text, sizeof(text), "malformed event ignored: %s (%llu so far)", jm_event_fault_text(fault),
		 (unsigned long long)n);
	say(events, text);
}

static int compare_pids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Sorted, each once. */
static void tidy_pids(struct jm_event *e)
{
	size_t i, n = 0;

	qsort(e->pids, e->n_pids, sizeof(e->pids[0]), compare_pids);
	for (i = 0; i < e->n_pids; i++)
		if (n == 0 || e->pids[i] != e->pids[n - 1])
			e->pids[n++] = e->pids[i];
	e->n_pids = n;
}

/* The wall clock is looked at once, here: a later step of it moves no start. */
static int64_t start_ns(struct jm_events *events, int64_t start_realtime_ns)
{
	int64_t now_ns, realtime_ns;

	events->target.clocks(events->target.ctx, &now_ns, &realtime_ns);
	return start_realtime_ns <= realtime_ns ? 0 : now_ns + (start_realtime_ns - realtime_ns);
}

static void start(struct jm_events *events)
{
	struct jm_event *e = &events->event;
	struct jm_measure_request request = {.pids = e->pids, .devices = e->devices, .label = "event"};
	struct jm_error err;
	uint64_t id;
	char text[sizeof(err.message) + 80];

	tidy_pids(e);
	request.n_pids = e->n_pids;
	request.start_ns = e->start_realtime_ns ? start_ns(events, e->start_realtime_ns) : 0;
	request.duration_ns = (int64_t)e->seconds * JM_NS_PER_S;
	if (events->target.start(events->target.ctx, &request, &id, &err) == 0) {
		events->stats.n_started++;
		return;
	}
	events->stats.n_denied++;
	snprintf(text, sizeof(text), "an event asked for a measurement that cannot be made: %s", err.message);
	say(events, text);
}

static void stop(struct jm_events *events)
{
	size_t i;

	events->stats.n_stops++;
	tidy_pids(&events->event);
	for (i = 0; i < events->event.n_pids; i++)
		events->stats.n_stopped += events->target.stop_pid(events->target.ctx, events->event.pids[i]);
}

static void terminate(struct jm_events *events)
{
	const struct jm_event *e = &events->event;

	if (strcmp(e->name, "*") != 0 && strcmp(e->name, events->name) != 0 && strcmp(e->uuid, events->uuid) != 0) {
		events->stats.n_others++;
		return;
	}
	events->stats.n_terminated++;
	if (events->is_terminated)
		return;
	events->is_terminated = true;
	jm_event_link_hold(events->link);
	say(events, "the engine asks this plugin to end");
	events->target.terminate(events->target.ctx);
}

static void receive(void *ctx, const void *data, size_t n)
{
	struct jm_events *events = ctx;
	enum jm_event_fault fault = jm_event_decode(data, n, &events->event);

	if (fault != JM_EVENT_FAULT_NONE) {
		count_fault(events, fault);
		return;
	}
	switch (events->event.kind) {
	case JM_EVENT_POWER_START:
		start(events);
		break;
	case JM_EVENT_POWER_STOP:
		stop(events);
		break;
	case JM_EVENT_PLUGIN_TERMINATE:
		terminate(events);
		break;
	default:
		events->stats.n_others++;
	}
}

static void engine_is_up(void *ctx, bool is_up)
{
	say(ctx, is_up ? "the engine is there" : "the engine is gone; waiting for it to come back");
}

/* Gives the message about this plugin itself to a function of the link. */
static int tell_of_self(struct jm_events *events, enum jm_event_kind kind,
			int (*give)(struct jm_event_link *link, const void *data, size_t n))
{
	struct jm_buffer message = {0};
	int64_t now_ns, realtime_ns;
	int rc;

	memset(&events->event, 0, sizeof(events->event));
	events->event.kind = kind;
	memcpy(events->event.name, events->name, sizeof(events->name));
	memcpy(events->event.uuid, events->uuid, sizeof(events->uuid));
	events->target.clocks(events->target.ctx, &now_ns, &realtime_ns);
	rc = jm_event_encode(&events->event, realtime_ns, &message);
	if (rc == 0)
		rc = give(events->link, message.data, message.n);
	jm_buffer_finish(&message);
	return rc;
}

static int init(struct jm_events *events, const struct jm_events_options *options, struct jm_error *err)
{
	const char *name = options->name ? options->name : JM_PLUGIN_NAME;
	const char *uuid = options->uuid ? options->uuid : JM_PLUGIN_UUID;
	struct jm_event_link_options link = {.engine = options->engine,
					     .subscribe = options->subscribe,
					     .publish = options->publish,
					     .receive = receive,
					     .engine_is_up = engine_is_up,
					     .ctx = events};
	int rc;

	if (!name[0] || strlen(name) >= sizeof(events->name))
		return jm_error_set(err, JM_E_INVALID, "the plugin's name is empty or longer than 127 bytes");
	if (jm_event_uuid_parse(uuid, strlen(uuid), events->uuid) != 0)
		return jm_error_set(err, JM_E_INVALID, "'%s' is no UUID", uuid);
	strcpy(events->name, name);
	rc = jm_event_link_open(&link, &events->link, err);
	if (rc != 0)
		return rc;
	if (tell_of_self(events, JM_EVENT_PLUGIN_STARTED, jm_event_link_hello) != 0)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for events");
	return 0;
}

int jm_events_open(const struct jm_events_options *options, const struct jm_events_target *target,
		   struct jm_events **out, struct jm_error *err)
{
	struct jm_events *events;
	int rc = jm_event_support(err);

	if (rc != 0)
		return rc;
	if (!(events = calloc(1, sizeof(*events))))
		return jm_error_set(err, JM_E_NOMEM, "out of memory for events");
	events->target = *target;
	rc = init(events, options, err);
	if (rc != 0) {
		jm_event_link_close(events->link, 0);
		free(events);
		return rc;
	}
	*out = events;
	return 0;
}

int jm_events_fd(const struct jm_events *events)
{
	return jm_event_link_fd(events->link);
}

int64_t jm_events_due_ns(const struct jm_events *events)
{
	return jm_event_link_due_ns(events->link);
}

void jm_events_work(struct jm_events *events, int64_t now_ns)
{
	jm_event_link_work(events->link, now_ns);
}

void jm_events_stats(const struct jm_events *events, struct jm_events_stats *out)
{
	*out = events->stats;
	jm_event_link_stats(events->link, &out->link);
}

void jm_events_close(struct jm_events *events)
{
	if (!events)
		return;
	events->is_terminated = true;
	tell_of_self(events, JM_EVENT_PLUGIN_TERMINATING, jm_event_link_send);
	jm_event_link_quit(events->link);
	jm_event_link_close(events->link, GOODBYE_MS);
	free(events);
}
