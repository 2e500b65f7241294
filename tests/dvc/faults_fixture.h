/* A repository with data in two versions, in a temporary folder, and what can be asserted of it; for the tests of faults. */
#ifndef TESTS_DVC_FAULTS_FIXTURE_H
#define TESTS_DVC_FAULTS_FIXTURE_H

#include "dvc/repo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <yaml.h>

#include "support/faults.h"
#include "support/tree.h"

FAULTS_CALL(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL, ENOMEM)
FAULTS_CALL(int, EVP_DigestInit_ex, (EVP_MD_CTX * ctx, const EVP_MD *kind, ENGINE *engine), (ctx, kind, engine), 0, 0)
FAULTS_CALL(int, EVP_DigestUpdate, (EVP_MD_CTX * ctx, const void *data, size_t n), (ctx, data, n), 0, 0)
FAULTS_CALL(int, EVP_DigestFinal_ex, (EVP_MD_CTX * ctx, unsigned char *out, unsigned *n), (ctx, out, n), 0, 0)
FAULTS_CALL(int, yaml_parser_initialize, (yaml_parser_t * parser), (parser), 0, ENOMEM)

int __real_yaml_parser_load(yaml_parser_t *parser, yaml_document_t *out);
int __wrap_yaml_parser_load(yaml_parser_t *parser, yaml_document_t *out);
int __wrap_yaml_parser_load(yaml_parser_t *parser, yaml_document_t *out)
{
	if (!faults_here(ENOMEM))
		return __real_yaml_parser_load(parser, out);
	parser->error = YAML_MEMORY_ERROR;
	return 0;
}

#define LARGE   (JM_DVC_CHUNK + 1000)
#define N_FILES 4
#define N_WHOLE (N_FILES + 1) /* objects: one a file, and the listing */

static struct tree world;
static const char *const names[N_FILES] = {"one", "two", "deep/run.sh", "deep/er/large"};

/* Bytes of a file in one of its two versions; large ones are longer than what is read at a time. */
static inline char *content(const char *name, char version, bool with_large, size_t *n_out)
{
	size_t n = strstr(name, "large") && with_large ? LARGE : 40, i;
	char *data = malloc(n + 1);

	assert_non_null(data);
	for (i = 0; i < n; i++)
		data[i] = name[i % strlen(name)];
	data[0] = version;
	data[n] = '\0';
	*n_out = n;
	return data;
}

static inline void path_in(const char *path, char *out)
{
	snprintf(out, JM_DVC_PATH_MAX, "%s/%s", world.root, path);
}

static inline bool is_there(const char *path)
{
	char full[JM_DVC_PATH_MAX];

	path_in(path, full);
	return access(full, F_OK) == 0;
}

static inline void write_data(char version, bool with_large)
{
	char path[512];
	size_t n, i;

	for (i = 0; i < N_FILES; i++) {
		char *data = content(names[i], version, with_large, &n);

		snprintf(path, sizeof(path), "/repo/data/%s", names[i]);
		tree_write(&world, path, data);
		free(data);
	}
}

/* The version that a file of the data has: '-' when it is not there. Anything else than a whole one fails. */
static inline char version_of(const char *name, bool with_large)
{
	static const char versions[] = "12";
	char path[JM_DVC_PATH_MAX], short_path[512];
	char *found = NULL;
	size_t n, n_wanted, i;
	char version = '\0';

	snprintf(short_path, sizeof(short_path), "repo/data/%s", name);
	path_in(short_path, path);
	if (!is_there(short_path))
		return '-';
	assert_int_equal(jm_dvc_read_file(path, 4 * LARGE, &found, &n, NULL), 0);
	for (i = 0; versions[i]; i++) {
		char *wanted = content(name, versions[i], with_large, &n_wanted);

		if (n == n_wanted && memcmp(found, wanted, n) == 0)
			version = versions[i];
		free(wanted);
	}
	free(found);
	assert_int_not_equal(version, '\0');
	return version;
}

static inline void assert_data(char version, bool with_large)
{
	size_t i;

	for (i = 0; i < N_FILES; i++)
		assert_int_equal(version_of(names[i], with_large), version);
}

static inline void remove_file(const char *path, void *ctx)
{
	(void)ctx;
	unlink(path);
}

static inline void remove_folder(const char *path, void *ctx)
{
	(void)ctx;
	rmdir(path);
}

static inline void clear(const char *path)
{
	char full[JM_DVC_PATH_MAX];

	path_in(path, full);
	tree_walk(full, remove_file, remove_folder, NULL);
}

/* Each object has the bytes that its name says; counts them, and the listings. */
struct objects {
	size_t n, n_listings;
};

static inline void check_object(const char *path, void *ctx)
{
	struct objects *objects = ctx;
	struct jm_dvc_worker w = {0};
	struct jm_dvc_oid oid, named;
	const char *end = path + strlen(path);
	char text[80];
	int64_t size;
	int fd;

	while (end[-1] != '/')
		end--;
	snprintf(text, sizeof(text), "%.2s%s", end - 3, end);
	assert_int_equal(jm_dvc_oid_parse(text, strlen(text), &named), 0);
	assert_int_equal(jm_dvc_worker_init(&w), 0);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(jm_dvc_hash_fd(&w, fd, false, path, &oid, &size, NULL), 0);
	close(fd);
	jm_dvc_worker_finish(&w);
	assert_true(jm_dvc_oid_is_same_content(&oid, &named));
	objects->n++;
	objects->n_listings += jm_dvc_oid_is_folder(&named);
}

static inline struct objects objects_in(const char *folder)
{
	struct objects objects = {0, 0};
	char path[JM_DVC_PATH_MAX], files[256];

	snprintf(files, sizeof(files), "%s/files/md5", folder);
	path_in(files, path);
	tree_walk(path, check_object, NULL, &objects);
	return objects;
}

/* One verb on the repository, over the data. */
typedef int (*verb_fn)(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally,
		       struct jm_error *err);

static inline int act_on(verb_fn verb, bool with_target, struct jm_dvc_tally *tally, struct jm_error *err)
{
	char repo[JM_DVC_PATH_MAX], data[JM_DVC_PATH_MAX];
	const char *const targets[] = {data};
	const struct jm_dvc_request r = {.targets = targets, .n_targets = with_target};
	struct jm_dvc *d;
	int rc;

	path_in("repo", repo);
	path_in("repo/data", data);
	rc = jm_dvc_open(repo, &d, err);
	if (rc)
		return rc;
	rc = verb(d, &r, tally, err);
	jm_dvc_close(d);
	return rc;
}

static inline struct jm_dvc_tally succeed(verb_fn verb, bool with_target)
{
	struct jm_dvc_tally tally = {0};
	struct jm_error err = {0};

	if (act_on(verb, with_target, &tally, &err))
		fail_msg("%s", err.message);
	return tally;
}

static inline void make_repository(void)
{
	char path[JM_DVC_PATH_MAX];

	clear("");
	tree_mkdir(&world, "/repo/.git");
	path_in("repo", path);
	assert_int_equal(jm_dvc_init(path, NULL), 0);
	tree_write(&world, "/repo/.dvc/config",
		   "# kept\n[core]\n    remote = store\n['remote \"store\"']\n    url = ../../store\n");
	tree_write(&world, "/repo/.dvcignore", "*.tmp\n");
}

#endif
