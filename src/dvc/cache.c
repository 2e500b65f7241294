#define _GNU_SOURCE
#include "dvc/cache.h"

#include "core/error.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define OBJECT_MODE 0444
#define LISTING_MAX ((size_t)1 << 30)

static int add_link(struct jm_dvc_cache *cache, const char *word, size_t n, struct jm_error *err)
{
	static const char *const names[JM_DVC_N_LINKS] = {"reflink", "hardlink", "symlink", "copy"};
	size_t i;

	for (i = 0; i < JM_DVC_N_LINKS; i++)
		if (strlen(names[i]) == n && strncmp(names[i], word, n) == 0 && cache->n_links < JM_DVC_N_LINKS) {
			cache->links[cache->n_links++] = (enum jm_dvc_link)i;
			return 0;
		}
	jm_error_set(err, JM_E_INVALID, "the setting cache.type names a kind of link that is not known: %.*s", (int)n,
		     word);
	return jm_error_remedy(err, "name some of reflink,hardlink,symlink,copy");
}

int jm_dvc_cache_init(struct jm_dvc_cache *cache, const char *root, const char *links, bool is_shared,
		      struct jm_error *err)
{
	mode_t mask = umask(0);

	umask(mask);
	memset(cache, 0, sizeof(*cache));
	cache->file_mode = is_shared ? 0664 : 0666 & ~mask;
	cache->folder_mode = is_shared ? 02775 : 0777 & ~mask;
	if (strlen(root) >= sizeof(cache->root))
		return jm_error_set(err, JM_E_INVALID, "the path of the cache is too long: %s", root);
	strcpy(cache->root, root);
	for (links = links && *links ? links : "reflink,copy"; *links;) {
		size_t n;
		int rc;

		links += strspn(links, " ,\"'");
		n = strcspn(links, " ,\"'");
		rc = n ? add_link(cache, links, n, err) : 0;
		if (rc)
			return rc;
		links += n;
	}
	return 0;
}

int jm_dvc_object_path(const char *root, const struct jm_dvc_oid *oid, bool is_legacy, char *out, size_t size)
{
	return (size_t)snprintf(out, size, "%s/%s%.2s/%s", root, is_legacy ? "" : "files/md5/", oid->text,
				oid->text + 2) < size
		   ? 0
		   : JM_E_INVALID;
}

bool jm_dvc_cache_has(const struct jm_dvc_cache *cache, const struct jm_dvc_oid *oid, bool is_legacy, int64_t size)
{
	char path[JM_DVC_PATH_MAX];
	struct stat status;

	return jm_dvc_object_path(cache->root, oid, is_legacy, path, sizeof(path)) == 0 && stat(path, &status) == 0 &&
	       S_ISREG(status.st_mode) && (size < 0 || status.st_size == size);
}

/* Beside the objects, so that a rename is enough; DVC does not look there. */
static int temp_folder(struct jm_dvc_cache *cache, char *out, struct jm_error *err)
{
	snprintf(out, JM_DVC_PATH_MAX, "%s/.joulemap", cache->root);
	return jm_dvc_make_folders(out, cache->folder_mode, err);
}

int jm_dvc_cache_temp(struct jm_dvc_cache *cache, char *path_out, int *fd_out, struct jm_error *err)
{
	int attempt;

	for (attempt = 0; attempt < 2; attempt++) {
		snprintf(path_out, JM_DVC_PATH_MAX, "%s/.joulemap/new.XXXXXX", cache->root);
		*fd_out = mkostemp(path_out, O_CLOEXEC);
		if (*fd_out >= 0)
			return 0;
		if (errno != ENOENT)
			break;
		if (temp_folder(cache, path_out, err))
			return err ? err->code : JM_E_IO;
	}
	return jm_error_errno(err, errno, "cannot write into the cache %s", cache->root);
}

int jm_dvc_cache_part(struct jm_dvc_cache *cache, const struct jm_dvc_oid *oid, char *path_out, struct jm_error *err)
{
	int rc = temp_folder(cache, path_out, err);

	if (rc == 0)
		snprintf(path_out, JM_DVC_PATH_MAX, "%s/.joulemap/%s.part", cache->root, oid->text);
	return rc;
}

int jm_dvc_cache_commit(struct jm_dvc_cache *cache, const char *temp, const struct jm_dvc_oid *oid, bool is_legacy,
			struct jm_error *err)
{
	char path[JM_DVC_PATH_MAX];
	char *slash;

	if (jm_dvc_object_path(cache->root, oid, is_legacy, path, sizeof(path)))
		return jm_error_set(err, JM_E_INVALID, "the path of the cache is too long: %s", cache->root);
	/* A file system without modes is no reason to fail: DVC takes it too. */
	(void)!chmod(temp, OBJECT_MODE);
	if (rename(temp, path) == 0)
		return 0;
	if (errno == ENOENT) {
		int rc;

		slash = strrchr(path, '/');
		*slash = '\0';
		rc = jm_dvc_make_folders(path, cache->folder_mode, err);
		if (rc)
			return rc;
		*slash = '/';
		if (rename(temp, path) == 0)
			return 0;
	}
	return jm_error_errno(err, errno, "cannot put %s into the cache", oid->text);
}

/* Writes n bytes that have the hash oid. */
static int store_bytes(struct jm_dvc_cache *cache, const unsigned char *data, size_t n, const struct jm_dvc_oid *oid,
		       struct jm_error *err)
{
	char temp[JM_DVC_PATH_MAX];
	int fd, code = 0, rc = jm_dvc_cache_temp(cache, temp, &fd, err);

	if (rc)
		return rc;
	if (jm_file_put(fd, data, n))
		code = errno;
	if (close(fd) && !code)
		code = errno;
	rc = code ? jm_error_errno(err, code, "cannot write %s into the cache", oid->text)
		  : jm_dvc_cache_commit(cache, temp, oid, false, err);
	if (rc)
		unlink(temp);
	return rc;
}

static bool is_same_state(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Says whether copy_file_range cannot work on these two files, as between file systems, though reading and writing can. */
static bool is_copy_refused(int code)
{
	return code == EXDEV || code == EOPNOTSUPP || code == ENOSYS || code == EINVAL || code == EPERM;
}

/* Copies from's bytes from at up to size to where to stands, through memory. Gives errno or 0. */
static int copy_bytes(int from, off_t at, off_t size, int to)
{
	unsigned char buffer[65536];

	while (at < size) {
		ssize_t n = pread(from, buffer, sizeof(buffer), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || jm_file_put(to, buffer, (size_t)n))
			return errno;
		if (n == 0)
			break; /* it became shorter: the caller sees that, as when it grew */
		at += n;
	}
	return 0;
}

/* Copies all of from, by sharing its blocks where the file system can. Gives errno or 0. */
static int copy_file(struct jm_dvc_cache *cache, int from, int to, off_t size)
{
	off_t at = 0;

	if (!atomic_load(&cache->no_reflink)) {
		if (ioctl(to, FICLONE, from) == 0)
			return 0;
		atomic_store(&cache->no_reflink, true);
	}
	while (at < size) {
		ssize_t n = copy_file_range(from, &at, to, NULL, (size_t)(size - at), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && !is_copy_refused(errno))
			return errno;
		if (n <= 0) /* some file systems say 0 where they cannot */
			return copy_bytes(from, at, size, to);
	}
	return 0;
}

/* A file too large for the buffer, hashed already: copies it and makes sure that it is still what was hashed. */
static int store_file(struct jm_dvc_cache *cache, int fd, const char *name, const struct stat *before,
		      const struct jm_dvc_oid *oid, struct jm_error *err)
{
	char temp[JM_DVC_PATH_MAX];
	struct stat after;
	int to, code, rc = jm_dvc_cache_temp(cache, temp, &to, err);

	if (rc)
		return rc;
	code = copy_file(cache, fd, to, before->st_size);
	if (close(to) && !code)
		code = errno;
	if (code)
		rc = jm_error_errno(err, code, "cannot copy %s into the cache", name);
	else if (fstat(fd, &after) || !is_same_state(before, &after))
		rc = jm_error_set(err, JM_E_AGAIN, "%s changed while it was read", name);
	else
		rc = jm_dvc_cache_commit(cache, temp, oid, false, err);
	if (rc)
		unlink(temp);
	return rc;
}

int jm_dvc_cache_insert(struct jm_dvc_cache *cache, struct jm_dvc_worker *w, int fd, const char *name,
			struct jm_dvc_oid *oid_out, int64_t *size_out, bool *is_new_out, struct jm_error *err)
{
	struct stat before;
	ssize_t n;
	int rc;

	if (fstat(fd, &before))
		return jm_error_errno(err, errno, "cannot read %s", name);
	if (before.st_size >= (off_t)JM_DVC_CHUNK) {
		rc = jm_dvc_hash_fd(w, fd, false, name, oid_out, size_out, err);
		*is_new_out = rc == 0 && !jm_dvc_cache_has(cache, oid_out, false, *size_out);
		if (*is_new_out)
			rc = store_file(cache, fd, name, &before, oid_out, err);
		return rc;
	}
	n = jm_dvc_read_chunk(w, fd, name, err);
	if (n < 0)
		return (int)n;
	if (n == (ssize_t)JM_DVC_CHUNK)
		return jm_error_set(err, JM_E_AGAIN, "%s changed while it was read", name);
	jm_dvc_md5_begin(w->md5);
	jm_dvc_md5_add(w->md5, w->buffer, (size_t)n);
	rc = jm_dvc_md5_end(w->md5, false, oid_out, err);
	if (rc)
		return rc;
	*size_out = n;
	*is_new_out = !jm_dvc_cache_has(cache, oid_out, false, n);
	return *is_new_out ? store_bytes(cache, w->buffer, (size_t)n, oid_out, err) : 0;
}

int jm_dvc_cache_insert_listing(struct jm_dvc_cache *cache, struct jm_dvc_worker *w, const char *data, size_t n,
				struct jm_dvc_oid *oid_out, struct jm_error *err)
{
	int rc;

	jm_dvc_md5_begin(w->md5);
	jm_dvc_md5_add(w->md5, data, n);
	rc = jm_dvc_md5_end(w->md5, true, oid_out, err);
	if (rc)
		return rc;
	if (jm_dvc_cache_has(cache, oid_out, false, (int64_t)n))
		return 0;
	return store_bytes(cache, (const unsigned char *)data, n, oid_out, err);
}

int jm_dvc_cache_read_listing(struct jm_dvc_cache *cache, struct jm_dvc_worker *w, const struct jm_dvc_oid *oid,
			      bool is_legacy, char **out, size_t *n_out, struct jm_error *err)
{
	char path[JM_DVC_PATH_MAX];
	struct jm_dvc_oid found;
	char *data;
	size_t n;
	int rc;

	if (jm_dvc_object_path(cache->root, oid, is_legacy, path, sizeof(path)))
		return jm_error_set(err, JM_E_INVALID, "the path of the cache is too long: %s", cache->root);
	rc = jm_dvc_read_file(path, LISTING_MAX, &data, &n, err);
	if (rc)
		return rc;
	jm_dvc_md5_begin(w->md5);
	jm_dvc_md5_add(w->md5, data, n);
	rc = jm_dvc_md5_end(w->md5, true, &found, err);
	if (rc) {
		free(data);
		return rc;
	}
	if (jm_dvc_oid_is_same_content(&found, oid)) {
		*out = data;
		*n_out = n;
		return 0;
	}
	free(data);
	unlink(path);
	jm_error_set(err, JM_E_FORMAT,
		     "the listing %s in the cache was damaged (its hash is %s) and has been taken out", oid->text,
		     found.text);
	return jm_error_remedy(err, "joulemap data pull brings it back, or add the folder again");
}
