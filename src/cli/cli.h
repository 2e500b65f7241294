/* The command line: one file a command, one row each in the table of main.c, options as data. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "joulemap/joulemap.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit codes besides those of a measured command. */
enum jm_cli_exit {
	JM_EXIT_OK = 0,
	JM_EXIT_FAILURE = 1,
	JM_EXIT_USAGE = 2,
	JM_EXIT_CANNOT_RUN = 126,
	JM_EXIT_NO_COMMAND = 127
};

enum jm_option_type {
	JM_OPTION_FLAG,     /* bool: true */
	JM_OPTION_TEXT,     /* const char * */
	JM_OPTION_DURATION, /* int64_t, ns, > 0 */
	JM_OPTION_COUNT,    /* uint64_t */
	JM_OPTION_AMOUNT,   /* uint64_t; a 0 that was given is JM_AMOUNT_NONE, which 0 for "not given" is not */
	JM_OPTION_LIST,     /* struct jm_text_list: may be given several times */
	JM_OPTION_FRACTION, /* double, above 0 to 1; the value may be left out: JM_FRACTION_BARE */
};

#define JM_LIST_MAX      32
#define JM_AMOUNT_NONE   UINT64_MAX
#define JM_FRACTION_BARE (-1.0) /* a JM_OPTION_FRACTION that was given without its value */

struct jm_text_list {
	const char *items[JM_LIST_MAX];
	size_t n;
};

struct jm_option {
	char letter;          /* 0: none */
	const char *name;     /* without dashes */
	const char *argument; /* what to show for the value; NULL for flags */
	const char *help;
	enum jm_option_type type;
	size_t offset; /* of the field in the command's settings */
};

/* Options every command has. */
struct jm_common {
	bool is_help, is_quiet, is_colourless;
	const char *colour; /* auto, always, never */
	const char *line;   /* the whole command line, for the recording */
};

struct jm_command {
	const char *name, *summary;
	const char *usage;    /* what follows "joulemap NAME" */
	const char *details;  /* a paragraph for --help; may be NULL */
	const char *examples; /* lines for --help */
	const struct jm_option *options;
	size_t n_options;
	size_t n_positional_max;
	bool takes_command; /* "-- COMMAND ..." */
	/* settings: zeroed, of settings_size, common first; positional: what is no option; command: behind "--", or
	 * NULL. */
	size_t settings_size;
	int (*run)(void *settings, char **positional, size_t n_positional, char **command);
};

/* Parses and runs. Gives the exit code. */
int jm_cli_dispatch(const struct jm_command *command, int argc, char **argv);
void jm_cli_help(const struct jm_command *command);
/* Columns of help: the terminal's, but no more than is good to read; JM_CLI_WIDTH where there is none. */
int jm_cli_help_width(FILE *to);
/* Prints what `joulemap --help` does. */
void jm_cli_usage(FILE *to);
/* The i-th command, in the order of --help; NULL behind the last. */
const struct jm_command *jm_cli_command(size_t i);
/* The command of this name, or NULL. */
const struct jm_command *jm_cli_find(const char *name);
/* The options that every command has, *n_out of them. */
const struct jm_option *jm_cli_common_options(size_t *n_out);

/* Print to a terminal what may hold names of files, devices and processes: neutralised (core/display.h), so that none of them
 * moves the cursor or forges a line. jm_cli_line ends the line. */
void jm_cli_text(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
void jm_cli_line(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends the line, too, and breaks it at spaces to the width of a terminal behind `to`. For prose: somebody may copy a command. */
void jm_cli_wrapped(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints "joulemap: message" and the remedy to stderr. Gives JM_EXIT_FAILURE. */
int jm_cli_fail(const struct jm_error *err);
/* The same for commands with -o and --force: a file that exists is explained by these. */
int jm_cli_fail_output(struct jm_error *err);
/* Writes local date and time as names of files have them: 20261121-073000. */
void jm_cli_stamp(char *out, size_t size);
/* Writes the name of a recording that the user did not name: joulemap-DATE-TIME.jmap. */
void jm_cli_default_output(char *out, size_t size);
int jm_cli_usage_error(const struct jm_command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says whether to colour what goes to descriptor fd: settings, NO_COLOR, TERM and whether it is a terminal. */
bool jm_cli_is_colour(const struct jm_common *common, int fd);
/* Columns of the terminal behind fd; where it does not know, COLUMNS or JM_CLI_WIDTH. 0 when it is none: what goes to files and
 * pipes is not broken into lines, and loses no columns, so that other programs find it whole. */
#define JM_CLI_WIDTH 80
int jm_cli_width(int fd);
/* A jm_write_fn to stdout. Errors: non-zero when the reader has gone. */
int jm_cli_write_stdout(void *ctx, const char *text, size_t n);

/* Gives text to write, of what. Gives 0, or a JM_E_ code with err filled. */
typedef int (*jm_cli_produce_fn)(const void *what, jm_write_fn write, void *ctx, struct jm_error *err);
/* Writes what is produced into a file, which is kept if it is there unless forced, and removed again when writing fails. Gives the
 * exit code, after printing what went wrong. */
int jm_cli_write_file(const char *path, bool is_forced, jm_cli_produce_fn produce, const void *what);
/* Opens a report and prints it. Gives the exit code, after printing what went wrong. */
int jm_cli_print_report(const char *path, const struct jm_report_options *options, const struct jm_view_options *view);
/* Gives the rows that --limit asks for; 0: all. limit: NULL: default_rows; "all". Errors: JM_E_FORMAT: neither that nor a number. */
int jm_cli_limit(const char *limit, size_t default_rows, size_t *out);
/* jm_cli_write_file for a view of a report. */
int jm_cli_write_report(const struct jm_report *report, const struct jm_view_options *view, const char *path,
			bool is_forced);

/* Runs a command as a child: forwards signals, waits. start_ns_out, end_ns_out: around its life. Gives the exit code to
 * pass on (128 + signal when killed; 126, 127 when it could not start, err says why). Signals must have been blocked
 * with jm_cli_block_signals before any thread started. started (may be NULL) is told the child's number as soon as it runs.
 * What the child leaves behind (processes whose parent has ended) is waited for, too, once this process is their reaper
 * (PR_SET_CHILD_SUBREAPER). */
int jm_cli_run_watched(char **command, void (*started)(void *ctx, int64_t pid), void *ctx, int64_t *start_ns_out,
		       int64_t *end_ns_out, struct jm_error *err);
/* Lets this process open as many descriptors as the system grants; its children start with the limit it had. */
void jm_cli_raise_descriptors(void);
void jm_cli_block_signals(void);
/* Waits duration_ns, or for ever when < 0, or until SIGINT, SIGTERM, SIGHUP or SIGQUIT, or until is_done (may be NULL) says so,
 * which is asked ten times a second. */
void jm_cli_wait_until(int64_t duration_ns, bool (*is_done)(void *ctx), void *ctx);
/* Has the commands run from now on load joulemap's CUDA library, which writes into a folder made for it: its path, in size
 * bytes. Before any thread. Errors: those of jm_cuda_library; JM_E_PERMISSION, JM_E_IO, ... of the folder. */
int jm_cli_cuda_begin(char *folder, size_t size, struct jm_error *err);
/* Removes the folder. */
void jm_cli_cuda_end(const char *folder);
/* Joins the words of a command, quoted where a shell needs it. out: size bytes, cut if need be. */
void jm_cli_join(char **command, char *out, size_t size);

extern const struct jm_command jm_cmd_sensors, jm_cmd_record, jm_cmd_stat, jm_cmd_idle, jm_cmd_calibrate, jm_cmd_run,
    jm_cmd_report, jm_cmd_export, jm_cmd_import, jm_cmd_map, jm_cmd_model, jm_cmd_serve, jm_cmd_ask, jm_cmd_data;
extern const struct jm_command jm_cmd_compare, jm_cmd_top;
extern const struct jm_command jm_cmd_bench;
extern const struct jm_command jm_cmd_dataset, jm_cmd_fit, jm_cmd_predict;
extern const struct jm_command jm_cmd_man, jm_cmd_completion;

#endif
