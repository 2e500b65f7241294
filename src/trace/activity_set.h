/* What the readers of one recording share; for activity_set.c, activity_reader.c and activity_clock.c alone. */
#ifndef TRACE_ACTIVITY_SET_H
#define TRACE_ACTIVITY_SET_H

#include "trace/activity_reader.h"
#include "trace/emit.h"

#define JM_ACTIVITY_UNNAMED UINT32_MAX

/* A name of a program, once for all files. Indices into the span sink's table, JM_ACTIVITY_UNNAMED until needed. */
struct jm_activity_text {
	char *shown; /* of a kernel: short and unlike all others; NULL until needed */
	uint32_t kernel, range;
};

struct jm_activity_totals {
	uint64_t n_processes, n_kernels, n_copies, n_ranges, n_dropped, n_without_time, n_in_ranges;
	int64_t residual_ns; /* of the tie of the clocks: worst miss of a prediction */
	int64_t ahead_ns;    /* worst violation of cause before effect */
};

struct jm_activity_set {
	struct jm_trace_output *out;
	struct jm_emit emit;
	struct jm_names texts;          /* as the program calls them */
	struct jm_activity_text *items; /* texts.n entries */
	size_t capacity;
	struct jm_names shown; /* short names that are taken */
	uint32_t next_track;
	struct jm_activity_totals totals;
};

/* Gives the index of a text in set->items. Errors: JM_E_NOMEM. */
int jm_activity_text(struct jm_activity_set *set, const char *text, size_t n, uint32_t *index_out);
/* Gives the span name of a kernel. graph 0: none. */
uint32_t jm_activity_kernel_name(struct jm_activity_set *set, uint32_t text, uint32_t graph);
uint32_t jm_activity_copy_name(struct jm_activity_set *set, const char *what, uint32_t graph);
uint32_t jm_activity_range_name(struct jm_activity_set *set, uint32_t text);

/* Streams of devices and threads of a process, each a track of the recording. device JM_ACTIVITY_THREAD: stream is a
 * thread's number. */
#define JM_ACTIVITY_THREAD UINT32_MAX

struct jm_activity_track {
	uint32_t device, context, stream, number;
};

struct jm_activity_device {
	uint32_t number;
	char *bus_id;
};

struct jm_activity_tracks {
	struct jm_activity_set *set;
	uint32_t pid;
	struct jm_activity_track *items;
	size_t n, last;
	struct jm_activity_device *devices;
	size_t n_devices;
};

/* Gives the number of a track, which is described in the meta if it is new. Errors: JM_E_NOMEM. */
int jm_activity_track(struct jm_activity_tracks *t, uint32_t device, uint32_t context, uint32_t stream,
		      uint32_t *number_out);
/* Takes what the file says of a device: "PCI bus id,name", n bytes. Errors: JM_E_NOMEM. */
int jm_activity_device(struct jm_activity_tracks *t, uint32_t device, const char *text, size_t n);
void jm_activity_tracks_finish(struct jm_activity_tracks *t);

/* The tie of CUPTI's clock to ours: a line between two readings of both. */
#define JM_ACTIVITY_ANCHORS 8

struct jm_activity_anchor {
	int64_t theirs_ns, ours_ns, half_width_ns;
};

struct jm_activity_clock {
	struct jm_activity_anchor first, last[JM_ACTIVITY_ANCHORS]; /* last: oldest first */
	size_t n_last;
	uint64_t n;
	int64_t residual_ns; /* worst miss of the line through the two before */
};

/* Takes a reading of their clock between two of ours, ns. */
void jm_activity_clock_add(struct jm_activity_clock *c, int64_t before_ns, int64_t theirs_ns, int64_t after_ns);
/* Gives our time of theirs. Without an anchor: the same. */
int64_t jm_activity_clock_tie(const struct jm_activity_clock *c, int64_t theirs_ns);

#endif
