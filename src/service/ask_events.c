#include "service/ask_events.h"

#include "core/error.h"
#include "core/units.h"
#include "service/event_link.h"
#include "service/event_message.h"
#include "service/measurement.h"
#include "service/plugin.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int bad_list(struct jm_error *err, const char *what, const char *list)
{
	return jm_error_set(err, JM_E_INVALID, "'%.100s' is no list of %s, separated by commas", list, what);
}

static int read_pids(const char *list, struct jm_event *e, struct jm_error *err)
{
	const char *at = list;

	while (*at) {
		size_t n = strcspn(at, ",");
		int64_t pid;

		if (jm_text_i64(at, n, &pid) || pid <= 0 || pid > INT32_MAX)
			return bad_list(err, "processes", list);
		if (e->n_pids == JM_EVENT_MAX_PIDS)
			return jm_error_set(err, JM_E_FULL, "an event names at most %u processes", JM_EVENT_MAX_PIDS);
		e->pids[e->n_pids++] = pid;
		at += n + (at[n] == ',');
	}
	return e->n_pids ? 0 : bad_list(err, "processes", list);
}

static int read_devices(const char *list, struct jm_event *e, struct jm_error *err)
{
	const char *at = list;
	int d;

	while (*at) {
		size_t n = strcspn(at, ",");

		for (d = 0; d < JM_N_DEVICES; d++)
			if (n == strlen(jm_device_text((enum jm_device)d)) &&
			    memcmp(at, jm_device_text((enum jm_device)d), n) == 0)
				break;
		if (n == 3 && memcmp(at, "all", 3) == 0)
			e->devices = JM_DEVICE_ALL;
		else if (d == JM_N_DEVICES)
			return bad_list(err, "cpu, gpu, dram or all", list);
		else
			e->devices |= JM_DEVICE_BIT(d);
		at += n + (at[n] == ',');
	}
	return e->devices ? 0 : bad_list(err, "cpu, gpu, dram or all", list);
}

static int fill(const struct jm_ask_event *ask, int64_t realtime_ns, struct jm_event *e, struct jm_error *err)
{
	int rc;

	e->kind = ask->is_stop ? JM_EVENT_POWER_STOP : JM_EVENT_POWER_START;
	rc = read_pids(ask->pids, e, err);
	if (rc || ask->is_stop)
		return rc;
	if (ask->duration_ns % JM_NS_PER_S || ask->duration_ns / JM_NS_PER_S > UINT32_MAX)
		return jm_error_set(err, JM_E_INVALID, "an event asks for whole seconds");
	e->seconds = (uint32_t)(ask->duration_ns / JM_NS_PER_S);
	e->start_realtime_ns = ask->in_ns ? realtime_ns + ask->in_ns : 0;
	return read_devices(ask->devices ? ask->devices : "all", e, err);
}

int jm_ask_by_event(const struct jm_ask_event *ask, int timeout_ms, struct jm_error *err)
{
	struct jm_buffer message = {0};
	struct jm_event *e;
	struct timespec t;
	char address[300];
	int64_t realtime_ns;
	int rc = jm_event_support(err);

	if (rc)
		return rc;
	if (jm_plugin_address(ask->address, JM_ENGINE_INCOMING_PORT, address, sizeof(address)))
		return jm_error_set(err, JM_E_INVALID, "'%s' is no address for events", ask->address);
	clock_gettime(CLOCK_REALTIME, &t);
	realtime_ns = (int64_t)t.tv_sec * JM_NS_PER_S + t.tv_nsec;
	e = calloc(1, sizeof(*e));
	if (!e)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for an event");
	rc = fill(ask, realtime_ns, e, err);
	if (rc == 0 && (rc = jm_event_encode(e, realtime_ns, &message)) != 0)
		jm_error_set(err, rc, "the event cannot be written");
	if (rc == 0)
		rc = jm_event_publish_once(address, message.data, message.n, timeout_ms, err);
	jm_buffer_finish(&message);
	free(e);
	return rc;
}
