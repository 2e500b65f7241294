#include "cli/cli.h"

#include "cli/own_cost.h"
#include "cli/progress.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct settings {
	struct jm_common common;
	bool is_json, is_told, is_not_kept;
	const char *sensors, *load;
	int64_t duration_ns, steady_ns;
	uint64_t threads, seed;
};

static const char *const families[] = {"boxcar", "RC", "RC x boxcar", "1 s ramp"};

static struct jm_own_cost own_cost_of(const struct jm_calibrations *list)
{
	struct jm_own_cost cost = {0};
	int64_t rss_bytes;

	jm_calibrations_cost(list, &cost.cpu_s, &cost.wall_s, &rss_bytes);
	cost.rss_bytes = rss_bytes > 0 ? (uint64_t)rss_bytes : 0;
	return cost;
}

static int print_json(const struct jm_calibrations *list)
{
	struct jm_calibration_info c;
	struct jm_own_cost cost;
	struct jm_buffer b = {0};
	const char *note;
	size_t i;
	int rc;

	jm_buffer_puts(&b, "{\"format\":\"joulemap-calibrations/1\",\"notes\":[");
	for (i = 0; (note = jm_calibrations_note(list, i)); i++) {
		jm_buffer_puts(&b, i ? "," : "");
		jm_buffer_json_string(&b, note);
	}
	jm_buffer_puts(&b, "],\"calibrations\":[");
	for (i = 0; jm_calibrations_get(list, i, &c) == 0; i++)
		jm_buffer_printf(&b, "%s\n%s", i ? "," : "", c.json);
	jm_buffer_puts(&b, "],\"own_cost\":");
	cost = own_cost_of(list);
	jm_own_cost_json(&cost, &b);
	jm_buffer_puts(&b, "}\n");
	rc = b.is_failed || jm_cli_write_stdout(NULL, b.data, b.n) ? JM_EXIT_FAILURE : JM_EXIT_OK;
	jm_buffer_finish(&b);
	return rc;
}

static void print_ms(const char *name, double value_s, double sd_s)
{
	printf("  %-14s ", name);
	if (value_s == 0 && sd_s == 0)
		printf("none\n");
	else if (isfinite(sd_s) && sd_s > 0)
		printf("%.4g ms +- %.2g\n", value_s * 1e3, sd_s * 1e3);
	else
		printf("%.4g ms\n", value_s * 1e3);
}

static void print_known(const char *name, double value, const char *unit, bool is_known)
{
	if (is_known)
		jm_cli_line(stdout, "  %-14s %.3g %s", name, value, unit);
	else
		printf("  %-14s unknown\n", name);
}

static void print_response(const struct jm_calibration_info *c)
{
	size_t i;

	jm_cli_line(stdout, "  %-14s %s", "family", c->family);
	printf("  %-14s", "hold-out");
	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if (isfinite(c->hold_out_w[i]))
			jm_cli_text(stdout, "%s %s %.3g W", i ? "," : "", families[i], c->hold_out_w[i]);
		else
			jm_cli_text(stdout, "%s %s -", i ? "," : "", families[i]);
	}
	printf("\n");
	print_ms("lag", c->lag_s, c->lag_sd_s);
	print_ms("window", c->window_s, c->window_sd_s);
	print_ms("low-pass", c->lowpass_s, c->lowpass_sd_s);
}

static void print_stairs(const struct jm_calibration_info *c)
{
	size_t i;

	for (i = 0; i < JM_CALIBRATION_STAIRS_MAX && isfinite(c->stairs[i].level); i++) {
		printf("  %-14s %5.1f %% of the load: %.4g W, noise ", i ? "" : "stairs", c->stairs[i].level * 100,
		       c->stairs[i].power_w);
		if (isfinite(c->stairs[i].noise_w))
			printf("%.2g W\n", c->stairs[i].noise_w);
		else
			printf("unknown\n");
	}
	if (isfinite(c->nonlinearity))
		printf("  %-14s within %.2g %% of the swing from a straight line (load and sensor together)\n",
		       "linearity", c->nonlinearity * 100);
}

static void print_one(const struct jm_calibration_info *c)
{
	bool is_found = strcmp(c->family, "unknown") != 0;

	jm_cli_line(stdout, "%s", c->channel);
	if (c->period_s > 0)
		print_ms("period", c->period_s, c->jitter_s);
	if (is_found)
		print_response(c);
	if (is_found || isfinite(c->swing_w)) {
		print_known("swing", c->swing_w, "W", isfinite(c->swing_w));
		print_known("noise", c->noise_w, "W", c->noise_w > 0);
		print_known("quantum", c->step_w, "W", c->step_w > 0);
		print_known("drift", c->drift_per_s * 6000, "%/min", isfinite(c->drift_per_s));
		if (isfinite(c->drift_per_k))
			print_known("drift", c->drift_per_k * 100, "%/K", true);
		print_stairs(c);
	}
	if (c->full_time || isfinite(c->counter_spread)) {
		jm_cli_text(stdout, "  %-14s %s", "full-time",
			    c->full_time > 0   ? "yes"
			    : c->full_time < 0 ? "no"
					       : "unknown");
		if (isfinite(c->counter_spread))
			printf(" (%.1f %% of the swing over 16 phases of a locked load)", c->counter_spread * 100);
		printf("\n");
	}
	if (is_found)
		jm_cli_line(stdout, "  %-14s %s: residual %.2f %% of the swing%s%s", "verdict",
			    c->is_accepted ? "accepted" : "refused", c->hold_out_fraction * 100, *c->reason ? "; " : "",
			    c->reason);
	else
		jm_cli_line(stdout, "  %-14s refused: %s", "verdict", c->reason);
}

static int print_table(const struct settings *s, const struct jm_calibrations *list)
{
	struct jm_calibration_info c;
	struct jm_own_cost cost;
	const char *note;
	size_t n_kept = 0, i;

	for (i = 0; (note = jm_calibrations_note(list, i)) && !s->common.is_quiet; i++)
		jm_cli_line(stderr, "joulemap: %s", note);
	for (i = 0; jm_calibrations_get(list, i, &c) == 0; i++) {
		print_one(&c);
		n_kept += strcmp(c.family, "unknown") != 0;
	}
	cost = own_cost_of(list);
	jm_cli_print_own_cost(&cost, "");
	if (n_kept && !s->common.is_quiet && !s->is_not_kept)
		fprintf(stderr, "kept for later recordings and reports; `joulemap sensors` shows it\n");
	return ferror(stdout) ? JM_EXIT_FAILURE : JM_EXIT_OK;
}

/* Success is at least one sensor that was accepted. */
static int exit_code(const struct jm_calibrations *list)
{
	struct jm_calibration_info c;
	size_t i;

	for (i = 0; jm_calibrations_get(list, i, &c) == 0; i++)
		if (c.is_accepted)
			return JM_EXIT_OK;
	return JM_EXIT_FAILURE;
}

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	struct jm_calibrate_options options = {.size = sizeof(options)};
	struct jm_calibrations *list;
	struct jm_progress progress;
	struct jm_error err = {0};
	int rc;

	(void)command;
	if (n_positional && s->sensors)
		return jm_cli_usage_error(&jm_cmd_calibrate, "give the sensor once: as the argument or with -s");
	if (s->is_told && !s->load)
		return jm_cli_usage_error(&jm_cmd_calibrate, "--told is about the command of --load");
	options.sensors = n_positional ? positional[0] : s->sensors;
	options.duration_ns = s->duration_ns;
	options.steady_ns = s->steady_ns;
	options.load = s->load;
	options.load_is_told = s->is_told;
	options.threads = s->threads;
	options.seed = s->seed;
	options.is_not_kept = s->is_not_kept;
	jm_cli_block_signals();
	jm_progress_init(&progress, !s->common.is_quiet);
	rc = jm_calibrate(&options, jm_progress_step, &progress, &list, &err);
	jm_progress_finish(&progress);
	if (rc)
		return jm_cli_fail(&err);
	rc = s->is_json ? print_json(list) : print_table(s, list);
	rc = rc ? rc : exit_code(list);
	jm_calibrations_destroy(list);
	return rc;
}

static const struct jm_option options[] = {
    {'s', "sensors", "LIST", "drivers or channels to calibrate (default: all in use)", JM_OPTION_TEXT,
     offsetof(struct settings, sensors)},
    {0, "seconds", "SECONDS", "how long to play the changing load (default 60)", JM_OPTION_DURATION,
     offsetof(struct settings, duration_ns)},
    {0, "steady", "SECONDS", "steady load behind it, for noise and drift (default 20)", JM_OPTION_DURATION,
     offsetof(struct settings, steady_ns)},
    {0, "load", "COMMAND", "load the device with this, run by sh, instead of our own load", JM_OPTION_TEXT,
     offsetof(struct settings, load)},
    {0, "told", NULL, "COMMAND reads lines \"on\" and \"off\"; else it is stopped and continued", JM_OPTION_FLAG,
     offsetof(struct settings, is_told)},
    {0, "threads", "N", "of the processors' load (default: one a processor)", JM_OPTION_COUNT,
     offsetof(struct settings, threads)},
    {0, "seed", "N", "of the random bits", JM_OPTION_COUNT, offsetof(struct settings, seed)},
    {0, "no-store", NULL, "print only; keep nothing", JM_OPTION_FLAG, offsetof(struct settings, is_not_kept)},
    {0, "json", NULL, "print as JSON, joulemap-calibrations/1", JM_OPTION_FLAG, offsetof(struct settings, is_json)},
};

const struct jm_command jm_cmd_calibrate = {
    .name = "calibrate",
    .summary = "find how a sensor shows a load: its clock, delay, window, noise",
    .usage = "[SENSOR] [--seconds SECONDS] [--load COMMAND] [--json]",
    .details = "Plays steps, random bits and stairs of load on the processors and on each NVIDIA GPU, records the "
	       "sensors fast, and\n"
	       "fits a response to each. Leave the machine alone meanwhile. What is found is kept for this machine, "
	       "device and\n"
	       "driver version; recordings carry it with them. docs/calibration.md says more.",
    .examples = "  joulemap calibrate\n"
		"  joulemap calibrate nvml/gpu0 --json\n"
		"  joulemap calibrate hwmon --seconds 30 --steady 10\n"
		"  joulemap calibrate jetson --load 'exec ./spin'\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .n_positional_max = 1,
    .settings_size = sizeof(struct settings),
    .run = run,
};
