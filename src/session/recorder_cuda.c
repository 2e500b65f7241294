/* What CUDA programs ran on their devices, into the recording. */
#define _GNU_SOURCE
#include "session/recorder_internal.h"

#include "core/error.h"
#include "session/cuda_watch.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libjoulemap_cuda.so"

/* A turn of the pump takes in no more than this, a second's worth of the busiest program: readings must not wait. */
#define DRAIN_BYTES (1u << 23)

/* All three are called with the lock held. */
static int write_meta(void *ctx, const char *key, const char *value)
{
	struct jm_recorder *r = ctx;

	return jm_writer_meta(r->writer, key, value);
}

static void note(void *ctx, const char *text)
{
	struct jm_recorder *r = ctx;
	struct jm_event event = {.t_ns = jm_env_now(&r->sensors->env), .channel = -1, .kind = "cuda", .text = text};

	jm_writer_event(r->writer, &event);
	jm_recorder_warn(r, "%s", text);
}

int jm_recorder_watch_cuda(struct jm_recorder *r, const char *folder, struct jm_error *err)
{
	struct jm_trace_output out = {.meta = write_meta, .warn = note, .ctx = r};
	int rc = 0;

	pthread_mutex_lock(&r->lock);
	if (!r->writer || r->cuda)
		rc = jm_error_set(err, JM_E_INVALID,
				  "the recorder has been stopped, or takes in CUDA's activity already");
	if (rc == 0) {
		out.spans = jm_writer_span_sink(r->writer);
		rc = jm_cuda_watch_create(folder, &out, &r->cuda, err);
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}

int jm_recorder_cuda_drain(struct jm_recorder *r)
{
	return jm_cuda_watch_drain(r->cuda, DRAIN_BYTES);
}

int jm_recorder_cuda_finish(struct jm_recorder *r)
{
	return jm_cuda_watch_finish(r->cuda);
}

/* Folders where the library lies, seen from that of the code at hand: as built, as installed, a Python package's. */
static const char *const beside[] = {".", "inject", "../lib", "../lib/joulemap", "joulemap", "../inject"};

static bool is_in(const char *folder, size_t folder_n, const char *below, char *out, size_t size)
{
	int n = snprintf(out, size, "%.*s/%s/" LIBRARY, (int)folder_n, folder, below);

	return n > 0 && (size_t)n < size && access(out, R_OK) == 0;
}

int jm_cuda_library(char *out, size_t size, struct jm_error *err)
{
	const char *named = getenv("JOULEMAP_CUDA_LIBRARY");
	char path[4096], *own;
	Dl_info info;
	size_t i, n;

	if (named && *named) {
		if (access(named, R_OK))
			return jm_error_set(err, JM_E_NOT_FOUND, "JOULEMAP_CUDA_LIBRARY: there is no '%s'", named);
		own = realpath(named, path);
		if (!own || strlen(own) >= size)
			return jm_error_set(err, JM_E_INVALID, "the path of '%s' is too long", named);
		strcpy(out, own);
		return 0;
	}
	own = dladdr(jm_error_text, &info) && info.dli_fname ? realpath(info.dli_fname, NULL) : NULL;
	/* The main program is called by the name it was started with, which need not be a path. */
	if (!own)
		own = realpath("/proc/self/exe", NULL);
	n = own && strrchr(own, '/') ? (size_t)(strrchr(own, '/') - own) : 0;
	for (i = 0; n && i < sizeof(beside) / sizeof(beside[0]); i++)
		if (is_in(own, n, beside[i], path, sizeof(path)))
			break;
	if (!n || i == sizeof(beside) / sizeof(beside[0])) {
		free(own);
		jm_error_set(err, JM_E_NOT_FOUND, LIBRARY " was not found beside joulemap");
		return jm_error_remedy(err, "build it with joulemap, or name it in JOULEMAP_CUDA_LIBRARY");
	}
	free(own);
	own = realpath(path, NULL);
	if (!own || snprintf(out, size, "%s", own) >= (int)size) {
		free(own);
		return jm_error_set(err, JM_E_INVALID, "the path of " LIBRARY " is too long");
	}
	free(own);
	return 0;
}
