#define _GNU_SOURCE
#include "cuda.h"

#include "encode.h"
#include "trace/cuda_activity.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So often what CUPTI has complete goes to the file: a process that is killed loses this much. */
#define TICK_NS 500000000u

struct cuda jm_cuda = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .tick = PTHREAD_COND_INITIALIZER, .status = JM_CUDA_NOT_STARTED};

static const uint32_t kinds[] = {CUPTI_KIND_CONCURRENT_KERNEL, CUPTI_KIND_MEMCPY, CUPTI_KIND_MEMCPY2,
				 CUPTI_KIND_MEMSET};
#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *status_text(int status)
{
	switch (status) {
#define STATUS_TEXT(name, number, text)                                                                                \
	case number:                                                                                                   \
		return text;
		JM_CUDA_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
	}
	return "";
}

/* Sets the status, and writes it where there is a file. lock is held. Gives status. */
static int say(int status, const char *detail)
{
	snprintf(jm_cuda.text, sizeof(jm_cuda.text), "%s%s%s", status_text(status), detail && *detail ? ": " : "",
		 detail ? detail : "");
	jm_activity_append_text(jm_cuda.file, JM_ACTIVITY_STATUS, (uint32_t)status, jm_cuda.text);
	atomic_store_explicit(&jm_cuda.status, status, memory_order_release);
	return status;
}

static int say_cupti(uint32_t result, const char *what)
{
	const char *name = NULL;
	char detail[256];
	int status = JM_CUDA_FAILED;

	switch (result) {
	case CUPTI_MULTIPLE_SUBSCRIBERS:
	case CUPTI_OLD_PROFILER:
		status = JM_CUDA_IN_USE;
		break;
	case CUPTI_INSUFFICIENT_PRIVILEGES:
	case CUPTI_VIRTUALIZED_PRIVILEGES:
		status = JM_CUDA_NO_PRIVILEGE;
		break;
	case CUPTI_NOT_COMPATIBLE:
	case CUPTI_NOT_SUPPORTED:
	case CUPTI_VIRTUALIZED_NOT_SUPPORTED:
	case CUPTI_LEGACY_NOT_SUPPORTED:
	case CUPTI_CONFIDENTIAL_NOT_SUPPORTED:
	case CUPTI_WSL_NOT_SUPPORTED:
		status = JM_CUDA_NOT_SUPPORTED;
		break;
	}
	if (jm_cuda.cupti.result_text(result, &name) != CUPTI_OK || !name)
		name = "unknown error";
	snprintf(detail, sizeof(detail), "%s: %s (%u)", what, name, (unsigned)result);
	return say(status, detail);
}

/* The clock that CUPTI uses, where it can be told: ours. */
static uint64_t monotonic(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* Reads the two clocks one after the other, and writes what it read. Where CUPTI was given our clock and now uses another,
 * somebody else has registered theirs, and our buffers with it: torch.profiler does. lock is held. Gives false then. */
static bool tie_clocks(void)
{
	uint8_t record[JM_ACTIVITY_CLOCK_BYTES] = {0};
	uint64_t before = clock_ns(CLOCK_MONOTONIC), theirs, after;

	if (jm_cuda.cupti.timestamp(&theirs) != CUPTI_OK)
		return true;
	after = clock_ns(CLOCK_MONOTONIC);
	if (jm_cuda.has_our_clock && (theirs < before || theirs > after))
		return false;
	put_u16(record, JM_ACTIVITY_CLOCK);
	put_u16(record + 2, sizeof(record));
	put_u64(record + 8, before);
	put_u64(record + 16, theirs);
	put_u64(record + 24, after);
	jm_activity_append(jm_cuda.file, record, sizeof(record));
	return true;
}

static void write_end(void)
{
	uint8_t record[JM_ACTIVITY_END_BYTES] = {0};

	put_u16(record, JM_ACTIVITY_END);
	put_u16(record + 2, sizeof(record));
	put_u64(record + 8, clock_ns(CLOCK_MONOTONIC));
	put_u64(record + 16, jm_cuda.n_activities);
	jm_activity_append(jm_cuda.file, record, sizeof(record));
	jm_activity_close(jm_cuda.file);
}

static void disable(void)
{
	size_t i;

	for (i = 0; i < N_OF(kinds); i++)
		jm_cuda.cupti.disable(kinds[i]);
	jm_launches_record(false);
}

static void on_call(void *data, int domain, uint32_t id, const void *info)
{
	(void)data;
	(void)domain;
	(void)id;
	(void)info;
}

/* Another profiler holds CUPTI's only subscription: its activity records would end up with one of us, by chance. */
static uint32_t look_for_others(void)
{
	void (*callback)(void *, int, uint32_t, const void *) = on_call;
	void *subscriber = NULL, *address;
	uint32_t result;

	memcpy(&address, &callback, sizeof(address));
	result = jm_cuda.cupti.subscribe(&subscriber, address, NULL);
	if (result == CUPTI_OK)
		jm_cuda.cupti.unsubscribe(subscriber);
	return result;
}

/* lock is held. Gives a status. */
static int start_cupti(void)
{
	struct cupti *c = &jm_cuda.cupti;
	char why[640];
	uint32_t result, version = 0;
	size_t i;

	if (!jm_cuda.is_loaded && !jm_cupti_load(c, why, sizeof(why)))
		return say(JM_CUDA_NO_CUPTI, why);
	jm_cuda.is_loaded = true;
	if (c->version(&version) != CUPTI_OK || version < CUPTI_VERSION_11)
		return say(JM_CUDA_OLD_CUPTI, c->path);
	result = look_for_others();
	if (result != CUPTI_OK)
		return say_cupti(result, "looking for other profilers");
	jm_cuda.has_our_clock = c->clock && c->clock(monotonic) == CUPTI_OK;
	result = c->callbacks(jm_buffers_request, jm_buffers_complete);
	if (result != CUPTI_OK)
		return say_cupti(result, "registering buffers");
	for (i = 0; i < N_OF(kinds); i++) {
		result = c->enable(kinds[i]);
		if (result != CUPTI_OK) {
			disable();
			return say_cupti(result, "enabling the record of kernels and copies");
		}
	}
	snprintf(why, sizeof(why), "CUPTI API version %u, %s", (unsigned)version, c->path);
	return say(JM_CUDA_RECORDING, why);
}

/* CUPTI is left to the other profiler: to turn anything off would take its records from it. lock is held. */
static void give_way(void)
{
	say(JM_CUDA_TAKEN_OVER, "kernels after this moment are missing");
	write_end();
}

/* lock is held. */
static void bring_to_file(uint32_t flag)
{
	if (!tie_clocks()) {
		give_way();
		return;
	}
	jm_cuda.cupti.flush(flag);
	jm_launches_check();
	jm_devices_say();
	jm_activity_flush(jm_cuda.file);
	if (jm_activity_is_failed(jm_cuda.file) && is_recording()) {
		disable();
		say(JM_CUDA_IO, strerror(errno));
	}
}

static void *ticker(void *arg)
{
	(void)arg;
	pthread_setname_np(pthread_self(), "jm-cuda");
	pthread_mutex_lock(&jm_cuda.lock);
	while (!jm_cuda.is_ending) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += TICK_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (pthread_cond_timedwait(&jm_cuda.tick, &jm_cuda.lock, &until) == ETIMEDOUT && is_recording())
			bring_to_file(0);
	}
	pthread_mutex_unlock(&jm_cuda.lock);
	return NULL;
}

/* The thread gets no signals: they are the program's. lock is held. */
static void start_ticker(void)
{
	sigset_t all, before;

	if (jm_cuda.is_ticking)
		return;
	jm_cuda.is_ending = false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	jm_cuda.is_ticking = pthread_create(&jm_cuda.ticker, NULL, ticker, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The child of a fork has neither our threads nor the right to our file; CUDA does not work in it either if the parent
 * had initialised it. If not, and it is started by its environment, it begins anew. */
static void in_child(void)
{
	pthread_mutex_init(&jm_cuda.lock, NULL);
	pthread_cond_init(&jm_cuda.tick, NULL);
	if (jm_cuda.file)
		jm_activity_abandon(jm_cuda.file);
	jm_cuda.file = NULL;
	jm_cuda.is_ticking = false;
	jm_cuda.has_ranges = false;
	jm_cuda.status = JM_CUDA_NOT_STARTED;
}

/* lock is held. */
static bool prepare(void)
{
	if (!jm_cuda.file)
		jm_cuda.file = jm_activity_create();
	if (!jm_cuda.has_hooks) {
		pthread_atfork(NULL, NULL, in_child);
		atexit(jm_cuda_stop);
		jm_cuda.has_hooks = true;
	}
	return jm_cuda.file != NULL;
}

int jm_cuda_start(const char *folder)
{
	int status;

	pthread_mutex_lock(&jm_cuda.lock);
	status = jm_cuda.status;
	if (status == JM_CUDA_RECORDING) {
		pthread_mutex_unlock(&jm_cuda.lock);
		return status;
	}
	jm_cuda.n_activities = jm_cuda.n_dropped = 0;
	jm_cuda.devices = jm_cuda.devices_said = 0;
	if (!folder || !prepare() || !jm_activity_open(jm_cuda.file, folder)) {
		snprintf(jm_cuda.text, sizeof(jm_cuda.text), "%s: %s: %s", status_text(JM_CUDA_NO_FOLDER),
			 folder ? folder : "none given", strerror(errno));
		jm_cuda.status = status = JM_CUDA_NO_FOLDER;
	} else {
		status = start_cupti();
		if (status == JM_CUDA_RECORDING) {
			tie_clocks();
			start_ticker();
		} else {
			write_end();
		}
	}
	pthread_mutex_unlock(&jm_cuda.lock);
	return status;
}

static void end_ticker(void)
{
	pthread_t thread;

	pthread_mutex_lock(&jm_cuda.lock);
	jm_cuda.is_ending = true;
	thread = jm_cuda.ticker;
	if (!jm_cuda.is_ticking) {
		pthread_mutex_unlock(&jm_cuda.lock);
		return;
	}
	jm_cuda.is_ticking = false;
	pthread_cond_signal(&jm_cuda.tick);
	pthread_mutex_unlock(&jm_cuda.lock);
	pthread_join(thread, NULL);
}

void jm_cuda_stop(void)
{
	end_ticker();
	pthread_mutex_lock(&jm_cuda.lock);
	if (is_recording())
		bring_to_file(CUPTI_FLUSH_FORCED);
	if (is_recording()) {
		disable();
		tie_clocks();
		/* Where CUPTI has our clock, that tells (tie_clocks). Else a forced flush gives back every buffer with records in
		 * it, and those that are missing went to somebody else. */
		if (jm_cuda.n_buffers > 0 && !jm_cuda.has_our_clock)
			say(JM_CUDA_TAKEN_OVER, "some of its records are missing");
		else
			say(JM_CUDA_STOPPED, NULL);
		write_end();
	}
	pthread_mutex_unlock(&jm_cuda.lock);
}

void jm_cuda_flush(void)
{
	pthread_mutex_lock(&jm_cuda.lock);
	if (is_recording())
		bring_to_file(0);
	pthread_mutex_unlock(&jm_cuda.lock);
}

int jm_cuda_status(char *text, uint32_t size)
{
	int status;

	pthread_mutex_lock(&jm_cuda.lock);
	status = jm_cuda.status;
	if (text && size)
		snprintf(text, size, "%s", jm_cuda.text[0] ? jm_cuda.text : status_text(status));
	pthread_mutex_unlock(&jm_cuda.lock);
	return status;
}

uint64_t jm_cuda_n_dropped(void)
{
	return jm_cuda.n_dropped;
}

void jm_cuda_range_push(const char *name)
{
	jm_ranges_push(NULL, name);
}

void jm_cuda_range_pop(void)
{
	jm_ranges_pop(NULL);
}

void jm_cuda_start_by_environment(void)
{
	const char *folder = getenv("JOULEMAP_CUDA_FOLDER");

	if (folder && *folder)
		jm_cuda_start(folder);
}

int InitializeInjection(void)
{
	jm_cuda_start_by_environment();
	return 1;
}
