/* ask: has a running service measure processes, waits, prints. */
#define _GNU_SOURCE
#include "cli/ask_answer.h"
#include "cli/cli.h"
#include "cli/http_get.h"
#include "cli/own_cost.h"

#include "core/error.h"
#include "core/units.h"
#include "service/ask_events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_URL "http://127.0.0.1:7373"
#define POLL_NS     (50 * JM_NS_PER_MS)
#define DEFAULT_NS  (10 * JM_NS_PER_S)
#define EVENT_MS    5000 /* an engine that is there takes an event at once */

struct settings {
	struct jm_common common;
	const char *pids, *devices, *url, *format, *events;
	int64_t duration_ns, in_ns;
	bool is_stop, is_endless;
};

static const struct jm_option options[] = {
    {'p', "pids", "PID,...", "processes to measure, each with all that descends from it", JM_OPTION_TEXT,
     offsetof(struct settings, pids)},
    {0, "for", "DURATION", "how long (default 10s)", JM_OPTION_DURATION, offsetof(struct settings, duration_ns)},
    {0, "in", "DURATION", "how long from now it begins (default: at once)", JM_OPTION_DURATION,
     offsetof(struct settings, in_ns)},
    {0, "devices", "LIST", "cpu, gpu, dram or all (default)", JM_OPTION_TEXT, offsetof(struct settings, devices)},
    {0, "url", "URL", "of the service (default " DEFAULT_URL ")", JM_OPTION_TEXT, offsetof(struct settings, url)},
    {0, "events", "ADDRESS", "ask by event: the camera-traps engine's incoming port, HOST[:PORT] (5559)",
     JM_OPTION_TEXT, offsetof(struct settings, events)},
    {0, "until-stopped", NULL, "with --events: no end is set", JM_OPTION_FLAG, offsetof(struct settings, is_endless)},
    {0, "stop", NULL, "with --events: end the measurements of these processes", JM_OPTION_FLAG,
     offsetof(struct settings, is_stop)},
    {'f', "format", "FORMAT", "table (default) or json", JM_OPTION_TEXT, offsetof(struct settings, format)},
};

static void print_row(void *ctx, const struct jm_answer_row *row)
{
	char first[32] = "machine";
	size_t i;

	(void)ctx;
	if (!row->is_machine)
		snprintf(first, sizeof(first), "%lld", (long long)row->pid);
	printf("%-10s", first);
	for (i = 0; i < JM_ANSWER_DEVICES; i++) {
		if (row->devices[i].is_known)
			jm_cli_text(stdout, "  %10.3f J %8.3f W%s", row->devices[i].energy_j, row->devices[i].power_w,
				    row->devices[i].is_estimated ? "~" : " ");
		else
			printf("  %10s   %8s   ", "-", "-");
	}
	jm_cli_line(stdout, "  %s", row->name);
}

static int print_table(const char *text, size_t n, struct jm_error *err)
{
	struct jm_own_cost cost;
	int rc;

	jm_cli_line(stdout, "%-10s  %-22s   %-22s   %-22s   %s", "PID", "  CPU", "  GPU", "  DRAM", "COMMAND");
	rc = jm_answer_rows(text, n, print_row, NULL, &cost, err);
	if (rc)
		return rc;
	printf("~ estimated; - unknown (--format json says why)\n");
	jm_cli_print_own_cost(&cost, "; of the service, for all that it measures");
	return 0;
}

/* What the service refused, in its words. */
static int refused(int status, const char *text)
{
	struct jm_error err = {0};

	jm_error_set(&err, JM_E_IO, "the service refuses (%d): %.300s", status, text);
	return jm_cli_fail(&err);
}

static bool append_list(struct jm_buffer *b, const char *list, bool is_text)
{
	while (*list) {
		size_t n = strcspn(list, ",");
		int64_t number;

		if (n == 0 || n > 18 || (!is_text && jm_text_i64(list, n, &number)) ||
		    (is_text && strcspn(list, "\"\\") < n))
			return false;
		jm_buffer_printf(b, is_text ? "\"%.*s\"" : "%.*s", (int)n, list);
		list += n + (list[n] == ',');
		if (*list)
			jm_buffer_puts(b, ",");
	}
	return true;
}

static bool make_request(const struct settings *s, struct jm_buffer *b)
{
	bool is_good;

	jm_buffer_puts(b, "{\"pids\":[");
	is_good = append_list(b, s->pids, false);
	jm_buffer_puts(b, "],\"devices\":[");
	is_good = append_list(b, s->devices ? s->devices : "all", true) && is_good;
	jm_buffer_puts(b, "],\"label\":\"ask\",\"duration_s\":");
	jm_buffer_json_number(b, jm_s_from_ns(s->duration_ns ? s->duration_ns : DEFAULT_NS));
	jm_buffer_puts(b, ",\"start_in_s\":");
	jm_buffer_json_number(b, jm_s_from_ns(s->in_ns));
	jm_buffer_puts(b, "}");
	return is_good && jm_buffer_terminate(b);
}

struct waiting {
	const struct jm_http_peer *peer;
	char path[64];
	struct jm_buffer *answer;
	struct jm_error *err;
	int rc, status;
	bool is_over;
	int64_t next_ns;
};

static bool is_done(void *ctx)
{
	struct waiting *w = ctx;
	char state[16] = "";

	if (jm_now_ns() < w->next_ns)
		return false;
	w->next_ns = jm_now_ns() + POLL_NS;
	w->rc = jm_http_ask(w->peer, "GET", w->path, NULL, &w->status, w->answer, w->err);
	if (w->rc == 0 && w->status == 200)
		w->rc = jm_answer_member(w->answer->data, w->answer->n, "state", state, sizeof(state), w->err);
	w->is_over = w->rc || w->status != 200 || strcmp(state, "done") == 0 || strcmp(state, "gone") == 0;
	return w->is_over;
}

static int ask(const struct settings *s, const struct jm_http_peer *peer, const char *request, struct jm_buffer *answer)
{
	struct jm_error err = {0};
	struct waiting w = {.peer = peer, .answer = answer, .err = &err};
	int64_t duration_ns = s->duration_ns ? s->duration_ns : DEFAULT_NS;
	char id[32];
	int rc;

	if (jm_http_ask(peer, "POST", "/measurements", request, &w.status, answer, &err))
		return jm_cli_fail(&err);
	if (w.status != 201)
		return refused(w.status, answer->data);
	if (jm_answer_member(answer->data, answer->n, "id", id, sizeof(id), &err))
		return jm_cli_fail(&err);
	if (strspn(id, "0123456789") != strlen(id)) { /* it becomes part of a request */
		jm_error_set(&err, JM_E_FORMAT, "what answers is no joulemap service: its measurement is called '%s'",
			     id);
		return jm_cli_fail(&err);
	}
	snprintf(w.path, sizeof(w.path), "/measurements/%s", id);
	/* Most of the time nothing is to be asked. */
	w.next_ns = jm_now_ns() + s->in_ns + duration_ns;
	jm_cli_wait_until(-1, is_done, &w);
	if (!w.is_over) /* interrupted: what there is by now is the result */
		w.rc = jm_http_ask(peer, "DELETE", w.path, NULL, &w.status, answer, &err);
	if (w.rc)
		return jm_cli_fail(&err);
	if (w.status != 200)
		return refused(w.status, answer->data);
	if (s->format && strcmp(s->format, "json") == 0)
		return jm_cli_write_stdout(NULL, answer->data, answer->n) ? JM_EXIT_FAILURE : JM_EXIT_OK;
	rc = print_table(answer->data, answer->n, &err);
	return rc ? jm_cli_fail(&err) : JM_EXIT_OK;
}

static int ask_by_event(const struct settings *s)
{
	struct jm_ask_event event = {.address = s->events,
				     .pids = s->pids,
				     .devices = s->devices,
				     .in_ns = s->in_ns,
				     .duration_ns = s->duration_ns ? s->duration_ns : DEFAULT_NS,
				     .is_stop = s->is_stop};
	struct jm_error err = {0};

	if (s->is_endless)
		event.duration_ns = 0;
	if (jm_ask_by_event(&event, EVENT_MS, &err))
		return jm_cli_fail(&err);
	fprintf(stderr, "joulemap ask: the event was taken; what comes of it is in the files of the power plugin\n");
	return JM_EXIT_OK;
}

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	struct jm_buffer request = {0}, answer = {0};
	struct jm_http_peer peer;
	struct jm_error err = {0};
	int rc;

	(void)positional;
	(void)n_positional;
	(void)command;
	if (!s->pids)
		return jm_cli_usage_error(&jm_cmd_ask, "--pids names the processes to measure");
	if (s->events)
		return ask_by_event(s);
	if (s->is_stop || s->is_endless)
		return jm_cli_usage_error(&jm_cmd_ask, "--stop and --until-stopped go with --events");
	if (s->format && strcmp(s->format, "json") != 0 && strcmp(s->format, "table") != 0)
		return jm_cli_usage_error(&jm_cmd_ask, "--format wants table or json, not '%s'", s->format);
	if (jm_http_peer_parse(s->url ? s->url : DEFAULT_URL, "7373", &peer, &err))
		return jm_cli_fail(&err);
	peer.token = getenv("JOULEMAP_TOKEN");
	if (peer.token && (!*peer.token || strpbrk(peer.token, "\r\n")))
		peer.token = NULL;
	jm_cli_block_signals();
	if (make_request(s, &request))
		rc = ask(s, &peer, request.data, &answer);
	else
		rc = jm_cli_usage_error(&jm_cmd_ask, "--pids wants numbers, --devices names, separated by commas");
	jm_buffer_finish(&request);
	jm_buffer_finish(&answer);
	return rc;
}

const struct jm_command jm_cmd_ask = {
    .name = "ask",
    .summary = "have a running service measure processes, and print what they took",
    .usage = "--pids PID,... [--for DURATION]",
    .details =
	"Asks joulemap serve. Ctrl-C ends the measurement and prints what there is. JOULEMAP_TOKEN is the "
	"service's token.\n"
	"With --events it speaks the protocol of camera-traps instead, as its plugins do, to whatever power plugin is\n"
	"there (docs/camera-traps.md): nobody answers that, and the figures are in the plugin's files.",
    .examples = "  joulemap ask --pids 4711 --for 10s\n"
		"  joulemap ask --pids 4711,4712 --for 1m --devices cpu,dram --format json\n"
		"  joulemap ask --pids 4711 --for 10s --events 127.0.0.1:5559\n"
		"  joulemap ask --pids 4711 --stop --events 127.0.0.1:5559\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .settings_size = sizeof(struct settings),
    .run = run,
};
