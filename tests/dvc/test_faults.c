/* Every allocation, read, write and other call that can fail does so once, in turn, under each verb of versioned data; and the
 * process is killed at each. Then an error is told, nothing is lost or half there, and the verb run again brings it about. */
#define _GNU_SOURCE
#include "faults_fixture.h"

#include <sys/wait.h>

#include "support/sanitized.h"

/* ---- The verbs, each with what must hold after any fault, and once it has succeeded. */
struct trial {
	void (*prepare)(void);
	int (*act)(struct jm_error *err);
	void (*check)(bool is_done);
};

static void prepare_add(void)
{
	make_repository();
	write_data('1', true);
	tree_write(&world, "/repo/data.dvc",
		   "# note\nouts:\n- md5: 00000000000000000000000000000000.dir\n  size: 1\n  nfiles: 1\n  hash: md5\n"
		   "  path: data\n  desc: kept\n");
}

static int act_add(struct jm_error *err)
{
	struct jm_dvc_tally tally = {0};

	return act_on(jm_dvc_add, true, &tally, err);
}

static void check_add(bool is_done)
{
	char path[JM_DVC_PATH_MAX], wanted[300];
	struct jm_dvc_outs outs;
	char *text;
	size_t n;

	assert_data('1', true);
	path_in("repo/data.dvc", path);
	assert_int_equal(jm_dvc_read_file(path, 10000, &text, &n, NULL), 0);
	assert_int_equal(jm_dvc_outs_read("data.dvc", text, n, &outs, NULL), 0);
	/* The .dvc file names nothing that is not in the cache. */
	if (strncmp(outs.outs[0].oid.text, "0000", 4) != 0)
		assert_int_equal(objects_in("repo/.dvc/cache").n, N_WHOLE);
	if (is_done) {
		snprintf(
		    wanted, sizeof(wanted),
		    "# note\nouts:\n- md5: %s\n  size: %zu\n  nfiles: 4\n  hash: md5\n  path: data\n  desc: kept\n",
		    outs.outs[0].oid.text, LARGE + 3 * (size_t)40);
		assert_string_equal(text, wanted);
		assert_int_equal(succeed(jm_dvc_status, false).n_changed, 0);
		assert_true(is_there("repo/.gitignore"));
	}
	jm_dvc_outs_finish(&outs);
	free(text);
}

static void prepare_clean(void)
{
	make_repository();
	write_data('1', false);
	succeed(jm_dvc_add, true);
}

static int act_status(struct jm_error *err)
{
	struct jm_dvc_tally tally = {0};
	int rc = act_on(jm_dvc_status, false, &tally, err);

	if (rc == 0)
		assert_int_equal(tally.n_changed, 0);
	return rc;
}

static void check_clean(bool is_done)
{
	(void)is_done;
	assert_data('1', false);
	assert_int_equal(objects_in("repo/.dvc/cache").n, N_WHOLE);
}

/* The second version is in the workspace and in the cache, the .dvc file says the first. */
static void prepare_checkout(void)
{
	char *text;
	char path[JM_DVC_PATH_MAX];
	size_t n;

	prepare_clean();
	path_in("repo/data.dvc", path);
	assert_int_equal(jm_dvc_read_file(path, 10000, &text, &n, NULL), 0);
	write_data('2', false);
	tree_write(&world, "/repo/data/further", "x");
	succeed(jm_dvc_add, true);
	tree_write(&world, "/repo/data.dvc", text);
	tree_unlink(&world, "/repo/data/two");
	free(text);
}

static int act_checkout(struct jm_error *err)
{
	struct jm_dvc_tally tally = {0};

	return act_on(jm_dvc_checkout, false, &tally, err);
}

static void check_checkout(bool is_done)
{
	size_t i;

	for (i = 0; i < N_FILES; i++)
		(void)version_of(names[i], false); /* whole, or not there */
	assert_int_equal(objects_in("repo/.dvc/cache").n, 2 * N_WHOLE + 1);
	if (!is_done)
		return;
	assert_data('1', false);
	assert_false(is_there("repo/data/further"));
	assert_int_equal(succeed(jm_dvc_status, false).n_changed, 0);
}

static void prepare_links(void)
{
	prepare_checkout();
	tree_write(&world, "/repo/.dvc/config", "[cache]\n    type = hardlink\n");
}

static int act_push(struct jm_error *err)
{
	struct jm_dvc_tally tally = {0};

	return act_on(jm_dvc_push, false, &tally, err);
}

static void check_push(bool is_done)
{
	struct objects there = is_there("store") ? objects_in("store") : (struct objects){0, 0};

	check_clean(is_done);
	/* Where a listing is, its files are. */
	if (there.n_listings || is_done)
		assert_int_equal(there.n, N_WHOLE);
}

static void prepare_pull(void)
{
	prepare_clean();
	succeed(jm_dvc_push, false);
	clear("repo/.dvc/cache");
	clear("repo/data");
}

static int act_pull(struct jm_error *err)
{
	struct jm_dvc_tally tally = {0};
	int rc = act_on(jm_dvc_fetch, false, &tally, err);

	return rc ? rc : act_on(jm_dvc_checkout, false, &tally, err);
}

static void check_pull(bool is_done)
{
	size_t i;

	for (i = 0; i < N_FILES; i++)
		assert_int_not_equal(version_of(names[i], false), '2');
	if (is_there("repo/.dvc/cache/files"))
		(void)objects_in("repo/.dvc/cache");
	assert_int_equal(objects_in("store").n, N_WHOLE);
	if (is_done)
		check_clean(true);
}

static int compare_remote(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally,
			  struct jm_error *err)
{
	int rc = jm_dvc_status_remote(d, r, tally, err);

	if (rc == 0)
		assert_int_equal(tally->n_changed, 0);
	return rc;
}

static void prepare_pushed(void)
{
	prepare_clean();
	succeed(jm_dvc_push, false);
}

static int act_compare(struct jm_error *err)
{
	struct jm_dvc_tally tally = {0};

	return act_on(compare_remote, false, &tally, err);
}

static int set_remote(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally,
		      struct jm_error *err)
{
	struct jm_dvc_request replacing = *r;

	(void)tally;
	replacing.force = true;
	return jm_dvc_remote_add(d, &replacing, "second", "https://x.y/z", true, false, err);
}

static int set_secret(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally,
		      struct jm_error *err)
{
	(void)tally;
	(void)r;
	return jm_dvc_remote_set(d, "second", "password", "s3cret", false, err);
}

static int act_remote(struct jm_error *err)
{
	struct jm_dvc_tally tally = {0};
	int rc = act_on(set_remote, false, &tally, err);

	return rc ? rc : act_on(set_secret, false, &tally, err);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

static void check_remote(bool is_done)
{
	char path[JM_DVC_PATH_MAX];
	struct jm_dvc_config config;
	char *text;
	size_t n;

	path_in("repo/.dvc", path);
	assert_int_equal(jm_dvc_config_load(path, &config, NULL), 0);
	assert_string_equal(jm_dvc_config_get(&config, "remote/store", "url"), "../../store");
	if (is_done) {
		assert_string_equal(jm_dvc_config_get(&config, "core", "remote"), "second");
		assert_string_equal(jm_dvc_config_get(&config, "remote/second", "url"), "https://x.y/z");
		assert_string_equal(jm_dvc_config_get(&config, "remote/second", "password"), "s3cret");
	}
	jm_dvc_config_finish(&config);
	path_in("repo/.dvc/config", path);
	assert_int_equal(jm_dvc_read_file(path, 10000, &text, &n, NULL), 0);
	assert_null(strstr(text, "s3cret"));
	assert_non_null(strstr(text, "# kept\n"));
	/* DVC refuses settings that have a section twice. */
	assert_true(count(text, "[core]") == 1 && count(text, "\"second\"") <= 1);
	free(text);
}

static void prepare_nothing(void)
{
	clear("");
	tree_mkdir(&world, "/repo");
}

static int act_init(struct jm_error *err)
{
	char path[JM_DVC_PATH_MAX];
	int rc;

	path_in("repo", path);
	rc = jm_dvc_init(path, err);
	return rc == JM_E_EXISTS && is_there("repo/.dvc/config") ? 0 : rc;
}

static void check_init(bool is_done)
{
	if (is_done)
		assert_true(is_there("repo/.dvc/config") && is_there("repo/.dvc/.gitignore") &&
			    is_there("repo/.dvcignore"));
}

/* ---- Each fault in turn. */
static bool fault_in_child(const struct trial *trial, long at)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		struct jm_error err = {0};

		faults_arm(at, true);
		_exit(trial->act(&err) ? 1 : 0);
	}
	assert_true(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FAULTS_KILLED);
	return WEXITSTATUS(status) == FAULTS_KILLED;
}

static bool fault_here(const struct trial *trial, long at, int *rc)
{
	struct jm_error err = {0};
	int n_descriptors = tree_count_descriptors();
	bool came;

	faults_arm(at, false);
	*rc = trial->act(&err);
	came = faults_disarm();
	if (*rc && (err.code != *rc || !err.message[0]))
		fail_msg("fault %ld: %d, but the error has code %d and says '%s'", at, *rc, err.code, err.message);
	assert_int_equal(tree_count_descriptors(), n_descriptors);
	return came;
}

static void try_all(const struct trial *trial, bool kill)
{
	struct jm_error err = {0};
	bool came = true;
	long at;

	/* Where exactly it is killed matters less; and sanitizers take their time. */
	for (at = 1; came; at += (kill ? 5 : 1) * (IS_SANITIZED ? 3 : 1)) {
		int rc = 0;

		trial->prepare();
		came = kill ? fault_in_child(trial, at) : fault_here(trial, at, &rc);
		trial->check(rc == 0 && !(kill && came));
		if (!came)
			assert_int_equal(rc, 0);
		if (trial->act(&err))
			fail_msg("after fault %ld: %s", at, err.message);
		trial->check(true);
	}
	assert_true(at > 10);
}

#define TRIAL(name, prepare, act, check)                                                                               \
	static const struct trial name = {prepare, act, check};                                                        \
	static void name##_tells_every_fault(void **state)                                                             \
	{                                                                                                              \
		(void)state;                                                                                           \
		try_all(&name, false);                                                                                 \
	}                                                                                                              \
	static void name##_may_be_killed_anywhere(void **state)                                                        \
	{                                                                                                              \
		(void)state;                                                                                           \
		try_all(&name, true);                                                                                  \
	}

TRIAL(init, prepare_nothing, act_init, check_init)
TRIAL(add, prepare_add, act_add, check_add)
TRIAL(status, prepare_clean, act_status, check_clean)
TRIAL(checkout, prepare_checkout, act_checkout, check_checkout)
TRIAL(checkout_of_links, prepare_links, act_checkout, check_checkout)
TRIAL(push, prepare_clean, act_push, check_push)
TRIAL(pull, prepare_pull, act_pull, check_pull)
TRIAL(comparing, prepare_pushed, act_compare, check_clean)
TRIAL(setting_a_remote, make_repository, act_remote, check_remote)

static int set_up(void **state)
{
	(void)state;
	tree_create(&world);
	setenv("DVC_SYSTEM_CONFIG_DIR", "/nonexistent", 1);
	setenv("DVC_GLOBAL_CONFIG_DIR", "/nonexistent", 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tree_remove(&world);
	return 0;
}

int main(void)
{
#define BOTH(name) cmocka_unit_test(name##_tells_every_fault), cmocka_unit_test(name##_may_be_killed_anywhere)
	const struct CMUnitTest tests[] = {
	    BOTH(init), BOTH(add),  BOTH(status),    BOTH(checkout),         BOTH(checkout_of_links),
	    BOTH(push), BOTH(pull), BOTH(comparing), BOTH(setting_a_remote),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
