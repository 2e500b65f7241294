#include "cli/cli.h"
#include "cli/model_options.h"
#include "cli/progress.h"
#include "cli/recording_options.h"

#include "joulemap/compare.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct settings {
	struct jm_common common;
	struct jm_model_settings model;
	const char *sensors, *output, *format, *carbon, *price;
	int64_t period_ns, trial_ns, budget_ns, rest_limit_ns, settle_limit_ns;
	uint64_t rounds, runs, warmup;
	double until_fraction;
	bool is_without_rest, is_without_layers, with_layers;
};

#define DEFAULT_WARMUP 10
#define DEFAULT_UNTIL  0.02
#define TABLE_ROWS     30

static int measure(const struct settings *s, char **models, size_t n_models, struct jm_bench_summary *summary)
{
	struct jm_bench_options options = {.size = sizeof(options),
					   .models = (const char *const *)models,
					   .n_models = n_models,
					   .folder = s->output,
					   .sensors = s->sensors,
					   .period_ns = s->period_ns,
					   .command = s->common.line,
					   .rounds = s->rounds,
					   .until_fraction = s->until_fraction,
					   .budget_ns = s->budget_ns,
					   .rest_limit_ns = s->is_without_rest ? -1 : s->rest_limit_ns,
					   .tell = s->common.is_quiet ? NULL : jm_progress_tell};
	struct jm_error err = {0};
	struct jm_progress progress;
	int rc;

	options.run = (struct jm_run_options){.size = sizeof(options.run),
					      .runs = s->runs,
					      .duration_ns = s->runs ? 0 : s->trial_ns,
					      .warmup = s->warmup ? s->warmup : DEFAULT_WARMUP,
					      .settle_limit_ns = s->settle_limit_ns,
					      .no_profile = s->is_without_layers};
	jm_model_settings_fill(&s->model, &options.run);
	/* A figure for rounds is all of them, unless the width is given, too. */
	if (options.until_fraction == JM_FRACTION_BARE || (options.until_fraction <= 0 && !s->rounds))
		options.until_fraction = DEFAULT_UNTIL;
	jm_cli_block_signals();
	jm_progress_init(&progress, !s->common.is_quiet);
	rc = jm_bench(&options, jm_progress_step, &progress, summary, &err);
	jm_progress_finish(&progress);
	if (rc == 0)
		return JM_EXIT_OK;
	jm_cli_fail(&err);
	if (rc != JM_E_CANCELLED || summary->n_trials == 0)
		return JM_EXIT_FAILURE;
	fprintf(stderr, "what was measured until then:\n");
	return JM_EXIT_OK;
}

static bool is_of_layers(const struct settings *s)
{
	return s->format && strcmp(s->format, "per_layer_energy") == 0;
}

/* The folder lists its files by name; the variants are to stand as the models were given. */
static int print(const struct settings *s, char **models, size_t n_models)
{
	const char *inputs[1] = {s->output};
	struct jm_compare_options options = {
	    .size = sizeof(options), .with_layers = s->with_layers || is_of_layers(s)};
	struct jm_view_options view = {.size = sizeof(view),
				       .format = s->format,
				       .by = s->with_layers ? "layer" : "variant",
				       .limit = TABLE_ROWS,
				       .is_colour = jm_cli_is_colour(&s->common, STDOUT_FILENO),
				       .width = jm_cli_width(STDOUT_FILENO),
				       .carbon = s->carbon,
				       .price = s->price};
	struct jm_error err = {0};
	struct jm_comparison *c;
	size_t next = 0;
	int rc;

	/* A model that failed in the first round has no trial to set the others against. */
	do {
		options.first = next < n_models ? models[next] : NULL;
		rc = jm_comparison_open(inputs, 1, &options, &c, &err);
	} while (rc == JM_E_NOT_FOUND && next++ < n_models);
	if (rc)
		return jm_cli_fail(&err);
	rc = jm_comparison_write(c, &view, jm_cli_write_stdout, NULL, &err);
	jm_comparison_destroy(c);
	return rc ? jm_cli_fail(&err) : JM_EXIT_OK;
}

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	struct jm_bench_summary summary;
	char folder[64], stamp[32];
	int rc;

	(void)command;
	if (n_positional == 0)
		return jm_cli_usage_error(&jm_cmd_bench, "which models?");
	jm_cli_stamp(stamp, sizeof(stamp));
	snprintf(folder, sizeof(folder), "joulemap-bench-%s", stamp);
	if (!s->output)
		s->output = folder;
	rc = measure(s, positional, n_positional, &summary);
	if (rc != JM_EXIT_OK)
		return rc;
	rc = print(s, positional, n_positional);
	if (!s->common.is_quiet)
		fprintf(stderr, "\n%llu trials in %s; next: joulemap compare %s --layers\n",
			(unsigned long long)summary.n_trials, s->output, s->output);
	/* What failed was told; who asks the exit code is to know it, too. */
	return rc == JM_EXIT_OK && summary.n_failed ? JM_EXIT_FAILURE : rc;
}

static const struct jm_option options[] = {
    {0, "data", "[NAME=]FILE",
     "data set, .npy, first dimension items: a batch of it is run, all is scored; again for more inputs",
     JM_OPTION_LIST, offsetof(struct settings, model.data)},
    JM_CLI_LABELS(struct settings),
    JM_CLI_METRIC(struct settings),
    {0, "trials", "N", "rounds, each model once in each (default: at most 5)", JM_OPTION_COUNT,
     offsetof(struct settings, rounds)},
    {0, "until", "[FRACTION]",
     "end, from 3 rounds on, when ratios are known so well (default 0.02 where --trials is not given)",
     JM_OPTION_FRACTION, offsetof(struct settings, until_fraction)},
    {0, "budget", "TIME", "begin no round behind this (default 15m)", JM_OPTION_DURATION,
     offsetof(struct settings, budget_ns)},
    {0, "time", "TIME", "measured inferences of a trial (default 5s)", JM_OPTION_DURATION,
     offsetof(struct settings, trial_ns)},
    {'r', "runs", "N", "measured inferences of a trial, instead", JM_OPTION_COUNT, offsetof(struct settings, runs)},
    {'w', "warmup", "N", "inferences before latency is watched until it settles (default 10)", JM_OPTION_COUNT,
     offsetof(struct settings, warmup)},
    {0, "settle", "TIME", "longest warm-up until latency settles (default 10s)", JM_OPTION_DURATION,
     offsetof(struct settings, settle_limit_ns)},
    {0, "rest-limit", "TIME", "longest rest before a trial (default 30s)", JM_OPTION_DURATION,
     offsetof(struct settings, rest_limit_ns)},
    {0, "no-rest", NULL, "no rests", JM_OPTION_FLAG, offsetof(struct settings, is_without_rest)},
    {0, "no-layers", NULL, "no profiled blocks: no layers", JM_OPTION_FLAG,
     offsetof(struct settings, is_without_layers)},
    {0, "layers", NULL, "print the layers, too", JM_OPTION_FLAG, offsetof(struct settings, with_layers)},
    JM_CLI_BATCH(struct settings),
    JM_CLI_SHAPE(struct settings, model.shapes),
    {0, "input", "[NAME=]FILE", "data of an input, .npy, that is no data set", JM_OPTION_LIST,
     offsetof(struct settings, model.inputs)},
    JM_CLI_THREADS(struct settings),
    JM_CLI_PROVIDER(struct settings),
    JM_CLI_ONNXRUNTIME(struct settings),
    {0, "seed", "N", "of the order and of random inputs", JM_OPTION_COUNT, offsetof(struct settings, model.seed)},
    JM_CLI_PERIOD(struct settings),
    JM_CLI_SENSORS(struct settings),
    {'o', "output", "FOLDER", "of the recordings, one a trial (default joulemap-bench-DATE-TIME)", JM_OPTION_TEXT,
     offsetof(struct settings, output)},
    JM_CLI_CARBON(struct settings),
    JM_CLI_PRICE(struct settings),
    {0, "format", "FORMAT",
     "table (default), json, csv; trial, aggregated, benchmark_results, energy_results_aggregated, per_layer_energy",
     JM_OPTION_TEXT, offsetof(struct settings, format)},
};

const struct jm_command jm_cmd_bench = {
    .name = "bench",
    .summary = "run models against each other: latency, energy, accuracy, with intervals",
    .usage = "FP32.onnx FP16.onnx INT8.onnx ... [--data X.npy --labels Y.npy] [--trials N] [-o FOLDER]",
    .details = "Each round runs every model once, in random order, each in a process of its own, after a rest until "
	       "power and\n"
	       "temperature are back at what they were before, and after a warm-up until latency settles. One "
	       "recording a trial\n"
	       "is kept. A model that fails is left out of later rounds.",
    .examples =
	"  joulemap bench cnn-fp32.onnx cnn-fp16.onnx cnn-int8.onnx --data images.npy --labels labels.npy -b 32\n"
	"  joulemap bench a.onnx b.onnx --shape x=1x3x224x224 --trials 8 --time 10s -o results\n"
	"  joulemap bench a.onnx b.onnx --data x.npy --metric 'python3 score.py' --until 0.01 --budget 1h\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .n_positional_max = 64,
    .settings_size = sizeof(struct settings),
    .run = run,
};
