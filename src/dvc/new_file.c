#define _GNU_SOURCE
#include "dvc/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define TRIES 1000

/* Names of a thread's own: the pool has many at work in one folder. */
static void make_name(struct jm_dvc_new_file *f)
{
	static atomic_uint number;

	snprintf(f->temp, sizeof(f->temp), ".joulemap-%ld-%u.tmp", (long)getpid(), atomic_fetch_add(&number, 1));
}

int jm_dvc_new_file_open(struct jm_dvc_new_file *f, int folder, mode_t mode)
{
	int i;

	f->folder = folder;
	f->temp[0] = '\0';
	f->fd = openat(folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
	if (f->fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT))
		return f->fd < 0 ? -1 : 0;
	for (i = 0; i < TRIES; i++) {
		make_name(f);
		f->fd = openat(folder, f->temp, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
		if (f->fd >= 0 || errno != EEXIST)
			break;
	}
	if (f->fd < 0)
		f->temp[0] = '\0';
	return f->fd < 0 ? -1 : 0;
}

/* A name for the file that has none. */
static int link_to(struct jm_dvc_new_file *f, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
	return linkat(AT_FDCWD, path, f->folder, name, AT_SYMLINK_FOLLOW);
}

int jm_dvc_new_file_name(struct jm_dvc_new_file *f, const char *name)
{
	int i;

	if (!f->temp[0]) {
		if (link_to(f, name) == 0)
			return 0;
		if (errno != EEXIST)
			return -1;
		for (i = 0; i < TRIES; i++) {
			make_name(f);
			if (link_to(f, f->temp) == 0)
				break;
			if (errno != EEXIST || i == TRIES - 1) {
				f->temp[0] = '\0';
				return -1;
			}
		}
	}
	if (renameat(f->folder, f->temp, f->folder, name))
		return -1;
	f->temp[0] = '\0';
	return 0;
}

int jm_dvc_new_file_close(struct jm_dvc_new_file *f)
{
	if (f->temp[0])
		unlinkat(f->folder, f->temp, 0);
	return close(f->fd);
}
