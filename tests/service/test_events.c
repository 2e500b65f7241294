#include "service/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__has_include)
#if __has_include(<zmq.h>)
#define HAS_ZEROMQ
#endif
#endif

#ifndef HAS_ZEROMQ
int main(void)
{
	printf("SKIP: no zmq.h (Debian: libzmq3-dev)\n");
	return 77;
}
#else

#include "support/engine.h"

#define PATIENCE_NS INT64_C(20000000000) /* only a failing test waits so long */
#define NOW_NS      (INT64_C(5000) * 1000000000)
#define REALTIME_NS (INT64_C(1714662315) * 1000000000)

/* What the events did. */
struct world {
	int n_starts, n_terminates, n_logs;
	struct jm_measure_request last;
	int64_t pids[16];
	int64_t stopped[16];
	size_t n_stopped;
	int refuse; /* code that starts are answered with */
	char log[256];
	struct jm_events *events;
};

static void clocks(void *ctx, int64_t *now_ns, int64_t *realtime_ns)
{
	(void)ctx;
	*now_ns = NOW_NS;
	*realtime_ns = REALTIME_NS;
}

static int on_start(void *ctx, const struct jm_measure_request *request, uint64_t *id_out, struct jm_error *err)
{
	struct world *w = ctx;

	if (w->refuse) {
		err->code = w->refuse;
		strcpy(err->message, "no room");
		return w->refuse;
	}
	w->last = *request;
	memcpy(w->pids, request->pids, (request->n_pids < 16 ? request->n_pids : 16) * sizeof(w->pids[0]));
	*id_out = (uint64_t)++w->n_starts;
	return 0;
}

static size_t on_stop(void *ctx, int64_t pid)
{
	struct world *w = ctx;

	w->stopped[w->n_stopped++ % 16] = pid;
	return 1;
}

static void on_terminate(void *ctx)
{
	((struct world *)ctx)->n_terminates++;
}

static void on_log(void *ctx, const char *text)
{
	struct world *w = ctx;

	w->n_logs++;
	snprintf(w->log, sizeof(w->log), "%s", text);
}

static void open_events(struct world *w, const struct jm_events_options *options)
{
	const struct jm_events_target target = {clocks, on_start, on_stop, on_terminate, on_log, w};
	struct jm_error err;

	memset(w, 0, sizeof(*w));
	if (jm_events_open(options, &target, &w->events, &err) != 0)
		fail_msg("%s", err.message);
}

static int64_t real_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static struct jm_events_stats stats_of(const struct world *w)
{
	struct jm_events_stats stats;

	jm_events_stats(w->events, &stats);
	return stats;
}

/* As the service's loop does it. */
static void turn(struct world *w)
{
	struct pollfd p = {.fd = jm_events_fd(w->events), .events = POLLIN};
	int64_t left_ns = jm_events_due_ns(w->events) - real_now();

	poll(&p, 1, left_ns <= 0 ? 0 : left_ns > 20000000 ? 20 : (int)(left_ns / 1000000) + 1);
	jm_events_work(w->events, real_now());
}

#define until(w, condition)                                                                                            \
	do {                                                                                                           \
		int64_t end = real_now() + PATIENCE_NS;                                                                \
		while (!(condition) && real_now() < end)                                                               \
			turn(w);                                                                                       \
		assert_true(condition);                                                                                \
	} while (0)

static void send_event(const char *address, const struct jm_event *e)
{
	struct jm_buffer b = {0};
	struct jm_error err;

	assert_int_equal(jm_event_encode(e, REALTIME_NS, &b), 0);
	if (jm_event_publish_once(address, b.data, b.n, 10000, &err) != 0)
		fail_msg("%s", err.message);
	jm_buffer_finish(&b);
}

static struct jm_event *a_start(void)
{
	static struct jm_event e;

	memset(&e, 0, sizeof(e));
	e.kind = JM_EVENT_POWER_START;
	e.n_pids = 3;
	e.pids[0] = 42;
	e.pids[1] = 7;
	e.pids[2] = 42;
	e.devices = JM_DEVICE_ALL;
	e.seconds = 10;
	return &e;
}

static struct jm_event *a_terminate(const char *name, const char *uuid)
{
	static struct jm_event e;

	memset(&e, 0, sizeof(e));
	e.kind = JM_EVENT_PLUGIN_TERMINATE;
	strcpy(e.name, name);
	strcpy(e.uuid, uuid);
	return &e;
}

/* An engine, and the plugin at it, waiting for its first event. */
static void begin(struct engine *e, struct world *w)
{
	struct jm_events_options options = {0};

	memset(e, 0, sizeof(*e));
	engine_start(e);
	options.engine = e->plugin;
	open_events(w, &options);
	until(w, e->n_next == 1);
}

static void end(struct engine *e, struct world *w)
{
	jm_events_close(w->events);
	engine_stop(e);
}

static void a_plugin_introduces_itself_and_asks_for_events(void **state)
{
	struct engine e;
	struct world w;

	(void)state;
	begin(&e, &w);
	assert_int_equal(e.n_published[JM_EVENT_PLUGIN_STARTED], 1);
	assert_string_equal(w.log, "the engine is there");
	end(&e, &w);
}

static void a_start_measures_each_process_once_for_its_time(void **state)
{
	struct engine e;
	struct world w;

	(void)state;
	begin(&e, &w);
	send_event(e.incoming, a_start());
	until(&w, w.n_starts == 1);
	assert_int_equal(w.last.n_pids, 2);
	assert_int_equal(w.pids[0], 7);
	assert_int_equal(w.pids[1], 42);
	assert_int_equal(w.last.devices, JM_DEVICE_ALL);
	assert_true(w.last.duration_ns == INT64_C(10) * 1000000000);
	assert_true(w.last.start_ns == 0);
	end(&e, &w);
}

static void a_start_may_be_later_or_past_and_last_until_stopped(void **state)
{
	struct jm_event *start;
	struct engine e;
	struct world w;

	(void)state;
	begin(&e, &w);
	start = a_start();
	start->start_realtime_ns = REALTIME_NS + 3000000000;
	start->seconds = 0;
	send_event(e.incoming, start);
	until(&w, w.n_starts == 1);
	assert_true(w.last.start_ns == NOW_NS + 3000000000);
	assert_true(w.last.duration_ns == 0);
	start->start_realtime_ns = REALTIME_NS - 3000000000;
	send_event(e.incoming, start);
	until(&w, w.n_starts == 2);
	assert_true(w.last.start_ns == 0);
	end(&e, &w);
}

static void a_stop_ends_the_processes_it_names(void **state)
{
	struct jm_event *stop = a_start();
	struct engine e;
	struct world w;

	(void)state;
	begin(&e, &w);
	stop->kind = JM_EVENT_POWER_STOP;
	stop->n_pids = 2;
	send_event(e.incoming, stop);
	until(&w, w.n_stopped == 2);
	assert_int_equal(w.stopped[0], 7);
	assert_int_equal(w.stopped[1], 42);
	assert_int_equal(w.n_terminates, 0);
	end(&e, &w);
}

static void a_start_that_cannot_be_made_is_told_and_the_next_is_taken(void **state)
{
	struct engine e;
	struct world w;

	(void)state;
	begin(&e, &w);
	w.refuse = JM_E_FULL;
	send_event(e.incoming, a_start());
	until(&w, stats_of(&w).n_denied == 1);
	assert_non_null(strstr(w.log, "no room"));
	w.refuse = 0;
	send_event(e.incoming, a_start());
	until(&w, w.n_starts == 1);
	end(&e, &w);
}

static void terminate_is_for_this_plugin_by_name_star_or_uuid(void **state)
{
	static const char other[] = "6e153711-9823-4ee6-b608-58e2e801db51";
	static const char *const meant[][2] = {{"*", other}, {JM_PLUGIN_NAME, other}, {"oracle", JM_PLUGIN_UUID}};
	struct engine e;
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		begin(&e, &w);
		send_event(e.incoming, a_terminate("oracle", other));
		until(&w, stats_of(&w).n_others == 1);
		assert_int_equal(w.n_terminates, 0);
		send_event(e.incoming, a_terminate(meant[i][0], meant[i][1]));
		until(&w, w.n_terminates == 1);
		end(&e, &w);
	}
}

static void a_terminated_plugin_says_goodbye_and_quits(void **state)
{
	struct engine e;
	struct world w;

	(void)state;
	begin(&e, &w);
	send_event(e.incoming, a_terminate("*", JM_PLUGIN_UUID));
	do {
		struct pollfd p = {.fd = jm_events_fd(w.events), .events = POLLIN};

		poll(&p, 1, 20);
		/* What the service does: it leaves its loop at once. */
		jm_events_work(w.events, real_now());
	} while (w.n_terminates == 0);
	jm_events_close(w.events);
	pthread_join(e.plugin_thread, NULL); /* ends by quit alone */
	assert_int_equal(e.n_published[JM_EVENT_PLUGIN_TERMINATING], 1);
	assert_int_equal(e.n_quit, 1);
	zmq_ctx_shutdown(e.context);
	pthread_join(e.proxy_thread, NULL);
	zmq_ctx_term(e.context);
}

static void an_engine_that_went_away_is_found_again(void **state)
{
	struct engine e;
	struct world w;
	int round;

	(void)state;
	begin(&e, &w);
	for (round = 1; round <= 2; round++) {
		engine_stop(&e);
		until(&w, stats_of(&w).link.n_lost == (uint64_t)round);
		e.n_next = 0;
		engine_start(&e);
		until(&w, e.n_next > 0);
		assert_int_equal(e.n_published[JM_EVENT_PLUGIN_STARTED], round + 1);
		send_event(e.incoming, a_start());
		until(&w, w.n_starts == round);
	}
	end(&e, &w);
}

static void the_engine_may_come_after_the_plugin(void **state)
{
	struct jm_events_options options = {0};
	struct engine e = {0};
	struct world w;

	(void)state;
	engine_start(&e); /* to know a free port */
	engine_stop(&e);
	options.engine = e.plugin;
	open_events(&w, &options);
	turn(&w);
	engine_start(&e);
	until(&w, e.n_next == 1);
	send_event(e.incoming, a_start());
	until(&w, w.n_starts == 1);
	end(&e, &w);
}

static void a_subscriber_hears_the_engines_outgoing_events(void **state)
{
	struct jm_events_options options = {0};
	struct engine e = {0};
	struct world w;
	int64_t end_ns = real_now() + PATIENCE_NS;

	(void)state;
	engine_start(&e);
	options.subscribe = e.outgoing;
	options.publish = e.incoming;
	open_events(&w, &options);
	/* A publisher's first messages are lost to those who have just come: until the first is heard. */
	while (w.n_starts == 0 && real_now() < end_ns) {
		send_event(e.incoming, a_start());
		turn(&w);
	}
	assert_true(w.n_starts > 0);
	until(&w, stats_of(&w).link.n_sent == 1); /* its introduction */
	end(&e, &w);
}

static void a_flood_of_malformed_events_is_counted_and_survived(void **state)
{
	enum { N = 3000 };
	struct jm_buffer good = {0};
	struct jm_events_stats stats;
	struct engine e;
	struct world w;
	char bad[256];
	void *pub;
	int i;

	(void)state;
	begin(&e, &w);
	assert_int_equal(jm_event_encode(a_start(), REALTIME_NS, &good), 0);
	pub = zmq_socket(e.context, ZMQ_XPUB);
	assert_int_equal(zmq_connect(pub, "inproc://messages"), 0);
	assert_int_equal(zmq_recv(pub, bad, sizeof(bad), 0), 1); /* it is subscribed to */
	for (i = 0; i < N; i++) {
		size_t n = good.n;

		memcpy(bad, good.data, n);
		if (i % 3 == 0)
			n = 2 + (size_t)i % 60; /* cut */
		else if (i % 3 == 1)
			memset(bad + 2, 0xff, 4); /* root out of range */
		else
			bad[0] = 0x21; /* another event's prefix */
		zmq_send(pub, bad, n, 0);
		/* By the batch: a publisher drops what nobody takes. */
		if (i % 100 == 99)
			until(&w, stats_of(&w).link.n_received == (uint64_t)i + 1);
	}
	stats = stats_of(&w);
	assert_int_equal(stats.n_faults[JM_EVENT_FAULT_TAG], N / 3);
	assert_int_equal(stats.n_faults[JM_EVENT_FAULT_SHORT] + stats.n_faults[JM_EVENT_FAULT_BUFFER], 2 * N / 3);
	assert_int_equal(w.n_starts, 0);
	assert_true(w.n_logs < 20);
	zmq_send(pub, good.data, good.n, 0);
	until(&w, w.n_starts == 1);
	zmq_close(pub);
	jm_buffer_finish(&good);
	end(&e, &w);
}

static void events_are_not_bound_beyond_loopback(void **state)
{
	static const char *const bad[] = {"@tcp://0.0.0.0:5560", "@tcp://*:5560", "@tcp://192.168.1.1:5560",
					  "nonsense"};
	const struct jm_events_target target = {clocks, on_start, on_stop, on_terminate, on_log, NULL};
	struct jm_events *events;
	struct jm_error err;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct jm_events_options options = {.subscribe = bad[i]};

		assert_int_equal(jm_events_open(&options, &target, &events, &err), JM_E_INVALID);
		assert_true(err.message[0] && err.remedy[0]);
	}
}

static void a_taken_address_is_said(void **state)
{
	const struct jm_events_target target = {clocks, on_start, on_stop, on_terminate, on_log, NULL};
	struct jm_events_options options = {0};
	struct jm_events *events;
	struct engine e = {0};
	struct jm_error err;
	char taken[80];

	(void)state;
	engine_start(&e);
	snprintf(taken, sizeof(taken), "@%s", e.outgoing);
	options.subscribe = taken;
	assert_int_equal(jm_events_open(&options, &target, &events, &err), JM_E_EXISTS);
	engine_stop(&e);
}

static void an_event_that_nobody_takes_is_an_error(void **state)
{
	struct engine e = {0};
	struct jm_error err;

	(void)state;
	engine_start(&e); /* to know a free port */
	engine_stop(&e);
	assert_int_equal(jm_event_publish_once(e.incoming, "x", 1, 50, &err), JM_E_GONE);
	assert_true(err.remedy[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_plugin_introduces_itself_and_asks_for_events),
	    cmocka_unit_test(a_start_measures_each_process_once_for_its_time),
	    cmocka_unit_test(a_start_may_be_later_or_past_and_last_until_stopped),
	    cmocka_unit_test(a_stop_ends_the_processes_it_names),
	    cmocka_unit_test(a_start_that_cannot_be_made_is_told_and_the_next_is_taken),
	    cmocka_unit_test(terminate_is_for_this_plugin_by_name_star_or_uuid),
	    cmocka_unit_test(a_terminated_plugin_says_goodbye_and_quits),
	    cmocka_unit_test(an_engine_that_went_away_is_found_again),
	    cmocka_unit_test(the_engine_may_come_after_the_plugin),
	    cmocka_unit_test(a_subscriber_hears_the_engines_outgoing_events),
	    cmocka_unit_test(a_flood_of_malformed_events_is_counted_and_survived),
	    cmocka_unit_test(events_are_not_bound_beyond_loopback),
	    cmocka_unit_test(a_taken_address_is_said),
	    cmocka_unit_test(an_event_that_nobody_takes_is_an_error),
	};
	struct jm_error err;

	if (jm_event_support(&err) != 0) {
		printf("SKIP: %s\n", err.message);
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
