/* The inside of a writer, shared by writer.c (the file, its description) and writer_rows.c (samples and spans). */
#ifndef RECORDING_WRITER_H
#define RECORDING_WRITER_H

#include "recording/recording.h"

#include <sqlite3.h>

/* X(name, SQL). All are prepared once. */
#define JM_STATEMENT_LIST(X)                                                                                           \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                                    \
	X(COMMIT, "COMMIT")                                                                                            \
	X(META_SET, "INSERT OR REPLACE INTO meta VALUES(?, ?)")                                                        \
	X(META_DELETE, "DELETE FROM meta WHERE key = ?")                                                               \
	X(SENSOR, "INSERT INTO sensor VALUES(?, ?, ?, ?, ?)")                                                          \
	X(CHANNEL,                                                                                                     \
	  "INSERT INTO channel VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")     \
	X(LEDGER, "INSERT OR REPLACE INTO ledger VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                             \
	X(EVENT, "INSERT INTO event(t_ns, duration_ns, channel, kind, text) VALUES(?, ?, ?, ?, ?)")                    \
	X(NAME, "INSERT INTO name VALUES(?, ?, ?)")                                                                    \
	X(SHAPE, "INSERT OR IGNORE INTO shape VALUES(?, ?)")                                                           \
	X(SPAN, "INSERT INTO span VALUES(?, ?, ?, ?, ?, ?, ?)")                                                        \
	X(ONE, "INSERT INTO sample_one VALUES(?, ?, ?, ?, ?)")                                                         \
	X(GROUP, "INSERT INTO sample_group VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                                \
	X(PROCESS, "INSERT OR REPLACE INTO process VALUES(?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?, ?, ?)")               \
	X(PROCESS_GONE, "UPDATE process SET last = ? WHERE id = ?")                                                    \
	X(PROCESS_STEP, "INSERT INTO process_step VALUES(?, ?, ?, ?, ?, ?, ?)")                                        \
	X(PROCESS_SAMPLE, "INSERT INTO process_sample VALUES(?, ?, ?, ?, ?)")                                          \
	X(PROCESS_MEMORY, "INSERT INTO process_memory VALUES(?, ?, ?, ?)")                                             \
	X(PROCESS_GPU, "INSERT INTO process_gpu VALUES(?, ?, ?, ?, ?, ?, ?)")                                          \
	X(PROCESS_BUSY, "INSERT INTO process_busy VALUES(?, ?)")                                                        \
	X(PROCESS_COUNT, "INSERT INTO process_count VALUES(?, ?, ?, ?, ?)")

#define ENUM(name, sql) JM_STATEMENT_##name,
enum jm_writer_statement { JM_STATEMENT_LIST(ENUM) JM_N_STATEMENTS };
#undef ENUM

/* The sensor of a channel. n_channels 0: the channel belongs to none. */
struct jm_writer_place {
	uint16_t sensor, first_channel, n_channels;
};

struct jm_writer {
	sqlite3 *db;
	sqlite3_stmt *statements[JM_N_STATEMENTS];
	char *path;
	bool is_in_transaction;
	bool is_failed; /* the database refused a write: nothing more is tried */
	struct jm_error error;
	struct jm_names names;
	struct jm_writer_place *places; /* n_channels entries */
	size_t n_channels;
	bool has_sensors, has_time_origin, has_device_origin;
	int64_t time_origin_ns, device_origin_us;
	uint32_t n_process_steps;
};

/* Keeps the first error. Gives its own code back. */
int jm_writer_keep(struct jm_writer *w, int code, const char *message);
/* Has a transaction open. Errors: the kept one, once the database has refused a write. */
int jm_writer_begin(struct jm_writer *w);
/* Runs a statement whose values are bound. */
int jm_writer_step(struct jm_writer *w, enum jm_writer_statement which);
void jm_writer_bind_text(sqlite3_stmt *s, int column, const char *text);
/* Binds value, or NULL where it is unknown. */
void jm_writer_bind_known(sqlite3_stmt *s, int column, bool is_known, int64_t value);
/* Gives t counted from the origin, which the first time of all sets. A transaction must be open. */
int jm_writer_relative_time(struct jm_writer *w, int64_t t_ns, int64_t *out);
/* Sets a reserved key of the meta table. A transaction must be open. */
int jm_writer_set_own_meta(struct jm_writer *w, const char *key, int64_t value);

#endif
