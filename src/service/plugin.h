/* The service as the power plugin of camera-traps: its events, its files, its environment (docs/camera-traps.md). */
#ifndef SERVICE_PLUGIN_H
#define SERVICE_PLUGIN_H

#include "service/service.h"

/* What is NULL comes from the environment, else from its default. */
struct jm_plugin_options {
	const char
	    *engine; /* HOST, HOST:PORT or tcp://HOST:PORT; with POWER_MEASURING_PLUGIN_PORT alone: the host "engine" */
	const char *subscribe; /* as in struct jm_event_link_options */
	const char *publish;
	const char *name, *uuid;
	bool no_recordings;
	const char *
	    output; /* folder for files, recordings, state, "none"; TRAPS_POWER_LOG_PATH; with engine or subscribe: $HOME/logs */
};

struct jm_plugin;

/* Joins s. *out is NULL where neither events nor files are wanted. TRAPS_TEST_POWER_FUNCTION=1 measures this program for 10 s.
 * log: is told what is worth a line. Errors: those of jm_events_open, jm_outputs_open; JM_E_INVALID for the environment. */
int jm_plugin_open(struct jm_service *s, const struct jm_plugin_options *options, void (*log)(const char *text),
		   struct jm_plugin **out, struct jm_error *err);
/* After the loop has ended: ends what is measured, finishes the files, takes leave of the engine (at most a second). Before
 * jm_service_close. NULL is allowed. */
void jm_plugin_close(struct jm_plugin *plugin);

/* Writes the address of the engine that text means (HOST, HOST:PORT, tcp://HOST:PORT) with port where it has none. Errors:
 * JM_E_INVALID. */
int jm_plugin_address(const char *text, unsigned port, char *out, size_t size);
/* Says whether the text of a variable means yes: 1, true, yes, on; not any text, as "False" is one. */
bool jm_plugin_is_yes(const char *text);

#endif
