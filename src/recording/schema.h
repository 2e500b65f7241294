/* What writer and reader of a recording share: the schema as SQL, reserved meta keys, limits, SQLite's errors as
 * ours. */
#ifndef RECORDING_SCHEMA_H
#define RECORDING_SCHEMA_H

#include "core/error.h"

#include <sqlite3.h>

/* Times in rows count from this meta key (ns of CLOCK_MONOTONIC), device times from the other (us of the device): small
 * numbers take fewer bytes in SQLite. The writer sets both; nobody else may. */
#define JM_META_TIME_ORIGIN "time_origin_ns"
#define JM_META_DEVICE_ORIGIN "device_origin_us"
/* 1 once the writer has closed the recording; absent while it is being written and after a kill. */
#define JM_META_CLOSED "closed"

/* Channels of one sensor that fit one row of sample_group. */
#define JM_GROUP_CHANNELS_MAX 8

/* Longest text or row that is written or read. */
#define JM_TEXT_BYTES_MAX (16 * 1024 * 1024)

/* Tables, views and the rows of span_kind; to be run on an empty database in one transaction. */
extern const char jm_schema_sql[];

/* Names of the tables, NULL at the end. */
extern const char *const jm_schema_tables[];
/* Of tables that came later and that a recording may lack, NULL at the end. */
extern const char *const jm_schema_later_tables[];

/* Gives the JM_E_ code of the last failure rc on db; err: "WHAT: SQLite's reason". db may be NULL. Cold. */
int jm_schema_error(sqlite3 *db, int rc, struct jm_error *err, const char *what);

/* Runs statements without results. Errors: as jm_schema_error. */
int jm_schema_exec(sqlite3 *db, const char *sql, struct jm_error *err, const char *what);

#endif
