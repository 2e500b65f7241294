#include "process/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/tree.h"

#define TICK INT64_C(10000000)
#define MS   INT64_C(1000000)

/* A /proc of files, and a clock. What ends leaves an empty stat behind: the kernel would refuse to read it. */
struct world {
	struct tree tree;
	struct jm_env env;
	int64_t now_ns;
	struct jm_process_watch *watch;
	struct jm_process_snapshot s;
};

static int64_t now(void *ctx)
{
	return ((struct world *)ctx)->now_ns;
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	tree_create(&w->tree);
	jm_env_init(&w->env);
	snprintf(w->env.root, sizeof(w->env.root), "%s", w->tree.root);
	w->env.now_ns = now;
	w->env.process_cpu_ns = NULL;
	w->env.ctx = w;
	w->now_ns = 1000 * MS;
	tree_write(&w->tree, "/proc/stat", "cpu  0 0 0 1000 0 0 0 0 0 0\ncpu0 0 0 0 500 0\ncpu1 0 0 0 500 0\n");
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	jm_process_watch_destroy(w->watch);
	tree_remove(&w->tree);
	free(w);
	return 0;
}

static void put(struct world *w, int pid, const char *name, int parent, int cpu, int reaped, int start)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	tree_printf(&w->tree, path, "%d (%s) S %d 1 1 0 -1 0 0 0 0 0 %d 0 %d 0 20 0 1 0 %d 4096 100 0\n", pid, name,
		    parent, cpu, reaped, start);
}

static void end(struct world *w, int pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	tree_write(&w->tree, path, "");
}

static void watch(struct world *w, bool is_all, size_t max_watched, size_t max_open)
{
	struct jm_process_options options = {.is_all = is_all, .max_watched = max_watched, .max_open = max_open};

	assert_int_equal(jm_process_watch_create(&w->env, &options, &w->watch, NULL), 0);
}

static void scan(struct world *w)
{
	w->now_ns += 100 * MS;
	assert_int_equal(jm_process_watch_scan(w->watch, &w->s), 0);
	assert_int_equal(w->s.step.t_ns, w->now_ns);
}

/* Gives the sample of a process in the last snapshot, by the pid it was described with; ids are told once. */
static const struct jm_process_sample *sample(const struct world *w, uint32_t id)
{
	size_t i;

	for (i = 0; i < w->s.n_samples; i++)
		if (w->s.samples[i].process == id)
			return &w->s.samples[i];
	return NULL;
}

static const struct jm_process *described(const struct world *w, int64_t pid)
{
	size_t i;

	for (i = 0; i < w->s.n_described; i++)
		if (w->s.described[i].pid == pid)
			return &w->s.described[i];
	return NULL;
}

static uint32_t id_of(const struct world *w, int64_t pid)
{
	const struct jm_process *p = described(w, pid);

	assert_non_null(p);
	return p->id;
}

static void all_processes_are_found_and_their_time_counts_from_then(void **state)
{
	struct world *w = *state;
	uint32_t a, b;

	put(w, 10, "a", 1, 500, 0, 100);
	put(w, 20, "b c) (d", 1, 7, 0, 200);
	watch(w, true, 0, 0);
	scan(w);
	a = id_of(w, 10);
	b = id_of(w, 20);
	assert_string_equal(described(w, 20)->name, "b c) (d");
	assert_int_equal(sample(w, a)->cpu_ns, 0);
	assert_int_equal(w->s.step.n_watched, 2);
	assert_true(w->s.step.is_idle_known);
	assert_int_equal(w->s.step.idle_ns, 1000 * TICK);
	assert_int_equal(w->s.step.n_cpus, 2);
	put(w, 10, "a", 1, 503, 0, 100);
	scan(w);
	assert_int_equal(sample(w, a)->cpu_ns, 3 * TICK);
	assert_int_equal(sample(w, a)->rss_bytes, 100 * sysconf(_SC_PAGESIZE));
	/* Nothing happened to this one: no row. */
	assert_null(sample(w, b));
}

static void descendants_are_followed_and_others_are_not(void **state)
{
	struct world *w = *state;

	put(w, 10, "root", 1, 0, 0, 100);
	put(w, 30, "grandchild", 20, 4, 0, 120);
	put(w, 20, "child", 10, 0, 0, 110);
	put(w, 40, "other", 1, 0, 0, 120);
	watch(w, false, 0, 0);
	assert_int_equal(jm_process_watch_add(w->watch, 10, false, NULL), 0);
	scan(w);
	assert_int_equal(w->s.step.n_watched, 3);
	assert_true(described(w, 10)->is_root);
	assert_false(described(w, 30)->is_root);
	assert_null(described(w, 40));
	/* Old ones count from now; one that is new has run since it began. */
	assert_int_equal(sample(w, id_of(w, 30))->cpu_ns, 0);
	put(w, 50, "new", 30, 2, 0, 500);
	scan(w);
	assert_int_equal(sample(w, id_of(w, 50))->cpu_ns, 2 * TICK);
}

static void a_number_used_again_is_another_process(void **state)
{
	struct world *w = *state;
	uint32_t old, renewed;

	put(w, 10, "root", 1, 0, 0, 100);
	put(w, 20, "first", 10, 5, 0, 110);
	watch(w, false, 0, 0);
	jm_process_watch_add(w->watch, 10, false, NULL);
	scan(w);
	old = id_of(w, 20);
	put(w, 20, "second", 10, 9, 0, 300);
	scan(w);
	renewed = id_of(w, 20);
	assert_int_not_equal(old, renewed);
	assert_int_equal(w->s.n_gone, 1);
	assert_int_equal(w->s.gone[0], old);
	assert_int_equal(sample(w, renewed)->cpu_ns, 9 * TICK);
	assert_string_equal(described(w, 20)->name, "second");
}

static void what_ended_between_two_looks_is_in_its_parents_reaped_time(void **state)
{
	struct world *w = *state;
	uint32_t root, child;

	put(w, 10, "root", 1, 0, 3, 100);
	put(w, 20, "child", 10, 0, 0, 110);
	watch(w, false, 0, 0);
	jm_process_watch_add(w->watch, 10, false, NULL);
	scan(w);
	root = id_of(w, 10);
	child = id_of(w, 20);
	put(w, 20, "child", 10, 5, 0, 110);
	scan(w);
	assert_int_equal(sample(w, child)->cpu_ns, 5 * TICK);
	/* It went on and ran 5 ticks more, and another one of 1 was never seen: 3 + 5 + 5 + 1. */
	end(w, 20);
	put(w, 10, "root", 1, 0, 14, 100);
	scan(w);
	assert_int_equal(sample(w, child)->cpu_ns, 10 * TICK);
	assert_int_equal(sample(w, root)->reaped_ns, 1 * TICK);
	assert_int_equal(sample(w, root)->cpu_ns, 0);
	assert_int_equal(w->s.n_gone, 1);
}

static void a_family_that_ends_at_once_is_counted_once(void **state)
{
	struct world *w = *state;
	uint32_t root, child, grandchild;

	put(w, 10, "root", 1, 0, 0, 100);
	put(w, 20, "child", 10, 0, 0, 110);
	put(w, 30, "grandchild", 20, 0, 0, 120);
	watch(w, false, 0, 0);
	jm_process_watch_add(w->watch, 10, false, NULL);
	scan(w);
	root = id_of(w, 10);
	child = id_of(w, 20);
	grandchild = id_of(w, 30);
	put(w, 20, "child", 10, 10, 0, 110);
	put(w, 30, "grandchild", 20, 20, 0, 120);
	scan(w);
	end(w, 20);
	end(w, 30);
	put(w, 10, "root", 1, 1, 31, 100); /* 10 + 20, and one tick nobody saw */
	scan(w);
	/* It is the child's, who was at work when seen last. */
	assert_int_equal(sample(w, child)->cpu_ns, 11 * TICK);
	assert_null(sample(w, grandchild));
	assert_int_equal(sample(w, root)->reaped_ns, 0);
}

static void a_process_that_slept_to_its_end_gets_nothing(void **state)
{
	struct world *w = *state;
	uint32_t root, child;

	put(w, 10, "root", 1, 0, 0, 100);
	put(w, 20, "child", 10, 0, 0, 110);
	watch(w, false, 0, 0);
	jm_process_watch_add(w->watch, 10, false, NULL);
	scan(w);
	root = id_of(w, 10);
	child = id_of(w, 20);
	scan(w);
	scan(w);
	end(w, 20);
	put(w, 10, "root", 1, 1, 6, 100);
	scan(w);
	assert_null(sample(w, child));
	assert_int_equal(sample(w, root)->reaped_ns, 6 * TICK);
}

static void a_parent_that_waits_late_takes_nothing_twice(void **state)
{
	struct world *w = *state;
	uint32_t root;

	put(w, 10, "root", 1, 0, 0, 100);
	put(w, 20, "child", 10, 0, 0, 110);
	watch(w, false, 0, 0);
	jm_process_watch_add(w->watch, 10, false, NULL);
	scan(w);
	root = id_of(w, 10);
	put(w, 20, "child", 10, 8, 0, 110);
	scan(w);
	/* The parent's stat was read before it waited, the child's behind that. */
	end(w, 20);
	scan(w);
	put(w, 10, "root", 1, 1, 8, 100);
	scan(w);
	assert_int_equal(sample(w, root)->reaped_ns, 0);
}

static void more_processes_than_descriptors_are_read_all_the_same(void **state)
{
	struct world *w = *state;
	size_t i;

	for (i = 0; i < 50; i++)
		put(w, 100 + (int)i, "p", 1, 0, 0, 100 + (int)i);
	watch(w, true, 0, 10);
	scan(w);
	assert_int_equal(w->s.n_samples, 50);
	for (i = 0; i < 50; i++)
		put(w, 100 + (int)i, "p", 1, (int)i + 1, 0, 100 + (int)i);
	scan(w);
	assert_int_equal(w->s.n_samples, 50);
	for (i = 0; i < 50; i++)
		assert_int_equal(w->s.samples[i].cpu_ns, (int64_t)(w->s.samples[i].process + 1) * TICK);
	end(w, 149);
	scan(w);
	assert_int_equal(w->s.n_gone, 1);
}

static void a_fork_bomb_is_bounded_and_said(void **state)
{
	struct world *w = *state;
	int i;

	put(w, 10, "root", 1, 0, 0, 100);
	watch(w, false, 20, 0);
	jm_process_watch_add(w->watch, 10, false, NULL);
	scan(w);
	assert_null(jm_process_watch_note(w->watch, 0));
	for (i = 0; i < 600; i++)
		put(w, 1000 + i, "bomb", i ? 999 + i : 10, 1, 0, 200 + i);
	scan(w);
	assert_int_equal(w->s.step.n_watched, 20);
	assert_non_null(strstr(jm_process_watch_note(w->watch, 0), "more than 20 processes"));
	scan(w);
	assert_int_equal(w->s.step.n_watched, 20);
	assert_null(jm_process_watch_note(w->watch, 1));
}

static void a_chain_longer_than_one_batch_is_followed(void **state)
{
	struct world *w = *state;
	int i;

	put(w, 10, "root", 1, 0, 0, 100);
	watch(w, false, 0, 0);
	jm_process_watch_add(w->watch, 10, false, NULL);
	scan(w);
	/* The numbers have wrapped: each child stands before its parent. */
	for (i = 0; i < 700; i++)
		put(w, 2000 - i, "link", i ? 2001 - i : 10, 1, 0, 200 + i);
	scan(w);
	scan(w);
	scan(w);
	assert_int_equal(w->s.step.n_watched, 701);
}

static void a_process_that_is_not_there_is_named(void **state)
{
	struct world *w = *state;
	struct jm_error err;

	watch(w, false, 0, 0);
	assert_int_equal(jm_process_watch_add(w->watch, 4711, false, &err), JM_E_NOT_FOUND);
	assert_non_null(strstr(err.message, "4711"));
	assert_int_equal(jm_process_watch_add(w->watch, -1, false, &err), JM_E_NOT_FOUND);
	put(w, 12, "x", 1, 0, 0, 1);
	end(w, 12);
	assert_int_equal(jm_process_watch_add(w->watch, 12, false, &err), JM_E_NOT_FOUND);
	scan(w);
	assert_int_equal(w->s.step.n_watched, 0);
}

static void what_a_process_is_is_read(void **state)
{
	struct world *w = *state;
	const struct jm_process *p;
	char full[600];
	FILE *f;

	put(w, 10, "python3", 1, 0, 0, 100);
	snprintf(full, sizeof(full), "%s/proc/10/cmdline", w->tree.root);
	f = fopen(full, "w");
	fwrite("python3\0-c\0print(1)\n", 1, 20, f);
	fclose(f);
	tree_write(&w->tree, "/proc/10/cgroup", "0::/docker/0123456789abcdef\n");
	tree_write(&w->tree, "/proc/10/status", "Name:\tpython3\nNSpid:\t10\t7\n");
	tree_write(&w->tree, "/proc/10/smaps_rollup", "x\nPss: 300 kB\nPrivate_Dirty: 200 kB\n");
	watch(w, true, 0, 0);
	scan(w);
	p = described(w, 10);
	assert_string_equal(p->command, "python3 -c print(1) ");
	assert_string_equal(p->runtime, "docker");
	assert_string_equal(p->container, "0123456789abcdef");
	assert_int_equal(p->ns_pid, 7);
	assert_int_equal(w->s.n_memory, 0);
	w->now_ns += 2000 * MS;
	scan(w);
	assert_int_equal(w->s.n_memory, 1);
	assert_int_equal(w->s.memory[0].pss_bytes, 300 * 1024);
	assert_int_equal(w->s.memory[0].uss_bytes, 200 * 1024);
	scan(w);
	assert_int_equal(w->s.n_memory, 0);
	w->now_ns += 60000 * MS;
	scan(w);
	assert_int_equal(w->s.n_memory, 1);
}

static int process_clock(void *ctx, pid_t pid, int64_t *out)
{
	(void)ctx;
	*out = pid == 10 ? 123456789 : 5;
	return 0;
}

/* The clock is of our namespace: it is not asked where "self" is somebody else, or nobody. */
static void a_clock_of_another_namespace_is_not_used(void **state)
{
	struct world *w = *state;

	put(w, 10, "a", 1, 5, 0, 100);
	w->env.process_cpu_ns = process_clock;
	watch(w, true, 0, 0);
	assert_non_null(strstr(jm_process_watch_clock(w->watch), "ticks"));
	scan(w);
	put(w, 10, "a", 1, 6, 0, 100);
	scan(w);
	assert_int_equal(w->s.samples[0].cpu_ns, TICK);
	assert_int_equal(jm_process_watch_quantum_ns(w->watch), TICK);
}

static void hidden_processes_are_said(void **state)
{
	struct world *w = *state;
	char path[300];
	bool was_root;

	put(w, 10, "a", 1, 0, 0, 100);
	tree_write(&w->tree, "/proc/99/mounts", "proc /proc proc rw,nosuid,hidepid=invisible 0 0\n");
	snprintf(path, sizeof(path), "%s/proc/self", w->tree.root);
	assert_int_equal(symlink("99", path), 0);
	assert_int_equal(chmod(w->tree.root, 0755), 0);
	was_root = geteuid() == 0 && seteuid(65534) == 0; /* who sees all, whatever the mount says */
	watch(w, true, 0, 0);
	assert_true(!was_root || seteuid(0) == 0);
	assert_non_null(strstr(jm_process_watch_note(w->watch, 0), "hidepid"));
}

static void a_list_of_groups_without_end_is_read_to_a_bound(void **state)
{
	struct world *w = *state;
	size_t n = 1000000, i;
	char *text = malloc(n * 16 + 1);

	for (i = 0; i < n; i++)
		memcpy(text + i * 16, "000007:name:/a\n\n", 16);
	text[n * 16] = '\0';
	tree_write(&w->tree, "/proc/10/cgroup", text);
	put(w, 10, "a", 1, 0, 0, 100);
	free(text);
	watch(w, true, 0, 0);
	scan(w);
	assert_string_equal(described(w, 10)->cgroup, "/a");
}

static void without_proc_it_says_so(void **state)
{
	struct world *w = *state;
	struct jm_process_options options = {.is_all = true};
	struct jm_error err;

	snprintf(w->env.root, sizeof(w->env.root), "%s/nowhere", w->tree.root);
	assert_int_equal(jm_process_watch_create(&w->env, &options, &w->watch, &err), JM_E_NOT_FOUND);
	w->watch = NULL;
}

static void garbage_in_proc_is_left_out(void **state)
{
	struct world *w = *state;

	put(w, 10, "a", 1, 5, 0, 100);
	tree_write(&w->tree, "/proc/11/stat", "11 garbage");
	tree_write(&w->tree, "/proc/12/other", "");
	tree_write(&w->tree, "/proc/99999999999999999999/stat", "1 (a) S 1");
	tree_write(&w->tree, "/proc/1x/stat", "1 (a) S 1");
	tree_write(&w->tree, "/proc/stat", "nonsense\n");
	watch(w, true, 0, 0);
	scan(w);
	assert_int_equal(w->s.step.n_watched, 1);
	assert_false(w->s.step.is_idle_known);
	tree_write(&w->tree, "/proc/10/stat", "10 (a) S");
	scan(w);
	assert_int_equal(w->s.step.n_watched, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(all_processes_are_found_and_their_time_counts_from_then),
	    TEST(descendants_are_followed_and_others_are_not),
	    TEST(a_number_used_again_is_another_process),
	    TEST(what_ended_between_two_looks_is_in_its_parents_reaped_time),
	    TEST(a_family_that_ends_at_once_is_counted_once),
	    TEST(a_process_that_slept_to_its_end_gets_nothing),
	    TEST(a_parent_that_waits_late_takes_nothing_twice),
	    TEST(more_processes_than_descriptors_are_read_all_the_same),
	    TEST(a_fork_bomb_is_bounded_and_said),
	    TEST(a_chain_longer_than_one_batch_is_followed),
	    TEST(a_process_that_is_not_there_is_named),
	    TEST(what_a_process_is_is_read),
	    TEST(a_clock_of_another_namespace_is_not_used),
	    TEST(hidden_processes_are_said),
	    TEST(a_list_of_groups_without_end_is_read_to_a_bound),
	    TEST(without_proc_it_says_so),
	    TEST(garbage_in_proc_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
