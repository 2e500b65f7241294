#define _GNU_SOURCE
#include "cli/cli.h"

#include "core/display.h"
#include "core/error.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void jm_cli_stamp(char *out, size_t size)
{
	time_t now = time(NULL);
	struct tm local;

	if (!localtime_r(&now, &local) || strftime(out, size, "%Y%m%d-%H%M%S", &local) == 0)
		snprintf(out, size, "%lld", (long long)now);
}

void jm_cli_default_output(char *out, size_t size)
{
	char stamp[32];
	int n;

	jm_cli_stamp(stamp, sizeof(stamp));
	snprintf(out, size, "joulemap-%s.jmap", stamp);
	for (n = 2; n < 100 && access(out, F_OK) == 0; n++)
		snprintf(out, size, "joulemap-%s-%d.jmap", stamp, n);
}

static void print(FILE *to, bool is_line, const char *format, va_list args)
{
	struct jm_buffer b = {0};

	jm_display_vtext(&b, format, args);
	if (is_line)
		jm_buffer_puts(&b, "\n");
	if (!b.is_failed)
		fwrite(b.data, 1, b.n, to);
	jm_buffer_finish(&b);
}

void jm_cli_text(FILE *to, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(to, false, format, args);
	va_end(args);
}

void jm_cli_line(FILE *to, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(to, true, format, args);
	va_end(args);
}

void jm_cli_wrapped(FILE *to, const char *format, ...)
{
	struct jm_buffer b = {0};
	va_list args;

	va_start(args, format);
	jm_display_vtext(&b, format, args);
	va_end(args);
	jm_buffer_puts(&b, "\n");
	jm_display_wrap(&b, 0, jm_cli_width(fileno(to)), JM_DISPLAY_HANG);
	if (!b.is_failed)
		fwrite(b.data, 1, b.n, to);
	jm_buffer_finish(&b);
}

int jm_cli_fail(const struct jm_error *err)
{
	jm_cli_wrapped(stderr, "joulemap: %s", err->message[0] ? err->message : jm_error_text(err->code));
	if (err->remedy[0])
		jm_cli_line(stderr, "  try: %s", err->remedy);
	return JM_EXIT_FAILURE;
}

int jm_cli_fail_output(struct jm_error *err)
{
	/* The library does not know our options. */
	if (err->code == JM_E_EXISTS)
		snprintf(err->remedy, sizeof(err->remedy), "another name, or --force to overwrite it");
	return jm_cli_fail(err);
}

bool jm_cli_is_colour(const struct jm_common *common, int fd)
{
	const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");

	if (common->is_colourless)
		return false;
	if (common->colour && strcmp(common->colour, "always") == 0)
		return true;
	if (common->colour && strcmp(common->colour, "never") == 0)
		return false;
	return isatty(fd) && !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
}

/* A terminal on a serial line does not know its size. */
static int assumed_width(void)
{
	const char *columns = getenv("COLUMNS");
	uint64_t n;

	if (columns && jm_text_u64(columns, strlen(columns), &n) == 0 && n > 0 && n < 10000)
		return (int)n;
	return JM_CLI_WIDTH;
}

int jm_cli_width(int fd)
{
	struct winsize size;

	if (!isatty(fd))
		return 0;
	return ioctl(fd, TIOCGWINSZ, &size) || size.ws_col == 0 ? assumed_width() : size.ws_col;
}

int jm_cli_write_stdout(void *ctx, const char *text, size_t n)
{
	(void)ctx;
	return fwrite(text, 1, n, stdout) != n || fflush(stdout);
}

static int write_file(void *ctx, const char *text, size_t n)
{
	return fwrite(text, 1, n, ctx) != n;
}

/* A link is not followed. */
static FILE *open_output(const char *path, bool is_forced, struct jm_error *err)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (is_forced ? O_TRUNC : O_EXCL);
	int fd = open(path, flags, 0644);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	struct stat st;
	int code;

	if (f)
		return f;
	code = errno;
	if (fd >= 0)
		close(fd);
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		jm_file_refuse_link(path, err);
	else
		jm_error_errno(err, code, "cannot write %s", path);
	return NULL;
}

int jm_cli_write_file(const char *path, bool is_forced, jm_cli_produce_fn produce, const void *what)
{
	struct jm_error err = {0};
	FILE *f = open_output(path, is_forced, &err);
	struct stat st;
	bool is_ours;
	int rc;

	if (!f)
		return jm_cli_fail_output(&err);
	/* A pipe or device that was named is none of ours to remove. */
	is_ours = fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode);
	rc = produce(what, write_file, f, &err);
	if (fclose(f) && rc == 0) {
		rc = err.code = JM_E_IO;
		snprintf(err.message, sizeof(err.message), "cannot write %s: %s", path, strerror(errno));
	}
	if (rc == 0)
		return JM_EXIT_OK;
	if (is_ours)
		unlink(path);
	return jm_cli_fail(&err);
}

struct viewed {
	const struct jm_report *report;
	const struct jm_view_options *view;
};

static int produce_view(const void *what, jm_write_fn write, void *ctx, struct jm_error *err)
{
	const struct viewed *v = what;

	return jm_report_write(v->report, v->view, write, ctx, err);
}

int jm_cli_write_report(const struct jm_report *report, const struct jm_view_options *view, const char *path,
			bool is_forced)
{
	return jm_cli_write_file(path, is_forced, produce_view, &(struct viewed){report, view});
}

int jm_cli_print_report(const char *path, const struct jm_report_options *options, const struct jm_view_options *view)
{
	struct jm_error err = {0};
	struct jm_report *report;
	int rc;

	if (jm_report_open(path, options, &report, &err))
		return jm_cli_fail(&err);
	rc = jm_report_write(report, view, jm_cli_write_stdout, NULL, &err);
	jm_report_destroy(report);
	return rc ? jm_cli_fail(&err) : JM_EXIT_OK;
}

int jm_cli_limit(const char *limit, size_t default_rows, size_t *out)
{
	uint64_t n = default_rows;

	if (limit && strcmp(limit, "all") == 0)
		n = 0;
	else if (limit && jm_text_u64(limit, strlen(limit), &n))
		return JM_E_FORMAT;
	*out = (size_t)n;
	return 0;
}
