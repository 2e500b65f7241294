#define _GNU_SOURCE
#include "session/marker.h"

#include "core/ring.h"
#include "core/units.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define DEPTH_MAX   64
#define RING_SPANS  (1 << 14)
#define DRAIN_SPANS 256

struct open_span {
	int64_t start_ns;
	uint32_t name;
};

struct jm_track {
	struct jm_ring ring;
	uint32_t number;
	uint32_t depth; /* owner thread, like the stack */
	struct open_span stack[DEPTH_MAX];
	_Alignas(64) _Atomic uint64_t n_lost; /* owner writes, drain reads */
};

int64_t jm_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * JM_NS_PER_S + t.tv_nsec;
}

static void lose(struct jm_track *t)
{
	atomic_store_explicit(&t->n_lost, atomic_load_explicit(&t->n_lost, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

void jm_span_begin(struct jm_track *t, uint32_t name_id)
{
	if (t->depth >= DEPTH_MAX) {
		/* Counted, so that the ends that belong to these are told from others. */
		t->depth++;
		lose(t);
		return;
	}
	t->stack[t->depth].name = name_id;
	t->stack[t->depth].start_ns = jm_now_ns();
	t->depth++;
}

void jm_span_end(struct jm_track *t)
{
	struct jm_span span;

	if (t->depth == 0) {
		lose(t);
		return;
	}
	if (--t->depth >= DEPTH_MAX)
		return;
	span = (struct jm_span){
	    .start_ns = t->stack[t->depth].start_ns,
	    .end_ns = jm_now_ns(),
	    .name = t->stack[t->depth].name,
	    .track = t->number,
	    .iteration = JM_NO_ITERATION,
	    .kind = JM_SPAN_REGION,
	};
	if (jm_ring_put(&t->ring, &span, 1))
		lose(t);
}

int jm_track_create(uint32_t number, struct jm_track **out)
{
	struct jm_track *t = aligned_alloc(64, (sizeof(*t) + 63) / 64 * 64);
	int rc;

	if (!t)
		return JM_E_NOMEM;
	*t = (struct jm_track){.number = number};
	rc = jm_ring_init(&t->ring, sizeof(struct jm_span), RING_SPANS);
	if (rc) {
		free(t);
		return rc;
	}
	*out = t;
	return 0;
}

int jm_track_drain(struct jm_track *t, struct jm_span_sink *sink)
{
	struct jm_span spans[DRAIN_SPANS];
	size_t n;
	int rc = 0;

	while ((n = jm_ring_take(&t->ring, spans, DRAIN_SPANS)) > 0)
		if (rc == 0)
			rc = sink->write(sink->ctx, spans, n);
	return rc;
}

uint64_t jm_track_n_lost(const struct jm_track *t)
{
	return atomic_load_explicit(&t->n_lost, memory_order_relaxed);
}

uint32_t jm_track_number(const struct jm_track *t)
{
	return t->number;
}

void jm_track_destroy(struct jm_track *t)
{
	if (!t)
		return;
	jm_ring_finish(&t->ring);
	free(t);
}
