/* A command line of any words, which zero bytes part, for a command that has options of every type. */
#include "fuzz.h"

#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 64

struct settings {
	struct jm_common common;
	bool flag;
	const char *text;
	int64_t duration_ns;
	uint64_t count, amount;
	struct jm_text_list items;
	double share;
};

static const struct jm_option options[] = {
    {'f', "flag", NULL, "", JM_OPTION_FLAG, offsetof(struct settings, flag)},
    {'t', "text", "TEXT", "", JM_OPTION_TEXT, offsetof(struct settings, text)},
    {'i', "interval", "PERIOD", "", JM_OPTION_DURATION, offsetof(struct settings, duration_ns)},
    {'n', "count", "N", "", JM_OPTION_COUNT, offsetof(struct settings, count)},
    {0, "amount", "N", "", JM_OPTION_AMOUNT, offsetof(struct settings, amount)},
    {0, "items", "NAME", "", JM_OPTION_LIST, offsetof(struct settings, items)},
    {0, "share", "PART", "", JM_OPTION_FRACTION, offsetof(struct settings, share)},
};

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	const struct settings *s = settings;

	if (s->duration_ns < 0 || s->items.n > JM_LIST_MAX || n_positional > 2 || positional[n_positional] ||
	    (command && !command[0]) || (s->share != JM_FRACTION_BARE && !(s->share >= 0 && s->share <= 1)))
		abort();
	return 0;
}

static const struct jm_command command = {.name = "fuzz",
					  .summary = "",
					  .usage = "",
					  .options = options,
					  .n_options = sizeof(options) / sizeof(options[0]),
					  .n_positional_max = 2,
					  .takes_command = true,
					  .settings_size = sizeof(struct settings),
					  .run = run};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char name[] = "fuzz", *words[WORDS_MAX + 2] = {name}, *text = malloc(n + 1);
	size_t at;
	int n_words = 1;

	if (!text)
		return 0;
	memcpy(text, data, n);
	text[n] = '\0';
	for (at = 0; at < n && n_words <= WORDS_MAX; at += strlen(text + at) + 1)
		words[n_words++] = text + at;
	jm_cli_dispatch(&command, n_words, words);
	free(text);
	return 0;
}
