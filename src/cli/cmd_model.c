#include "cli/cli.h"
#include "cli/model_options.h"

#include <string.h>
#include <unistd.h>

struct settings {
	struct jm_common common;
	const char *by, *sort, *format, *onnxruntime;
	uint64_t batch, limit;
	struct jm_text_list shapes;
	bool is_never_run;
};

#define TABLE_ROWS 40

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	bool is_table = !s->format || strcmp(s->format, "table") == 0;
	struct jm_complexity_options options = {.size = sizeof(options),
						.model = n_positional == 1 ? positional[0] : NULL,
						.batch = s->batch,
						.shapes = s->shapes.items,
						.n_shapes = s->shapes.n,
						.onnxruntime = s->onnxruntime,
						.is_never_run = s->is_never_run};
	struct jm_view_options view = {.size = sizeof(view),
				       .format = s->format,
				       .by = s->by,
				       .sort = s->sort,
				       .limit = s->limit == JM_AMOUNT_NONE ? 0
						: s->limit                 ? (size_t)s->limit
						: is_table                 ? TABLE_ROWS
									   : 0,
				       .is_colour = jm_cli_is_colour(&s->common, STDOUT_FILENO),
				       .width = jm_cli_width(STDOUT_FILENO)};
	struct jm_complexity_report *report;
	struct jm_error err = {0};
	int rc;

	(void)command;
	if (n_positional != 1)
		return jm_cli_usage_error(&jm_cmd_model, "which ONNX file?");
	if (jm_complexity_report_open(&options, &report, &err))
		return jm_cli_fail(&err);
	rc = jm_complexity_report_write(report, &view, jm_cli_write_stdout, NULL, &err);
	jm_complexity_report_destroy(report);
	return rc ? jm_cli_fail(&err) : JM_EXIT_OK;
}

static const struct jm_option options[] = {
    JM_CLI_COUNTED_BATCH(struct settings, batch),
    JM_CLI_SHAPE(struct settings, shapes),
    {0, "by", "WHAT", "layer (default) or type", JM_OPTION_TEXT, offsetof(struct settings, by)},
    {0, "sort", "HOW", "none (the model's order, default), macs, parameters, bytes or name", JM_OPTION_TEXT,
     offsetof(struct settings, sort)},
    {'n', "limit", "ROWS", "rows to show (default 40 in tables); 0: all", JM_OPTION_AMOUNT,
     offsetof(struct settings, limit)},
    {0, "format", "FORMAT", "table (default), summary, csv or json", JM_OPTION_TEXT, offsetof(struct settings, format)},
    JM_CLI_NEVER_RUN(struct settings, is_never_run),
    JM_CLI_ONE_RUN(struct settings, onnxruntime),
};

const struct jm_command jm_cmd_model = {
    .name = "model",
    .summary = "count parameters, MACs, FLOPs and bytes of an ONNX model, by layer",
    .usage = "MODEL.onnx [--batch N] [--shape NAME=DIMS] [--by layer|type] [--format table|csv|json]",
    .details = "A MAC is one multiplication with its addition; two FLOPs. Bytes moved: every operand read and every "
	       "result\n"
	       "written once a layer. docs/model-complexity.md says what is counted how.",
    .examples = "  joulemap model resnet50.onnx\n"
		"  joulemap model bert.onnx --shape input_ids=1x128 --sort macs\n"
		"  joulemap model net.onnx --by type --format json\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .n_positional_max = 1,
    .settings_size = sizeof(struct settings),
    .run = run,
};
