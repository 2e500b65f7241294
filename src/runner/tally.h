/* Adds up the layer times that pass by on their way to the recording. */
#ifndef RUNNER_TALLY_H
#define RUNNER_TALLY_H

#include "core/sink.h"

struct jm_tally_layer {
	char *name, *type;
	uint32_t index; /* of the name in the recording */
	int64_t total_ns;
	uint64_t n; /* spans */
};

struct jm_tally {
	struct jm_span_sink next;
	struct jm_tally_layer *layers; /* n entries, in order of appearance */
	size_t n, capacity;
	uint32_t *layer_of_index; /* n_indexes entries; UINT32_MAX: none */
	size_t n_indexes;
};

/* next: gets all that comes through. */
void jm_tally_init(struct jm_tally *t, struct jm_span_sink next);
void jm_tally_finish(struct jm_tally *t);

/* Gives the sink that tallies JM_SPAN_LAYER spans and hands all on to next. */
struct jm_span_sink jm_tally_sink(struct jm_tally *t);

/* Sorts the layers by time, longest first. No spans may be written afterwards. */
void jm_tally_sort(struct jm_tally *t);

#endif
