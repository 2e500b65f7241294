#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "recording/recording.h"
#include "support/live_world.h"

#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/jm-live-record-XXXXXX";

static struct jm_live_recording *record(struct world *w, const char *name, uint32_t id)
{
	struct jm_live_record_options options = {.size = sizeof(options), .ids = &id, .n_ids = 1, .command = "test"};
	struct jm_live_recording *rec;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	options.path = path;
	assert_int_equal(jm_live_record(w->live, &options, &rec, NULL), 0);
	return rec;
}

static struct jm_recording *reopen(const char *name)
{
	struct jm_recording *r;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(jm_recording_open(path, &r, NULL), 0);
	return r;
}

static void forget(const char *name)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[128];
	size_t i;

	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s%s", folder, name, ends[i]);
		unlink(path);
	}
}

/* A second in which 10, its child 11, and 12 take that many ticks more. */
static void work(struct world *w, int *ticks, int a, int b, int c)
{
	put(w, 10, 1, ticks[0] += a, 10);
	put(w, 11, 10, ticks[1] += b, 10);
	put(w, 12, 1, ticks[2] += c, 10);
	w->idle_ticks += 200 - a - b - c;
	pass(w, S);
}

static double cpu_s(const struct jm_process_log *log, int64_t pid)
{
	int64_t last_ns = 0;
	size_t i;

	for (i = 0; i < log->n_samples; i++)
		if (log->processes[log->samples[i].process].pid == pid)
			last_ns = log->samples[i].cpu_ns + log->samples[i].reaped_ns;
	return 1e-9 * (double)last_ns;
}

static void each_has_its_own_processes_and_time_of_the_same_readings(void **state)
{
	struct world *w = *state;
	struct jm_live_recording *first, *second;
	struct jm_process_log log;
	struct jm_recording *r;
	struct jm_sample *samples;
	uint32_t ten, twelve;
	int ticks[3] = {0}, i;
	int64_t start_ns, end_ns;
	size_t n;

	put(w, 10, 1, 0, 10);
	put(w, 11, 10, 0, 10);
	put(w, 12, 1, 0, 10);
	open_script(w, "channel c energy counter domain=package interpolate=yes\n0 0\n100s 5000\n100s end\n");
	assert_int_equal(jm_live_watch(w->live, 10, &ten, NULL), 0);
	pass(w, 100 * MS);
	first = record(w, "first.jmap", ten);
	for (i = 0; i < 3; i++)
		work(w, ticks, 50, 20, 30);
	assert_int_equal(jm_live_watch(w->live, 12, &twelve, NULL), 0);
	second = record(w, "second.jmap", twelve);
	for (i = 0; i < 2; i++)
		work(w, ticks, 10, 0, 40);
	assert_int_equal(jm_live_recording_close(first, NULL), 0);
	work(w, ticks, 1, 1, 100);
	assert_int_equal(jm_live_recording_close(second, NULL), 0);

	r = reopen("first.jmap");
	assert_int_equal(jm_recording_process_log(r, &log, NULL), 0);
	assert_int_equal(log.n_processes, 2);
	assert_true(log.processes[0].is_root && !log.processes[1].is_root);
	is_near(cpu_s(&log, 10), 1.7);
	is_near(cpu_s(&log, 11), 0.6);
	assert_int_equal(log.n_steps, 6);
	jm_process_log_finish(&log);
	assert_int_equal(jm_recording_meta_i64(r, "window_start_ns", &start_ns), 0);
	assert_int_equal(jm_recording_meta_i64(r, "window_end_ns", &end_ns), 0);
	assert_true(end_ns - start_ns == 5 * S);
	assert_int_equal(jm_recording_samples(r, 0, INT64_MIN, INT64_MAX, &samples, &n, NULL), 0);
	assert_true(n >= 6 && samples[0].t_ns <= start_ns);
	is_near(1e-6 * (double)(samples[n - 1].value - samples[0].value), 250);
	free(samples);
	jm_recording_close(r);

	r = reopen("second.jmap");
	assert_int_equal(jm_recording_process_log(r, &log, NULL), 0);
	assert_int_equal(log.n_processes, 1);
	is_near(cpu_s(&log, 12), 1.8);
	jm_process_log_finish(&log);
	jm_recording_close(r);
	forget("first.jmap");
	forget("second.jmap");
}

static void it_can_be_read_at_any_moment_and_what_is_there_is_not_overwritten(void **state)
{
	struct world *w = *state;
	struct jm_live_record_options options = {.size = sizeof(options)};
	struct jm_live_recording *rec, *other;
	struct jm_recording *r;
	struct jm_process_log log;
	int ticks[3] = {0};
	char path[128];
	uint32_t id;

	put(w, 10, 1, 0, 10);
	put(w, 11, 10, 0, 10);
	put(w, 12, 1, 0, 10);
	open_script(w, "channel c energy counter domain=package interpolate=yes\n0 0\n100s 5000\n100s end\n");
	assert_int_equal(jm_live_watch(w->live, 10, &id, NULL), 0);
	rec = record(w, "open.jmap", id);
	work(w, ticks, 50, 20, 30);
	work(w, ticks, 50, 20, 30);
	r = reopen("open.jmap");
	assert_int_equal(jm_recording_process_log(r, &log, NULL), 0);
	assert_true(log.n_steps >= 2 && log.n_processes == 2);
	jm_process_log_finish(&log);
	assert_null(jm_recording_meta(r, "closed"));
	jm_recording_close(r);
	snprintf(path, sizeof(path), "%s/open.jmap", folder);
	options.path = path;
	assert_int_equal(jm_live_record(w->live, &options, &other, NULL), JM_E_EXISTS);
	/* The view may end before it. */
	jm_live_close(w->live);
	w->live = NULL;
	assert_int_equal(jm_live_recording_close(rec, NULL), 0);
	r = reopen("open.jmap");
	assert_non_null(jm_recording_meta(r, "closed"));
	jm_recording_close(r);
	forget("open.jmap");
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(each_has_its_own_processes_and_time_of_the_same_readings, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(it_can_be_read_at_any_moment_and_what_is_there_is_not_overwritten, set_up,
					    tear_down),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
