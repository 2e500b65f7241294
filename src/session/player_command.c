/* Load by a command of the user: run by sh in a process group of its own, and stopped and continued; or told "on" and "off",
 * a line each, on its standard input, for loads that a stopped process leaves running (a GPU's queue). */
#define _GNU_SOURCE
#include "session/player.h"

#include "core/error.h"
#include "core/units.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define SHORTEST_NS   (20 * JM_NS_PER_MS)
#define END_LOOKS_MAX 200
#define END_LOOK_NS   (5 * JM_NS_PER_MS)

struct command_load {
	const struct jm_env *env;
	bool is_told;
	pid_t pid;
	int input; /* -1: none */
	bool is_on;
	int64_t *edges_ns; /* when the start of piece i was told */
	size_t n;
};

static int spawn(struct command_load *c, const char *command, struct jm_error *err)
{
	char *arguments[] = {"sh", "-c", (char *)command, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int ends[2] = {-1, -1}, rc;
	sigset_t none;

	if (pipe2(ends, O_CLOEXEC))
		return jm_error_errno(err, errno, "cannot make a pipe for the load");
	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
	/* What it prints must not mix with our result. */
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	rc = posix_spawn(&c->pid, "/bin/sh", &actions, &attributes, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	close(ends[0]);
	c->input = ends[1];
	/* The child does it, too; but under an emulator whose vfork does not wait it may not have yet (QEMU, linux-user/syscall.c). */
	if (rc == 0) {
		setpgid(c->pid, c->pid);
		return 0;
	}
	c->pid = 0;
	return jm_error_errno(err, rc, "cannot start the load");
}

static bool has_ended(struct command_load *c)
{
	if (c->pid > 0 && waitpid(c->pid, NULL, WNOHANG) == c->pid)
		c->pid = 0;
	return c->pid <= 0;
}

/* A write to a program that has gone raises SIGPIPE: it is kept from us for the moment of the write. */
static int tell(struct command_load *c, const char *line)
{
	const struct timespec now = {0, 0};
	sigset_t pipe_set, before, pending;
	ssize_t n;

	sigemptyset(&pipe_set);
	sigaddset(&pipe_set, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_set, &before);
	n = write(c->input, line, strlen(line));
	if (n < 0 && errno == EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe_set, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n == (ssize_t)strlen(line) ? 0 : -1;
}

static int change(struct command_load *c, bool is_on, struct jm_error *err)
{
	int rc;

	if (has_ended(c)) {
		jm_error_set(err, JM_E_GONE, "the load's command ended before the calibration");
		return jm_error_remedy(err, "give a command that runs until it is killed: 'while :; do ...; done'");
	}
	rc = c->is_told ? tell(c, is_on ? "on\n" : "off\n") : kill(-c->pid, is_on ? SIGCONT : SIGSTOP);
	if (rc)
		return jm_error_errno(err, errno, "cannot switch the load");
	c->is_on = is_on;
	return 0;
}

static int begin(struct jm_player *p, const struct jm_load_piece *pieces, size_t n, struct jm_error *err)
{
	struct command_load *c = p->state;

	(void)pieces;
	free(c->edges_ns);
	c->edges_ns = calloc(n + 1, sizeof(*c->edges_ns));
	c->n = n;
	if (!c->edges_ns)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the load");
	return change(c, false, err);
}

static int set(struct jm_player *p, const struct jm_load_piece *pieces, size_t i, struct jm_error *err)
{
	struct command_load *c = p->state;
	bool is_on = pieces[i].level >= 0.5;
	int64_t before_ns;
	int rc;

	c->env->sleep_until_ns(c->env->ctx, pieces[i].start_ns);
	before_ns = jm_env_now(c->env);
	rc = is_on == c->is_on ? 0 : change(c, is_on, err);
	c->edges_ns[i] = before_ns + (jm_env_now(c->env) - before_ns) / 2;
	return rc;
}

static int end(struct jm_player *p, struct jm_load_piece *pieces, size_t n_played, struct jm_error *err)
{
	struct command_load *c = p->state;
	size_t i;

	if (!c->edges_ns)
		return 0;
	for (i = 0; i < n_played; i++) {
		pieces[i].start_ns = c->edges_ns[i];
		if (i + 1 < c->n && c->edges_ns[i + 1])
			pieces[i].end_ns = c->edges_ns[i + 1];
		/* A last piece that came later than it should have ended. */
		else if (pieces[i].end_ns < pieces[i].start_ns)
			pieces[i].end_ns = pieces[i].start_ns;
	}
	free(c->edges_ns);
	c->edges_ns = NULL;
	return has_ended(c) || !c->is_on ? 0 : change(c, false, err);
}

static void destroy(struct jm_player *p)
{
	struct command_load *c = p->state;
	int i;

	if (c->pid > 0) {
		kill(-c->pid, SIGTERM);
		kill(-c->pid, SIGCONT);
	}
	for (i = 0; i < END_LOOKS_MAX && !has_ended(c); i++)
		nanosleep(&(struct timespec){.tv_nsec = END_LOOK_NS}, NULL);
	if (c->pid > 0) {
		kill(-c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	if (c->input >= 0)
		close(c->input);
	free(c->edges_ns);
	free(c);
}

static const struct jm_player_ops ops = {.begin = begin, .set = set, .end = end, .destroy = destroy};

int jm_player_command(const struct jm_env *env, const char *command, bool is_told, struct jm_player *out,
		      struct jm_error *err)
{
	struct command_load *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the load");
	c->env = env;
	c->is_told = is_told;
	c->input = -1;
	/* It runs from its start on; a told one is off until it is told. */
	c->is_on = !is_told;
	rc = spawn(c, command, err);
	if (rc) {
		free(c);
		return rc;
	}
	*out = (struct jm_player){.ops = &ops, .env = env, .n_levels = 1, .shortest_ns = SHORTEST_NS, .state = c};
	snprintf(out->text, sizeof(out->text), "%.150s", command);
	return 0;
}
