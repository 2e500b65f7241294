/* The parts of a bench that need no model. */
#include "session/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void every_order_comes_as_often(void **state)
{
	size_t order[3], first[3] = {0, 0, 0}, i;
	uint64_t seed = 1;

	(void)state;
	for (i = 0; i < 3000; i++) {
		jm_bench_shuffle(order, 3, &seed);
		assert_int_equal(order[0] + order[1] + order[2], 3);
		assert_true(order[0] != order[1] && order[1] != order[2]);
		first[order[0]]++;
	}
	for (i = 0; i < 3; i++)
		assert_in_range(first[i], 880, 1120);
}

static void rest_is_over_when_power_and_heat_are_back(void **state)
{
	struct jm_bench_baseline b = {10, 0.1, 40}, noisy = {10, 1, NAN}, unknown = {NAN, NAN, NAN};

	(void)state;
	assert_true(jm_bench_is_at_rest(&b, 10.4, 41));
	assert_false(jm_bench_is_at_rest(&b, 10.6, 41));
	assert_false(jm_bench_is_at_rest(&b, 10.1, 43));
	assert_true(jm_bench_is_at_rest(&b, 9, NAN));
	assert_true(jm_bench_is_at_rest(&noisy, 12.9, 90));
	assert_false(jm_bench_is_at_rest(&noisy, NAN, 90));
	assert_true(jm_bench_is_at_rest(&unknown, NAN, NAN));
}

static int run(struct jm_bench_options *o, struct jm_error *err)
{
	struct jm_bench_summary summary;

	o->size = sizeof(*o);
	o->run.size = sizeof(o->run);
	o->rest_limit_ns = -1;
	o->sensors = "estimate";
	return jm_bench(o, NULL, NULL, &summary, err);
}

static void told(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

/* Files that are there, but hold no model: what is missing is refused before any is run. */
struct duds {
	char folder[32], paths[2][48];
	const char *models[2];
};

static void duds_make(struct duds *d)
{
	size_t i;

	strcpy(d->folder, "/tmp/jm-duds-XXXXXX");
	assert_non_null(mkdtemp(d->folder));
	for (i = 0; i < 2; i++) {
		FILE *f;

		snprintf(d->paths[i], sizeof(d->paths[i]), "%s/%c.onnx", d->folder, "ab"[i]);
		f = fopen(d->paths[i], "w");
		fputs("no model", f);
		fclose(f);
		d->models[i] = d->paths[i];
	}
}

static void duds_remove(const struct duds *d)
{
	unlink(d->paths[0]);
	unlink(d->paths[1]);
	assert_int_equal(rmdir(d->folder), 0);
}

static void benches_that_cannot_work_are_refused_at_once(void **state)
{
	char folder[] = "/tmp/jm-test-XXXXXX", path[64];
	const char *twins[] = {"a/m.onnx", "b/m.onnx"}, *missing[] = {"/nowhere/a.onnx", "/nowhere/b.onnx"},
		   *data[] = {"/nowhere/x.npy"};
	struct jm_bench_options o = {.models = twins, .n_models = 2, .folder = folder, .tell = told};
	struct jm_error err;
	struct duds duds;
	FILE *f;

	(void)state;
	duds_make(&duds);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(run(&o, &err), JM_E_INVALID);
	assert_non_null(strstr(err.message, "two models are called m"));
	o.models = missing;
	assert_int_equal(run(&o, &err), JM_E_NOT_FOUND);
	assert_non_null(strstr(err.message, "/nowhere/a.onnx"));
	o.models = duds.models;
	/* Both fail in the first round: the first failure is the bench's. */
	assert_int_equal(run(&o, &err), JM_E_FORMAT);
	assert_non_null(strstr(err.message, duds.folder));
	o.run.data = data;
	o.run.n_data = 1;
	assert_int_equal(run(&o, &err), JM_E_NOT_FOUND);
	assert_non_null(strstr(err.message, "x.npy"));
	o.run.n_data = 0;
	snprintf(path, sizeof(path), "%s/old.jmap", folder);
	f = fopen(path, "w");
	fclose(f);
	assert_int_equal(run(&o, &err), JM_E_EXISTS);
	unlink(path);
	assert_int_equal(rmdir(folder), 0); /* nothing is left of trials that came to nothing */
	o.n_models = 0;
	assert_int_equal(run(&o, &err), JM_E_INVALID);
	duds_remove(&duds);
}

static void a_folder_at_which_another_bench_works_is_left_to_it(void **state)
{
	char folder[] = "/tmp/jm-test-XXXXXX";
	struct duds duds;
	struct jm_bench_options o = {.models = duds.models, .n_models = 1, .folder = folder, .tell = told};
	struct jm_error err;
	int fd;

	(void)state;
	duds_make(&duds);
	assert_non_null(mkdtemp(folder));
	fd = open(folder, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(run(&o, &err), JM_E_EXISTS);
	assert_non_null(strstr(err.message, "another bench is at work in /tmp/jm-test-"));
	assert_true(err.remedy[0]);
	close(fd);
	assert_int_equal(run(&o, &err), JM_E_FORMAT);
	/* The lock of a bench that is over is gone. */
	assert_int_equal(run(&o, &err), JM_E_FORMAT);
	assert_int_equal(rmdir(folder), 0);
	duds_remove(&duds);
}

static struct jm_bench_trial trial_of(struct jm_bench_options *o, const struct jm_bench_baseline *b, const char *path)
{
	o->size = sizeof(*o);
	o->run.size = sizeof(o->run);
	o->sensors = "estimate";
	return (struct jm_bench_trial){.options = o,
				       .baseline = b,
				       .model = "/nowhere/a.onnx",
				       .variant = "a",
				       .bench = "1",
				       .path = path,
				       .round = 1,
				       .position = 1};
}

static void a_recording_that_was_there_is_never_removed(void **state)
{
	static const struct jm_bench_baseline unknown = {NAN, NAN, NAN};
	char path[] = "/tmp/jm-test-XXXXXX";
	struct jm_bench_options o = {.rest_limit_ns = -1};
	struct jm_bench_trial t = trial_of(&o, &unknown, path);
	struct jm_error err;

	(void)state;
	close(mkstemp(path));
	assert_int_equal(jm_bench_trial(&t, NULL, NULL, &err), JM_E_EXISTS);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(jm_bench_trial(&t, NULL, NULL, &err), JM_E_NOT_FOUND);
	assert_int_equal(access(path, F_OK), -1);
}

static void block_sigterm(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(how, &set, NULL);
}

static bool take_sigterm(void)
{
	const struct timespec now = {0, 0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	return sigtimedwait(&set, NULL, &now) > 0;
}

/* Called in the trial's process: a signal for the bench's alone. */
static int signal_parent(void *ctx, const char *what, uint64_t done, uint64_t total)
{
	static bool is_sent;

	(void)ctx;
	(void)what;
	(void)done;
	(void)total;
	if (!is_sent)
		kill(getppid(), SIGTERM);
	is_sent = true;
	return take_sigterm();
}

static void a_signal_for_the_bench_alone_ends_its_trial(void **state)
{
	/* Below any power: the rest would last to its limit. */
	static const struct jm_bench_baseline never = {-1e9, 0, NAN};
	char path[] = "/tmp/jm-test-XXXXXX";
	struct jm_bench_options o = {.rest_limit_ns = 600 * 1000000000LL};
	struct jm_bench_trial t = trial_of(&o, &never, path);
	struct jm_error err;

	(void)state;
	close(mkstemp(path));
	unlink(path);
	block_sigterm(SIG_BLOCK);
	assert_int_equal(jm_bench_trial(&t, signal_parent, NULL, &err), JM_E_CANCELLED);
	assert_true(jm_bench_is_stop_asked());
	assert_true(take_sigterm());
	assert_false(jm_bench_is_stop_asked());
	block_sigterm(SIG_UNBLOCK);
}

static void no_trial_starts_after_a_signal(void **state)
{
	char folder[] = "/tmp/jm-test-XXXXXX";
	struct duds duds;
	struct jm_bench_options o = {.models = duds.models, .n_models = 1, .folder = folder, .tell = told};
	struct jm_error err;

	(void)state;
	duds_make(&duds);
	assert_non_null(mkdtemp(folder));
	block_sigterm(SIG_BLOCK);
	raise(SIGTERM);
	assert_int_equal(run(&o, &err), JM_E_CANCELLED);
	assert_true(take_sigterm());
	block_sigterm(SIG_UNBLOCK);
	assert_int_equal(rmdir(folder), 0);
	duds_remove(&duds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_order_comes_as_often),
	    cmocka_unit_test(rest_is_over_when_power_and_heat_are_back),
	    cmocka_unit_test(benches_that_cannot_work_are_refused_at_once),
	    cmocka_unit_test(a_folder_at_which_another_bench_works_is_left_to_it),
	    cmocka_unit_test(a_recording_that_was_there_is_never_removed),
	    cmocka_unit_test(a_signal_for_the_bench_alone_ends_its_trial),
	    cmocka_unit_test(no_trial_starts_after_a_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
