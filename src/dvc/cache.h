/* DVC's cache: a folder of objects under their hashes, read-only. files/md5/XX/REST, in DVC 2 XX/REST. */
#ifndef DVC_CACHE_H
#define DVC_CACHE_H

#include "dvc/oid.h"
#include "dvc/path.h"

#include <stdatomic.h>

enum jm_dvc_link { JM_DVC_REFLINK, JM_DVC_HARDLINK, JM_DVC_SYMLINK, JM_DVC_COPY, JM_DVC_N_LINKS };

struct jm_dvc_cache {
	char root[JM_DVC_PATH_MAX - 128];       /* room is left for what lies in it */
	enum jm_dvc_link links[JM_DVC_N_LINKS]; /* to be tried in order, for the files of the workspace */
	size_t n_links;
	mode_t file_mode, folder_mode;
	atomic_bool no_reflink; /* this file system has none: it was tried */
	bool has_entered;
	int lock_fd; /* of the folder of new files, while has_entered */
};

/* Fills in: links as "reflink,copy" or NULL for that; is_shared: with the group, modes 0664 and 02775. Errors: JM_E_INVALID: an unknown kind of link. */
int jm_dvc_cache_init(struct jm_dvc_cache *cache, const char *root, const char *links, bool is_shared,
		      struct jm_error *err);
/* Writes where an object is or would be: root/files/md5/XX/REST. Errors: JM_E_INVALID: too long. */
int jm_dvc_object_path(const char *root, const struct jm_dvc_oid *oid, bool is_legacy, char *out, size_t size);
/* Says whether the object is there. size: that it must have; -1: any. */
bool jm_dvc_cache_has(const struct jm_dvc_cache *cache, const struct jm_dvc_oid *oid, bool is_legacy, int64_t size);

/* Says that this run makes new files in the cache until it leaves. When it is the only one, it removes those that killed runs left; on
 * file systems of a network, where others may not be seen, none. One thread, before the first new file; again does nothing. */
void jm_dvc_cache_enter(struct jm_dvc_cache *cache);
void jm_dvc_cache_leave(struct jm_dvc_cache *cache);

/* Opens a new file for an object to be: path_out, JM_DVC_PATH_MAX bytes. The caller writes, then commits or removes it. */
int jm_dvc_cache_temp(struct jm_dvc_cache *cache, char *path_out, int *fd_out, struct jm_error *err);
/* Writes the path of a file in which an object's bytes are gathered over several attempts. */
int jm_dvc_cache_part(struct jm_dvc_cache *cache, const struct jm_dvc_oid *oid, char *path_out, struct jm_error *err);
/* Makes a finished file the object oid: read-only, renamed to its place. */
int jm_dvc_cache_commit(struct jm_dvc_cache *cache, const char *temp, const struct jm_dvc_oid *oid, bool is_legacy,
			struct jm_error *err);

/* Hashes an open file from its start and puts its bytes into the cache unless they are there. is_new_out: they were not.
 * Errors: JM_E_AGAIN: the file changed meanwhile; JM_E_FULL, JM_E_IO, ... */
int jm_dvc_cache_insert(struct jm_dvc_cache *cache, struct jm_dvc_worker *w, int fd, const char *name,
			struct jm_dvc_oid *oid_out, int64_t *size_out, bool *is_new_out, struct jm_error *err);
/* Puts n bytes in as a listing (".dir"). */
int jm_dvc_cache_insert_listing(struct jm_dvc_cache *cache, struct jm_dvc_worker *w, const char *data, size_t n,
				struct jm_dvc_oid *oid_out, struct jm_error *err);
/* Reads a listing and checks it against its name: *out is the caller's. Errors: JM_E_NOT_FOUND: not in the cache; JM_E_FORMAT:
 * damaged, and then it has been taken out of the cache. */
int jm_dvc_cache_read_listing(struct jm_dvc_cache *cache, struct jm_dvc_worker *w, const struct jm_dvc_oid *oid,
			      bool is_legacy, char **out, size_t *n_out, struct jm_error *err);

/* What is put into the workspace. */
struct jm_dvc_placing {
	const struct jm_dvc_oid *oid;
	bool is_legacy, is_exec;
	int folder_fd;
	const char *name, *shown; /* in folder_fd; for messages */
};
/* Puts an object into the workspace, by the first kind of link that works; replaces what has the name. Bytes that are copied are
 * checked on the way. Errors: JM_E_NOT_FOUND: not in the cache; JM_E_FORMAT: the cached object is damaged: it has been taken out
 * of the cache, and what has the name is untouched. */
int jm_dvc_cache_place(struct jm_dvc_cache *cache, struct jm_dvc_worker *w, const struct jm_dvc_placing *placing,
		       struct jm_error *err);

#endif
