/* The recording: one SQLite database (WAL). docs/recording-format.md is its description for other programs.
 *
 * Samples of one sensor that were read together are one row; the view `sample` shows them one by one. */
#ifndef RECORDING_RECORDING_H
#define RECORDING_RECORDING_H

#include "core/channel.h"
#include "core/ledger.h"
#include "core/process.h"
#include "core/sink.h"

#define JM_RECORDING_SCHEMA 1
#define JM_RECORDING_APPLICATION_ID 0x4a4d4150 /* "JMAP" */

/* A group of channels that are read together. */
struct jm_recording_sensor {
	char name[96];
	char driver[32];
	uint16_t first_channel, n_channels;
};

/* Something that happened: sensor lost, throttled, marker. channel: index or -1. */
struct jm_event {
	int64_t t_ns, duration_ns; /* duration 0: a moment */
	int32_t channel;
	const char *kind; /* "sensor_lost", "throttle_power", "note", ... lower case, one word */
	const char *text;
};

struct jm_writer;

/* Creates the file, mode 0600: command lines and a power trace are its owner's (docs/security.md). Errors: JM_E_EXISTS unless
 * overwrite; JM_E_INVALID for a directory or device; JM_E_NOT_FOUND (no such folder), JM_E_PERMISSION, JM_E_FULL, JM_E_IO. */
int jm_writer_create(const char *path, bool overwrite, struct jm_writer **out, struct jm_error *err);
/* Commits, stores what is left, closes. NULL is allowed. Errors: of the last write; w is gone all the same. */
int jm_writer_close(struct jm_writer *w, struct jm_error *err);

/* Sets a key of the meta table; NULL text deletes it. Keys: docs/recording-format.md. */
int jm_writer_meta(struct jm_writer *w, const char *key, const char *text);
int jm_writer_meta_i64(struct jm_writer *w, const char *key, int64_t value);
int jm_writer_meta_double(struct jm_writer *w, const char *key, double value);

/* Adds the sensors and channels; call once, before samples. channels: n_channels, indices as in samples. */
int jm_writer_sensors(struct jm_writer *w, const struct jm_recording_sensor *sensors, size_t n_sensors,
		      const struct jm_channel *channels, size_t n_channels);
/* Replaces the ledger of a channel. */
int jm_writer_ledger(struct jm_writer *w, uint16_t channel, const struct jm_ledger *ledger);
int jm_writer_event(struct jm_writer *w, const struct jm_event *event);

/* Sinks into w. One thread at a time. One reading of all 2 to 8 channels of a sensor (equal t_ns, half_width_ns and
 * device_us, channels in order, in one call) takes one row; any other sample a row of its own. */
struct jm_sample_sink jm_writer_sample_sink(struct jm_writer *w);
struct jm_span_sink jm_writer_span_sink(struct jm_writer *w);

/* Adds a process, or describes it anew; ids count from 0 without holes. */
int jm_writer_process(struct jm_writer *w, const struct jm_process *p);
/* Says that a process was gone at t_ns. */
int jm_writer_process_gone(struct jm_writer *w, uint32_t id, int64_t t_ns);
/* Adds a snapshot: the machine, and the processes of which something changed. */
int jm_writer_process_step(struct jm_writer *w, const struct jm_process_step *step,
			   const struct jm_process_sample *samples, size_t n);
int jm_writer_process_memory(struct jm_writer *w, const struct jm_process_memory *memory);
int jm_writer_process_gpu(struct jm_writer *w, const struct jm_process_gpu *row);
/* Adds what hardware counters told in the snapshot that was added last. */
int jm_writer_process_counts(struct jm_writer *w, const struct jm_process_count *rows, size_t n);

/* Makes all written so far visible to readers and safe from a kill of this process. Called every half second or so. */
int jm_writer_commit(struct jm_writer *w);
/* Gives the first error of any write, kept; err: what it was. */
int jm_writer_status(const struct jm_writer *w, struct jm_error *err);

struct jm_recording;

/* Opens read-only; works while it is being written and after a kill. Errors: JM_E_NOT_FOUND, JM_E_FORMAT (not a
 * recording, or damaged), JM_E_VERSION (newer schema), JM_E_PERMISSION. */
int jm_recording_open(const char *path, struct jm_recording **out, struct jm_error *err);
void jm_recording_close(struct jm_recording *r);

/* Meta. text: borrowed until close, NULL when absent. The number forms give JM_E_NOT_FOUND when absent
 * and JM_E_FORMAT when it is something else. Besides the keys that were set: time_origin_ns, device_origin_us, closed
 * (1; absent while it is being written and after a kill). */
const char *jm_recording_meta(struct jm_recording *r, const char *key);
int jm_recording_meta_i64(struct jm_recording *r, const char *key, int64_t *out);
int jm_recording_meta_double(struct jm_recording *r, const char *key, double *out);
/* The same for a time or duration in ns, which readers take differences of: more than 4e18 away from 0 is JM_E_FORMAT, too. */
int jm_recording_meta_time(struct jm_recording *r, const char *key, int64_t *out_ns);

/* All loaded at open; borrowed. */
const struct jm_channel *jm_recording_channels(const struct jm_recording *r, size_t *n_out);
const struct jm_recording_sensor *jm_recording_sensors(const struct jm_recording *r, size_t *n_out);
const struct jm_names *jm_recording_names(const struct jm_recording *r);
/* Loads what layers of each name take and give into the names' shapes: a text for jm_operands_parse, or NULL. Errors:
 * JM_E_NOMEM, JM_E_FORMAT. */
int jm_recording_load_shapes(struct jm_recording *r, struct jm_error *err);
/* Ledger of a channel. Errors: JM_E_NOT_FOUND when none was stored (killed early). */
int jm_recording_ledger(const struct jm_recording *r, uint16_t channel, struct jm_ledger *out);
/* Events in order of time; borrowed. */
const struct jm_event *jm_recording_events(struct jm_recording *r, size_t *n_out);

/* Loads the samples of one channel with from_ns <= t_ns < to_ns in order of time, GAPs included. *out: yours, free().
 * Errors: JM_E_NOMEM, JM_E_FORMAT. */
int jm_recording_samples(struct jm_recording *r, uint16_t channel, int64_t from_ns, int64_t to_ns,
			 struct jm_sample **out, size_t *n_out, struct jm_error *err);
/* The same for all channels of a sensor in one pass. out, n_out: n_channels entries of the sensor; out[i] is yours,
 * free(). Errors: also JM_E_INVALID for a sensor of more than 8 channels, which have to be loaded one by one. */
int jm_recording_sensor_samples(struct jm_recording *r, size_t sensor, int64_t from_ns, int64_t to_ns,
				struct jm_sample *out[], size_t n_out[], struct jm_error *err);
/* Loads the spans whose kind is in kind_mask (bit 1 << kind), in order of (start_ns, -end_ns). *out: yours, free(). */
int jm_recording_spans(struct jm_recording *r, uint32_t kind_mask, struct jm_span **out, size_t *n_out,
		       struct jm_error *err);
/* Keeps all spans in memory: until they are released, jm_recording_spans copies from them in place of reading the file again and
 * again. Errors: as jm_recording_spans. */
int jm_recording_hold_spans(struct jm_recording *r, struct jm_error *err);
void jm_recording_release_spans(struct jm_recording *r);
/* Gives those that are held, in order; NULL: none are. Borrowed until they are released. */
const struct jm_span *jm_recording_held_spans(const struct jm_recording *r, size_t *n_out);
/* Gives every span to take, track by track, in order of (track, start_ns, -end_ns); the sorting is left to SQLite, on disk where
 * there are many, so that memory does not grow with their number. take gives 0, or another value that ends it and is given back.
 * Errors: JM_E_FORMAT, JM_E_IO (no room for the sorting). */
int jm_recording_each_span(struct jm_recording *r, int (*take)(void *ctx, const struct jm_span *span), void *ctx,
			   struct jm_error *err);
/* Gives the earliest start of all spans. Errors: JM_E_NOT_FOUND when there are none. */
int jm_recording_first_span(struct jm_recording *r, int64_t *start_ns_out);
/* Loads all that is said of processes. out is yours: jm_process_log_finish; empty where there is nothing, as in recordings made
 * before processes were watched. Errors: JM_E_NOMEM, JM_E_FORMAT. */
int jm_recording_process_log(struct jm_recording *r, struct jm_process_log *out, struct jm_error *err);
/* First start and last end of all samples. Errors: JM_E_NOT_FOUND when there are none. */
int jm_recording_extent(struct jm_recording *r, int64_t *first_ns_out, int64_t *last_ns_out);

#endif
