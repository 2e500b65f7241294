#include "core/ring.h"

#include <stdlib.h>
#include <string.h>

int jm_ring_init(struct jm_ring *ring, size_t record_size, size_t capacity)
{
	size_t rounded = 1;

	memset(ring, 0, sizeof(*ring));
	if (record_size == 0 || capacity == 0 || capacity > SIZE_MAX / 4 / record_size)
		return JM_E_INVALID;
	while (rounded < capacity)
		rounded *= 2;
	ring->data = malloc(rounded * record_size);
	if (!ring->data)
		return JM_E_NOMEM;
	ring->record_size = record_size;
	ring->capacity = rounded;
	return 0;
}

void jm_ring_finish(struct jm_ring *ring)
{
	free(ring->data);
	ring->data = NULL;
	ring->capacity = 0;
}

static void copy_in(struct jm_ring *ring, size_t at, const unsigned char *records, size_t n)
{
	size_t start = at & (ring->capacity - 1);
	size_t first = ring->capacity - start < n ? ring->capacity - start : n;

	memcpy(ring->data + start * ring->record_size, records, first * ring->record_size);
	memcpy(ring->data, records + first * ring->record_size, (n - first) * ring->record_size);
}

int jm_ring_put(struct jm_ring *ring, const void *records, size_t n)
{
	size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (ring->capacity - (head - ring->tail_seen) < n) {
		ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
		if (ring->capacity - (head - ring->tail_seen) < n)
			return JM_E_FULL;
	}
	copy_in(ring, head, records, n);
	atomic_store_explicit(&ring->head, head + n, memory_order_release);
	return 0;
}

size_t jm_ring_take(struct jm_ring *ring, void *out, size_t max)
{
	size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	size_t n = atomic_load_explicit(&ring->head, memory_order_acquire) - tail;
	size_t start = tail & (ring->capacity - 1);
	size_t first;

	if (n > max)
		n = max;
	first = ring->capacity - start < n ? ring->capacity - start : n;
	memcpy(out, ring->data + start * ring->record_size, first * ring->record_size);
	memcpy((unsigned char *)out + first * ring->record_size, ring->data, (n - first) * ring->record_size);
	atomic_store_explicit(&ring->tail, tail + n, memory_order_release);
	return n;
}
