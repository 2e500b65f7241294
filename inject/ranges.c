#define _GNU_SOURCE
#include "cuda.h"
#include "encode.h"
#include "trace/cuda_activity.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEPTH_MAX 128

struct open_range {
	const void *domain;
	uint64_t id;
};

/* The open ranges of a thread. Deeper ones are only counted, so that their pops are told from others. */
static _Thread_local struct {
	uint32_t depth, n_deeper, thread;
	struct open_range items[DEPTH_MAX];
} own;

static _Atomic uint64_t last_id;

static uint32_t thread_number(void)
{
	if (!own.thread)
		own.thread = (uint32_t)syscall(SYS_gettid);
	return own.thread;
}

static uint64_t write_begin(const char *name, uint32_t thread, uint64_t parent)
{
	uint8_t record[JM_ACTIVITY_RANGE_BEGIN_BYTES] = {0};
	uint64_t id = atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;

	put_u16(record, JM_ACTIVITY_RANGE_BEGIN);
	put_u16(record + 2, sizeof(record));
	put_u32(record + 4, jm_activity_name(jm_cuda.file, name));
	put_u64(record + 8, id);
	put_u64(record + 16, clock_ns(CLOCK_MONOTONIC));
	put_u32(record + 24, thread);
	put_u64(record + 32, parent);
	jm_activity_append(jm_cuda.file, record, sizeof(record));
	return id;
}

static void write_end(uint64_t id)
{
	uint8_t record[JM_ACTIVITY_RANGE_END_BYTES] = {0};

	put_u16(record, JM_ACTIVITY_RANGE_END);
	put_u16(record + 2, sizeof(record));
	put_u64(record + 8, id);
	put_u64(record + 16, clock_ns(CLOCK_MONOTONIC));
	jm_activity_append(jm_cuda.file, record, sizeof(record));
}

void jm_ranges_push(const void *domain, const char *name)
{
	uint64_t parent, id;

	if (!is_recording())
		return;
	if (own.depth == DEPTH_MAX) {
		own.n_deeper++;
		return;
	}
	jm_launches_want();
	parent = own.depth ? own.items[own.depth - 1].id : 0;
	id = write_begin(name ? name : "", thread_number(), parent);
	jm_cuda.cupti.push(CUPTI_EXTERNAL_CUSTOM2, id);
	own.items[own.depth++] = (struct open_range){domain, id};
}

/* CUPTI's stack of ids is followed: those above the one that ends are laid back on it. */
static void take_out(uint32_t at)
{
	uint64_t id;
	uint32_t i;

	for (i = at; i < own.depth; i++)
		jm_cuda.cupti.pop(CUPTI_EXTERNAL_CUSTOM2, &id);
	own.depth--;
	memmove(&own.items[at], &own.items[at + 1], (own.depth - at) * sizeof(own.items[0]));
	for (i = at; i < own.depth; i++)
		jm_cuda.cupti.push(CUPTI_EXTERNAL_CUSTOM2, own.items[i].id);
}

void jm_ranges_pop(const void *domain)
{
	uint32_t at = own.depth;

	if (own.n_deeper) {
		own.n_deeper--;
		return;
	}
	/* Each domain of NVTX has a stack of its own. */
	while (at > 0 && own.items[at - 1].domain != domain)
		at--;
	if (at == 0)
		return;
	write_end(own.items[at - 1].id);
	take_out(at - 1);
}

uint64_t jm_ranges_start(const char *name)
{
	return is_recording() ? write_begin(name ? name : "", 0, 0) : 0;
}

void jm_ranges_end(uint64_t id)
{
	if (id)
		write_end(id);
}
