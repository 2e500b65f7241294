#define _GNU_SOURCE
#include "cli/cli.h"

#include "core/error.h"
#include "core/units.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
#define N_FORWARDED (sizeof(forwarded) / sizeof(forwarded[0]))

static void signal_set(sigset_t *set)
{
	size_t i;

	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (i = 0; i < N_FORWARDED; i++)
		sigaddset(set, forwarded[i]);
}

void jm_cli_block_signals(void)
{
	sigset_t set;

	signal_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* The child starts with the signals as our caller left them. */
static int spawn(char **command, pid_t *pid_out)
{
	posix_spawnattr_t attributes;
	sigset_t none;
	int rc;

	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	rc = posix_spawnp(pid_out, command[0], NULL, &attributes, command, environ);
	posix_spawnattr_destroy(&attributes);
	return rc;
}

/* A signal typed at the terminal has reached the child already: it is of the same process group. */
static bool is_from_terminal(const siginfo_t *info)
{
	return info->si_code == SI_KERNEL;
}

static int exit_code_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int wait_for(pid_t pid)
{
	sigset_t set;
	siginfo_t info;
	int status, orphan_status;
	pid_t orphan;

	signal_set(&set);
	for (;;) {
		pid_t done = waitpid(pid, &status, WNOHANG);

		if (done == pid)
			return exit_code_of(status);
		if (done < 0 && errno != EINTR)
			return JM_EXIT_FAILURE;
		/* Orphans of the command, in our process group; no sensor's program is in it. */
		while (done == 0 && (orphan = waitpid(0, &orphan_status, WNOHANG)) > 0)
			if (orphan == pid)
				return exit_code_of(orphan_status);
		if (sigwaitinfo(&set, &info) > 0 && info.si_signo != SIGCHLD && !is_from_terminal(&info))
			kill(pid, info.si_signo);
	}
}

static struct rlimit original_limit;
static bool is_limit_raised;

void jm_cli_raise_descriptors(void)
{
	struct rlimit raised;

	if (getrlimit(RLIMIT_NOFILE, &original_limit) || original_limit.rlim_cur == original_limit.rlim_max)
		return;
	raised = original_limit;
	raised.rlim_cur = raised.rlim_max;
	is_limit_raised = setrlimit(RLIMIT_NOFILE, &raised) == 0;
}

/* A child inherits the limit of the moment; programs that use select() must not get a high one. */
static int spawn_with_limit(char **command, pid_t *pid_out)
{
	struct rlimit raised;
	int rc;

	if (!is_limit_raised || getrlimit(RLIMIT_NOFILE, &raised))
		return spawn(command, pid_out);
	setrlimit(RLIMIT_NOFILE, &original_limit);
	rc = spawn(command, pid_out);
	setrlimit(RLIMIT_NOFILE, &raised);
	return rc;
}

int jm_cli_run_watched(char **command, void (*started)(void *ctx, int64_t pid), void *ctx, int64_t *start_ns_out,
		       int64_t *end_ns_out, struct jm_error *err)
{
	int64_t start_ns = jm_now_ns();
	pid_t pid;
	int rc = spawn_with_limit(command, &pid);

	if (rc) {
		jm_error_errno(err, rc, "cannot run '%s'", command[0]);
		return rc == ENOENT ? JM_EXIT_NO_COMMAND : JM_EXIT_CANNOT_RUN;
	}
	if (started)
		started(ctx, pid);
	rc = wait_for(pid);
	*start_ns_out = start_ns;
	*end_ns_out = jm_now_ns();
	return rc;
}

#define ASKED_NS (JM_NS_PER_S / 10)

void jm_cli_wait_until(int64_t duration_ns, bool (*is_done)(void *ctx), void *ctx)
{
	int64_t end_ns = jm_now_ns() + (duration_ns < 0 ? 0 : duration_ns);
	sigset_t set;
	siginfo_t info;

	signal_set(&set);
	for (;;) {
		int64_t left_ns = duration_ns < 0 ? 3600 * JM_NS_PER_S : end_ns - jm_now_ns();
		struct timespec t;
		int signo;

		if (left_ns <= 0 || (is_done && is_done(ctx)))
			return;
		left_ns = is_done && left_ns > ASKED_NS ? ASKED_NS : left_ns;
		t = (struct timespec){.tv_sec = left_ns / JM_NS_PER_S, .tv_nsec = left_ns % JM_NS_PER_S};
		signo = sigtimedwait(&set, &info, &t);
		if (signo == SIGINT || signo == SIGTERM || signo == SIGHUP || signo == SIGQUIT)
			return;
	}
}

static size_t add(char *out, size_t size, size_t n, const char *text, size_t text_n)
{
	size_t room = size - 1 - n;

	if (text_n > room)
		text_n = room;
	memcpy(out + n, text, text_n);
	return n + text_n;
}

void jm_cli_join(char **command, char *out, size_t size)
{
	size_t n = 0;

	for (; *command; command++) {
		bool is_plain =
		    **command && strspn(*command, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
						  "_-./=:,+@%") == strlen(*command);
		const char *c;

		n = add(out, size, n, " ", n > 0);
		if (is_plain) {
			n = add(out, size, n, *command, strlen(*command));
			continue;
		}
		n = add(out, size, n, "'", 1);
		for (c = *command; *c; c++)
			n = *c == '\'' ? add(out, size, n, "'\\''", 4) : add(out, size, n, c, 1);
		n = add(out, size, n, "'", 1);
	}
	out[n] = '\0';
}
