/* A ring of fixed-size records between one writing thread and one reading thread. No locks, no waiting: a full ring
 * refuses, and the writer counts what it lost. */
#ifndef CORE_RING_H
#define CORE_RING_H

#include "joulemap/joulemap.h"

#include <stdatomic.h>

struct jm_ring {
	unsigned char *data;
	size_t record_size, capacity;     /* capacity: records, a power of two */
	_Alignas(64) _Atomic size_t head; /* written by the writer: records ever put */
	size_t tail_seen;                 /* writer's own copy of tail */
	_Alignas(64) _Atomic size_t tail; /* written by the reader: records ever taken */
};

/* capacity is rounded up to a power of two. Errors: JM_E_NOMEM. */
int jm_ring_init(struct jm_ring *ring, size_t record_size, size_t capacity);
void jm_ring_finish(struct jm_ring *ring);

/* Writer. Puts n records, all or none. Errors: JM_E_FULL. */
int jm_ring_put(struct jm_ring *ring, const void *records, size_t n);

/* Reader. Takes at most max records into out; gives how many. */
size_t jm_ring_take(struct jm_ring *ring, void *out, size_t max);

#endif
