#define _GNU_SOURCE
#include "process/counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Counter n counts 1000 * (n + 1) in half of the time; number 3 is not there. */
static long open_counter(void *ctx, void *attr, pid_t pid, int cpu, int group, unsigned long flags)
{
	const struct perf_event_attr *a = attr;
	uint64_t values[3] = {1000 * (a->config + 1), 200, 100};
	int fds[2];

	(void)ctx;
	(void)group;
	(void)flags;
	assert_true(pid == 0 && cpu == -1 && a->inherit && a->enable_on_exec && a->disabled);
	if (a->config == 3) {
		errno = ENOENT;
		return -1;
	}
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], values, sizeof(values)), sizeof(values));
	close(fds[1]);
	return fds[0];
}

static long refuse(void *ctx, void *attr, pid_t pid, int cpu, int group, unsigned long flags)
{
	(void)attr;
	(void)pid;
	(void)cpu;
	(void)group;
	(void)flags;
	errno = *(int *)ctx;
	return -1;
}

static void counts_are_scaled_and_what_is_missing_is_missing(void **state)
{
	struct jm_env env = {.perf_event_open = open_counter};
	struct jm_counters c;
	int64_t value;

	(void)state;
	assert_int_equal(jm_counters_open(&env, &c, NULL), 0);
	assert_int_equal(jm_counters_read(&c, 0, &value), 0);
	assert_int_equal(value, 2000);
	assert_int_equal(jm_counters_read(&c, 1, &value), 0);
	assert_int_equal(value, 4000);
	assert_int_equal(jm_counters_read(&c, 2, &value), JM_E_NOT_FOUND);
	jm_counters_close(&c);
	assert_int_equal(jm_counters_read(&c, 0, &value), JM_E_NOT_FOUND);
}

static void why_there_are_none_is_said(void **state)
{
	int why = EACCES;
	struct jm_env env = {.perf_event_open = refuse, .ctx = &why};
	struct jm_counters c;
	struct jm_error err;

	(void)state;
	assert_int_equal(jm_counters_open(&env, &c, &err), JM_E_PERMISSION);
	assert_non_null(strstr(err.remedy, "perf_event_paranoid"));
	why = ENOENT;
	assert_int_equal(jm_counters_open(&env, &c, &err), JM_E_UNSUPPORTED);
	jm_counters_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts_are_scaled_and_what_is_missing_is_missing),
	    cmocka_unit_test(why_there_are_none_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
