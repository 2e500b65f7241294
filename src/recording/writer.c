/* The writing half of a recording. One transaction is open from the first write after a commit to the next commit. */
#include "recording/recording.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recording/file.h"
#include "recording/schema.h"
#include "recording/writer.h"

/* Keeps the first error. Gives its own code back. */
int jm_writer_keep(struct jm_writer *w, int code, const char *message)
{
	if (w->error.code == 0)
		jm_error_set(&w->error, code, "cannot write to %s: %s", w->path, message);
	return code;
}

/* The database refused. Unless the value was to blame, every write from here on gives this error. */
static int fail(struct jm_writer *w, int rc)
{
	char what[300];
	struct jm_error error = {0};
	int code;

	snprintf(what, sizeof(what), "cannot write to %.200s", w->path);
	code = jm_schema_error(w->db, rc, &error, what);
	/* A value that SQLite does not take (too long) leaves the transaction as it was. */
	if (w->error.code == 0 || (!w->is_failed && code != JM_E_INVALID))
		w->error = error;
	w->is_failed = w->is_failed || code != JM_E_INVALID;
	return code;
}

/* Runs a statement whose values are bound. */
int jm_writer_step(struct jm_writer *w, enum jm_writer_statement which)
{
	sqlite3_stmt *s = w->statements[which];
	int rc = sqlite3_step(s);

	if (rc == SQLITE_DONE) {
		sqlite3_reset(s);
		return 0;
	}
	rc = fail(w, sqlite3_extended_errcode(w->db));
	sqlite3_reset(s);
	return rc;
}

/* Has a transaction open. */
int jm_writer_begin(struct jm_writer *w)
{
	int rc;

	if (w->is_in_transaction)
		return 0;
	if (w->is_failed)
		return w->error.code;
	rc = jm_writer_step(w, JM_STATEMENT_BEGIN);
	w->is_in_transaction = rc == 0;
	return rc;
}

int jm_writer_commit(struct jm_writer *w)
{
	int rc;

	if (w->is_failed)
		return w->error.code;
	if (!w->is_in_transaction)
		return 0;
	rc = jm_writer_step(w, JM_STATEMENT_COMMIT);
	w->is_in_transaction = false;
	return rc;
}

int jm_writer_status(const struct jm_writer *w, struct jm_error *err)
{
	if (w->error.code && err)
		*err = w->error;
	return w->error.code;
}

void jm_writer_bind_text(sqlite3_stmt *s, int column, const char *text)
{
	sqlite3_bind_text(s, column, text, -1, SQLITE_STATIC);
}

/* Unknown is NULL in the file. */
void jm_writer_bind_known(sqlite3_stmt *s, int column, bool is_known, int64_t value)
{
	if (is_known)
		sqlite3_bind_int64(s, column, value);
	else
		sqlite3_bind_null(s, column);
}

static int delete_meta(struct jm_writer *w, const char *key)
{
	jm_writer_bind_text(w->statements[JM_STATEMENT_META_DELETE], 1, key);
	return jm_writer_step(w, JM_STATEMENT_META_DELETE);
}

int jm_writer_set_own_meta(struct jm_writer *w, const char *key, int64_t value)
{
	jm_writer_bind_text(w->statements[JM_STATEMENT_META_SET], 1, key);
	sqlite3_bind_int64(w->statements[JM_STATEMENT_META_SET], 2, value);
	return jm_writer_step(w, JM_STATEMENT_META_SET);
}

/* A text that SQLite would not take when it is bound. */
static bool is_too_long(const char *text)
{
	return strlen(text) > JM_TEXT_BYTES_MAX - 4096;
}

/* Begins, and refuses the keys that are the writer's own. */
static int begin_meta(struct jm_writer *w, const char *key)
{
	if (is_too_long(key))
		return jm_writer_keep(w, JM_E_INVALID, "a text is longer than 16 MiB");
	if (!key[0] || strcmp(key, JM_META_TIME_ORIGIN) == 0 || strcmp(key, JM_META_DEVICE_ORIGIN) == 0 ||
	    strcmp(key, JM_META_CLOSED) == 0)
		return jm_writer_keep(w, JM_E_INVALID, "this meta key is reserved");
	return jm_writer_begin(w);
}

int jm_writer_meta(struct jm_writer *w, const char *key, const char *text)
{
	int rc;

	if (text && is_too_long(text))
		return jm_writer_keep(w, JM_E_INVALID, "a text is longer than 16 MiB");
	rc = begin_meta(w, key);
	if (rc)
		return rc;
	if (!text)
		return delete_meta(w, key);
	jm_writer_bind_text(w->statements[JM_STATEMENT_META_SET], 1, key);
	jm_writer_bind_text(w->statements[JM_STATEMENT_META_SET], 2, text);
	return jm_writer_step(w, JM_STATEMENT_META_SET);
}

int jm_writer_meta_i64(struct jm_writer *w, const char *key, int64_t value)
{
	int rc = begin_meta(w, key);

	return rc ? rc : jm_writer_set_own_meta(w, key, value);
}

int jm_writer_meta_double(struct jm_writer *w, const char *key, double value)
{
	int rc = begin_meta(w, key);

	if (rc)
		return rc;
	/* No number is the same as no entry. */
	if (!isfinite(value))
		return delete_meta(w, key);
	jm_writer_bind_text(w->statements[JM_STATEMENT_META_SET], 1, key);
	sqlite3_bind_double(w->statements[JM_STATEMENT_META_SET], 2, value);
	return jm_writer_step(w, JM_STATEMENT_META_SET);
}

/* SI unit of a quantity, and what a raw integer is to be multiplied with. */
static const char *si_unit(enum jm_quantity quantity, double *factor_out)
{
	switch (quantity) {
	case JM_QUANTITY_ENERGY:
		*factor_out = 1e-6;
		return "J";
	case JM_QUANTITY_POWER:
		*factor_out = 1e-6;
		return "W";
	case JM_QUANTITY_TEMPERATURE:
		*factor_out = 1e-3;
		return "degC";
	case JM_QUANTITY_UTILIZATION:
		*factor_out = 1e-6;
		return "1";
	case JM_QUANTITY_FREQUENCY:
		*factor_out = 1;
		return "Hz";
	case JM_QUANTITY_TIME:
		*factor_out = 1e-9;
		return "s";
	case JM_QUANTITY_LEVEL:
		*factor_out = 1;
		return "1";
	default:
		*factor_out = 1;
		return "bits";
	}
}

static void bind_fraction(sqlite3_stmt *s, int column, double value)
{
	if (value >= 0 && isfinite(value))
		sqlite3_bind_double(s, column, value);
	else
		sqlite3_bind_null(s, column);
}

static int write_channel(struct jm_writer *w, size_t i, const struct jm_channel *c)
{
	sqlite3_stmt *s = w->statements[JM_STATEMENT_CHANNEL];
	bool has_bounds = c->bound_low_uw != 0 || c->bound_high_uw != 0;
	double factor = 1;
	const char *unit = si_unit(c->quantity, &factor);

	if (c->step > INT64_MAX || c->wrap > INT64_MAX)
		return jm_writer_keep(w, JM_E_INVALID, "step or wrap of a channel is above 2^63");
	sqlite3_bind_int64(s, 1, (int64_t)i);
	jm_writer_bind_text(s, 2, c->name);
	jm_writer_bind_text(s, 3, c->label);
	jm_writer_bind_text(s, 4, jm_quantity_text(c->quantity));
	jm_writer_bind_text(s, 5, jm_quantity_unit(c->quantity));
	jm_writer_bind_text(s, 6, jm_kind_text(c->kind));
	jm_writer_bind_text(s, 7, jm_state_text(c->state));
	jm_writer_bind_text(s, 8, jm_domain_text(c->domain));
	jm_writer_bind_known(s, 9, c->part_of >= 0, c->part_of);
	jm_writer_bind_known(s, 10, c->same_as >= 0, c->same_as);
	sqlite3_bind_int64(s, 11, c->device);
	jm_writer_bind_known(s, 12, c->step != 0, (int64_t)c->step);
	jm_writer_bind_known(s, 13, c->wrap != 0, (int64_t)c->wrap);
	jm_writer_bind_known(s, 14, c->update_period_ns != 0, c->update_period_ns);
	jm_writer_bind_known(s, 15, c->window_ns != 0, c->window_ns);
	jm_writer_bind_known(s, 16, c->lowpass_ns != 0, c->lowpass_ns);
	jm_writer_bind_known(s, 17, c->lag_ns != 0, c->lag_ns);
	bind_fraction(s, 18, c->accuracy_fraction);
	bind_fraction(s, 19, c->accuracy_offset_w);
	jm_writer_bind_known(s, 20, has_bounds, c->bound_low_uw);
	jm_writer_bind_known(s, 21, has_bounds, c->bound_high_uw);
	jm_writer_bind_text(s, 22, c->reason);
	jm_writer_bind_text(s, 23, c->remedy);
	jm_writer_bind_text(s, 24, unit);
	sqlite3_bind_double(s, 25, factor);
	return jm_writer_step(w, JM_STATEMENT_CHANNEL);
}

static int write_sensor(struct jm_writer *w, size_t i, const struct jm_recording_sensor *sensor)
{
	sqlite3_stmt *s = w->statements[JM_STATEMENT_SENSOR];
	size_t c, end = (size_t)sensor->first_channel + sensor->n_channels;

	if (i > UINT16_MAX || end > w->n_channels)
		return jm_writer_keep(w, JM_E_INVALID, "a sensor has channels that are not there");
	for (c = sensor->first_channel; c < end; c++) {
		if (w->places[c].n_channels)
			return jm_writer_keep(w, JM_E_INVALID, "two sensors share a channel");
		w->places[c] = (struct jm_writer_place){(uint16_t)i, sensor->first_channel, sensor->n_channels};
	}
	sqlite3_bind_int64(s, 1, (int64_t)i);
	jm_writer_bind_text(s, 2, sensor->name);
	jm_writer_bind_text(s, 3, sensor->driver);
	sqlite3_bind_int(s, 4, sensor->first_channel);
	sqlite3_bind_int(s, 5, sensor->n_channels);
	return jm_writer_step(w, JM_STATEMENT_SENSOR);
}

int jm_writer_sensors(struct jm_writer *w, const struct jm_recording_sensor *sensors, size_t n_sensors,
		      const struct jm_channel *channels, size_t n_channels)
{
	size_t i;
	int rc;

	if (w->has_sensors || n_channels > UINT16_MAX)
		return jm_writer_keep(w, JM_E_INVALID, "sensors are given twice, or more than 65535 channels");
	rc = jm_writer_begin(w);
	if (rc)
		return rc;
	w->places = calloc(n_channels + 1, sizeof(*w->places));
	if (!w->places)
		return jm_writer_keep(w, JM_E_NOMEM, "out of memory");
	w->has_sensors = true;
	w->n_channels = n_channels;
	for (i = 0; rc == 0 && i < n_channels; i++)
		rc = write_channel(w, i, &channels[i]);
	for (i = 0; rc == 0 && i < n_sensors; i++)
		rc = write_sensor(w, i, &sensors[i]);
	return rc;
}

int jm_writer_ledger(struct jm_writer *w, uint16_t channel, const struct jm_ledger *l)
{
	sqlite3_stmt *s = w->statements[JM_STATEMENT_LEDGER];
	const uint64_t counts[] = {l->expected, l->taken, l->late, l->missed, l->repeated};
	const int64_t times[] = {l->longest_gap_ns, l->first_ns, l->last_ns, l->cpu_ns, l->period_ns};
	int i, rc;

	if (channel >= w->n_channels)
		return jm_writer_keep(w, JM_E_INVALID, "the ledger's channel is not there");
	for (i = 0; i < 5; i++)
		if (counts[i] > INT64_MAX)
			return jm_writer_keep(w, JM_E_INVALID, "a count of the ledger is above 2^63");
	rc = jm_writer_begin(w);
	if (rc)
		return rc;
	sqlite3_bind_int(s, 1, channel);
	for (i = 0; i < 5; i++) {
		sqlite3_bind_int64(s, 2 + i, (int64_t)counts[i]);
		sqlite3_bind_int64(s, 7 + i, times[i]);
	}
	return jm_writer_step(w, JM_STATEMENT_LEDGER);
}

int jm_writer_event(struct jm_writer *w, const struct jm_event *event)
{
	sqlite3_stmt *s = w->statements[JM_STATEMENT_EVENT];
	int rc;

	if (event->channel >= (int64_t)w->n_channels || event->duration_ns < 0 || !event->kind)
		return jm_writer_keep(w, JM_E_INVALID, "an event has no kind, a negative duration or no such channel");
	if (is_too_long(event->kind) || (event->text && is_too_long(event->text)))
		return jm_writer_keep(w, JM_E_INVALID, "a text is longer than 16 MiB");
	rc = jm_writer_begin(w);
	if (rc)
		return rc;
	sqlite3_bind_int64(s, 1, event->t_ns);
	sqlite3_bind_int64(s, 2, event->duration_ns);
	jm_writer_bind_known(s, 3, event->channel >= 0, event->channel);
	jm_writer_bind_text(s, 4, event->kind);
	jm_writer_bind_text(s, 5, event->text ? event->text : "");
	return jm_writer_step(w, JM_STATEMENT_EVENT);
}


static int prepare_all(struct jm_writer *w, struct jm_error *err)
{
#define SQL(name, sql) sql,
	static const char *const texts[] = {JM_STATEMENT_LIST(SQL)};
#undef SQL
	int i, rc;

	for (i = 0; i < JM_N_STATEMENTS; i++) {
		rc = sqlite3_prepare_v3(w->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &w->statements[i], NULL);
		if (rc != SQLITE_OK)
			return jm_schema_error(w->db, rc, err, "cannot prepare to write");
	}
	return 0;
}

/* The schema goes in by rollback journal, so that it is in the file itself before the first write to the -wal.
 * Page size 8192: measured, rows per second are the same as with 4096, bytes per row 2 % fewer. A cache of 1 MiB is
 * enough for appending. synchronous NORMAL: SQLite waits for the disk at checkpoints only, and a commit survives the
 * death of the process in any case. The checkpoint every 1000 pages bounds -wal to about 8 MiB. */
static int set_up(struct jm_writer *w, struct jm_error *err)
{
	char sql[400];
	int rc;

	sqlite3_busy_timeout(w->db, 5000);
	sqlite3_limit(w->db, SQLITE_LIMIT_LENGTH, JM_TEXT_BYTES_MAX);
	snprintf(sql, sizeof(sql),
		 "PRAGMA page_size = 8192; PRAGMA cache_size = -1024; PRAGMA mmap_size = 0; PRAGMA synchronous = OFF;"
		 "PRAGMA temp_store = MEMORY; PRAGMA application_id = %d; PRAGMA user_version = %d; BEGIN;",
		 JM_RECORDING_APPLICATION_ID, JM_RECORDING_SCHEMA);
	rc = jm_schema_exec(w->db, sql, err, w->path);
	if (rc == 0)
		rc = jm_schema_exec(w->db, jm_schema_sql, err, w->path);
	if (rc == 0)
		rc = jm_schema_exec(w->db,
				    "COMMIT; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
				    "PRAGMA wal_autocheckpoint = 1000;",
				    err, w->path);
	return rc ? rc : prepare_all(w, err);
}

static void destroy(struct jm_writer *w)
{
	int i;

	for (i = 0; i < JM_N_STATEMENTS; i++)
		sqlite3_finalize(w->statements[i]);
	sqlite3_close(w->db);
	jm_names_finish(&w->names);
	free(w->places);
	free(w->path);
	free(w);
}

int jm_writer_create(const char *path, bool overwrite, struct jm_writer **out, struct jm_error *err)
{
	struct jm_writer *w;
	int rc = jm_recording_file_create(path, overwrite, err);

	if (rc)
		return rc;
	w = calloc(1, sizeof(*w));
	if (w)
		w->path = jm_recording_file_plain(path);
	if (!w || !w->path) {
		free(w);
		jm_recording_file_remove(path);
		return jm_error_set(err, JM_E_NOMEM, "cannot create %s", path);
	}
	rc = sqlite3_open_v2(w->path, &w->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	rc = rc == SQLITE_OK ? set_up(w, err) : jm_schema_error(w->db, rc, err, path);
	if (rc) {
		destroy(w);
		jm_recording_file_remove(path);
		return rc;
	}
	*out = w;
	return 0;
}

/* Brings all into the one file and leaves WAL mode, so that the file can be copied and read where nothing can be
 * written. A reader that has it open meanwhile keeps it in WAL mode, which is no error: all is in the file. */
static void make_single_file(struct jm_writer *w)
{
	int rc = sqlite3_wal_checkpoint_v2(w->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

	if (rc != SQLITE_OK && rc != SQLITE_BUSY) {
		fail(w, sqlite3_extended_errcode(w->db));
		return;
	}
	if (rc == SQLITE_OK)
		/* One page is rewritten; the data are on the disk by now. */
		sqlite3_exec(w->db, "PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE;", NULL, NULL, NULL);
}

int jm_writer_close(struct jm_writer *w, struct jm_error *err)
{
	int rc, i;

	if (!w)
		return 0;
	if (!w->is_failed && jm_writer_begin(w) == 0 && jm_writer_set_own_meta(w, JM_META_CLOSED, 1) == 0)
		jm_writer_commit(w);
	if (w->is_failed && !sqlite3_get_autocommit(w->db))
		sqlite3_exec(w->db, "ROLLBACK", NULL, NULL, NULL);
	for (i = 0; i < JM_N_STATEMENTS; i++) {
		sqlite3_finalize(w->statements[i]);
		w->statements[i] = NULL;
	}
	sqlite3_busy_timeout(w->db, 500);
	make_single_file(w);
	rc = jm_writer_status(w, err);
	destroy(w);
	return rc;
}
