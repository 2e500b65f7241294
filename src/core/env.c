#define _GNU_SOURCE
#include "core/env.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * JM_NS_PER_S + t.tv_nsec;
}

static int64_t system_now(void *ctx)
{
	(void)ctx;
	return clock_ns(CLOCK_MONOTONIC);
}

static int64_t system_realtime(void *ctx)
{
	(void)ctx;
	return clock_ns(CLOCK_REALTIME);
}

static int system_sleep_until(void *ctx, int64_t t_ns)
{
	struct timespec t = {.tv_sec = t_ns / JM_NS_PER_S, .tv_nsec = t_ns % JM_NS_PER_S};
	int rc;

	(void)ctx;
	do
		rc = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	while (rc == EINTR);
	return rc ? JM_E_IO : 0;
}

static int system_wait_until(void *ctx, int64_t t_ns, sem_t *cancel)
{
	struct timespec t = {.tv_sec = t_ns / JM_NS_PER_S, .tv_nsec = t_ns % JM_NS_PER_S};
	int rc;

	(void)ctx;
	do
		rc = sem_clockwait(cancel, CLOCK_MONOTONIC, &t);
	while (rc < 0 && errno == EINTR);
	if (rc == 0)
		return JM_E_CANCELLED;
	return errno == ETIMEDOUT ? 0 : JM_E_IO;
}

static long system_perf_event_open(void *ctx, void *attr, pid_t pid, int cpu, int group_fd, unsigned long flags)
{
	(void)ctx;
	return syscall(SYS_perf_event_open, attr, pid, cpu, group_fd, flags);
}

/* The clock of a process by its number: the complement of the number, shifted by 3 bits, and 2 for the scheduler's clock of a
 * thread group (kernel, include/linux/posix-timers_types.h). glibc's clock_getcpuclockid asks for the same. */
static int system_process_cpu(void *ctx, pid_t pid, int64_t *out)
{
	clockid_t clock = (clockid_t)(~(unsigned)pid << 3 | 2u);
	struct timespec t;

	(void)ctx;
	if (clock_gettime(clock, &t))
		return errno == EINVAL || errno == ESRCH ? JM_E_GONE : jm_error_from_errno(errno);
	*out = (int64_t)t.tv_sec * JM_NS_PER_S + t.tv_nsec;
	return 0;
}

static void copy_setting(char *out, size_t size, const char *variable)
{
	const char *value = getenv(variable);
	size_t n;

	snprintf(out, size, "%s", value ? value : "");
	n = strlen(out);
	while (n > 0 && out[n - 1] == '/')
		out[--n] = '\0';
}

void jm_env_init(struct jm_env *env)
{
	memset(env, 0, sizeof(*env));
	copy_setting(env->root, sizeof(env->root), "JOULEMAP_ROOT");
	copy_setting(env->nvml, sizeof(env->nvml), "JOULEMAP_NVML");
	env->is_live = env->root[0] == '\0' && env->nvml[0] == '\0';
	env->now_ns = system_now;
	env->realtime_ns = system_realtime;
	env->sleep_until_ns = system_sleep_until;
	env->wait_until_ns = system_wait_until;
	env->perf_event_open = system_perf_event_open;
	/* Below another root there may be the processes of another namespace, or none. */
	env->process_cpu_ns = env->root[0] ? NULL : system_process_cpu;
}

ssize_t jm_env_read_file(const struct jm_env *env, int fd, void *out, size_t size)
{
	return env->read_file ? env->read_file(env->ctx, fd, out, size) : pread(fd, out, size, 0);
}

int64_t jm_env_thread_cpu_ns(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t))
		return 0;
	return (int64_t)t.tv_sec * JM_NS_PER_S + t.tv_nsec;
}

int jm_env_path(const struct jm_env *env, const char *path, char *out, size_t out_size)
{
	int n = snprintf(out, out_size, "%s%s", env->root, path);

	return n < 0 || (size_t)n >= out_size ? JM_E_INVALID : 0;
}

int jm_env_open(const struct jm_env *env, const char *path)
{
	char full[JM_PATH_MAX];
	int fd;

	if (jm_env_path(env, path, full, sizeof(full)))
		return JM_E_INVALID;
	fd = open(full, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? jm_error_from_errno(errno) : fd;
}

int jm_env_read_text(const struct jm_env *env, const char *path, char *out, size_t size)
{
	int fd = jm_env_open(env, path);
	size_t used = 0;
	ssize_t n = 0;

	if (fd < 0)
		return fd;
	while (used + 1 < size && (n = read(fd, out + used, size - 1 - used)) > 0)
		used += (size_t)n;
	if (n < 0) {
		int code = jm_error_from_errno(errno);

		close(fd);
		return code;
	}
	close(fd);
	while (used > 0 && strchr(" \t\r\n", out[used - 1]))
		used--;
	out[used] = '\0';
	return used ? 0 : JM_E_FORMAT;
}

int jm_env_read_i64(const struct jm_env *env, const char *path, int64_t *out)
{
	char text[64];
	int rc = jm_env_read_text(env, path, text, sizeof(text));

	return rc ? rc : jm_text_i64(text, strlen(text), out);
}
