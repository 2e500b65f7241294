/* The inside of libjoulemap_cuda.so: one recording a process. */
#ifndef INJECT_CUDA_H
#define INJECT_CUDA_H

#include "activity_file.h"
#include "cupti.h"
#include "joulemap_cuda.h"

#include <pthread.h>
#include <stdatomic.h>

/* The one state of the process: what CUDA injects has no caller that could hold it. */
struct cuda {
	pthread_mutex_t lock; /* of starting and stopping, and of the members that are not atomic */
	struct cupti cupti;   /* loaded once, stays */
	bool is_loaded, has_hooks;
	bool has_our_clock;         /* CUPTI was given CLOCK_MONOTONIC */
	struct activity_file *file; /* made once, stays */
	pthread_t ticker;
	pthread_cond_t tick;
	bool is_ticking, is_ending;
	char text[768]; /* of the status */
	_Atomic int status;
	_Atomic bool has_ranges;  /* launches are told their range */
	bool has_all_calls;       /* and all calls are recorded for it */
	uint64_t n_before_ranges; /* activities */
	_Atomic uint64_t n_activities, n_launches, n_dropped;
	_Atomic uint64_t devices;  /* bit i: device i has run something */
	uint64_t devices_said;     /* ticker, and stop after it */
	_Atomic int64_t n_buffers; /* with CUPTI */
};

extern struct cuda jm_cuda;

static inline bool is_recording(void)
{
	return atomic_load_explicit(&jm_cuda.status, memory_order_acquire) == JM_CUDA_RECORDING;
}

/* buffers.c: CUPTI's buffers, and their records as those of the activity file. */
void jm_buffers_request(uint8_t **buffer, size_t *size, size_t *n_records_max);
void jm_buffers_complete(void *context, uint32_t stream, uint8_t *buffer, size_t size, size_t n_valid);

/* devices.c: describes the devices that have run something and are not described yet. lock is held. */
void jm_devices_say(void);

/* ranges.c. domain: of NVTX; NULL: the default one and our own. */
void jm_ranges_push(const void *domain, const char *name);
void jm_ranges_pop(const void *domain);
/* Ranges of the process, not of a thread: they have times only. Gives the id for the end. */
uint64_t jm_ranges_start(const char *name);
void jm_ranges_end(uint64_t id);

/* cuda.c: starts into JOULEMAP_CUDA_FOLDER, if it is set. */
void jm_cuda_start_by_environment(void);
/* launches.c: has launches told their range, from the first range on. Any thread. */
void jm_launches_want(void);
/* Turns that on or off; and on for good where it does not work as hoped. lock is held. */
void jm_launches_record(bool is_wanted);
void jm_launches_check(void);

#endif
