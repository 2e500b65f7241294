/* A tree of small files in a temporary folder, to stand in for /sys and /proc. Everything aborts the test on failure.
 */
#ifndef TESTS_SUPPORT_TREE_H
#define TESTS_SUPPORT_TREE_H

#include "core/env.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree {
	char root[256];
};

static inline void tree_require(bool is_true, const char *what, const char *path)
{
	if (is_true)
		return;
	perror(path);
	fprintf(stderr, "tree: %s failed\n", what);
	abort();
}

static inline void tree_create(struct tree *t)
{
	const char *folder = getenv("TMPDIR");

	if (!folder)
		folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(t->root, sizeof(t->root), "%s/joulemap-tree-XXXXXX", folder);
	tree_require(mkdtemp(t->root) != NULL, "mkdtemp", t->root);
	tree_require(chmod(t->root, 0755) == 0, "chmod", t->root);
}

static inline void tree_path(const struct tree *t, const char *path, char *out, size_t size)
{
	snprintf(out, size, "%s%s", t->root, path);
}

/* Makes the folders above the last '/' of a full path. */
static inline void tree_make_parents(char *full)
{
	char *slash;

	for (slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
}

/* Writes text to root + path, making the folders; replaces the content in place, so that open descriptors see it. */
static inline void tree_write(const struct tree *t, const char *path, const char *text)
{
	char full[1024];
	FILE *f;

	tree_path(t, path, full, sizeof(full));
	tree_make_parents(full);
	f = fopen(full, "w");
	tree_require(f != NULL, "fopen", full);
	fputs(text, f);
	tree_require(fclose(f) == 0, "fclose", full);
}

__attribute__((format(printf, 3, 4))) static inline void tree_printf(const struct tree *t, const char *path,
								      const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tree_write(t, path, text);
}

static inline void tree_mkdir(const struct tree *t, const char *path)
{
	char full[1024];

	tree_path(t, path, full, sizeof(full) - 1);
	strcat(full, "/");
	tree_make_parents(full);
}

static inline void tree_unlink(const struct tree *t, const char *path)
{
	char full[1024];

	tree_path(t, path, full, sizeof(full));
	tree_require(unlink(full) == 0, "unlink", full);
}

static inline void tree_chmod(const struct tree *t, const char *path, mode_t mode)
{
	char full[1024];

	tree_path(t, path, full, sizeof(full));
	tree_require(chmod(full, mode) == 0, "chmod", full);
}

/* Calls visit for every file below full, and after for every folder (may be NULL), children first. */
static inline void tree_walk(const char *full, void (*visit)(const char *file, void *ctx),
			     void (*after)(const char *folder, void *ctx), void *ctx)
{
	char child[1024];
	struct dirent *entry;
	struct stat st;
	DIR *dir = opendir(full);
	int n;

	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		n = snprintf(child, sizeof(child), "%s/%s", full, entry->d_name);
		tree_require(n > 0 && (size_t)n < sizeof(child), "snprintf", full);
		if (lstat(child, &st) == 0 && S_ISDIR(st.st_mode))
			tree_walk(child, visit, after, ctx);
		else
			visit(child, ctx);
	}
	if (dir)
		closedir(dir);
	if (after)
		after(full, ctx);
}

static inline void tree_remove_file(const char *file, void *ctx)
{
	(void)ctx;
	unlink(file);
}

static inline void tree_remove_folder(const char *folder, void *ctx)
{
	(void)ctx;
	rmdir(folder);
}

static inline void tree_remove(const struct tree *t)
{
	tree_walk(t->root, tree_remove_file, tree_remove_folder, NULL);
}

struct tree_copy_ctx {
	const struct tree *t;
	size_t skip;
};

static inline void tree_copy_file(const char *file, void *ctx)
{
	const struct tree_copy_ctx *copy = ctx;
	char text[16384];
	FILE *f = fopen(file, "r");
	size_t n;

	tree_require(f != NULL, "fopen", file);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	tree_write(copy->t, file + copy->skip, text);
}

/* Copies a stored fixture (tests/fixtures/sysfs/NAME) into t. */
static inline void tree_copy_fixture(const struct tree *t, const char *name)
{
	char from[1024];
	struct tree_copy_ctx ctx;

	snprintf(from, sizeof(from), "%s/sysfs/%s", JM_FIXTURES, name);
	tree_require(access(from, R_OK) == 0, "access", from);
	ctx.t = t;
	ctx.skip = strlen(from);
	tree_walk(from, tree_copy_file, NULL, &ctx);
}

/* A clock that moves 1 us with every look at it. */
static inline int64_t tree_now(void *ctx)
{
	static int64_t t_ns = 1000000000;

	(void)ctx;
	return t_ns += 1000;
}

/* Fills env with t as root and a clock that moves 1 us with every look. */
static inline void tree_env(const struct tree *t, struct jm_env *env)
{
	jm_env_init(env);
	snprintf(env->root, sizeof(env->root), "%s", t->root);
	env->is_live = false;
	env->now_ns = tree_now;
}

/* Gives up root for file access, for as long as a test of permissions lasts. Gives false when it cannot be done: an
 * ordinary user needs nothing given up. */
static inline bool tree_be_nobody(void)
{
	return geteuid() != 0 || seteuid(65534) == 0;
}

static inline void tree_be_back(void)
{
	if (getuid() == 0)
		tree_require(seteuid(0) == 0, "seteuid", "0");
}

/* Gives the number of open descriptors of this process. */
static inline int tree_count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

#endif
