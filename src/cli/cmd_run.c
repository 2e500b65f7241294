#include "cli/cli.h"
#include "cli/recording_options.h"
#include "cli/progress.h"

#include "core/units.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct settings {
	struct jm_common common;
	int64_t period_ns, idle_ns;
	uint64_t runs, warmup, batch, threads, seed;
	const char *sensors, *output, *baseline, *provider, *onnxruntime, *format, *by, *method, *carbon, *price;
	struct jm_text_list shapes, inputs;
	bool is_forced, is_without_idle;
	double dither_fraction;
	bool is_isolating;
	uint64_t passes;
	int64_t isolate_budget_ns;
	struct jm_text_list data;
	const char *labels, *metric;
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

static void tell(void *progress, const char *text)
{
	jm_progress_finish(progress);
	jm_cli_line(stderr, "joulemap: %s", text);
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
	struct jm_run_options run = {
	    .size = sizeof(run),
	    .model = model,
	    .runs = s->runs ? s->runs : DEFAULT_RUNS,
	    .warmup = s->warmup == JM_AMOUNT_NONE ? 0
		      : s->warmup                 ? s->warmup
						  : DEFAULT_WARMUP,
	    .batch = s->batch,
	    .shapes = s->shapes.items,
	    .n_shapes = s->shapes.n,
	    .inputs = s->inputs.items,
	    .n_inputs = s->inputs.n,
	    .threads = s->threads,
	    .provider = s->provider,
	    .onnxruntime = s->onnxruntime,
	    .idle_ns = s->is_without_idle ? 0
		       : s->idle_ns       ? s->idle_ns
					  : DEFAULT_IDLE_NS,
	    .seed = s->seed,
	    .dither_fraction = s->dither_fraction == JM_FRACTION_BARE ? JM_DEFAULT_DITHER_FRACTION : s->dither_fraction,
	    .isolate_passes = passes_of(s),
	    .isolate_budget_ns = s->isolate_budget_ns,
	    .data = s->data.items,
	    .n_data = s->data.n,
	    .labels = s->labels,
	    .metric = s->metric,
	    .tell = s->common.is_quiet ? NULL : tell};
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
	struct jm_error err = {0};
	struct jm_report *report;
	int rc;

	if (jm_report_open(path, &options, &report, &err))
		return jm_cli_fail(&err);
	rc = jm_report_write(report, &view, jm_cli_write_stdout, NULL, &err);
	jm_report_destroy(report);
	return rc ? jm_cli_fail(&err) : JM_EXIT_OK;
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
    {'b', "batch", "N", "size of an open first dimension", JM_OPTION_COUNT, offsetof(struct settings, batch)},
    {0, "shape", "NAME=DIMS", "shape of an input, such as x=1x3x224x224; again for more", JM_OPTION_LIST,
     offsetof(struct settings, shapes)},
    {0, "input", "[NAME=]FILE", "data of an input, .npy; default: random, the seed is kept", JM_OPTION_LIST,
     offsetof(struct settings, inputs)},
    {'t', "threads", "N", "threads of the runtime (default: its choice)", JM_OPTION_COUNT,
     offsetof(struct settings, threads)},
    {'p', "provider", "NAME", "execution provider: cpu (default), cuda, ...", JM_OPTION_TEXT,
     offsetof(struct settings, provider)},
    {0, "onnxruntime", "LIB", "ONNX Runtime library to load", JM_OPTION_TEXT, offsetof(struct settings, onnxruntime)},
    {0, "data", "[NAME=]FILE", "data set, .npy, first dimension items: the first batch is run, all is scored", JM_OPTION_LIST,
     offsetof(struct settings, data)},
    {0, "labels", "FILE", "of the data, .npy: accuracy, or perplexity for labels of tokens", JM_OPTION_TEXT,
     offsetof(struct settings, labels)},
    {0, "metric", "COMMAND", "scores the outputs instead: gets outputs and labels (.npy), prints [NAME] VALUE", JM_OPTION_TEXT,
     offsetof(struct settings, metric)},
    {0, "seed", "N", "of the random inputs", JM_OPTION_COUNT, offsetof(struct settings, seed)},
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
