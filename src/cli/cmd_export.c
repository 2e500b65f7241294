/* export: a recording in a format of another program, or as data. */
#define _GNU_SOURCE
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/stat.h>
#include <unistd.h>

struct settings {
	struct jm_common common;
	const char *format, *output, *by, *method, *baseline;
	bool is_forced;
};

static int write_file(void *ctx, const char *text, size_t n)
{
	return fwrite(text, 1, n, ctx) != n;
}

/* A file that is there is kept unless forced; a link is not followed. */
static FILE *open_output(const struct settings *s, struct jm_error *err)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (s->is_forced ? O_TRUNC : O_EXCL);
	int fd = open(s->output, flags, 0644);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (f)
		return f;
	err->code = errno == EEXIST ? JM_E_EXISTS : JM_E_IO;
	snprintf(err->message, sizeof(err->message), "cannot write %s: %s", s->output, strerror(errno));
	err->remedy[0] = '\0';
	if (fd >= 0)
		close(fd);
	return NULL;
}

static int write_output(const struct settings *s, const struct jm_report *report, const struct jm_view_options *view)
{
	struct jm_error err = {0};
	FILE *f = open_output(s, &err);
	struct stat st;
	bool is_ours;
	int rc;

	if (!f)
		return jm_cli_fail_output(&err);
	/* A pipe or device that was named is none of ours to remove. */
	is_ours = fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode);
	rc = jm_report_write(report, view, write_file, f, &err);
	if (fclose(f) && rc == 0) {
		rc = err.code = JM_E_IO;
		snprintf(err.message, sizeof(err.message), "cannot write %s: %s", s->output, strerror(errno));
	}
	if (rc == 0)
		return JM_EXIT_OK;
	if (is_ours)
		unlink(s->output);
	return jm_cli_fail(&err);
}

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	struct jm_report_options options = {.size = sizeof(options),
					    .method = s->method,
					    .baseline = s->baseline,
					    .by = s->by,
					    .with_iterations = s->by && strcmp(s->by, "iteration") == 0,
					    .with_timeline = true};
	struct jm_view_options view = {.size = sizeof(view), .format = s->format, .by = s->by};
	struct jm_error err = {0};
	struct jm_report *report;
	int rc;

	(void)command;
	if (n_positional != 1)
		return jm_cli_usage_error(&jm_cmd_export, "which recording?");
	if (!s->format)
		return jm_cli_usage_error(&jm_cmd_export, "which --format? aipowermeter, csv or json");
	if (jm_report_open(positional[0], &options, &report, &err))
		return jm_cli_fail(&err);
	if (s->output)
		rc = write_output(s, report, &view);
	else
		rc = jm_report_write(report, &view, jm_cli_write_stdout, NULL, &err) ? jm_cli_fail(&err) : JM_EXIT_OK;
	jm_report_destroy(report);
	return rc;
}

static const struct jm_option options[] = {
    {0, "format", "FORMAT", "aipowermeter, csv or json", JM_OPTION_TEXT, offsetof(struct settings, format)},
    {'o', "output", "FILE", "file to write (default: standard output)", JM_OPTION_TEXT,
     offsetof(struct settings, output)},
    {'f', "force", NULL, "overwrite an existing file", JM_OPTION_FLAG, offsetof(struct settings, is_forced)},
    {0, "by", "WHAT", "rows of CSV: as in report", JM_OPTION_TEXT, offsetof(struct settings, by)},
    {0, "method", "METHOD", "as in report", JM_OPTION_TEXT, offsetof(struct settings, method)},
    {0, "baseline", "FILE", "as in report", JM_OPTION_TEXT, offsetof(struct settings, baseline)},
};

const struct jm_command jm_cmd_export = {
    .name = "export",
    .summary = "write a recording in a format of other programs",
    .usage = "FILE --format aipowermeter|csv|json [-o FILE]",
    .details = "aipowermeter: power_metrics.json, a record for each look at the processes (docs/processes.md).",
    .examples = "  joulemap export run.jmap --format aipowermeter -o power_metrics.json\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .n_positional_max = 1,
    .settings_size = sizeof(struct settings),
    .run = run,
};
