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

struct jm_stored_calibration;

struct jm_sensors {
	struct jm_env env;
	struct jm_sensor_set set;
	struct jm_probe_result *results;
	size_t n_results;
	struct jm_stored_calibration *calibrations; /* one a channel, loaded by jm_sensors_probe; else NULL */
};

/* Probes as jm_sensors_probe does, under env. for_use: leaves out spare sensors that the choice does not
 * name, and with no choice what is not used by default. */
int jm_session_probe(const struct jm_env *env, const char *choice, bool for_use, struct jm_sensors **out,
		     struct jm_error *err);

/* Opens every sensor that has a channel to give. Those that fail become unavailable with the reason, and left_out is
 * told; a channel whose preferred twin is unavailable takes its place. Errors: JM_E_NOT_FOUND when none is left. */
int jm_session_open(struct jm_sensors *s, void (*left_out)(void *ctx, const char *text), void *ctx,
		    struct jm_error *err);

/* Writes what identifies the machine into the recording: hostname, machine id (hashed), cpu, kernel, cores. */
void jm_session_describe_machine(const struct jm_env *env, struct jm_writer *w);

/* Writes sensors, channels, and which devices they belong to. Before any sample. Errors: those of jm_writer_sensors. */
int jm_session_describe_sensors(const struct jm_sensors *s, struct jm_writer *w);

/* Gives a text that is equal for recordings of the same machine. out: at least 17 bytes. */
void jm_session_machine_id(const struct jm_env *env, char *out, size_t size);

/* Lists the idle recordings of this machine, newest first; paths and list are yours, free(). Gives how many. */
size_t jm_session_idle_files(char ***out);

/* Gives $XDG_DATA_HOME/joulemap/NAME (~/.local/share/joulemap/NAME); make_folder: and makes its folders. Errors:
 * JM_E_INVALID when it does not fit; JM_E_IO, JM_E_PERMISSION. */
int jm_session_data_path(const char *name, bool make_folder, char *out, size_t size, struct jm_error *err);

#endif
