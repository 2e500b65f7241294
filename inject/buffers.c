#define _GNU_SOURCE
#include "cuda.h"
#include "encode.h"
#include "trace/cuda_activity.h"

#include <stdlib.h>

/* CUPTI's guide: 1 to 10 MB. Buffers go back and forth, each thread that launches holds one. */
#define BUFFER_BYTES (1u << 20)
/* More wait only when the file system does not keep up: then records are dropped, and counted. */
#define BUFFERS_MAX 256
#define KEPT_MAX    16
#define CHUNK_BYTES 16384

/* Buffers kept for the next request. */
static struct {
	pthread_mutex_t lock;
	uint8_t *items[KEPT_MAX];
	size_t n;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Records on their way to the file: one lock for many. */
struct chunk {
	size_t n;
	uint32_t last_launch;
	uint8_t bytes[CHUNK_BYTES];
};

static uint8_t *take_kept(void)
{
	uint8_t *buffer = NULL;

	pthread_mutex_lock(&kept.lock);
	if (kept.n)
		buffer = kept.items[--kept.n];
	pthread_mutex_unlock(&kept.lock);
	return buffer;
}

static void keep(uint8_t *buffer)
{
	pthread_mutex_lock(&kept.lock);
	if (kept.n < KEPT_MAX) {
		kept.items[kept.n++] = buffer;
		buffer = NULL;
	}
	pthread_mutex_unlock(&kept.lock);
	free(buffer);
}

void jm_buffers_request(uint8_t **buffer, size_t *size, size_t *n_records_max)
{
	uint32_t version = 0;
	bool may_refuse = jm_cuda.cupti.version(&version) == CUPTI_OK && version >= CUPTI_VERSION_12_9;

	*buffer = NULL;
	*size = 0;
	*n_records_max = 0;
	if (may_refuse && jm_cuda.n_buffers >= BUFFERS_MAX)
		return;
	*buffer = take_kept();
	if (!*buffer)
		*buffer = aligned_alloc(8, BUFFER_BYTES);
	if (!*buffer)
		return;
	*size = BUFFER_BYTES;
	jm_cuda.n_buffers++;
}

static void flush_chunk(struct chunk *c)
{
	if (c->n)
		jm_activity_append(jm_cuda.file, c->bytes, c->n);
	c->n = 0;
}

/* Gives room for a record, with its head. */
static uint8_t *add(struct chunk *c, unsigned type, unsigned n)
{
	uint8_t *at;

	if (c->n + n > sizeof(c->bytes))
		flush_chunk(c);
	at = c->bytes + c->n;
	put_u16(at, type);
	put_u16(at + 2, n);
	c->n += n;
	return at;
}

struct work {
	uint64_t start, end;
	uint32_t device, context, stream, correlation, graph;
};

static uint8_t *add_work(struct chunk *c, unsigned type, unsigned n, uint32_t what, const struct work *w)
{
	uint8_t *at = add(c, type, n);

	put_u32(at + JM_ACTIVITY_AT_WHAT, what);
	put_u64(at + JM_ACTIVITY_AT_START, w->start);
	put_u64(at + JM_ACTIVITY_AT_END, w->end);
	put_u32(at + JM_ACTIVITY_AT_DEVICE, w->device);
	put_u32(at + JM_ACTIVITY_AT_CONTEXT, w->context);
	put_u32(at + JM_ACTIVITY_AT_STREAM, w->stream);
	put_u32(at + JM_ACTIVITY_AT_CORRELATION, w->correlation);
	put_u32(at + JM_ACTIVITY_AT_GRAPH, w->graph);
	put_u32(at + JM_ACTIVITY_AT_GRAPH + 4, 0);
	if (w->device < 64)
		atomic_fetch_or_explicit(&jm_cuda.devices, UINT64_C(1) << w->device, memory_order_relaxed);
	atomic_fetch_add_explicit(&jm_cuda.n_activities, 1, memory_order_relaxed);
	return at;
}

#define WORK_OF(r)                                                                                                     \
	{                                                                                                              \
		(r)->start, (r)->end, (r)->device, (r)->context, (r)->stream, (r)->correlation, (r)->graph             \
	}

static void add_launch(struct chunk *c, const struct cupti_external *e)
{
	uint8_t *at;

	/* The runtime's call and the driver's inside of it are one launch. */
	if (e->external_kind != CUPTI_EXTERNAL_CUSTOM2 || e->correlation == c->last_launch)
		return;
	c->last_launch = e->correlation;
	atomic_fetch_add_explicit(&jm_cuda.n_launches, 1, memory_order_relaxed);
	at = add(c, JM_ACTIVITY_LAUNCH, JM_ACTIVITY_LAUNCH_BYTES);
	put_u32(at + 4, e->correlation);
	put_u64(at + 8, e->external);
}

static void translate(struct chunk *c, const struct cupti_record *record)
{
	const struct cupti_kernel *kernel = (const void *)record;
	const struct cupti_copy *copy = (const void *)record;
	const struct cupti_copy2 *copy2 = (const void *)record;
	const struct cupti_set *set = (const void *)record;
	uint8_t *at;

	switch (record->kind) {
	case CUPTI_KIND_CONCURRENT_KERNEL:
		add_work(c, JM_ACTIVITY_KERNEL, JM_ACTIVITY_KERNEL_BYTES, jm_activity_name(jm_cuda.file, kernel->name),
			 &(struct work)WORK_OF(kernel));
		break;
	case CUPTI_KIND_MEMCPY:
		at =
		    add_work(c, JM_ACTIVITY_COPY, JM_ACTIVITY_COPY_BYTES, copy->copy_kind, &(struct work)WORK_OF(copy));
		put_u64(at + JM_ACTIVITY_AT_BYTES, copy->bytes);
		break;
	case CUPTI_KIND_MEMCPY2:
		at = add_work(c, JM_ACTIVITY_COPY, JM_ACTIVITY_COPY_BYTES, copy2->copy_kind,
			      &(struct work)WORK_OF(copy2));
		put_u64(at + JM_ACTIVITY_AT_BYTES, copy2->bytes);
		break;
	case CUPTI_KIND_MEMSET:
		at = add_work(c, JM_ACTIVITY_SET, JM_ACTIVITY_SET_BYTES, 0, &(struct work)WORK_OF(set));
		put_u64(at + JM_ACTIVITY_AT_BYTES, set->bytes);
		break;
	case CUPTI_KIND_EXTERNAL_CORRELATION:
		add_launch(c, (const void *)record);
		break;
	default: /* calls: they only carry the external correlations */
		break;
	}
}

static void add_dropped(struct chunk *c)
{
	size_t n = 0;

	if (jm_cuda.cupti.n_dropped(NULL, 0, &n) != CUPTI_OK || !n)
		return;
	jm_cuda.n_dropped += n;
	put_u64(add(c, JM_ACTIVITY_DROPPED, JM_ACTIVITY_DROPPED_BYTES) + 8, n);
}

void jm_buffers_complete(void *context, uint32_t stream, uint8_t *buffer, size_t size, size_t n_valid)
{
	struct cupti_record *record = NULL;
	struct chunk c;

	(void)context;
	(void)stream;
	(void)size;
	if (!buffer)
		return;
	c.n = 0;
	c.last_launch = 0;
	while (n_valid && jm_cuda.cupti.next(buffer, n_valid, &record) == CUPTI_OK)
		translate(&c, record);
	add_dropped(&c);
	flush_chunk(&c);
	jm_cuda.n_buffers--;
	keep(buffer);
}
