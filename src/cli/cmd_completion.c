#include "cli/complete.h"

#include <stdio.h>
#include <string.h>

const struct jm_option *jm_cli_option(const struct jm_command *command, size_t i)
{
	const struct jm_option *common;
	size_t n;

	if (i < command->n_options)
		return &command->options[i];
	common = jm_cli_common_options(&n);
	return i - command->n_options < n ? &common[i - command->n_options] : NULL;
}

bool jm_cli_names_commands(const struct jm_command *command)
{
	return strcmp(command->name, "man") == 0;
}

void jm_cli_quoted(const char *text, const char *marks)
{
	for (; *text; text++) {
		if (*text == '\'') {
			fputs("'\\''", stdout);
			continue;
		}
		if (strchr(marks, *text))
			putchar('\\');
		putchar(*text);
	}
}

struct settings {
	struct jm_common common;
};

static const struct {
	const char *name;
	void (*print)(void);
} shells[] = {
    {"bash", jm_cli_complete_bash},
    {"zsh", jm_cli_complete_zsh},
    {"fish", jm_cli_complete_fish},
};

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	const char *shell = n_positional ? positional[0] : "";
	size_t i;

	(void)settings;
	(void)command;
	for (i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(shells[i].name, shell) == 0) {
			shells[i].print();
			return JM_EXIT_OK;
		}
	return jm_cli_usage_error(&jm_cmd_completion, "say for which shell: bash, zsh or fish");
}

const struct jm_command jm_cmd_completion = {
    .name = "completion",
    .summary = "print what bash, zsh or fish need to complete joulemap's commands",
    .usage = "bash|zsh|fish",
    .details = "An installation below /usr has it already. Commands, options and their values are completed.",
    .examples = "  source <(joulemap completion bash)\n"
		"  joulemap completion zsh > ~/.zfunc/_joulemap        # with ~/.zfunc in fpath\n"
		"  joulemap completion fish > ~/.config/fish/completions/joulemap.fish\n",
    .n_positional_max = 1,
    .settings_size = sizeof(struct settings),
    .run = run,
};
