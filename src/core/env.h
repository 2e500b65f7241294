/* The world as joulemap sees it: where /sys and /proc start, which NVML to load, what time it is. Everything that
 * touches the machine takes a struct jm_env, so that tests put another world in its place. */
#ifndef CORE_ENV_H
#define CORE_ENV_H

#include "joulemap/joulemap.h"

#include <semaphore.h>
#include <sys/types.h>

#define JM_PATH_MAX 1024

struct jm_env {
	char root[512];                    /* prefix of /sys and /proc, no trailing slash; empty: the live machine */
	char nvml[512];                    /* path of the NVML library; empty: libnvidia-ml.so.1 */
	bool is_live;                      /* false when root or nvml stand in for the machine */
	int64_t (*now_ns)(void *ctx);      /* CLOCK_MONOTONIC */
	int64_t (*realtime_ns)(void *ctx); /* CLOCK_REALTIME */
	int (*sleep_until_ns)(void *ctx, int64_t t_ns); /* absolute, monotonic */
	/* Waits until t_ns (monotonic, absolute) or until cancel is posted. Gives 0, or JM_E_CANCELLED. */
	int (*wait_until_ns)(void *ctx, int64_t t_ns, sem_t *cancel);
	long (*perf_event_open)(void *ctx, void *attr, pid_t pid, int cpu, int group_fd, unsigned long flags);
	/* Reads an open file of /sys from its start, as pread(2) with offset 0; NULL: pread(2) itself. */
	ssize_t (*read_file)(void *ctx, int fd, void *out, size_t size);
	/* Gives the processor time of a process, all its threads, ended ones included. NULL: there is no such clock for the
	 * processes below root. Errors: negative JM_E_ code, JM_E_GONE: no such process. */
	int (*process_cpu_ns)(void *ctx, pid_t pid, int64_t *out);
	void *ctx;
};

/* Fills env from JOULEMAP_ROOT and JOULEMAP_NVML and the system's clocks. */
void jm_env_init(struct jm_env *env);

/* Gives the time on env's monotonic clock, ns. Hot path: no lock, no allocation. */
static inline int64_t jm_env_now(const struct jm_env *env)
{
	return env->now_ns(env->ctx);
}

/* Gives the time on env's wall clock, ns since 1970. */
static inline int64_t jm_env_realtime(const struct jm_env *env)
{
	return env->realtime_ns(env->ctx);
}

/* Reads an open file of /sys from its start into out. Gives the number of bytes, or -1 with errno. Hot path. */
ssize_t jm_env_read_file(const struct jm_env *env, int fd, void *out, size_t size);

/* Gives the processor time that the calling thread has used, ns; 0 where the system does not say. */
int64_t jm_env_thread_cpu_ns(void);

/* Writes root + path (path begins with '/') to out. Errors: JM_E_INVALID when it does not fit. */
int jm_env_path(const struct jm_env *env, const char *path, char *out, size_t out_size);

/* Opens root + path read-only, close-on-exec. Gives the descriptor or a negative JM_E_ code. */
int jm_env_open(const struct jm_env *env, const char *path);

/* Reads root + path whole, at most size - 1 bytes, without trailing white space, and terminates it. Errors: as open;
 * JM_E_FORMAT when empty. */
int jm_env_read_text(const struct jm_env *env, const char *path, char *out, size_t size);

/* Reads root + path as one decimal integer. Errors: as jm_env_read_text; JM_E_FORMAT on trailing junk. */
int jm_env_read_i64(const struct jm_env *env, const char *path, int64_t *out);

#endif
