#include "export/trace.h"

#include "core/grow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES ((size_t)1 << 16)

/* Gives what has been gathered to whoever wants the text. */
static void flush(struct jm_trace *t, size_t least)
{
	if (t->out.is_failed && t->rc == 0)
		t->rc = JM_E_NOMEM;
	if (t->out.n < least)
		return;
	if (t->rc == 0 && t->out.n > 0 && t->write(t->ctx, t->out.data, t->out.n))
		t->rc = JM_E_CANCELLED;
	t->out.n = 0;
}

void jm_trace_begin(struct jm_trace *t, const struct jm_trace_writer *writer, const struct jm_trace_head *head,
		    jm_write_fn write, void *ctx)
{
	memset(t, 0, sizeof(*t));
	t->writer = writer;
	t->head = *head;
	t->write = write;
	t->ctx = ctx;
	writer->begin(t);
	flush(t, PIECE_BYTES);
}

struct jm_trace_track jm_trace_counter(struct jm_trace *t, const char *name, const char *unit)
{
	struct jm_trace_track track = {.id = ++t->n_tracks, .kind = JM_TRACE_COUNTER, .name = name, .unit = unit};

	t->writer->track(t, &track);
	flush(t, PIECE_BYTES);
	return track;
}

void jm_trace_value(struct jm_trace *t, const struct jm_trace_track *counter, int64_t t_ns, double value)
{
	if (!isfinite(value))
		return;
	/* The first reading's cause may lie before it, and so before all that was recorded. */
	t->writer->value(t, counter, t_ns > t->head.origin_ns ? t_ns : t->head.origin_ns, value);
	t->n_values++;
	flush(t, PIECE_BYTES);
}

/* Ends the slices of a lane that are over at t_ns, innermost first. */
static void close_until(struct jm_trace *t, struct jm_trace_lane *lane, int64_t t_ns)
{
	while (lane->n > 0 && lane->ends_ns[lane->n - 1] <= t_ns) {
		lane->n--;
		t->writer->end_slice(t, lane->track, lane->ends_ns[lane->n]);
	}
}

static void close_all(struct jm_trace *t)
{
	size_t i;

	for (i = 0; i < t->n_lanes; i++)
		close_until(t, &t->lanes[i], INT64_MAX);
	t->n_lanes = 0;
}

void jm_trace_thread(struct jm_trace *t, const char *name)
{
	close_all(t);
	snprintf(t->lane_name, sizeof(t->lane_name), "%s", name);
	flush(t, PIECE_BYTES);
}

static struct jm_trace_lane *add_lane(struct jm_trace *t)
{
	struct jm_trace_lane *lane = &t->lanes[t->n_lanes];
	char name[sizeof(t->lane_name) + 32];

	if (t->n_lanes == JM_TRACE_LANES)
		return NULL;
	if (t->n_lanes++ == 0)
		snprintf(name, sizeof(name), "%s", t->lane_name);
	else
		snprintf(name, sizeof(name), "%s (beside, %zu)", t->lane_name, t->n_lanes);
	lane->track = ++t->n_tracks;
	lane->n = 0;
	t->writer->track(t, &(struct jm_trace_track){.id = lane->track, .kind = JM_TRACE_THREAD, .name = name});
	return lane;
}

/* Gives the first lane in which the slice nests or follows. NULL: none is left. */
static struct jm_trace_lane *find_lane(struct jm_trace *t, const struct jm_trace_slice *slice)
{
	size_t i;

	for (i = 0; i < t->n_lanes; i++) {
		struct jm_trace_lane *lane = &t->lanes[i];

		close_until(t, lane, slice->start_ns);
		if (lane->n == 0 || lane->ends_ns[lane->n - 1] >= slice->end_ns)
			return lane;
	}
	return add_lane(t);
}

void jm_trace_slice(struct jm_trace *t, const struct jm_trace_slice *slice)
{
	struct jm_trace_lane *lane = find_lane(t, slice);

	if (!lane) {
		t->n_left_out++;
		return;
	}
	if (!jm_grow(&lane->ends_ns, &lane->capacity, lane->n, sizeof(*lane->ends_ns))) {
		t->rc = t->rc ? t->rc : JM_E_NOMEM;
		return;
	}
	lane->ends_ns[lane->n++] = slice->end_ns;
	t->writer->begin_slice(t, lane->track, slice);
	t->n_slices++;
	flush(t, PIECE_BYTES);
}

int jm_trace_end(struct jm_trace *t, const struct jm_trace_arg *facts, size_t n_facts)
{
	size_t i;

	close_all(t);
	t->writer->end(t, facts, n_facts);
	flush(t, 0);
	if (t->writer->finish)
		t->writer->finish(t);
	for (i = 0; i < JM_TRACE_LANES; i++)
		free(t->lanes[i].ends_ns);
	jm_buffer_finish(&t->out);
	return t->rc;
}
