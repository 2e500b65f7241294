/* Where samples and spans go: the recording, a live view, an array in a test. A stage never knows which. */
#ifndef CORE_SINK_H
#define CORE_SINK_H

#include "core/sample.h"
#include "core/span.h"

/* samples: n entries, times not decreasing within a channel. Gives 0 or a negative JM_E_ code, which ends the run. */
struct jm_sample_sink {
	int (*write)(void *ctx, const struct jm_sample *samples, size_t n);
	void *ctx;
};

struct jm_span_sink {
	/* Gives the index of a name, to be used in spans. text, type: n bytes, need not be terminated; type may be
	 * NULL. */
	int (*name)(void *ctx, const char *text, size_t text_n, const char *type, size_t type_n, uint32_t *index_out);
	int (*write)(void *ctx, const struct jm_span *spans, size_t n);
	void *ctx;
	/* Says what a layer of that name takes and gives, as jm_operands_parse reads it; once a name, before or after its spans.
	 * NULL: nobody wants to know. */
	int (*shapes)(void *ctx, uint32_t name, const char *text);
};

#endif
