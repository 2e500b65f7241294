/* Every read, write and sync of a recording fails once, in turn: an error is told, and what was committed is there. */
#include "recording_fixture.h"

#include "support/faulty_vfs.h"

static int register_shim(void **state)
{
	(void)state;
	return faulty_register();
}

/* Gives the first error; n_safe: readings in commits that said they succeeded. */
static int write_recording(const char *path, size_t *n_safe)
{
	struct jm_recording_sensor sensors[2];
	struct jm_channel channels[4];
	struct jm_error err = {0};
	struct jm_writer *w = NULL;
	struct jm_sample_sink sink;
	struct jm_sample sample = sample_of(0, T0, 1);
	int rc = jm_writer_create(path, false, &w, &err), closed, i, k;

	*n_safe = 0;
	if (rc) {
		assert_true(err.code == rc && err.message[0]);
		assert_int_not_equal(access(path, F_OK), 0);
		return rc;
	}
	describe(sensors, channels);
	rc = jm_writer_sensors(w, sensors, 2, channels, 4);
	sink = jm_writer_sample_sink(w);
	for (i = 0; i < 4 && rc == 0; i++) {
		for (k = 0; k < 1000 && rc == 0; k++, sample.t_ns++)
			rc = sink.write(sink.ctx, &sample, 1);
		rc = rc ? rc : jm_writer_commit(w);
		*n_safe += rc == 0 ? 1000 : 0;
	}
	closed = jm_writer_close(w, &err);
	if (rc)
		assert_int_equal(closed, rc);
	return closed;
}

static void remove_all(const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
	char file[300];
	size_t i;

	for (i = 0; i < 4; i++) {
		snprintf(file, sizeof(file), "%s%s", path, suffixes[i]);
		unlink(file);
	}
}

static void failing_writes(const char *path, bool lasting)
{
	long at;
	int rc = 1;
	size_t n_safe, n_failed = 0;

	for (at = 1; rc; at++) {
		faulty.countdown = at;
		faulty.is_lasting = lasting;
		faulty.is_reading = false;
		rc = write_recording(path, &n_safe);
		/* A fault while WAL mode is being left, after all is in the file, need not be told. */
		if (faulty.countdown > 1)
			assert_int_equal(rc, 0);
		else
			rc = 1;
		faulty.countdown = 0;
		n_failed += rc != 0;
		if (access(path, F_OK) == 0) {
			struct jm_recording *r = open_recording(path);
			size_t n_channels, n = 0;

			jm_recording_channels(r, &n_channels);
			if (n_channels)
				n = count_samples(r, 0);
			assert_true(n >= n_safe && n % 1000 == 0);
			jm_recording_close(r);
		}
		remove_all(path);
	}
	assert_true(n_failed > 20);
}

static void one_failing_write_loses_nothing_committed(void **state)
{
	failing_writes(((struct scratch *)*state)->path, false);
}

static void full_disk_loses_nothing_committed(void **state)
{
	failing_writes(((struct scratch *)*state)->path, true);
}

static void failing_reads_are_told(void **state)
{
	struct scratch *s = *state;
	size_t n_safe, n, n_failed = 0;
	bool is_hit = true;
	long at;

	assert_int_equal(write_recording(s->path, &n_safe), 0);
	for (at = 1; is_hit; at++) {
		struct jm_recording *r = NULL;
		struct jm_sample *samples = NULL;
		struct jm_error err = {0};
		int rc;

		faulty.countdown = at;
		faulty.is_lasting = true;
		faulty.is_reading = true;
		rc = jm_recording_open(s->path, &r, &err);
		if (rc == 0)
			rc = jm_recording_samples(r, 0, INT64_MIN, INT64_MAX, &samples, &n, &err);
		is_hit = faulty.countdown <= 1;
		faulty.countdown = 0;
		if (rc)
			assert_true(err.code == rc && err.message[0]);
		else
			assert_int_equal(n, 4000);
		n_failed += rc != 0;
		if (rc == 0)
			free(samples);
		jm_recording_close(r);
	}
	assert_true(n_failed > 5);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_set_up, scratch_tear_down)
	const struct CMUnitTest tests[] = {
	    T(one_failing_write_loses_nothing_committed),
	    T(full_disk_loses_nothing_committed),
	    T(failing_reads_are_told),
	};

	return cmocka_run_group_tests(tests, register_shim, NULL);
}
