#define _GNU_SOURCE
#include "process/counts.h"

#include "core/error.h"
#include "core/text.h"
#include "process/counters.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *jm_counts_mode_text(enum jm_counts_mode mode)
{
	return mode == JM_COUNTS_ALL ? "user and kernel mode" : "user mode";
}

static int open_event(const struct jm_env *env, int event, enum jm_counts_mode mode, pid_t pid, int cpu)
{
	struct perf_event_attr attr;
	bool is_machine = pid == -1;

	memset(&attr, 0, sizeof(attr));
	attr.size = sizeof(attr);
	attr.type = PERF_TYPE_HARDWARE;
	attr.config = jm_counters_event(event);
	attr.inherit = !is_machine;
	attr.inherit_thread = !is_machine;
	attr.exclude_idle = is_machine;
	attr.exclude_kernel = mode != JM_COUNTS_ALL;
	attr.exclude_hv = 1;
	attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	errno = 0;
	return (int)env->perf_event_open(env->ctx, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Gives 0 when any of the counters can be had of ourselves, else errno of the first. */
static int try_mode(const struct jm_env *env, enum jm_counts_mode mode)
{
	int i, why = 0;

	for (i = 0; i < JM_N_COUNTS; i++) {
		int fd = open_event(env, i, mode, 0, -1);

		if (fd >= 0) {
			close(fd);
			return 0;
		}
		why = why ? why : errno;
	}
	return why ? why : ENODEV;
}

int jm_counts_probe(const struct jm_env *env, enum jm_counts_mode *out, struct jm_error *err)
{
	enum jm_counts_mode mode = JM_COUNTS_ALL;
	int why = try_mode(env, mode);

	*out = JM_COUNTS_NONE;
	if (why == EACCES || why == EPERM) {
		mode = JM_COUNTS_USER;
		why = try_mode(env, mode);
	}
	if (why == 0) {
		*out = mode;
		return 0;
	}
	if (why == EACCES || why == EPERM) {
		jm_error_set(err, JM_E_PERMISSION, "the kernel does not let us count");
		jm_error_remedy(err, "sudo sysctl kernel.perf_event_paranoid=1");
		return JM_E_PERMISSION;
	}
	if (why == EINVAL)
		return jm_error_set(err, JM_E_UNSUPPORTED,
				    "this kernel cannot count single processes (before Linux 5.13)");
	if (why == ENOENT || why == ENODEV || why == EOPNOTSUPP)
		return jm_error_set(err, JM_E_UNSUPPORTED, "this processor, or its virtual machine, shows no counters");
	return jm_error_errno(err, why, "counters cannot be opened");
}

/* Adds the events of one thread or processor. Errors: those of the first event that was refused, if all were. */
static int add(struct jm_counts *c, const struct jm_env *env, enum jm_counts_mode mode, pid_t pid, int cpu)
{
	int *fds = realloc(c->fds, (c->n + JM_N_COUNTS) * sizeof(*fds)), i, why = 0;
	bool is_any = false;

	if (!fds)
		return JM_E_NOMEM;
	c->fds = fds;
	for (i = 0; i < JM_N_COUNTS; i++) {
		fds[c->n + (size_t)i] = open_event(env, i, mode, pid, cpu);
		why = why ? why : errno;
		is_any = is_any || fds[c->n + (size_t)i] >= 0;
	}
	if (!is_any)
		return why == ESRCH ? JM_E_GONE : why == EMFILE ? JM_E_FULL : jm_error_from_errno(why);
	c->n += JM_N_COUNTS;
	return 0;
}

int jm_counts_open(const struct jm_env *env, int proc_fd, int64_t pid, enum jm_counts_mode mode, size_t max_threads,
		   struct jm_counts *out)
{
	struct jm_counts c = {0};
	struct dirent *d;
	char path[40];
	int fd, rc = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%lld/task", (long long)pid);
	fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return JM_E_GONE;
	}
	while (rc == 0 && (d = readdir(dir))) {
		int64_t tid;

		if (d->d_name[0] < '1' || d->d_name[0] > '9' || jm_text_i64(d->d_name, strlen(d->d_name), &tid))
			continue;
		rc = c.n / JM_N_COUNTS < max_threads ? add(&c, env, mode, (pid_t)tid, -1) : JM_E_FULL;
		/* A thread that has just ended counts nothing any more. */
		rc = rc == JM_E_GONE ? 0 : rc;
	}
	closedir(dir);
	if (rc == 0 && c.n == 0)
		rc = JM_E_NOT_FOUND;
	if (rc)
		jm_counts_close(&c);
	*out = c;
	return rc;
}

int jm_counts_open_machine(const struct jm_env *env, enum jm_counts_mode mode, size_t n_cpus, struct jm_counts *out)
{
	struct jm_counts c = {0};
	size_t i;
	int rc = 0;

	for (i = 0; i < n_cpus && rc == 0; i++) {
		rc = add(&c, env, mode, -1, (int)i);
		/* One that is switched off counts nothing. */
		rc = rc == JM_E_GONE || rc == JM_E_NOT_FOUND ? 0 : rc;
	}
	if (rc == 0 && c.n == 0)
		rc = JM_E_NOT_FOUND;
	if (rc)
		jm_counts_close(&c);
	*out = c;
	return rc;
}

/* Errors: JM_E_NOT_FOUND: not open, or unreadable. An event that never ran while it was due to is no 0. */
static int read_event(int fd, int64_t *out)
{
	uint64_t values[3]; /* count, time enabled, time running */

	if (fd < 0 || read(fd, values, sizeof(values)) != (ssize_t)sizeof(values) || (values[1] > 0 && values[2] == 0))
		return JM_E_NOT_FOUND;
	*out = values[2] ? (int64_t)((double)values[0] * ((double)values[1] / (double)values[2])) : 0;
	return 0;
}

void jm_counts_read(const struct jm_counts *c, int64_t *out)
{
	int64_t value;
	size_t i, k;

	for (k = 0; k < JM_N_COUNTS; k++) {
		out[k] = c->n ? 0 : -1;
		for (i = k; i < c->n; i += JM_N_COUNTS) {
			if (read_event(c->fds[i], &value)) {
				out[k] = -1;
				break;
			}
			out[k] += value;
		}
	}
}

void jm_counts_close(struct jm_counts *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->fds[i] >= 0)
			close(c->fds[i]);
	free(c->fds);
	*c = (struct jm_counts){0};
}
