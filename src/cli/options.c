#include "cli/cli.h"

#include "core/display.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct jm_option common_options[] = {
    {'h', "help", NULL, "print this", JM_OPTION_FLAG, offsetof(struct jm_common, is_help)},
    {'q', "quiet", NULL, "print results and errors only", JM_OPTION_FLAG, offsetof(struct jm_common, is_quiet)},
    {0, "color", "WHEN", "auto (default), always or never", JM_OPTION_TEXT, offsetof(struct jm_common, colour)},
    {0, "no-color", NULL, "as --color never", JM_OPTION_FLAG, offsetof(struct jm_common, is_colourless)},
};
#define N_COMMON (sizeof(common_options) / sizeof(common_options[0]))

const struct jm_option *jm_cli_common_options(size_t *n_out)
{
	*n_out = N_COMMON;
	return common_options;
}

#define HELP_COLUMN 31
/* Beyond this lines of prose are hard to read. */
#define HELP_WIDTH_MAX 100

int jm_cli_help_width(FILE *to)
{
	int width = jm_cli_width(fileno(to));

	return width <= 0 ? JM_CLI_WIDTH : width < HELP_WIDTH_MAX ? width : HELP_WIDTH_MAX;
}

static void add_options(const struct jm_option *options, size_t n, struct jm_buffer *b)
{
	size_t i;

	for (i = 0; i < n; i++) {
		size_t from = b->n;
		char left[64];

		snprintf(left, sizeof(left), "%c%c%s--%s%s%s", options[i].letter ? '-' : ' ',
			 options[i].letter ? options[i].letter : ' ', options[i].letter ? ", " : "  ", options[i].name,
			 options[i].argument ? " " : "", options[i].argument ? options[i].argument : "");
		jm_buffer_printf(b, "  %-28s %s\n", left, options[i].help);
		jm_display_wrap(b, from, jm_cli_help_width(stdout), HELP_COLUMN);
	}
}

/* Joins the lines of a paragraph, which end where the source's did. Those that begin with a space, or are empty, stay. */
static void add_prose(const char *text, struct jm_buffer *b)
{
	size_t from = b->n;

	for (; *text; text++) {
		bool is_joint = *text == '\n' && text[1] && text[1] != '\n' && text[1] != ' ' && b->n > from &&
				b->data[b->n - 1] != '\n';

		jm_buffer_append(b, is_joint ? " " : text, 1);
	}
	jm_buffer_puts(b, "\n");
	jm_display_wrap(b, from, jm_cli_help_width(stdout), 0);
}

void jm_cli_help(const struct jm_command *command)
{
	struct jm_buffer b = {0};
	size_t from;

	jm_buffer_printf(&b, "joulemap %s: %s\n\n", command->name, command->summary);
	jm_display_wrap(&b, 0, jm_cli_help_width(stdout), JM_DISPLAY_HANG);
	from = b.n;
	jm_buffer_printf(&b, "Usage: joulemap %s %s\n", command->name, command->usage);
	jm_display_wrap(&b, from, jm_cli_help_width(stdout), strlen("Usage: "));
	if (command->details) {
		jm_buffer_puts(&b, "\n");
		add_prose(command->details, &b);
	}
	jm_buffer_puts(&b, "\nOptions:\n");
	add_options(command->options, command->n_options, &b);
	add_options(common_options, N_COMMON, &b);
	if (command->examples) /* to be copied: as they are */
		jm_buffer_printf(&b, "\nExamples:\n%s", command->examples);
	if (!b.is_failed)
		fwrite(b.data, 1, b.n, stdout);
	jm_buffer_finish(&b);
}

int jm_cli_usage_error(const struct jm_command *command, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	jm_cli_line(stderr, "joulemap %s: %s", command->name, text);
	jm_cli_line(stderr, "  try: joulemap %s --help", command->name);
	return JM_EXIT_USAGE;
}

static const struct jm_option *find_in(const struct jm_option *options, size_t n_options, const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < n_options; i++)
		if (strlen(options[i].name) == n && memcmp(options[i].name, name, n) == 0)
			return &options[i];
	return NULL;
}

static const struct jm_option *find_letter(const struct jm_option *options, size_t n_options, char letter)
{
	size_t i;

	for (i = 0; i < n_options; i++)
		if (options[i].letter == letter)
			return &options[i];
	return NULL;
}

static bool is_fraction(const char *text, double *out)
{
	return jm_text_double(text, strlen(text), out) == 0 && *out > 0 && *out <= 1;
}

static int set(const struct jm_command *command, const struct jm_option *option, void *settings, const char *value)
{
	void *field = (char *)settings + option->offset;
	struct jm_text_list *list = field;
	uint64_t count;
	int64_t ns;

	switch (option->type) {
	case JM_OPTION_FLAG:
		*(bool *)field = true;
		return 0;
	case JM_OPTION_TEXT:
		*(const char **)field = value;
		return 0;
	case JM_OPTION_DURATION:
		if (jm_text_duration_ns(value, &ns) || ns <= 0)
			return jm_cli_usage_error(command, "--%s wants a time above zero such as 10ms or 2s, not '%s'",
						  option->name, value);
		*(int64_t *)field = ns;
		return 0;
	case JM_OPTION_COUNT:
	case JM_OPTION_AMOUNT:
		if (jm_text_u64(value, strlen(value), &count))
			return jm_cli_usage_error(command, "--%s wants a whole number, not '%s'", option->name, value);
		*(uint64_t *)field = option->type == JM_OPTION_AMOUNT && count == 0 ? JM_AMOUNT_NONE : count;
		return 0;
	case JM_OPTION_LIST:
		if (list->n == JM_LIST_MAX)
			return jm_cli_usage_error(command, "--%s is given more than %d times", option->name,
						  JM_LIST_MAX);
		list->items[list->n++] = value;
		return 0;
	case JM_OPTION_FRACTION:
		if (!value)
			*(double *)field = JM_FRACTION_BARE;
		else if (!is_fraction(value, field))
			return jm_cli_usage_error(command, "--%s wants a number above 0, at most 1, not '%s'",
						  option->name, value);
		return 0;
	}
	return 0;
}

/* One word of the command line that begins with '-'. Gives 0 or JM_EXIT_USAGE; *i moves over a value. */
static int parse_option(const struct jm_command *command, int argc, char **argv, int *i, void *settings)
{
	const char *word = argv[*i], *value = NULL;
	const struct jm_option *option;
	size_t n;

	if (word[1] == '-') {
		n = strcspn(word + 2, "=");
		option = find_in(command->options, command->n_options, word + 2, n);
		option = option ? option : find_in(common_options, N_COMMON, word + 2, n);
		value = word[2 + n] ? word + 3 + n : NULL;
	} else {
		option = find_letter(command->options, command->n_options, word[1]);
		option = option ? option : find_letter(common_options, N_COMMON, word[1]);
		value = word[2] ? word + 2 : NULL;
	}
	if (!option)
		return jm_cli_usage_error(command, "there is no option '%s'", word);
	if (option->type == JM_OPTION_FLAG && value)
		return jm_cli_usage_error(command, "the option --%s takes no value", option->name);
	if (option->type == JM_OPTION_FRACTION && !value) {
		double fraction;

		/* What follows may be the value or, say, the model: only a number is taken. */
		if (*i + 1 < argc && is_fraction(argv[*i + 1], &fraction))
			value = argv[++*i];
	} else if (option->type != JM_OPTION_FLAG && !value) {
		if (*i + 1 >= argc)
			return jm_cli_usage_error(command, "the option --%s wants %s", option->name, option->argument);
		value = argv[++*i];
	}
	return set(command, option, settings, value);
}

static int parse_and_run(const struct jm_command *command, int argc, char **argv, void *settings)
{
	struct jm_common *common = settings;
	char **positional = calloc((size_t)argc + 1, sizeof(*positional));
	char **measured = NULL;
	size_t n_positional = 0;
	int rc = 0, i;

	if (!positional)
		return JM_EXIT_FAILURE;
	for (i = 1; i < argc && rc == 0; i++) {
		if (strcmp(argv[i], "--") == 0) {
			measured = &argv[i + 1];
			break;
		}
		if (argv[i][0] == '-' && argv[i][1])
			rc = parse_option(command, argc, argv, &i, settings);
		else
			positional[n_positional++] = argv[i];
	}
	if (rc == 0 && common->is_help)
		jm_cli_help(command);
	else if (rc == 0 && n_positional > command->n_positional_max)
		rc = command->takes_command
			 ? jm_cli_usage_error(command, "put -- before the command to measure: -- %s ...",
					      positional[command->n_positional_max])
			 : jm_cli_usage_error(command, "'%s' is one argument too many",
					      positional[command->n_positional_max]);
	else if (rc == 0 && measured && (!command->takes_command || !*measured))
		rc = jm_cli_usage_error(command, command->takes_command ? "there is no command behind --"
									: "this takes no command behind --");
	else if (rc == 0)
		rc = command->run(settings, positional, n_positional, measured);
	free(positional);
	return rc;
}

int jm_cli_dispatch(const struct jm_command *command, int argc, char **argv)
{
	struct jm_common *settings = calloc(1, command->settings_size);
	char line[4096] = "joulemap ";
	int rc;

	if (!settings)
		return JM_EXIT_FAILURE;
	jm_cli_join(argv, line + strlen(line), sizeof(line) - strlen(line));
	settings->line = line;
	rc = parse_and_run(command, argc, argv, settings);
	free(settings);
	return rc;
}
