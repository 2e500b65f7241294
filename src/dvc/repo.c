#define _GNU_SOURCE
#include "dvc/repo.h"

#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Writes the closest folder, from folder upwards, that holds name. */
static bool find_above(const char *folder, const char *name, char *out, size_t size)
{
	char path[JM_DVC_PATH_MAX + 32];
	struct stat status;

	if ((size_t)snprintf(out, size, "%s", folder) >= size)
		return false;
	for (;;) {
		char *slash = strrchr(out, '/');

		snprintf(path, sizeof(path), "%s/%s", out, name);
		if (stat(path, &status) == 0)
			return true;
		if (!slash)
			return false;
		*slash = '\0';
	}
}

static int open_cache(struct jm_dvc *d, struct jm_error *err)
{
	char root[JM_DVC_PATH_MAX];
	const char *shared = jm_dvc_config_get(&d->config, "cache", "shared");
	int rc = jm_dvc_config_path(&d->config, "cache", "dir", root, sizeof(root));

	if (rc == JM_E_NOT_FOUND)
		rc = jm_dvc_path_join(d->dvc_folder, "cache", root, sizeof(root));
	if (rc)
		return jm_error_set(err, rc, "the path of the cache is too long");
	return jm_dvc_cache_init(&d->cache, root, jm_dvc_config_get(&d->config, "cache", "type"),
				 shared && strcasecmp(shared, "group") == 0, err);
}

static int open_at(struct jm_dvc *d, const char *folder, struct jm_error *err)
{
	char real[JM_DVC_PATH_MAX];
	struct stat status;
	int rc;

	if (!realpath(folder, real))
		return jm_error_errno(err, errno, "cannot open %s", folder);
	if (!find_above(real, ".dvc", d->root, sizeof(d->root) - 16)) {
		jm_error_set(err, JM_E_NOT_FOUND, "%s is in no DVC repository: there is no .dvc in it or above", real);
		return jm_error_remedy(err, "joulemap data init");
	}
	snprintf(d->dvc_folder, sizeof(d->dvc_folder), "%.*s/.dvc", (int)sizeof(d->root) - 16, d->root);
	if (stat(d->dvc_folder, &status) || !S_ISDIR(status.st_mode))
		return jm_error_set(err, JM_E_FORMAT, "%s is no folder", d->dvc_folder);
	if (!find_above(d->root, ".git", d->git_root, sizeof(d->git_root)))
		d->git_root[0] = '\0';
	rc = jm_dvc_config_load(d->dvc_folder, &d->config, err);
	return rc ? rc : open_cache(d, err);
}

int jm_dvc_open(const char *folder, struct jm_dvc **out, struct jm_error *err)
{
	struct jm_dvc *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	d->lock_fd = -1;
	rc = open_at(d, folder, err);
	if (rc) {
		jm_dvc_close(d);
		return rc;
	}
	*out = d;
	return 0;
}

void jm_dvc_close(struct jm_dvc *d)
{
	if (!d)
		return;
	jm_dvc_cache_leave(&d->cache);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	jm_dvc_config_finish(&d->config);
	free(d);
}

int jm_dvc_init(const char *folder, struct jm_error *err)
{
	static const char *const ignored = "/config.local\n/tmp\n/cache\n";
	static const char *const dvcignore = "# Add patterns of files dvc should ignore, which could improve\n"
					     "# the performance. Learn more at\n"
					     "# https://dvc.org/doc/user-guide/dvcignore\n";
	char dvc[JM_DVC_PATH_MAX], path[JM_DVC_PATH_MAX + 32];
	int rc, code;

	if (jm_dvc_path_join(folder, ".dvc", dvc, sizeof(dvc)) || strlen(folder) > sizeof(path) - 64)
		return jm_error_set(err, JM_E_INVALID, "the path %s is too long", folder);
	/* The settings come last: a folder without them is one whose making was cut short. */
	snprintf(path, sizeof(path), "%s/config", dvc);
	code = mkdir(dvc, 0777) ? errno : 0;
	if (code && (code != EEXIST || access(path, F_OK) == 0))
		return jm_error_errno(err, code, "cannot make %s", dvc);
	snprintf(path, sizeof(path), "%s/tmp", dvc);
	rc = jm_dvc_make_folders(path, 0777, err);
	snprintf(path, sizeof(path), "%s/.gitignore", dvc);
	rc = rc ? rc : jm_dvc_write_file(path, ignored, strlen(ignored), 0, err);
	snprintf(path, sizeof(path), "%s/.dvcignore", folder);
	if (rc == 0 && access(path, F_OK))
		rc = jm_dvc_write_file(path, dvcignore, strlen(dvcignore), 0, err);
	snprintf(path, sizeof(path), "%s/config", dvc);
	return rc ? rc : jm_dvc_write_file(path, "", 0, 0, err);
}

/* The file and the kind of lock that DVC takes (zc.lockfile: flock). */
int jm_dvc_lock(struct jm_dvc *d, struct jm_error *err)
{
	char path[JM_DVC_PATH_MAX + 32];
	int rc, i;

	if (d->lock_fd >= 0)
		return 0;
	snprintf(path, sizeof(path), "%s/tmp", d->dvc_folder);
	rc = jm_dvc_make_folders(path, 0777, err);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/tmp/lock", d->dvc_folder);
	d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (d->lock_fd < 0)
		return jm_error_errno(err, errno, "cannot open %s", path);
	/* DVC, too, tries for three seconds. */
	for (i = 0; i < 30; i++) {
		const struct timespec wait = {0, 100 * 1000 * 1000};

		if (flock(d->lock_fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return jm_error_errno(err, errno, "cannot lock %s", path);
		nanosleep(&wait, NULL);
	}
	jm_error_set(err, JM_E_AGAIN, "another program, dvc or joulemap, is at work in %s", d->root);
	return jm_error_remedy(err, "run this again when it has ended");
}

int jm_dvc_absolute(const struct jm_dvc *d, const char *path, char *out, size_t size, struct jm_error *err)
{
	return jm_dvc_path_join(d->root, path, out, size)
		   ? jm_error_set(err, JM_E_INVALID, "the path %s is too long", path)
		   : 0;
}

int jm_dvc_locate(const struct jm_dvc *d, const char *given, char *out, size_t size, struct jm_error *err)
{
	char text[JM_DVC_PATH_MAX], real[JM_DVC_PATH_MAX], whole[2 * JM_DVC_PATH_MAX];
	size_t n = strlen(given), root = strlen(d->root);
	char *slash;

	while (n > 1 && given[n - 1] == '/')
		n--;
	if (n == 0 || n >= sizeof(text))
		return jm_error_set(err, JM_E_INVALID, "an empty or too long path");
	memcpy(text, given, n);
	text[n] = '\0';
	slash = strrchr(text, '/');
	if (slash)
		*slash = '\0';
	/* What stands for a folder itself (".", "a/..") has no name of its own to be versioned under. */
	if (!realpath(slash ? (slash == text ? "/" : text) : ".", real))
		return jm_error_errno(err, errno, "there is no %s", given);
	snprintf(whole, sizeof(whole), "%s/%s", strcmp(real, "/") == 0 ? "" : real, slash ? slash + 1 : text);
	if (strncmp(whole, d->root, root) != 0 || whole[root] != '/' ||
	    jm_dvc_path_normalise(whole + root + 1, out, size) || !out[0])
		return jm_error_set(err, JM_E_INVALID, "%s is not inside the repository %s", given, d->root);
	return 0;
}

int jm_dvc_ignores(const struct jm_dvc *d, const char *folder, struct jm_dvc_ignore *out, struct jm_error *err)
{
	static const char *const own[] = {".hg/", ".git/", ".git", ".dvc/"};
	char part[JM_DVC_PATH_MAX];
	size_t i;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	for (i = 0; rc == 0 && i < sizeof(own) / sizeof(own[0]); i++)
		rc = jm_dvc_ignore_add(out, "", own[i], strlen(own[i]));
	if (rc)
		jm_error_set(err, rc, "out of memory for the patterns of .dvcignore");
	rc = rc ? rc : jm_dvc_ignore_load(out, d->root, "", ".dvcignore", NULL, err);
	for (i = 1; rc == 0 && *folder && i <= strlen(folder); i++) {
		if (folder[i] != '/' && folder[i])
			continue;
		memcpy(part, folder, i);
		part[i] = '\0';
		rc = jm_dvc_ignore_load(out, d->root, part, ".dvcignore", NULL, err);
	}
	if (rc)
		jm_dvc_ignore_finish(out);
	return rc;
}

void jm_dvc_say(const struct jm_dvc_request *r, const char *format, ...)
{
	char line[2 * JM_DVC_PATH_MAX];
	va_list args;

	if (!r->say)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	r->say(r->ctx, line);
}

struct jm_dvc_progress jm_dvc_progress_of(const struct jm_dvc_request *r, const char *what)
{
	return (struct jm_dvc_progress){r->progress, r->ctx, what};
}
