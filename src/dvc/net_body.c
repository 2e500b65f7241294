#define _GNU_SOURCE
#include "dvc/net_body.h"

#include "core/error.h"
#include "core/file.h"

#include <openssl/evp.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void put_hex(const unsigned char *sum, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digits[sum[i] >> 4];
		out[2 * i + 1] = digits[sum[i] & 15];
	}
	out[2 * n] = '\0';
}

/* MD5, and SHA-256 where a signature wants it, of all that fd holds. */
static int hash_both(struct jm_net_body *b, EVP_MD_CTX *sha, struct jm_dvc_oid *found, struct jm_error *err)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	ssize_t n;
	int rc;

	jm_dvc_md5_begin(b->worker->md5);
	b->size = 0;
	while ((n = jm_dvc_read_chunk(b->worker, b->fd, b->move->oid.text, err)) > 0) {
		if (b->move->is_legacy)
			jm_dvc_md5_add_dos2unix(b->worker->md5, b->worker->buffer, (size_t)n);
		else
			jm_dvc_md5_add(b->worker->md5, b->worker->buffer, (size_t)n);
		if (sha && EVP_DigestUpdate(sha, b->worker->buffer, (size_t)n) != 1)
			return jm_error_set(err, JM_E_NOMEM, "libcrypto gives no SHA-256");
		b->size += n;
	}
	if (n < 0)
		return (int)n;
	rc = jm_dvc_md5_end(b->worker->md5, false, found, err);
	if (rc)
		return rc;
	if (sha && EVP_DigestFinal_ex(sha, sum, NULL) != 1)
		return jm_error_set(err, JM_E_NOMEM, "libcrypto gives no SHA-256");
	if (sha)
		put_hex(sum, 32, b->sha256);
	return lseek(b->fd, 0, SEEK_SET) < 0 ? jm_error_errno(err, errno, "cannot read %s", b->move->oid.text) : 0;
}

int jm_net_body_open_sent(struct jm_net_body *b, bool with_sha256, struct jm_error *err)
{
	char path[JM_DVC_PATH_MAX];
	EVP_MD_CTX *sha = NULL;
	struct jm_dvc_oid found;
	int rc;

	if (jm_dvc_object_path(b->cache->root, &b->move->oid, b->move->is_legacy, path, sizeof(path)))
		return jm_error_set(err, JM_E_INVALID, "the path of the cache is too long: %s", b->cache->root);
	b->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (b->fd < 0) {
		jm_error_errno(err, errno, "the object %s (%s) is not in the cache", b->move->oid.text, b->move->shown);
		return jm_error_remedy(err, "add the data again, or push from where it is whole");
	}
	if (with_sha256 && (!(sha = EVP_MD_CTX_new()) || EVP_DigestInit_ex(sha, EVP_sha256(), NULL) != 1)) {
		EVP_MD_CTX_free(sha);
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	}
	rc = hash_both(b, sha, &found, err);
	EVP_MD_CTX_free(sha);
	if (rc || jm_dvc_oid_is_same_content(&found, &b->move->oid))
		return rc;
	jm_error_set(err, JM_E_FORMAT, "the object %s (%s) is damaged in the cache: its hash is %s; it was not pushed",
		     b->move->oid.text, b->move->shown, found.text);
	return jm_error_remedy(err, "remove it from the cache, then add the data again");
}

/* Between opening it and locking it another run may have made the file an object of the cache, which must not be written. */
static bool is_still_called(int fd, const char *path)
{
	struct stat opened, there;

	return fstat(fd, &opened) == 0 && lstat(path, &there) == 0 && opened.st_dev == there.st_dev &&
	       opened.st_ino == there.st_ino;
}

/* A file that gathers over several runs; a temporary one where another run is at it. */
static int open_part(struct jm_net_body *b, struct jm_error *err)
{
	int rc = jm_dvc_cache_part(b->cache, &b->move->oid, b->path, err);

	if (rc)
		return rc;
	b->fd = open(b->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (b->fd >= 0 && flock(b->fd, LOCK_EX | LOCK_NB) == 0 && is_still_called(b->fd, b->path))
		return 0;
	if (b->fd >= 0)
		close(b->fd);
	return jm_dvc_cache_temp(b->cache, b->path, &b->fd, err);
}

int jm_net_body_open_received(struct jm_net_body *b, struct jm_error *err)
{
	ssize_t n;
	int rc = b->md5 ? 0 : jm_dvc_md5_create(&b->md5);

	if (rc)
		return jm_error_set(err, rc, "out of memory");
	rc = open_part(b, err);
	if (rc)
		return rc;
	b->size = 0;
	b->is_too_large = false;
	b->write_errno = 0;
	jm_dvc_md5_begin(b->md5);
	/* Chunks of DVC 2's hash count from the start: such an object is received in one go. */
	if (b->move->is_legacy) {
		rc = jm_net_body_restart(b) ? jm_error_errno(err, errno, "cannot write %s", b->path) : 0;
	} else {
		while ((n = jm_dvc_read_chunk(b->worker, b->fd, b->path, err)) > 0) {
			jm_dvc_md5_add(b->md5, b->worker->buffer, (size_t)n);
			b->size += n;
		}
		rc = n < 0 ? (int)n : 0;
	}
	b->from = b->size;
	return rc;
}

int jm_net_body_restart(struct jm_net_body *b)
{
	b->from = b->size = 0;
	jm_dvc_md5_begin(b->md5);
	return ftruncate(b->fd, 0) || lseek(b->fd, 0, SEEK_SET) < 0 ? -1 : 0;
}

size_t jm_net_body_take(struct jm_net_body *b, const void *data, size_t n)
{
	if (b->move->size_max >= 0 && (int64_t)n > b->move->size_max - b->size) {
		b->is_too_large = true;
		return 0;
	}
	if (jm_file_put(b->fd, data, n)) {
		b->write_errno = errno;
		return 0;
	}
	if (!b->move->is_legacy)
		jm_dvc_md5_add(b->md5, data, n);
	b->size += (int64_t)n;
	return n;
}

int jm_net_body_commit(struct jm_net_body *b, const char *remote_name, struct jm_error *err)
{
	struct jm_dvc_oid found;
	int64_t size;
	int rc;

	if (b->move->is_legacy) {
		rc = lseek(b->fd, 0, SEEK_SET) < 0
			 ? jm_error_errno(err, errno, "cannot read %s", b->path)
			 : jm_dvc_hash_fd(b->worker, b->fd, true, b->path, &found, &size, err);
	} else {
		rc = jm_dvc_md5_end(b->md5, false, &found, err);
	}
	if (rc)
		return rc;
	if (!jm_dvc_oid_is_same_content(&found, &b->move->oid)) {
		unlink(b->path);
		jm_error_set(
		    err, JM_E_FORMAT,
		    "the remote '%s' gave something else for the object %s (%s): its hash is %s; it was thrown away",
		    remote_name, b->move->oid.text, b->move->shown, found.text);
		return jm_error_remedy(err, "remove the object from the remote, then push it from where it is whole");
	}
	rc = jm_dvc_cache_commit(b->cache, b->path, &b->move->oid, b->move->is_legacy, err);
	if (rc == 0) {
		b->move->size = b->size;
		b->move->is_done = true;
	}
	return rc;
}

void jm_net_body_close(struct jm_net_body *b, bool keep)
{
	if (b->fd < 0)
		return;
	if (!keep && b->path[0])
		unlink(b->path);
	close(b->fd);
	b->fd = -1;
	b->path[0] = '\0';
}
