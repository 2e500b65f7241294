/* Every read, write and sync of a recording fails once, in turn: an error is told, and what was committed is there. */
#include "recording_fixture.h"

/* The default VFS with a fault at the n-th call. One process, one thread: plain globals do. */
static sqlite3_vfs shim;
static const sqlite3_vfs *real;
/* A file that locks and one that does not (a journal) have methods of their own. */
static struct {
	sqlite3_io_methods ours;
	const sqlite3_io_methods *theirs;
} methods[4];
static long countdown; /* calls until the fault; 0: none any more */
static bool is_lasting, is_reading;

static const sqlite3_io_methods *theirs(sqlite3_file *f)
{
	size_t i = 0;

	while (&methods[i].ours != f->pMethods)
		i++;
	return methods[i].theirs;
}

static bool fails(bool reads)
{
	if (countdown == 0 || reads != is_reading)
		return false;
	if (countdown > 1) {
		countdown--;
		return false;
	}
	if (!is_lasting)
		countdown = 0;
	return true;
}

static int shim_read(sqlite3_file *f, void *data, int n, sqlite3_int64 at)
{
	return fails(true) ? SQLITE_IOERR_READ : theirs(f)->xRead(f, data, n, at);
}

static int shim_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
	if (!fails(false))
		return theirs(f)->xWrite(f, data, n, at);
	/* Half of it gets there, as on a disk that is full. */
	theirs(f)->xWrite(f, data, n / 2, at);
	return is_lasting ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int shim_sync(sqlite3_file *f, int flags)
{
	return fails(false) ? SQLITE_IOERR_FSYNC : theirs(f)->xSync(f, flags);
}

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *flags_out)
{
	int rc = real->xOpen(vfs, name, f, flags, flags_out);
	size_t i = 0;

	if (rc != SQLITE_OK || !f->pMethods)
		return rc;
	while (methods[i].theirs && methods[i].theirs != f->pMethods)
		i++;
	methods[i].theirs = f->pMethods;
	methods[i].ours = *f->pMethods;
	methods[i].ours.xRead = shim_read;
	methods[i].ours.xWrite = shim_write;
	methods[i].ours.xSync = shim_sync;
	f->pMethods = &methods[i].ours;
	return rc;
}

static int register_shim(void **state)
{
	(void)state;
	real = sqlite3_vfs_find(NULL);
	shim = *real;
	shim.zName = "faults";
	shim.xOpen = shim_open;
	return sqlite3_vfs_register(&shim, 1);
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
		countdown = at;
		is_lasting = lasting;
		is_reading = false;
		rc = write_recording(path, &n_safe);
		/* A fault while WAL mode is being left, after all is in the file, need not be told. */
		if (countdown > 1)
			assert_int_equal(rc, 0);
		else
			rc = 1;
		countdown = 0;
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

		countdown = at;
		is_lasting = true;
		is_reading = true;
		rc = jm_recording_open(s->path, &r, &err);
		if (rc == 0)
			rc = jm_recording_samples(r, 0, INT64_MIN, INT64_MAX, &samples, &n, &err);
		is_hit = countdown <= 1;
		countdown = 0;
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
