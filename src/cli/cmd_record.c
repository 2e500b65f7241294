/* record, stat and idle: sensors around a command or for a while. */
#define _GNU_SOURCE
#include "cli/cli.h"
#include "cli/own_cost.h"
#include "cli/recording_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct settings {
	struct jm_common common;
	int64_t period_ns, duration_ns;
	const char *sensors, *output, *baseline, *carbon, *price;
	bool is_forced, with_cuda;
	const char *processes, *pids;
	int64_t process_period_ns;
	uint64_t own_cost_rounds;
};

#define ROUNDS_MIN 3 /* an interval takes as many */
#define ROUNDS_MAX 1000

static void print_warnings(const struct jm_recorder *r)
{
	const char *text;
	size_t i;

	for (i = 0; (text = jm_recorder_warning(r, i)); i++)
		jm_cli_line(stderr, "joulemap: warning: %s", text);
}

static bool all_are_gone(void *ctx)
{
	return jm_recorder_n_watched(ctx) == 0;
}

/* A command that has ended already has nothing left to watch: what it took is in our own count of children. */
static void watch(void *ctx, int64_t pid)
{
	jm_recorder_watch(ctx, pid, NULL);
}

/* Runs command, or waits, and stores what the report needs. Gives the exit code to pass on. */
static int measure(struct jm_recorder *r, const struct settings *s, char **command, struct jm_error *err)
{
	int64_t start_ns, end_ns;
	char text[16];
	int exit_code;

	if (!command) {
		jm_cli_wait_until(s->duration_ns ? s->duration_ns : -1, s->pids ? all_are_gone : NULL, r);
		return JM_EXIT_OK;
	}
	exit_code = jm_cli_run_watched(command, s->processes ? watch : NULL, r, &start_ns, &end_ns, err);
	if (err->code)
		return exit_code;
	jm_recorder_window(r, start_ns, end_ns);
	snprintf(text, sizeof(text), "%d", exit_code);
	jm_recorder_meta(r, "exit_code", text);
	return exit_code;
}

/* Records into path; cuda_folder: where CUDA programs write what they run, or NULL. Gives the exit code to pass on;
 * *is_recorded_out: whether there is a recording to report. */
static int record_into(const char *path, const char *kind, const struct settings *s, char **command,
		       const char *cuda_folder, bool *is_recorded_out)
{
	char text[4096];
	struct jm_record_options options = {.size = sizeof(options),
					    .path = path,
					    .overwrite = s->is_forced,
					    .sensors = s->sensors,
					    .period_ns = s->period_ns,
					    .kind = kind,
					    .processes = s->pids ? s->pids : s->processes,
					    .process_period_ns = s->process_period_ns};
	struct jm_error err = {0}, stopping = {0};
	struct jm_recorder *r;
	int exit_code;

	*is_recorded_out = false;
	if (command) {
		jm_cli_join(command, text, sizeof(text));
		options.command = text;
	}
	jm_cli_block_signals();
	if (options.processes)
		jm_cli_raise_descriptors();
	/* Processes whose parent ends become ours, and stay the command's in the account. */
	if (options.processes && command)
		prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL);
	if (jm_recorder_start(&options, &r, &err))
		return jm_cli_fail_output(&err);
	if (cuda_folder)
		jm_recorder_watch_cuda(r, cuda_folder, &err);
	exit_code = err.code ? JM_EXIT_FAILURE : measure(r, s, command, &err);
	*is_recorded_out = err.code == 0;
	if (err.code) {
		jm_cli_fail(&err);
		jm_recorder_stop(r, NULL);
		unlink(path);
	} else if (jm_recorder_stop(r, &stopping)) {
		/* The command's own exit code still says more than our disk. */
		jm_cli_fail(&stopping);
		*is_recorded_out = false;
		exit_code = exit_code ? exit_code : JM_EXIT_FAILURE;
	}
	print_warnings(r);
	jm_recorder_destroy(r);
	return exit_code;
}

static int print_report(const char *path, const struct settings *s, const char *format, FILE *to)
{
	struct jm_report_options options = {.size = sizeof(options), .baseline = s->baseline};
	struct jm_view_options view = {.size = sizeof(view),
				       .format = format,
				       .is_colour = jm_cli_is_colour(&s->common, fileno(to)),
				       .width = jm_cli_width(fileno(to)),
				       .carbon = s->carbon,
				       .price = s->price};

	return jm_cli_print_report(path, &options, &view);
}

static int run_record(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	char path[64], folder[4096];
	struct jm_error err = {0};
	bool is_recorded;
	int exit_code;

	(void)positional;
	(void)n_positional;
	if (s->pids && command)
		return jm_cli_usage_error(&jm_cmd_record, "give -p or a command, not both");
	if (s->pids && s->processes)
		return jm_cli_usage_error(&jm_cmd_record, "give -p or --processes, not both");
	if (s->processes && !command && strcmp(s->processes, "command") == 0)
		return jm_cli_usage_error(&jm_cmd_record, "--processes command wants a command behind --");
	if (s->processes && strcmp(s->processes, "all") != 0 && strcmp(s->processes, "command") != 0 &&
	    strcmp(s->processes, "none") != 0)
		return jm_cli_usage_error(&jm_cmd_record, "--processes wants all, command or none, not '%s'",
					  s->processes);
	if (!s->processes && command)
		s->processes = "command";
	if (command && s->duration_ns)
		return jm_cli_usage_error(&jm_cmd_record, "give -d or a command, not both");
	if (s->with_cuda && !command)
		return jm_cli_usage_error(&jm_cmd_record, "--cuda wants a command: its kernels are recorded");
	jm_cli_default_output(path, sizeof(path));
	if (!s->output)
		s->output = path;
	if (!command && !s->duration_ns && !s->common.is_quiet)
		jm_cli_line(stderr, "recording to %s; %s ends it", s->output,
			s->pids ? "the end of these processes or Ctrl-C" : "Ctrl-C");
	if (s->with_cuda && jm_cli_cuda_begin(folder, sizeof(folder), &err))
		return jm_cli_fail(&err);
	exit_code = record_into(s->output, "record", s, command, s->with_cuda ? folder : NULL, &is_recorded);
	if (s->with_cuda)
		jm_cli_cuda_end(folder);
	if (is_recorded && !s->common.is_quiet)
		jm_cli_line(stderr, "recorded %s; next: joulemap report %s", s->output, s->output);
	return exit_code;
}

/* One more run of stat's command. */
struct repeated {
	struct settings settings;
	char **command;
};

static int repeat(void *ctx, const char *path, int64_t period_ns, bool *is_recorded_out)
{
	struct repeated *r = ctx;

	r->settings.period_ns = period_ns;
	return record_into(path, "stat", &r->settings, r->command, NULL, is_recorded_out);
}

static int own_cost(const char *folder, const struct settings *s, char **command)
{
	struct repeated repeated = {*s, command};
	struct jm_own_cost_trials trials = {.rounds = s->own_cost_rounds,
					    .period_ns = s->period_ns ? s->period_ns : JM_DEFAULT_PERIOD_NS,
					    .record = repeat,
					    .ctx = &repeated,
					    .is_quiet = s->common.is_quiet};

	return jm_cli_own_cost(folder, &trials);
}

static int run_stat(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	const char *folder = getenv("TMPDIR");
	char work[512], path[600];
	bool is_recorded;
	int exit_code;

	(void)positional;
	(void)n_positional;
	if (!command)
		return jm_cli_usage_error(&jm_cmd_stat, "there is no command to measure: joulemap stat -- COMMAND");
	if (s->own_cost_rounds && (s->own_cost_rounds < ROUNDS_MIN || s->own_cost_rounds > ROUNDS_MAX))
		return jm_cli_usage_error(&jm_cmd_stat, "--own-cost wants %d to %d rounds", ROUNDS_MIN, ROUNDS_MAX);
	snprintf(work, sizeof(work), "%s/joulemap-XXXXXX", folder && *folder ? folder : "/tmp");
	if (!mkdtemp(work)) {
		jm_cli_line(stderr, "joulemap: cannot make a folder for the readings in %s", work);
		jm_cli_line(stderr, "  try: TMPDIR=FOLDER");
		return JM_EXIT_FAILURE;
	}
	snprintf(path, sizeof(path), "%s/stat.jmap", work);
	exit_code = record_into(path, "stat", s, command, NULL, &is_recorded);
	if (is_recorded && print_report(path, s, "summary", stdout) && exit_code == 0)
		exit_code = JM_EXIT_FAILURE;
	unlink(path);
	if (is_recorded && exit_code == 0 && s->own_cost_rounds) {
		fflush(stdout);
		exit_code = own_cost(work, s, command);
	}
	rmdir(work);
	return exit_code;
}

static int run_idle(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	struct jm_error err = {0};
	char path[1024], partial[1040];
	int64_t start_ns = jm_now_ns();
	bool is_recorded, is_forced;
	double busy;
	int rc;

	(void)positional;
	(void)n_positional;
	(void)command;
	if (!s->duration_ns)
		s->duration_ns = INT64_C(60000000000);
	if (jm_idle_prepare(s->sensors, path, sizeof(path), &err))
		return jm_cli_fail(&err);
	snprintf(partial, sizeof(partial), "%s.partial", path);
	if (!s->common.is_quiet)
		fprintf(stderr, "measuring the idle machine for %.0f s: leave it alone\n",
			(double)s->duration_ns * 1e-9);
	is_forced = s->is_forced;
	s->is_forced = true;
	rc = record_into(partial, "idle", s, NULL, NULL, &is_recorded);
	if (rc || !is_recorded)
		return rc ? rc : JM_EXIT_FAILURE;
	if (jm_now_ns() - start_ns < s->duration_ns) {
		unlink(partial);
		fprintf(stderr, "joulemap: stopped before the end: nothing is kept, an older idle level stays\n");
		return JM_EXIT_FAILURE;
	}
	if (jm_idle_judge(partial, &busy, &err)) {
		if (!is_forced) {
			unlink(partial);
			return jm_cli_fail(&err);
		}
		jm_cli_line(stderr, "warning: %s", err.message);
	}
	s->baseline = "none";
	rc = print_report(partial, s, "summary", stdout);
	if (rc == 0 && rename(partial, path)) {
		perror("joulemap: cannot keep the idle recording");
		return JM_EXIT_FAILURE;
	}
	if (rc == 0 && !s->common.is_quiet)
		jm_cli_line(stderr, "kept as %s; later reports of this machine use it", path);
	return rc;
}

static const struct jm_option record_options[] = {
    JM_CLI_PERIOD(struct settings),
    {'d', "duration", "SECONDS", "record for so long, without a command", JM_OPTION_DURATION,
     offsetof(struct settings, duration_ns)},
    JM_CLI_SENSORS(struct settings),
    JM_CLI_OUTPUT(struct settings),
    JM_CLI_FORCE(struct settings),
    {0, "cuda", NULL, "record the kernels, copies and NVTX ranges of CUDA programs, too", JM_OPTION_FLAG,
     offsetof(struct settings, with_cuda)},
    {'p', "pid", "PID[,PID...]", "watch running processes, until all are gone (7@1234: 7 in the namespace of 1234)",
     JM_OPTION_TEXT, offsetof(struct settings, pids)},
    {0, "processes", "WHICH", "whose processor time to record: command (default with one), all or none", JM_OPTION_TEXT,
     offsetof(struct settings, processes)},
    {0, "process-interval", "PERIOD", "time between looks at them (default 100ms)", JM_OPTION_DURATION,
     offsetof(struct settings, process_period_ns)},
};

const struct jm_command jm_cmd_record = {
    .name = "record",
    .summary = "record the sensors while a command runs, or for a while",
    .usage = "[-i PERIOD] [-s LIST] [-o FILE] [-p PID,...] [-d SECONDS | [--cuda] -- COMMAND ...]",
    .details =
	"The command's exit code is passed on, and signals are forwarded to it. Without command and -d it records\n"
	"until Ctrl-C. The recording is an SQLite database: docs/recording-format.md.",
    .examples = "  joulemap record -- python3 train.py\n"
		"  joulemap record --cuda -- python3 infer.py\n"
		"  joulemap record -i 1ms -d 10s -o idle.jmap\n"
		"  joulemap record -p 4711,4712        # then: joulemap report FILE --by process\n"
		"  joulemap record -s 'exec:nvidia-smi --query-gpu=power.draw --format=csv,noheader,nounits -lms 100' "
		"-i 100ms -- ./infer\n",
    .options = record_options,
    .n_options = sizeof(record_options) / sizeof(record_options[0]),
    .takes_command = true,
    .settings_size = sizeof(struct settings),
    .run = run_record,
};

static const struct jm_option stat_options[] = {
    JM_CLI_PERIOD(struct settings),
    JM_CLI_SENSORS(struct settings),
    JM_CLI_BASELINE(struct settings),
    JM_CLI_CARBON(struct settings),
    JM_CLI_PRICE(struct settings),
    {0, "own-cost", "ROUNDS", "what measuring takes: so many runs more, and again with a tenth of the readings",
     JM_OPTION_COUNT, offsetof(struct settings, own_cost_rounds)},
};

const struct jm_command jm_cmd_stat = {
    .name = "stat",
    .summary = "run a command and print what it took, like perf stat",
    .usage = "[-i PERIOD] [-s LIST] [--carbon G_PER_KWH] [--price PER_KWH] [--own-cost ROUNDS] -- COMMAND ...",
    .details = "Keeps no recording. The command's exit code is passed on.",
    .examples = "  joulemap stat -- make -j\n"
		"  joulemap stat -i 1ms -s rapl_perf -- ./infer model.onnx\n"
		"  joulemap stat --carbon 420 --price 0.30EUR -- make -j\n"
		"  joulemap stat -i 1ms --own-cost 5 -- ./infer model.onnx\n",
    .options = stat_options,
    .n_options = sizeof(stat_options) / sizeof(stat_options[0]),
    .takes_command = true,
    .settings_size = sizeof(struct settings),
    .run = run_stat,
};

static const struct jm_option idle_options[] = {
    {'d', "duration", "SECONDS", "how long (default 60s)", JM_OPTION_DURATION, offsetof(struct settings, duration_ns)},
    JM_CLI_PERIOD(struct settings),
    JM_CLI_SENSORS(struct settings),
    {'f', "force", NULL, "keep the level although the machine was at work", JM_OPTION_FLAG,
     offsetof(struct settings, is_forced)},
};

const struct jm_command jm_cmd_idle = {
    .name = "idle",
    .summary = "measure the idle machine once; later reports know its level",
    .usage = "[-d SECONDS] [-s LIST]",
    .details =
	"Kept in $XDG_DATA_HOME/joulemap (~/.local/share/joulemap) with the machine's identity. Reports of recordings\n"
	"of this machine use it unless --baseline says otherwise. With -s only those sensors are measured; the levels "
	"of\n"
	"others stay. The newest level of each channel counts. Refused where processors were at work more than 10 % of "
	"the time.",
    .examples = "  joulemap idle -d 60\n"
		"  joulemap idle -d 60 -s 'exec:./my-meter'\n",
    .options = idle_options,
    .n_options = sizeof(idle_options) / sizeof(idle_options[0]),
    .settings_size = sizeof(struct settings),
    .run = run_idle,
};
