#define _GNU_SOURCE
#include "core/file.h"

#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_TRIED 100

int jm_file_refuse_link(const char *path, struct jm_error *err)
{
	char target[512];
	ssize_t n = readlink(path, target, sizeof(target));

	jm_error_set(err, JM_E_INVALID, "cannot write %s: it is a symbolic link, and none is followed", path);
	if (n > 0 && n < (ssize_t)sizeof(target))
		jm_error_remedy(err, "name the file that it points to (%.*s), or another", (int)n, target);
	else
		jm_error_remedy(err, "name the file that it points to, or another");
	return JM_E_INVALID; /* whether or not anybody wants to know why */
}

int jm_file_is_free(const char *path, bool is_forced, struct jm_error *err)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : jm_error_errno(err, errno, "cannot write %s", path);
	if (S_ISLNK(st.st_mode))
		return jm_file_refuse_link(path, err);
	if (!S_ISREG(st.st_mode))
		return jm_error_set(err, JM_E_INVALID, "cannot write %s: it is no regular file", path);
	return is_forced ? 0 : jm_error_errno(err, EEXIST, "cannot write %s", path);
}

/* A file of our own beside path. Gives its descriptor, or a code. */
static int open_partial(const char *path, char *partial, size_t size, struct jm_error *err)
{
	int i, fd = -1;

	for (i = 0; i < NAMES_TRIED && fd < 0; i++) {
		if (snprintf(partial, size, "%s.%ld-%d.partial", path, (long)getpid(), i) >= (int)size)
			return jm_error_errno(err, ENAMETOOLONG, "cannot write %s", path);
		fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	return fd >= 0 ? fd : jm_error_errno(err, errno, "cannot write %s", path);
}

int jm_file_put(int fd, const void *data, size_t n)
{
	const char *at = data;

	while (n > 0) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done == 0)
			errno = EIO;
		if (done <= 0)
			return -1;
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Without force nothing is replaced that came in the meantime, where the file system can tell. */
static int give_name(const char *partial, const char *path, bool is_forced)
{
	if (is_forced)
		return rename(partial, path);
	if (renameat2(AT_FDCWD, partial, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	return errno == EINVAL || errno == ENOSYS ? rename(partial, path) : -1;
}

int jm_file_make_folders(const char *path, struct jm_error *err)
{
	char part[PATH_MAX];
	struct stat st;
	size_t n, length = strlen(path);

	if (length >= sizeof(part))
		return jm_error_errno(err, ENAMETOOLONG, "cannot make the folder %s", path);
	for (n = 1; n <= length; n++) {
		if (path[n] != '/' && path[n] != '\0')
			continue;
		memcpy(part, path, n);
		part[n] = '\0';
		if (mkdir(part, 0777) && errno != EEXIST)
			return jm_error_errno(err, errno, "cannot make the folder %s", part);
	}
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return jm_error_errno(err, ENOTDIR, "cannot write into %s", path);
	return 0;
}

int jm_file_write(const char *path, const void *data, size_t n, bool is_forced, struct jm_error *err)
{
	char partial[PATH_MAX];
	int fd, failed, rc = jm_file_is_free(path, is_forced, err);

	if (rc)
		return rc;
	fd = open_partial(path, partial, sizeof(partial), err);
	if (fd < 0)
		return fd;
	failed = jm_file_put(fd, data, n) ? errno : 0;
	if (close(fd) && !failed)
		failed = errno;
	if (!failed && give_name(partial, path, is_forced))
		failed = errno;
	if (!failed)
		return 0;
	unlink(partial);
	return jm_error_errno(err, failed, "cannot write %s", path);
}
