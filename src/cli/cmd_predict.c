#include "cli/cli.h"
#include "cli/model_options.h"

#include "joulemap/predict.h"

#include <string.h>
#include <unistd.h>

#define TABLE_ROWS 40

static struct jm_view_options view_of(const struct jm_common *common, const char *format)
{
	return (struct jm_view_options){.size = sizeof(struct jm_view_options),
					.format = format,
					.is_colour = jm_cli_is_colour(common, STDOUT_FILENO),
					.width = jm_cli_width(STDOUT_FILENO)};
}

/* ---- dataset ---- */

struct dataset_settings {
	struct jm_common common;
	const char *directory, *model;
	uint64_t count_min, percentile;
	bool is_historic;
};

static void tell(void *ctx, const char *text)
{
	const struct dataset_settings *s = ctx;

	if (!s->common.is_quiet)
		jm_cli_line(stderr, "joulemap: %s", text);
}

static int run_dataset(void *settings, char **positional, size_t n_positional, char **command)
{
	struct dataset_settings *s = settings;
	struct jm_dataset_options options = {.size = sizeof(options),
					     .sources = (const char *const *)positional + 1,
					     .n_sources = n_positional ? n_positional - 1 : 0,
					     .directory = s->directory,
					     .is_historic = s->is_historic,
					     .count_min = s->count_min,
					     .model = s->model,
					     .percentile = s->percentile,
					     .tell = tell,
					     .ctx = s};
	struct jm_error err = {0};

	(void)command;
	if (n_positional == 0 || strcmp(positional[0], "build") != 0)
		return jm_cli_usage_error(&jm_cmd_dataset, "what is to be done? build makes training data");
	if (n_positional == 1)
		return jm_cli_usage_error(&jm_cmd_dataset, "from which recordings or folders?");
	if (!s->directory)
		return jm_cli_usage_error(&jm_cmd_dataset, "into which folder? -o names it");
	return jm_dataset_build(&options, &err) ? jm_cli_fail(&err) : JM_EXIT_OK;
}

static const struct jm_option dataset_options[] = {
    {'o', "output", "DIR", "folder of the training data: DIR/NETWORK/KIND.csv", JM_OPTION_TEXT,
     offsetof(struct dataset_settings, directory)},
    {0, "per-layer-measurements", "N", "executions or readings that a layer needs (default 10)", JM_OPTION_COUNT,
     offsetof(struct dataset_settings, count_min)},
    {0, "percentile", "N", "of a recorded layer's executions that its runtime is (default 50; lower on a busy machine)",
     JM_OPTION_COUNT, offsetof(struct dataset_settings, percentile)},
    {0, "model", "FILE", "ONNX file for the windows of poolings, where recordings name none that is there", JM_OPTION_TEXT,
     offsetof(struct dataset_settings, model)},
    {0, "compat", NULL, "exactly the columns, features and cut of the historic scripts", JM_OPTION_FLAG,
     offsetof(struct dataset_settings, is_historic)},
};

const struct jm_command jm_cmd_dataset = {
    .name = "dataset",
    .summary = "make training data for predictions from recordings and mapped layers",
    .usage = "build SOURCE... -o DIR",
    .details = "A source is a recording of joulemap run, a folder of mapped layers (power_runtime_mapping_layerwise.csv beside\n"
	       "trt_engine_info.json), a folder of such folders, or a tree of raw data. docs/prediction.md has the columns.",
    .examples = "  joulemap dataset build *.jmap -o training_data\n"
		"  joulemap dataset build preprocessed_data -o training_data --compat\n",
    .options = dataset_options,
    .n_options = sizeof(dataset_options) / sizeof(dataset_options[0]),
    .n_positional_max = 1000,
    .settings_size = sizeof(struct dataset_settings),
    .run = run_dataset,
};

/* ---- fit ---- */

struct fit_settings {
	struct jm_common common;
	const char *output, *format;
	uint64_t n_alphas;
	bool is_evaluated, is_forced;
};

static int run_fit(void *settings, char **positional, size_t n_positional, char **command)
{
	struct fit_settings *s = settings;
	struct jm_fit_options options = {.size = sizeof(options),
					 .data = n_positional == 1 ? positional[0] : NULL,
					 .predictor = s->output,
					 .n_alphas = s->n_alphas,
					 .is_evaluated = s->is_evaluated,
					 .overwrite = s->is_forced};
	struct jm_view_options view = view_of(&s->common, s->format);
	struct jm_error err = {0};
	struct jm_fit *fit;
	int rc;

	(void)command;
	if (n_positional != 1)
		return jm_cli_usage_error(&jm_cmd_fit, "which folder of training data?");
	if (!s->output && !s->is_evaluated)
		return jm_cli_usage_error(&jm_cmd_fit, "-o names the predictor to write; --evaluate shows how wrong it is");
	if (jm_fit_open(&options, &fit, &err))
		return jm_cli_fail_output(&err);
	rc = s->common.is_quiet && !s->is_evaluated ? 0 : jm_fit_write(fit, &view, jm_cli_write_stdout, NULL, &err);
	jm_fit_destroy(fit);
	return rc ? jm_cli_fail(&err) : JM_EXIT_OK;
}

static const struct jm_option fit_options[] = {
    {'o', "output", "MODEL", "predictor to write (JSON)", JM_OPTION_TEXT, offsetof(struct fit_settings, output)},
    {0, "evaluate", NULL, "leave each network out in turn, learn from the others, and say how wrong that is", JM_OPTION_FLAG,
     offsetof(struct fit_settings, is_evaluated)},
    {'f', "force", NULL, "overwrite an existing file", JM_OPTION_FLAG, offsetof(struct fit_settings, is_forced)},
    {0, "alphas", "N", "strengths of the polynomial's penalty that are tried (default 100)", JM_OPTION_COUNT,
     offsetof(struct fit_settings, n_alphas)},
    {0, "format", "FORMAT", "table (default), csv or json", JM_OPTION_TEXT, offsetof(struct fit_settings, format)},
};

const struct jm_command jm_cmd_fit = {
    .name = "fit",
    .summary = "learn power and runtime of layers from training data",
    .usage = "DIR -o MODEL [--evaluate]",
    .details = "Learns two models of each kind of layer: NeuralPower's polynomial, and work and traffic against speed and bandwidth\n"
	       "with a correction. Splits are by network, never by row.",
    .examples = "  joulemap fit training_data -o cpu.json\n"
		"  joulemap fit training_data --evaluate\n",
    .options = fit_options,
    .n_options = sizeof(fit_options) / sizeof(fit_options[0]),
    .n_positional_max = 1,
    .settings_size = sizeof(struct fit_settings),
    .run = run_fit,
};

/* ---- predict ---- */

struct predict_settings {
	struct jm_common common;
	const char *approach, *format, *onnxruntime, *limit;
	uint64_t batch;
	struct jm_text_list shapes;
	bool is_never_run;
};

static int run_predict(void *settings, char **positional, size_t n_positional, char **command)
{
	struct predict_settings *s = settings;
	struct jm_predict_options options = {.size = sizeof(options),
					     .predictor = n_positional == 2 ? positional[0] : NULL,
					     .network = n_positional == 2 ? positional[1] : NULL,
					     .approach = s->approach,
					     .batch = s->batch,
					     .shapes = s->shapes.items,
					     .n_shapes = s->shapes.n,
					     .onnxruntime = s->onnxruntime,
					     .is_never_run = s->is_never_run};
	struct jm_view_options view = view_of(&s->common, s->format);
	struct jm_prediction *prediction;
	struct jm_error err = {0};
	int rc;

	(void)command;
	if (n_positional != 2)
		return jm_cli_usage_error(&jm_cmd_predict, "which predictor, and which network?");
	if (jm_cli_limit(s->limit, !s->format || strcmp(s->format, "table") == 0 ? TABLE_ROWS : 0, &view.limit))
		return jm_cli_usage_error(&jm_cmd_predict, "--limit wants a number or all, not '%s'", s->limit);
	if (jm_prediction_open(&options, &prediction, &err))
		return jm_cli_fail(&err);
	rc = jm_prediction_write(prediction, &view, jm_cli_write_stdout, NULL, &err);
	jm_prediction_destroy(prediction);
	return rc ? jm_cli_fail(&err) : JM_EXIT_OK;
}

static const struct jm_option predict_options[] = {
    {0, "approach", "HOW", "roofline (default) or polynomial", JM_OPTION_TEXT, offsetof(struct predict_settings, approach)},
    JM_CLI_COUNTED_BATCH(struct predict_settings, batch),
    JM_CLI_SHAPE(struct predict_settings, shapes),
    {'n', "limit", "ROWS", "rows to show (default 40 in tables; all)", JM_OPTION_TEXT,
     offsetof(struct predict_settings, limit)},
    {0, "format", "FORMAT", "table (default), csv or json", JM_OPTION_TEXT, offsetof(struct predict_settings, format)},
    JM_CLI_NEVER_RUN(struct predict_settings, is_never_run),
    JM_CLI_ONE_RUN(struct predict_settings, onnxruntime),
};

const struct jm_command jm_cmd_predict = {
    .name = "predict",
    .summary = "predict runtime and energy of a network that is not measured",
    .usage = "MODEL NET.onnx|trt_engine_info.json [--approach roofline|polynomial] [--format table|csv|json]",
    .details = "Every figure has an interval from networks that were left out of the training, and layers unlike any in the\n"
	       "training data are said. What was learnt on one device says nothing of another.",
    .examples = "  joulemap predict cpu.json resnet50.onnx --shape data=1x3x224x224\n"
		"  joulemap predict orin.json trt_engine_info.json --format csv\n",
    .options = predict_options,
    .n_options = sizeof(predict_options) / sizeof(predict_options[0]),
    .n_positional_max = 2,
    .settings_size = sizeof(struct predict_settings),
    .run = run_predict,
};
