#include "cli/cli.h"

#include "core/display.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

void jm_cli_default_output(char *out, size_t size)
{
	time_t now = time(NULL);
	char stamp[32];
	struct tm local;
	int n;

	localtime_r(&now, &local);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &local);
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

int jm_cli_fail(const struct jm_error *err)
{
	jm_cli_line(stderr, "joulemap: %s", err->message[0] ? err->message : jm_error_text(err->code));
	if (err->remedy[0])
		jm_cli_line(stderr, "  try: %s", err->remedy);
	return JM_EXIT_FAILURE;
}

int jm_cli_fail_output(struct jm_error *err)
{
	/* The library does not know our options. */
	if (err->code == JM_E_EXISTS)
		snprintf(err->remedy, sizeof(err->remedy), "another name with -o, or --force to overwrite it");
	return jm_cli_fail(err);
}

bool jm_cli_is_colour(const struct jm_common *common, int fd)
{
	const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");

	if (common->colour && strcmp(common->colour, "always") == 0)
		return true;
	if (common->colour && strcmp(common->colour, "never") == 0)
		return false;
	return isatty(fd) && !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
}

int jm_cli_width(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) || size.ws_col == 0)
		return 0;
	return size.ws_col;
}

int jm_cli_write_stdout(void *ctx, const char *text, size_t n)
{
	(void)ctx;
	return fwrite(text, 1, n, stdout) != n || fflush(stdout);
}
