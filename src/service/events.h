/* Events become measurements: joulemap as the power plugin of a camera-traps engine.
 *
 *   MonitorPowerStart ──> start: pids, types, now or later, seconds or until stopped
 *   MonitorPowerStop ───> stop, a process at a time; unknown ones are ignored
 *   PluginTerminate ────> terminate, when it means this plugin: by name, "*" or uuid
 *
 * One thread. What the events do is the target's; what is malformed is counted by reason and never more. */
#ifndef SERVICE_EVENTS_H
#define SERVICE_EVENTS_H

#include "service/event_link.h"
#include "service/event_message.h"
#include "service/measurement.h"

/* As the original plugin is registered with its engine. */
#define JM_PLUGIN_NAME "ext_power_monitor_plugin"
#define JM_PLUGIN_UUID "4a0fca25-1935-472a-8674-58f22c3a32b3"
#define JM_PLUGIN_PORT 6010

struct jm_events_options {
	const char *engine, *subscribe, *publish; /* as in struct jm_event_link_options */
	const char *name, *uuid;                  /* NULL: those above */
};

/* What events act on. ctx is given to each. */
struct jm_events_target {
	void (*clocks)(void *ctx, int64_t *now_ns, int64_t *realtime_ns);
	int (*start)(void *ctx, const struct jm_measure_request *request, uint64_t *id_out, struct jm_error *err);
	size_t (*stop_pid)(void *ctx, int64_t pid); /* gives how many measurements it was in */
	void (*terminate)(void *ctx);               /* to end soon: jm_events_close then says good-bye */
	void (*log)(void *ctx, const char *text);   /* a line for a person; may be NULL */
	void *ctx;
};

struct jm_events_stats {
	uint64_t n_started, n_stops, n_terminated;
	uint64_t n_stopped; /* processes ended by stops, in each measurement that had them */
	uint64_t n_denied;  /* well-formed starts that the target refused */
	uint64_t n_others;  /* well-formed events that are not for this plugin */
	uint64_t n_faults[JM_N_EVENT_FAULTS];
	struct jm_event_link_stats link;
};

struct jm_events;

/* Opens the link and introduces the plugin. Errors: those of jm_event_link_open; JM_E_INVALID for a name or uuid. */
int jm_events_open(const struct jm_events_options *options, const struct jm_events_target *target,
		   struct jm_events **out, struct jm_error *err);
/* For the owner's loop, as in event_link.h: a descriptor, a time, and what to call then. */
int jm_events_fd(const struct jm_events *events);
int64_t jm_events_due_ns(const struct jm_events *events);
void jm_events_work(struct jm_events *events, int64_t now_ns);

/* Counts since the start. */
void jm_events_stats(const struct jm_events *events, struct jm_events_stats *out);
/* Says good-bye (PluginTerminating, quit), for at most a second, and closes. NULL is allowed. */
void jm_events_close(struct jm_events *events);

#endif
