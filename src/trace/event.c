#include "trace/event.h"

#include "core/error.h"
#include "core/grow.h"
#include "core/hash.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TRACKS ((size_t)4096)

void jm_trace_event_finish(struct jm_trace_event *event)
{
	jm_buffer_finish(&event->name);
	jm_buffer_finish(&event->category);
	jm_buffer_finish(&event->op_name);
	jm_buffer_finish(&event->taken);
	jm_buffer_finish(&event->given);
}

static int copy_text(const struct jm_json_token *t, struct jm_buffer *out, struct jm_error *err)
{
	out->n = 0;
	if (t->type != JM_JSON_STRING && t->type != JM_JSON_NUMBER)
		return 0;
	jm_buffer_append(out, t->text, t->n);
	return jm_buffer_terminate(out) ? 0 : jm_error_set(err, JM_E_NOMEM, "out of memory");
}

/* Times come as numbers, in older files as texts that hold numbers. */
static int read_us(struct jm_json *json, const struct jm_json_token *t, int64_t *ns_out, bool *has_out,
		   struct jm_error *err)
{
	if (t->type != JM_JSON_NUMBER && t->type != JM_JSON_STRING)
		return jm_json_error(json, t, err, "a time in microseconds was expected");
	if (jm_text_fixed(t->text, t->n, 3, ns_out))
		return jm_json_error(json, t, err, "'%.*s' is no time in microseconds", (int)(t->n < 40 ? t->n : 40),
				     t->text);
	*has_out = true;
	return 0;
}

static int64_t read_id(const struct jm_json_token *t)
{
	int64_t id;

	if (jm_text_fixed(t->text, t->n, 0, &id) == 0)
		return id;
	return (int64_t)jm_hash(JM_HASH_BEGIN, t->text, t->n);
}

/* Names of element types in ONNX Runtime's profile that differ from ours (onnxruntime, DataTypeImpl::ToString). */
static const char *type_name(const struct jm_json_token *key)
{
	static const char *const names[][2] = {
	    {"float", "fp32"}, {"float16", "fp16"}, {"double", "fp64"}, {"bfloat16", "bf16"}};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (jm_json_is(key, names[i][0]))
			return names[i][1];
	return NULL;
}

static int read_dims(struct jm_json *json, struct jm_buffer *out, struct jm_error *err)
{
	struct jm_json_token t;
	const char *comma = "";
	int64_t dim;
	int rc = jm_json_next(json, &t, err);

	if (rc || t.type != JM_JSON_ARRAY)
		return rc ? rc : jm_json_error(json, &t, err, "an array of dimensions was expected");
	jm_buffer_puts(out, "[");
	while (!(rc = jm_json_next(json, &t, err)) && t.type == JM_JSON_NUMBER) {
		if (jm_text_i64(t.text, t.n, &dim) || dim < 0)
			return jm_json_error(json, &t, err, "a dimension was expected");
		jm_buffer_printf(out, "%s%lld", comma, (long long)dim);
		comma = ",";
	}
	if (!rc && t.type != JM_JSON_ARRAY_END)
		rc = jm_json_error(json, &t, err, "a dimension was expected");
	jm_buffer_puts(out, "]");
	return rc;
}

/* [{"float": [1, 3, 8, 8]}, {"int64": [2]}] */
static int read_shapes(struct jm_json *json, const struct jm_json_token *begin, struct jm_buffer *out,
		       struct jm_error *err)
{
	struct jm_json_token t;
	const char *name;
	int rc;

	if (begin->type != JM_JSON_ARRAY)
		return jm_json_skip(json, begin, err);
	out->n = 0;
	while (!(rc = jm_json_next(json, &t, err)) && t.type != JM_JSON_ARRAY_END) {
		if (t.type != JM_JSON_OBJECT)
			return jm_json_error(json, &t, err, "a type with its shape was expected");
		while (!(rc = jm_json_next(json, &t, err)) && t.type == JM_JSON_KEY) {
			name = type_name(&t);
			jm_buffer_puts(out, out->n ? " " : "");
			jm_buffer_append(out, name ? name : t.text, name ? strlen(name) : t.n);
			rc = read_dims(json, out, err);
			if (rc)
				return rc;
		}
		if (rc)
			return rc;
	}
	if (!rc && !jm_buffer_terminate(out))
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory");
	return rc;
}

static int read_args(struct jm_json *json, const struct jm_json_token *begin, struct jm_trace_event *event,
		     struct jm_error *err)
{
	struct jm_json_token key, t;
	bool is_op, is_stream, is_device, is_taken, is_given;
	int rc;

	if (begin->type != JM_JSON_OBJECT)
		return jm_json_skip(json, begin, err);
	while (!(rc = jm_json_next(json, &key, err)) && key.type == JM_JSON_KEY) {
		is_op = jm_json_is(&key, "op_name");
		is_stream = jm_json_is(&key, "stream");
		is_device = jm_json_is(&key, "device");
		is_taken = jm_json_is(&key, "input_type_shape");
		is_given = jm_json_is(&key, "output_type_shape");
		rc = jm_json_next(json, &t, err);
		if (!rc && is_op)
			rc = copy_text(&t, &event->op_name, err);
		else if (!rc && is_stream && t.n > 0)
			event->stream = read_id(&t);
		else if (!rc && is_device && t.type == JM_JSON_NUMBER && jm_text_i64(t.text, t.n, &event->device))
			event->device = -1;
		if (!rc && (is_taken || is_given))
			rc = read_shapes(json, &t, is_taken ? &event->taken : &event->given, err);
		else if (!rc)
			rc = jm_json_skip(json, &t, err);
		if (rc)
			return rc;
	}
	return rc;
}

enum field { OTHER, NAME, CATEGORY, PHASE, START, DURATION, PID, TID, ARGS };

static enum field field_of(const struct jm_json_token *key)
{
	static const struct {
		const char *key;
		enum field field;
	} fields[] = {{"name", NAME},    {"cat", CATEGORY}, {"ph", PHASE}, {"ts", START},
		      {"dur", DURATION}, {"pid", PID},      {"tid", TID},  {"args", ARGS}};
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (jm_json_is(key, fields[i].key))
			return fields[i].field;
	return OTHER;
}

static int read_field(struct jm_json *json, enum field field, const struct jm_json_token *t,
		      struct jm_trace_event *event, struct jm_error *err)
{
	switch (field) {
	case NAME:
		return copy_text(t, &event->name, err);
	case CATEGORY:
		return copy_text(t, &event->category, err);
	case PHASE:
		event->phase = t->n == 1 ? t->text[0] : '\0';
		return 0;
	case START:
		return read_us(json, t, &event->start_ns, &event->has_start, err);
	case DURATION:
		return read_us(json, t, &event->duration_ns, &event->has_duration, err);
	case PID:
		event->pid = t->n ? read_id(t) : 0;
		return 0;
	case TID:
		event->tid = t->n ? read_id(t) : 0;
		return 0;
	case ARGS:
		return read_args(json, t, event, err);
	case OTHER:
		break;
	}
	return jm_json_skip(json, t, err);
}

int jm_trace_event_read(struct jm_json *json, const struct jm_json_token *begin, struct jm_trace_event *event,
			struct jm_error *err)
{
	struct jm_json_token key, t;
	int rc;

	if (begin->type != JM_JSON_OBJECT)
		return jm_json_error(json, begin, err, "an event (object) was expected");
	event->name.n = event->category.n = event->op_name.n = event->taken.n = event->given.n = 0;
	jm_buffer_terminate(&event->name);
	jm_buffer_terminate(&event->category);
	jm_buffer_terminate(&event->op_name);
	jm_buffer_terminate(&event->taken);
	jm_buffer_terminate(&event->given);
	if (event->name.is_failed || event->category.is_failed || event->op_name.is_failed || event->taken.is_failed ||
	    event->given.is_failed)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	event->phase = '\0';
	event->start_ns = event->duration_ns = event->pid = event->tid = 0;
	event->has_start = event->has_duration = false;
	event->stream = event->device = -1;
	event->offset = begin->offset;
	event->is_whole = false;
	while (!(rc = jm_json_next(json, &key, err)) && key.type == JM_JSON_KEY) {
		enum field field = field_of(&key);

		event->offset = key.offset;
		rc = jm_json_next(json, &t, err);
		if (!rc)
			rc = read_field(json, field, &t, event, err);
		if (!rc && (t.type == JM_JSON_OBJECT || t.type == JM_JSON_ARRAY) && field != ARGS && field != OTHER)
			rc = jm_json_error(json, &t, err, "an event's %s cannot be an object or array",
					   field == NAME ? "name" : "field");
		if (rc)
			return rc;
	}
	event->is_whole = rc == 0;
	return rc;
}

void jm_trace_tracks_finish(struct jm_trace_tracks *tracks)
{
	free(tracks->items);
	memset(tracks, 0, sizeof(*tracks));
}

int jm_trace_track(struct jm_trace_tracks *tracks, int64_t pid, int64_t tid, uint32_t *out)
{
	size_t i = tracks->last;

	if (i >= tracks->n || tracks->items[i].pid != pid || tracks->items[i].tid != tid)
		for (i = 0; i < tracks->n; i++)
			if (tracks->items[i].pid == pid && tracks->items[i].tid == tid)
				break;
	if (i == tracks->n) {
		if (tracks->n == MAX_TRACKS)
			return JM_E_FORMAT;
		if (!jm_grow(&tracks->items, &tracks->capacity, tracks->n, sizeof(*tracks->items)))
			return JM_E_NOMEM;
		tracks->items[i].pid = pid;
		tracks->items[i].tid = tid;
		tracks->n++;
	}
	tracks->last = i;
	*out = (uint32_t)i;
	return 0;
}
