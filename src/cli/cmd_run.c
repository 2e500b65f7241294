#include "cli/cli.h"
#include "cli/model_options.h"
#include "cli/progress.h"
#include "cli/recording_options.h"

#include "core/units.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct settings {
	struct jm_common common;
	struct jm_model_settings model;
	int64_t period_ns, idle_ns, isolate_budget_ns;
	uint64_t runs, warmup, passes;
	const char *sensors, *output, *baseline, *format, *by, *method, *carbon, *price;
	bool is_forced, is_without_idle, is_isolating;
	double dither_fraction;
};

#define DEFAULT_RUNS    100
#define DEFAULT_WARMUP  10
#define DEFAULT_IDLE_NS JM_NS_PER_S
#define TABLE_ROWS      30

/* A figure for passes or budget asks for them, too. */
static uint64_t passes_of(const struct settings *s)
{
	if (s->passes)
		return s->passes;
	return s->is_isolating || s->isolate_budget_ns ? JM_DEFAULT_ISOLATE_PASSES : 0;
}

static struct jm_run_options run_options(const struct settings *s, const char *model)
{
	struct jm_run_options run = {
	    .size = sizeof(run),
	    .model = model,
	    .runs = s->runs ? s->runs : DEFAULT_RUNS,
	    .warmup = s->warmup == JM_AMOUNT_NONE ? 0
		      : s->warmup                 ? s->warmup
						  : DEFAULT_WARMUP,
	    .idle_ns = s->is_without_idle ? 0
		       : s->idle_ns       ? s->idle_ns
					  : DEFAULT_IDLE_NS,
	    .dither_fraction = s->dither_fraction == JM_FRACTION_BARE ? JM_DEFAULT_DITHER_FRACTION : s->dither_fraction,
	    .isolate_passes = passes_of(s),
	    .isolate_budget_ns = s->isolate_budget_ns,
	    .tell = s->common.is_quiet ? NULL : jm_progress_tell};

	jm_model_settings_fill(&s->model, &run);
	return run;
}

static int measure(const struct settings *s, const char *model, const char *path)
{
	struct jm_record_options options = {.size = sizeof(options),
					    .path = path,
					    .overwrite = s->is_forced,
					    .sensors = s->sensors,
					    .period_ns = s->period_ns,
					    .kind = "run",
					    .command = s->common.line,
					    /* Who asks for these wants layers told apart. */
					    .is_oversampled = s->dither_fraction > 0 || passes_of(s) > 0};
	struct jm_run_options run = run_options(s, model);
	struct jm_error err = {0}, stopping = {0};
	struct jm_progress progress;
	struct jm_recorder *r;
	const char *text;
	size_t i;
	int rc;

	jm_cli_block_signals();
	if (jm_recorder_start(&options, &r, &err))
		return jm_cli_fail_output(&err);
	jm_progress_init(&progress, !s->common.is_quiet);
	rc = jm_run_model(r, &run, jm_progress_step, &progress, &err);
	jm_progress_finish(&progress);
	for (i = 0; (text = jm_recorder_warning(r, i)); i++)
		jm_cli_line(stderr, "joulemap: warning: %s", text);
	if (jm_recorder_stop(r, &stopping) && rc == 0) {
		rc = stopping.code;
		err = stopping;
	}
	jm_recorder_destroy(r);
	if (rc == 0)
		return JM_EXIT_OK;
	jm_cli_fail(&err);
	if (rc != JM_E_CANCELLED) {
		unlink(path);
		return JM_EXIT_FAILURE;
	}
	fprintf(stderr, "what was measured until then:\n");
	return JM_EXIT_OK;
}

static int print_report(const struct settings *s, const char *path)
{
	bool is_table = !s->format || strcmp(s->format, "table") == 0;
	struct jm_report_options options = {.size = sizeof(options), .baseline = s->baseline, .method = s->method};
	struct jm_view_options view = {.size = sizeof(view),
				       .format = s->format,
				       .by = s->by,
				       .limit = is_table ? TABLE_ROWS : 0,
				       .is_colour = jm_cli_is_colour(&s->common, STDOUT_FILENO),
				       .width = jm_cli_width(STDOUT_FILENO),
				       .carbon = s->carbon,
				       .price = s->price};

	return jm_cli_print_report(path, &options, &view);
}

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	char path[64];
	int rc;

	(void)command;
	if (n_positional != 1)
		return jm_cli_usage_error(&jm_cmd_run, "which model?");
	jm_cli_default_output(path, sizeof(path));
	if (!s->output)
		s->output = path;
	rc = measure(s, positional[0], s->output);
	if (rc == JM_EXIT_OK)
		rc = print_report(s, s->output);
	if (rc == JM_EXIT_OK && !s->common.is_quiet)
		jm_cli_line(stderr, "recorded %s; next: joulemap report %s --by type", s->output, s->output);
	return rc;
}

static const struct jm_option options[] = {
    {'r', "runs", "N", "measured inferences (default 100)", JM_OPTION_AMOUNT, offsetof(struct settings, runs)},
    {'w', "warmup", "N", "inferences before these (default 10)", JM_OPTION_AMOUNT, offsetof(struct settings, warmup)},
    JM_CLI_BATCH(struct settings),
    JM_CLI_SHAPE(struct settings, model.shapes),
    {0, "input", "[NAME=]FILE", "data of an input, .npy; default: random, the seed is kept", JM_OPTION_LIST,
     offsetof(struct settings, model.inputs)},
    JM_CLI_THREADS(struct settings),
    JM_CLI_PROVIDER(struct settings),
    JM_CLI_ONNXRUNTIME(struct settings),
    {0, "data", "[NAME=]FILE", "data set, .npy, first dimension items: the first batch is run, all is scored", JM_OPTION_LIST,
     offsetof(struct settings, model.data)},
    JM_CLI_LABELS(struct settings),
    JM_CLI_METRIC(struct settings),
    {0, "seed", "N", "of the random inputs", JM_OPTION_COUNT, offsetof(struct settings, model.seed)},
    {0, "dither", "[FRACTION]", "random rests of up to so much of an inference between them (default 0.3)",
     JM_OPTION_FRACTION, offsetof(struct settings, dither_fraction)},
    {0, "isolate", NULL, "then run single layers alone, for sensors slower than layers", JM_OPTION_FLAG,
     offsetof(struct settings, is_isolating)},
    {0, "isolate-passes", "N", "blocks for each of them (default 4)", JM_OPTION_AMOUNT,
     offsetof(struct settings, passes)},
    {0, "isolate-budget", "SECONDS", "at most so much time for them, longest layers first (default 60s)",
     JM_OPTION_DURATION, offsetof(struct settings, isolate_budget_ns)},
    {0, "idle", "SECONDS", "quiet stretch before and after, for the idle level (default 1s)", JM_OPTION_DURATION,
     offsetof(struct settings, idle_ns)},
    {0, "no-idle", NULL, "no quiet stretches", JM_OPTION_FLAG, offsetof(struct settings, is_without_idle)},
    JM_CLI_PERIOD(struct settings),
    JM_CLI_SENSORS(struct settings),
    JM_CLI_OUTPUT(struct settings),
    JM_CLI_FORCE(struct settings),
    {0, "by", "WHAT", "layer (default), type or channel", JM_OPTION_TEXT, offsetof(struct settings, by)},
    {0, "method", "METHOD", "auto (default), share, window, integrate, ...", JM_OPTION_TEXT,
     offsetof(struct settings, method)},
    JM_CLI_BASELINE(struct settings),
    JM_CLI_CARBON(struct settings),
    JM_CLI_PRICE(struct settings),
    {0, "format", "FORMAT", "table (default), summary, csv or json", JM_OPTION_TEXT, offsetof(struct settings, format)},
};

const struct jm_command jm_cmd_run = {
    .name = "run",
    .summary = "run an ONNX model and say where its energy goes, layer by layer",
    .usage = "MODEL.onnx [--runs N] [--batch N] [--shape NAME=DIMS] [--input FILE.npy] [-o FILE]",
    .details =
	"Plain inferences, from which latency and energy come, are interleaved with short profiled blocks, from which\n"
	"layer times come: ONNX Runtime's profiler slows small models several times, and the report says by how much.",
    .examples = "  joulemap run model.onnx --runs 500\n"
		"  joulemap run detector.onnx --shape x=1x3x320x320 --threads 2 -o detector.jmap\n"
		"  joulemap run bert.onnx --batch 8 --input input_ids=ids.npy -i 1ms\n"
		"  joulemap run model.onnx --runs 20000 --isolate --method isolate\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .n_positional_max = 1,
    .settings_size = sizeof(struct settings),
    .run = run,
};
