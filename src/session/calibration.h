/* A calibration: what a sensor showed of a known load, kept per machine, device, driver version and channel.
 *
 * $XDG_DATA_HOME/joulemap/calibration/MACHINE/CHANNEL.json, "joulemap-calibration/1": one flat JSON object, keys with
 * their units, unknown = null. The same text is kept in recordings under the key response:CHANNEL. */
#ifndef SESSION_CALIBRATION_H
#define SESSION_CALIBRATION_H

#include "attribution/response.h"
#include "session/session.h"

#define JM_CALIBRATION_N_FAMILIES 4

enum jm_full_time { JM_FULL_TIME_UNKNOWN, JM_FULL_TIME_YES, JM_FULL_TIME_NO };

struct jm_calibration {
	char channel[96], driver[32];
	char driver_version[96]; /* of the vendor's driver, or the kernel's release */
	char machine[32];        /* jm_session_machine_id */
	char device[96];         /* UUID of a GPU; else the channel's label */
	char version[32];        /* of joulemap */
	char date[32];           /* UTC, ISO 8601 */
	struct jm_response response;
	double hold_out_w[JM_CALIBRATION_N_FAMILIES]; /* BOX, RC, RC_BOX, RAMP; NAN: not fitted */
	double swing_w;                               /* full load less idle, as the sensor showed it */
	double jitter_s;                              /* sd of an update's time about the regular clock; NAN: unknown */
	double drift_per_s;    /* of a reading on a steady load, fraction of its level a second; NAN: unknown */
	double drift_per_k;    /* the same by the device's temperature; NAN: unknown */
	double counter_spread; /* of the mean power over the phases of the locked load, fraction of the swing; NAN */
	struct jm_calibration_stair stairs[JM_CALIBRATION_STAIRS_MAX]; /* in order of level; unused ones NAN */
	double nonlinearity;   /* as in struct jm_calibration_info; NAN: unknown */
	double n_readings;     /* that the response was fitted to */
	double full_time;      /* enum jm_full_time */
	double is_accepted;    /* 1: hold-out residual within 5 % of the swing */
	char reason[256];      /* why it was not accepted, or a note; or empty */
};

/* Sets all to unknown. */
void jm_calibration_init(struct jm_calibration *c);
/* Gives the version of what stands between joulemap and the sensor: the NVIDIA driver's for nvml, else the kernel's
 * release. out: at least 96 bytes. */
void jm_calibration_driver_version(const struct jm_env *env, const char *driver, char *out, size_t size);
/* Gives what tells the channel's device from another of its kind. out: at least 96 bytes. */
void jm_calibration_device(const struct jm_env *env, const char *driver, const struct jm_channel *channel, char *out,
			   size_t size);
/* Fills channel, driver, driver_version, machine, device, version and date. */
void jm_calibration_identify(struct jm_calibration *c, const struct jm_env *env, const char *driver,
			     const struct jm_channel *channel);

/* Writes as JSON, one line. */
struct jm_buffer;
void jm_calibration_write(const struct jm_calibration *c, struct jm_buffer *b);
/* Reads n bytes of JSON. path: for messages. Errors: JM_E_FORMAT (syntax, wrong types, numbers out of any sensor's range),
 * JM_E_VERSION (another format), JM_E_NOMEM. */
int jm_calibration_read(const char *path, const char *text, size_t n, struct jm_calibration *out, struct jm_error *err);

/* Gives the path of a channel's cache file; make_folder: and makes its folder. Errors: JM_E_INVALID (too long), those of
 * making folders. */
int jm_calibration_path(const struct jm_env *env, const char *channel, bool make_folder, char *out, size_t size,
			struct jm_error *err);
/* Stores it: a file beside it is written and renamed, so that a reader sees the old one or the new one whole. */
int jm_calibration_store(const struct jm_env *env, const struct jm_calibration *c, struct jm_error *err);
/* Loads the channel's, if it still holds. Errors: JM_E_NOT_FOUND: none; JM_E_VERSION: made under another driver, for
 * another device or machine, the message names both; JM_E_FORMAT: damaged. */
int jm_calibration_load(const struct jm_env *env, const char *driver, const struct jm_channel *channel,
			struct jm_calibration *out, struct jm_error *err);

/* Copies the calibrations of all channels in use into a recording. */
void jm_calibration_into_recording(const struct jm_sensors *s, struct jm_writer *w);
/* Gives the responses of a recording's channels: from the recording; where it has none and was made on this machine under
 * the same kernel, from the machine's store. *out: n_channels entries, free(); NULL when no channel has one.
 * Errors: JM_E_NOMEM. Damaged ones are left out and told. */
int jm_calibration_responses(struct jm_recording *r, struct jm_response **out,
			     void (*tell)(void *ctx, const char *text), void *ctx);

/* A calibration with what the public interface lends of it. */
struct jm_stored_calibration {
	struct jm_calibration c;
	char text[160];
	char *json;
	struct jm_error why; /* code set: there is none, and why */
};

/* Fills text and json from c. Errors: JM_E_NOMEM. */
int jm_stored_calibration_fill(struct jm_stored_calibration *s);
void jm_stored_calibration_info(const struct jm_stored_calibration *s, struct jm_calibration_info *out);
/* Loads those of all channels into s->calibrations. Errors: JM_E_NOMEM. */
int jm_session_load_calibrations(struct jm_sensors *s);
void jm_session_free_calibrations(struct jm_sensors *s);

/* Writes one line: "RC x boxcar, lag -2.0 ms, ...". */
void jm_calibration_describe(const struct jm_calibration *c, char *out, size_t size);

#endif
