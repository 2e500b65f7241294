#include "service/items.h"
#include "session/live_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "support/tree.h"

/* A machine with two processes and a sensor that is a script. */
struct world {
	struct tree tree;
	struct jm_env env;
	struct jm_live *live;
	struct jm_items *items;
};

static void put(struct world *w, int pid, int start_ticks)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	tree_printf(&w->tree, path, "%d (p%d) S 1 1 1 0 -1 0 0 0 0 0 1 0 0 0 20 0 1 0 %d 4096 1 0\n", pid, pid,
		    start_ticks);
}

/* The descriptor of its file, which is kept open, is at its end. */
static void drop(struct world *w, int pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	tree_write(&w->tree, path, "");
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char choice[700];
	struct jm_live_options options = {.size = sizeof(options), .sensors = choice};

	tree_create(&w->tree);
	jm_env_init(&w->env);
	snprintf(w->env.root, sizeof(w->env.root), "%s", w->tree.root);
	tree_write(&w->tree, "/proc/stat", "cpu  0 0 0 9 0 0 0 0 0 0\ncpu0 0 0 0 9 0\n");
	tree_write(&w->tree, "/proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 500 kB\n");
	tree_write(&w->tree, "/script",
		   "channel c energy counter domain=package interpolate=yes step=0.001\n0 c 0\n1000s c 1\n");
	snprintf(choice, sizeof(choice), "replay:%s/script", w->tree.root);
	put(w, 10, 100);
	put(w, 20, 200);
	assert_int_equal(jm_live_open_env(&w->env, &options, &w->live, NULL), 0);
	assert_int_equal(jm_items_create(w->live, &w->items), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	jm_items_destroy(w->items);
	jm_live_close(w->live);
	tree_remove(&w->tree);
	free(w);
	return 0;
}

static int add_to_pod(struct world *w, const char *item, uint64_t count, const char *pod, uint64_t *total)
{
	struct jm_items_told told = {.count = count};

	snprintf(told.item, sizeof(told.item), "%s", item);
	snprintf(told.pod, sizeof(told.pod), "%s", pod);
	return jm_items_add(w->items, &told, total, NULL);
}

static int add(struct world *w, const char *item, uint64_t count, int64_t pid, uint64_t *total)
{
	struct jm_items_told told = {.count = count, .pid = pid};

	snprintf(told.item, sizeof(told.item), "%s", item);
	return jm_items_add(w->items, &told, total, NULL);
}

static size_t n_sums(struct world *w, enum jm_items_scope scope, struct jm_items_sum *last)
{
	struct jm_items_sum sum;
	size_t at = 0, n = 0;

	while (jm_items_next(w->items, &at, &sum)) {
		if (sum.scope != scope)
			continue;
		*last = sum;
		n++;
	}
	return n;
}

static int reads(const char *text, struct jm_items_told *out)
{
	return jm_items_read(text, strlen(text), out, NULL);
}

static void a_message_is_read(void **state)
{
	struct jm_items_told told;

	(void)state;
	assert_int_equal(reads("{\"count\": 32, \"item\": \"org/model:v1.2-int8\", \"pid\": 7}", &told), 0);
	assert_int_equal(told.count, 32);
	assert_int_equal(told.pid, 7);
	assert_string_equal(told.item, "org/model:v1.2-int8");
	assert_int_equal(reads("{\"count\":1}", &told), 0);
	assert_string_equal(told.item, "inference");
	assert_int_equal(told.pid, 0);
}

static void what_is_no_message_is_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "[]",
	    "{}",
	    "{\"item\":\"a\"}",
	    "{\"count\":0}",
	    "{\"count\":-1}",
	    "{\"count\":1.5}",
	    "{\"count\":1000000001}",
	    "{\"count\":\"1\"}",
	    "{\"count\":1,\"pid\":0}",
	    "{\"count\":1,\"pid\":4294967297}",
	    "{\"count\":1,\"item\":\"\"}",
	    "{\"count\":1,\"item\":\"a b\"}",
	    "{\"count\":1,\"item\":\"a\\u0000b\"}",
	    "{\"count\":1,\"item\":\"\xc3\xa4\"}",
	    "{\"count\":1,\"item\":\"a\\\"b\"}",
	    "{\"count\":1,\"item\":[\"a\"]}",
	    "{\"count\":1,\"what\":1}",
	    "{\"count\":1}{",
	    "{\"count\":1,\"pod\":\"\"}",
	    "{\"count\":1,\"pod\":\"a b\"}",
	    "{\"count\":1,\"pod\":\"a\",\"pid\":1}",
	    "{\"count\":1,\"item\":\"0123456789012345678901234567890123456789012345678901234567890123\"}",
	};
	struct jm_items_told told;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (reads(bad[i], &told) == 0)
			fail_msg("taken: %s", bad[i]);
}

static void items_add_up_by_name_and_by_process(void **state)
{
	struct world *w = *state;
	struct jm_items_sum sum;
	uint64_t total;

	assert_int_equal(add(w, "inference", 5, 0, &total), 0);
	assert_int_equal(add(w, "inference", 7, 10, &total), 0);
	assert_int_equal(add(w, "inference", 1, 10, &total), 0);
	assert_int_equal(total, 13);
	assert_int_equal(n_sums(w, JM_ITEMS_OF_ALL, &sum), 1);
	assert_int_equal(sum.count, 13);
	assert_int_equal(n_sums(w, JM_ITEMS_OF_PROCESS, &sum), 1);
	assert_int_equal(sum.count, 8);
	assert_int_equal(add(w, "token", 100, 10, &total), 0);
	assert_int_equal(total, 100);
	assert_int_equal(add(w, "inference", 2, 20, &total), 0);
	assert_int_equal(n_sums(w, JM_ITEMS_OF_ALL, &sum), 2);
	assert_int_equal(n_sums(w, JM_ITEMS_OF_PROCESS, &sum), 3);
}

static void a_process_that_is_not_there_counts_nothing(void **state)
{
	struct world *w = *state;
	struct jm_items_sum sum;
	uint64_t total;

	assert_int_equal(add(w, "inference", 5, 99, &total), JM_E_NOT_FOUND);
	assert_int_equal(n_sums(w, JM_ITEMS_OF_ALL, &sum), 0);
	assert_int_equal(n_sums(w, JM_ITEMS_OF_PROCESS, &sum), 0);
}

static void a_process_that_has_ended_is_forgotten_but_not_what_it_did(void **state)
{
	struct world *w = *state;
	struct jm_items_sum sum;
	uint64_t total;

	assert_int_equal(add(w, "inference", 5, 10, &total), 0);
	assert_int_equal(add(w, "inference", 6, 20, &total), 0);
	drop(w, 10);
	assert_int_equal(jm_live_tick(w->live, NULL), 0);
	jm_items_tidy(w->items);
	assert_int_equal(n_sums(w, JM_ITEMS_OF_PROCESS, &sum), 1);
	assert_int_equal(sum.count, 6);
	assert_int_equal(n_sums(w, JM_ITEMS_OF_ALL, &sum), 1);
	assert_int_equal(sum.count, 11);
	/* Another process of the same number begins at none. */
	put(w, 10, 900);
	assert_int_equal(add(w, "inference", 1, 10, &total), 0);
	assert_int_equal(total, 12);
	assert_int_equal(n_sums(w, JM_ITEMS_OF_PROCESS, &sum), 2);
	assert_int_equal(sum.count, 1);
}

static void items_add_up_by_pod(void **state)
{
	struct world *w = *state;
	struct jm_items_sum sum;
	uint64_t total;

	assert_int_equal(add_to_pod(w, "inference", 5, "0a1b-2c", &total), 0);
	assert_int_equal(add_to_pod(w, "inference", 6, "0a1b-2c", &total), 0);
	assert_int_equal(n_sums(w, JM_ITEMS_OF_POD, &sum), 1);
	assert_int_equal(sum.count, 11);
	assert_string_equal(sum.pod, "0a1b-2c");
	assert_int_equal(add_to_pod(w, "inference", 1, "ffff-00", &total), 0);
	assert_int_equal(total, 12);
	assert_int_equal(n_sums(w, JM_ITEMS_OF_POD, &sum), 2);
	assert_int_equal(n_sums(w, JM_ITEMS_OF_ALL, &sum), 1);
	assert_int_equal(n_sums(w, JM_ITEMS_OF_PROCESS, &sum), 0);
}

static void pods_that_are_gone_make_room(void **state)
{
	struct world *w = *state;
	struct jm_items_sum sum;
	uint64_t total;
	char pod[48];
	int i;

	/* Process 10 runs in a pod and is watched. */
	tree_write(&w->tree, "/proc/10/cgroup",
		   "0::/kubepods.slice/kubepods-pod11111111_2222_3333_4444_555555555555.slice/cri-containerd-"
		   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope\n");
	assert_int_equal(add(w, "inference", 1, 10, &total), 0);
	assert_int_equal(jm_live_tick(w->live, NULL), 0);
	assert_int_equal(add_to_pod(w, "inference", 7, "11111111-2222-3333-4444-555555555555", &total), 0);
	for (i = 1; i < JM_ITEMS_EACH_MAX; i++) {
		snprintf(pod, sizeof(pod), "pod-%d", i);
		assert_int_equal(add_to_pod(w, "inference", 1, pod, &total), 0);
	}
	assert_int_equal(n_sums(w, JM_ITEMS_OF_POD, &sum), JM_ITEMS_EACH_MAX);
	assert_int_equal(add_to_pod(w, "inference", 2, "one-more", &total), 0);
	assert_int_equal(n_sums(w, JM_ITEMS_OF_POD, &sum), 2);
	assert_int_equal(total, 1 + 7 + (JM_ITEMS_EACH_MAX - 1) + 2);
	assert_int_equal(add_to_pod(w, "inference", 1, "11111111-2222-3333-4444-555555555555", &total), 0);
	assert_int_equal(n_sums(w, JM_ITEMS_OF_POD, &sum), 2);
}

static void names_have_a_limit(void **state)
{
	struct world *w = *state;
	uint64_t total;
	char name[16];
	int i;

	for (i = 0; i < JM_ITEMS_MAX; i++) {
		snprintf(name, sizeof(name), "item-%d", i);
		assert_int_equal(add(w, name, 1, 0, &total), 0);
	}
	assert_int_equal(add(w, "one-more", 1, 0, &total), JM_E_FULL);
	assert_int_equal(add(w, "one-more", 1, 10, &total), JM_E_FULL);
	assert_int_equal(add(w, "item-0", 1, 0, &total), 0);
	assert_int_equal(total, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_message_is_read),
	    cmocka_unit_test(what_is_no_message_is_refused),
	    cmocka_unit_test_setup_teardown(items_add_up_by_name_and_by_process, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_process_that_is_not_there_counts_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_process_that_has_ended_is_forgotten_but_not_what_it_did, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(items_add_up_by_pod, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(pods_that_are_gone_make_room, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(names_have_a_limit, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
