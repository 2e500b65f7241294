#include "cli/cli.h"
#include "cli/recording_options.h"

#include "joulemap/plot.h"

#include <string.h>
#include <unistd.h>

struct settings {
	struct jm_common common;
	const char *by, *sort, *baseline, *format, *method, *limit, *window, *carbon, *price, *weigh;
	const char *html, *png, *svg, *plot, *channel;
	bool is_comparing, with_work, is_forced;
};

#define TABLE_ROWS 30

struct drawn {
	const struct jm_report *report;
	struct jm_plot_view view;
};

static int produce_plot(const void *what, jm_write_fn write, void *ctx, struct jm_error *err)
{
	const struct drawn *d = what;

	return jm_report_plot(d->report, &d->view, write, ctx, err);
}

/* Writes the page and the pictures that were asked for. */
static int write_files(const struct settings *s, const struct jm_report *report, struct jm_view_options *view)
{
	struct drawn svg = {report, {.size = sizeof(svg.view), .plot = s->plot, .format = "svg", .channel = s->channel}};
	struct drawn png = svg;
	int rc = JM_EXIT_OK;

	svg.view.limit = png.view.limit = s->limit ? view->limit ? view->limit : SIZE_MAX : 0;
	png.view.format = "png";
	view->format = "html";
	if (s->html)
		rc = jm_cli_write_report(report, view, s->html, s->is_forced);
	if (rc == JM_EXIT_OK && s->svg)
		rc = jm_cli_write_file(s->svg, s->is_forced, produce_plot, &svg);
	if (rc == JM_EXIT_OK && s->png)
		rc = jm_cli_write_file(s->png, s->is_forced, produce_plot, &png);
	return rc;
}

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	struct jm_report_options options = {.size = sizeof(options),
					    .method = s->method,
					    .baseline = s->baseline,
					    .window = s->window,
					    .by = s->by,
					    .weigh = s->weigh,
					    .with_scene = s->html || s->png || s->svg,
					    .with_timeline = s->format && strcmp(s->format, "aipowermeter") == 0,
					    .with_iterations = s->by && strcmp(s->by, "iteration") == 0};
	struct jm_view_options view = {.size = sizeof(view),
				       .format = s->format,
				       .by = s->by,
				       .sort = s->sort                   ? s->sort
					       : options.with_iterations ? "none"
									 : NULL,
				       .is_colour = jm_cli_is_colour(&s->common, STDOUT_FILENO),
				       .width = jm_cli_width(STDOUT_FILENO),
				       .with_work = s->with_work,
				       .carbon = s->carbon,
				       .price = s->price};
	struct jm_error err = {0};
	struct jm_report *report;
	int rc;

	(void)command;
	if (n_positional != 1)
		return jm_cli_usage_error(&jm_cmd_report, "which recording?");
	if (jm_cli_limit(s->limit, !s->format || strcmp(s->format, "table") == 0 ? TABLE_ROWS : 0, &view.limit))
		return jm_cli_usage_error(&jm_cmd_report, "--limit wants a number or all, not '%s'", s->limit);
	if (s->is_comparing) {
		rc = jm_report_compare_methods(positional[0], &options, &view, jm_cli_write_stdout, NULL, &err);
		return rc ? jm_cli_fail(&err) : JM_EXIT_OK;
	}
	if (jm_report_open(positional[0], &options, &report, &err))
		return jm_cli_fail(&err);
	if (options.with_scene)
		rc = write_files(s, report, &view);
	else
		rc = jm_report_write(report, &view, jm_cli_write_stdout, NULL, &err) ? jm_cli_fail(&err) : JM_EXIT_OK;
	jm_report_destroy(report);
	return rc;
}

static const struct jm_option options[] = {
    {0, "by", "WHAT", "layer (default), type, group, iteration, channel, process or container; of CUDA: kernel, range or stream",
     JM_OPTION_TEXT, offsetof(struct settings, by)},
    {0, "sort", "HOW", "energy (default), time, power, name or none", JM_OPTION_TEXT, offsetof(struct settings, sort)},
    {'n', "limit", "ROWS", "rows to show (default 30 in tables; all)", JM_OPTION_TEXT,
     offsetof(struct settings, limit)},
    {0, "method", "METHOD", "auto (default), share, window, integrate, ...", JM_OPTION_TEXT,
     offsetof(struct settings, method)},
    {0, "compare-methods", NULL, "share, regress, isolate and fused side by side", JM_OPTION_FLAG,
     offsetof(struct settings, is_comparing)},
    {0, "complexity", NULL, "columns of MACs, mJ by MMAC, GFLOP by J and FLOP by byte", JM_OPTION_FLAG,
     offsetof(struct settings, with_work)},
    {0, "window", "NAME", "only the time inside spans of this name", JM_OPTION_TEXT, offsetof(struct settings, window)},
    {0, "weigh", "HOW", "processor time of processes: auto (default), time, cycles or instructions", JM_OPTION_TEXT,
     offsetof(struct settings, weigh)},
    {0, "baseline", "FILE", "idle recording to use, or none (default: this machine's own)", JM_OPTION_TEXT,
     offsetof(struct settings, baseline)},
    JM_CLI_CARBON(struct settings),
    JM_CLI_PRICE(struct settings),
    {0, "html", "OUT.html", "write one page with charts, which opens offline in any browser", JM_OPTION_TEXT,
     offsetof(struct settings, html)},
    {0, "svg", "OUT.svg", "draw a picture, see --plot", JM_OPTION_TEXT, offsetof(struct settings, svg)},
    {0, "png", "OUT.png", "the same as pixels", JM_OPTION_TEXT, offsetof(struct settings, png)},
    {0, "plot", "WHAT", "layers (default: energy and time side by side), energy, latency, timeline or mapping", JM_OPTION_TEXT,
     offsetof(struct settings, plot)},
    {0, "channel", "NAME", "of pictures (default: that of the most energy)", JM_OPTION_TEXT, offsetof(struct settings, channel)},
    {'f', "force", NULL, "overwrite an existing file", JM_OPTION_FLAG, offsetof(struct settings, is_forced)},
    {0, "format", "FORMAT", "table (default), summary, csv, json or aipowermeter", JM_OPTION_TEXT, offsetof(struct settings, format)},
};

const struct jm_command jm_cmd_report = {
    .name = "report",
    .summary = "say where the energy of a recording went",
    .usage = "FILE [--by layer|type|group|iteration|channel|process|container|kernel|range|stream] [--sort energy|time|power|name] "
	     "[--format table|csv|json]",
    .details = "Every figure is measured or marked estimated, with a 95 % interval where one is known; parts, the "
	       "time between\n"
	       "iterations and the rest add up to the channel's total (sum check).",
    .examples = "  joulemap report run.jmap\n"
		"  joulemap report run.jmap --by type --sort time\n"
		"  joulemap report run.jmap --by kernel\n"
		"  joulemap report run.jmap --html run.html\n"
		"  joulemap report run.jmap --svg layers.svg --limit 20\n"
		"  joulemap report run.jmap --format json > run.json\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .n_positional_max = 1,
    .settings_size = sizeof(struct settings),
    .run = run,
};
