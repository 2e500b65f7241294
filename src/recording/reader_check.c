/* Is it a recording, of a schema that is known, whose channels refer to each other sensibly? */
#include "recording/reader.h"

#include <stdio.h>
#include <stdlib.h>

#include "recording/schema.h"

static int parent_of(const struct jm_channel *c)
{
	return c->part_of;
}

static int twin_of(const struct jm_channel *c)
{
	return c->same_as;
}

/* Says whether every chain of references stays within the channels and ends. Marks what is known to end, so that each
 * channel is walked over about twice. */
static bool references_end(const struct jm_recording *r, int (*next)(const struct jm_channel *), uint32_t *seen)
{
	size_t i;

	for (i = 0; i < r->n_channels; i++) {
		int64_t c = (int64_t)i;

		/* seen: the walk, from 1, that came here first. Meeting the present walk again is a circle. */
		while (c >= 0 && (size_t)c < r->n_channels && seen[c] == 0) {
			seen[c] = (uint32_t)i + 1;
			c = next(&r->channels[c]);
		}
		if (c >= 0 && ((size_t)c >= r->n_channels || seen[c] == i + 1))
			return false;
	}
	return true;
}

int jm_reader_check_references(struct jm_recording *r, struct jm_error *err)
{
	uint32_t *seen = calloc(r->n_channels * 2 + 1, sizeof(*seen));
	bool is_good;

	if (!seen)
		return jm_error_set(err, JM_E_NOMEM, "out of memory opening %s", r->path);
	is_good = references_end(r, parent_of, seen) && references_end(r, twin_of, seen + r->n_channels);
	free(seen);
	if (!is_good)
		return jm_error_set(err, JM_E_FORMAT, "%s is damaged: table channel: part_of or same_as leads nowhere",
				    r->path);
	return 0;
}

static int pragma_i64(struct jm_recording *r, const char *sql, int64_t *out, struct jm_error *err)
{
	struct jm_rows rows;

	jm_rows_begin(&rows, r, "sqlite_schema", sql, err);
	*out = jm_rows_next(&rows) ? jm_rows_i64(&rows, 0, INT64_MIN, INT64_MAX) : 0;
	return jm_rows_end(&rows);
}

int jm_reader_has_table(struct jm_recording *r, const char *name, int64_t *found, struct jm_error *err)
{
	char sql[200];

	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND name = '%s'", name);
	return pragma_i64(r, sql, found, err);
}

/* Says whether anything is called so. A view or virtual table of a table's name could run forever or call what it likes. */
static int is_taken(struct jm_recording *r, const char *name, int64_t *out, struct jm_error *err)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM sqlite_master WHERE name = '%s'", name);
	return pragma_i64(r, sql, out, err);
}

static int no_table(struct jm_recording *r, const char *name, struct jm_error *err)
{
	return jm_error_set(err, JM_E_FORMAT, "%s is damaged: it has no table %s", r->path, name);
}

static int check_tables(struct jm_recording *r, struct jm_error *err)
{
	int64_t n_tables = 0, n_named = 0, n_later = 0;
	int i, rc;

	for (i = 0; jm_schema_tables[i]; i++) {
		rc = jm_reader_has_table(r, jm_schema_tables[i], &n_tables, err);
		if (rc || n_tables != 1)
			return rc ? rc : no_table(r, jm_schema_tables[i], err);
	}
	/* All of the later ones, or none. */
	for (i = 0; jm_schema_later_tables[i]; i++) {
		rc = jm_reader_has_table(r, jm_schema_later_tables[i], &n_tables, err);
		rc = rc ? rc : is_taken(r, jm_schema_later_tables[i], &n_named, err);
		if (rc || n_tables != n_named || n_tables > 1 || n_later != (n_tables ? i : 0))
			return rc ? rc : no_table(r, jm_schema_later_tables[i], err);
		n_later += n_tables;
	}
	r->has_processes = n_later > 0;
	return 0;
}

int jm_reader_check_version(struct jm_recording *r, struct jm_error *err)
{
	int64_t id, version;
	int rc = pragma_i64(r, "PRAGMA application_id", &id, err);

	if (rc == 0)
		rc = pragma_i64(r, "PRAGMA user_version", &version, err);
	if (rc)
		return rc;
	if (id != JM_RECORDING_APPLICATION_ID || version < 1)
		return jm_error_set(err, JM_E_FORMAT, "%s is not a joulemap recording", r->path);
	if (version > JM_RECORDING_SCHEMA) {
		jm_error_set(err, JM_E_VERSION, "%s has schema %lld; this joulemap reads up to %d", r->path,
			     (long long)version, JM_RECORDING_SCHEMA);
		jm_error_remedy(err, "use a newer joulemap");
		return JM_E_VERSION;
	}
	return check_tables(r, err);
}
