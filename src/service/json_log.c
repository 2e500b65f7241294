#define _GNU_SOURCE
#include "service/json_log.h"

#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Entries that cannot be written wait in memory, up to so many bytes. */
#define PENDING_MAX (4u << 20)

static int join(char *out, size_t size, const char *folder, const char *prefix, const char *name, const char *suffix,
		struct jm_error *err)
{
	int n = snprintf(out, size, "%s/%s%s%s", folder, prefix, name, suffix);

	return n < 0 || (size_t)n >= size ? jm_error_set(err, JM_E_INVALID, "the path %s/%s is too long", folder, name)
					  : 0;
}

static int write_at(int fd, const void *data, size_t n, uint64_t at)
{
	const char *bytes = data;

	while (n > 0) {
		ssize_t k = pwrite(fd, bytes, n, (off_t)at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k == 0 ? ENOSPC : errno;
		bytes += k;
		n -= (size_t)k;
		at += (uint64_t)k;
	}
	return 0;
}

/* Moves what an earlier run left to NAME-YYYYmmddTHHMMSS, by its last change; with a number where that is taken. */
static int keep_old(const char *path, struct jm_error *err)
{
	char kept[1100], stamp[32];
	const char *dot = strrchr(path, '.');
	struct stat status;
	struct tm tm;
	int i;

	if (lstat(path, &status) != 0)
		return 0;
	gmtime_r(&status.st_mtime, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &tm);
	for (i = 0; i < 1000; i++) {
		char number[16] = "";

		if (i > 0)
			snprintf(number, sizeof(number), "-%d", i);
		snprintf(kept, sizeof(kept), "%.*s-%s%s%s", (int)(dot - path), path, stamp, number, dot);
		if (lstat(kept, &status) != 0)
			return rename(path, kept) == 0 ? 0 : jm_error_errno(err, errno, "cannot rename %s", path);
	}
	return jm_error_set(err, JM_E_EXISTS, "cannot keep %s: every name for it is taken", path);
}

static int make_copy(struct jm_json_log *log, const char *path, int *fd, struct jm_error *err)
{
	char empty[4] = {log->open, '\n', log->close, '\n'};
	int code;

	*fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (*fd < 0)
		return jm_error_errno(err, errno, "cannot create %s", path);
	code = write_at(*fd, empty, sizeof(empty), 0);
	return code ? jm_error_errno(err, code, "cannot write %s", path) : 0;
}

int jm_json_log_open(struct jm_json_log *log, const char *folder, const char *name, char open, struct jm_error *err)
{
	int rc;

	*log = (struct jm_json_log){.open = open, .close = open == '{' ? '}' : ']', .fds = {-1, -1}};
	rc = join(log->path, sizeof(log->path), folder, "", name, "", err);
	if (rc == 0)
		rc = join(log->hidden_path, sizeof(log->hidden_path), folder, ".", name, ".next", err);
	if (rc == 0)
		rc = keep_old(log->path, err);
	if (rc != 0)
		return rc;
	unlink(log->hidden_path);
	/* Made under the hidden name first, so that the shown one is whole from its first moment. */
	rc = make_copy(log, log->hidden_path, &log->fds[0], err);
	if (rc == 0 && rename(log->hidden_path, log->path) != 0)
		rc = jm_error_errno(err, errno, "cannot create %s", log->path);
	if (rc == 0)
		rc = make_copy(log, log->hidden_path, &log->fds[1], err);
	log->hidden = 1;
	if (rc != 0)
		jm_json_log_finish(log);
	return rc;
}

void jm_json_log_add(struct jm_json_log *log, const struct jm_buffer *entry)
{
	if (entry->is_failed || log->pending.is_failed || log->pending.n + entry->n > PENDING_MAX) {
		log->n_lost++;
		return;
	}
	jm_buffer_puts(&log->pending, log->start + log->pending.n ? ",\n" : "\n");
	jm_buffer_append(&log->pending, entry->data, entry->n);
	log->is_changed = true;
}

/* Brings the hidden copy up to date. Gives an errno. */
static int complete(struct jm_json_log *log)
{
	int i = log->hidden, fd = log->fds[i], code;
	uint64_t total = log->start + log->pending.n;
	char end[3] = {'\n', log->close, '\n'};

	code = write_at(fd, log->pending.data + (log->done[i] - log->start), (size_t)(total - log->done[i]),
			1 + log->done[i]);
	if (code == 0)
		code = write_at(fd, end, sizeof(end), 1 + total);
	if (code == 0)
		log->done[i] = total;
	return code;
}

/* The shown copy's name is lost to it: makes another, with the same bytes. Gives an errno. */
static int copy_shown(struct jm_json_log *log)
{
	int shown = log->fds[1 - log->hidden], *fd = &log->fds[log->hidden];
	char block[65536];
	uint64_t at = 0;
	ssize_t n;

	close(*fd);
	*fd = open(log->hidden_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (*fd < 0)
		return errno;
	while ((n = pread(shown, block, sizeof(block), (off_t)at)) > 0) {
		int code = write_at(*fd, block, (size_t)n, at);

		if (code)
			return code;
		at += (uint64_t)n;
	}
	log->done[log->hidden] = log->done[1 - log->hidden];
	return n < 0 ? errno : 0;
}

static int show(struct jm_json_log *log)
{
	if (!log->cannot_exchange) {
		if (renameat2(AT_FDCWD, log->hidden_path, AT_FDCWD, log->path, RENAME_EXCHANGE) == 0) {
			log->hidden = 1 - log->hidden;
			return 0;
		}
		if (errno != EINVAL && errno != ENOSYS && errno != ENOENT)
			return errno;
		/* ENOENT: somebody took the shown file away. */
		log->cannot_exchange = errno != ENOENT;
	}
	if (rename(log->hidden_path, log->path) != 0)
		return errno;
	log->hidden = 1 - log->hidden;
	return copy_shown(log);
}

/* Forgets what both copies have. */
static void trim(struct jm_json_log *log)
{
	uint64_t least = log->done[0] < log->done[1] ? log->done[0] : log->done[1];
	size_t n = (size_t)(least - log->start);

	memmove(log->pending.data, log->pending.data + n, log->pending.n - n);
	log->pending.n -= n;
	log->start = least;
}

int jm_json_log_flush(struct jm_json_log *log, struct jm_error *err)
{
	int code;

	if (!log->is_changed)
		return 0;
	code = complete(log);
	if (code == 0)
		code = show(log);
	if (code)
		return jm_error_errno(err, code, "cannot write %s", log->path);
	log->is_changed = false;
	trim(log);
	return 0;
}

void jm_json_log_finish(struct jm_json_log *log)
{
	int i;

	if (!log->path[0])
		return;
	for (i = 0; i < 2; i++)
		if (log->fds[i] >= 0)
			close(log->fds[i]);
	if (log->fds[1] >= 0)
		unlink(log->hidden_path);
	jm_buffer_finish(&log->pending);
	*log = (struct jm_json_log){.fds = {-1, -1}};
}

int jm_json_replace(const char *folder, const char *name, const struct jm_buffer *text, struct jm_error *err)
{
	char path[1024], next[1024];
	int rc = join(path, sizeof(path), folder, "", name, "", err), fd, code;

	if (rc == 0)
		rc = join(next, sizeof(next), folder, ".", name, ".next", err);
	if (rc != 0)
		return rc;
	if (text->is_failed)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for %s", path);
	fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return jm_error_errno(err, errno, "cannot create %s", next);
	code = write_at(fd, text->data, text->n, 0);
	if (close(fd) != 0 && code == 0)
		code = errno;
	if (code == 0 && rename(next, path) != 0)
		code = errno;
	if (code == 0)
		return 0;
	unlink(next);
	return jm_error_errno(err, code, "cannot write %s", path);
}
