/* Tracks of the running program, and spans with given times. */
#include "session/recorder_internal.h"

#include "core/error.h"
#include "model/shape.h"
#include "recording/schema.h"
#include "session/marker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Written at a time, so that the pump gets its turn. */
#define ADD_SPANS 256

static int add_track(struct jm_recorder *r, const char *name, struct jm_track **out)
{
	struct jm_track **tracks = realloc(r->tracks, (r->n_tracks + 1) * sizeof(*tracks));
	char key[64];
	int rc;

	if (!tracks)
		return JM_E_NOMEM;
	r->tracks = tracks;
	/* Track 0 is the runner's and the command's. */
	rc = jm_track_create((uint32_t)r->n_tracks + 1, &tracks[r->n_tracks]);
	if (rc)
		return rc;
	*out = tracks[r->n_tracks++];
	snprintf(key, sizeof(key), "track_%zu", r->n_tracks);
	return r->writer ? jm_writer_meta(r->writer, key, name) : 0;
}

int jm_track_open(struct jm_recorder *r, const char *name, struct jm_track **out, struct jm_error *err)
{
	int rc;

	pthread_mutex_lock(&r->lock);
	rc = add_track(r, name, out);
	pthread_mutex_unlock(&r->lock);
	return rc ? jm_error_set(err, rc, "cannot open the track '%s': %s", name, jm_error_text(rc)) : 0;
}

/* Locks, and gives the writer's sink. Errors: JM_E_INVALID, without the lock: the recording has ended. */
static int lock_sink(struct jm_recorder *r, struct jm_span_sink *sink)
{
	pthread_mutex_lock(&r->lock);
	if (r->writer) {
		*sink = jm_writer_span_sink(r->writer);
		return 0;
	}
	pthread_mutex_unlock(&r->lock);
	return JM_E_INVALID;
}

static int locked_name(void *ctx, const char *text, size_t text_n, const char *type, size_t type_n, uint32_t *index_out)
{
	struct jm_recorder *r = ctx;
	struct jm_span_sink sink;
	int rc = lock_sink(r, &sink);

	if (rc)
		return rc;
	rc = sink.name(sink.ctx, text, text_n, type, type_n, index_out);
	if (rc == 0 && *index_out >= r->n_names)
		r->n_names = *index_out + 1;
	pthread_mutex_unlock(&r->lock);
	return rc;
}

static int locked_write(void *ctx, const struct jm_span *spans, size_t n)
{
	struct jm_recorder *r = ctx;
	struct jm_span_sink sink;
	int rc = lock_sink(r, &sink);

	if (rc)
		return rc;
	rc = sink.write(sink.ctx, spans, n);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

static int locked_shapes(void *ctx, uint32_t name, const char *text)
{
	struct jm_recorder *r = ctx;
	struct jm_span_sink sink;
	int rc = lock_sink(r, &sink);

	if (rc)
		return rc;
	rc = sink.shapes(sink.ctx, name, text);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

struct jm_span_sink jm_recorder_span_sink(struct jm_recorder *r)
{
	return (struct jm_span_sink){.name = locked_name, .write = locked_write, .ctx = r, .shapes = locked_shapes};
}

int jm_span_name(struct jm_recorder *r, const char *name, const char *type, uint32_t *id_out)
{
	return locked_name(r, name, strlen(name), type, type ? strlen(type) : 0, id_out);
}

int jm_span_shapes(struct jm_recorder *r, uint32_t name_id, const char *shapes, struct jm_error *err)
{
	struct jm_operands *operands = malloc(sizeof(*operands));
	bool is_known;
	int rc = !operands ? JM_E_NOMEM : shapes ? jm_operands_parse(shapes, operands) : JM_E_FORMAT;

	free(operands);
	if (rc)
		return jm_error_set(err, rc == JM_E_NOMEM ? rc : JM_E_INVALID, "these are no operands: '%.200s'",
				    shapes ? shapes : "");
	pthread_mutex_lock(&r->lock);
	is_known = name_id < r->n_names;
	pthread_mutex_unlock(&r->lock);
	if (!is_known || strlen(shapes) > JM_TEXT_BYTES_MAX / 4)
		return jm_error_set(err, JM_E_INVALID, "operands of %s",
				    is_known ? "so many bytes are not kept" : "a name that jm_span_name did not give");
	rc = locked_shapes(r, name_id, shapes);
	return rc ? jm_error_set(err, rc, "the operands cannot be kept") : 0;
}

/* What the writer would refuse ends a recording, so it must not get there. */
static const char *fault_of(const struct jm_recorder *r, const struct jm_timed_span *s)
{
	if (s->end_ns < s->start_ns)
		return "it ends before it starts";
	if (!jm_span_kind_is_known(s->kind))
		return "its kind is unknown";
	if (s->flags & ~JM_SPAN_FLAGS)
		return "it has an unknown flag";
	return s->name_id < r->n_names ? NULL : "its name is not one that jm_span_name gave";
}

static int check_spans(struct jm_recorder *r, const struct jm_timed_span *spans, size_t n, struct jm_error *err)
{
	const char *fault = NULL;
	size_t i;

	pthread_mutex_lock(&r->lock);
	for (i = 0; i < n && !fault; i++)
		fault = fault_of(r, &spans[i]);
	pthread_mutex_unlock(&r->lock);
	return fault ? jm_error_set(err, JM_E_INVALID, "span %zu of %zu cannot be added: %s", i - 1, n, fault) : 0;
}

static int write_timed(struct jm_recorder *r, uint32_t track, const struct jm_timed_span *spans, size_t n)
{
	struct jm_span batch[ADD_SPANS];
	size_t i;

	for (i = 0; i < n; i++)
		batch[i] = (struct jm_span){.start_ns = spans[i].start_ns,
					    .end_ns = spans[i].end_ns,
					    .name = spans[i].name_id,
					    .track = track,
					    .iteration = spans[i].iteration,
					    .kind = (uint8_t)spans[i].kind,
					    .flags = (uint8_t)spans[i].flags};
	return locked_write(r, batch, n);
}

int jm_spans_add(struct jm_recorder *r, const struct jm_track *track, const struct jm_timed_span *spans, size_t n,
		 struct jm_error *err)
{
	uint32_t number = track ? jm_track_number(track) : 0;
	int rc = check_spans(r, spans, n, err);
	size_t done;

	if (rc)
		return rc;
	for (done = 0; done < n && rc == 0; done += ADD_SPANS)
		rc = write_timed(r, number, spans + done, n - done < ADD_SPANS ? n - done : ADD_SPANS);
	if (rc == 0 || jm_recorder_status(r, err))
		return rc;
	return jm_error_set(err, rc, "spans cannot be added: %s",
			    rc == JM_E_INVALID ? "the recording has ended" : jm_error_text(rc));
}
