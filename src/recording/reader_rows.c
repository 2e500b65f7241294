/* Samples out of a recording. reader_spans.c has the spans. */
#include "recording/reader.h"

#include "core/grow.h"
#include "recording/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A time that is no integer is never left out: it has to be seen as damage. */
#define IN_RANGE "((t >= ?1 AND t < ?2) OR typeof(t) <> 'integer')"

/* Samples of the channels [first, first + n) as they are loaded. */
struct loading {
	struct jm_sample *samples[JM_GROUP_CHANNELS_MAX];
	size_t n[JM_GROUP_CHANNELS_MAX], capacity[JM_GROUP_CHANNELS_MAX];
	uint16_t first_channel, n_channels;
	int64_t time_origin_ns, device_origin_us;
};

int jm_reader_load_origin(struct jm_recording *r, const char *key, int64_t *out, struct jm_error *err)
{
	struct jm_rows rows;

	*out = 0;
	jm_rows_begin(&rows, r, "meta", "SELECT value FROM meta WHERE key = ?", err);
	if (rows.rc == 0)
		sqlite3_bind_text(rows.statement, 1, key, -1, SQLITE_STATIC);
	if (jm_rows_next(&rows))
		*out = jm_rows_i64(&rows, 0, -JM_READER_TIME_MAX, JM_READER_TIME_MAX);
	return jm_rows_end(&rows);
}

static bool append(struct jm_rows *rows, struct loading *l, size_t i, const struct jm_sample *sample)
{
	if (!jm_grow(&l->samples[i], &l->capacity[i], l->n[i], sizeof(*sample))) {
		rows->rc = jm_error_set(rows->err, JM_E_NOMEM, "out of memory reading samples of %s", rows->r->path);
		return false;
	}
	l->samples[i][l->n[i]++] = *sample;
	return true;
}

/* Columns 0, 1, 2: t, half_width_ns, device. */
static bool read_times(struct jm_rows *rows, const struct loading *l, struct jm_sample *out)
{
	memset(out, 0, sizeof(*out));
	out->half_width_ns = (uint32_t)jm_rows_i64(rows, 1, 0, UINT32_MAX);
	if (sqlite3_column_type(rows->statement, 2) != SQLITE_NULL &&
	    __builtin_add_overflow(jm_rows_i64(rows, 2, INT64_MIN, INT64_MAX), l->device_origin_us, &out->device_us))
		return jm_rows_bad(rows, "a device time is out of range");
	out->t_ns = jm_rows_time(rows, 0, l->time_origin_ns);
	return rows->rc == 0;
}

static bool read_value(struct jm_rows *rows, int column, struct jm_sample *out)
{
	bool is_gap = sqlite3_column_type(rows->statement, column) == SQLITE_NULL;

	out->status = is_gap ? JM_SAMPLE_GAP : JM_SAMPLE_OK;
	out->value = is_gap ? 0 : jm_rows_i64(rows, column, INT64_MIN, INT64_MAX);
	return rows->rc == 0;
}

/* A time of the recording relative to the origin; what cannot be is brought to the nearest that can. */
static int64_t relative(int64_t t_ns, int64_t origin_ns)
{
	int64_t out;

	if (__builtin_sub_overflow(t_ns, origin_ns, &out))
		return origin_ns > 0 ? INT64_MIN : INT64_MAX;
	return out;
}

static void bind_range(struct jm_rows *rows, const struct loading *l, int64_t from_ns, int64_t to_ns)
{
	if (rows->rc)
		return;
	sqlite3_bind_int64(rows->statement, 1, relative(from_ns, l->time_origin_ns));
	sqlite3_bind_int64(rows->statement, 2, relative(to_ns, l->time_origin_ns));
}

static int load_single(struct jm_recording *r, struct loading *l, int64_t from_ns, int64_t to_ns, struct jm_error *err)
{
	struct jm_rows rows;
	struct jm_sample sample;

	jm_rows_begin(&rows, r, "sample_one",
		      "SELECT t, half_width_ns, device, value, channel FROM sample_one"
		      " WHERE " IN_RANGE " AND channel BETWEEN ?3 AND ?4",
		      err);
	bind_range(&rows, l, from_ns, to_ns);
	if (rows.rc == 0) {
		sqlite3_bind_int(rows.statement, 3, l->first_channel);
		sqlite3_bind_int(rows.statement, 4, l->first_channel + l->n_channels - 1);
	}
	while (jm_rows_next(&rows)) {
		int64_t channel =
		    jm_rows_i64(&rows, 4, l->first_channel, (int64_t)l->first_channel + l->n_channels - 1);

		if (!read_times(&rows, l, &sample) || !read_value(&rows, 3, &sample))
			break;
		sample.channel = (uint16_t)channel;
		if (!append(&rows, l, (size_t)channel - l->first_channel, &sample))
			break;
	}
	return jm_rows_end(&rows);
}

/* sensor: has at most JM_GROUP_CHANNELS_MAX channels, those of l among them. */
static int load_group(struct jm_recording *r, size_t sensor, struct loading *l, int64_t from_ns, int64_t to_ns,
		      struct jm_error *err)
{
	unsigned first_column = (unsigned)l->first_channel - r->sensors[sensor].first_channel;
	struct jm_rows rows;
	struct jm_sample sample;
	char sql[320];
	unsigned i;
	int n;

	n = snprintf(sql, sizeof(sql), "SELECT t, half_width_ns, device");
	for (i = 0; i < l->n_channels; i++)
		n += snprintf(sql + n, sizeof(sql) - (size_t)n, ", v%u", first_column + i);
	snprintf(sql + n, sizeof(sql) - (size_t)n, " FROM sample_group WHERE " IN_RANGE " AND sensor = ?3");
	jm_rows_begin(&rows, r, "sample_group", sql, err);
	bind_range(&rows, l, from_ns, to_ns);
	if (rows.rc == 0)
		sqlite3_bind_int64(rows.statement, 3, (int64_t)sensor);
	while (jm_rows_next(&rows) && read_times(&rows, l, &sample)) {
		for (i = 0; i < l->n_channels; i++) {
			sample.channel = (uint16_t)(l->first_channel + i);
			if (!read_value(&rows, 3 + (int)i, &sample) || !append(&rows, l, i, &sample))
				break;
		}
	}
	return jm_rows_end(&rows);
}

static int compare_samples(const void *a, const void *b)
{
	const struct jm_sample *x = a, *y = b;

	return (x->t_ns > y->t_ns) - (x->t_ns < y->t_ns);
}

/* Gives the sensor of a channel, or n_sensors. */
static size_t sensor_of(const struct jm_recording *r, uint16_t channel)
{
	size_t i;

	for (i = 0; i < r->n_sensors; i++)
		if (channel >= r->sensors[i].first_channel &&
		    channel - r->sensors[i].first_channel < r->sensors[i].n_channels)
			break;
	return i;
}

static int load(struct jm_recording *r, struct loading *l, int64_t from_ns, int64_t to_ns, struct jm_error *err)
{
	size_t sensor = sensor_of(r, l->first_channel);
	bool has_group = sensor < r->n_sensors && r->sensors[sensor].n_channels > 1 &&
			 r->sensors[sensor].n_channels <= JM_GROUP_CHANNELS_MAX;
	int rc;
	size_t i;

	rc = jm_reader_load_origin(r, JM_META_TIME_ORIGIN, &l->time_origin_ns, err);
	if (rc == 0)
		rc = jm_reader_load_origin(r, JM_META_DEVICE_ORIGIN, &l->device_origin_us, err);
	if (rc == 0 && has_group)
		rc = load_group(r, sensor, l, from_ns, to_ns, err);
	if (rc == 0)
		rc = load_single(r, l, from_ns, to_ns, err);
	for (i = 0; rc == 0 && i < l->n_channels; i++) {
		rc = jm_recording_sort(l->samples[i], l->n[i], sizeof(struct jm_sample), compare_samples);
		if (rc)
			jm_error_set(err, rc, "out of memory reading samples of %s", r->path);
	}
	for (i = 0; rc && i < l->n_channels; i++)
		free(l->samples[i]);
	return rc;
}

int jm_reader_begin(struct jm_recording *r, struct jm_error *err)
{
	return jm_schema_exec(r->db, "BEGIN", err, r->path);
}

void jm_reader_end(struct jm_recording *r)
{
	sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
}

int jm_recording_samples(struct jm_recording *r, uint16_t channel, int64_t from_ns, int64_t to_ns,
			 struct jm_sample **out, size_t *n_out, struct jm_error *err)
{
	struct loading l = {.first_channel = channel, .n_channels = 1};
	int rc;

	if (channel >= r->n_channels)
		return jm_error_set(err, JM_E_INVALID, "%s has no channel %u", r->path, channel);
	jm_reader_update_size(r);
	rc = jm_reader_begin(r, err);
	if (rc)
		return rc;
	rc = load(r, &l, from_ns, to_ns, err);
	jm_reader_end(r);
	if (rc)
		return rc;
	*out = l.samples[0];
	*n_out = l.n[0];
	return 0;
}

int jm_recording_sensor_samples(struct jm_recording *r, size_t sensor, int64_t from_ns, int64_t to_ns,
				struct jm_sample *out[], size_t n_out[], struct jm_error *err)
{
	struct loading l = {0};
	int rc;

	if (sensor >= r->n_sensors || r->sensors[sensor].n_channels > JM_GROUP_CHANNELS_MAX)
		return jm_error_set(err, JM_E_INVALID, "%s has no sensor %zu of at most %d channels", r->path, sensor,
				    JM_GROUP_CHANNELS_MAX);
	l.first_channel = r->sensors[sensor].first_channel;
	l.n_channels = r->sensors[sensor].n_channels;
	if (l.n_channels == 0)
		return 0;
	jm_reader_update_size(r);
	rc = jm_reader_begin(r, err);
	if (rc)
		return rc;
	rc = load(r, &l, from_ns, to_ns, err);
	jm_reader_end(r);
	if (rc)
		return rc;
	memcpy(out, l.samples, l.n_channels * sizeof(out[0]));
	memcpy(n_out, l.n, l.n_channels * sizeof(n_out[0]));
	return 0;
}

/* Widens [*first, *last] to the times of a table. */
static int widen(struct jm_recording *r, const char *table, const char *sql, int64_t *first, int64_t *last)
{
	struct jm_rows rows;

	jm_rows_begin(&rows, r, table, sql, NULL);
	if (jm_rows_next(&rows)) {
		int64_t low = jm_rows_i64_or(&rows, 0, INT64_MIN, INT64_MAX, INT64_MAX);
		int64_t high = jm_rows_i64_or(&rows, 1, INT64_MIN, INT64_MAX, INT64_MIN);

		*first = low < *first ? low : *first;
		*last = high > *last ? high : *last;
	}
	return jm_rows_end(&rows);
}

static int load_extent(struct jm_recording *r, int64_t *first_ns_out, int64_t *last_ns_out)
{
	int64_t first = INT64_MAX, last = INT64_MIN, origin_ns;
	int rc = jm_reader_load_origin(r, JM_META_TIME_ORIGIN, &origin_ns, NULL);

	if (rc == 0)
		rc = widen(r, "sample_one", "SELECT min(t), max(t) FROM sample_one", &first, &last);
	if (rc == 0)
		rc = widen(r, "sample_group", "SELECT min(t), max(t) FROM sample_group", &first, &last);
	if (rc)
		return rc;
	if (first > last)
		return JM_E_NOT_FOUND;
	if (__builtin_add_overflow(first, origin_ns, &first) || __builtin_add_overflow(last, origin_ns, &last) ||
	    first < -JM_READER_TIME_MAX || last > JM_READER_TIME_MAX)
		return JM_E_FORMAT;
	*first_ns_out = first;
	*last_ns_out = last;
	return 0;
}

int jm_recording_extent(struct jm_recording *r, int64_t *first_ns_out, int64_t *last_ns_out)
{
	int rc;

	jm_reader_update_size(r);
	rc = jm_reader_begin(r, NULL);
	if (rc)
		return rc;
	rc = load_extent(r, first_ns_out, last_ns_out);
	jm_reader_end(r);
	return rc;
}

int jm_recording_first_span(struct jm_recording *r, int64_t *start_ns_out)
{
	int64_t first = INT64_MAX, last = INT64_MIN, origin_ns;
	int rc = jm_reader_load_origin(r, JM_META_TIME_ORIGIN, &origin_ns, NULL);

	if (rc == 0)
		rc = widen(r, "span", "SELECT min(start), max(start) FROM span", &first, &last);
	if (rc)
		return rc;
	if (first > last)
		return JM_E_NOT_FOUND;
	if (__builtin_add_overflow(first, origin_ns, &first) || first < -JM_READER_TIME_MAX ||
	    first > JM_READER_TIME_MAX)
		return JM_E_FORMAT;
	*start_ns_out = first;
	return 0;
}

int jm_recording_load_shapes(struct jm_recording *r, struct jm_error *err)
{
	struct jm_rows rows;
	int64_t found = 0;
	int kept = 0, rc = jm_reader_has_table(r, "shape", &found, err);

	if (rc || found != 1)
		return rc;
	jm_rows_begin(&rows, r, "shape", "SELECT name, text FROM shape", err);
	while (kept == 0 && jm_rows_next(&rows)) {
		int64_t name = jm_rows_i64(&rows, 0, 0, (int64_t)UINT32_MAX);
		char *text = rows.rc ? NULL : jm_rows_text_dup(&rows, 1);

		/* Names that came since the recording was opened are not looked at. */
		if (text && (uint64_t)name < r->names.n)
			kept = jm_names_set_shapes(&r->names, (uint32_t)name, text);
		free(text);
	}
	rc = jm_rows_end(&rows);
	return rc || kept == 0 ? rc : jm_error_set(err, kept, "no memory for the layers' shapes");
}
