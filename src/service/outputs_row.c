#include "service/outputs_row.h"

#include "core/grow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

char *jm_output_time(int64_t realtime_ns, char *out)
{
	time_t seconds = (time_t)(realtime_ns / 1000000000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(out, JM_OUTPUT_TIME_SIZE, "%04d-%02d-%02d %02d:%02d:%02d.%06d", (tm.tm_year + 1900) % 10000,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(realtime_ns % 1000000000 / 1000));
	return out;
}

struct jm_output_row *jm_output_rows_get(struct jm_output_rows *rows, int64_t pid, const char *command)
{
	size_t *bucket = &rows->buckets[(uint64_t)pid % JM_OUTPUT_BUCKETS], at;
	struct jm_output_row *row;

	for (at = *bucket; at; at = rows->items[at - 1].next)
		if (rows->items[at - 1].pid == pid && strcmp(rows->items[at - 1].command, command) == 0)
			return &rows->items[at - 1];
	if (rows->n == JM_OUTPUT_ROWS_MAX || !jm_grow(&rows->items, &rows->capacity, rows->n, sizeof(*rows->items))) {
		rows->n_lost++;
		return NULL;
	}
	row = &rows->items[rows->n++];
	memset(row, 0, sizeof(*row));
	row->pid = pid;
	snprintf(row->command, sizeof(row->command), "%s", command);
	row->next = *bucket;
	*bucket = rows->n;
	return row;
}

void jm_output_rows_finish(struct jm_output_rows *rows)
{
	free(rows->items);
	memset(rows, 0, sizeof(*rows));
}

/* Gives the name of the plugin that a command line runs: its script without .py, else its program. */
static void name_plugin(const char *command, char *out, size_t size)
{
	const char *word = command, *end = command + strcspn(command, " "), *at, *name;
	int n;

	for (at = end; *at; at += strcspn(at, " ")) {
		at += strspn(at, " ");
		n = (int)strcspn(at, " ");
		if (n > 3 && strncmp(at + n - 3, ".py", 3) == 0) {
			word = at;
			end = at + n - 3;
			break;
		}
	}
	for (name = at = word; at < end; at++)
		if (*at == '/')
			name = at + 1;
	snprintf(out, size, "%.*s", (int)(end - name), name);
	if (strcmp(out, "power_measuring_plugin") == 0) /* as the original calls itself */
		snprintf(out, size, "power_monitor_plugin");
}

static double mean_w(const struct jm_output_row *row, int device)
{
	return row->is_known[device] && row->seen_s[device] > 0 ? row->energy_j[device] / row->seen_s[device] : NAN;
}

/* Says what a figure is: a missing one has no reading. */
static const char *state_of(bool is_known, bool is_estimated)
{
	return !is_known ? "unavailable" : is_estimated ? "estimated" : "measured";
}

static void put_device(struct jm_buffer *out, int device, double power_w, double energy_j, const char *state)
{
	const char *name = jm_device_text((enum jm_device)device);

	jm_buffer_printf(out, ", \"%s_power_consumption\": ", name);
	jm_buffer_json_number(out, power_w);
	jm_buffer_printf(out, ", \"%s_energy_j\": ", name);
	jm_buffer_json_number(out, energy_j);
	jm_buffer_printf(out, ", \"%s_state\": \"%s\"", name, state);
}

static void put_pid(struct jm_buffer *out, const struct jm_output_row *row)
{
	char name[128], time[JM_OUTPUT_TIME_SIZE];
	int d;

	name_plugin(row->command, name, sizeof(name));
	jm_buffer_printf(out, "{\"pid\": %lld, \"plugin_name\": ", (long long)row->pid);
	jm_buffer_json_string(out, name);
	jm_buffer_printf(out, ", \"start_time\": \"%s\"", jm_output_time(row->first_realtime_ns, time));
	jm_buffer_printf(out, ", \"end_time\": \"%s\"", jm_output_time(row->last_realtime_ns, time));
	for (d = 0; d < JM_N_DEVICES; d++)
		put_device(out, d, mean_w(row, d), row->is_known[d] ? row->energy_j[d] : NAN,
			   state_of(row->is_known[d], row->is_estimated[d]));
	jm_buffer_printf(out, ", \"samples\": %llu}", (unsigned long long)row->n_samples);
}

/* Sums over the processes of one plugin. */
struct plugin {
	char name[128];
	bool is_known[JM_N_DEVICES], is_estimated[JM_N_DEVICES];
	double power_w[JM_N_DEVICES], energy_j[JM_N_DEVICES];
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct plugin *)a)->name, ((const struct plugin *)b)->name);
}

static void fill_plugin(struct plugin *p, const struct jm_output_row *row)
{
	int d;

	memset(p, 0, sizeof(*p));
	name_plugin(row->command, p->name, sizeof(p->name));
	for (d = 0; d < JM_N_DEVICES; d++) {
		double w = mean_w(row, d);

		p->is_known[d] = !isnan(w);
		p->is_estimated[d] = row->is_estimated[d];
		p->power_w[d] = p->is_known[d] ? w : 0;
		p->energy_j[d] = p->is_known[d] ? row->energy_j[d] : 0;
	}
}

static void add_plugin(struct plugin *sum, const struct plugin *p)
{
	int d;

	for (d = 0; d < JM_N_DEVICES; d++) {
		sum->is_known[d] |= p->is_known[d];
		sum->is_estimated[d] |= p->is_estimated[d];
		sum->power_w[d] += p->power_w[d];
		sum->energy_j[d] += p->energy_j[d];
	}
}

static void put_plugins(const struct jm_output_rows *rows, struct jm_buffer *out)
{
	struct plugin *plugins = calloc(rows->n + 1, sizeof(*plugins));
	size_t i, k;
	int d;

	if (!plugins) {
		out->is_failed = true;
		return;
	}
	for (i = 0; i < rows->n; i++)
		fill_plugin(&plugins[i], &rows->items[i]);
	qsort(plugins, rows->n, sizeof(*plugins), compare_names);
	for (i = 0; i < rows->n; i = k) {
		for (k = i + 1; k < rows->n && strcmp(plugins[k].name, plugins[i].name) == 0; k++)
			add_plugin(&plugins[i], &plugins[k]);
		jm_buffer_puts(out, i ? ",\n    {\"plugin\": " : "\n    {\"plugin\": ");
		jm_buffer_json_string(out, plugins[i].name);
		for (d = 0; d < JM_N_DEVICES; d++)
			put_device(out, d, plugins[i].is_known[d] ? plugins[i].power_w[d] : NAN,
				   plugins[i].is_known[d] ? plugins[i].energy_j[d] : NAN,
				   state_of(plugins[i].is_known[d], plugins[i].is_estimated[d]));
		jm_buffer_puts(out, "}");
	}
	free(plugins);
}

void jm_output_summary(const struct jm_output_rows *rows, struct jm_buffer *out)
{
	size_t i;

	jm_buffer_puts(out, "{\n  \"plugin power summary report\": [");
	put_plugins(rows, out);
	jm_buffer_puts(out, "\n  ],\n  \"pid power summary report\": [");
	for (i = 0; i < rows->n; i++) {
		jm_buffer_puts(out, i ? ",\n    " : "\n    ");
		put_pid(out, &rows->items[i]);
	}
	jm_buffer_puts(out, "\n  ]\n}\n");
}

static void put_devices_asked(struct jm_buffer *out, unsigned devices)
{
	const char *comma = "";
	int d;

	for (d = 0; d < JM_N_DEVICES; d++)
		if (devices & JM_DEVICE_BIT(d)) {
			jm_buffer_printf(out, "%s\"%s\"", comma, jm_device_text((enum jm_device)d));
			comma = ", ";
		}
}

static void put_tool(struct jm_buffer *out, const char *folder, const char *device)
{
	char path[1200];

	snprintf(path, sizeof(path), "%s/%s.json", folder, device);
	jm_buffer_printf(out, "{\"device_type\": \"%s\", \"tool_name\": \"joulemap\", \"tool_params\": \"serve\", ",
			 device);
	jm_buffer_puts(out, "\"power_units\": \"watts\", \"measurement_log_path\": ");
	jm_buffer_json_string(out, path);
	jm_buffer_puts(out, "}");
}

void jm_output_metadata(const struct jm_output_rows *rows, const char *folder, int64_t start_realtime_ns,
			int64_t realtime_ns, struct jm_buffer *out)
{
	char name[128], time[JM_OUTPUT_TIME_SIZE];
	size_t i;
	int d;

	jm_buffer_puts(out, "{\n  \"plugins\": [");
	for (i = 0; i < rows->n; i++) {
		name_plugin(rows->items[i].command, name, sizeof(name));
		jm_buffer_puts(out, i ? ",\n    {\"name\": " : "\n    {\"name\": ");
		jm_buffer_json_string(out, name);
		jm_buffer_printf(out, ", \"pids\": [%lld], \"devices_measured\": [", (long long)rows->items[i].pid);
		put_devices_asked(out, rows->items[i].devices);
		jm_buffer_puts(out, "], \"command_line\": ");
		jm_buffer_json_string(out, rows->items[i].command);
		jm_buffer_puts(out, "}");
	}
	jm_buffer_puts(out, "\n  ],\n  \"tools\": {\"devices\": [");
	for (d = 0; d < JM_N_DEVICES; d++) {
		jm_buffer_puts(out, d ? ",\n    " : "\n    ");
		put_tool(out, folder, jm_device_text((enum jm_device)d));
	}
	jm_buffer_printf(out, "\n  ]},\n  \"start_time\": \"%s\",\n", jm_output_time(start_realtime_ns, time));
	jm_buffer_printf(out, "  \"last_update_time\": \"%s\"\n}\n", jm_output_time(realtime_ns, time));
}
