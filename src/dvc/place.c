/* From the cache into the workspace. */
#define _GNU_SOURCE
#include "dvc/cache.h"
#include "dvc/new_file.h"

#include "core/error.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define OBJECT_MODE 0444

struct placing {
	struct jm_dvc_cache *cache;
	struct jm_dvc_worker *w;
	const struct jm_dvc_placing *p;
	char object[JM_DVC_PATH_MAX];
	char temp[64]; /* in the folder; empty: the file has no name yet */
	struct stat status;
};

static int damaged(const struct placing *pl, const struct jm_dvc_oid *found, struct jm_error *err)
{
	unlink(pl->object);
	jm_error_set(err, JM_E_FORMAT,
		     "the object %s in the cache, of %s, was damaged (its hash is %s) and has been taken out",
		     pl->p->oid->text, pl->p->shown, found->text);
	return jm_error_remedy(err, "joulemap data pull brings it back");
}

static bool is_right(const struct placing *pl, const struct jm_dvc_oid *found)
{
	return jm_dvc_oid_is_same_content(found, pl->p->oid);
}

static void drop_temp(const struct placing *pl)
{
	if (pl->temp[0])
		unlinkat(pl->p->folder_fd, pl->temp, 0);
}

/* Copies and hashes on the way. */
static int copy_bytes(struct placing *pl, int from, int to, struct jm_error *err)
{
	struct jm_dvc_oid found;
	ssize_t n;
	int rc;

	jm_dvc_md5_begin(pl->w->md5);
	while ((n = jm_dvc_read_chunk(pl->w, from, pl->object, err)) > 0) {
		if (pl->p->is_legacy)
			jm_dvc_md5_add_dos2unix(pl->w->md5, pl->w->buffer, (size_t)n);
		else
			jm_dvc_md5_add(pl->w->md5, pl->w->buffer, (size_t)n);
		if (jm_file_put(to, pl->w->buffer, (size_t)n))
			return jm_error_errno(err, errno, "cannot write %s", pl->p->shown);
	}
	if (n < 0)
		return (int)n;
	rc = jm_dvc_md5_end(pl->w->md5, false, &found, err);
	return rc ? rc : is_right(pl, &found) ? 0 : damaged(pl, &found, err);
}

static int set_mode(const struct placing *pl, int fd)
{
	mode_t mode = pl->cache->file_mode | (pl->p->is_exec ? S_IXUSR : 0);

	return fchmod(fd, mode);
}

static int hash_object(struct placing *pl, int from, struct jm_error *err)
{
	struct jm_dvc_oid found;
	int64_t size;
	int rc = jm_dvc_hash_fd(pl->w, from, pl->p->is_legacy, pl->object, &found, &size, err);

	return rc ? rc : is_right(pl, &found) ? 0 : damaged(pl, &found, err);
}

/* is_reflink: only by sharing blocks. Gives JM_E_UNSUPPORTED when that does not work here. */
static int place_file(struct placing *pl, int from, bool is_reflink, struct jm_error *err)
{
	struct jm_dvc_new_file to;
	int rc = 0;

	if (is_reflink && atomic_load(&pl->cache->no_reflink))
		return JM_E_UNSUPPORTED;
	if (jm_dvc_new_file_open(&to, pl->p->folder_fd, pl->cache->file_mode))
		return jm_error_errno(err, errno, "cannot write %s", pl->p->shown);
	if (is_reflink && ioctl(to.fd, FICLONE, from)) {
		atomic_store(&pl->cache->no_reflink, true);
		rc = JM_E_UNSUPPORTED;
	} else if (is_reflink) {
		rc = hash_object(pl, from, err);
	} else {
		rc = copy_bytes(pl, from, to.fd, err);
	}
	if (rc == 0 && (set_mode(pl, to.fd) || jm_dvc_new_file_name(&to, pl->p->name)))
		rc = jm_error_errno(err, errno, "cannot write %s", pl->p->shown);
	jm_dvc_new_file_close(&to);
	return rc;
}

/* A link of either kind. An object that is not read-only could have been changed: it is hashed first. */
static int place_link(struct placing *pl, int from, bool is_hard, struct jm_error *err)
{
	int rc = 0;

	if ((pl->status.st_mode & 07777) != OBJECT_MODE) {
		rc = hash_object(pl, from, err);
		if (rc == 0)
			(void)!fchmod(from, OBJECT_MODE);
	}
	if (rc)
		return rc;
	snprintf(pl->temp, sizeof(pl->temp), ".joulemap-%ld-%llx.tmp", (long)getpid(),
		 (unsigned long long)(uintptr_t)pl);
	if (is_hard ? linkat(AT_FDCWD, pl->object, pl->p->folder_fd, pl->temp, 0)
		    : symlinkat(pl->object, pl->p->folder_fd, pl->temp))
		return errno == EXDEV || errno == EPERM || errno == EMLINK || errno == EOPNOTSUPP
			   ? JM_E_UNSUPPORTED
			   : jm_error_errno(err, errno, "cannot link %s", pl->p->shown);
	/* Renaming a hard link over another of the same file does nothing: the name must go first. */
	if (is_hard)
		unlinkat(pl->p->folder_fd, pl->p->name, 0);
	if (renameat(pl->p->folder_fd, pl->temp, pl->p->folder_fd, pl->p->name) == 0)
		return 0;
	rc = jm_error_errno(err, errno, "cannot link %s", pl->p->shown);
	drop_temp(pl);
	return rc;
}

static int place_by(struct placing *pl, int from, enum jm_dvc_link link, struct jm_error *err)
{
	if (lseek(from, 0, SEEK_SET) < 0)
		return jm_error_errno(err, errno, "cannot read %s", pl->object);
	/* DVC, too, makes no hard links of empty files: there would soon be too many. */
	if (link == JM_DVC_HARDLINK && pl->status.st_size == 0)
		link = JM_DVC_COPY;
	switch (link) {
	case JM_DVC_REFLINK:
		return place_file(pl, from, true, err);
	case JM_DVC_HARDLINK:
	case JM_DVC_SYMLINK:
		return place_link(pl, from, link == JM_DVC_HARDLINK, err);
	default:
		return place_file(pl, from, false, err);
	}
}

int jm_dvc_cache_place(struct jm_dvc_cache *cache, struct jm_dvc_worker *w, const struct jm_dvc_placing *placing,
		       struct jm_error *err)
{
	struct placing pl = {.cache = cache, .w = w, .p = placing};
	int fd, rc = JM_E_UNSUPPORTED;
	size_t i;

	if (jm_dvc_object_path(cache->root, placing->oid, placing->is_legacy, pl.object, sizeof(pl.object)))
		return jm_error_set(err, JM_E_INVALID, "the path of the cache is too long: %s", cache->root);
	fd = open(pl.object, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &pl.status) || !S_ISREG(pl.status.st_mode)) {
		if (fd >= 0)
			close(fd);
		jm_error_set(err, JM_E_NOT_FOUND, "the object %s, of %s, is not in the cache", placing->oid->text,
			     placing->shown);
		return jm_error_remedy(err, "joulemap data pull");
	}
	for (i = 0; i < cache->n_links && rc == JM_E_UNSUPPORTED; i++)
		rc = place_by(&pl, fd, cache->links[i], err);
	close(fd);
	if (rc != JM_E_UNSUPPORTED)
		return rc;
	jm_error_set(err, rc, "no kind of link that cache.type names works between the cache and %s", placing->shown);
	return jm_error_remedy(err, "add copy to cache.type");
}
