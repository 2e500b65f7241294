#include "service/recordings.h"

#include "core/error.h"
#include "core/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* At one time: each takes three descriptors and some memory. */
#define OPEN_MAX 256
/* A measurement that goes on after a kill gets a file of its own. */
#define NAMES_MAX 100

struct item {
	uint64_t id; /* of the measurement */
	uint32_t *processes;
	size_t n_processes;
	int64_t asked_realtime_ns;
	char label[64];
	struct jm_live_recording *recording; /* NULL: to be opened */
	bool is_over;                        /* to be closed */
	struct item *next;
};

struct jm_recordings {
	struct jm_service *service;
	const char *folder;
	void (*log)(void *ctx, const char *text);
	void *ctx;
	struct item *items;
	size_t n_items, n_pending; /* pending: to be opened or closed */
	uint64_t n_made, n_failed;
};

static void fail(struct jm_recordings *rs, const struct item *item, const struct jm_error *err)
{
	char text[sizeof(err->message) + 80];

	rs->n_failed++;
	snprintf(text, sizeof(text), "the recording of measurement %llu ends: %s", (unsigned long long)item->id,
		 err->message);
	if (rs->log)
		rs->log(rs->ctx, text);
}

static void file_name(const struct item *item, int n, char *out, size_t size)
{
	time_t seconds = (time_t)(item->asked_realtime_ns / JM_NS_PER_S);
	char time[32], more[16] = "";
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(time, sizeof(time), "%Y%m%dT%H%M%S", &tm);
	if (n > 1)
		snprintf(more, sizeof(more), "-%d", n);
	snprintf(out, size, "measurement-%s-%llu%s.jmap", time, (unsigned long long)item->id, more);
}

static void open_one(struct jm_recordings *rs, struct item *item)
{
	char name[64], path[1200], command[128];
	struct jm_live_record_options options = {.size = sizeof(options),
						 .path = path,
						 .ids = item->processes,
						 .n_ids = item->n_processes,
						 .command = command};
	struct jm_error err = {.code = JM_E_EXISTS};
	int n;

	snprintf(command, sizeof(command), "joulemap serve, measurement %llu (%.60s)", (unsigned long long)item->id,
		 item->label);
	for (n = 1; err.code == JM_E_EXISTS && n < NAMES_MAX; n++) {
		file_name(item, n, name, sizeof(name));
		snprintf(path, sizeof(path), "%s/%s", rs->folder, name);
		if (jm_live_record(rs->service->live, &options, &item->recording, &err) == 0)
			break;
	}
	if (!item->recording) {
		fail(rs, item, &err);
		item->is_over = true;
		rs->n_pending++;
		return;
	}
	rs->n_made++;
	jm_measurements_set_recording(rs->service->measurements, item->id, name);
}

static void close_one(struct jm_recordings *rs, struct item *item)
{
	struct item **at = &rs->items;
	struct jm_error err = {0};
	bool was_failed = !item->recording || jm_live_recording_status(item->recording, NULL);

	while (*at && *at != item)
		at = &(*at)->next;
	if (*at)
		*at = item->next;
	rs->n_items--;
	if (jm_live_recording_close(item->recording, &err) && !was_failed)
		fail(rs, item, &err);
	free(item->processes);
	free(item);
}

/* One file a call. */
static void work(void *ctx)
{
	struct jm_recordings *rs = ctx;
	struct item *item, *opened = NULL, *over = NULL;

	/* The list has the newest first; the oldest is served first. */
	for (item = rs->items; item; item = item->next) {
		opened = !item->recording && !item->is_over ? item : opened;
		over = item->is_over ? item : over;
	}
	if (!opened && !over)
		return;
	rs->n_pending--;
	if (opened)
		open_one(rs, opened);
	else
		close_one(rs, over);
}

static int64_t due_ns(void *ctx)
{
	return ((struct jm_recordings *)ctx)->n_pending ? 0 : INT64_MAX;
}

/* A disk that is full ends a recording; what is in it stays good, and the measurement goes on. */
static void ticked(void *ctx, int64_t now_ns)
{
	struct jm_recordings *rs = ctx;
	struct jm_error err;
	struct item *item;

	(void)now_ns;
	for (item = rs->items; item; item = item->next) {
		if (!item->recording || item->is_over || !jm_live_recording_status(item->recording, &err))
			continue;
		fail(rs, item, &err);
		jm_live_recording_end(item->recording);
		item->is_over = true;
		rs->n_pending++;
	}
}

static void add(struct jm_recordings *rs, const struct jm_measurement *m)
{
	struct item *item;
	size_t i;

	if (rs->n_items == OPEN_MAX || !(item = calloc(1, sizeof(*item)))) {
		rs->n_failed++;
		return;
	}
	item->processes = calloc(m->n_parts + 1, sizeof(*item->processes));
	if (!item->processes) {
		free(item);
		rs->n_failed++;
		return;
	}
	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i].state == JM_MEASURE_RUNNING)
			item->processes[item->n_processes++] = m->parts[i].id;
	item->id = m->id;
	item->asked_realtime_ns = m->asked_realtime_ns;
	snprintf(item->label, sizeof(item->label), "%s", m->label);
	item->next = rs->items;
	rs->items = item;
	rs->n_items++;
	rs->n_pending++;
}

static void end(struct jm_recordings *rs, uint64_t id)
{
	struct item *item;

	for (item = rs->items; item && item->id != id; item = item->next)
		;
	if (!item || item->is_over)
		return;
	item->is_over = true;
	/* One that waits to be opened already counts. */
	rs->n_pending += item->recording != NULL;
	if (item->recording)
		jm_live_recording_end(item->recording);
}

static void tell(void *ctx, enum jm_measure_event event, const struct jm_measurement *m,
		 const struct jm_measure_part *part)
{
	(void)part;
	if (event == JM_MEASURE_STARTED)
		add(ctx, m);
	else if (event == JM_MEASURE_ENDED)
		end(ctx, m->id);
}

int jm_recordings_open(struct jm_service *s, const char *folder, void (*log)(void *ctx, const char *text), void *ctx,
		       struct jm_recordings **out, struct jm_error *err)
{
	struct jm_recordings *rs = calloc(1, sizeof(*rs));
	struct jm_measure_listener listener = {tell, rs};
	struct jm_service_follower follower = {ticked, rs};

	if (!rs)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for recordings");
	rs->service = s;
	rs->folder = folder;
	rs->log = log;
	rs->ctx = ctx;
	if (jm_measurements_listen(s->measurements, &listener) || jm_service_follow(s, &follower) ||
	    jm_loop_add_timed(s->loop, due_ns, work, rs)) {
		free(rs);
		return jm_error_set(err, JM_E_NOMEM, "out of memory for recordings");
	}
	s->recordings = folder;
	*out = rs;
	return 0;
}

void jm_recordings_metrics(const struct jm_recordings *rs, struct jm_metrics_page *page)
{
	jm_metrics_family(page, "joulemap_recordings_open", "gauge", "Recordings of measurements being written");
	jm_metrics_single(page, "joulemap_recordings_open", (double)rs->n_items);
	jm_metrics_family(page, "joulemap_recordings", "counter", "Recordings of measurements begun");
	jm_metrics_single(page, "joulemap_recordings_total", (double)rs->n_made);
	jm_metrics_family(page, "joulemap_recordings_failed", "counter",
			  "Measurements whose recording could not be made, or not to the end");
	jm_metrics_single(page, "joulemap_recordings_failed_total", (double)rs->n_failed);
}

void jm_recordings_close(struct jm_recordings *rs)
{
	if (!rs)
		return;
	while (rs->items)
		close_one(rs, rs->items);
	free(rs);
}
