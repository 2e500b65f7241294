/* What is in a folder. */
#define _GNU_SOURCE
#include "dvc/repo.h"

#include "core/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 200

struct scan {
	const char *folder; /* relative to the root */
	const struct jm_dvc_ignore *ignore;
	struct jm_dvc_files *files;
	struct jm_error *err;
	char path[JM_DVC_PATH_MAX]; /* relative to the root */
};

static int add_file(struct scan *s, const struct stat *status)
{
	const char *path = s->path + strlen(s->folder) + 1;
	struct jm_dvc_entry *entry;

	if (!jm_dvc_is_utf8(path, strlen(path))) {
		jm_error_set(s->err, JM_E_INVALID, "the name %s is no UTF-8, which a listing must be", s->path);
		return jm_error_remedy(s->err, "rename the file");
	}
	entry = jm_dvc_files_add(s->files, path, strlen(path));
	if (!entry)
		return jm_error_set(s->err, JM_E_NOMEM, "out of memory for the list of files of %s", s->folder);
	entry->size = status->st_size;
	entry->is_exec = (status->st_mode & S_IXUSR) != 0;
	return 0;
}

static int scan_folder(struct scan *s, int fd, int depth);

static int enter(struct scan *s, int parent, const char *name, int depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return jm_error_errno(s->err, errno, "cannot open the folder %s", s->path);
	if (depth >= DEPTH_MAX) {
		close(fd);
		return jm_error_set(s->err, JM_E_INVALID, "%s: folders are nested deeper than %d", s->path, DEPTH_MAX);
	}
	return scan_folder(s, fd, depth + 1);
}

static int look_at(struct scan *s, int fd, const char *name, int depth)
{
	struct stat status;

	if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : jm_error_errno(s->err, errno, "cannot look at %s", s->path);
	if (jm_dvc_ignore_matches(s->ignore, s->path, S_ISDIR(status.st_mode)))
		return 0;
	if (strcmp(name, ".dvcignore") == 0) {
		jm_error_set(s->err, JM_E_INVALID, "%s: DVC allows no .dvcignore inside versioned data", s->path);
		return jm_error_remedy(s->err, "put its lines into the .dvcignore of a folder above");
	}
	if (S_ISDIR(status.st_mode))
		return enter(s, fd, name, depth);
	if (S_ISLNK(status.st_mode) && fstatat(fd, name, &status, 0)) {
		jm_error_set(s->err, JM_E_INVALID, "the link %s leads nowhere", s->path);
		return jm_error_remedy(s->err, "remove it, or name it in .dvcignore");
	}
	if (S_ISDIR(status.st_mode))
		return 0; /* a folder behind a link: DVC does not enter it either */
	if (!S_ISREG(status.st_mode))
		return jm_error_set(s->err, JM_E_INVALID, "%s is neither file nor folder", s->path);
	return add_file(s, &status);
}

/* fd is closed. */
static int scan_folder(struct scan *s, int fd, int depth)
{
	size_t n = strlen(s->path);
	struct dirent *found;
	DIR *folder = fdopendir(fd);
	int rc = 0;

	if (!folder) {
		close(fd);
		return jm_error_errno(s->err, errno, "cannot read the folder %s", s->path);
	}
	while (rc == 0 && (errno = 0, found = readdir(folder))) {
		if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
			continue;
		if (n + strlen(found->d_name) + 2 > sizeof(s->path))
			rc = jm_error_set(s->err, JM_E_INVALID, "a path in %s is too long", s->path);
		if (rc)
			break;
		snprintf(s->path + n, sizeof(s->path) - n, "/%s", found->d_name);
		rc = look_at(s, dirfd(folder), found->d_name, depth);
		s->path[n] = '\0';
	}
	if (rc == 0 && errno)
		rc = jm_error_errno(s->err, errno, "cannot read the folder %s", s->path);
	closedir(folder);
	return rc;
}

int jm_dvc_scan(const struct jm_dvc *d, const char *folder, struct jm_dvc_files *out, struct jm_error *err)
{
	char path[JM_DVC_PATH_MAX];
	struct jm_dvc_ignore ignore;
	struct jm_dvc_files files = {0};
	struct scan *s;
	int fd, rc = jm_dvc_absolute(d, folder, path, sizeof(path), err);

	if (rc)
		return rc;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return jm_error_errno(err, errno, "cannot open the folder %s", folder);
	s = calloc(1, sizeof(*s));
	rc = s ? jm_dvc_ignores(d, folder, &ignore, err) : jm_error_set(err, JM_E_NOMEM, "out of memory");
	if (rc) {
		close(fd);
		free(s);
		return rc;
	}
	s->folder = folder;
	s->ignore = &ignore;
	s->files = &files;
	s->err = err;
	snprintf(s->path, sizeof(s->path), "%s", folder);
	rc = scan_folder(s, fd, 0);
	jm_dvc_ignore_finish(&ignore);
	free(s);
	if (rc) {
		jm_dvc_files_finish(&files);
		return rc;
	}
	jm_dvc_files_sort(&files);
	*out = files;
	return 0;
}

struct hashing {
	const char *folder; /* absolute */
	struct jm_dvc_files *files;
	bool is_legacy;
};

static int hash_one(void *ctx, struct jm_dvc_worker *w, size_t i, struct jm_error *err)
{
	const struct hashing *h = ctx;
	struct jm_dvc_entry *entry = &h->files->entries[i];
	char path[JM_DVC_PATH_MAX];
	int fd, rc;

	if (jm_dvc_path_join(h->folder, entry->path, path, sizeof(path)))
		return jm_error_set(err, JM_E_INVALID, "the path %s is too long", entry->path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return jm_error_errno(err, errno, "cannot open %s", path);
	rc = jm_dvc_hash_fd(w, fd, h->is_legacy, path, &entry->oid, &entry->size, err);
	close(fd);
	return rc;
}

int jm_dvc_hash_files(struct jm_dvc *d, const char *folder, struct jm_dvc_files *files, bool is_legacy,
		      const struct jm_dvc_request *r, struct jm_error *err)
{
	const struct jm_dvc_progress progress = jm_dvc_progress_of(r, "hashing");
	char path[JM_DVC_PATH_MAX];
	struct hashing h = {path, files, is_legacy};
	int rc = jm_dvc_absolute(d, folder, path, sizeof(path), err);

	return rc ? rc : jm_dvc_pool_run(0, files->n, hash_one, &h, &progress, err);
}

int jm_dvc_item_listing(struct jm_dvc *d, const struct jm_dvc_item *item, struct jm_dvc_files *out,
			struct jm_error *err)
{
	struct jm_dvc_worker w = {0};
	char *data = NULL;
	size_t n;
	int rc = jm_dvc_worker_init(&w);

	if (rc)
		jm_error_set(err, rc, "out of memory");
	else
		rc = jm_dvc_cache_read_listing(&d->cache, &w, &item->out->oid, item->out->is_legacy, &data, &n, err);
	jm_dvc_worker_finish(&w);
	if (rc == JM_E_NOT_FOUND) {
		jm_error_set(err, rc, "the listing %s of the folder %s is not in the cache", item->out->oid.text,
			     item->path);
		jm_error_remedy(err, "joulemap data pull %s", item->file);
	}
	if (rc)
		return rc;
	rc = jm_dvc_listing_read(item->out->oid.text, data, n, out, err);
	free(data);
	return rc;
}
