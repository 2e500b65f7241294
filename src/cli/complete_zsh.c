#include "cli/complete.h"
#include "cli/values.h"

#include <stdio.h>

/* Inside an option's description and the name of its value zsh reads these. */
#define MARKS "[]:\\"

/* ":name:what completes it", within single quotes. */
static void action(const char *name, struct jm_value value)
{
	putchar(':');
	jm_cli_quoted(name, MARKS);
	switch (value.kind) {
	case JM_VALUE_WORDS:
		printf(":(");
		jm_cli_quoted(value.words, ":");
		printf(")");
		return;
	case JM_VALUE_FILE:
		printf(":_files");
		return;
	case JM_VALUE_FOLDER:
		printf(":_files -/");
		return;
	case JM_VALUE_COMMAND:
		printf(":_command_names");
		return;
	case JM_VALUE_NONE:
		printf(": ");
	}
}

static void name_of(const struct jm_option *o, const char *dashes, const char *name, int n)
{
	/* "+", "=": the value may follow at once, or as the next word. */
	printf("'%s%s%.*s%s[", o->type == JM_OPTION_LIST ? "*" : "", dashes, n, name,
	       !o->argument                    ? ""
	       : o->type == JM_OPTION_FRACTION ? "=-"
	       : dashes[1]                     ? "="
					       : "+");
}

static void specification(const struct jm_command *c, const struct jm_option *o, const char *dashes, const char *name,
			  int n)
{
	struct jm_value value = jm_cli_value(c, o);

	printf(" \\\n\t\t\t");
	name_of(o, dashes, name, n);
	jm_cli_quoted(o->help, MARKS);
	putchar(']');
	if (o->argument) {
		if (o->type == JM_OPTION_FRACTION)
			putchar(':');
		action(o->argument, value);
	}
	putchar('\'');
}

static void command_case(const struct jm_command *c)
{
	const struct jm_option *o;
	size_t i;

	printf("\t\t%s) _arguments -s", c->name);
	for (i = 0; (o = jm_cli_option(c, i)) != NULL; i++) {
		if (o->letter)
			specification(c, o, "-", &o->letter, 1);
		specification(c, o, "--", o->name, 64);
	}
	printf(" \\\n\t\t\t");
	if (c->takes_command) {
		printf("'*: :_joulemap_measured'");
	} else if (jm_cli_names_commands(c)) {
		printf("'1:command:{_describe command names}'");
	} else {
		printf("'*");
		action(" ", jm_cli_value(c, NULL));
		putchar('\'');
	}
	printf(" ;;\n");
}

static const char head[] = "#compdef joulemap\n"
			   "# zsh completion of joulemap, printed by: joulemap completion zsh\n"
			   "# Behind -- stands a command with its own words.\n"
			   "_joulemap_measured() {\n"
			   "\tlocal at=${words[(i)--]}\n"
			   "\t((CURRENT > at)) || return 1\n"
			   "\tshift at words\n"
			   "\t((CURRENT -= at))\n"
			   "\t_normal\n"
			   "}\n";

void jm_cli_complete_zsh(void)
{
	const struct jm_command *c;
	size_t i;

	fputs(head, stdout);
	printf("_joulemap() {\n"
	       "\tlocal curcontext=$curcontext state line\n\tlocal -a names\n\tnames=(\n");
	for (i = 0; (c = jm_cli_command(i)) != NULL; i++) {
		printf("\t\t'%s:", c->name);
		jm_cli_quoted(c->summary, "");
		printf("'\n");
	}
	printf("\t\t'help:print the options of a command'\n\t)\n"
	       "\t_arguments -C '(- *)--help[print the commands]' '(- *)--version[print the version]' \\\n"
	       "\t\t'1:command:->command' '*::argument:->argument'\n"
	       "\tcase $state in\n\tcommand) _describe command names ;;\n\targument)\n\t\tcase $words[1] in\n"
	       "\t\thelp) _arguments '1:command:{_describe command names}' ;;\n");
	for (i = 0; (c = jm_cli_command(i)) != NULL; i++)
		command_case(c);
	printf(
	    "\t\tesac ;;\n\tesac\n}\n"
	    "# Loaded by compinit the file is the function; sourced it names it.\n"
	    "if [ \"$funcstack[1]\" = _joulemap ]; then\n\t_joulemap \"$@\"\nelse\n\tcompdef _joulemap joulemap\nfi\n");
}
