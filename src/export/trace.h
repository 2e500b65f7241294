/* Traces for viewers: counters above nested slices. The session tells what there is, in order; a writer knows one format; in
 * between, overlapping spans are laid on lanes of their own, and text leaves in pieces, so that memory does not grow with the
 * recording. */
#ifndef EXPORT_TRACE_H
#define EXPORT_TRACE_H

#include "core/text.h"

/* One fact of a slice, or of the whole. text NULL: number, which is finite; is_whole: a count. */
struct jm_trace_arg {
	const char *key;
	const char *text;
	double number;
	bool is_whole;
};

enum jm_trace_track_kind { JM_TRACE_COUNTER, JM_TRACE_THREAD };

/* What slices or values stand on. id: from 1, each once; they are shown in that order. unit: of counters. */
struct jm_trace_track {
	uint32_t id;
	enum jm_trace_track_kind kind;
	const char *name, *unit;
};

/* category: kind of the span; args: n_args of them, borrowed. */
struct jm_trace_slice {
	int64_t start_ns, end_ns;
	const char *name, *category;
	const struct jm_trace_arg *args;
	size_t n_args;
};

struct jm_trace;

/* A format. Texts are any bytes; times CLOCK_MONOTONIC; slices of a track come nested, in order, each begin with its end. */
struct jm_trace_writer {
	void (*begin)(struct jm_trace *t);
	void (*track)(struct jm_trace *t, const struct jm_trace_track *track);
	void (*value)(struct jm_trace *t, const struct jm_trace_track *track, int64_t t_ns, double value);
	void (*begin_slice)(struct jm_trace *t, uint32_t track, const struct jm_trace_slice *slice);
	void (*end_slice)(struct jm_trace *t, uint32_t track, int64_t t_ns);
	void (*end)(struct jm_trace *t, const struct jm_trace_arg *facts, size_t n_facts);
	void (*finish)(struct jm_trace *t); /* frees state; may be NULL */
};

/* What a trace is of. */
struct jm_trace_head {
	const char *process; /* what ran */
	int64_t origin_ns;   /* CLOCK_MONOTONIC: no event is earlier */
	bool has_wall_clock;
	int64_t wall_minus_monotonic_ns;
	uint64_t identity; /* of this recording: tells its tracks from those of others */
};

#define JM_TRACE_LANES 64

/* Slices that run side by side on one track of the recording. */
struct jm_trace_lane {
	uint32_t track;
	int64_t *ends_ns; /* of the open slices, outermost first */
	size_t n, capacity;
};

struct jm_trace {
	const struct jm_trace_writer *writer;
	struct jm_trace_head head;
	struct jm_buffer out;
	int rc; /* first failure; nothing is written after it */
	jm_write_fn write;
	void *ctx;
	uint32_t n_tracks;
	char lane_name[256];
	struct jm_trace_lane lanes[JM_TRACE_LANES];
	size_t n_lanes;
	uint64_t n_slices, n_values, n_left_out; /* left out: slices for which there was no lane */
	void *state;                             /* of the writer */
	bool has_event;                          /* of the writer: a comma is due */
};

/* Begins a trace; t is overwritten. Then tracks and values, then slices; jm_trace_end in every case. */
void jm_trace_begin(struct jm_trace *t, const struct jm_trace_writer *writer, const struct jm_trace_head *head,
		    jm_write_fn write, void *ctx);
/* Adds a counter; its values follow. Gives its track. */
struct jm_trace_track jm_trace_counter(struct jm_trace *t, const char *name, const char *unit);
void jm_trace_value(struct jm_trace *t, const struct jm_trace_track *counter, int64_t t_ns, double value);
/* Begins a thread of slices of that name; the one before it is over. */
void jm_trace_thread(struct jm_trace *t, const char *name);
/* Adds a slice to the thread: in order of (start, -end). Those that overlap without nesting go to a lane beside. */
void jm_trace_slice(struct jm_trace *t, const struct jm_trace_slice *slice);
/* Ends the trace, gives its facts, frees. Gives 0, JM_E_NOMEM, or JM_E_CANCELLED when write stopped it. */
int jm_trace_end(struct jm_trace *t, const struct jm_trace_arg *facts, size_t n_facts);

#endif
