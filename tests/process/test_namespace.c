#define _GNU_SOURCE
#include "process/namespace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/tree.h"

static struct tree tree;
static struct jm_env env;

static void put(int pid, const char *numbers, const char *ns)
{
	char path[64], full[600];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	tree_printf(&tree, path, "Name:\tx\nNSpid:\t%s\n", numbers);
	if (!ns)
		return;
	snprintf(path, sizeof(path), "/proc/%d/ns", pid);
	tree_mkdir(&tree, path);
	snprintf(full, sizeof(full), "%s%s/pid", tree.root, path);
	assert_int_equal(symlink(ns, full), 0);
}

static int set_up(void **state)
{
	(void)state;
	tree_create(&tree);
	tree_env(&tree, &env);
	put(100, "100\t1", "pid:[1]");
	put(101, "101\t7", "pid:[1]");
	put(200, "200\t1", "pid:[2]");
	put(201, "201\t7", "pid:[2]");
	put(300, "300\t9\t1", "pid:[3]");
	put(7, "7", "pid:[0]");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tree_remove(&tree);
	return 0;
}

static void a_number_inside_is_found_outside(void **state)
{
	int64_t pid;

	(void)state;
	assert_int_equal(jm_process_from_inner(&env, 7, 100, &pid, NULL), 0);
	assert_int_equal(pid, 101);
	assert_int_equal(jm_process_from_inner(&env, 7, 200, &pid, NULL), 0);
	assert_int_equal(pid, 201);
	assert_int_equal(jm_process_from_inner(&env, 7, 7, &pid, NULL), 0);
	assert_int_equal(pid, 7);
	/* A nested container's process has a number in the outer one, too. */
	assert_int_equal(jm_process_from_inner(&env, 9, 100, &pid, NULL), 0);
	assert_int_equal(pid, 300);
}

static void what_is_not_there_is_said(void **state)
{
	struct jm_error err;
	int64_t pid;

	(void)state;
	assert_int_equal(jm_process_from_inner(&env, 8, 100, &pid, &err), JM_E_NOT_FOUND);
	assert_int_equal(jm_process_from_inner(&env, 1, 999, &pid, &err), JM_E_NOT_FOUND);
	assert_non_null(strstr(err.message, "999"));
}

static void namespaces_that_cannot_be_told_apart_are_no_guess(void **state)
{
	struct jm_error err;
	int64_t pid;

	(void)state;
	put(400, "400\t5", NULL);
	put(401, "401\t5", NULL);
	assert_int_equal(jm_process_from_inner(&env, 5, 100, &pid, &err), JM_E_INVALID);
}

static void an_old_kernel_is_said(void **state)
{
	int64_t pid;

	(void)state;
	tree_write(&tree, "/proc/500/status", "Name:\tx\n");
	assert_int_equal(jm_process_from_inner(&env, 5, 500, &pid, NULL), JM_E_UNSUPPORTED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_number_inside_is_found_outside),
	    TEST(what_is_not_there_is_said),
	    TEST(namespaces_that_cannot_be_told_apart_are_no_guess),
	    TEST(an_old_kernel_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
