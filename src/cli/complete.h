/* Completion for shells: each function prints a whole script, from the commands' options and src/cli/values.c. Nothing runs
 * joulemap while somebody types. */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include "cli/cli.h"

/* Print the script of a shell to stdout. */
void jm_cli_complete_bash(void);
void jm_cli_complete_zsh(void);
void jm_cli_complete_fish(void);

/* The i-th option of a command, its own first, then those all commands have; NULL behind the last. */
const struct jm_option *jm_cli_option(const struct jm_command *command, size_t i);
/* Says whether what stands without an option is the name of a command. */
bool jm_cli_names_commands(const struct jm_command *command);
/* Prints text inside single quotes of a shell; what of it is in marks gets a backslash. */
void jm_cli_quoted(const char *text, const char *marks);

#endif
