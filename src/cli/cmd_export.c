/* export: a recording in a format of another program, or as data. */
#include "cli/cli.h"
#include "cli/recording_options.h"

#include <string.h>
#include <unistd.h>

struct settings {
	struct jm_common common;
	const char *format, *output, *by, *method, *baseline, *window, *carbon, *price;
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
					    .window = s->window,
					    .with_timeline = s->format && strcmp(s->format, "aipowermeter") == 0,
					    .with_scene = s->format && strcmp(s->format, "html") == 0};
	struct jm_view_options view = {
	    .size = sizeof(view), .format = s->format, .by = s->by, .carbon = s->carbon, .price = s->price};
	struct jm_error err = {0};
	struct jm_report *report;
	int rc;

	(void)command;
	if (n_positional != 1)
		return jm_cli_usage_error(&jm_cmd_export, "which recording?");
	if (!s->format)
		return jm_cli_usage_error(&jm_cmd_export,
					  "which --format? perfetto, chrome, html, csv, json, folded, prometheus or aipowermeter");
	if (!s->output && isatty(STDOUT_FILENO) && strcmp(s->format, "perfetto") == 0)
		return jm_cli_usage_error(&jm_cmd_export, "this format is binary: name a file with -o");
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
    {0, "format", "FORMAT", "perfetto, chrome, html, csv, json, folded, prometheus or aipowermeter", JM_OPTION_TEXT,
     offsetof(struct settings, format)},
    {'o', "output", "FILE", "file to write (default: standard output)", JM_OPTION_TEXT,
     offsetof(struct settings, output)},
    {'f', "force", NULL, "overwrite an existing file", JM_OPTION_FLAG, offsetof(struct settings, is_forced)},
    {0, "by", "WHAT", "what gets energies, and rows of CSV: as in report", JM_OPTION_TEXT,
     offsetof(struct settings, by)},
    {0, "method", "METHOD", "as in report", JM_OPTION_TEXT, offsetof(struct settings, method)},
    {0, "baseline", "FILE", "as in report", JM_OPTION_TEXT, offsetof(struct settings, baseline)},
    {0, "window", "NAME", "as in report", JM_OPTION_TEXT, offsetof(struct settings, window)},
    JM_CLI_CARBON(struct settings),
    JM_CLI_PRICE(struct settings),
};

const struct jm_command jm_cmd_export = {
    .name = "export",
    .summary = "write a recording in a format of other programs",
    .usage = "FILE --format perfetto|chrome|html|csv|json|folded|prometheus|aipowermeter [-o FILE]",
    .details = "perfetto, chrome: power above the layers, for ui.perfetto.dev and other trace viewers, energies as "
	       "arguments.\n"
	       "csv, json: the results, as report --format. folded: stacks, for flame graphs of energy. prometheus: the\n"
	       "results as OpenMetrics text. aipowermeter: power_metrics.json, a record for each look at the processes.\n"
	       "docs/export.md says more.",
    .examples = "  joulemap export run.jmap --format perfetto -o run.perfetto-trace   # open in ui.perfetto.dev\n"
		"  joulemap export run.jmap --format chrome --by kernel -o run.json\n"
		"  joulemap export run.jmap --format csv --by iteration -o iterations.csv\n"
		"  joulemap export run.jmap --format aipowermeter -o power_metrics.json\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .n_positional_max = 1,
    .settings_size = sizeof(struct settings),
    .run = run,
};
