/* The reading half of a recording: opening, and all that is loaded at once. reader_rows.c loads samples, reader_spans.c spans. */
#include "recording/reader.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/grow.h"
#include "core/text.h"
#include "recording/file.h"
#include "recording/schema.h"

/* Adds one to *n entries of *items. Gives the new entry, zeroed, or NULL with rows->rc set. */
static void *add_entry(struct jm_rows *rows, void *items, size_t *n, size_t *capacity, size_t size)
{
	char *base;

	if (!jm_grow(items, capacity, *n, size)) {
		rows->rc = jm_error_set(rows->err, JM_E_NOMEM, "out of memory opening %s", rows->r->path);
		return NULL;
	}
	memcpy(&base, items, sizeof(base));
	memset(base + *n * size, 0, size);
	return base + (*n)++ * size;
}

static void load_meta_value(struct jm_rows *rows, struct jm_meta_entry *entry)
{
	char text[32];

	switch (sqlite3_column_type(rows->statement, 1)) {
	case SQLITE_TEXT:
		entry->type = JM_META_TEXT;
		entry->text = jm_rows_text_dup(rows, 1);
		return;
	case SQLITE_INTEGER:
		entry->type = JM_META_I64;
		entry->i64 = sqlite3_column_int64(rows->statement, 1);
		snprintf(text, sizeof(text), "%" PRId64, entry->i64);
		break;
	case SQLITE_FLOAT:
		entry->type = JM_META_DOUBLE;
		entry->number = sqlite3_column_double(rows->statement, 1);
		if (!isfinite(entry->number)) {
			jm_rows_bad(rows, "a number is not finite");
			return;
		}
		text[jm_text_shortest(entry->number, text)] = '\0';
		break;
	default:
		jm_rows_bad(rows, "a value is neither text nor number");
		return;
	}
	entry->text = strdup(text);
	if (!entry->text)
		rows->rc = jm_error_set(rows->err, JM_E_NOMEM, "out of memory opening %s", rows->r->path);
}

static int load_metas(struct jm_recording *r, struct jm_error *err)
{
	struct jm_meta_entry *entry;
	size_t capacity = 0;
	struct jm_rows rows;

	jm_rows_begin(&rows, r, "meta", "SELECT key, value FROM meta WHERE value IS NOT NULL", err);
	while (jm_rows_next(&rows)) {
		entry = add_entry(&rows, &r->metas, &r->n_metas, &capacity, sizeof(*entry));
		if (!entry)
			break;
		entry->key = jm_rows_text_dup(&rows, 0);
		load_meta_value(&rows, entry);
	}
	return jm_rows_end(&rows);
}

/* Gives which of n texts stands in column; notes an error if none does. */
static int parse_choice(struct jm_rows *rows, int column, const char *const *texts, size_t n)
{
	char text[32];
	size_t i;

	jm_rows_text(rows, column, text, sizeof(text));
	for (i = 0; i < n; i++)
		if (strcmp(text, texts[i]) == 0)
			return (int)i;
	jm_rows_bad(rows, "a word is not one that this version knows");
	return 0;
}

#define TEXT(name, text, ...) text,
#define CHOICE(rows, column, LIST) choose_##LIST(rows, column)
#define CHOOSE(LIST)                                                                                                   \
	static int choose_##LIST(struct jm_rows *rows, int column)                                                     \
	{                                                                                                              \
		static const char *const texts[] = {LIST(TEXT)};                                                       \
		return parse_choice(rows, column, texts, sizeof(texts) / sizeof(texts[0]));                            \
	}
CHOOSE(JM_QUANTITY_LIST)
CHOOSE(JM_KIND_LIST)
CHOOSE(JM_STATE_LIST)
CHOOSE(JM_DOMAIN_LIST)

static double load_fraction(struct jm_rows *rows, int column)
{
	int type = sqlite3_column_type(rows->statement, column);
	double value = sqlite3_column_double(rows->statement, column);

	if (type == SQLITE_NULL)
		return -1;
	if ((type != SQLITE_FLOAT && type != SQLITE_INTEGER) || !isfinite(value) || value < 0)
		jm_rows_bad(rows, "an accuracy is no number");
	return value;
}

/* Columns in the order of load_channels' SELECT. */
static void load_channel(struct jm_rows *rows, struct jm_channel *c)
{
	jm_rows_text(rows, 1, c->name, sizeof(c->name));
	jm_rows_text(rows, 2, c->label, sizeof(c->label));
	c->quantity = CHOICE(rows, 3, JM_QUANTITY_LIST);
	c->kind = CHOICE(rows, 4, JM_KIND_LIST);
	c->state = CHOICE(rows, 5, JM_STATE_LIST);
	c->domain = CHOICE(rows, 6, JM_DOMAIN_LIST);
	c->part_of = (int)jm_rows_i64_or(rows, 7, 0, UINT16_MAX, -1);
	c->same_as = (int)jm_rows_i64_or(rows, 8, 0, UINT16_MAX, -1);
	c->device = (int)jm_rows_i64(rows, 9, INT_MIN, INT_MAX);
	c->step = (uint64_t)jm_rows_i64_or(rows, 10, 0, INT64_MAX, 0);
	c->wrap = (uint64_t)jm_rows_i64_or(rows, 11, 0, INT64_MAX, 0);
	c->update_period_ns = jm_rows_i64_or(rows, 12, 0, JM_READER_DURATION_MAX, 0);
	c->window_ns = jm_rows_i64_or(rows, 13, 0, JM_READER_DURATION_MAX, 0);
	c->lowpass_ns = jm_rows_i64_or(rows, 14, 0, JM_READER_DURATION_MAX, 0);
	c->lag_ns = jm_rows_i64_or(rows, 15, -JM_READER_DURATION_MAX, JM_READER_DURATION_MAX, 0);
	c->accuracy_fraction = load_fraction(rows, 16);
	c->accuracy_offset_w = load_fraction(rows, 17);
	c->bound_low_uw = jm_rows_i64_or(rows, 18, INT64_MIN, INT64_MAX, 0);
	c->bound_high_uw = jm_rows_i64_or(rows, 19, INT64_MIN, INT64_MAX, 0);
	jm_rows_text(rows, 20, c->reason, sizeof(c->reason));
	jm_rows_text(rows, 21, c->remedy, sizeof(c->remedy));
}

static int load_channels(struct jm_recording *r, struct jm_error *err)
{
	struct jm_channel *c;
	size_t capacity = 0;
	struct jm_rows rows;
	int rc;

	jm_rows_begin(&rows, r, "channel",
		      "SELECT id, name, label, quantity, kind, state, domain, part_of, same_as, device, step, wrap,"
		      " update_period_ns, window_ns, lowpass_ns, lag_ns, accuracy_fraction, accuracy_offset_w,"
		      " bound_low_uw, bound_high_uw, reason, remedy FROM channel ORDER BY id",
		      err);
	while (jm_rows_next(&rows)) {
		/* Indices are the ids: without holes, from 0. */
		jm_rows_i64(&rows, 0, (int64_t)r->n_channels, (int64_t)r->n_channels);
		if (r->n_channels == UINT16_MAX)
			jm_rows_bad(&rows, "too many channels");
		c = rows.rc ? NULL : add_entry(&rows, &r->channels, &r->n_channels, &capacity, sizeof(*c));
		if (c)
			load_channel(&rows, c);
	}
	rc = jm_rows_end(&rows);
	return rc ? rc : jm_reader_check_references(r, err);
}

static int load_sensors(struct jm_recording *r, struct jm_error *err)
{
	struct jm_recording_sensor *s;
	size_t capacity = 0;
	struct jm_rows rows;
	int64_t first_free = 0;

	/* Sensors need not be in the order of their channels; that none overlap is seen in that order. */
	jm_rows_begin(&rows, r, "sensor", "SELECT first_channel, n_channels FROM sensor ORDER BY first_channel", err);
	while (jm_rows_next(&rows)) {
		int64_t n = jm_rows_i64(&rows, 1, 0, (int64_t)r->n_channels);

		if (n > 0)
			first_free = n + jm_rows_i64(&rows, 0, first_free, (int64_t)r->n_channels - n);
	}
	if (jm_rows_end(&rows))
		return rows.rc;
	jm_rows_begin(&rows, r, "sensor",
		      "SELECT id, name, driver, first_channel, n_channels FROM sensor ORDER BY id", err);
	while (jm_rows_next(&rows)) {
		jm_rows_i64(&rows, 0, (int64_t)r->n_sensors, (int64_t)r->n_sensors);
		s = rows.rc ? NULL : add_entry(&rows, &r->sensors, &r->n_sensors, &capacity, sizeof(*s));
		if (!s)
			break;
		jm_rows_text(&rows, 1, s->name, sizeof(s->name));
		jm_rows_text(&rows, 2, s->driver, sizeof(s->driver));
		s->first_channel = (uint16_t)jm_rows_i64(&rows, 3, 0, UINT16_MAX);
		s->n_channels = (uint16_t)jm_rows_i64(&rows, 4, 0, UINT16_MAX);
	}
	return jm_rows_end(&rows);
}

static int load_ledgers(struct jm_recording *r, struct jm_error *err)
{
	struct jm_rows rows;

	r->ledgers = calloc(r->n_channels + 1, sizeof(*r->ledgers));
	r->has_ledger = calloc(r->n_channels + 1, sizeof(*r->has_ledger));
	if (!r->ledgers || !r->has_ledger)
		return jm_error_set(err, JM_E_NOMEM, "out of memory opening %s", r->path);
	jm_rows_begin(&rows, r, "ledger",
		      "SELECT channel, expected, taken, late, missed, repeated, longest_gap_ns, first_ns, last_ns,"
		      " cpu_ns, period_ns FROM ledger",
		      err);
	while (jm_rows_next(&rows)) {
		/* Without channels there is no valid value, and the range -1..-1 says so. */
		int64_t channel = jm_rows_i64(&rows, 0, r->n_channels ? 0 : -1, (int64_t)r->n_channels - 1);
		struct jm_ledger *l = &r->ledgers[channel < 0 ? 0 : channel];

		l->expected = (uint64_t)jm_rows_i64(&rows, 1, 0, INT64_MAX);
		l->taken = (uint64_t)jm_rows_i64(&rows, 2, 0, INT64_MAX);
		l->late = (uint64_t)jm_rows_i64(&rows, 3, 0, INT64_MAX);
		l->missed = (uint64_t)jm_rows_i64(&rows, 4, 0, INT64_MAX);
		l->repeated = (uint64_t)jm_rows_i64(&rows, 5, 0, INT64_MAX);
		l->longest_gap_ns = jm_rows_i64(&rows, 6, 0, JM_READER_TIME_MAX);
		l->first_ns = jm_rows_time(&rows, 7, 0);
		l->last_ns = jm_rows_time(&rows, 8, 0);
		l->cpu_ns = jm_rows_i64(&rows, 9, 0, JM_READER_TIME_MAX);
		l->period_ns = jm_rows_i64(&rows, 10, 0, JM_READER_TIME_MAX);
		r->has_ledger[channel < 0 ? 0 : channel] = true;
	}
	return jm_rows_end(&rows);
}

static int load_events(struct jm_recording *r, struct jm_error *err)
{
	struct jm_event *e;
	size_t capacity = 0;
	struct jm_rows rows;

	jm_rows_begin(&rows, r, "event",
		      "SELECT t_ns, duration_ns, channel, kind, text FROM event ORDER BY t_ns, id", err);
	while (jm_rows_next(&rows)) {
		e = add_entry(&rows, &r->events, &r->n_events, &capacity, sizeof(*e));
		if (!e)
			break;
		e->t_ns = jm_rows_time(&rows, 0, 0);
		e->duration_ns = jm_rows_i64(&rows, 1, 0, JM_READER_DURATION_MAX);
		e->channel = (int32_t)jm_rows_i64_or(&rows, 2, 0, (int64_t)r->n_channels - 1, -1);
		e->kind = jm_rows_text_dup(&rows, 3);
		e->text = jm_rows_text_dup(&rows, 4);
	}
	return jm_rows_end(&rows);
}

int jm_reader_load_names(struct jm_recording *r, struct jm_error *err)
{
	struct jm_rows rows;

	jm_rows_begin(&rows, r, "name", "SELECT id, text, type FROM name WHERE id >= ?1 ORDER BY id", err);
	if (rows.rc == 0)
		sqlite3_bind_int64(rows.statement, 1, (int64_t)r->names.n);
	while (jm_rows_next(&rows)) {
		int64_t id = jm_rows_i64(&rows, 0, (int64_t)r->names.n, (int64_t)r->names.n);
		char *text = jm_rows_text_dup(&rows, 1);
		char *type = jm_rows_text_dup(&rows, 2);
		uint32_t index = 0;

		if (text && type && rows.rc == 0) {
			rows.rc = jm_names_add(&r->names, text, strlen(text), type, strlen(type), &index);
			if (rows.rc)
				jm_error_set(err, rows.rc, "out of memory opening %s", r->path);
			else if (index != id)
				jm_rows_bad(&rows, "a name is there twice");
		}
		free(text);
		free(type);
	}
	return jm_rows_end(&rows);
}

static int load_all(struct jm_recording *r, struct jm_error *err)
{
	int rc = load_metas(r, err);

	if (rc == 0)
		rc = load_channels(r, err);
	if (rc == 0)
		rc = load_sensors(r, err);
	if (rc == 0)
		rc = load_ledgers(r, err);
	if (rc == 0)
		rc = load_events(r, err);
	return rc ? rc : jm_reader_load_names(r, err);
}

void jm_reader_update_size(struct jm_recording *r)
{
	int64_t size, wal;

	/* A copy is unlinked and does not grow. */
	if (!r->copy && jm_recording_file_check(r->path, &size, &wal, NULL) == 0)
		r->size_bytes = size;
}

/* What a file that was made to harm could do is switched off before its first page is read. needs_copy_out: SQLite
 * found no way to read the -wal where it lies. */
static int open_database(struct jm_recording *r, const char *path, int flags, bool *needs_copy_out,
			 struct jm_error *err)
{
	char what[300];
	int rc = sqlite3_open_v2(path, &r->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	*needs_copy_out = false;
	if (rc != SQLITE_OK)
		return jm_schema_error(r->db, rc, err, r->path);
	sqlite3_busy_timeout(r->db, 2000);
	sqlite3_limit(r->db, SQLITE_LIMIT_LENGTH, JM_TEXT_BYTES_MAX);
	sqlite3_db_config(r->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_exec(r->db,
		     "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
		     "PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY",
		     NULL, NULL, NULL);
	rc = sqlite3_exec(r->db, "BEGIN; SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return 0;
	rc = sqlite3_extended_errcode(r->db);
	*needs_copy_out =
	    (rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_READONLY || (rc & 0xff) == SQLITE_PERM;
	snprintf(what, sizeof(what), "%.200s is not a recording, or damaged", r->path);
	return jm_schema_error(r->db, rc, err, what);
}

/* After a kill the last data lie in the -wal, and SQLite has to write a file beside it to read them. Where that is not
 * allowed, a copy is read. */
static int open_copy(struct jm_recording *r, struct jm_error *err)
{
	bool needs_copy;
	int rc = jm_recording_file_copy(r->path, &r->copy, err);

	if (rc) {
		jm_error_remedy(err, "copy it and its -wal to a folder that you may write to, and open the copy");
		return rc;
	}
	sqlite3_close(r->db);
	r->db = NULL;
	/* SQLite may have to roll back what a writer began; the original stays as it is. */
	return open_database(r, r->copy, SQLITE_OPEN_READWRITE, &needs_copy, err);
}

static int open_and_load(struct jm_recording *r, struct jm_error *err)
{
	int64_t wal_bytes;
	bool needs_copy;
	int rc = jm_recording_file_check(r->path, &r->size_bytes, &wal_bytes, err);

	if (rc)
		return rc;
	rc = open_database(r, r->path, SQLITE_OPEN_READONLY, &needs_copy, err);
	if (rc && needs_copy)
		rc = open_copy(r, err);
	if (rc == 0)
		rc = jm_reader_check_version(r, err);
	if (rc == 0)
		rc = load_all(r, err);
	if (r->db)
		sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
	/* The descriptors stay open; nothing is left behind even if this process is killed. */
	jm_recording_file_discard(r->copy);
	return rc;
}

int jm_recording_open(const char *path, struct jm_recording **out, struct jm_error *err)
{
	struct jm_recording *r = calloc(1, sizeof(*r));
	int rc;

	if (r)
		r->path = jm_recording_file_plain(path);
	if (!r || !r->path) {
		free(r);
		return jm_error_set(err, JM_E_NOMEM, "cannot open %s", path);
	}
	rc = open_and_load(r, err);
	if (rc) {
		jm_recording_close(r);
		return rc;
	}
	*out = r;
	return 0;
}

void jm_recording_close(struct jm_recording *r)
{
	size_t i;

	if (!r)
		return;
	sqlite3_close(r->db);
	for (i = 0; i < r->n_metas; i++) {
		free(r->metas[i].key);
		free(r->metas[i].text);
	}
	for (i = 0; i < r->n_events; i++) {
		free((char *)r->events[i].kind);
		free((char *)r->events[i].text);
	}
	free(r->metas);
	free(r->events);
	free(r->sensors);
	free(r->channels);
	free(r->ledgers);
	free(r->has_ledger);
	jm_names_finish(&r->names);
	jm_recording_release_spans(r);
	free(r->copy);
	free(r->path);
	free(r);
}
