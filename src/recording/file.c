#define _GNU_SOURCE
#include "recording/file.h"

#include "core/file.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What SQLite puts beside a database. */
static const char *const companions[] = {"-wal", "-shm", "-journal"};
#define N_COMPANIONS (sizeof(companions) / sizeof(companions[0]))

/* Gives path + suffix, to be freed, or NULL. */
static char *with_suffix(const char *path, const char *suffix)
{
	char *out = NULL;

	return asprintf(&out, "%s%s", path, suffix) < 0 ? NULL : out;
}

static bool exists(const char *path, const char *suffix)
{
	char *companion = with_suffix(path, suffix);
	struct stat st;
	bool found = companion && lstat(companion, &st) == 0;

	free(companion);
	return found;
}

char *jm_recording_file_plain(const char *path)
{
	return path[0] == '/' ? strdup(path) : with_suffix("./", path);
}

void jm_recording_file_remove(const char *path)
{
	size_t i;

	for (i = 0; i < N_COMPANIONS; i++) {
		char *companion = with_suffix(path, companions[i]);

		if (companion)
			unlink(companion);
		free(companion);
	}
	unlink(path);
}

/* Says whether another program has the recording open: SQLite holds a lock on the file as long (sqlite.org/lockingv3.html,
 * section 3). *pid_out: which. */
static bool is_in_use(const char *path, pid_t *pid_out)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool found;

	if (fd < 0)
		return false;
	found = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
	*pid_out = lock.l_pid;
	close(fd);
	return found;
}

/* Says no to what must never be unlinked, even when told to overwrite. */
static int check_old(const char *path, bool overwrite, struct jm_error *err)
{
	struct stat st;
	pid_t pid;
	size_t i;

	if (lstat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return jm_error_set(err, JM_E_INVALID, "cannot record to %s: it is a directory", path);
		if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
			return jm_error_set(err, JM_E_INVALID, "cannot record to %s: it is not a regular file", path);
		if (overwrite && S_ISREG(st.st_mode) && is_in_use(path, &pid)) {
			jm_error_set(err, JM_E_IO, "%s is in use by process %ld", path, (long)pid);
			jm_error_remedy(err, "let that end, or give another name");
			return JM_E_IO;
		}
		if (overwrite)
			return 0;
		jm_error_set(err, JM_E_EXISTS, "%s exists already", path);
		jm_error_remedy(err, "give another name, or say that it may be overwritten");
		return JM_E_EXISTS;
	}
	for (i = 0; !overwrite && i < N_COMPANIONS; i++) {
		if (!exists(path, companions[i]))
			continue;
		jm_error_set(err, JM_E_EXISTS, "%s%s is left there of an earlier recording", path, companions[i]);
		jm_error_remedy(err, "put %s back beside it, give another name, or say that it may be overwritten",
				path);
		return JM_E_EXISTS;
	}
	return 0;
}

/* Gives id, or -1: what sudo says of who called it. */
static long sudo_id(const char *variable)
{
	const char *text = getenv(variable);
	int64_t id;

	return text && jm_text_i64(text, strlen(text), &id) == 0 && id >= 0 && id < UINT32_MAX ? (long)id : -1;
}

/* Who records as root by sudo, for sensors that are root's, wants to read the recording as himself. Where the file system knows no
 * owners it stays as it is. */
static void give_to_caller(int fd)
{
	long uid = geteuid() == 0 ? sudo_id("SUDO_UID") : -1;

	if (uid >= 0 && fchown(fd, (uid_t)uid, (gid_t)sudo_id("SUDO_GID")))
		return;
}

int jm_recording_file_create(const char *path, bool overwrite, struct jm_error *err)
{
	int rc = check_old(path, overwrite, err);
	int fd;

	if (rc)
		return rc;
	if (overwrite)
		jm_recording_file_remove(path);
	/* O_EXCL does not follow a symbolic link that somebody put there in the meantime. */
	fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return jm_error_errno(err, errno, "cannot create %s", path);
	give_to_caller(fd);
	close(fd);
	return 0;
}

static uint32_t big_endian(const unsigned char *bytes, int n)
{
	uint32_t value = 0;
	int i;

	for (i = 0; i < n; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* SQLite reads a last page that is cut short as if zeros stood there, and rows would be wrong. Header: page size at
 * byte 16 (1: 65536), number of pages at byte 28 (sqlite.org/fileformat2.html, section 1.3). */
static int check_length(int fd, const char *path, int64_t size, struct jm_error *err)
{
	unsigned char header[32];
	int64_t page_bytes, needed;

	if (pread(fd, header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    memcmp(header, "SQLite format 3", 16) != 0)
		return 0;
	page_bytes = big_endian(header + 16, 2);
	needed = (page_bytes == 1 ? 65536 : page_bytes) * (int64_t)big_endian(header + 28, 4);
	if (size >= needed)
		return 0;
	jm_error_set(err, JM_E_FORMAT, "%s is cut short: %lld of %lld bytes are there", path, (long long)size,
		     (long long)needed);
	jm_error_remedy(err, "what is left can be had with: sqlite3 %.200s .recover", path);
	return JM_E_FORMAT;
}

int jm_recording_file_check(const char *path, int64_t *size_out, int64_t *wal_out, struct jm_error *err)
{
	char *wal = with_suffix(path, "-wal");
	struct stat st, wal_st;
	int fd, rc;

	if (!wal)
		return jm_error_set(err, JM_E_NOMEM, "cannot open %s", path);
	*wal_out = stat(wal, &wal_st) == 0 && S_ISREG(wal_st.st_mode) ? (int64_t)wal_st.st_size : 0;
	free(wal);
	/* Without O_NONBLOCK a FIFO would hang here. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return jm_error_errno(err, errno, "cannot open %s", path);
	if (fstat(fd, &st) != 0) {
		rc = jm_error_errno(err, errno, "cannot open %s", path);
		close(fd);
		return rc;
	}
	if (!S_ISREG(st.st_mode))
		rc = jm_error_set(err, JM_E_FORMAT, "%s is no recording: it is %s", path,
				  S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
	else
		/* With a -wal, missing pages may be in there. */
		rc = *wal_out ? 0 : check_length(fd, path, st.st_size, err);
	close(fd);
	if (rc)
		return rc;
	*size_out = (int64_t)st.st_size + *wal_out;
	return 0;
}

static int copy_bytes(int in, int out)
{
	char buffer[65536];
	ssize_t n;

	while ((n = read(in, buffer, sizeof(buffer))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (jm_file_put(out, buffer, (size_t)n))
			return -errno;
	}
	return 0;
}

/* Gives 0 or a negative errno value. */
static int copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out, rc;

	if (in < 0)
		return -errno;
	out = open(to, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	rc = out < 0 ? -errno : copy_bytes(in, out);
	close(in);
	if (out >= 0 && close(out) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

/* The -shm is not copied: SQLite makes it anew. */
static int copy_all(const char *path, const char *copy)
{
	static const char *const suffixes[] = {"", "-wal", "-journal"};
	int rc = 0;
	size_t i;

	for (i = 0; rc == 0 && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char *from = with_suffix(path, suffixes[i]);
		char *to = with_suffix(copy, suffixes[i]);

		rc = from && to ? copy_file(from, to) : -ENOMEM;
		if (rc == -ENOENT && i > 0)
			rc = 0;
		free(from);
		free(to);
	}
	return rc;
}

int jm_recording_file_copy(const char *path, char **copy_out, struct jm_error *err)
{
	const char *parent = getenv("TMPDIR");
	char *folder = with_suffix(parent && parent[0] ? parent : "/tmp", "/joulemap-XXXXXX");
	char *copy = NULL;
	int rc;

	if (!folder)
		return jm_error_set(err, JM_E_NOMEM, "cannot copy %s", path);
	if (!mkdtemp(folder)) {
		rc = jm_error_errno(err, errno, "cannot make a folder for a copy of %s", path);
		goto out;
	}
	copy = with_suffix(folder, "/recording");
	rc = copy ? copy_all(path, copy) : -ENOMEM;
	if (rc) {
		rc = jm_error_errno(err, -rc, "cannot copy %s to %s", path, folder);
		if (copy)
			jm_recording_file_discard(copy);
		else
			rmdir(folder);
		free(copy);
		goto out;
	}
	*copy_out = copy;
out:
	free(folder);
	return rc;
}

void jm_recording_file_discard(const char *copy)
{
	char *folder, *slash;

	if (!copy)
		return;
	jm_recording_file_remove(copy);
	folder = strdup(copy);
	slash = folder ? strrchr(folder, '/') : NULL;
	if (slash) {
		*slash = '\0';
		rmdir(folder);
	}
	free(folder);
}
