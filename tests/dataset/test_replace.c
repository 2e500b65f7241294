/* Every call that can fail while training data are written does so once, in turn; and the process is killed at each. Then the old tables are
 * whole, or the new ones are; never a part of a table, and without a kill never a mixture. */
#define _GNU_SOURCE
#include "dataset/dataset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/faults.h"
#include "support/tree.h"

#define CALLS_MAX 5000

static const char *const networks[] = {"a", "b"};

/* Tables of two networks: version 0 has softmax where version 1 has layer_norm, and another network is new in version 1. */
static void make(struct jm_dataset *d, int version)
{
	struct jm_dataset_row row = {
	    .layer = (char *)"l", .type = (char *)"T", .power_w = NAN, .runtime_ms = 1 + version};
	size_t i;

	*d = (struct jm_dataset){0};
	for (i = 0; i < 2; i++) {
		row.network = (char *)(uintptr_t)networks[i];
		row.features = (struct jm_features){.kind = JM_LAYER_DENSE, .values = {1, 10, 10, 10}};
		assert_int_equal(jm_dataset_add(d, &row), 0);
		row.features =
		    (struct jm_features){.kind = version ? JM_LAYER_LAYER_NORM : JM_LAYER_SOFTMAX, .values = {4, 5}};
		assert_int_equal(jm_dataset_add(d, &row), 0);
	}
	row.network = (char *)"c";
	if (version)
		assert_int_equal(jm_dataset_add(d, &row), 0);
	jm_dataset_sort(d);
}

static int write_version(const char *root, int version, struct jm_error *err)
{
	struct jm_dataset d;
	int rc;

	make(&d, version);
	rc = jm_dataset_write(&d, root, false, err);
	jm_dataset_finish(&d);
	return rc;
}

/* The whole folder as one text: paths and contents. with_hidden: also what is not for readers. */
static char *picture(const struct tree *t, bool with_hidden)
{
	char command[700];
	char *text = calloc(1, 65536);
	FILE *pipe;

	snprintf(command, sizeof(command), "cd '%s' && find . %s | sort && find . -name '[!.]*.csv' | sort | xargs cat",
		 t->root, with_hidden ? "" : "-not -name '.?*.csv.*'");
	pipe = popen(command, "r");
	assert_non_null(text);
	assert_non_null(pipe);
	text[fread(text, 1, 65535, pipe)] = '\0';
	assert_int_equal(pclose(pipe), 0);
	return text;
}

static struct {
	char *old, *new;
} pictures;

static void start(struct tree *t)
{
	tree_create(t);
	assert_int_equal(write_version(t->root, 0, NULL), 0);
	tree_write(t, "/a/notes.txt", "mine");
}

static void take_pictures(void)
{
	struct tree t;

	start(&t);
	pictures.old = picture(&t, true);
	assert_int_equal(write_version(t.root, 1, NULL), 0);
	pictures.new = picture(&t, true);
	assert_string_not_equal(pictures.old, pictures.new);
	assert_non_null(strstr(pictures.new, "notes.txt"));
	assert_null(strstr(pictures.new, "softmax"));
	tree_remove(&t);
}

static void what_fails_leaves_the_old_tables_whole(void **state)
{
	struct jm_dataset d;
	struct jm_error err;
	struct tree t;
	size_t n_failed = 0;
	long n;
	bool was_hit = true;

	(void)state;
	take_pictures();
	make(&d, 1);
	for (n = 1; was_hit && n < CALLS_MAX; n++) {
		char *now;
		int rc;

		memset(&err, 0, sizeof(err));
		start(&t);
		faults_arm(n, false);
		rc = jm_dataset_write(&d, t.root, false, &err);
		was_hit = faults_disarm();
		/* A name that could not be removed in the end is hidden. */
		now = picture(&t, rc != 0);
		if (strcmp(now, rc ? pictures.old : pictures.new) != 0)
			fail_msg("call %ld: %d (%s)\n%s", n, rc, err.message, now);
		if (rc && !err.message[0])
			fail_msg("call %ld: no message", n);
		n_failed += rc != 0;
		free(now);
		tree_remove(&t);
	}
	assert_false(was_hit);
	assert_true(n_failed > 30);
	jm_dataset_finish(&d);
	free(pictures.old);
	free(pictures.new);
}

/* Each table is the old or the new one; softmax goes last of all, so one of both kinds is there. */
static void assert_tables(const struct tree *t)
{
	struct jm_dataset d = {0};
	size_t n_left_out, i, n_of[2] = {0, 0};

	assert_int_equal(jm_dataset_read(t->root, &d, &n_left_out, NULL), 0);
	for (i = 0; i < d.n; i++) {
		const struct jm_dataset_row *row = &d.rows[i];
		int version = row->runtime_ms > 1.5;

		assert_true(row->runtime_ms == 1 + version);
		assert_int_equal(row->features.values[1], row->features.kind == JM_LAYER_DENSE ? 10 : 5);
		if (row->network[0] != 'c')
			n_of[row->network[0] - 'a'] += row->features.kind == JM_LAYER_DENSE;
	}
	assert_true(n_of[0] == 1 && n_of[1] == 1);
	jm_dataset_finish(&d);
}

static void a_kill_leaves_each_table_whole(void **state)
{
	struct jm_dataset d;
	struct tree t;
	long n;
	int status = 0;

	(void)state;
	make(&d, 1);
	for (n = 1; n < CALLS_MAX; n++) {
		pid_t pid;
		char *now;

		start(&t);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			faults_arm(n, true);
			(void)jm_dataset_write(&d, t.root, false, NULL);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_tables(&t);
		/* Built again, all is well, and what the dead one left is gone. */
		assert_int_equal(write_version(t.root, 1, NULL), 0);
		now = picture(&t, true);
		assert_null(strstr(now, ".csv.new"));
		assert_null(strstr(now, ".csv.old"));
		assert_null(strstr(now, "softmax"));
		free(now);
		tree_remove(&t);
		if (WEXITSTATUS(status) == 0)
			break;
		assert_int_equal(WEXITSTATUS(status), FAULTS_KILLED);
	}
	assert_true(n > 30 && n < CALLS_MAX);
	jm_dataset_finish(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_fails_leaves_the_old_tables_whole),
	    cmocka_unit_test(a_kill_leaves_each_table_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
