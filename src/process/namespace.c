#define _GNU_SOURCE
#include "process/namespace.h"

#include "core/error.h"
#include "core/text.h"
#include "process/parse.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 33 /* MAX_PID_NS_LEVEL is 32: include/linux/pid_namespace.h */

/* Numbers of a process, outermost first; link: of its namespace, empty where it is not told. */
struct numbers {
	int64_t pids[DEPTH_MAX];
	size_t depth;
	char link[64];
};

static bool read_link(const struct jm_env *env, const char *path, char *out, size_t size)
{
	char full[JM_PATH_MAX];
	ssize_t n = jm_env_path(env, path, full, sizeof(full)) ? -1 : readlink(full, out, size - 1);

	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool read_numbers(const struct jm_env *env, const char *name, struct numbers *out)
{
	char path[300], text[8192];

	snprintf(path, sizeof(path), "/proc/%.200s/status", name);
	if (jm_env_read_text(env, path, text, sizeof(text)))
		return false;
	out->depth = jm_proc_status_numbers(text, strlen(text), "NSpid:", out->pids, DEPTH_MAX);
	snprintf(path, sizeof(path), "/proc/%.200s/ns/pid", name);
	read_link(env, path, out->link, sizeof(out->link));
	return true;
}

static bool fits(const struct numbers *reference, const struct numbers *n, int64_t inner)
{
	if (n->depth < reference->depth || n->pids[reference->depth - 1] != inner)
		return false;
	/* What is deeper has its own namespace below the one asked for; its number here fits, but so may another's. */
	return n->depth > reference->depth || !reference->link[0] || !n->link[0] ||
	       strcmp(reference->link, n->link) == 0;
}

static int search(const struct jm_env *env, DIR *dir, const struct numbers *reference, int64_t inner, int64_t *out)
{
	int n_found = 0, n_exact = 0;
	int64_t exact = 0, any = 0;
	struct dirent *d;

	while ((d = readdir(dir))) {
		struct numbers n;
		int64_t pid;

		if (jm_text_i64(d->d_name, strlen(d->d_name), &pid) || pid <= 0 || !read_numbers(env, d->d_name, &n) ||
		    !fits(reference, &n, inner))
			continue;
		n_found++;
		any = pid;
		if (n.depth == reference->depth && n.link[0] && strcmp(n.link, reference->link) == 0) {
			n_exact++;
			exact = pid;
		}
	}
	*out = n_exact == 1 ? exact : any;
	return n_exact == 1 ? 1 : n_found;
}

int jm_process_from_inner(const struct jm_env *env, int64_t inner, int64_t reference, int64_t *out,
			  struct jm_error *err)
{
	char name[32] = "self", path[JM_PATH_MAX];
	struct numbers numbers;
	int64_t found;
	int n;
	DIR *dir;

	if (reference)
		snprintf(name, sizeof(name), "%lld", (long long)reference);
	if (!read_numbers(env, name, &numbers))
		return jm_error_set(err, JM_E_NOT_FOUND, "there is no process %s", name);
	if (numbers.depth == 0)
		return jm_error_set(err, JM_E_UNSUPPORTED, "this kernel does not tell numbers in namespaces (NSpid)");
	dir = jm_env_path(env, "/proc", path, sizeof(path)) ? NULL : opendir(path);
	if (!dir)
		return jm_error_set(err, JM_E_NOT_FOUND, "there is no /proc");
	n = search(env, dir, &numbers, inner, &found);
	closedir(dir);
	if (n == 0)
		return jm_error_set(err, JM_E_NOT_FOUND, "no process is called %lld in the namespace of process %s",
				    (long long)inner, name);
	if (n > 1)
		return jm_error_set(err, JM_E_INVALID,
				    "%d processes may be the %lld in the namespace of process %s: their namespaces "
				    "are not ours to see",
				    n, (long long)inner, name);
	*out = found;
	return 0;
}

bool jm_process_is_own_namespace(const struct jm_env *env)
{
	char text[32];
	int64_t pid;

	return read_link(env, "/proc/self", text, sizeof(text)) && jm_text_i64(text, strlen(text), &pid) == 0 &&
	       pid == getpid();
}
