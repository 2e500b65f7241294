#define _GNU_SOURCE
#include "process/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/perf_event.h>
#include <sys/mman.h>

#include "support/tree.h"

#define MS INT64_C(1000000)

/* Counters are files in memory: event n of a thread or, with pid -1, of a processor. */
#define EVENTS_MAX 64
struct event {
	pid_t pid;
	int cpu;
	uint64_t config;
	int fd;
};

struct world {
	struct tree tree;
	struct jm_env env;
	int64_t now_ns;
	struct jm_process_watch *watch;
	struct jm_process_snapshot s;
	struct event events[EVENTS_MAX];
	size_t n_events;
	bool no_kernel, no_machine, no_misses, nothing;
};

static int64_t now(void *ctx)
{
	return ((struct world *)ctx)->now_ns;
}

static long refuse(int code)
{
	errno = code;
	return -1;
}

static long open_event(void *ctx, void *attr, pid_t pid, int cpu, int group, unsigned long flags)
{
	const struct perf_event_attr *a = attr;
	struct world *w = ctx;
	struct event *e = &w->events[w->n_events];

	(void)group;
	(void)flags;
	assert_true(a->inherit == (pid != -1) && a->inherit_thread == (pid != -1));
	if (w->nothing)
		return refuse(ENOENT);
	if ((w->no_kernel && !a->exclude_kernel) || (w->no_machine && pid == -1))
		return refuse(EACCES);
	if (w->no_misses && a->config == PERF_COUNT_HW_CACHE_MISSES)
		return refuse(ENOENT);
	assert_true(w->n_events < EVENTS_MAX);
	*e = (struct event){pid, cpu, a->config, memfd_create("event", 0)};
	assert_true(e->fd >= 0);
	if (pid != 0)
		w->n_events++;
	return pid ? dup(e->fd) : e->fd;
}

/* Sets what an event counts; it ran half of the time when asked to. */
static void count(struct world *w, pid_t pid, uint64_t config, uint64_t value, bool half)
{
	uint64_t values[3] = {value, 1000, half ? 500 : 1000};
	size_t i;

	for (i = 0; i < w->n_events; i++)
		if (w->events[i].pid == pid && w->events[i].config == config)
			assert_int_equal(pwrite(w->events[i].fd, values, sizeof(values), 0), sizeof(values));
}

static void scan(struct world *w)
{
	size_t i;

	/* A file goes on where it was left, a counter does not. */
	for (i = 0; i < w->n_events; i++)
		assert_true(lseek(w->events[i].fd, 0, SEEK_SET) == 0);
	w->now_ns += 100 * MS;
	assert_int_equal(jm_process_watch_scan(w->watch, &w->s), 0);
	for (i = 0; i < w->n_events; i++)
		assert_true(lseek(w->events[i].fd, 0, SEEK_SET) == 0);
}

static void put(struct world *w, int pid, int parent, int cpu)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	tree_printf(&w->tree, path, "%d (p) S %d 1 1 0 -1 0 0 0 0 0 %d 0 0 0 20 0 1 0 %d 4096 100 0\n", pid, parent,
		    cpu, pid);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, pid);
	tree_write(&w->tree, path, "");
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char path[300], self[32];

	tree_create(&w->tree);
	tree_env(&w->tree, &w->env);
	w->env.now_ns = now;
	w->env.perf_event_open = open_event;
	w->env.process_cpu_ns = NULL;
	w->env.ctx = w;
	put(w, 10, 1, 100);
	tree_write(&w->tree, "/proc/stat", "cpu  0 0 0 1000 0 0 0 0 0 0\ncpu0 0 0 0 500 0\n");
	snprintf(path, sizeof(path), "%s/proc/self", w->tree.root);
	snprintf(self, sizeof(self), "%d", (int)getpid());
	assert_int_equal(symlink(self, path), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	size_t i;

	jm_process_watch_destroy(w->watch);
	for (i = 0; i < w->n_events; i++)
		close(w->events[i].fd);
	tree_remove(&w->tree);
	free(w);
	return 0;
}

static void watch(struct world *w, size_t max_open)
{
	struct jm_process_options options = {.with_counts = true, .max_open = max_open};

	assert_int_equal(jm_process_watch_create(&w->env, &options, &w->watch, NULL), 0);
	assert_int_equal(jm_process_watch_add(w->watch, 10, false, NULL), 0);
}

static const struct jm_process_count *row(const struct world *w, uint32_t process)
{
	size_t i;

	for (i = 0; i < w->s.n_counts; i++)
		if (w->s.counts[i].process == process)
			return &w->s.counts[i];
	return NULL;
}

static void each_process_is_counted_from_when_it_came(void **state)
{
	struct world *w = *state;
	const char *why;

	watch(w, 0);
	assert_string_equal(jm_process_watch_counts(w->watch, &why), "user and kernel mode");
	assert_null(why);
	scan(w);
	assert_non_null(row(w, JM_PROCESS_MACHINE));
	put(w, 10, 1, 103);
	count(w, 10, PERF_COUNT_HW_CPU_CYCLES, 5000, false);
	count(w, 10, PERF_COUNT_HW_INSTRUCTIONS, 700, true);
	count(w, -1, PERF_COUNT_HW_CPU_CYCLES, 900, false);
	scan(w);
	assert_true(row(w, 0)->counts[JM_COUNT_CYCLES] == 5000);
	assert_true(row(w, 0)->counts[JM_COUNT_INSTRUCTIONS] == 1400);
	assert_true(row(w, JM_PROCESS_MACHINE)->counts[JM_COUNT_CYCLES] == 900 * sysconf(_SC_NPROCESSORS_CONF));
	/* One that has not run has no row, as it has no sample. */
	scan(w);
	assert_null(row(w, 0));
	assert_non_null(row(w, JM_PROCESS_MACHINE));
}

static void threads_add_up_and_what_one_lacks_all_lack(void **state)
{
	struct world *w = *state;

	tree_write(&w->tree, "/proc/10/task/11/stat", "");
	w->no_misses = true;
	watch(w, 0);
	scan(w);
	put(w, 10, 1, 103);
	count(w, 10, PERF_COUNT_HW_CPU_CYCLES, 5000, false);
	count(w, 11, PERF_COUNT_HW_CPU_CYCLES, 300, false);
	scan(w);
	assert_true(row(w, 0)->counts[JM_COUNT_CYCLES] == 5300);
	assert_true(row(w, 0)->counts[JM_COUNT_LLC_MISSES] == -1);
}

static void a_child_is_counted_by_itself(void **state)
{
	struct world *w = *state;

	watch(w, 0);
	scan(w);
	put(w, 20, 10, 5);
	scan(w);
	put(w, 20, 10, 8);
	count(w, 20, PERF_COUNT_HW_CPU_CYCLES, 77, false);
	scan(w);
	assert_true(row(w, 1)->counts[JM_COUNT_CYCLES] == 77);
	/* Its last stretch is counted, too. */
	tree_write(&w->tree, "/proc/20/stat", "");
	count(w, 20, PERF_COUNT_HW_CPU_CYCLES, 99, false);
	tree_printf(&w->tree, "/proc/10/stat", "10 (p) S 1 1 1 0 -1 0 0 0 0 0 100 0 10 0 20 0 1 0 10 4096 100 0\n");
	scan(w);
	assert_true(row(w, 1)->counts[JM_COUNT_CYCLES] == 99);
}

static void user_mode_is_taken_where_no_more_is_allowed(void **state)
{
	struct world *w = *state;

	w->no_kernel = w->no_machine = true;
	watch(w, 0);
	assert_string_equal(jm_process_watch_counts(w->watch, NULL), "user mode");
	scan(w);
	assert_non_null(row(w, 0));
	assert_null(row(w, JM_PROCESS_MACHINE));
}

static void why_nothing_is_counted_is_said(void **state)
{
	struct world *w = *state;
	const char *why;

	w->nothing = true;
	watch(w, 0);
	assert_null(jm_process_watch_counts(w->watch, &why));
	assert_non_null(strstr(why, "shows no counters"));
	scan(w);
	assert_int_equal(w->s.n_counts, 0);
}

static void those_of_another_namespace_are_not_counted(void **state)
{
	struct world *w = *state;
	char path[300];
	const char *why;

	snprintf(path, sizeof(path), "%s/proc/self", w->tree.root);
	unlink(path);
	watch(w, 0);
	assert_null(jm_process_watch_counts(w->watch, &why));
	assert_non_null(strstr(why, "other numbers"));
	assert_int_equal(w->n_events, 0);
}

/* Descriptors are kept for stat; who gets no counters is told once. */
static void counters_end_where_descriptors_do(void **state)
{
	struct world *w = *state;
	int i;

	w->no_machine = true;
	watch(w, 20);
	for (i = 0; i < 9; i++)
		put(w, 20 + i, 10, 0);
	scan(w);
	assert_int_equal(w->s.n_samples, 10);
	assert_int_equal(w->s.n_counts, 3);
	assert_non_null(strstr(jm_process_watch_note(w->watch, 0), "not all processes have hardware counters"));
	assert_null(jm_process_watch_note(w->watch, 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_process_is_counted_from_when_it_came),
	    TEST(threads_add_up_and_what_one_lacks_all_lack),
	    TEST(a_child_is_counted_by_itself),
	    TEST(user_mode_is_taken_where_no_more_is_allowed),
	    TEST(why_nothing_is_counted_is_said),
	    TEST(those_of_another_namespace_are_not_counted),
	    TEST(counters_end_where_descriptors_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
