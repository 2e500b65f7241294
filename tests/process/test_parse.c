#include "process/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define REST " S 7 10 10 0 -1 4194304 98 0 1 0 12 30 4 5 20 0 3 0 1230953 3133440 378 18446744073709551615 0\n"

static int parse(const char *text, struct jm_proc_stat *out)
{
	return jm_proc_parse_stat(text, strlen(text), out);
}

static void fields_are_found(void **state)
{
	struct jm_proc_stat s;

	(void)state;
	assert_int_equal(parse("42 (cat)" REST, &s), 0);
	assert_string_equal(s.comm, "cat");
	assert_int_equal(s.state, 'S');
	assert_int_equal(s.parent_pid, 7);
	assert_int_equal(s.cpu_ticks, 42);
	assert_int_equal(s.reaped_ticks, 9);
	assert_int_equal(s.n_threads, 3);
	assert_int_equal(s.start_ticks, 1230953);
	assert_int_equal(s.rss_pages, 378);
}

static void a_name_may_hold_anything(void **state)
{
	static const char *const names[] = {"a b", "a) S 1 (b", "((", "))", "", "a\nb", " 1 2 3 "};
	struct jm_proc_stat s;
	char text[300];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text), "42 (%s)" REST, names[i]);
		assert_int_equal(parse(text, &s), 0);
		assert_string_equal(s.comm, names[i]);
		assert_int_equal(s.parent_pid, 7);
		assert_int_equal(s.start_ticks, 1230953);
	}
}

static void a_long_name_is_cut(void **state)
{
	struct jm_proc_stat s;
	char text[400], name[200];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[150] = '\0';
	snprintf(text, sizeof(text), "42 (%s)" REST, name);
	assert_int_equal(parse(text, &s), 0);
	assert_int_equal(strlen(s.comm), JM_COMM_MAX - 1);
}

static void what_is_cut_short_is_malformed(void **state)
{
	const char *text = "42 (cat)" REST;
	struct jm_proc_stat s;
	size_t n, end = (size_t)(strstr(text, " 378") - text);

	(void)state;
	for (n = 0; n <= end; n++)
		assert_int_equal(jm_proc_parse_stat(text, n, &s), JM_E_FORMAT);
	assert_int_equal(parse("", &s), JM_E_FORMAT);
	assert_int_equal(parse(")(", &s), JM_E_FORMAT);
	assert_int_equal(parse("1 (a) S x 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", &s), JM_E_FORMAT);
}

static void idle_waiting_and_stolen_time_is_nobodys(void **state)
{
	const char *text =
	    "cpu  100 1 50 1000 20 3 4 7 0 0\ncpu0 50 0 25 500 10 1 2 3 0 0\ncpu1 50 1 25 500 10 2 2 4 0 0\n"
	    "intr 1 2 3\nctxt 9\nprocesses 4711\nprocs_running 1\n";
	struct jm_proc_machine m;

	(void)state;
	assert_int_equal(jm_proc_parse_machine(text, strlen(text), &m), 0);
	assert_int_equal(m.idle_ticks, 1027);
	assert_int_equal(m.n_cpus, 2);
	assert_int_equal(m.n_forks, 4711);
	text = "cpu  100 1 50 1000 20 3 4\ncpu0 100 1 50 1000 20 3 4\n";
	assert_int_equal(jm_proc_parse_machine(text, strlen(text), &m), 0);
	assert_int_equal(m.idle_ticks, 1020);
	assert_int_equal(m.n_forks, 0);
	assert_int_equal(jm_proc_parse_machine("intr 1\n", 7, &m), JM_E_FORMAT);
}

static void numbers_of_namespaces_are_listed(void **state)
{
	const char *text = "Name:\tx\nNSpid:\t4711\t12\t1\nNSsid:\t1\n";
	int64_t pids[4];

	(void)state;
	assert_int_equal(jm_proc_status_numbers(text, strlen(text), "NSpid:", pids, 4), 3);
	assert_int_equal(pids[0], 4711);
	assert_int_equal(pids[2], 1);
	assert_int_equal(jm_proc_status_numbers(text, strlen(text), "NSpid:", pids, 2), 2);
	assert_int_equal(jm_proc_status_numbers(text, strlen(text), "NSgid:", pids, 4), 0);
}

static void private_memory_is_added_up(void **state)
{
	const char *text = "55 rollup\nRss:  2000 kB\nPss:  900 kB\nPrivate_Clean: 100 kB\nPrivate_Dirty: 600 kB\n";
	int64_t kb;

	(void)state;
	assert_int_equal(jm_proc_kilobytes(text, strlen(text), "Private_", &kb), 0);
	assert_int_equal(kb, 700);
	assert_int_equal(jm_proc_kilobytes(text, strlen(text), "Pss:", &kb), 0);
	assert_int_equal(kb, 900);
	assert_int_equal(jm_proc_kilobytes(text, strlen(text), "Swap:", &kb), JM_E_NOT_FOUND);
}

static void check_cgroup(const char *text, const char *expected)
{
	const char *path;
	size_t n = jm_proc_cgroup(text, strlen(text), &path);

	assert_int_equal(n, strlen(expected));
	assert_memory_equal(path, expected, n);
}

static void the_deepest_cgroup_counts(void **state)
{
	const char *path;

	(void)state;
	check_cgroup("0::/system.slice/a.scope\n", "/system.slice/a.scope");
	check_cgroup("9:name=systemd:/\n4:memory:/docker/abc\n1:cpu:/docker/abc\n0::/\n", "/docker/abc");
	check_cgroup("1:cpu:/x\n0::/y", "/y");
	assert_int_equal(jm_proc_cgroup("nonsense\n1:cpu\n", 15, &path), 0);
	assert_int_equal(jm_proc_cgroup("", 0, &path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_are_found),
	    cmocka_unit_test(a_name_may_hold_anything),
	    cmocka_unit_test(a_long_name_is_cut),
	    cmocka_unit_test(what_is_cut_short_is_malformed),
	    cmocka_unit_test(idle_waiting_and_stolen_time_is_nobodys),
	    cmocka_unit_test(numbers_of_namespaces_are_listed),
	    cmocka_unit_test(private_memory_is_added_up),
	    cmocka_unit_test(the_deepest_cgroup_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
