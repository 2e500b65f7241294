/* What CUDA programs ran on their devices, into the recording. */
#define _GNU_SOURCE
#include "session/recorder_internal.h"

#include "core/error.h"
#include "core/place.h"
#include "session/cuda_watch.h"

#include <limits.h>
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

int jm_cuda_library(char *out, size_t size, struct jm_error *err)
{
	const char *named = getenv("JOULEMAP_CUDA_LIBRARY");
	char path[PATH_MAX];
	int rc;

	if (named && *named) {
		if (access(named, R_OK))
			return jm_error_set(err, JM_E_NOT_FOUND, "JOULEMAP_CUDA_LIBRARY: there is no '%s'", named);
		if (!realpath(named, path) || strlen(path) >= size)
			return jm_error_set(err, JM_E_INVALID, "the path of '%s' is too long", named);
		strcpy(out, path);
		return 0;
	}
	rc = jm_place_module(LIBRARY, out, size);
	if (rc == JM_E_INVALID)
		return jm_error_set(err, rc, "the path of " LIBRARY " is too long");
	if (rc) {
		jm_error_set(err, rc, LIBRARY " was not found beside joulemap");
		return jm_error_remedy(err, "build it with joulemap, or name it in JOULEMAP_CUDA_LIBRARY");
	}
	return 0;
}
