#include "service/plugin.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "service/events_metrics.h"
#include "service/outputs.h"
#include "service/recordings.h"
#include "service/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define TEST_S 10

struct jm_plugin {
	struct jm_service *service;
	struct jm_events *events;
	struct jm_outputs *outputs;
	struct jm_recordings *recordings;
	struct jm_state *state;
	char folder[1024]; /* of all that is kept; empty: nothing is */
	void (*log)(const char *text);
	bool is_terse; /* TRAPS_POWER_LOG_LEVEL: faults only */
};

static int64_t realtime_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * JM_NS_PER_S + t.tv_nsec;
}

bool jm_plugin_is_yes(const char *text)
{
	return text && (strcmp(text, "1") == 0 || strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0 ||
			strcasecmp(text, "on") == 0);
}

int jm_plugin_address(const char *text, unsigned port, char *out, size_t size)
{
	bool has_scheme = strstr(text, "://") != NULL;
	const char *host = has_scheme ? strstr(text, "://") + 3 : text;
	const char *bracket = strrchr(host, ']'), *colon = strrchr(bracket ? bracket : host, ':');
	int n;

	if (!*host || strchr(host, ' '))
		return JM_E_INVALID;
	if (colon || strncmp(text, "ipc:", 4) == 0)
		n = snprintf(out, size, "%s%s", has_scheme ? "" : "tcp://", text);
	else
		n = snprintf(out, size, "%s%s:%u", has_scheme ? "" : "tcp://", text, port);
	return n < 0 || (size_t)n >= size ? JM_E_INVALID : 0;
}

/* ---- What events do --------------------------------------------------------------------------------------------------- */

static void clocks(void *ctx, int64_t *now_ns, int64_t *wall_ns)
{
	(void)ctx;
	*now_ns = jm_now_ns();
	*wall_ns = realtime_ns();
}

static int start(void *ctx, const struct jm_measure_request *request, uint64_t *id_out, struct jm_error *err)
{
	struct jm_plugin *plugin = ctx;

	return jm_service_measure(plugin->service, request, id_out, err);
}

static size_t stop_pid(void *ctx, int64_t pid)
{
	struct jm_plugin *plugin = ctx;
	size_t n = jm_measurements_stop_pid(plugin->service->measurements, pid, jm_now_ns());

	jm_service_settle(plugin->service);
	return n;
}

static void terminate(void *ctx)
{
	struct jm_plugin *plugin = ctx;

	jm_loop_stop(plugin->service->loop);
}

static void tell(void *ctx, const char *text)
{
	struct jm_plugin *plugin = ctx;

	if (!plugin->is_terse)
		plugin->log(text);
}

static void tell_fault(void *ctx, const char *text)
{
	((struct jm_plugin *)ctx)->log(text);
}

/* ---- In the loop ------------------------------------------------------------------------------------------------------ */

static int64_t events_due(void *ctx)
{
	return jm_events_due_ns(((struct jm_plugin *)ctx)->events);
}

static void events_work(void *ctx)
{
	jm_events_work(((struct jm_plugin *)ctx)->events, jm_now_ns());
}

static void write_metrics(void *ctx, struct jm_metrics_page *page)
{
	struct jm_events_stats stats;

	jm_events_stats(((struct jm_plugin *)ctx)->events, &stats);
	jm_events_metrics(&stats, page);
}

static int64_t outputs_due(void *ctx)
{
	return jm_outputs_due_ns(((struct jm_plugin *)ctx)->outputs);
}

static void outputs_work(void *ctx)
{
	jm_outputs_work(((struct jm_plugin *)ctx)->outputs, jm_now_ns(), realtime_ns());
}

static int64_t state_due(void *ctx)
{
	return jm_state_due_ns(((struct jm_plugin *)ctx)->state);
}

static void state_work(void *ctx)
{
	jm_state_work(((struct jm_plugin *)ctx)->state, jm_now_ns());
}

static void write_recordings(void *ctx, struct jm_metrics_page *page)
{
	jm_recordings_metrics(((struct jm_plugin *)ctx)->recordings, page);
}

static void ticked(void *ctx, int64_t now_ns)
{
	struct jm_plugin *plugin = ctx;
	const struct jm_service *s = plugin->service;
	struct jm_moment machine = {.t_ns = s->state.t_ns, .realtime_ns = s->state.realtime_ns};

	(void)now_ns;
	memcpy(machine.devices, s->machine, sizeof(machine.devices));
	jm_outputs_machine(plugin->outputs, &machine);
}

/* ---- Opening ------------------------------------------------------------------------------------------------------------ */

static int find_port(unsigned *port, bool *is_given, struct jm_error *err)
{
	const char *text = getenv("POWER_MEASURING_PLUGIN_PORT");
	int64_t value;

	*is_given = text && *text;
	*port = JM_PLUGIN_PORT;
	if (!*is_given)
		return 0;
	if (jm_text_i64(text, strlen(text), &value) || value < 1 || value > 65535)
		return jm_error_set(err, JM_E_INVALID, "POWER_MEASURING_PLUGIN_PORT is '%s', which is no port", text);
	*port = (unsigned)value;
	return 0;
}

static int open_events(struct jm_plugin *plugin, const struct jm_plugin_options *options, struct jm_error *err)
{
	struct jm_events_options events = {
	    .subscribe = options->subscribe, .publish = options->publish, .name = options->name, .uuid = options->uuid};
	struct jm_events_target target = {clocks, start, stop_pid, terminate, tell, plugin};
	struct jm_service_metrics metrics = {write_metrics, plugin};
	struct jm_loop *loop = plugin->service->loop;
	const char *engine = options->engine;
	char address[300];
	bool has_port;
	unsigned port;
	int rc = find_port(&port, &has_port, err);

	if (rc)
		return rc;
	if (!engine && has_port && !options->subscribe)
		engine = "engine";
	if (engine && jm_plugin_address(engine, port, address, sizeof(address)))
		return jm_error_set(err, JM_E_INVALID, "'%s' is no address of an engine", engine);
	events.engine = engine ? address : NULL;
	if (!events.engine && !events.subscribe)
		return events.publish
			   ? jm_error_set(err, JM_E_INVALID, "--publish wants --engine or --subscribe beside it")
			   : 0;
	rc = jm_events_open(&events, &target, &plugin->events, err);
	if (rc)
		return rc;
	rc = jm_loop_add(loop, jm_events_fd(plugin->events), events_work, plugin);
	rc = rc ? rc : jm_loop_add_timed(loop, events_due, events_work, plugin);
	rc = rc ? rc : jm_service_add_metrics(plugin->service, &metrics);
	return rc ? jm_error_set(err, rc, "cannot wait for events") : 0;
}

/* Finds the folder: empty for none. */
static void find_folder(struct jm_plugin *plugin, const char *given)
{
	const char *folder = given ? given : getenv("TRAPS_POWER_LOG_PATH"), *home = getenv("HOME");

	if (folder && *folder)
		snprintf(plugin->folder, sizeof(plugin->folder), "%s", strcmp(folder, "none") == 0 ? "" : folder);
	else if (plugin->events && home && *home)
		snprintf(plugin->folder, sizeof(plugin->folder), "%s/logs", home);
}

static int open_outputs(struct jm_plugin *plugin, struct jm_error *err)
{
	struct jm_service_follower follower = {ticked, plugin};
	struct jm_measure_listener listener;
	int rc = jm_outputs_open(plugin->folder, realtime_ns(), tell_fault, plugin, &plugin->outputs, err);

	if (rc)
		return rc;
	listener = jm_outputs_listener(plugin->outputs);
	rc = jm_measurements_listen(plugin->service->measurements, &listener);
	rc = rc ? rc : jm_service_follow(plugin->service, &follower);
	rc = rc ? rc : jm_loop_add_timed(plugin->service->loop, outputs_due, outputs_work, plugin);
	return rc ? jm_error_set(err, rc, "out of memory for the files") : 0;
}

/* Two services in one folder would take each other's files. Held until this program ends, however it does. */
static int lock_folder(const struct jm_plugin *plugin, struct jm_error *err)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[1100];
	int fd;

	snprintf(path, sizeof(path), "%s/.joulemap-serve.lock", plugin->folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return jm_error_errno(err, errno, "cannot write to the folder %s", plugin->folder);
	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	close(fd);
	jm_error_set(err, JM_E_EXISTS, "another joulemap serve has its files in %s", plugin->folder);
	return jm_error_remedy(err, "end it, or give --output another folder");
}

/* What an earlier service left goes on when all that listen are there. */
static int open_store(struct jm_plugin *plugin, bool has_recordings, struct jm_error *err)
{
	struct jm_service_metrics metrics = {write_recordings, plugin};
	struct jm_service *s = plugin->service;
	int rc = jm_outputs_folder(plugin->folder, err);

	rc = rc ? rc : lock_folder(plugin, err);
	rc = rc ? rc : open_outputs(plugin, err);
	if (rc == 0 && has_recordings) {
		rc = jm_recordings_open(s, plugin->folder, tell_fault, plugin, &plugin->recordings, err);
		rc = rc ? rc : jm_service_add_metrics(s, &metrics);
	}
	if (rc == 0)
		rc = jm_state_open(plugin->folder, s->measurements, jm_now_ns(), tell_fault, plugin, &plugin->state,
				   err);
	if (rc == 0 && jm_loop_add_timed(s->loop, state_due, state_work, plugin))
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory for the state");
	jm_service_settle(s);
	return rc;
}

static void close_store(struct jm_plugin *plugin)
{
	jm_outputs_close(plugin->outputs, realtime_ns());
	jm_recordings_close(plugin->recordings);
	jm_state_close(plugin->state);
}

static void measure_self(struct jm_plugin *plugin)
{
	int64_t pid = getpid();
	struct jm_measure_request request = {
	    .pids = &pid, .n_pids = 1, .devices = JM_DEVICE_ALL, .duration_ns = TEST_S * JM_NS_PER_S, .label = "test"};
	struct jm_error err;
	uint64_t id;

	if (jm_service_measure(plugin->service, &request, &id, &err) != 0)
		plugin->log(err.message);
}

static void read_environment(struct jm_plugin *plugin)
{
	const char *level = getenv("TRAPS_POWER_LOG_LEVEL"), *backend = getenv("TRAPS_POWER_BACKEND");
	char text[200];

	plugin->is_terse = level && (strcasecmp(level, "WARNING") == 0 || strcasecmp(level, "ERROR") == 0 ||
				     strcasecmp(level, "CRITICAL") == 0);
	if (!backend || !*backend)
		return;
	snprintf(text, sizeof(text),
		 "TRAPS_POWER_BACKEND=%.60s is not used: joulemap reads the sensors itself (joulemap sensors)",
		 backend);
	tell(plugin, text);
}

int jm_plugin_open(struct jm_service *s, const struct jm_plugin_options *options, void (*log)(const char *text),
		   struct jm_plugin **out, struct jm_error *err)
{
	struct jm_plugin *plugin = calloc(1, sizeof(*plugin));
	int rc;

	*out = NULL;
	if (!plugin)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for events");
	plugin->service = s;
	plugin->log = log;
	read_environment(plugin);
	rc = open_events(plugin, options, err);
	find_folder(plugin, options->output);
	if (rc == 0 && plugin->folder[0])
		rc = open_store(plugin, !options->no_recordings, err);
	if (rc) {
		/* The service, which knows of it, ends as well. */
		jm_events_close(plugin->events);
		jm_measurements_stop_all(s->measurements, jm_now_ns());
		close_store(plugin);
		free(plugin);
		return rc;
	}
	if (jm_plugin_is_yes(getenv("TRAPS_TEST_POWER_FUNCTION")))
		measure_self(plugin);
	*out = plugin;
	return 0;
}

void jm_plugin_close(struct jm_plugin *plugin)
{
	if (!plugin)
		return;
	jm_measurements_stop_all(plugin->service->measurements, jm_now_ns());
	close_store(plugin);
	jm_events_close(plugin->events);
	free(plugin);
}
