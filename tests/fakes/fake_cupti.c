/* A stand-in for libcupti.so: as much of it as libjoulemap_cuda.so uses, and fake_cupti_work, by which a program without a
 * GPU says what its devices ran. The places of fields are written down once more here, as numbers, from NVIDIA's headers
 * (CUDA 13.0: CUpti_ActivityKernel10, Memcpy6, Memset4, ExternalCorrelation, API).
 *
 * FAKE_CUPTI, words: privilege, busy, old (what its functions answer), drop (3 records), keep (buffers are not given
 * back), coarse (to turn a single call off turns its kind off), skewed (a clock of its own that runs 0.7 ppm fast). fake_cupti_take_over: what another profiler does. */
#define _GNU_SOURCE
#include "fake_cupti.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Found by name, called by nobody here. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define API __attribute__((visibility("default")))

typedef void (*request_fn)(uint8_t **, size_t *, size_t *);
typedef void (*complete_fn)(void *, uint32_t, uint8_t *, size_t, size_t);

static struct {
	pthread_mutex_t lock;
	request_fn request;
	complete_fn complete;
	uint64_t (*clock)(void);
	bool enabled[64];
	uint8_t *buffer;
	size_t size, n;
	size_t n_dropped;
	uint32_t correlation;
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local uint64_t externals[256];
static _Thread_local size_t n_externals;

uint32_t cuptiActivityFlushAll(uint32_t flag);

static bool is_told(const char *word)
{
	const char *words = getenv("FAKE_CUPTI");

	return words && strstr(words, word);
}

static uint64_t now(void)
{
	struct timespec t;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &t);
	ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	if (is_told("skewed"))
		return ns + ns / 10000000 * 7 + UINT64_C(1700000000000000000);
	return fake.clock ? fake.clock() : ns;
}

static size_t size_of(uint32_t kind)
{
	static const size_t sizes[64] = {[1] = 96, [2] = 88, [4] = 40, [5] = 40, [10] = 224, [22] = 96, [39] = 24};

	return kind < 64 ? sizes[kind] : 0;
}

/* Gives room for a record, zeroed but for its kind; NULL: dropped. lock is held. */
static uint8_t *add(uint32_t kind)
{
	size_t size = size_of(kind), n_max = 0;
	uint8_t *at;

	if (!fake.enabled[kind])
		return NULL;
	if (fake.buffer && fake.n + size > fake.size) {
		fake.complete(NULL, 0, fake.buffer, fake.size, fake.n);
		fake.buffer = NULL;
	}
	if (!fake.buffer) {
		fake.request(&fake.buffer, &fake.size, &n_max);
		fake.n = 0;
	}
	if (!fake.buffer) {
		fake.n_dropped++;
		return NULL;
	}
	at = fake.buffer + fake.n;
	memset(at, 0, size);
	memcpy(at, &kind, 4);
	fake.n += size;
	return at;
}

static void put_u32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, 4);
}

static void put_u64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, 8);
}

static void add_call(uint32_t correlation)
{
	uint8_t *at = fake.enabled[5] && n_externals ? add(39) : NULL;

	if (at) {
		put_u32(at + 4, 5);
		put_u64(at + 8, externals[n_externals - 1]);
		put_u32(at + 16, correlation);
	}
	at = add(5);
	if (at)
		put_u32(at + 32, correlation);
}

static void add_times(uint8_t *at, const struct fake_work *w)
{
	put_u64(at + 16, w->start_ns);
	put_u64(at + 24, w->end_ns);
}

API void fake_cupti_work(const struct fake_work *w)
{
	uint32_t kind = w->name ? 10 : w->copy_kind ? 1 : 2;
	uint8_t *at;

	pthread_mutex_lock(&fake.lock);
	if (!w->is_same_launch)
		add_call(++fake.correlation);
	at = add(kind);
	if (at) {
		size_t ids = kind == 10 ? 40 : 32;

		add_times(at, w);
		put_u32(at + ids, w->device);
		put_u32(at + ids + 4, 1);
		put_u32(at + ids + 8, w->stream);
		put_u32(at + (kind == 10 ? 92 : 44), fake.correlation);
		put_u32(at + (kind == 10 ? 156 : 72), w->graph);
		if (kind == 10)
			memcpy(at + 104, &w->name, sizeof(w->name));
		else
			put_u64(at + 8, w->bytes);
		if (kind == 1)
			at[4] = (uint8_t)w->copy_kind;
	}
	pthread_mutex_unlock(&fake.lock);
}

static uint64_t their_clock(void)
{
	return 12345;
}

/* Records until here reach their reader; later ones are not ours. */
API void fake_cupti_take_over(void)
{
	cuptiActivityFlushAll(0);
	fake.clock = their_clock;
	memset(fake.enabled, 0, sizeof(fake.enabled));
}

API uint64_t fake_cupti_now(void)
{
	return now();
}

API uint32_t cuptiGetVersion(uint32_t *out)
{
	*out = is_told("old") ? 12 : 130000;
	return 0;
}

API uint32_t cuptiGetTimestamp(uint64_t *out)
{
	*out = now();
	return 0;
}

API uint32_t cuptiActivityEnable(uint32_t kind)
{
	if (is_told("privilege"))
		return 35;
	if (kind >= 64)
		return 21;
	fake.enabled[kind] = true;
	return 0;
}

API uint32_t cuptiActivityEnableDriverApi(uint32_t id, uint8_t is_enabled)
{
	(void)id;
	(void)is_enabled;
	return 0;
}

API uint32_t cuptiActivityEnableRuntimeApi(uint32_t id, uint8_t is_enabled)
{
	/* As CUDA 13.0 does: a single call that is turned on brings no external correlations, one that is turned off none
	 * any more. cudaLaunchKernel stands for all. */
	if (!is_enabled && (id == 211 || is_told("coarse")))
		fake.enabled[5] = false;
	return 0;
}

API uint32_t cuptiActivityDisable(uint32_t kind)
{
	fake.enabled[kind] = false;
	return 0;
}

API uint32_t cuptiActivityRegisterCallbacks(request_fn request, complete_fn complete)
{
	fake.request = request;
	fake.complete = complete;
	if (is_told("drop"))
		fake.n_dropped = 3;
	return 0;
}

API uint32_t cuptiActivityRegisterTimestampCallback(uint64_t (*clock)(void))
{
	if (is_told("skewed"))
		return 7;
	fake.clock = clock;
	return 0;
}

API uint32_t cuptiActivityGetNextRecord(uint8_t *buffer, size_t n, uint8_t **record)
{
	uint8_t *next = buffer;

	if (*record) {
		uint32_t kind;

		memcpy(&kind, *record, 4);
		next = *record + size_of(kind);
	}
	if ((size_t)(next - buffer) >= n)
		return 12;
	*record = next;
	return 0;
}

API uint32_t cuptiActivityFlushAll(uint32_t flag)
{
	(void)flag;
	pthread_mutex_lock(&fake.lock);
	if (fake.buffer && !is_told("keep")) {
		fake.complete(NULL, 0, fake.buffer, fake.size, fake.n);
		fake.buffer = NULL;
	}
	pthread_mutex_unlock(&fake.lock);
	return 0;
}

API uint32_t cuptiActivityGetNumDroppedRecords(void *context, uint32_t stream, size_t *out)
{
	(void)context;
	(void)stream;
	*out = fake.n_dropped;
	fake.n_dropped = 0;
	return 0;
}

API uint32_t cuptiActivityPushExternalCorrelationId(uint32_t kind, uint64_t id)
{
	if (kind == 5 && n_externals < 256)
		externals[n_externals++] = id;
	return 0;
}

API uint32_t cuptiActivityPopExternalCorrelationId(uint32_t kind, uint64_t *out)
{
	if (kind != 5 || !n_externals)
		return 18;
	*out = externals[--n_externals];
	return 0;
}

API uint32_t cuptiGetResultString(uint32_t result, const char **out)
{
	*out = result == 35 ? "CUPTI_ERROR_INSUFFICIENT_PRIVILEGES" : "CUPTI_ERROR_OTHER";
	return 0;
}

API uint32_t cuptiSubscribe(void **out, void *callback, void *data)
{
	(void)callback;
	(void)data;
	*out = &fake;
	return is_told("busy") ? 39 : 0;
}

API uint32_t cuptiUnsubscribe(void *subscriber)
{
	return subscriber == &fake ? 0 : 1;
}
