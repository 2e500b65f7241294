#include "cli/cli.h"

#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct settings {
	struct jm_common common;
	const char *output, *offset, *isolated;
	bool is_forced;
};

static void tell(void *ctx, const char *text)
{
	const struct settings *s = ctx;

	if (!s->common.is_quiet)
		jm_cli_line(stderr, "%s", text);
}

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	struct jm_import_options options = {
	    .size = sizeof(options), .path = s->output, .overwrite = s->is_forced, .tell = tell, .ctx = s};
	struct jm_error err = {0};
	double offset_s = 0;

	(void)command;
	if (n_positional == 0)
		return jm_cli_usage_error(&jm_cmd_import, "which files? A power log and a trace, for instance");
	if (!s->output)
		return jm_cli_usage_error(&jm_cmd_import, "where to? -o FILE");
	if (s->offset && (jm_text_double(s->offset, strlen(s->offset), &offset_s) || fabs(offset_s) > 9e9))
		return jm_cli_usage_error(&jm_cmd_import, "--offset wants seconds, not '%s'", s->offset);
	options.isolated = s->isolated;
	options.has_offset = s->offset != NULL;
	options.offset_ns = (int64_t)(offset_s * 1e9);
	if (jm_import((const char *const *)positional, n_positional, &options, &err))
		return jm_cli_fail_output(&err);
	if (!s->common.is_quiet)
		jm_cli_line(stderr, "imported to %s; next: joulemap report %s", s->output, s->output);
	return JM_EXIT_OK;
}

static const struct jm_option options[] = {
    {'o', "output", "FILE", "recording to write", JM_OPTION_TEXT, offsetof(struct settings, output)},
    {0, "offset", "SECONDS", "add to the times of traces to get those of the power log (default: estimated)",
     JM_OPTION_TEXT, offsetof(struct settings, offset)},
    {0, "isolated", "NAME", "phase in which layers were run alone, in loops", JM_OPTION_TEXT,
     offsetof(struct settings, isolated)},
    {'f', "force", NULL, "overwrite an existing file", JM_OPTION_FLAG, offsetof(struct settings, is_forced)},
};

const struct jm_command jm_cmd_import = {
    .name = "import",
    .summary = "make a recording of power logs and traces of other tools",
    .usage = "POWER ... TRACE ... -o FILE",
    .details = "Files are known by content, not by name; gzip is opened. Where two clocks differ, their offset is "
	       "estimated from\n"
	       "activity and power, and shown. docs/importers.md lists what can be imported.",
    .examples = "  joulemap import resnet18_power_log.log trt_layer_latency.json -o resnet18.jmap\n"
		"  joulemap import smi.csv trace.json.gz --offset -0.25 -o run.jmap\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .n_positional_max = 4096,
    .settings_size = sizeof(struct settings),
    .run = run,
};
