#define _GNU_SOURCE
#include "recording_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Gives the code of opening path, and checks that a failure says something. */
static int open_code(const char *path)
{
	struct jm_recording *r = NULL;
	struct jm_error err = {0};
	int rc = jm_recording_open(path, &r, &err);

	if (rc) {
		assert_null(r);
		assert_int_equal(err.code, rc);
		assert_true(err.message[0] != '\0');
	}
	jm_recording_close(r);
	return rc;
}

static void readable_while_being_written(void **state)
{
	struct scratch *s = *state;
	struct jm_writer *w = new_writer(s->path);
	struct jm_span_sink sink = jm_writer_span_sink(w);
	struct jm_span span = {.start_ns = T0, .end_ns = T0 + 1}, *spans;
	struct jm_recording *r;
	struct jm_error err = {0};
	size_t n;

	write_readings(w, 0, 100);
	assert_int_equal(jm_writer_commit(w), 0);
	r = open_recording(s->path);
	assert_int_equal(count_samples(r, 0), 100);
	write_readings(w, 100, 50);
	assert_int_equal(count_samples(r, 2), 100);
	assert_int_equal(sink.name(sink.ctx, "new", 3, NULL, 0, &span.name), 0);
	assert_int_equal(sink.write(sink.ctx, &span, 1), 0);
	assert_int_equal(jm_writer_commit(w), 0);
	assert_int_equal(count_samples(r, 2), 150);
	assert_int_equal((int)ask_sql(s->path, "SELECT count(*) FROM sample"), 600);
	/* A name that came after the opening is there with the span that needs it. */
	assert_int_equal(jm_recording_spans(r, UINT32_MAX, &spans, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_string_equal(jm_recording_names(r)->items[spans[0].name].text, "new");
	free(spans);
	assert_null(jm_recording_meta(r, "closed"));
	/* Closing the writer does not fail because somebody reads. */
	assert_int_equal(jm_writer_close(w, &err), 0);
	assert_int_equal(count_samples(r, 2), 150);
	jm_recording_close(r);
	assert_int_equal(open_code(s->path), 0);
}

/* A child writes and commits 300 readings, writes more, and is killed. */
static void write_and_be_killed(const char *path)
{
	int ready[2], status;
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		struct jm_writer *w = new_writer(path);
		int i;

		for (i = 0; i < 3; i++) {
			write_readings(w, i * 100, 100);
			jm_writer_commit(w);
		}
		write_readings(w, 300, 50);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status));
}

static void killed_writer_loses_only_what_was_not_committed(void **state)
{
	struct scratch *s = *state;
	struct jm_recording *r;
	struct jm_ledger ledger;

	write_and_be_killed(s->path);
	r = open_recording(s->path);
	assert_int_equal(count_samples(r, 0), 300);
	assert_int_equal(count_samples(r, 3), 300);
	assert_null(jm_recording_meta(r, "closed"));
	assert_int_equal(jm_recording_ledger(r, 0, &ledger), JM_E_NOT_FOUND);
	jm_recording_close(r);
	/* And again: opening has spoilt nothing. */
	r = open_recording(s->path);
	assert_int_equal(count_samples(r, 0), 300);
	jm_recording_close(r);
}

/* Runs in a child without root's right to write anywhere. Gives samples of channel 0, or 1000 + -code. */
static int count_as_nobody(const char *path)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		struct jm_recording *r;
		struct jm_sample *samples;
		struct jm_error err = {0};
		size_t n = 0;
		int rc;

		if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(99);
		rc = jm_recording_open(path, &r, &err);
		if (rc == 0)
			rc = jm_recording_samples(r, 0, INT64_MIN, INT64_MAX, &samples, &n, &err);
		if (rc)
			fprintf(stderr, "%s\n", err.message);
		_exit(rc ? 200 - rc : (int)(n / 10));
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* With the -shm of the dead writer, and without it (copied by hand, or read from another machine). */
/* A recording is its owner's alone: command lines, and a trace of power that tells of what others compute (docs/security.md). The umask
 * can take away from that, and a -wal and -shm beside it have the mode of the file. */
static void others_cannot_read_a_recording(void **state)
{
	struct scratch *s = *state;
	mode_t mask = umask(0);
	struct jm_writer *w = new_writer(s->path);
	char wal[300];
	struct stat st;

	write_readings(w, 0, 100);
	assert_int_equal(jm_writer_commit(w), 0);
	assert_int_equal(stat(s->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(wal, sizeof(wal), "%s-wal", s->path);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(jm_writer_close(w, NULL), 0);
	if (geteuid() == 0) {
		assert_int_equal(chmod(s->folder, 0755), 0);
		assert_int_equal(count_as_nobody(s->path), 200 - JM_E_PERMISSION);
	}
	umask(mask);
}

/* Of a recording made by sudo it is who called that. */
static void who_calls_sudo_owns_the_recording(void **state)
{
	struct scratch *s = *state;
	struct jm_writer *w;
	char wal[300];
	struct stat st;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(s->folder, 0755), 0);
	setenv("SUDO_UID", "65534", 1);
	setenv("SUDO_GID", "65534", 1);
	w = new_writer(s->path);
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	write_readings(w, 0, 100);
	assert_int_equal(jm_writer_commit(w), 0);
	snprintf(wal, sizeof(wal), "%s-wal", s->path);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_uid, 65534);
	assert_int_equal(jm_writer_close(w, NULL), 0);
	assert_int_equal(stat(s->path, &st), 0);
	assert_int_equal(st.st_uid, 65534);
	assert_int_equal(st.st_gid, 65534);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(count_as_nobody(s->path), 10);
}

/* Its owner shows it to others. */
static void show_to_others(const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char file[300];
	size_t i;

	for (i = 0; i < 3; i++) {
		snprintf(file, sizeof(file), "%s%s", path, suffixes[i]);
		chmod(file, 0644);
	}
}

static void killed_recording_opens_in_a_folder_that_cannot_be_written(void **state)
{
	struct scratch *s = *state;
	char shm[300], wal[300];

	write_and_be_killed(s->path);
	snprintf(shm, sizeof(shm), "%s-shm", s->path);
	snprintf(wal, sizeof(wal), "%s-wal", s->path);
	show_to_others(s->path);
	assert_int_equal(chmod(s->folder, 0555), 0);
	assert_int_equal(count_as_nobody(s->path), 30);
	assert_int_equal(chmod(s->folder, 0755), 0);
	assert_int_equal(unlink(shm), 0);
	assert_int_equal(chmod(s->folder, 0555), 0);
	assert_int_equal(count_as_nobody(s->path), 30);
	/* Without the -wal, too: what a checkpoint had put into the file is there, here nothing but the schema. */
	assert_int_equal(chmod(s->folder, 0755), 0);
	assert_int_equal(unlink(wal), 0);
	assert_int_equal(chmod(s->folder, 0555), 0);
	assert_int_equal(count_as_nobody(s->path), 200 - JM_E_INVALID);
	assert_int_equal(chmod(s->folder, 0755), 0);
	assert_int_equal(n_files(s->folder), 1);
}

static void closed_recording_opens_in_a_folder_that_cannot_be_written(void **state)
{
	struct scratch *s = *state;
	struct jm_writer *w = new_writer(s->path);

	write_readings(w, 0, 100);
	assert_int_equal(jm_writer_close(w, NULL), 0);
	assert_int_equal(chmod(s->folder, 0555), 0);
	assert_int_equal(chmod(s->path, 0444), 0);
	assert_int_equal(count_as_nobody(s->path), 10);
	assert_int_equal(chmod(s->path, 0600), 0);
	if (geteuid() == 0)
		assert_int_equal(count_as_nobody(s->path), 200 - JM_E_PERMISSION);
	assert_int_equal(chmod(s->folder, 0755), 0);
}

/* Reads everything; the codes do not matter, that it comes back does. */
static int read_all(const char *path)
{
	struct jm_recording *r;
	struct jm_sample *samples;
	struct jm_span *spans;
	struct jm_error err = {0};
	int64_t first, last;
	size_t n, n_channels, c;
	int rc = jm_recording_open(path, &r, &err), code;

	if (rc)
		return rc;
	jm_recording_channels(r, &n_channels);
	for (c = 0; c < n_channels; c++) {
		code = jm_recording_samples(r, (uint16_t)c, INT64_MIN, INT64_MAX, &samples, &n, &err);
		if (code == 0)
			free(samples);
		rc = code ? code : rc;
	}
	code = jm_recording_spans(r, UINT32_MAX, &spans, &n, &err);
	if (code == 0)
		free(spans);
	rc = code ? code : rc;
	code = jm_recording_extent(r, &first, &last);
	jm_recording_close(r);
	return code && code != JM_E_NOT_FOUND ? code : rc;
}

static void truncated_recordings_are_refused(void **state)
{
	struct scratch *s = *state;
	struct jm_writer *w = new_writer(s->path);
	struct stat st;
	off_t n;

	write_readings(w, 0, 2000);
	assert_int_equal(jm_writer_close(w, NULL), 0);
	assert_int_equal(read_all(s->path), 0);
	assert_int_equal(stat(s->path, &st), 0);
	for (n = st.st_size - 1; n > 0; n = n > 20000 ? n - 4099 : n * 2 / 3) {
		assert_int_equal(truncate(s->path, n), 0);
		assert_int_equal(read_all(s->path), JM_E_FORMAT);
	}
	assert_int_equal(truncate(s->path, 0), 0);
	assert_int_equal(read_all(s->path), JM_E_FORMAT);
}

static size_t copy_into(const char *from, const char *to, off_t most)
{
	static char bytes[4 * 1024 * 1024];
	int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	ssize_t n = read(in, bytes, sizeof(bytes));

	if (n > most)
		n = most;
	assert_true(write(out, bytes, (size_t)n) == n);
	close(in);
	close(out);
	return (size_t)n;
}

/* A -wal cut anywhere holds the commits up to there, whole ones only. */
static void truncated_wal_gives_whole_commits(void **state)
{
	struct scratch *s = *state;
	char copy[300], wal[300], wal_copy[300];
	struct stat st;
	size_t n, last = 300, n_seen = 0;
	off_t cut;

	write_and_be_killed(s->path);
	snprintf(copy, sizeof(copy), "%s/copy", s->folder);
	snprintf(wal, sizeof(wal), "%s-wal", s->path);
	snprintf(wal_copy, sizeof(wal_copy), "%s/copy-wal", s->folder);
	assert_int_equal(stat(wal, &st), 0);
	for (cut = st.st_size; cut >= 0; cut -= 3001) {
		struct jm_recording *r;
		size_t n_channels;

		copy_into(s->path, copy, INT32_MAX);
		copy_into(wal, wal_copy, cut);
		r = open_recording(copy);
		jm_recording_channels(r, &n_channels);
		n = n_channels ? count_samples(r, 0) : 0;
		assert_true(n % 100 == 0 && n <= last);
		n_seen += n != last;
		last = n;
		jm_recording_close(r);
	}
	assert_int_equal(n_seen, 3);
}

static void newer_schema_is_named(void **state)
{
	struct scratch *s = *state;
	struct jm_recording *r;
	struct jm_error err = {0};

	assert_int_equal(jm_writer_close(new_writer(s->path), NULL), 0);
	run_sql(s->path, "PRAGMA user_version = 2");
	assert_int_equal(jm_recording_open(s->path, &r, &err), JM_E_VERSION);
	assert_non_null(strstr(err.message, "schema 2"));
	assert_true(err.remedy[0] != '\0');
}

static void what_is_no_recording_is_refused(void **state)
{
	struct scratch *s = *state;
	char fifo[300];
	int fd;

	assert_int_equal(open_code(s->path), JM_E_NOT_FOUND);
	assert_int_equal(open_code(s->folder), JM_E_FORMAT);
	run_sql(s->path, "CREATE TABLE other(x)");
	assert_int_equal(open_code(s->path), JM_E_FORMAT);
	fd = open(s->path, O_WRONLY | O_TRUNC);
	assert_true(write(fd, "{\"traceEvents\": []}\n", 20) == 20);
	close(fd);
	assert_int_equal(open_code(s->path), JM_E_FORMAT);
	snprintf(fifo, sizeof(fifo), "%s/fifo", s->folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(open_code(fifo), JM_E_FORMAT);
	assert_int_equal(open_code(":memory:"), JM_E_NOT_FOUND);
}

static int create_code(const char *path, bool overwrite)
{
	struct jm_writer *w = NULL;
	struct jm_error err = {0};
	int rc = jm_writer_create(path, overwrite, &w, &err);

	if (rc)
		assert_true(err.message[0] != '\0');
	assert_int_equal(rc != 0, w == NULL);
	jm_writer_close(w, NULL);
	return rc;
}

static void nothing_is_overwritten_unless_told(void **state)
{
	struct scratch *s = *state;
	char path[300], target[300];
	struct stat st;

	jm_writer_close(new_writer(s->path), NULL);
	assert_int_equal(create_code(s->path, false), JM_E_EXISTS);
	assert_int_equal(create_code(s->path, true), 0);
	assert_int_equal(create_code(s->folder, true), JM_E_INVALID);
	assert_int_equal(create_code("/dev/null", true), JM_E_INVALID);
	snprintf(path, sizeof(path), "%s/no/such/run.jmap", s->folder);
	assert_int_equal(create_code(path, false), JM_E_NOT_FOUND);
	/* A link is replaced, what it points to is left alone. */
	snprintf(path, sizeof(path), "%s/link", s->folder);
	snprintf(target, sizeof(target), "%s/target", s->folder);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(create_code(path, false), JM_E_EXISTS);
	assert_int_equal(create_code(path, true), 0);
	assert_int_not_equal(stat(target, &st), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void left_over_wal_does_not_enter_the_new_recording(void **state)
{
	struct scratch *s = *state;
	struct jm_recording *r;
	struct jm_writer *w = NULL;
	struct jm_error err = {0};

	write_and_be_killed(s->path);
	assert_int_equal(unlink(s->path), 0);
	assert_int_equal(jm_writer_create(s->path, false, &w, &err), JM_E_EXISTS);
	assert_non_null(strstr(err.message, "-wal"));
	assert_int_equal(jm_writer_create(s->path, true, &w, &err), 0);
	assert_int_equal(jm_writer_close(w, NULL), 0);
	r = open_recording(s->path);
	size_t n;
	jm_recording_channels(r, &n);
	assert_int_equal(n, 0);
	jm_recording_close(r);
}

/* Runs in a child whose files may not grow beyond limit bytes. Exit code 0: the error was JM_E_FULL, kept, and told. */
static int write_until_full(const char *path, rlim_t limit)
{
	struct rlimit r = {limit, limit};
	struct jm_recording_sensor sensors[2];
	struct jm_channel channels[4];
	struct jm_sample_sink sink;
	struct jm_error err = {0};
	struct jm_sample sample = sample_of(0, T0, 1);
	struct jm_writer *w;
	int i, rc;

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &r);
	rc = jm_writer_create(path, false, &w, &err);
	if (rc)
		return rc == JM_E_FULL && err.message[0] ? 0 : 10;
	describe(sensors, channels);
	rc = jm_writer_sensors(w, sensors, 2, channels, 4);
	sink = jm_writer_sample_sink(w);
	for (i = 0; rc == 0 && i < 1000000; i++) {
		sample.t_ns = T0 + i * 1000;
		rc = sink.write(sink.ctx, &sample, 1);
		if (rc == 0 && i % 100 == 99)
			rc = jm_writer_commit(w);
	}
	if (rc != JM_E_FULL || sink.write(sink.ctx, &sample, 1) != JM_E_FULL || jm_writer_commit(w) != JM_E_FULL)
		return 11;
	if (jm_writer_status(w, &err) != JM_E_FULL || !strstr(err.message, path) || !err.remedy[0])
		return 12;
	return jm_writer_close(w, &err) == JM_E_FULL ? 0 : 13;
}

static void full_disk_keeps_what_was_committed(void **state)
{
	struct scratch *s = *state;
	rlim_t limits[] = {1000, 50000, 100000, 300000};
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		int status;
		pid_t child = fork();

		if (child == 0)
			_exit(write_until_full(s->path, limits[i]));
		waitpid(child, &status, 0);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
		if (access(s->path, F_OK) == 0) {
			struct jm_recording *r = open_recording(s->path);
			size_t n_channels;

			if (jm_recording_channels(r, &n_channels), n_channels)
				assert_int_equal(count_samples(r, 0) % 100, 0);
			if (limits[i] == 300000)
				assert_true(count_samples(r, 0) >= 1000);
			jm_recording_close(r);
			assert_int_equal(create_code(s->path, true), 0);
			unlink(s->path);
		}
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_set_up, scratch_tear_down)
	const struct CMUnitTest tests[] = {
	    T(readable_while_being_written),
	    T(killed_writer_loses_only_what_was_not_committed),
	    T(others_cannot_read_a_recording),
	    T(who_calls_sudo_owns_the_recording),
	    T(killed_recording_opens_in_a_folder_that_cannot_be_written),
	    T(closed_recording_opens_in_a_folder_that_cannot_be_written),
	    T(truncated_recordings_are_refused),
	    T(truncated_wal_gives_whole_commits),
	    T(newer_schema_is_named),
	    T(what_is_no_recording_is_refused),
	    T(nothing_is_overwritten_unless_told),
	    T(left_over_wal_does_not_enter_the_new_recording),
	    T(full_disk_keeps_what_was_committed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
