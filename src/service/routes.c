/* What is answered to whom. */
#include "service/ask.h"
#include "service/files.h"
#include "service/http_internal.h"
#include "service/items.h"
#include "service/present.h"

#include "core/error.h"
#include "core/units.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define JSON         "application/json"
#define MEASUREMENTS "/measurements"
#define ITEMS        "/items"

static unsigned status_of(int code)
{
	switch (code) {
	case JM_E_FORMAT:
	case JM_E_INVALID:
		return MHD_HTTP_BAD_REQUEST;
	case JM_E_NOT_FOUND:
	case JM_E_GONE:
		return MHD_HTTP_NOT_FOUND;
	case JM_E_PERMISSION:
		return MHD_HTTP_FORBIDDEN;
	case JM_E_FULL:
		return MHD_HTTP_TOO_MANY_REQUESTS;
	default:
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
}

static int64_t realtime_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * JM_NS_PER_S + t.tv_nsec;
}

/* A form of a web page cannot send this type: it would have to ask first, and is not answered. */
static bool is_json(struct MHD_Connection *c)
{
	const char *type = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Type");

	return type && strncmp(type, JSON, strlen(JSON)) == 0 && strchr(";, ", type[strlen(JSON)]) != NULL;
}

static enum MHD_Result send_measurement(struct jm_http *http, struct MHD_Connection *c, unsigned status,
					const struct jm_measurement *m)
{
	struct jm_buffer b = {0};

	jm_present_measurement(&b, http->service, m, false);
	jm_buffer_puts(&b, "\n");
	return jm_http_send(c, status, JSON, &b);
}

static enum MHD_Result post_measurement(struct jm_http *http, struct MHD_Connection *c,
					const struct jm_http_request *request)
{
	struct jm_ask *ask;
	struct jm_error why = {0};
	uint64_t id = 0;
	int rc;

	ask = malloc(sizeof(*ask));
	if (!ask)
		return MHD_NO;
	rc = jm_ask_read(request->body.data ? request->body.data : "", request->body.n, jm_now_ns(), realtime_ns(), ask,
			 &why);
	if (rc == 0 && !ask->label[0])
		memcpy(ask->label, "http", sizeof("http"));
	rc = rc ? rc : jm_service_measure(http->service, &ask->request, &id, &why);
	free(ask);
	if (rc)
		return jm_http_refuse(http, c, status_of(rc), &why);
	return send_measurement(http, c, MHD_HTTP_CREATED, jm_measurements_get(http->service->measurements, id));
}

/* Somebody says what it did. */
static enum MHD_Result post_items(struct jm_http *http, struct MHD_Connection *c, const struct jm_http_request *request)
{
	struct jm_items_told told;
	struct jm_error why = {0};
	struct jm_buffer b = {0};
	uint64_t total;
	int rc = jm_items_read(request->body.data ? request->body.data : "", request->body.n, &told, &why);

	rc = rc ? rc : jm_items_add(http->service->items, &told, &total, &why);
	if (rc)
		return jm_http_refuse(http, c, status_of(rc), &why);
	jm_buffer_puts(&b, "{\"item\":");
	jm_buffer_json_string(&b, told.item);
	jm_buffer_printf(&b, ",\"total\":%llu}\n", (unsigned long long)total);
	return jm_http_send(c, MHD_HTTP_OK, JSON, &b);
}

static enum MHD_Result post(struct jm_http *http, struct MHD_Connection *c, const char *url,
			    const struct jm_http_request *request)
{
	struct jm_error why = {0};

	if (!is_json(c)) {
		jm_error_set(&why, JM_E_INVALID, "what is sent here has Content-Type: " JSON);
		return jm_http_refuse(http, c, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, &why);
	}
	return strcmp(url, ITEMS) == 0 ? post_items(http, c, request) : post_measurement(http, c, request);
}

static enum MHD_Result wrong_method(struct jm_http *http, struct MHD_Connection *c, const char *method)
{
	struct jm_error why = {0};

	jm_error_set(&why, JM_E_INVALID, "%.16s is not answered here", method);
	return jm_http_refuse(http, c, MHD_HTTP_METHOD_NOT_ALLOWED, &why);
}

static enum MHD_Result not_found(struct jm_http *http, struct MHD_Connection *c, const char *what)
{
	struct jm_error why = {0};

	jm_error_set(&why, JM_E_NOT_FOUND, "there is nothing at %.100s", what);
	jm_error_remedy(&why, "/openapi.json lists what there is");
	return jm_http_refuse(http, c, MHD_HTTP_NOT_FOUND, &why);
}

static enum MHD_Result one(struct jm_http *http, struct MHD_Connection *c, const char *url, const char *method)
{
	const char *number = url + strlen(MEASUREMENTS) + 1;
	struct jm_measurements *all = http->service->measurements;
	uint64_t id;

	if (jm_text_u64(number, strlen(number), &id) || !jm_measurements_get(all, id))
		return not_found(http, c, url);
	if (strcmp(method, "DELETE") == 0) {
		jm_measurements_stop(all, id, jm_now_ns());
		jm_service_settle(http->service);
	} else if (strcmp(method, "GET") != 0) {
		return wrong_method(http, c, method);
	}
	return send_measurement(http, c, MHD_HTTP_OK, jm_measurements_get(all, id));
}

static enum MHD_Result list(struct jm_http *http, struct MHD_Connection *c)
{
	struct jm_buffer b = {0};

	jm_present_measurements(&b, http->service);
	jm_buffer_puts(&b, "\n");
	return jm_http_send(c, MHD_HTTP_OK, JSON, &b);
}

static enum MHD_Result metrics(struct jm_http *http, struct MHD_Connection *c)
{
	const char *accept = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept");
	bool is_open = accept && strstr(accept, "application/openmetrics-text");
	struct jm_buffer b = {0};

	jm_service_look(http->service);
	jm_metrics_write(&b, http->service, &http->counts, is_open);
	return jm_http_send(c, MHD_HTTP_OK,
			    is_open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
				    : "text/plain; version=0.0.4; charset=utf-8",
			    &b);
}

static enum MHD_Result health(struct jm_http *http, struct MHD_Connection *c)
{
	const struct jm_service *s = http->service;
	struct jm_buffer b = {0};
	size_t i, n_up = 0;
	const char *note;

	for (i = 0; i < s->n_channels; i++)
		n_up += s->channels[i].is_counted && strcmp(s->channels[i].info.state, "unavailable") != 0;
	jm_buffer_printf(&b, "{\"status\":\"%s\",\"version\":\"%s\",\"channels_up\":%zu,\"notes\":[",
			 n_up ? "ok" : "no sensor", jm_version(), n_up);
	for (i = 0; (note = jm_live_note(s->live, i)); i++) {
		jm_buffer_puts(&b, i ? "," : "");
		jm_buffer_json_string(&b, note);
	}
	jm_buffer_puts(&b, "]}\n");
	return jm_http_send(c, n_up ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, JSON, &b);
}

static enum MHD_Result file(struct MHD_Connection *c, const char *type, const char *text)
{
	struct jm_buffer b = {0};

	jm_buffer_puts(&b, text);
	return jm_http_send(c, MHD_HTTP_OK, type, &b);
}

/* What the page may do: itself, and ask us. */
static enum MHD_Result page(struct MHD_Connection *c)
{
	size_t n = strlen(jm_service_page_html);
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(n, (void *)jm_service_page_html, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result rc;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "text/html; charset=utf-8");
	MHD_add_response_header(
	    response, "Content-Security-Policy",
	    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; "
	    "frame-ancestors 'none'; base-uri 'none'");
	MHD_add_response_header(response, "Cache-Control", "no-cache");
	rc = MHD_queue_response(c, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return rc;
}

static enum MHD_Result get(struct jm_http *http, struct MHD_Connection *c, const char *url)
{
	if (strcmp(url, "/") == 0)
		return page(c);
	if (strcmp(url, MEASUREMENTS) == 0)
		return list(http, c);
	if (strcmp(url, "/metrics") == 0)
		return metrics(http, c);
	if (strcmp(url, "/healthz") == 0)
		return health(http, c);
	if (strcmp(url, "/stream") == 0)
		return jm_http_stream(http, c);
	if (strcmp(url, "/openapi.json") == 0)
		return file(c, JSON, jm_service_openapi_json);
	return not_found(http, c, url);
}

enum MHD_Result jm_http_route(struct jm_http *http, struct MHD_Connection *c, const char *url, const char *method,
			      const struct jm_http_request *request)
{
	if (strncmp(url, MEASUREMENTS "/", strlen(MEASUREMENTS) + 1) == 0)
		return one(http, c, url, method);
	if (strcmp(method, "POST") == 0 && (strcmp(url, MEASUREMENTS) == 0 || strcmp(url, ITEMS) == 0))
		return post(http, c, url, request);
	if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
		return get(http, c, url);
	return wrong_method(http, c, method);
}
