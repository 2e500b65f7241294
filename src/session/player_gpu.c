/* Load on an NVIDIA GPU: a kernel that calculates and reads memory until the GPU's own clock says stop, on as many
 * streaming processors as the level asks for, one block each (player_gpu_kernel.h). It writes when it began and ended by that clock, which is tied to
 * ours before and after by the quickest of many tiny launches; between, the difference is taken as a straight line
 * (0.6 to 0.75 ppm on an H200).
 * Source: CUDA Driver API, release 12 (types, numbers); PTX ISA 6.0, %globaltimer: ns, resolution about 1 us. */
#define _GNU_SOURCE
#include "session/player.h"

#include "core/error.h"
#include "core/units.h"
#include "session/player_gpu_kernel.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY           "libcuda.so.1"
#define THREADS_PER_BLOCK 1024
/* A long piece is a row of kernels, so that a stop is heard. The next is launched while the last has this to go. */
#define CHUNK_NS     (150 * JM_NS_PER_MS)
#define AHEAD_NS     (100 * JM_NS_PER_MS)
#define N_TIES       64
#define SHORTEST_NS  (100 * JM_NS_PER_US)
#define ATTRIBUTE_SM 16 /* CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT */
#define HOST_MAPPED  2  /* CU_MEMHOSTALLOC_DEVICEMAP */
/* Read over and over: more than any cache holds (50 MB on an H200), less where a GPU has not so much left. */
#define MEMORY_MAX (1u << 29)
#define MEMORY_MIN (1u << 26)
#define PATTERN    0x3e9b5a77u /* 0.3, with bits of both kinds */
#define N_LOADS    1

typedef unsigned long long device_ptr;

struct uuid {
	unsigned char bytes[16];
};

/* X(member, arguments, symbol, older symbol or "") */
#define CUDA_LIST(X)                                                                                                   \
	X(init, (unsigned), "cuInit", "")                                                                              \
	X(device_count, (int *), "cuDeviceGetCount", "")                                                               \
	X(device, (int *, int), "cuDeviceGet", "")                                                                     \
	X(device_name, (char *, int, int), "cuDeviceGetName", "")                                                      \
	X(device_uuid, (struct uuid *, int), "cuDeviceGetUuid", "cuDeviceGetUuid_v2")                                  \
	X(attribute, (int *, int, int), "cuDeviceGetAttribute", "")                                                    \
	X(context_retain, (void **, int), "cuDevicePrimaryCtxRetain", "")                                              \
	X(context_release, (int), "cuDevicePrimaryCtxRelease_v2", "cuDevicePrimaryCtxRelease")                         \
	X(context_set, (void *), "cuCtxSetCurrent", "")                                                                \
	X(module_load, (void **, const void *), "cuModuleLoadData", "")                                                \
	X(module_unload, (void *), "cuModuleUnload", "")                                                               \
	X(function, (void **, void *, const char *), "cuModuleGetFunction", "")                                        \
	X(host_alloc, (void **, size_t, unsigned), "cuMemHostAlloc", "")                                               \
	X(host_pointer, (device_ptr *, void *, unsigned), "cuMemHostGetDevicePointer_v2", "")                          \
	X(host_free, (void *), "cuMemFreeHost", "")                                                                    \
	X(memory_get, (device_ptr *, size_t), "cuMemAlloc_v2", "")                                                     \
	X(memory_free, (device_ptr), "cuMemFree_v2", "")                                                               \
	X(memory_fill, (device_ptr, unsigned, size_t), "cuMemsetD32_v2", "")                                           \
	X(stream_create, (void **, unsigned), "cuStreamCreate", "")                                                    \
	X(stream_destroy, (void *), "cuStreamDestroy_v2", "cuStreamDestroy")                                           \
	X(stream_wait, (void *), "cuStreamSynchronize", "")                                                            \
	X(launch,                                                                                                      \
	  (void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **),    \
	  "cuLaunchKernel", "")                                                                                        \
	X(error_text, (int, const char **), "cuGetErrorString", "")

struct cuda {
#define MEMBER(member, arguments, ...) int(*member) arguments;
	CUDA_LIST(MEMBER)
#undef MEMBER
};

static const struct {
	const char *symbol, *older;
	size_t at;
} symbols[] = {
#define SYMBOL(member, arguments, symbol, older) {symbol, older, offsetof(struct cuda, member)},
    CUDA_LIST(SYMBOL)
#undef SYMBOL
};

/* Both clocks at one moment. */
struct tie {
	double host_ns, gpu_ns, half_width_ns;
};

struct gpu_load {
	const struct jm_env *env;
	void *library;
	struct cuda cuda;
	int device, n_sms;
	void *context, *module, *kernel, *stream;
	device_ptr memory; /* that the load reads; 0: none could be had, and it only calculates */
	unsigned memory_mask, n_loads;
	unsigned long long *stamps; /* start and end of each piece; behind them a pair that nobody reads */
	device_ptr device_stamps;
	size_t n_pieces;
	struct tie before;
	int64_t launched_to_ns; /* end of the last kernel launched */
	bool is_playing;
};

static int check(const struct gpu_load *g, int result, const char *what, struct jm_error *err)
{
	const char *text = NULL;

	if (result == 0)
		return 0;
	if (!g->cuda.error_text || g->cuda.error_text(result, &text) || !text)
		text = "unknown error";
	return jm_error_set(err, JM_E_IO, "the GPU load cannot %s: %s (%d)", what, text, result);
}

static int load_library(struct gpu_load *g, struct jm_error *err)
{
	size_t i;

	g->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!g->library) {
		jm_error_set(err, JM_E_NOT_FOUND, "no load for the GPU: %s is not there", LIBRARY);
		jm_error_remedy(err, "install the NVIDIA driver's CUDA library, or give a command with --load");
		return JM_E_NOT_FOUND;
	}
	for (i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *address = dlsym(g->library, symbols[i].symbol);

		if (!address && symbols[i].older[0])
			address = dlsym(g->library, symbols[i].older);
		if (!address)
			return jm_error_set(err, JM_E_UNSUPPORTED, "no load for the GPU: %s has no %s", LIBRARY,
					    symbols[i].symbol);
		/* POSIX lets a void pointer from dlsym hold a function's address. */
		memcpy((char *)&g->cuda + symbols[i].at, &address, sizeof(address));
	}
	return 0;
}

/* "GPU-" and 32 hexadecimal digits in groups, as NVML writes it. */
static void write_uuid(const struct uuid *u, char out[64])
{
	size_t n = (size_t)snprintf(out, 64, "GPU-"), i;

	for (i = 0; i < 16; i++)
		n += (size_t)snprintf(out + n, 64 - n, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
				      u->bytes[i]);
}

static int find_device(struct gpu_load *g, const char *uuid, struct jm_error *err)
{
	int n = 0, i, rc = check(g, g->cuda.init(0), "start CUDA", err);

	rc = rc ? rc : check(g, g->cuda.device_count(&n), "count the GPUs", err);
	for (i = 0; i < n && rc == 0; i++) {
		struct uuid u = {{0}};
		char text[64];

		rc = check(g, g->cuda.device(&g->device, i), "find the GPU", err);
		if (rc || !uuid)
			return rc;
		if (g->cuda.device_uuid(&u, g->device))
			continue;
		write_uuid(&u, text);
		if (strcmp(text, uuid) == 0)
			return 0;
	}
	if (rc)
		return rc;
	jm_error_set(err, JM_E_NOT_FOUND, "no load for the GPU: CUDA does not show %s", uuid ? uuid : "a GPU");
	jm_error_remedy(err, "CUDA_VISIBLE_DEVICES must not hide it");
	return JM_E_NOT_FOUND;
}

static void get_memory(struct gpu_load *g)
{
	unsigned size;

	for (size = MEMORY_MAX; size >= MEMORY_MIN && !g->memory; size /= 2) {
		if (g->cuda.memory_get(&g->memory, size)) {
			g->memory = 0;
			continue;
		}
		if (g->cuda.memory_fill(g->memory, PATTERN, size / sizeof(unsigned)))
			return;
		g->memory_mask = size - 1;
		g->n_loads = N_LOADS;
	}
}

static int open_device(struct gpu_load *g, struct jm_error *err)
{
	int rc = check(g, g->cuda.attribute(&g->n_sms, ATTRIBUTE_SM, g->device), "count the processors", err);

	rc = rc ? rc : check(g, g->cuda.context_retain(&g->context, g->device), "make a context", err);
	rc = rc ? rc : check(g, g->cuda.context_set(g->context), "use the context", err);
	rc = rc ? rc : check(g, g->cuda.module_load(&g->module, jm_gpu_kernel), "compile its kernel", err);
	rc = rc ? rc : check(g, g->cuda.function(&g->kernel, g->module, "jm_spin"), "find its kernel", err);
	rc = rc ? rc : check(g, g->cuda.stream_create(&g->stream, 1), "make a stream", err);
	if (rc == 0)
		get_memory(g);
	return rc;
}

/* slot: of the stamps; is_first: begins the piece. */
static int launch(struct gpu_load *g, size_t slot, bool is_first, unsigned n_blocks, unsigned long long until_ns,
		  struct jm_error *err)
{
	device_ptr began = g->device_stamps + 16 * (is_first ? slot : g->n_pieces);
	device_ptr ended = g->device_stamps + 16 * slot + 8;
	void *arguments[] = {&until_ns, &began, &ended, &g->memory, &g->memory_mask, &g->n_loads};

	return check(g,
		     g->cuda.launch(g->kernel, n_blocks, 1, 1, THREADS_PER_BLOCK, 1, 1, 0, g->stream, arguments, NULL),
		     "launch its kernel", err);
}

/* Ties the clocks by the quickest of many launches: the kernel's time lies between ours before and after. */
static int tie_clocks(struct gpu_load *g, struct tie *out, struct jm_error *err)
{
	double best_ns = INFINITY;
	int i, rc = 0;

	for (i = 0; i < N_TIES && rc == 0; i++) {
		int64_t before_ns = jm_env_now(g->env), after_ns;

		rc = launch(g, g->n_pieces, true, 1, 0, err);
		rc = rc ? rc : check(g, g->cuda.stream_wait(g->stream), "wait for the GPU", err);
		after_ns = jm_env_now(g->env);
		if (rc || (double)(after_ns - before_ns) >= best_ns)
			continue;
		best_ns = (double)(after_ns - before_ns);
		*out = (struct tie){
		    .host_ns = (double)before_ns + best_ns / 2,
		    .gpu_ns = 0.5 * ((double)g->stamps[2 * g->n_pieces] + (double)g->stamps[2 * g->n_pieces + 1]),
		    .half_width_ns = best_ns / 2};
	}
	return rc;
}

static int begin(struct jm_player *p, const struct jm_load_piece *pieces, size_t n, struct jm_error *err)
{
	struct gpu_load *g = p->state;
	size_t size = (n + 1) * 2 * sizeof(*g->stamps);
	void *memory = NULL;
	int rc = check(g, g->cuda.context_set(g->context), "use the context", err);

	(void)pieces;
	if (g->stamps)
		g->cuda.host_free(g->stamps);
	g->stamps = NULL;
	rc = rc ? rc : check(g, g->cuda.host_alloc(&memory, size, HOST_MAPPED), "get memory", err);
	if (rc)
		return rc;
	g->stamps = memory;
	memset(g->stamps, 0, size);
	g->n_pieces = n;
	g->is_playing = true;
	rc = check(g, g->cuda.host_pointer(&g->device_stamps, memory, 0), "map memory", err);
	return rc ? rc : tie_clocks(g, &g->before, err);
}

static int launch_to(struct gpu_load *g, const struct jm_load_piece *piece, size_t i, bool is_first, int64_t from_ns,
		     struct jm_error *err)
{
	unsigned n_blocks = (unsigned)lround(piece->level * g->n_sms);
	/* The last kernel of a piece ends with it, and none is too short. */
	int64_t to_ns = piece->end_ns - from_ns < 2 * CHUNK_NS ? piece->end_ns : from_ns + CHUNK_NS;
	double gpu_ns = g->before.gpu_ns + ((double)to_ns - g->before.host_ns);

	g->launched_to_ns = to_ns;
	return launch(g, i, is_first, n_blocks ? n_blocks : 1, (unsigned long long)gpu_ns, err);
}

static int set(struct jm_player *p, const struct jm_load_piece *pieces, size_t i, struct jm_error *err)
{
	struct gpu_load *g = p->state;

	g->launched_to_ns = pieces[i].end_ns;
	if (pieces[i].level <= 0)
		return 0;
	while (jm_env_now(g->env) < pieces[i].start_ns)
		;
	return launch_to(g, &pieces[i], i, true, pieces[i].start_ns, err);
}

static int hold(struct jm_player *p, const struct jm_load_piece *pieces, size_t i, struct jm_error *err)
{
	struct gpu_load *g = p->state;

	if (g->launched_to_ns >= pieces[i].end_ns || jm_env_now(g->env) < g->launched_to_ns - AHEAD_NS)
		return 0;
	return launch_to(g, &pieces[i], i, false, g->launched_to_ns, err);
}

/* Brings a stamp of the GPU to our clock, along the line through both ties. */
static int64_t host_time(const struct tie *a, const struct tie *b, unsigned long long gpu_ns)
{
	double rate = (b->host_ns - a->host_ns) / (b->gpu_ns - a->gpu_ns);

	return (int64_t)(a->host_ns + ((double)gpu_ns - a->gpu_ns) * rate);
}

static int end(struct jm_player *p, struct jm_load_piece *pieces, size_t n_played, struct jm_error *err)
{
	struct gpu_load *g = p->state;
	struct tie after;
	size_t i;
	int rc;

	if (!g->is_playing)
		return 0;
	g->is_playing = false;
	rc = check(g, g->cuda.stream_wait(g->stream), "wait for the GPU", err);
	rc = rc ? rc : tie_clocks(g, &after, err);
	if (rc || !(after.gpu_ns > g->before.gpu_ns))
		return rc ? rc : jm_error_set(err, JM_E_UNSUPPORTED, "the GPU's clock stands still");
	for (i = 0; i < n_played; i++) {
		if (pieces[i].level <= 0)
			continue;
		pieces[i].start_ns = host_time(&g->before, &after, g->stamps[2 * i]);
		pieces[i].end_ns = host_time(&g->before, &after, g->stamps[2 * i + 1]);
	}
	/* What is idle fills what is left. */
	for (i = 0; i < n_played; i++) {
		if (pieces[i].level > 0)
			continue;
		pieces[i].start_ns = i ? pieces[i - 1].end_ns : pieces[i].start_ns;
		pieces[i].end_ns = i + 1 < n_played ? pieces[i + 1].start_ns : pieces[i].end_ns;
	}
	return 0;
}

static void destroy(struct jm_player *p)
{
	struct gpu_load *g = p->state;

	if (g->context && g->cuda.context_set(g->context) == 0) {
		if (g->stream) {
			g->cuda.stream_wait(g->stream);
			g->cuda.stream_destroy(g->stream);
		}
		if (g->stamps)
			g->cuda.host_free(g->stamps);
		if (g->memory)
			g->cuda.memory_free(g->memory);
		if (g->module)
			g->cuda.module_unload(g->module);
		g->cuda.context_set(NULL);
	}
	if (g->context)
		g->cuda.context_release(g->device);
	/* The library stays loaded: it has threads of its own. */
	free(g);
}

static const struct jm_player_ops ops = {.begin = begin, .set = set, .hold = hold, .end = end, .destroy = destroy};

int jm_player_gpu(const struct jm_env *env, const char *uuid, struct jm_player *out, struct jm_error *err)
{
	struct gpu_load *g = calloc(1, sizeof(*g));
	struct jm_player made = {.ops = &ops, .env = env, .shortest_ns = SHORTEST_NS, .state = g};
	char name[96] = "GPU";
	int rc;

	if (!g)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the GPU load");
	g->env = env;
	rc = load_library(g, err);
	rc = rc ? rc : find_device(g, uuid, err);
	rc = rc ? rc : open_device(g, err);
	if (rc) {
		jm_player_finish(&made);
		return rc;
	}
	g->cuda.device_name(name, sizeof(name), g->device);
	made.n_levels = (unsigned)g->n_sms;
	snprintf(made.text, sizeof(made.text), "arithmetic%s on %d processors of %s",
		 g->n_loads ? " and memory reads" : "", g->n_sms, name);
	*out = made;
	return 0;
}
