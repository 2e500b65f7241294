/* Asking by event, as programs of camera-traps do: one message, to where events are subscribed to. */
#ifndef SERVICE_ASK_EVENTS_H
#define SERVICE_ASK_EVENTS_H

#include "joulemap/joulemap.h"

struct jm_ask_event {
	const char *
	    address; /* HOST:PORT or tcp://HOST:PORT: the engine's incoming port, or that of serve --subscribe @ADDRESS */
	const char *pids;    /* "PID,..." */
	const char *devices; /* "cpu,gpu,dram"; NULL or "all": all */
	int64_t in_ns;       /* how long from now it begins; 0: at once */
	int64_t duration_ns; /* whole seconds; 0: until stopped */
	bool is_stop;        /* ends the measurements of these processes */
};

#define JM_ENGINE_INCOMING_PORT 5559

/* Sends it and waits until it is taken, at most timeout_ms. Nobody answers an event: what comes of it is in the plugin's files. Errors:
 * JM_E_INVALID; JM_E_GONE: nobody took it; JM_E_UNSUPPORTED, JM_E_NOMEM, JM_E_IO. */
int jm_ask_by_event(const struct jm_ask_event *ask, int timeout_ms, struct jm_error *err);

#endif
