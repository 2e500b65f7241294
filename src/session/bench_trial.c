#define _GNU_SOURCE
#include "session/bench.h"

#include "core/error.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLL_MS 200

struct telling {
	const struct jm_bench_trial *trial;
	void *ctx;
};

static void tell(void *ctx, const char *text)
{
	const struct telling *t = ctx;
	char line[512];

	if (!t->trial->options->tell)
		return;
	snprintf(line, sizeof(line), "%.100s, round %llu: %.380s", t->trial->variant,
		 (unsigned long long)t->trial->round, text);
	t->trial->options->tell(t->ctx, line);
}

static void keep_number(struct jm_recorder *r, const char *key, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	jm_recorder_meta(r, key, text);
}

static void describe(struct jm_recorder *r, const struct jm_bench_trial *t, const char *rest)
{
	jm_recorder_meta(r, "bench", t->bench);
	jm_recorder_meta(r, "variant", t->variant);
	keep_number(r, "round", t->round);
	keep_number(r, "position", t->position);
	if (rest[0])
		jm_recorder_meta(r, "rest", rest);
}

static int run(struct jm_recorder *r, const struct jm_bench_trial *t, jm_progress_fn progress, struct telling *telling,
	       struct jm_error *err)
{
	struct jm_run_options run = t->options->run;
	const char *warning;
	size_t i;
	int rc;

	run.model = t->model;
	run.idle_ns = 0;
	/* Told through the trial, which knows whose it is: the context is progress's own. */
	run.tell = NULL;
	rc = jm_run_model(r, &run, progress, telling->ctx, err);
	for (i = 0; (warning = jm_recorder_warning(r, i)); i++)
		tell(telling, warning);
	return rc;
}

int jm_bench_trial_here(const struct jm_bench_trial *t, jm_progress_fn progress, void *ctx, struct jm_error *err)
{
	const struct jm_bench_options *o = t->options;
	struct jm_record_options options = {.size = sizeof(options),
					    .path = t->path,
					    .sensors = o->sensors,
					    .period_ns = o->period_ns,
					    .kind = "run",
					    .command = o->command};
	struct telling telling = {t, ctx};
	struct jm_error stopping;
	struct jm_recorder *r;
	char rest[256] = "";
	int rc = 0;

	if (o->rest_limit_ns >= 0)
		rc = jm_bench_rest(o->sensors, t->baseline,
				   o->rest_limit_ns ? o->rest_limit_ns : JM_DEFAULT_REST_LIMIT_NS, progress, ctx, rest,
				   sizeof(rest), err);
	if (rest[0])
		tell(&telling, rest);
	rc = rc ? rc : jm_recorder_start(&options, &r, err);
	if (rc)
		return rc;
	describe(r, t, rest);
	rc = run(r, t, progress, &telling, err);
	if (jm_recorder_stop(r, &stopping) && rc == 0) {
		rc = stopping.code;
		if (err)
			*err = stopping;
	}
	jm_recorder_destroy(r);
	return rc;
}

bool jm_bench_is_stop_asked(void)
{
	sigset_t set;

	return sigpending(&set) == 0 &&
	       (sigismember(&set, SIGINT) || sigismember(&set, SIGTERM) || sigismember(&set, SIGHUP));
}

/* Until there is something to read. A signal for this process alone is passed on, once: the child ends as by Ctrl-C. */
static void await(int fd, pid_t pid)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	bool is_passed = false;

	for (;;) {
		int n = poll(&p, 1, POLL_MS);

		if (n > 0 || (n < 0 && errno != EINTR))
			return;
		if (!is_passed && jm_bench_is_stop_asked())
			is_passed = kill(pid, SIGTERM) == 0;
	}
}

static int read_all(int fd, void *out, size_t n)
{
	char *at = out;

	while (n > 0) {
		ssize_t got = read(fd, at, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return JM_E_IO;
		at += got;
		n -= (size_t)got;
	}
	return 0;
}

/* What the child wrote before it ended; one that wrote nothing has died. */
static int outcome(int fd, pid_t pid, struct jm_error *err)
{
	struct jm_error said;
	int status = 0, rc;

	await(fd, pid);
	rc = read_all(fd, &said, sizeof(said));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc == 0) {
		if (said.code && err)
			*err = said;
		return said.code;
	}
	if (WIFSIGNALED(status))
		jm_error_set(err, JM_E_GONE, "the process of the trial died by signal %d (%s)", WTERMSIG(status),
			     strsignal(WTERMSIG(status)));
	else
		jm_error_set(err, JM_E_GONE, "the process of the trial ended with code %d", WEXITSTATUS(status));
	return jm_error_remedy(err, "run it alone: joulemap run says more");
}

static void remove_recording(const char *path)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char *name;
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (asprintf(&name, "%s%s", path, ends[i]) >= 0) {
			unlink(name);
			free(name);
		}
}

int jm_bench_trial(const struct jm_bench_trial *t, jm_progress_fn progress, void *ctx, struct jm_error *err)
{
	bool was_there = access(t->path, F_OK) == 0;
	struct jm_error said = {0};
	int ends[2], rc;
	pid_t pid;

	if (pipe(ends))
		return jm_error_errno(err, errno, "cannot start a trial");
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return jm_error_errno(err, errno, "cannot start a trial");
	}
	if (pid == 0) {
		close(ends[0]);
		said.code = jm_bench_trial_here(t, progress, ctx, &said);
		_exit(write(ends[1], &said, sizeof(said)) == (ssize_t)sizeof(said) ? 0 : 1);
	}
	close(ends[1]);
	rc = outcome(ends[0], pid, err);
	close(ends[0]);
	if (rc && !was_there)
		remove_recording(t->path);
	return rc;
}
