/* What the value of an option can be, for shells that complete it. */
#ifndef CLI_VALUES_H
#define CLI_VALUES_H

#include "cli/cli.h"

enum jm_value_kind {
	JM_VALUE_NONE, /* the option takes none, or nobody can guess it */
	JM_VALUE_WORDS,
	JM_VALUE_FILE,
	JM_VALUE_FOLDER,
	JM_VALUE_COMMAND,
};

struct jm_value {
	enum jm_value_kind kind;
	const char *words; /* of JM_VALUE_WORDS, separated by blanks; constant */
};

/* Says what the value of the command's option can be; option NULL: what stands without an option. */
struct jm_value jm_cli_value(const struct jm_command *command, const struct jm_option *option);

#endif
