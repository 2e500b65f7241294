#include "cli/complete.h"
#include "cli/values.h"

#include <stdio.h>
#include <string.h>

/* Inside single quotes fish reads a backslash before these only. */
static void quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (strchr("'\\", *text))
			putchar('\\');
		putchar(*text);
	}
	putchar('\'');
}

static void begin(const struct jm_command *c)
{
	printf("complete -c joulemap -n '__joulemap_in %s'", c->name);
}

static void complete_value(struct jm_value value)
{
	switch (value.kind) {
	case JM_VALUE_WORDS:
		printf(" -xa ");
		quoted(value.words);
		return;
	case JM_VALUE_FILE:
		printf(" -rF");
		return;
	case JM_VALUE_FOLDER:
		printf(" -xa '(__fish_complete_directories)'");
		return;
	case JM_VALUE_COMMAND:
		printf(" -xa '(__fish_complete_command)'");
		return;
	case JM_VALUE_NONE:
		printf(" -x");
	}
}

static void option(const struct jm_command *c, const struct jm_option *o)
{
	struct jm_value value = jm_cli_value(c, o);

	begin(c);
	if (o->letter)
		printf(" -s %c", o->letter);
	printf(" -l %s -d ", o->name);
	quoted(o->help);
	/* The value of a fraction may be left out. */
	if (o->argument && o->type != JM_OPTION_FRACTION)
		complete_value(value);
	putchar('\n');
}

static void command(const struct jm_command *c)
{
	const struct jm_option *o;
	struct jm_value value = jm_cli_value(c, NULL);
	size_t i;

	printf("complete -c joulemap -n __joulemap_first -a %s -d ", c->name);
	quoted(c->summary);
	putchar('\n');
	for (i = 0; (o = jm_cli_option(c, i)) != NULL; i++)
		option(c, o);
	if (jm_cli_names_commands(c)) {
		begin(c);
		printf(" -a '(__joulemap_commands)'\n");
	} else if (value.kind == JM_VALUE_WORDS) {
		begin(c);
		printf(" -a ");
		quoted(value.words);
		putchar('\n');
	} else if (value.kind == JM_VALUE_FILE) {
		begin(c);
		printf(" -F\n");
	}
}

static const char head[] = "# fish completion of joulemap, printed by: joulemap completion fish\n"
			   "function __joulemap_first\n"
			   "\ttest (count (commandline -opc)) -eq 1\n"
			   "end\n"
			   "# In this command, and not behind --, where the measured one begins.\n"
			   "function __joulemap_in\n"
			   "\tset -l words (commandline -opc)\n"
			   "\ttest (count $words) -ge 2; and test $words[2] = $argv[1]; and not contains -- -- $words\n"
			   "end\n"
			   "function __joulemap_behind\n"
			   "\tcontains -- -- (commandline -opc)\n"
			   "end\n"
			   "function __joulemap_measured\n"
			   "\tset -l words (commandline -opc)\n"
			   "\tset -l at (contains -i -- -- $words)\n"
			   "\tset -e words[1..$at]\n"
			   "\tcomplete -C (string join ' ' -- $words (commandline -ct))\n"
			   "end\n"
			   "complete -c joulemap -f\n"
			   "complete -c joulemap -n __joulemap_behind -a '(__joulemap_measured)'\n"
			   "complete -c joulemap -n __joulemap_first -l help -d 'print the commands'\n"
			   "complete -c joulemap -n __joulemap_first -l version -d 'print the version'\n"
			   "complete -c joulemap -n __joulemap_first -a help -d 'print the options of a command'\n"
			   "complete -c joulemap -n '__joulemap_in help' -a '(__joulemap_commands)'\n";

void jm_cli_complete_fish(void)
{
	const struct jm_command *c;
	size_t i;

	fputs(head, stdout);
	printf("function __joulemap_commands\n\tstring split ' ' -- '");
	for (i = 0; (c = jm_cli_command(i)) != NULL; i++)
		printf("%s%s", i ? " " : "", c->name);
	printf("'\nend\n");
	for (i = 0; (c = jm_cli_command(i)) != NULL; i++)
		command(c);
}
