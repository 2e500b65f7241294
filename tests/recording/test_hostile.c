/* Recordings made to harm: every one is refused with JM_E_FORMAT, none crashes. */
#include "recording_fixture.h"

static int open_code(const char *path)
{
	struct jm_recording *r = NULL;
	struct jm_error err = {0};
	int rc = jm_recording_open(path, &r, &err);

	assert_true(rc == 0 || err.message[0] != '\0');
	jm_recording_close(r);
	return rc;
}

static void write_good(const char *path)
{
	struct jm_writer *w = new_writer(path);
	struct jm_span_sink sink = jm_writer_span_sink(w);
	struct jm_span span = {.start_ns = T0, .end_ns = T0 + 10, .kind = JM_SPAN_LAYER};
	struct jm_ledger ledger = {0};
	struct jm_event event = {T0, 0, -1, "note", "text"};

	write_readings(w, 0, 3);
	assert_int_equal(sink.name(sink.ctx, "a", 1, "b", 1, &span.name), 0);
	assert_int_equal(sink.write(sink.ctx, &span, 1), 0);
	assert_int_equal(jm_writer_ledger(w, 0, &ledger), 0);
	assert_int_equal(jm_writer_event(w, &event), 0);
	assert_int_equal(jm_writer_meta(w, "key", "value"), 0);
	assert_int_equal(jm_writer_close(w, NULL), 0);
}

static void wrong_description_is_refused(void **state)
{
	static const char *const harms[] = {
	    "UPDATE meta SET value = x'00ff' WHERE key = 'key'",
	    "UPDATE meta SET value = 9e999 WHERE key = 'key'",
	    "UPDATE meta SET value = 'a' || char(0) || 'b' WHERE key = 'key'",
	    "INSERT INTO meta VALUES(x'41', 'blob key')",
	    "UPDATE channel SET id = 7 WHERE id = 3",
	    "UPDATE channel SET name = NULL || 1, label = x'31' WHERE 0; UPDATE channel SET label = x'31'",
	    "UPDATE channel SET name = hex(zeroblob(100)) WHERE id = 1",
	    "UPDATE channel SET reason = hex(zeroblob(5000000)) WHERE id = 1",
	    "UPDATE channel SET quantity = 'love' WHERE id = 1",
	    "UPDATE channel SET kind = '' WHERE id = 1",
	    "UPDATE channel SET part_of = 4 WHERE id = 1",
	    "UPDATE channel SET part_of = -2 WHERE id = 1",
	    "UPDATE channel SET part_of = 1 WHERE id = 1",
	    "UPDATE channel SET part_of = 3 WHERE id = 1",
	    "UPDATE channel SET same_as = id + 1 WHERE id < 3; UPDATE channel SET same_as = 0 WHERE id = 3",
	    "UPDATE channel SET wrap = -1 WHERE id = 0",
	    "UPDATE channel SET wrap = 1.5 WHERE id = 0",
	    "UPDATE channel SET update_period_ns = -5 WHERE id = 0",
	    "UPDATE channel SET accuracy_fraction = 9e999",
	    "UPDATE channel SET accuracy_fraction = 'much'",
	    "UPDATE channel SET device = 99999999999",
	    "UPDATE sensor SET first_channel = 2 WHERE id = 1",
	    "UPDATE sensor SET first_channel = 0 WHERE id = 1",
	    "UPDATE sensor SET first_channel = -1 WHERE id = 0",
	    "UPDATE sensor SET n_channels = -1 WHERE id = 0",
	    "UPDATE sensor SET n_channels = 70000 WHERE id = 0",
	    "UPDATE sensor SET id = 1000000 WHERE id = 1",
	    "UPDATE sensor SET driver = hex(zeroblob(40))",
	    "UPDATE ledger SET channel = 4",
	    "UPDATE ledger SET channel = -1",
	    "UPDATE ledger SET taken = -1",
	    "UPDATE ledger SET expected = 'all'",
	    "UPDATE event SET channel = 4",
	    "UPDATE event SET duration_ns = -1",
	    "UPDATE event SET t_ns = 0.5",
	    "UPDATE event SET kind = x'00'",
	    "UPDATE name SET id = 1",
	    "INSERT INTO name VALUES(1, 'a', 'b')",
	    "UPDATE name SET text = x'41'",
	    "DROP TABLE span",
	    "DROP VIEW sample; DROP TABLE span; CREATE VIEW span AS SELECT 1 AS start",
	    "DROP TABLE event; CREATE VIRTUAL TABLE event USING fts5(id, t_ns, duration_ns, channel, kind, text)",
	    "ALTER TABLE ledger DROP COLUMN taken",
	    "DELETE FROM channel",
	    "PRAGMA application_id = 1",
	    "PRAGMA user_version = 0",
	    "PRAGMA user_version = -1",
	};
	struct scratch *s = *state;
	size_t i;

	for (i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
		write_good(s->path);
		assert_int_equal(open_code(s->path), 0);
		run_sql(s->path, harms[i]);
		if (open_code(s->path) != JM_E_FORMAT)
			fail_msg("opened in spite of: %s", harms[i]);
		unlink(s->path);
	}
}

static int samples_code(const char *path)
{
	struct jm_recording *r = open_recording(path);
	struct jm_sample *samples, *all[3];
	size_t n, n_all[3];
	struct jm_error err = {0};
	int64_t first, last;
	uint16_t c;
	int rc, worst = 0;

	for (c = 0; c < 4; c++) {
		rc = jm_recording_samples(r, c, INT64_MIN, INT64_MAX, &samples, &n, &err);
		if (rc == 0)
			free(samples);
		worst = rc ? rc : worst;
	}
	rc = jm_recording_sensor_samples(r, 1, INT64_MIN, INT64_MAX, all, n_all, &err);
	for (c = 0; rc == 0 && c < 3; c++)
		free(all[c]);
	jm_recording_extent(r, &first, &last);
	jm_recording_close(r);
	return worst;
}

static void wrong_samples_are_refused(void **state)
{
	static const char *const harms[] = {
	    "UPDATE sample_one SET t = 'now'",
	    "UPDATE sample_one SET t = 1.25",
	    "UPDATE sample_one SET value = 1.5",
	    "UPDATE sample_one SET value = x'00'",
	    "UPDATE sample_one SET half_width_ns = -1",
	    "UPDATE sample_one SET half_width_ns = 4294967296",
	    "UPDATE sample_one SET device = 'x'",
	    "UPDATE sample_group SET v2 = 'much'",
	    "UPDATE sample_group SET t = x'00'",
	    "UPDATE sample_group SET half_width_ns = 9e999",
	    "UPDATE meta SET value = 'x' WHERE key = 'time_origin_ns'",
	};
	struct scratch *s = *state;
	size_t i;

	for (i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
		write_good(s->path);
		assert_int_equal(samples_code(s->path), 0);
		run_sql(s->path, harms[i]);
		if (samples_code(s->path) != JM_E_FORMAT)
			fail_msg("read in spite of: %s", harms[i]);
		unlink(s->path);
	}
}

static void wrong_spans_are_refused(void **state)
{
	static const char *const harms[] = {
	    "UPDATE span SET name = 1",         "UPDATE span SET name = -1",
	    "UPDATE span SET duration_ns = -1", "UPDATE span SET start = 9223372036854775807",
	    "UPDATE span SET kind = 1.5",
	    "UPDATE span SET track = 4294967296", "UPDATE span SET iteration = -1",
	    "UPDATE span SET flags = 256",      "UPDATE span SET start = 'then'",
	};
	struct scratch *s = *state;
	struct jm_span *spans;
	size_t i, n;

	for (i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
		struct jm_recording *r;
		struct jm_error err = {0};

		write_good(s->path);
		run_sql(s->path, harms[i]);
		r = open_recording(s->path);
		if (jm_recording_spans(r, UINT32_MAX, &spans, &n, &err) != JM_E_FORMAT)
			fail_msg("read in spite of: %s", harms[i]);
		jm_recording_close(r);
		unlink(s->path);
	}
}

/* Every 97th byte of a recording turned over, one at a time: an error or a recording, no crash. */
static void flipped_bytes_do_no_harm(void **state)
{
	struct scratch *s = *state;
	struct stat st;
	long at, n_refused = 0;

	write_good(s->path);
	assert_int_equal(stat(s->path, &st), 0);
	for (at = 0; at < st.st_size; at += 97) {
		FILE *f = fopen(s->path, "r+b");
		int byte;

		fseek(f, at, SEEK_SET);
		byte = fgetc(f);
		fseek(f, at, SEEK_SET);
		fputc(byte ^ 0xff, f);
		fclose(f);
		if (open_code(s->path) == 0)
			samples_code(s->path);
		else
			n_refused++;
		f = fopen(s->path, "r+b");
		fseek(f, at, SEEK_SET);
		fputc(byte, f);
		fclose(f);
	}
	assert_true(n_refused > 0);
	assert_int_equal(samples_code(s->path), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_set_up, scratch_tear_down)
	const struct CMUnitTest tests[] = {
	    T(wrong_description_is_refused),
	    T(wrong_samples_are_refused),
	    T(wrong_spans_are_refused),
	    T(flipped_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
