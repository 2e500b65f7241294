#define _GNU_SOURCE
#include "dataset/replace.h"

#include "core/error.h"
#include "core/file.h"
#include "core/grow.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Paths: of the table, of what takes its place, and, until all are in place, of what it was. */
struct jm_replacement {
	char *current, *next, *old;
	bool has_old, has_next;
	bool is_kept; /* the table is at old, too */
	bool is_done;
};

static void free_item(struct jm_replacement *i)
{
	free(i->current);
	free(i->next);
	free(i->old);
}

static char *join(const char *folder, const char *before, const char *name, const char *behind)
{
	size_t size = strlen(folder) + strlen(before) + strlen(name) + strlen(behind) + 2;
	char *path = size <= PATH_MAX ? malloc(size) : NULL;

	if (path)
		snprintf(path, size, "%s/%s%s%s", folder, before, name, behind);
	return path;
}

/* Notes that the folder was made here. */
static int note_made(struct jm_replacing *r, const char *path)
{
	char **grown = realloc(r->made, (r->n_made + 1) * sizeof(*grown));

	if (!grown)
		return JM_E_NOMEM;
	r->made = grown;
	r->made[r->n_made] = strdup(path);
	return r->made[r->n_made] ? (r->n_made++, 0) : JM_E_NOMEM;
}

static int make_folder(struct jm_replacing *r, const char *path, struct jm_error *err)
{
	if (mkdir(path, 0777) == 0) {
		if (note_made(r, path) == 0)
			return 0;
		rmdir(path);
		return jm_error_set(err, JM_E_NOMEM, "no memory for %s", path);
	}
	return errno == EEXIST ? 0 : jm_error_errno(err, errno, "cannot make the folder %s", path);
}

int jm_replacing_enter(struct jm_replacing *r, const char *parent, const char *name, struct jm_error *err)
{
	struct stat st;
	char *path = name ? join(parent, "", name, "") : strdup(parent);
	int rc;

	if (!path)
		return jm_error_set(err, JM_E_NOMEM, "no memory for the path of %s, or it is too long",
				    name ? name : parent);
	free(r->folder);
	r->folder = path;
	rc = make_folder(r, path, err);
	if (rc || !name)
		return rc;
	if (lstat(path, &st))
		return jm_error_errno(err, errno, "cannot write into %s", path);
	if (!S_ISDIR(st.st_mode))
		return jm_error_set(err, JM_E_INVALID, "cannot write into %s: it is no folder, or a symbolic link",
				    path);
	return 0;
}

static struct jm_replacement *add_item(struct jm_replacing *r, const char *name)
{
	struct jm_replacement *i;

	if (!jm_grow(&r->items, &r->capacity, r->n, sizeof(*r->items)))
		return NULL;
	i = &r->items[r->n];
	memset(i, 0, sizeof(*i));
	i->current = join(r->folder, "", name, ".csv");
	i->next = join(r->folder, ".", name, ".csv.new");
	i->old = join(r->folder, ".", name, ".csv.old");
	if (i->current && i->next && i->old) {
		r->n++;
		return i;
	}
	free_item(i);
	return NULL;
}

/* Errors: of looking. */
static int see_old(struct jm_replacement *i, struct jm_error *err)
{
	struct stat st;

	if (lstat(i->current, &st) == 0)
		i->has_old = S_ISREG(st.st_mode);
	else if (errno != ENOENT)
		return jm_error_errno(err, errno, "cannot look at %s", i->current);
	return 0;
}

/* A new file, not what a build that was killed has left, nor what somebody else has put there. */
static int write_next(struct jm_replacement *i, const void *data, size_t n, struct jm_error *err)
{
	int fd, failed;

	if (unlinkat(AT_FDCWD, i->next, 0) && errno != ENOENT)
		return jm_error_errno(err, errno, "cannot write %s", i->next);
	fd = open(i->next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return jm_error_errno(err, errno, "cannot write %s", i->next);
	i->has_next = true;
	failed = jm_file_put(fd, data, n) || fsync(fd) ? errno : 0;
	if (close(fd) && !failed)
		failed = errno;
	return failed ? jm_error_errno(err, failed, "cannot write %s", i->current) : 0;
}

int jm_replacing_stage(struct jm_replacing *r, const char *name, const void *data, size_t n, struct jm_error *err)
{
	struct jm_replacement *i = add_item(r, name);
	int rc;

	if (!i)
		return jm_error_set(err, JM_E_NOMEM, "no memory for the path of %s, or it is too long", name);
	rc = jm_file_is_free(i->current, true, err);
	rc = rc ? rc : see_old(i, err);
	return rc ? rc : write_next(i, data, n, err);
}

int jm_replacing_remove(struct jm_replacing *r, const char *name, struct jm_error *err)
{
	struct jm_replacement *i = add_item(r, name);

	return i ? see_old(i, err)
		 : jm_error_set(err, JM_E_NOMEM, "no memory for the path of %s, or it is too long", name);
}

/* A second name for the table, so that there is one at every moment; not every file system has second names. */
static int keep_old(struct jm_replacement *i)
{
	if (!i->has_old)
		return 0;
	if (unlinkat(AT_FDCWD, i->old, 0) && errno != ENOENT)
		return -1;
	if (!i->has_next || linkat(AT_FDCWD, i->current, AT_FDCWD, i->old, 0)) {
		if (i->has_next && errno != EPERM && errno != EOPNOTSUPP && errno != EMLINK && errno != ENOSYS)
			return -1;
		if (rename(i->current, i->old))
			return -1;
	}
	i->is_kept = true;
	return 0;
}

static int put(struct jm_replacement *i, struct jm_error *err)
{
	if (keep_old(i) || (i->has_next && rename(i->next, i->current)))
		return jm_error_errno(err, errno, "cannot replace %s", i->current);
	i->is_done = true;
	return 0;
}

/* Gives false where something could not be put back. */
static bool undo(struct jm_replacing *r, struct jm_error *err)
{
	bool is_whole = true;
	size_t k;

	for (k = r->n; k-- > 0;) {
		struct jm_replacement *i = &r->items[k];
		bool is_new = i->is_done && i->has_next && !i->has_old;

		if ((i->is_kept && rename(i->old, i->current)) || (is_new && unlinkat(AT_FDCWD, i->current, 0))) {
			if (is_whole)
				jm_error_remedy(err, "%s could not be put back: %s", i->current,
						i->is_kept ? "what it was lies beside it, as .NAME.csv.old"
							   : "remove it");
			is_whole = false;
		}
		/* Where both are names of one file, renaming does nothing. */
		else if (i->is_kept)
			(void)unlinkat(AT_FDCWD, i->old, 0);
		i->has_next = i->has_next && !i->is_done;
		i->is_kept = i->is_done = false;
	}
	return is_whole;
}

/* Names to the disk. Folders of some file systems cannot be told to. */
static int sync_folder(const char *path, struct jm_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY), failed;

	if (fd < 0)
		return jm_error_errno(err, errno, "cannot open %s", path);
	failed = fsync(fd) ? errno : 0;
	close(fd);
	return failed && failed != EINVAL ? jm_error_errno(err, failed, "cannot write %s", path) : 0;
}

static int sync_folders(const struct jm_replacing *r, struct jm_error *err)
{
	char *last = NULL, *folder;
	size_t k;
	int rc = 0;

	for (k = 0; k < r->n && rc == 0; k++) {
		folder = strdup(r->items[k].current);
		if (!folder)
			rc = jm_error_set(err, JM_E_NOMEM, "no memory for a path");
		else
			*strrchr(folder, '/') = '\0';
		if (rc == 0 && (!last || strcmp(folder, last) != 0))
			rc = sync_folder(folder, err);
		free(last);
		last = folder;
	}
	free(last);
	return rc;
}

int jm_replacing_commit(struct jm_replacing *r, struct jm_error *err)
{
	size_t k;
	int rc = 0;

	for (k = 0; k < r->n && rc == 0; k++)
		rc = put(&r->items[k], err);
	rc = rc ? rc : sync_folders(r, err);
	if (rc == 0)
		r->is_committed = true;
	else if (undo(r, err))
		jm_error_remedy(err, "all tables are as they were");
	/* Of a build that was killed, too. What cannot be removed is hidden, and overwritten by the next one. */
	for (k = 0; r->is_committed && k < r->n; k++) {
		(void)unlinkat(AT_FDCWD, r->items[k].old, 0);
		if (!r->items[k].has_next)
			(void)unlinkat(AT_FDCWD, r->items[k].next, 0);
	}
	return rc;
}

void jm_replacing_finish(struct jm_replacing *r)
{
	size_t k;

	for (k = 0; k < r->n; k++) {
		if (r->items[k].has_next && !r->items[k].is_done)
			(void)unlinkat(AT_FDCWD, r->items[k].next, 0);
		free_item(&r->items[k]);
	}
	for (k = r->n_made; k-- > 0;) {
		if (!r->is_committed)
			rmdir(r->made[k]); /* empty, or it stays */
		free(r->made[k]);
	}
	free(r->items);
	free(r->made);
	free(r->folder);
	memset(r, 0, sizeof(*r));
}
