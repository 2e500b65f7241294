#include "cli/cli.h"

#include "core/display.h"

#include <stdio.h>
#include <string.h>

static const struct jm_command *const commands[] = {
    &jm_cmd_sensors, &jm_cmd_record,  &jm_cmd_stat,    &jm_cmd_idle,       &jm_cmd_calibrate, &jm_cmd_run,
    &jm_cmd_report,  &jm_cmd_export,  &jm_cmd_import,  &jm_cmd_map,        &jm_cmd_model,     &jm_cmd_serve,
    &jm_cmd_ask,     &jm_cmd_data,    &jm_cmd_compare, &jm_cmd_top,        &jm_cmd_bench,     &jm_cmd_dataset,
    &jm_cmd_fit,     &jm_cmd_predict, &jm_cmd_man,     &jm_cmd_completion,
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

const struct jm_command *jm_cli_command(size_t i)
{
	return i < N_COMMANDS ? commands[i] : NULL;
}

const struct jm_command *jm_cli_find(const char *name)
{
	size_t i;

	for (i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

#define SUMMARY_COLUMN 13

void jm_cli_usage(FILE *to)
{
	struct jm_buffer b = {0};
	size_t i;

	jm_buffer_puts(&b, "joulemap: where the energy of AI inference goes\n\nUsage: joulemap COMMAND ...\n\n");
	for (i = 0; i < N_COMMANDS; i++)
		jm_buffer_printf(&b, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	jm_buffer_puts(&b, "\njoulemap COMMAND --help says more; joulemap --version gives the version.\n");
	jm_display_wrap(&b, 0, jm_cli_help_width(to), SUMMARY_COLUMN);
	if (!b.is_failed)
		fwrite(b.data, 1, b.n, to);
	jm_buffer_finish(&b);
}

static int run(int argc, char **argv)
{
	const struct jm_command *command;

	if (argc < 2) {
		jm_cli_usage(stderr);
		return JM_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
		jm_cli_line(stdout, "joulemap %s", jm_version());
		return JM_EXIT_OK;
	}
	command = jm_cli_find(strcmp(argv[1], "help") == 0 && argc > 2 ? argv[2] : argv[1]);
	if (command && strcmp(argv[1], "help") == 0) {
		jm_cli_help(command);
		return JM_EXIT_OK;
	}
	if (command)
		return jm_cli_dispatch(command, argc - 1, argv + 1);
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		jm_cli_usage(stdout);
		return JM_EXIT_OK;
	}
	jm_cli_line(stderr, "joulemap: there is no command '%s'", argv[1]);
	jm_cli_line(stderr, "  try: joulemap --help");
	return JM_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	int rc = run(argc, argv);

	/* A full disk behind stdout shows here at the latest. */
	if (fflush(stdout) == 0 && !ferror(stdout))
		return rc;
	perror("joulemap: cannot write to standard output");
	return rc ? rc : JM_EXIT_FAILURE;
}
