/* Server-sent events: what a tick gave, to all who listen. Written once a tick; a reader that does not keep up is cut. */
#include "service/http_internal.h"
#include "service/present.h"

#include "core/error.h"
#include "core/units.h"

#include <stdlib.h>
#include <string.h>

#define PENDING_MAX ((size_t)256 << 10)

struct jm_stream {
	struct jm_http *http;
	struct MHD_Connection *connection;
	struct jm_buffer pending;
	size_t sent;
	bool is_suspended, is_cut;
	struct jm_stream *next;
};

static ssize_t give(void *ctx, uint64_t position, char *out, size_t max)
{
	struct jm_stream *st = ctx;
	size_t n = st->pending.n - st->sent;

	(void)position;
	if (st->is_cut)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	/* Also one that comes while the service ends: it must not wait for a tick, as there is none. */
	if (n == 0 && st->http->is_ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n == 0) {
		st->is_suspended = true;
		MHD_suspend_connection(st->connection);
		return 0;
	}
	n = n < max ? n : max;
	memcpy(out, st->pending.data + st->sent, n);
	st->sent += n;
	if (st->sent == st->pending.n)
		st->sent = st->pending.n = 0;
	return (ssize_t)n;
}

static void resume(struct jm_stream *st)
{
	if (!st->is_suspended)
		return;
	st->is_suspended = false;
	MHD_resume_connection(st->connection);
}

static void end_stream(void *ctx)
{
	struct jm_stream *st = ctx, **at = &st->http->streams;

	while (*at && *at != st)
		at = &(*at)->next;
	if (*at)
		*at = st->next;
	st->http->service->n_streams--;
	jm_service_settle(st->http->service);
	jm_buffer_finish(&st->pending);
	free(st);
}

enum MHD_Result jm_http_stream(struct jm_http *http, struct MHD_Connection *c)
{
	struct jm_stream *st;
	struct MHD_Response *response;
	struct jm_error why = {0};
	enum MHD_Result rc;

	if (http->service->n_streams >= JM_HTTP_STREAMS_MAX) {
		jm_error_set(&why, JM_E_FULL, "%d readers are listening, and no more are taken", JM_HTTP_STREAMS_MAX);
		return jm_http_refuse(http, c, MHD_HTTP_SERVICE_UNAVAILABLE, &why);
	}
	st = calloc(1, sizeof(*st));
	if (!st)
		return MHD_NO;
	st->http = http;
	st->connection = c;
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, give, st, end_stream);
	if (!response) {
		free(st);
		return MHD_NO;
	}
	st->next = http->streams;
	http->streams = st;
	http->service->n_streams++;
	jm_buffer_puts(&st->pending, "retry: 2000\n\n");
	MHD_add_response_header(response, "Content-Type", "text/event-stream");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	rc = MHD_queue_response(c, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	jm_service_settle(http->service);
	return rc;
}

static void write_channels(struct jm_buffer *b, const struct jm_service *s)
{
	const char *comma = "";
	size_t i;

	for (i = 0; i < s->n_channels; i++) {
		const struct jm_live_channel *c = &s->channels[i];

		if (!c->is_counted)
			continue;
		jm_buffer_printf(b, "%s{\"name\":", comma);
		jm_buffer_json_string(b, c->info.name);
		jm_buffer_puts(b, ",\"domain\":");
		jm_buffer_json_string(b, c->info.domain);
		jm_buffer_puts(b, ",\"part_of\":");
		jm_buffer_json_string(b, c->info.part_of);
		jm_buffer_printf(b, ",\"state\":\"%s\"", c->info.state);
		jm_present_number(b, "power_w", c->power_w);
		jm_present_number(b, "energy_j", c->energy_j);
		jm_present_number(b, "idle_j", c->idle_j);
		jm_present_number(b, "others_j", c->others_j);
		jm_present_number(b, "unattributed_j", c->unattributed_j);
		jm_buffer_puts(b, "}");
		comma = ",";
	}
}

static void write_event(struct jm_buffer *b, const struct jm_service *s)
{
	jm_buffer_puts(b, "event: tick\ndata: {\"time\":");
	jm_present_time(b, s->state.realtime_ns);
	jm_present_number(b, "period_s", jm_s_from_ns(s->state.period_ns));
	jm_buffer_printf(b, ",\"processes\":%zu,\"measurements\":%zu,\"channels\":[", s->state.n_processes,
			 jm_measurements_n_active(s->measurements));
	write_channels(b, s);
	jm_buffer_puts(b, "]}\n\n");
}

void jm_http_streams_tick(void *ctx, int64_t now_ns)
{
	struct jm_http *http = ctx;
	struct jm_buffer b = {0};
	struct jm_stream *st;

	(void)now_ns;
	if (!http->streams || http->streamed_ns == http->service->state.t_ns)
		return;
	http->streamed_ns = http->service->state.t_ns;
	write_event(&b, http->service);
	for (st = http->streams; st; st = st->next) {
		if (!st->is_cut && st->pending.n - st->sent + b.n > PENDING_MAX) {
			st->is_cut = true;
			http->counts.n_streams_cut++;
		}
		if (st->is_cut)
			continue;
		/* What was sent makes room. */
		memmove(st->pending.data, st->pending.data + st->sent, st->pending.n - st->sent);
		st->pending.n -= st->sent;
		st->sent = 0;
		jm_buffer_append(&st->pending, b.data, b.n);
		resume(st);
	}
	jm_buffer_finish(&b);
	/* Who was resumed is only looked at in a run. */
	MHD_run(http->daemon);
}

void jm_http_streams_end(struct jm_http *http)
{
	struct jm_stream *st;

	http->is_ending = true;
	for (st = http->streams; st; st = st->next)
		resume(st);
}
