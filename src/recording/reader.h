/* The inside of a reader, shared by reader.c (open, description) and reader_rows.c (samples and spans). */
#ifndef RECORDING_READER_H
#define RECORDING_READER_H

#include "recording/recording.h"

#include <sqlite3.h>

enum jm_meta_type { JM_META_TEXT, JM_META_I64, JM_META_DOUBLE };

struct jm_meta_entry {
	char *key, *text;
	enum jm_meta_type type;
	int64_t i64;
	double number;
};

struct jm_recording {
	sqlite3 *db;
	char *path, *copy; /* copy: NULL, or where the files were copied to; already unlinked */
	int64_t size_bytes; /* of all files at the last look: bounds the rows of a table */
	struct jm_meta_entry *metas;
	struct jm_recording_sensor *sensors;
	struct jm_channel *channels;
	struct jm_ledger *ledgers; /* n_channels entries */
	bool *has_ledger;
	struct jm_event *events;
	size_t n_metas, n_sensors, n_channels, n_events;
	struct jm_names names;
	bool has_processes; /* has the tables of them */
	struct jm_span *held; /* all, in order; NULL: not held */
	size_t n_held;
};

/* No row of ours takes fewer bytes: cell pointer 2, length 1, row id 1, record header of 6 and more. */
#define JM_ROW_BYTES_MIN 8

/* Times lie within this of 0, ns: those of a wall clock, too, until 2096. Readers take differences of times and add margins, which then
 * cannot overflow. Durations, three years at most, may be added to them. */
#define JM_READER_TIME_MAX     INT64_C(4000000000000000000)
#define JM_READER_DURATION_MAX INT64_C(100000000000000000)

/* One SELECT being read, row by row. Every row must carry the types it should, or it is JM_E_FORMAT. */
struct jm_rows {
	struct jm_recording *r;
	sqlite3_stmt *statement;
	const char *table; /* for messages */
	int64_t n, n_max;
	int rc; /* first error */
	struct jm_error *err;
};

/* Begins to read. Errors are in rows->rc, and the next calls then do nothing. */
void jm_rows_begin(struct jm_rows *rows, struct jm_recording *r, const char *table, const char *sql,
		   struct jm_error *err);
/* Steps to the next row. Gives false at the end and on errors. */
bool jm_rows_next(struct jm_rows *rows);
/* Ends, gives rows->rc. */
int jm_rows_end(struct jm_rows *rows);
/* Notes that the row is not as it should be. Gives false. */
bool jm_rows_bad(struct jm_rows *rows, const char *what);
/* Gives an integer within [low, high]; else notes the error and gives low. */
int64_t jm_rows_i64(struct jm_rows *rows, int column, int64_t low, int64_t high);
/* The same; NULL gives missing. */
int64_t jm_rows_i64_or(struct jm_rows *rows, int column, int64_t low, int64_t high, int64_t missing);
/* Gives the time in a column that counts from origin_ns; else notes the error and gives 0. */
int64_t jm_rows_time(struct jm_rows *rows, int column, int64_t origin_ns);
/* Copies a text of fewer than size bytes without zero bytes. */
void jm_rows_text(struct jm_rows *rows, int column, char *out, size_t size);
/* Gives a text to be freed, or NULL with rows->rc set. n_out: its bytes. */
char *jm_rows_text_dup(struct jm_rows *rows, int column);


/* Sorts stably, with a temporary copy; cheap for what is sorted already. Gives 0 or JM_E_NOMEM. */
int jm_recording_sort(void *items, size_t n, size_t size, int (*compare)(const void *, const void *));

/* Checks the application id, the version and that every table is a table. Errors: JM_E_FORMAT, JM_E_VERSION. */
int jm_reader_check_version(struct jm_recording *r, struct jm_error *err);

/* Counts the tables of that name: 0 or 1. A view or virtual table could run forever or call what it likes, and is none. */
int jm_reader_has_table(struct jm_recording *r, const char *name, int64_t *found, struct jm_error *err);

/* Checks that part_of and same_as of the channels stay within them and lead in no circle. Errors: JM_E_FORMAT. */
int jm_reader_check_references(struct jm_recording *r, struct jm_error *err);

/* Gives a key of the meta table; 0 before the first row is written: then the origins are absent. Errors: JM_E_FORMAT. */
int jm_reader_load_origin(struct jm_recording *r, const char *key, int64_t *out, struct jm_error *err);
/* Between the two all statements read one state of the file. */
int jm_reader_begin(struct jm_recording *r, struct jm_error *err);
void jm_reader_end(struct jm_recording *r);

/* Looks again how large the files are, which may be growing. */
void jm_reader_update_size(struct jm_recording *r);

/* Loads the names that are new since the last time. */
int jm_reader_load_names(struct jm_recording *r, struct jm_error *err);

#endif
