#include "cli/cli.h"

#include "core/display.h"
#include "core/units.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct settings {
	struct jm_common common;
	bool is_json;
	const char *sensors;
};

static void json_text(struct jm_buffer *b, const char *name, const char *value)
{
	jm_buffer_printf(b, ",\"%s\":", name);
	if (value && *value)
		jm_buffer_json_string(b, value);
	else
		jm_buffer_puts(b, "null");
}

static void json_known(struct jm_buffer *b, const char *name, double value, bool is_known)
{
	jm_buffer_printf(b, ",\"%s\":", name);
	if (is_known)
		jm_buffer_json_number(b, value);
	else
		jm_buffer_puts(b, "null");
}

/* The calibration, or null and why a stored one does not hold. */
static void json_calibration(struct jm_buffer *b, const struct jm_sensors *sensors, size_t i)
{
	struct jm_calibration_info calibration;
	struct jm_error err = {0};
	int rc = jm_sensors_calibration(sensors, i, &calibration, &err);

	jm_buffer_printf(b, ",\"calibration\":%s", rc ? "null" : calibration.json);
	json_text(b, "calibration_reason", rc && rc != JM_E_NOT_FOUND ? err.message : NULL);
}

static void json_channel(struct jm_buffer *b, const struct jm_sensors *sensors, size_t i,
			 const struct jm_channel_info *c)
{
	jm_buffer_puts(b, "{\"name\":");
	jm_buffer_json_string(b, c->name);
	json_text(b, "driver", c->driver);
	json_text(b, "label", c->label);
	json_text(b, "state", c->state);
	json_text(b, "quantity", c->quantity);
	json_text(b, "unit", c->unit);
	json_text(b, "kind", c->kind);
	json_text(b, "domain", c->domain);
	json_text(b, "part_of", c->part_of);
	json_text(b, "same_as", c->same_as);
	json_known(b, "step", (double)c->step, c->step > 0);
	json_known(b, "wrap", (double)c->wrap, c->wrap > 0);
	json_known(b, "update_period_s", jm_s_from_ns(c->update_period_ns), c->update_period_ns > 0);
	json_known(b, "window_s", jm_s_from_ns(c->window_ns), c->window_ns > 0);
	json_known(b, "lowpass_s", jm_s_from_ns(c->lowpass_ns), c->lowpass_ns > 0);
	json_known(b, "lag_s", jm_s_from_ns(c->lag_ns), c->lag_ns != 0);
	json_known(b, "accuracy_fraction", c->accuracy_fraction, c->accuracy_fraction >= 0);
	jm_buffer_printf(b, ",\"is_default\":%s", c->is_default ? "true" : "false");
	json_text(b, "reason", c->reason);
	json_text(b, "remedy", c->remedy);
	json_calibration(b, sensors, i);
	jm_buffer_puts(b, "}");
}

static int print_json(const struct jm_sensors *sensors)
{
	struct jm_buffer b = {0};
	struct jm_driver_info driver;
	struct jm_channel_info channel;
	size_t i;
	int rc;

	jm_buffer_puts(&b, "{\"format\":\"joulemap-sensors/1\",\"drivers\":[");
	for (i = 0; jm_sensors_driver(sensors, i, &driver) == 0; i++) {
		jm_buffer_puts(&b, i ? ",\n{\"name\":" : "\n{\"name\":");
		jm_buffer_json_string(&b, driver.name);
		json_text(&b, "summary", driver.summary);
		jm_buffer_printf(&b, ",\"n_channels\":%zu", driver.n_channels);
		json_text(&b, "reason", driver.n_channels ? NULL : driver.reason);
		json_text(&b, "remedy", driver.n_channels ? NULL : driver.remedy);
		jm_buffer_puts(&b, "}");
	}
	jm_buffer_puts(&b, "],\"channels\":[");
	for (i = 0; jm_sensors_channel(sensors, i, &channel) == 0; i++) {
		jm_buffer_puts(&b, i ? ",\n" : "\n");
		json_channel(&b, sensors, i, &channel);
	}
	jm_buffer_puts(&b, "]}\n");
	rc = b.is_failed || jm_cli_write_stdout(NULL, b.data, b.n) ? JM_EXIT_FAILURE : JM_EXIT_OK;
	jm_buffer_finish(&b);
	return rc;
}

static const char *state_colour(const struct settings *s, const char *state)
{
	if (!jm_cli_is_colour(&s->common, STDOUT_FILENO))
		return "";
	return strcmp(state, "measured") == 0 ? "\033[32m" : strcmp(state, "estimated") == 0 ? "\033[33m" : "\033[31m";
}

#define INDENT "              "

/* What may be a command to copy is not broken into lines. */
static void print_remedy(const char *remedy)
{
	if (*remedy)
		jm_cli_line(stdout, INDENT "mend: %s", remedy);
}

static void print_calibration(const struct jm_sensors *sensors, size_t i)
{
	struct jm_calibration_info calibration;
	struct jm_error err = {0};
	int rc = jm_sensors_calibration(sensors, i, &calibration, &err);

	if (rc == 0)
		jm_cli_wrapped(stdout, INDENT "calibrated: %s", calibration.text);
	else if (rc != JM_E_NOT_FOUND)
		jm_cli_wrapped(stdout, INDENT "calibration refused: %s", err.message);
	if (rc && rc != JM_E_NOT_FOUND)
		print_remedy(err.remedy);
}

/* "measured    text": the state coloured, what goes on below the text. */
static void print_state(const struct settings *s, const char *state, const char *text)
{
	const char *colour = state_colour(s, state);
	struct jm_buffer b = {0};

	jm_buffer_printf(&b, "  %s%-11s%s ", colour, state, *colour ? "\033[0m" : "");
	jm_display_text(&b, "%s", text);
	jm_buffer_puts(&b, "\n");
	jm_display_wrap(&b, 0, jm_cli_width(STDOUT_FILENO), sizeof(INDENT) - 1);
	if (!b.is_failed)
		fwrite(b.data, 1, b.n, stdout);
	jm_buffer_finish(&b);
}

static void print_channel(const struct settings *s, const struct jm_sensors *sensors, size_t i,
			  const struct jm_channel_info *c)
{
	struct jm_buffer b = {0};

	jm_buffer_printf(&b, "%-38s %s, %s, ", c->name, c->quantity, c->kind);
	if (c->update_period_ns > 0)
		jm_buffer_printf(&b, "update %.4g ms", (double)c->update_period_ns / (double)JM_NS_PER_MS);
	else
		jm_buffer_puts(&b, "update ?");
	if (c->step)
		jm_buffer_printf(&b, ", step %llu %s", (unsigned long long)c->step, c->unit);
	if (*c->part_of)
		jm_buffer_printf(&b, ", part of %s", c->part_of);
	if (*c->same_as)
		jm_buffer_printf(&b, ", same as %s", c->same_as);
	jm_buffer_puts(&b, c->is_default ? "  *" : "");
	if (jm_buffer_terminate(&b))
		print_state(s, c->state, b.data);
	jm_buffer_finish(&b);
	if (*c->reason)
		jm_cli_wrapped(stdout, INDENT "%s", c->reason);
	print_remedy(c->remedy);
	print_calibration(sensors, i);
}

static void print_table(const struct settings *s, const struct jm_sensors *sensors)
{
	struct jm_driver_info driver;
	struct jm_channel_info channel;
	size_t i, k;

	for (i = 0; jm_sensors_driver(sensors, i, &driver) == 0; i++) {
		jm_cli_wrapped(stdout, "%s: %s", driver.name, driver.summary);
		for (k = 0; jm_sensors_channel(sensors, k, &channel) == 0; k++)
			if (strcmp(channel.driver, driver.name) == 0)
				print_channel(s, sensors, k, &channel);
		if (driver.n_channels == 0) {
			print_state(s, "unavailable", *driver.reason ? driver.reason : "nothing found");
			print_remedy(driver.remedy);
		}
	}
	if (s->common.is_quiet)
		return;
	printf("\n");
	jm_cli_wrapped(stdout,
		       "* used by default. Others by name: -s DRIVER[:ARGUMENT],... Also: exec:COMMAND (a meter of "
		       "your own), replay:FILE.");
}

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	struct jm_error err = {0};
	struct jm_sensors *sensors;
	int rc = 0;

	(void)positional;
	(void)n_positional;
	(void)command;
	if (jm_sensors_probe(s->sensors, &sensors, &err))
		return jm_cli_fail(&err);
	if (s->is_json)
		rc = print_json(sensors);
	else
		print_table(s, sensors);
	jm_sensors_destroy(sensors);
	return rc;
}

static const struct jm_option options[] = {
    {0, "json", NULL, "print as JSON, joulemap-sensors/1", JM_OPTION_FLAG, offsetof(struct settings, is_json)},
    {'s', "sensors", "LIST", "only these drivers", JM_OPTION_TEXT, offsetof(struct settings, sensors)},
};

const struct jm_command jm_cmd_sensors = {
    .name = "sensors",
    .summary = "list every driver and channel, its state, and what would mend it",
    .usage = "[--json] [-s LIST]",
    .details = "measured: a sensor reads it. estimated: computed, always marked so. unavailable: with the reason and,\n"
	       "where there is one, the command that mends it.",
    .examples = "  joulemap sensors\n"
		"  joulemap sensors --json | jq '.channels[] | select(.state == \"measured\")'\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .settings_size = sizeof(struct settings),
    .run = run,
};
