/* export: a recording in a format of another program, or as data. */
#include "cli/cli.h"

#include <string.h>

struct settings {
	struct jm_common common;
	const char *format, *output, *by, *method, *baseline;
	bool is_forced;
};

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	struct jm_report_options options = {.size = sizeof(options),
					    .method = s->method,
					    .baseline = s->baseline,
					    .by = s->by,
					    .with_iterations = s->by && strcmp(s->by, "iteration") == 0,
					    .with_timeline = true,
					    .with_scene = s->format && strcmp(s->format, "html") == 0};
	struct jm_view_options view = {.size = sizeof(view), .format = s->format, .by = s->by};
	struct jm_error err = {0};
	struct jm_report *report;
	int rc;

	(void)command;
	if (n_positional != 1)
		return jm_cli_usage_error(&jm_cmd_export, "which recording?");
	if (!s->format)
		return jm_cli_usage_error(&jm_cmd_export, "which --format? aipowermeter, csv, html or json");
	if (jm_report_open(positional[0], &options, &report, &err))
		return jm_cli_fail(&err);
	if (s->output)
		rc = jm_cli_write_report(report, &view, s->output, s->is_forced);
	else
		rc = jm_report_write(report, &view, jm_cli_write_stdout, NULL, &err) ? jm_cli_fail(&err) : JM_EXIT_OK;
	jm_report_destroy(report);
	return rc;
}

static const struct jm_option options[] = {
    {0, "format", "FORMAT", "aipowermeter, csv, html or json", JM_OPTION_TEXT, offsetof(struct settings, format)},
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
    .usage = "FILE --format aipowermeter|csv|html|json [-o FILE]",
    .details = "aipowermeter: power_metrics.json, a record for each look at the processes (docs/processes.md).",
    .examples = "  joulemap export run.jmap --format aipowermeter -o power_metrics.json\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .n_positional_max = 1,
    .settings_size = sizeof(struct settings),
    .run = run,
};
