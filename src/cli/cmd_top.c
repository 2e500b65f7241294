/* top: the live view. */
#include "cli/cli.h"

#include "core/units.h"
#include "top/top.h"

#include <signal.h>
#include <unistd.h>

struct settings {
	struct jm_common common;
	const char *sensors, *sort;
	int64_t period_ns, delay_ns;
	uint64_t n_updates, n_rows;
	bool is_once, is_plain;
};

#define DEFAULT_PERIOD_NS (250 * JM_NS_PER_MS)
#define PLAIN_ROWS        20

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	bool is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	struct jm_top_options options = {.sensors = s->sensors,
					 .period_ns = s->period_ns ? s->period_ns : DEFAULT_PERIOD_NS,
					 .delay_ns = s->delay_ns ? s->delay_ns : JM_NS_PER_S,
					 .n_updates = s->is_once ? 1 : s->n_updates,
					 .is_plain = s->is_plain || s->is_once || !is_terminal,
					 .is_colour = jm_cli_is_colour(&s->common, STDOUT_FILENO),
					 .n_rows = s->n_rows == JM_AMOUNT_NONE ? 0
						   : s->n_rows                 ? (size_t)s->n_rows
									       : PLAIN_ROWS,
					 .width = jm_cli_width(STDOUT_FILENO)};
	struct jm_error err = {0};
	int rc, by_signal;

	(void)positional;
	(void)n_positional;
	(void)command;
	if (s->sort && jm_top_sort_parse(s->sort, &options.sort))
		return jm_cli_usage_error(&jm_cmd_top, "--sort is power, cpu, energy, memory, name or pid, not '%s'",
					  s->sort);
	if (options.period_ns > options.delay_ns)
		options.period_ns = options.delay_ns;
	jm_cli_raise_descriptors();
	jm_top_block_signals();
	rc = jm_top_run(&options, stdout, &by_signal, &err);
	if (rc)
		return jm_cli_fail(&err);
	return by_signal && by_signal != SIGINT ? 128 + by_signal : JM_EXIT_OK;
}

static const struct jm_option options[] = {
    {'d', "delay", "SECONDS", "time between screens (default 1s)", JM_OPTION_DURATION,
     offsetof(struct settings, delay_ns)},
    {'i', "interval", "PERIOD", "time between readings (default 250ms)", JM_OPTION_DURATION,
     offsetof(struct settings, period_ns)},
    {'s', "sensors", "LIST", "drivers to use: DRIVER[:ARGUMENT],... (see joulemap sensors)", JM_OPTION_TEXT,
     offsetof(struct settings, sensors)},
    {0, "sort", "HOW", "power (default), cpu, energy, memory, name or pid", JM_OPTION_TEXT,
     offsetof(struct settings, sort)},
    {'n', "updates", "N", "end after so many screens", JM_OPTION_COUNT, offsetof(struct settings, n_updates)},
    {0, "once", NULL, "print one screen as plain lines and end", JM_OPTION_FLAG, offsetof(struct settings, is_once)},
    {0, "plain", NULL, "print lines (as without a terminal)", JM_OPTION_FLAG, offsetof(struct settings, is_plain)},
    {0, "rows", "N", "processes in plain lines (default 20; 0: all)", JM_OPTION_AMOUNT,
     offsetof(struct settings, n_rows)},
};

const struct jm_command jm_cmd_top = {
    .name = "top",
    .summary = "show power of sensors and processes as it is now",
    .usage = "[-d SECONDS] [-s LIST] [--sort HOW] [--once]",
    .details =
	"Keys: q ends, p pauses, s changes the order, h helps. docs/top.md. Ends also by a signal, and leaves the\n"
	"terminal as it was.",
    .examples = "  joulemap top\n"
		"  joulemap top -s rapl_perf,nvml -d 2\n"
		"  joulemap top --once --sort energy\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .settings_size = sizeof(struct settings),
    .run = run,
};
