/* A replay in memory: what the sensors of a script or of a recording give, and when. docs/replay-format.md describes
 * the text. */
#ifndef SENSOR_REPLAY_SCRIPT_H
#define SENSOR_REPLAY_SCRIPT_H

#include "core/channel.h"
#include "sensor/sensor.h"

#include <stdatomic.h>

/* ERROR: value is a JM_E_ code, duration_ns how long it lasts (0: one read). STALL: the read takes duration_ns. */
enum jm_replay_what { JM_REPLAY_VALUE, JM_REPLAY_GAP, JM_REPLAY_ERROR, JM_REPLAY_STALL };

struct jm_replay_entry {
	int64_t t_ns; /* since the start of the run, >= 0 */
	int64_t value;
	int64_t device_us;
	int64_t duration_ns;
	uint32_t half_width_ns;
	uint32_t next;   /* index of this channel's next entry; 0: none. Set by jm_replay_settle */
	uint8_t channel; /* within its sensor */
	uint8_t what;    /* enum jm_replay_what */
};

struct jm_replay_sensor {
	char name[96];
	uint16_t first_channel, n_channels;
	bool is_buffered; /* every entry is delivered once, with its own time */
	bool has_stall;
	int64_t drain_period_ns; /* buffered only */
	struct jm_replay_entry *entries; /* times not decreasing */
	size_t n_entries, capacity;
};

struct jm_replay_channel {
	struct jm_channel c; /* part_of and same_as: index in the replay */
	bool is_interpolated;
};

struct jm_replay {
	struct jm_replay_sensor *sensors;
	size_t n_sensors;
	struct jm_replay_channel *channels;
	size_t n_channels;
	int64_t end_ns; /* reads later than this find the devices gone */
	_Atomic int64_t start_ns; /* on env's clock, set by the first read of any of its sensors; INT64_MIN before. Any
				     thread that reads */
	atomic_int n_users;
};

/* Parses a script. text: n bytes, need not be terminated. path: for messages. *out: yours, jm_replay_destroy. Errors:
 * JM_E_FORMAT with the line's number, JM_E_NOMEM. */
int jm_replay_parse(const char *path, const char *text, size_t n, struct jm_replay **out, struct jm_error *err);

/* Loads a recording. *out: yours, jm_replay_destroy. Errors: as jm_recording_open; JM_E_NOT_FOUND: no samples. */
int jm_replay_load_recording(const char *path, struct jm_replay **out, struct jm_error *err);

/* Makes an empty replay, one user. Gives NULL when out of memory. */
struct jm_replay *jm_replay_create(void);
/* Frees it, whoever uses it; NULL is allowed. */
void jm_replay_destroy(struct jm_replay *r);
/* Append to it; the pointers are good until the next append of their kind. A sensor owns the channels appended after
 * it. Give NULL when out of memory. */
struct jm_replay_sensor *jm_replay_add_sensor(struct jm_replay *r, const char *name);
struct jm_replay_channel *jm_replay_add_channel(struct jm_replay *r, const char *name);
/* Appends an entry, later than those before it in its sensor. Errors: JM_E_NOMEM. */
int jm_replay_add_entry(struct jm_replay_sensor *s, const struct jm_replay_entry *entry);
/* Links the entries of each channel; call once, when all are in. Errors: JM_E_INVALID: more than 2^32 of a sensor. */
int jm_replay_settle(struct jm_replay *r);

#endif
