/* What the files of the session share. The session implements joulemap.h: the only place that joins the stages. */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "core/env.h"
#include "recording/recording.h"
#include "sensor/sensor.h"

/* What probing one driver gave. */
struct jm_probe_result {
	const struct jm_sensor_driver *driver;
	struct jm_error why; /* code or message set: nothing found */
	size_t n_channels;
};

struct jm_sensors {
	struct jm_env env;
	struct jm_sensor_set set;
	struct jm_probe_result *results;
	size_t n_results;
};

/* Probes as jm_sensors_probe does, under env. for_use: with no choice, leaves out what is not used by default. */
int jm_session_probe(const struct jm_env *env, const char *choice, bool for_use, struct jm_sensors **out,
		     struct jm_error *err);

/* Writes what identifies the machine into the recording: hostname, machine id (hashed), cpu, kernel, cores. */
void jm_session_describe_machine(const struct jm_env *env, struct jm_writer *w);

/* Gives a text that is equal for recordings of the same machine. out: at least 17 bytes. */
void jm_session_machine_id(const struct jm_env *env, char *out, size_t size);

#endif
