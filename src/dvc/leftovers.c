/* Files that killed runs left half written in a cache. Whoever may make such files holds a shared lock on their folder; a run that finds
 * itself alone removes what is there. */
#define _GNU_SOURCE
#include "dvc/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define TRIES  30 /* of 100 ms: as long as for the lock of the repository */
#define TRY_NS (100 * 1000 * 1000)
#define NEW    "new."

/* Of linux/magic.h; not all of them are in every version of it. */
#define CEPH 0x00c36400
#define CIFS 0xff534d42
#define SMB2 0xfe534d42
#define FUSE 0x65735546 /* sshfs and the like */

/* The lock of a folder is not seen by other machines there. */
static bool is_on_network(int fd)
{
	static const uint32_t networks[] = {
	    NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, AFS_SUPER_MAGIC, V9FS_MAGIC, CODA_SUPER_MAGIC, CEPH, CIFS, SMB2, FUSE};
	struct statfs status;
	size_t i;

	if (fstatfs(fd, &status))
		return true;
	for (i = 0; i < sizeof(networks) / sizeof(networks[0]); i++)
		if ((uint32_t)status.f_type == networks[i])
			return true;
	return false;
}

static void remove_new(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)))
		if (strncmp(entry->d_name, NEW, strlen(NEW)) == 0)
			unlinkat(folder, entry->d_name, 0);
	closedir(dir);
}

void jm_dvc_cache_enter(struct jm_dvc_cache *cache)
{
	const struct timespec wait = {0, TRY_NS};
	char path[JM_DVC_PATH_MAX];
	int i;

	if (cache->has_entered)
		return;
	snprintf(path, sizeof(path), "%s/.joulemap", cache->root);
	if (jm_dvc_make_folders(path, cache->folder_mode, NULL))
		return;
	cache->lock_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cache->lock_fd < 0)
		return;
	cache->has_entered = true;
	if (flock(cache->lock_fd, LOCK_EX | LOCK_NB) == 0 && !is_on_network(cache->lock_fd))
		remove_new(cache->lock_fd);
	/* Another holds it alone while it removes, and no longer. Without the lock ours could be removed, which is told then. */
	for (i = 0; i < TRIES && flock(cache->lock_fd, LOCK_SH | LOCK_NB) && (errno == EWOULDBLOCK || errno == EINTR);
	     i++)
		nanosleep(&wait, NULL);
}

void jm_dvc_cache_leave(struct jm_dvc_cache *cache)
{
	if (cache->has_entered)
		close(cache->lock_fd);
	cache->has_entered = false;
}
