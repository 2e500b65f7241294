#include "service/ask.h"

#include "core/error.h"
#include "core/json.h"
#include "core/text.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LONGEST_S 1e9 /* thirty years */

struct reading {
	struct jm_json *json;
	struct jm_ask *ask;
	int64_t now_ns, realtime_ns;
	struct jm_error *err;
};

static int read_pids(struct reading *r, const struct jm_json_token *begin)
{
	struct jm_json_token t;
	int rc;

	if (begin->type != JM_JSON_ARRAY)
		return jm_json_error(r->json, begin, r->err, "pids wants an array of numbers");
	while ((rc = jm_json_next(r->json, &t, r->err)) == 0 && t.type != JM_JSON_ARRAY_END) {
		if (r->ask->request.n_pids == JM_ASK_PIDS_MAX)
			return jm_error_set(r->err, JM_E_FULL, "more than %d processes in one request",
					    JM_ASK_PIDS_MAX);
		if (t.type != JM_JSON_NUMBER || jm_text_i64(t.text, t.n, &r->ask->pids[r->ask->request.n_pids]))
			return jm_json_error(r->json, &t, r->err, "pids wants whole numbers");
		r->ask->request.n_pids++;
	}
	return rc;
}

static int add_device(struct reading *r, const struct jm_json_token *t)
{
	int device;

	if (t->type == JM_JSON_STRING && jm_json_is(t, "all")) {
		r->ask->request.devices |= JM_DEVICE_ALL;
		return 0;
	}
	for (device = 0; device < JM_N_DEVICES; device++) {
		if (t->type != JM_JSON_STRING || !jm_json_is(t, jm_device_text((enum jm_device)device)))
			continue;
		r->ask->request.devices |= JM_DEVICE_BIT(device);
		return 0;
	}
	return jm_json_error(r->json, t, r->err, "a device is all, cpu, gpu or dram");
}

static int read_devices(struct reading *r, const struct jm_json_token *begin)
{
	struct jm_json_token t;
	int rc;

	if (begin->type != JM_JSON_ARRAY)
		return add_device(r, begin);
	while ((rc = jm_json_next(r->json, &t, r->err)) == 0 && t.type != JM_JSON_ARRAY_END)
		if ((rc = add_device(r, &t)))
			return rc;
	return rc;
}

static int read_seconds(struct reading *r, const struct jm_json_token *t, double *out)
{
	int rc = jm_json_number(r->json, t, out, r->err);

	if (rc)
		return rc;
	if (*out < 0 || *out > 4 * LONGEST_S)
		return jm_json_error(r->json, t, r->err, "a time must not be negative or beyond all time");
	return 0;
}

static int read_times(struct reading *r, const struct jm_json_token *key, const struct jm_json_token *t)
{
	struct jm_measure_request *q = &r->ask->request;
	double seconds;
	int rc;

	/* null: until stopped, or now */
	if (t->type == JM_JSON_NULL)
		return 0;
	rc = read_seconds(r, t, &seconds);
	if (rc)
		return rc;
	if (jm_json_is(key, "duration_s")) {
		q->duration_ns = llround(fmin(seconds, LONGEST_S) * 1e9);
		/* 0 is for ever in the request; here somebody asked for no time at all. */
		if (seconds > 0)
			return 0;
		return jm_json_error(
		    r->json, t, r->err,
		    "duration_s must be above zero; without it the measurement runs until it is stopped");
	}
	if (jm_json_is(key, "start_in_s"))
		q->start_ns = r->now_ns + llround(fmin(seconds, LONGEST_S) * 1e9);
	else
		q->start_ns = r->now_ns + llround((seconds - jm_s_from_ns(r->realtime_ns)) * 1e9);
	q->start_ns = q->start_ns < 0 ? 0 : q->start_ns;
	return 0;
}

/* The value of a key; the key's text is gone by then, so the value is read by it first. */
static int read_member(struct reading *r, const struct jm_json_token *key)
{
	static const char *const times[] = {"duration_s", "start_in_s", "start_unix_s"};
	struct jm_json_token t, named = *key;
	char name[32];
	size_t i;
	int rc;

	snprintf(name, sizeof(name), "%.*s", (int)(key->n < 31 ? key->n : 31), key->text);
	named.text = name;
	rc = jm_json_next(r->json, &t, r->err);
	if (rc)
		return rc;
	if (strcmp(name, "pids") == 0)
		return read_pids(r, &t);
	if (strcmp(name, "devices") == 0 || strcmp(name, "channels") == 0)
		return read_devices(r, &t);
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (strcmp(name, times[i]) == 0)
			return read_times(r, &named, &t);
	if (strcmp(name, "label") == 0 && t.type == JM_JSON_STRING) {
		snprintf(r->ask->label, sizeof(r->ask->label), "%.*s", (int)(t.n < 63 ? t.n : 63), t.text);
		return 0;
	}
	return jm_json_error(r->json, &t, r->err, "there is nothing called '%s' in a request", name);
}

static int read_document(struct reading *r)
{
	struct jm_json_token t;
	int rc = jm_json_next(r->json, &t, r->err);

	if (rc)
		return rc;
	if (t.type != JM_JSON_OBJECT)
		return jm_json_error(r->json, &t, r->err, "a request is an object");
	while ((rc = jm_json_next(r->json, &t, r->err)) == 0 && t.type != JM_JSON_OBJECT_END)
		if ((rc = read_member(r, &t)))
			return rc;
	/* Nothing may follow. */
	return rc ? rc : jm_json_next(r->json, &t, r->err);
}

int jm_ask_read(const char *text, size_t n, int64_t now_ns, int64_t realtime_ns, struct jm_ask *out,
		struct jm_error *err)
{
	struct reading r = {.ask = out, .now_ns = now_ns, .realtime_ns = realtime_ns, .err = err};
	int rc = jm_json_open("request", text, n, &r.json, err);

	memset(out, 0, sizeof(*out));
	out->request.pids = out->pids;
	out->request.label = out->label;
	if (rc)
		return rc;
	rc = read_document(&r);
	jm_json_close(r.json);
	if (rc)
		return rc;
	return out->request.n_pids ? 0
				   : jm_error_set(err, JM_E_INVALID, "a request names its processes: \"pids\": [1234]");
}
