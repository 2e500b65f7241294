#include "cli/values.h"

#include <string.h>

#define BY      "layer type group iteration channel process container kernel range stream"
#define METHODS "auto share window integrate regress isolate fused"
#define TABLES  "table summary csv json"
#define TRIALS  "table json csv trial aggregated benchmark_results energy_results_aggregated per_layer_energy"

/* command NULL: of all commands that have the option. option NULL: what stands without an option. tests/integration/
 * test_completion.sh holds the words against what the commands take. */
static const struct {
	const char *command, *option, *words;
} words_of[] = {
    {NULL, "color", "auto always never"},
    {NULL, "method", METHODS},
    {NULL, "sensors", "rapl_perf rapl_powercap nvml hwmon jetson battery exec: estimate replay:"},
    {"ask", "devices", "cpu gpu dram all"},
    {"ask", "format", "table json"},
    {"bench", "format", TRIALS},
    {"compare", "format", TRIALS},
    {"completion", NULL, "bash zsh fish"},
    {"data", NULL, "init add status push pull fetch checkout remote"},
    {"dataset", NULL, "build"},
    {"export", "by", BY},
    {"export", "format", "perfetto chrome html csv json folded prometheus aipowermeter"},
    {"fit", "format", "table csv json"},
    {"map", "compat", "head seed"},
    {"model", "by", "layer type"},
    {"model", "format", TABLES},
    {"model", "sort", "none macs parameters bytes name"},
    {"predict", "format", "table csv json"},
    {"record", "processes", "command all none"},
    {"report", "by", BY},
    {"report", "format", TABLES " aipowermeter"},
    {"report", "plot", "layers energy latency timeline mapping"},
    {"report", "sort", "energy time power name none"},
    {"report", "weigh", "auto time cycles instructions"},
    {"run", "by", "layer type channel"},
    {"run", "format", TABLES},
    {"serve", "metrics-processes", "watched all"},
    {"top", "sort", "power cpu energy memory name pid"},
};

static const char *find_words(const char *command, const char *option)
{
	size_t i;

	for (i = 0; i < sizeof(words_of) / sizeof(words_of[0]); i++) {
		bool is_command = !words_of[i].command || strcmp(words_of[i].command, command) == 0;
		bool is_option =
		    option ? words_of[i].option && strcmp(words_of[i].option, option) == 0 : !words_of[i].option;

		if (is_command && is_option)
			return words_of[i].words;
	}
	return NULL;
}

/* What --help shows for a value says what it is. */
static enum jm_value_kind kind_of(const char *shown)
{
	if (strstr(shown, "FILE") || strncmp(shown, "OUT.", 4) == 0 || strcmp(shown, "LIB") == 0)
		return JM_VALUE_FILE;
	if (strcmp(shown, "FOLDER") == 0 || strcmp(shown, "DIR") == 0)
		return JM_VALUE_FOLDER;
	return strcmp(shown, "COMMAND") == 0 ? JM_VALUE_COMMAND : JM_VALUE_NONE;
}

struct jm_value jm_cli_value(const struct jm_command *command, const struct jm_option *option)
{
	struct jm_value value = {JM_VALUE_NONE, NULL};

	if (option && !option->argument)
		return value;
	value.words = find_words(command->name, option ? option->name : NULL);
	if (value.words)
		value.kind = JM_VALUE_WORDS;
	else if (option)
		value.kind = kind_of(option->argument);
	else if (command->n_positional_max)
		value.kind = JM_VALUE_FILE;
	return value;
}
