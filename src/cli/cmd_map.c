#include "cli/cli.h"

#include "joulemap/map.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct settings {
	struct jm_common common;
	const char *raw_data_dir, *result_dir, *compat;
	bool is_forced;
	size_t n_failed; /* models */
};

static void warn(void *ctx, const char *text)
{
	const struct settings *s = ctx;

	if (!s->common.is_quiet)
		jm_cli_line(stderr, "joulemap: %s", text);
}

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

static void tell(void *ctx, const struct jm_map_model *m)
{
	struct settings *s = ctx;

	if (m->rc) {
		s->n_failed++;
		jm_cli_fail(&m->error);
		return;
	}
	if (s->common.is_quiet)
		return;
	jm_cli_line(stdout, "%s: %llu rows (%llu inferences of %llu layers) to %s", m->name, (unsigned long long)m->n_rows,
	       (unsigned long long)m->n_cycles, (unsigned long long)m->n_layers, m->csv_path);
	printf("  power in %llu rows, %.1f %% of the layers' time; %llu of %llu readings used\n",
	       (unsigned long long)m->n_measured, percent(m->measured_time_s, m->layer_time_s),
	       (unsigned long long)m->n_readings_used, (unsigned long long)m->n_readings);
	if (!isnan(m->uncovered_log_s))
		printf("  the log covers %.3f s, of which %.3f s (%.1f %%) lie outside of every layer\n", m->log_time_s,
		       m->uncovered_log_s, percent(m->uncovered_log_s, m->log_time_s));
	if (m->n_readings > 0 && m->n_rows > m->n_readings)
		printf("  fewer readings than rows: a layer's power cannot be read off single readings; "
		       "'joulemap import' and 'report' solve for it\n");
}

static int parse_mode(const struct settings *s, enum jm_map_mode *out)
{
	static const char *const names[] = {"none", "head", "seed"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(s->compat ? s->compat : "none", names[i]) == 0) {
			*out = (enum jm_map_mode)i;
			return 0;
		}
	return JM_E_INVALID;
}

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	struct jm_map_options options = {.size = sizeof(options),
					 .raw_data_dir = s->raw_data_dir ? s->raw_data_dir : "raw_data",
					 .result_dir = s->result_dir ? s->result_dir : "preprocessed_data",
					 .overwrite = s->is_forced,
					 .report = tell,
					 .warn = warn,
					 .ctx = s};
	struct jm_error err = {0};

	(void)positional;
	(void)n_positional;
	(void)command;
	if (parse_mode(s, &options.mode))
		return jm_cli_usage_error(&jm_cmd_map, "--compat is head or seed, not '%s'", s->compat);
	if (!jm_map_raw_data(&options, &err))
		return JM_EXIT_OK;
	/* What befell a single model was told when it did. */
	return s->n_failed > 0 ? JM_EXIT_FAILURE : jm_cli_fail(&err);
}

static const struct jm_option options[] = {
    {0, "raw-data-dir", "FOLDER", "tree to read (default: raw_data)", JM_OPTION_TEXT,
     offsetof(struct settings, raw_data_dir)},
    {0, "result-dir", "FOLDER", "where to write (default: preprocessed_data)", JM_OPTION_TEXT,
     offsetof(struct settings, result_dir)},
    {0, "compat", "WHICH", "compute as the original project does: head (now) or seed (its first version)",
     JM_OPTION_TEXT, offsetof(struct settings, compat)},
    {'f', "force", NULL, "overwrite existing files", JM_OPTION_FLAG, offsetof(struct settings, is_forced)},
};

const struct jm_command jm_cmd_map = {
    .name = "map",
    .summary = "map a power log to the layers of each inference (raw_data tree to CSV)",
    .usage = "[--raw-data-dir FOLDER] [--result-dir FOLDER] [--compat head|seed]",
    .details =
	"For each model of the tree writes MODEL/power_runtime_mapping_layerwise.csv and copies its engine info "
	"beside\n"
	"it. A layer's power is the mean of the readings inside its interval; where there is none the cell is empty.\n"
	"Layers that TensorRT reports after the inference are laid back to back before the last report.",
    .examples = "  joulemap map --raw-data-dir raw_data --result-dir preprocessed_data\n"
		"  joulemap map --compat head --force\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .settings_size = sizeof(struct settings),
    .run = run,
};
