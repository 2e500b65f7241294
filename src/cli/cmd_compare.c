#include "cli/cli.h"
#include "cli/recording_options.h"

#include "joulemap/compare.h"
#include "joulemap/plot.h"

#include <string.h>
#include <unistd.h>

struct settings {
	struct jm_common common;
	const char *format, *channels, *method, *limit, *first, *html, *svg, *png, *carbon, *price;
	bool with_layers, with_hotspots, is_forced;
	const char *by, *folder;
	uint64_t seed;
};

#define TABLE_ROWS 30
#define INPUTS_MAX 4096

/* What a page is made of. */
struct page {
	const struct settings *settings;
	const struct jm_comparison *comparison;
};

static int produce_page(const void *what, jm_write_fn write, void *ctx, struct jm_error *err)
{
	const struct page *page = what;
	const struct jm_view_options view = {
	    .size = sizeof(view), .format = "html", .carbon = page->settings->carbon, .price = page->settings->price};

	return jm_comparison_write(page->comparison, &view, write, ctx, err);
}

static int produce_svg(const void *what, jm_write_fn write, void *ctx, struct jm_error *err)
{
	const struct jm_plot_view view = {.size = sizeof(view), .format = "svg"};

	return jm_comparison_plot(what, &view, write, ctx, err);
}

static int produce_png(const void *what, jm_write_fn write, void *ctx, struct jm_error *err)
{
	const struct jm_plot_view view = {.size = sizeof(view), .format = "png"};

	return jm_comparison_plot(what, &view, write, ctx, err);
}

/* Writes the page and the pictures that were asked for. */
static int write_files(const struct settings *s, const struct jm_comparison *c)
{
	int rc = JM_EXIT_OK;

	if (s->html)
		rc = jm_cli_write_file(s->html, s->is_forced, produce_page, &(struct page){s, c});
	if (rc == JM_EXIT_OK && s->svg)
		rc = jm_cli_write_file(s->svg, s->is_forced, produce_svg, c);
	if (rc == JM_EXIT_OK && s->png)
		rc = jm_cli_write_file(s->png, s->is_forced, produce_png, c);
	return rc;
}

static bool needs_layers(const struct settings *s)
{
	return s->with_layers || s->with_hotspots || s->folder || s->html ||
	       (s->format && (strcmp(s->format, "html") == 0 || strcmp(s->format, "per_layer_energy") == 0));
}

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	const char *by = s->with_hotspots ? (s->by && strcmp(s->by, "layer") != 0 ? s->by : "hotspot")
			 : s->with_layers ? "layer"
					  : "variant";
	struct jm_compare_options options = {.size = sizeof(options),
					     .channels = s->channels,
					     .method = s->method,
					     .with_layers = needs_layers(s),
					     .seed = s->seed,
					     .first = s->first};
	struct jm_view_options view = {.size = sizeof(view),
				       .format = s->format,
				       .by = by,
				       .is_colour = jm_cli_is_colour(&s->common, STDOUT_FILENO),
				       .width = jm_cli_width(STDOUT_FILENO),
				       .carbon = s->carbon,
				       .price = s->price};
	struct jm_error err = {0};
	struct jm_comparison *c;
	int rc;

	(void)command;
	if (s->by && !s->with_hotspots)
		return jm_cli_usage_error(&jm_cmd_compare, "--by goes with --hotspots");
	if (n_positional == 0)
		return jm_cli_usage_error(&jm_cmd_compare, "which recordings?");
	if (jm_cli_limit(s->limit, TABLE_ROWS, &view.limit))
		return jm_cli_usage_error(&jm_cmd_compare, "--limit wants a number or all, not '%s'", s->limit);
	if (jm_comparison_open((const char *const *)positional, n_positional, &options, &c, &err))
		return jm_cli_fail(&err);
	rc = s->folder && jm_comparison_write_folder(c, s->folder, s->is_forced, &err) ? jm_cli_fail_output(&err)
										       : JM_EXIT_OK;
	if (rc == JM_EXIT_OK && (s->html || s->svg || s->png))
		rc = write_files(s, c);
	else if (rc == JM_EXIT_OK && jm_comparison_write(c, &view, jm_cli_write_stdout, NULL, &err))
		rc = jm_cli_fail(&err);
	jm_comparison_destroy(c);
	return rc;
}

static const struct jm_option options[] = {
    {0, "layers", NULL, "layer by layer, too: matched by name and position, conversions shown", JM_OPTION_FLAG,
     offsetof(struct settings, with_layers)},
    {0, "hotspots", NULL, "which layers to quantise first: share of the energy times gain", JM_OPTION_FLAG,
     offsetof(struct settings, with_hotspots)},
    {0, "by", "WHAT", "of hot spots: layer (default), type, or part (attention, feed-forward, ...)", JM_OPTION_TEXT,
     offsetof(struct settings, by)},
    {0, "csv-folder", "FOLDER", "also write trial_results.csv, benchmark_results.csv, per_layer_energy.csv, ...",
     JM_OPTION_TEXT, offsetof(struct settings, folder)},
    {0, "channel", "NAME,...", "energy of these channels, added up (default: all that count)", JM_OPTION_TEXT,
     offsetof(struct settings, channels)},
    {0, "against", "NAME", "variant that the others are set against (default: the first)", JM_OPTION_TEXT,
     offsetof(struct settings, first)},
    {0, "method", "METHOD", "how layers get their energy: auto (default), share, ...", JM_OPTION_TEXT,
     offsetof(struct settings, method)},
    {'n', "limit", "ROWS", "rows of layers to show (default 30; all)", JM_OPTION_TEXT,
     offsetof(struct settings, limit)},
    {0, "html", "OUT.html", "write one page with charts, layers included, which opens offline in any browser", JM_OPTION_TEXT,
     offsetof(struct settings, html)},
    {0, "svg", "OUT.svg", "draw the variants side by side: energy, time, score", JM_OPTION_TEXT, offsetof(struct settings, svg)},
    {0, "png", "OUT.png", "the same as pixels", JM_OPTION_TEXT, offsetof(struct settings, png)},
    {'f', "force", NULL, "overwrite existing files", JM_OPTION_FLAG, offsetof(struct settings, is_forced)},
    JM_CLI_CARBON(struct settings),
    JM_CLI_PRICE(struct settings),
    {0, "seed", "N", "of the resampling", JM_OPTION_COUNT, offsetof(struct settings, seed)},
    {0, "format", "FORMAT",
     "table (default), json, csv; trial, aggregated, benchmark_results, energy_results_aggregated, per_layer_energy",
     JM_OPTION_TEXT, offsetof(struct settings, format)},
};

const struct jm_command jm_cmd_compare = {
    .name = "compare",
    .summary = "set recordings side by side: latency, energy, accuracy, with intervals and a verdict",
    .usage = "[NAME=]FILE|FOLDER ... [--layers | --hotspots] [--html OUT.html] [--format FORMAT]",
    .details = "Recordings of one NAME are trials of one variant; all are set against the first. Ratios have 95 % "
	       "intervals from\n"
	       "a paired bootstrap over trials, or over stretches of the run where there is one recording each. What "
	       "cannot be\n"
	       "compared (other machines, sensors, batch sizes) is said at the top and gets no ratio.",
    .examples = "  joulemap compare fp32.jmap int8.jmap\n"
		"  joulemap compare fp32=a1.jmap fp32=a2.jmap int8=b1.jmap int8=b2.jmap\n"
		"  joulemap compare joulemap-bench-20261121-101500 --layers\n"
		"  joulemap compare fp32.jmap int8.jmap --hotspots --by part\n"
		"  joulemap compare fp32.jmap int8.jmap --html compared.html\n"
		"  joulemap compare fp32.jmap int8.jmap --carbon 420 --price 0.30EUR\n"
		"  joulemap compare fp32.jmap int8.jmap --format benchmark_results > benchmark_results.csv\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .n_positional_max = INPUTS_MAX,
    .settings_size = sizeof(struct settings),
    .run = run,
};
