/* Device: any meter that a program can read and joulemap cannot.
 * Interface: the lines that the program prints, on a pseudo terminal, so that its output comes line by line and not in
 * blocks of 4 KiB. Its standard error goes to ours, its standard input is empty.
 * Lines: "value", "time value", or one column of several (CSV), or the first number after a given text:
 *   exec:./meter                                                      watts, one a line
 *   exec:column=2;nvidia-smi -i 0 --query-gpu=index,power.draw --format=csv,noheader -lms 100
 *   exec:match=VDD_IN;unit=mW;window=1s;tegrastats --interval 1000
 * Unit: W unless unit= or the line says another; J and Wh make it an energy counter. Step, period, wrap: of the meter,
 * unknown (period= says it). A command with any of |&<>$`*?()#~ or a backslash is given to sh.
 * Time: a line is stamped when it is found; it came between two looks, 20 ms apart, and half of that is its
 * uncertainty. The line's own time is kept as the device's time.
 * Permission: to run the program. Faults: a line without a value is a gap, except before the first value (headings);
 * when the program ends, the sensor is gone; closing ends its whole process group.
 * Source: POSIX.1-2017 posix_openpt; pty(7). */
#define _GNU_SOURCE
#include "sensor/sensor.h"

#include "core/error.h"
#include "core/units.h"
#include "sensor/exec_line.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

extern const struct jm_sensor_driver jm_sensor_exec;

#define DRAIN_NS    (20 * JM_NS_PER_MS)
#define SAMPLES_MAX 256
#define WORDS_MAX   64
/* What is taken in one look: a program that prints without end must not keep us busy. */
#define LOOK_BYTES_MAX 32768
/* How long a program may take to end by itself when asked to: 200 looks, 5 ms apart. */
#define END_LOOKS_MAX 200
#define END_LOOK_NS   (5 * JM_NS_PER_MS)

struct exec {
	struct jm_exec_format format;
	char *command; /* as given */
	char *copy;    /* cut into words */
	char *words[WORDS_MAX + 1];
	int fd; /* our side of the terminal */
	pid_t pid;
	int64_t looked_ns; /* when the lines were last looked for */
	bool has_value, is_line_too_long;
	uint64_t n_lines, n_bad; /* with something in them; of these, without a value */
	char first_bad[64];      /* terminated */
	size_t n;                /* bytes of an unfinished line */
	char line[4096];
};

static bool needs_shell(const char *command)
{
	return strpbrk(command, "|&<>$`*?()#~\\;\n") != NULL;
}

/* Cuts the copy into words at blanks; quotes, single or double, keep blanks. */
static int cut_words(struct exec *e, struct jm_error *err)
{
	char *from = e->copy, *to;
	size_t n = 0;

	for (;;) {
		char quote = '\0';

		from += strspn(from, " \t");
		if (*from == '\0')
			break;
		if (n == WORDS_MAX)
			return jm_error_set(err, JM_E_INVALID, "exec: more than %d words in the command", WORDS_MAX);
		e->words[n++] = to = from;
		for (; *from && (quote || !strchr(" \t", *from)); from++) {
			if (quote ? *from == quote : *from == '\'' || *from == '"')
				quote = quote ? '\0' : *from;
			else
				*to++ = *from;
		}
		if (quote)
			return jm_error_set(err, JM_E_INVALID, "exec: a quote is not closed in \"%s\"", e->command);
		from += *from != '\0';
		*to = '\0';
	}
	e->words[n] = NULL;
	return 0;
}

static int set_command(struct exec *e, const char *command, struct jm_error *err)
{
	e->command = strdup(command);
	e->copy = strdup(command);
	if (!e->command || !e->copy)
		return jm_error_set(err, JM_E_NOMEM, "exec: out of memory");
	if (!needs_shell(command))
		return cut_words(e, err);
	e->words[0] = "/bin/sh";
	e->words[1] = "-c";
	e->words[2] = e->command;
	return 0;
}

static void describe(struct jm_sensor *s, struct jm_channel *c, const struct exec *e)
{
	s->max_samples = SAMPLES_MAX;
	s->drain_period_ns = DRAIN_NS;
	c->quantity = e->format.unit->quantity;
	c->window_ns = e->format.window_ns;
	c->update_period_ns = e->format.period_ns;
	if (c->quantity == JM_QUANTITY_ENERGY)
		c->kind = JM_KIND_COUNTER;
	else if (c->window_ns)
		c->kind = JM_KIND_WINDOW_MEAN;
	snprintf(c->label, sizeof(c->label), "%.*s", (int)sizeof(c->label) - 1, e->command);
	snprintf(c->reason, sizeof(c->reason), "read from the output of: %.200s", e->command);
	if (c->update_period_ns == 0)
		snprintf(c->remedy, sizeof(c->remedy), "%s",
			 "say how often the program prints, so that missing lines are counted rightly: "
			 "exec:period=1s;COMMAND");
}

static int probe(const struct jm_env *env, const char *argument, struct jm_sensor_set *found, struct jm_error *why)
{
	struct jm_exec_format format;
	const char *command;
	struct jm_sensor *s;
	struct jm_channel *c;
	struct exec *e;
	char name[96];
	int rc = jm_exec_parse_options(argument ? argument : "", &format, &command, why);

	if (rc)
		return rc;
	snprintf(name, sizeof(name), "exec/%s", format.name[0] ? format.name : jm_quantity_text(format.unit->quantity));
	e = calloc(1, sizeof(*e));
	if (!e)
		return jm_error_set(why, JM_E_NOMEM, "exec: out of memory");
	e->format = format;
	e->fd = -1;
	rc = set_command(e, command, why);
	s = rc ? NULL : jm_sensor_set_append(found, &jm_sensor_exec, env, name);
	if (!s) {
		free(e->command);
		free(e->copy);
		free(e);
		return rc ? rc : jm_error_set(why, JM_E_NOMEM, "exec: out of memory");
	}
	s->state = e;
	c = jm_sensor_set_channel(found, name);
	if (!c)
		return jm_error_set(why, JM_E_NOMEM, "exec: out of memory");
	describe(s, c, e);
	return 0;
}

/* Makes our side of a terminal whose other side neither echoes nor rewrites line ends nor breaks long lines. */
static int open_terminal(struct exec *e, char *path, size_t size, struct jm_error *err)
{
	struct winsize window = {.ws_row = 50, .ws_col = 1000};

	e->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (e->fd < 0 || grantpt(e->fd) || unlockpt(e->fd) || ptsname_r(e->fd, path, size))
		return jm_error_errno(err, errno, "exec: cannot make a pseudo terminal");
	ioctl(e->fd, TIOCSWINSZ, &window);
	return 0;
}

/* In the child: only calls that are safe after fork in a program with threads. Gives errno, or does not return. */
static int become(const struct exec *e, const char *terminal)
{
	struct termios mode;
	sigset_t none;
	int in, out;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	in = open("/dev/null", O_RDONLY);
	out = open(terminal, O_RDWR); /* becomes the controlling terminal: it hangs up should we be killed */
	if (in < 0 || out < 0)
		return errno;
	if (tcgetattr(out, &mode) == 0) {
		mode.c_oflag &= ~(tcflag_t)OPOST;
		mode.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(out, TCSANOW, &mode);
	}
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0)
		return errno;
	if (in > 2)
		close(in);
	if (out > 2)
		close(out);
	execvp(e->words[0], e->words);
	return errno;
}

/* Starts the program and waits until it runs or could not be started. Gives 0 or errno. */
static int start(struct exec *e, const char *terminal)
{
	int report[2], failure = 0;
	ssize_t n;

	if (pipe2(report, O_CLOEXEC))
		return errno;
	e->pid = fork();
	if (e->pid == 0) {
		failure = become(e, terminal);
		n = write(report[1], &failure, sizeof(failure));
		_exit(127 + (n < 0));
	}
	close(report[1]);
	if (e->pid < 0)
		failure = errno;
	else
		do
			n = read(report[0], &failure, sizeof(failure));
		while (n < 0 && errno == EINTR);
	close(report[0]);
	return failure;
}

static void close_exec(struct jm_sensor *s);

static int open_exec(struct jm_sensor *s, struct jm_error *err)
{
	struct exec *e = s->state;
	char terminal[128];
	int rc = open_terminal(e, terminal, sizeof(terminal), err);
	int failure;

	if (rc) {
		close_exec(s);
		return rc;
	}
	e->n = 0;
	e->has_value = e->is_line_too_long = false;
	failure = start(e, terminal);
	if (failure) {
		close_exec(s);
		rc = jm_error_errno(err, failure, "exec: cannot run \"%s\"", e->words[0]);
		jm_error_remedy(err, "check the command: exec:%.300s", e->command);
		return rc;
	}
	e->looked_ns = jm_env_now(s->env);
	s->is_open = true;
	return 0;
}

static void keep_bad(struct exec *e, const char *line, size_t n)
{
	size_t i;

	if (e->n_bad++)
		return;
	n = n < sizeof(e->first_bad) ? n : sizeof(e->first_bad) - 1;
	for (i = 0; i < n; i++)
		e->first_bad[i] = (char)((unsigned char)line[i] < ' ' || line[i] == 127 ? '.' : line[i]);
	e->first_bad[n] = '\0';
}

/* Makes a sample of a line, or of the want of a value in it. Gives the number of samples, 0 or 1. */
static size_t take_line(struct jm_sensor *s, const char *line, size_t n, int64_t now_ns, struct jm_sample *out)
{
	struct exec *e = s->state;
	int64_t value = 0, device_us = 0;
	int rc;

	if (n > 0 && line[n - 1] == '\r')
		n--;
	if (n == 0 && !e->is_line_too_long)
		return 0;
	rc = e->is_line_too_long ? JM_E_FORMAT : jm_exec_parse_line(&e->format, line, n, &value, &device_us);
	e->is_line_too_long = false;
	e->n_lines++;
	if (rc)
		keep_bad(e, line, n);
	if (rc && !e->has_value)
		return 0;
	e->has_value = true;
	jm_sample_fill(out, s->first_channel, e->looked_ns, now_ns, value);
	out->device_us = device_us;
	if (rc)
		out->status = JM_SAMPLE_GAP;
	return 1;
}

/* Makes samples of the whole lines in the buffer, as many as fit; keeps the rest. */
static size_t take_lines(struct jm_sensor *s, int64_t now_ns, struct jm_sample *out, size_t n_out)
{
	struct exec *e = s->state;
	size_t from = 0;

	while (n_out < s->max_samples) {
		const char *end = memchr(e->line + from, '\n', e->n - from);
		size_t length = end ? (size_t)(end - e->line) - from : 0;

		if (!end)
			break;
		n_out += take_line(s, e->line + from, length, now_ns, &out[n_out]);
		from += length + 1;
	}
	e->n -= from;
	memmove(e->line, e->line + from, e->n);
	return n_out;
}

static int read_exec(struct jm_sensor *s, struct jm_sample *out, size_t *n_out)
{
	struct exec *e = s->state;
	int64_t now_ns = jm_env_now(s->env);
	size_t n_samples = take_lines(s, now_ns, out, 0), n_bytes = 0;
	bool is_over = false;

	while (n_samples < s->max_samples && n_bytes < LOOK_BYTES_MAX) {
		ssize_t n;

		if (e->n == sizeof(e->line)) {
			e->is_line_too_long = true;
			e->n = 0;
		}
		n = read(e->fd, e->line + e->n, sizeof(e->line) - e->n);
		if (n < 0 && errno == EINTR)
			continue;
		/* EIO: nobody has the terminal open any more. */
		is_over = n == 0 || (n < 0 && errno != EAGAIN);
		if (n <= 0)
			break;
		e->n += (size_t)n;
		n_bytes += (size_t)n;
		n_samples = take_lines(s, now_ns, out, n_samples);
	}
	if (n_samples == 0 && is_over)
		return JM_E_GONE;
	e->looked_ns = now_ns;
	if (n_samples == 0)
		return JM_E_AGAIN;
	*n_out = n_samples;
	return 0;
}

/* Ends the program and all it started: asks, waits, insists. */
static void end_program(struct exec *e)
{
	const struct timespec look = {.tv_nsec = END_LOOK_NS};
	bool is_over = false;
	int i;

	kill(-e->pid, SIGTERM);
	for (i = 0; i < END_LOOKS_MAX && !is_over; i++) {
		is_over = waitpid(e->pid, NULL, WNOHANG) != 0;
		if (!is_over)
			nanosleep(&look, NULL);
	}
	kill(-e->pid, SIGKILL);
	while (!is_over)
		is_over = waitpid(e->pid, NULL, 0) >= 0 || errno != EINTR;
	e->pid = 0;
}

static void close_exec(struct jm_sensor *s)
{
	struct exec *e = s->state;

	if (e && e->fd >= 0) {
		close(e->fd);
		e->fd = -1;
	}
	if (e && e->pid > 0)
		end_program(e);
	s->is_open = false;
}

static bool remark(const struct jm_sensor *s, char *out, size_t size)
{
	const struct exec *e = s->state;

	/* A few lines without a value are headings, or readings that failed: those are gaps, which the ledger has. */
	if (e->n_bad * 10 <= e->n_lines && e->has_value)
		return false;
	if (e->n_lines == 0)
		snprintf(out, size, "%s: the program has printed no whole line: %.100s", s->name, e->command);
	else
		snprintf(out, size,
			 "%s: %llu of the %llu lines that the program printed hold no value; the first is \"%s\"; "
			 "mend: say where "
			 "it stands: exec:column=N;COMMAND or exec:match=TEXT;COMMAND",
			 s->name, (unsigned long long)e->n_bad, (unsigned long long)e->n_lines, e->first_bad);
	return true;
}

static void destroy(struct jm_sensor *s)
{
	struct exec *e = s->state;

	if (e) {
		free(e->command);
		free(e->copy);
	}
	free(e);
	s->state = NULL;
}

const struct jm_sensor_driver jm_sensor_exec = {
    .name = "exec",
    .summary = "any program that prints its readings, one a line",
    .argument_help = "[unit=mW;column=N;match=TEXT;time=N;window=T;period=T;name=NAME;]COMMAND",
    .needs_argument = true,
    .probe = probe,
    .open = open_exec,
    .read = read_exec,
    .close = close_exec,
    .remark = remark,
    .destroy = destroy,
};
