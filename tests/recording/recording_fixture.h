/* What the tests of the recording share: a scratch folder, a small set of sensors, a writer on it. */
#ifndef TESTS_RECORDING_FIXTURE_H
#define TESTS_RECORDING_FIXTURE_H

#include "recording/recording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#define T0 INT64_C(123456789012345)

struct scratch {
	char folder[200];
	char path[260];
};

static inline int scratch_set_up(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));
	const char *parent = getenv("TMPDIR");

	snprintf(s->folder, sizeof(s->folder), "%.150s/jm-test-XXXXXX", parent && parent[0] ? parent : "/tmp");
	if (!mkdtemp(s->folder))
		return -1;
	snprintf(s->path, sizeof(s->path), "%s/run.jmap", s->folder);
	*state = s;
	return 0;
}

static inline int scratch_tear_down(void **state)
{
	struct scratch *s = *state;
	DIR *d = opendir(s->folder);
	struct dirent *e;
	char path[520];

	while (d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", s->folder, e->d_name);
		if (unlink(path) != 0)
			rmdir(path);
	}
	if (d)
		closedir(d);
	rmdir(s->folder);
	free(s);
	return 0;
}

static inline size_t n_files(const char *folder)
{
	DIR *d = opendir(folder);
	size_t n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

/* Channel 0: a counter of its own sensor. Channels 1 to 3: a group. */
static inline void describe(struct jm_recording_sensor sensors[2], struct jm_channel channels[4])
{
	int i;

	memset(sensors, 0, 2 * sizeof(*sensors));
	snprintf(sensors[0].name, sizeof(sensors[0].name), "rapl_powercap/package-0");
	snprintf(sensors[0].driver, sizeof(sensors[0].driver), "rapl_powercap");
	sensors[0].n_channels = 1;
	snprintf(sensors[1].name, sizeof(sensors[1].name), "jetson/ina3221");
	snprintf(sensors[1].driver, sizeof(sensors[1].driver), "jetson");
	sensors[1].first_channel = 1;
	sensors[1].n_channels = 3;
	for (i = 0; i < 4; i++) {
		char name[32];

		snprintf(name, sizeof(name), "test/channel-%d", i);
		jm_channel_init(&channels[i], name);
	}
	channels[0].quantity = JM_QUANTITY_ENERGY;
	channels[0].kind = JM_KIND_COUNTER;
	channels[0].wrap = 262143328850;
	channels[0].step = 61;
	channels[2].part_of = 1;
	channels[3].part_of = 1;
}

static inline struct jm_writer *new_writer(const char *path)
{
	struct jm_recording_sensor sensors[2];
	struct jm_channel channels[4];
	struct jm_writer *w = NULL;
	struct jm_error err = {0};

	describe(sensors, channels);
	if (jm_writer_create(path, false, &w, &err))
		fail_msg("%s", err.message);
	assert_int_equal(jm_writer_sensors(w, sensors, 2, channels, 4), 0);
	return w;
}

static inline struct jm_recording *open_recording(const char *path)
{
	struct jm_recording *r = NULL;
	struct jm_error err = {0};

	if (jm_recording_open(path, &r, &err))
		fail_msg("%s", err.message);
	return r;
}

static inline struct jm_sample sample_of(uint16_t channel, int64_t t_ns, int64_t value)
{
	struct jm_sample s = {.t_ns = t_ns, .value = value, .half_width_ns = 700, .channel = channel};

	return s;
}

static inline void write_samples(struct jm_writer *w, const struct jm_sample *samples, size_t n)
{
	struct jm_sample_sink sink = jm_writer_sample_sink(w);

	assert_int_equal(sink.write(sink.ctx, samples, n), 0);
}

/* n readings of all four channels, one each ms. */
static inline void write_readings(struct jm_writer *w, int64_t first, int64_t n)
{
	int64_t i;

	for (i = first; i < first + n; i++) {
		int64_t t = T0 + i * 1000000;
		struct jm_sample s[4] = {sample_of(0, t, i * 10), sample_of(1, t + 5, i), sample_of(2, t + 5, i * 2),
					 sample_of(3, t + 5, i * 3)};

		write_samples(w, s, 4);
	}
}

static inline size_t count_samples(struct jm_recording *r, uint16_t channel)
{
	struct jm_sample *samples = NULL;
	struct jm_error err = {0};
	size_t n = 0;

	if (jm_recording_samples(r, channel, INT64_MIN, INT64_MAX, &samples, &n, &err))
		fail_msg("%s", err.message);
	free(samples);
	return n;
}

/* Runs SQL by a connection of its own. */
static inline void run_sql(const char *path, const char *sql)
{
	sqlite3 *db;
	char *message = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_close(db);
}

/* Gives the first column of the first row by a connection of its own. */
static inline double ask_sql(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *s;
	double value;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	value = sqlite3_column_double(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return value;
}

#endif
