/* serve: the service in the foreground, until SIGTERM or SIGINT. */
#define _GNU_SOURCE
#include "cli/cli.h"

#include "core/error.h"
#include "service/http.h"
#include "service/plugin.h"
#include "service/privileges.h"
#include "service/service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

struct settings {
	struct jm_common common;
	int64_t period_ns;
	const char *sensors, *address, *token_file, *host, *processes, *user;
	uint64_t port;
	bool is_always;
	struct jm_plugin_options plugin;
};

static const struct jm_option options[] = {
    {'i', "interval", "PERIOD", "time between readings while somebody asks (default 100ms)", JM_OPTION_DURATION,
     offsetof(struct settings, period_ns)},
    {'s', "sensors", "LIST", "sensors to read (default: all that measure)", JM_OPTION_TEXT,
     offsetof(struct settings, sensors)},
    {0, "listen", "ADDRESS", "numeric address to listen on (default 127.0.0.1)", JM_OPTION_TEXT,
     offsetof(struct settings, address)},
    {0, "port", "PORT", "port to listen on (default 7373)", JM_OPTION_AMOUNT, offsetof(struct settings, port)},
    {0, "token-file", "FILE", "file, mode 0600, with the token that requests must bear", JM_OPTION_TEXT,
     offsetof(struct settings, token_file)},
    {0, "host", "NAME", "a further name that requests may give as Host", JM_OPTION_TEXT,
     offsetof(struct settings, host)},
    {0, "metrics-processes", "WHOM", "processes in /metrics: watched (default) or all", JM_OPTION_TEXT,
     offsetof(struct settings, processes)},
    {0, "engine", "HOST[:PORT]", "be the power plugin of the camera-traps engine there (port 6010)", JM_OPTION_TEXT,
     offsetof(struct settings, plugin.engine)},
    {0, "subscribe", "ADDRESS", "take its events from a publisher, tcp://HOST:PORT; @ADDRESS: bind", JM_OPTION_TEXT,
     offsetof(struct settings, plugin.subscribe)},
    {0, "publish", "ADDRESS", "tell start and end of this plugin to a subscriber, tcp://HOST:PORT", JM_OPTION_TEXT,
     offsetof(struct settings, plugin.publish)},
    {0, "output", "FOLDER", "for files, recordings, state; none (default with events: ~/logs)", JM_OPTION_TEXT,
     offsetof(struct settings, plugin.output)},
    {0, "no-recordings", NULL, "with --output: make no recording of each measurement", JM_OPTION_FLAG,
     offsetof(struct settings, plugin.no_recordings)},
    {0, "user", "NAME", "become this user and give up all rights that measuring does not need (by root)", JM_OPTION_TEXT,
     offsetof(struct settings, user)},
    {0, "always", NULL, "never let the sensors sleep", JM_OPTION_FLAG, offsetof(struct settings, is_always)},
};

/* Reads the first line. A file that others can read is no place for a token. */
static int read_token(const char *path, char *out, size_t size, struct jm_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	ssize_t n;

	if (fd < 0)
		return jm_error_errno(err, errno, "cannot open the token file %s", path);
	if (fstat(fd, &status) == 0 && (status.st_mode & 077)) {
		close(fd);
		jm_error_set(err, JM_E_PERMISSION, "others can read the token file %s", path);
		return jm_error_remedy(err, "chmod 600 %s", path);
	}
	n = read(fd, out, size - 1);
	close(fd);
	if (n < 0)
		return jm_error_errno(err, errno, "cannot read the token file %s", path);
	out[n] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	if (strlen(out) < 16 || strlen(out) >= 255) {
		jm_error_set(err, JM_E_INVALID, "the token in %s must have 16 to 254 characters", path);
		return jm_error_remedy(err, "head -c 24 /dev/urandom | base64 > %s", path);
	}
	return 0;
}

static int find_token(const struct settings *s, char *out, size_t size, struct jm_error *err)
{
	const char *given = getenv("JOULEMAP_TOKEN");

	out[0] = '\0';
	if (s->token_file)
		return read_token(s->token_file, out, size, err);
	if (!given || !*given)
		return 0;
	if (strlen(given) < 16 || strlen(given) >= size)
		return jm_error_set(err, JM_E_INVALID, "JOULEMAP_TOKEN must have 16 to %zu characters", size - 1);
	snprintf(out, size, "%s", given);
	return 0;
}

struct ending {
	struct jm_loop *loop;
	int fd;
};

static void on_signal(void *ctx)
{
	struct ending *e = ctx;
	struct signalfd_siginfo info;

	if (read(e->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		jm_loop_stop(e->loop);
}

static int signal_descriptor(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The kernel keeps the processor's counters for root, as they tell what others compute; who may ask us should be as few. */
static bool gives_away_counters(const struct jm_service *service, const char *token)
{
	size_t i;

	for (i = 0; i < service->n_channels; i++)
		if (!token[0] && strncmp(service->channels[i].info.driver, "rapl", 4) == 0 &&
		    strcmp(service->channels[i].info.state, "measured") == 0)
			return true;
	return false;
}

static void print_start(const struct settings *s, const struct jm_service *service, const struct jm_http *http,
			const char *token)
{
	const char *address = s->address ? s->address : "127.0.0.1", *note;
	size_t i;

	if (gives_away_counters(service, token))
		jm_cli_line(stderr, "joulemap serve: every user of this machine can now read the processor's energy, which the "
				    "kernel keeps for root; --token-file keeps it for those with a token (docs/security.md)");
	for (i = 0; (note = jm_live_note(service->live, i)); i++)
		jm_cli_line(stderr, "joulemap serve: %s", note);
	/* The one line on standard output: whoever started it may wait for it. */
	printf(strchr(address, ':') ? "listening on http://[%s]:%u\n" : "listening on http://%s:%u\n", address,
	       jm_http_port(http));
	fflush(stdout);
}

static void say(const char *text)
{
	jm_cli_line(stderr, "joulemap serve: %s", text);
}

static int serve(const struct settings *s, struct jm_service *service, const char *token, struct jm_error *err)
{
	struct jm_http_options http_options = {
	    .address = s->address,
	    .port = s->port == JM_AMOUNT_NONE ? 0 : (uint16_t)(s->port ? s->port : JM_HTTP_PORT),
	    .token = token[0] ? token : NULL,
	    .host = s->host};
	struct ending ending = {service->loop, signal_descriptor()};
	struct jm_plugin *plugin = NULL;
	struct jm_http *http = NULL;
	int rc = jm_http_open(service, &http_options, &http, err);

	if (rc == 0)
		rc = jm_plugin_open(service, &s->plugin, say, &plugin, err);
	if (rc == 0 && (ending.fd < 0 || jm_loop_add(service->loop, ending.fd, on_signal, &ending)))
		rc = jm_error_set(err, JM_E_IO, "cannot wait for signals");
	if (rc == 0) {
		print_start(s, service, http, token);
		rc = jm_loop_run(service->loop, err);
	}
	jm_measurements_stop_all(service->measurements, jm_now_ns());
	/* First HTTP, which answers what has come up to now: that may ask the plugin. */
	jm_http_close(http);
	jm_plugin_close(plugin);
	if (ending.fd >= 0)
		close(ending.fd);
	return rc;
}

static int run(void *settings, char **positional, size_t n_positional, char **command)
{
	struct settings *s = settings;
	struct jm_service_options service_options = {
	    .sensors = s->sensors, .period_ns = s->period_ns, .is_always = s->is_always};
	struct jm_service service;
	struct jm_error err = {0};
	char token[256];
	int rc;

	(void)positional;
	(void)n_positional;
	(void)command;
	if (s->port != JM_AMOUNT_NONE && s->port > 65535)
		return jm_cli_usage_error(&jm_cmd_serve, "a port is at most 65535");
	if (s->processes && strcmp(s->processes, "all") != 0 && strcmp(s->processes, "watched") != 0)
		return jm_cli_usage_error(&jm_cmd_serve, "--metrics-processes wants watched or all, not '%s'",
					  s->processes);
	service_options.with_all_processes = s->processes && strcmp(s->processes, "all") == 0;
	if (find_token(s, token, sizeof(token), &err))
		return jm_cli_fail(&err);
	jm_cli_block_signals();
	signal(SIGPIPE, SIG_IGN);
	jm_cli_raise_descriptors();
	if (s->user && jm_privileges_drop(s->user, s->sensors && strstr(s->sensors, "exec:"), &err))
		return jm_cli_fail(&err);
	if (jm_service_open(&service, &service_options, &err))
		return jm_cli_fail(&err);
	rc = serve(s, &service, token, &err);
	jm_service_close(&service);
	return rc ? jm_cli_fail(&err) : JM_EXIT_OK;
}

const struct jm_command jm_cmd_serve = {
    .name = "serve",
    .summary = "answer by HTTP: energy of processes, metrics for Prometheus",
    .usage = "[--listen ADDRESS] [--port PORT] [-s LIST]",
    .details =
	"Samples once for all who ask; the sensors sleep while nobody does. Listens on loopback; any other address\n"
	"takes a token (--token-file, or JOULEMAP_TOKEN). --port 0 takes a free port. SIGTERM ends it.\n"
	"--engine, --subscribe and --output make it the power plugin of camera-traps (docs/camera-traps.md).",
    .examples = "  joulemap serve\n"
		"  joulemap ask --pids 4711 --for 10s\n"
		"  curl -s http://127.0.0.1:7373/metrics\n",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .settings_size = sizeof(struct settings),
    .run = run,
};
