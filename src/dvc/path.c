#define _GNU_SOURCE
#include "dvc/path.h"

#include "core/error.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_part(const char *part, size_t n, const char *name)
{
	return strlen(name) == n && memcmp(part, name, n) == 0;
}

bool jm_dvc_path_is_safe(const char *path)
{
	const char *part = path;

	if (strlen(path) >= JM_DVC_PATH_MAX / 2)
		return false;
	for (;;) {
		size_t n = strcspn(part, "/");

		if (n == 0 || n > 255 || is_part(part, n, ".") || is_part(part, n, "..") || is_part(part, n, ".git") ||
		    is_part(part, n, ".dvc"))
			return false;
		if (!part[n])
			return true;
		part += n + 1;
	}
}

int jm_dvc_path_normalise(const char *path, char *out, size_t size)
{
	size_t used = 0;

	if (path[0] == '/' || size == 0)
		return JM_E_INVALID;
	out[0] = '\0';
	while (*path) {
		size_t n = strcspn(path, "/");

		if (is_part(path, n, "..")) {
			const char *slash = strrchr(out, '/');

			if (used == 0)
				return JM_E_INVALID;
			used = slash ? (size_t)(slash - out) : 0;
		} else if (n > 0 && !is_part(path, n, ".")) {
			if (used + n + 2 > size)
				return JM_E_INVALID;
			if (used)
				out[used++] = '/';
			memcpy(out + used, path, n);
			used += n;
		}
		out[used] = '\0';
		path += n + (path[n] == '/');
	}
	return 0;
}

int jm_dvc_path_join(const char *folder, const char *name, char *out, size_t size)
{
	size_t n = strlen(folder);
	const char *slash = n && *name && folder[n - 1] != '/' ? "/" : "";

	return (size_t)snprintf(out, size, "%s%s%s", folder, slash, name) < size ? 0 : JM_E_INVALID;
}

bool jm_dvc_is_utf8(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t i = 0;

	while (i < n) {
		unsigned char c = s[i];
		size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : 3, k;

		if (c >= 0x80 && (c < 0xc2 || c > 0xf4 || i + more >= n))
			return false;
		for (k = 1; k <= more; k++)
			if ((s[i + k] & 0xc0) != 0x80)
				return false;
		if ((c == 0xe0 && s[i + 1] < 0xa0) || (c == 0xed && s[i + 1] >= 0xa0) ||
		    (c == 0xf0 && s[i + 1] < 0x90) || (c == 0xf4 && s[i + 1] >= 0x90))
			return false;
		i += more + 1;
	}
	return true;
}

int jm_dvc_below_open(struct jm_dvc_below *b, const char *folder, struct jm_error *err)
{
	b->shown = folder;
	b->parent_fd = -1;
	b->parent[0] = '\0';
	b->root_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return b->root_fd < 0 ? jm_error_errno(err, errno, "cannot open the folder %s", folder) : 0;
}

static void drop_parent(struct jm_dvc_below *b)
{
	if (b->parent_fd >= 0)
		close(b->parent_fd);
	b->parent_fd = -1;
	b->parent[0] = '\0';
}

void jm_dvc_below_close(struct jm_dvc_below *b)
{
	drop_parent(b);
	if (b->root_fd >= 0)
		close(b->root_fd);
	b->root_fd = -1;
}

/* Opens the folder name in fd; makes it if wished. */
static int step(int fd, const char *name, bool with_folders)
{
	int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (next < 0 && errno == ENOENT && with_folders) {
		if (mkdirat(fd, name, 0777) && errno != EEXIST)
			return -1;
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	return next;
}

static int step_failed(const struct jm_dvc_below *b, const char *path, size_t n, struct jm_error *err)
{
	int code = errno;

	if (code != ENOTDIR && code != ELOOP)
		return jm_error_errno(err, code, "cannot open the folder %s/%.*s", b->shown, (int)n, path);
	jm_error_set(err, JM_E_EXISTS, "%s/%.*s is a link or a file where the data wants a folder", b->shown, (int)n,
		     path);
	return jm_error_remedy(err, "move it away, then run this again");
}

int jm_dvc_below_parent(struct jm_dvc_below *b, const char *path, bool with_folders, int *fd_out, const char **name_out,
			struct jm_error *err)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0, at = 0;
	char part[256];

	*name_out = slash ? slash + 1 : path;
	*fd_out = b->root_fd;
	if (n == 0)
		return 0;
	if (n >= sizeof(b->parent))
		return jm_error_set(err, JM_E_INVALID, "the path %s is too long", path);
	if (b->parent_fd >= 0 && strlen(b->parent) == n && memcmp(b->parent, path, n) == 0) {
		*fd_out = b->parent_fd;
		return 0;
	}
	drop_parent(b);
	while (at < n) {
		size_t k = strcspn(path + at, "/");
		int fd;

		if (k >= sizeof(part))
			return jm_error_set(err, JM_E_INVALID, "the path %s is too long", path);
		memcpy(part, path + at, k);
		part[k] = '\0';
		fd = step(b->parent_fd >= 0 ? b->parent_fd : b->root_fd, part, with_folders);
		if (fd < 0)
			return step_failed(b, path, at + k, err);
		drop_parent(b);
		b->parent_fd = fd;
		at += k + 1;
	}
	memcpy(b->parent, path, n);
	b->parent[n] = '\0';
	*fd_out = b->parent_fd;
	return 0;
}

int jm_dvc_make_folders(const char *path, mode_t mode, struct jm_error *err)
{
	char part[JM_DVC_PATH_MAX];
	size_t i, n = strlen(path);

	if (n >= sizeof(part))
		return jm_error_set(err, JM_E_INVALID, "the path %s is too long", path);
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	for (i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, mode) && errno != EEXIST)
			return jm_error_errno(err, errno, "cannot make the folder %s", part);
	}
	return 0;
}

int jm_dvc_write_file(const char *path, const char *data, size_t n, mode_t mode, struct jm_error *err)
{
	char name[JM_DVC_PATH_MAX + 16];
	struct stat status;
	int fd, code = 0;

	if (strlen(path) >= JM_DVC_PATH_MAX)
		return jm_error_set(err, JM_E_INVALID, "the path %s is too long", path);
	snprintf(name, sizeof(name), "%s.XXXXXX", path);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return jm_error_errno(err, errno, "cannot write beside %s", path);
	if (!mode) {
		mode_t mask = umask(0);

		umask(mask);
		mode = stat(path, &status) == 0 ? status.st_mode & 07777 : 0666 & ~mask;
	}
	if (jm_file_put(fd, data, n) || fchmod(fd, mode) || fsync(fd))
		code = errno;
	if (close(fd) && !code)
		code = errno;
	if (!code && rename(name, path))
		code = errno;
	if (!code)
		return 0;
	unlink(name);
	return jm_error_errno(err, code, "cannot write %s", path);
}

int jm_dvc_read_file(const char *path, size_t max, char **out, size_t *n_out, struct jm_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	ssize_t got = 1;
	size_t n = 0;
	char *data;
	int code;

	if (fd < 0)
		return jm_error_errno(err, errno, "cannot open %s", path);
	if (fstat(fd, &status) || !S_ISREG(status.st_mode) || (uint64_t)status.st_size > max) {
		close(fd);
		return jm_error_set(err, JM_E_FORMAT, "%s is no file of at most %zu bytes", path, max);
	}
	data = malloc((size_t)status.st_size + 1);
	while (data && n < (size_t)status.st_size && got != 0) {
		got = read(fd, data + n, (size_t)status.st_size - n);
		if (got < 0 && errno != EINTR)
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	code = errno;
	close(fd);
	if (!data)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for %s", path);
	if (got < 0 && n < (size_t)status.st_size) {
		free(data);
		return jm_error_errno(err, code, "cannot read %s", path);
	}
	data[n] = '\0';
	*out = data;
	*n_out = n;
	return 0;
}
