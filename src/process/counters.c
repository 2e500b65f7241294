#define _GNU_SOURCE
#include "process/counters.h"

#include "core/error.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <unistd.h>

#define KEY(name, key, text) key,
static const char *const keys[] = {JM_COUNT_LIST(KEY)};
static const uint64_t numbers[] = {[JM_COUNT_CYCLES] = PERF_COUNT_HW_CPU_CYCLES,
				   [JM_COUNT_INSTRUCTIONS] = PERF_COUNT_HW_INSTRUCTIONS,
				   [JM_COUNT_LLC_MISSES] = PERF_COUNT_HW_CACHE_MISSES};

uint64_t jm_counters_event(int i)
{
	return numbers[i];
}

const char *jm_counters_key(int i)
{
	return keys[i];
}

static int open_one(const struct jm_env *env, uint64_t number)
{
	struct perf_event_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.size = sizeof(attr);
	attr.type = PERF_TYPE_HARDWARE;
	attr.config = number;
	attr.disabled = 1;
	attr.inherit = 1;
	attr.enable_on_exec = 1;
	attr.exclude_kernel = 1; /* what kernel.perf_event_paranoid = 2 allows */
	attr.exclude_hv = 1;
	attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	return (int)env->perf_event_open(env->ctx, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

int jm_counters_open(const struct jm_env *env, struct jm_counters *out, struct jm_error *err)
{
	int i, n_open = 0, why = 0;

	for (i = 0; i < JM_N_COUNTERS; i++) {
		errno = 0;
		out->fds[i] = open_one(env, numbers[i]);
		why = out->fds[i] < 0 ? errno : why;
		n_open += out->fds[i] >= 0;
	}
	if (n_open)
		return 0;
	if (why == EACCES || why == EPERM) {
		jm_error_set(err, JM_E_PERMISSION, "the kernel does not let us count");
		jm_error_remedy(err, "sudo sysctl kernel.perf_event_paranoid=2");
		return JM_E_PERMISSION;
	}
	if (why == ENOENT || why == ENODEV || why == EOPNOTSUPP)
		return jm_error_set(err, JM_E_UNSUPPORTED, "this processor, or its virtual machine, shows no counters");
	return jm_error_errno(err, why, "counters cannot be opened");
}

int jm_counters_read(const struct jm_counters *c, int i, int64_t *out)
{
	uint64_t values[3]; /* count, time enabled, time running */

	if (c->fds[i] < 0 || read(c->fds[i], values, sizeof(values)) != (ssize_t)sizeof(values) || values[2] == 0)
		return JM_E_NOT_FOUND;
	*out = (int64_t)((double)values[0] * ((double)values[1] / (double)values[2]));
	return 0;
}

void jm_counters_close(struct jm_counters *c)
{
	int i;

	for (i = 0; i < JM_N_COUNTERS; i++) {
		if (c->fds[i] >= 0)
			close(c->fds[i]);
		c->fds[i] = -1;
	}
}
