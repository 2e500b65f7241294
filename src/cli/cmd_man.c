/* joulemap man: the manual pages, from the data that --help prints. */
#include "cli/cli.h"

#include "core/error.h"
#include "core/file.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct settings {
	struct jm_common common;
	const char *output;
};

static const struct {
	const char *name, *what;
} environment[] = {
    {"JOULEMAP_ROOT", "Another folder in the place of /, for /sys and /proc."},
    {"JOULEMAP_NVML", "The NVML library to load, instead of the system's."},
    {"JOULEMAP_TOKEN", "The token of the service: serve asks for it, ask gives it."},
    {"XDG_DATA_HOME", "Idle levels and calibrations of this machine are kept in joulemap/ below it (~/.local/share)."},
    {"NO_COLOR", "No colours, as --color never."},
};

/* Text as roff takes it: as it is, nothing of it a request or an escape. */
static void put(FILE *to, const char *text)
{
	bool is_line_start = true;

	for (; *text; text++) {
		if (is_line_start && (*text == '.' || *text == '\''))
			fputs("\\&", to);
		if (*text == '\\')
			fputs("\\e", to);
		else if (*text == '-')
			fputs("\\-", to);
		else
			fputc(*text, to);
		is_line_start = *text == '\n';
	}
}

static void section(FILE *to, const char *name)
{
	fprintf(to, ".SH %s\n", name);
}

static void title(FILE *to, const char *name, const char *summary)
{
	char upper[64];
	size_t i;

	for (i = 0; name[i] && i < sizeof(upper) - 1; i++)
		upper[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 'a' + 'A') : name[i];
	upper[i] = '\0';
	fputs(".TH \"", to);
	put(to, upper);
	fprintf(to, "\" 1 \"\" \"joulemap %s\" \"User Commands\"\n", jm_version());
	section(to, "NAME");
	put(to, name);
	fputs(" \\- ", to);
	put(to, summary);
	fputc('\n', to);
}

static void option(FILE *to, const struct jm_option *o)
{
	fputs(".TP\n", to);
	if (o->letter)
		fprintf(to, "\\fB\\-%c\\fR, ", o->letter);
	fputs("\\fB\\-\\-", to);
	put(to, o->name);
	fputs("\\fR", to);
	if (o->argument) {
		fputs(" \\fI", to);
		put(to, o->argument);
		fputs("\\fR", to);
	}
	fputc('\n', to);
	put(to, o->help);
	fputc('\n', to);
}

static void examples(FILE *to, const char *lines)
{
	if (!lines)
		return;
	section(to, "EXAMPLES");
	fputs(".nf\n", to);
	put(to, lines);
	fputs(".fi\n", to);
}

static void exit_status(FILE *to, bool takes_command)
{
	section(to, "EXIT STATUS");
	fputs("0: done. 1: it failed, the message says why and what to try. 2: the command line is wrong.\n", to);
	if (takes_command)
		fputs("With a measured command its own status is passed on, 128 and the signal's number when a signal "
		      "ended it;\n"
		      "126: it could not be run, 127: it was not found.\n",
		      to);
}

/* The page joulemap-NAME(1). */
static void command_page(FILE *to, const struct jm_command *c)
{
	const struct jm_option *common;
	char name[64];
	size_t i, n;

	snprintf(name, sizeof(name), "joulemap-%s", c->name);
	title(to, name, c->summary);
	section(to, "SYNOPSIS");
	fprintf(to, "\\fBjoulemap %s\\fR ", c->name);
	put(to, c->usage);
	fputc('\n', to);
	if (c->details) {
		section(to, "DESCRIPTION");
		put(to, c->details);
		fputc('\n', to);
	}
	section(to, "OPTIONS");
	for (i = 0; i < c->n_options; i++)
		option(to, &c->options[i]);
	common = jm_cli_common_options(&n);
	for (i = 0; i < n; i++)
		option(to, &common[i]);
	examples(to, c->examples);
	exit_status(to, c->takes_command);
	section(to, "SEE ALSO");
	fputs("\\fBjoulemap\\fR(1)\n", to);
}

/* The page joulemap(1). */
static void main_page(FILE *to)
{
	const struct jm_command *c;
	size_t i;

	title(to, "joulemap", "where the energy of AI inference goes");
	section(to, "SYNOPSIS");
	fputs("\\fBjoulemap\\fR \\fICOMMAND\\fR ...\n", to);
	section(to, "DESCRIPTION");
	fputs("Measures the energy of programs and neural networks, by device, process, region and layer. Every joule "
	      "it\n"
	      "prints was measured, or is marked as estimated; it comes with an uncertainty where a method gives one; "
	      "the\n"
	      "parts add up to the whole.\n",
	      to);
	section(to, "COMMANDS");
	for (i = 0; (c = jm_cli_command(i)) != NULL; i++) {
		fputs(".TP\n\\fBjoulemap\\-", to);
		put(to, c->name);
		fputs("\\fR(1)\n", to);
		put(to, c->summary);
		fputc('\n', to);
	}
	exit_status(to, true);
	section(to, "ENVIRONMENT");
	for (i = 0; i < sizeof(environment) / sizeof(environment[0]); i++) {
		fprintf(to, ".TP\n\\fB%s\\fR\n", environment[i].name);
		put(to, environment[i].what);
		fputc('\n', to);
	}
	section(to, "SEE ALSO");
	for (i = 0; (c = jm_cli_command(i)) != NULL; i++)
		fprintf(to, "%s\\fBjoulemap\\-%s\\fR(1)", i ? ",\n" : "", c->name);
	fputc('\n', to);
}

static void page(FILE *to, const struct jm_command *c)
{
	if (c)
		command_page(to, c);
	else
		main_page(to);
}

static int cannot_write(const char *path)
{
	struct jm_error err = {0};

	jm_error_set(&err, JM_E_IO, "cannot write %s: %s", path, strerror(errno));
	return jm_cli_fail(&err);
}

/* Writes a page into the folder; command NULL: joulemap(1). Gives the exit code. */
static int write_page(const char *folder, const struct jm_command *command)
{
	char path[4096];
	bool is_failed;
	FILE *to;

	snprintf(path, sizeof(path), "%s/joulemap%s%s.1", folder, command ? "-" : "", command ? command->name : "");
	to = fopen(path, "w");
	if (!to)
		return cannot_write(path);
	page(to, command);
	is_failed = ferror(to);
	/* What is buffered is written here. */
	if (fclose(to) || is_failed)
		return cannot_write(path);
	return JM_EXIT_OK;
}

static int write_all(const char *folder)
{
	const struct jm_command *c;
	struct jm_error err = {0};
	size_t i;
	int rc;

	if (jm_file_make_folders(folder, &err))
		return jm_cli_fail(&err);
	rc = write_page(folder, NULL);

	for (i = 0; rc == JM_EXIT_OK && (c = jm_cli_command(i)) != NULL; i++)
		rc = write_page(folder, c);
	return rc;
}

/* Shows a page as man does; where there is no man, the help says the same. Gives the exit code. */
static int show(const struct jm_command *c)
{
	FILE *to = system("command -v man >/dev/null 2>&1") == 0 ? popen("man -l -", "w") : NULL;

	if (!to && c)
		jm_cli_help(c);
	else if (!to)
		jm_cli_usage(stdout);
	if (!to)
		return JM_EXIT_OK;
	signal(SIGPIPE, SIG_IGN); /* the reader may have seen enough */
	page(to, c);
	return pclose(to) ? JM_EXIT_FAILURE : JM_EXIT_OK;
}

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	const struct settings *s = settings;
	const struct jm_command *c = NULL;

	(void)command;
	if (s->output)
		return n_positional ? jm_cli_usage_error(&jm_cmd_man, "--output writes all pages: give no command")
				    : write_all(s->output);
	if (n_positional > 0)
		c = jm_cli_find(positional[0]);
	if (n_positional > 0 && !c)
		return jm_cli_usage_error(&jm_cmd_man, "there is no command '%s'", positional[0]);
	if (isatty(STDOUT_FILENO))
		return show(c);
	page(stdout, c);
	return JM_EXIT_OK;
}

static const struct jm_option options[] = {
    {'o', "output", "FOLDER", "write all pages into this folder", JM_OPTION_TEXT, offsetof(struct settings, output)},
};

const struct jm_command jm_cmd_man = {
    .name = "man",
    .summary = "print the manual page of a command, or write all of them",
    .usage = "[COMMAND] | --output FOLDER",
    .details =
	"On a terminal the page is shown as man does. Else it is roff, as man reads it. An installation has them all\n"
	"already: man joulemap-record.",
    .examples = "  joulemap man record\n"
		"  joulemap man record >joulemap-record.1\n"
		"  joulemap man --output ~/.local/share/man/man1\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .n_positional_max = 1,
    .settings_size = sizeof(struct settings),
    .run = run,
};
