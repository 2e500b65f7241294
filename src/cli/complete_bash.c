#include "cli/complete.h"
#include "cli/values.h"

#include <stdio.h>

static void command_names(void)
{
	const struct jm_command *c;
	size_t i;

	for (i = 0; (c = jm_cli_command(i)) != NULL; i++)
		printf("%s%s", i ? " " : "", c->name);
}

/* What a value is completed with; ends the case. */
static void complete_value(struct jm_value value)
{
	switch (value.kind) {
	case JM_VALUE_WORDS:
		printf("_joulemap_words '%s' ;;\n", value.words);
		return;
	case JM_VALUE_FILE:
		printf("_joulemap_files -f ;;\n");
		return;
	case JM_VALUE_FOLDER:
		printf("_joulemap_files -d ;;\n");
		return;
	case JM_VALUE_COMMAND:
		printf("_joulemap_files -c ;;\n");
		return;
	case JM_VALUE_NONE:
		printf(":;;\n");
	}
}

/* "command option" is matched: cases of all options that take a value. */
static void values_of(const struct jm_command *c)
{
	const struct jm_option *o;
	size_t i;

	for (i = 0; (o = jm_cli_option(c, i)) != NULL; i++) {
		/* The value of such an option may be left out. */
		if (!o->argument || o->type == JM_OPTION_FRACTION)
			continue;
		printf("\t'%s --%s'", c->name, o->name);
		if (o->letter)
			printf(" | '%s -%c'", c->name, o->letter);
		printf(") ");
		complete_value(jm_cli_value(c, o));
	}
}

static void options_of(const struct jm_command *c)
{
	const struct jm_option *o;
	size_t i;

	printf("\t%s) _joulemap_words '", c->name);
	for (i = 0; (o = jm_cli_option(c, i)) != NULL; i++) {
		if (o->letter)
			printf("-%c ", o->letter);
		printf("--%s ", o->name);
	}
	printf("%s' ;;\n", c->takes_command ? "--" : "");
}

static void positional_of(const struct jm_command *c)
{

	printf("\t%s) ", c->name);
	if (jm_cli_names_commands(c)) {
		printf("_joulemap_words '");
		command_names();
		printf("' ;;\n");
	} else {
		complete_value(jm_cli_value(c, NULL));
	}
}

static const char head[] =
    "# bash completion of joulemap, printed by: joulemap completion bash\n"
    "_joulemap_words() { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$word\"); }\n"
    "_joulemap_files() {\n"
    "\tcompopt -o filenames 2>/dev/null\n"
    "\tmapfile -t COMPREPLY < <(compgen \"$1\" -- \"$word\")\n"
    "}\n"
    "_joulemap() {\n"
    "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} i\n"
    "\tCOMPREPLY=()\n"
    "\t# --option=value is three words to bash.\n"
    "\tif [[ $word == = ]]; then\n"
    "\t\tword=\n"
    "\telif [[ $before == = ]]; then\n"
    "\t\tbefore=${COMP_WORDS[COMP_CWORD-2]}\n"
    "\tfi\n"
    "\tif ((COMP_CWORD == 1)) || [[ $COMP_CWORD == 2 && $command == help ]]; then\n"
    "\t\t_joulemap_words '";
/* Behind -- stands a command with its own words. */
static const char measured[] = " help --help --version'\n"
			       "\t\treturn\n"
			       "\tfi\n"
			       "\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
			       "\t\t[[ ${COMP_WORDS[i]} == -- ]] || continue\n"
			       "\t\tif declare -F _command_offset >/dev/null; then\n"
			       "\t\t\t_command_offset $((i + 1))\n"
			       "\t\telif ((i + 1 == COMP_CWORD)); then\n"
			       "\t\t\t_joulemap_files -c\n"
			       "\t\telse\n"
			       "\t\t\t_joulemap_files -f\n"
			       "\t\tfi\n"
			       "\t\treturn\n"
			       "\tdone\n"
			       "\tcase \"$command $before\" in\n";

void jm_cli_complete_bash(void)
{
	const struct jm_command *c;
	size_t i;

	fputs(head, stdout);
	command_names();
	fputs(measured, stdout);
	for (i = 0; (c = jm_cli_command(i)) != NULL; i++)
		values_of(c);
	printf("\t*) [[ $word == -* ]] && _joulemap_options \"$command\" || _joulemap_positional \"$command\" ;;\n"
	       "\tesac\n}\n_joulemap_options() {\n\tcase $1 in\n");
	for (i = 0; (c = jm_cli_command(i)) != NULL; i++)
		options_of(c);
	printf("\tesac\n}\n_joulemap_positional() {\n\tcase $1 in\n");
	for (i = 0; (c = jm_cli_command(i)) != NULL; i++)
		positional_of(c);
	printf("\tesac\n}\ncomplete -F _joulemap joulemap\n");
}
