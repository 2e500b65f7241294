/* A list of the files of a folder, sorted by path: as found on disk, or as a listing (.dir) has them. */
#ifndef DVC_FILES_H
#define DVC_FILES_H

#include "dvc/oid.h"

struct jm_dvc_entry {
	const char *path; /* relative, with '/' */
	int64_t size;     /* bytes; -1: unknown, as in a listing */
	bool is_exec;
	struct jm_dvc_oid oid; /* empty: not known yet */
};

struct jm_dvc_files {
	struct jm_dvc_entry *entries;
	size_t n, capacity;
	struct jm_dvc_text_block *blocks; /* where the paths are */
};

/* Adds an entry; path, of n bytes, is copied. Gives it (until the next call), or NULL: no memory. */
struct jm_dvc_entry *jm_dvc_files_add(struct jm_dvc_files *files, const char *path, size_t n);
/* Sorts by path: by bytes, which for UTF-8 is the order of code points. */
void jm_dvc_files_sort(struct jm_dvc_files *files);
/* Gives the entry of that path, or NULL. Sorted lists only. */
struct jm_dvc_entry *jm_dvc_files_find(const struct jm_dvc_files *files, const char *path);
/* Frees. A zeroed one is allowed. */
void jm_dvc_files_finish(struct jm_dvc_files *files);

/* A listing (.dir): a JSON array of {"md5", "relpath"}. Reads n bytes; sorted. name: for messages.
 * Errors: JM_E_FORMAT: no listing, an unsafe path, the same path twice, a file that is a folder too. */
int jm_dvc_listing_read(const char *name, const char *data, size_t n, struct jm_dvc_files *out, struct jm_error *err);
struct jm_buffer;
/* Writes a sorted list as DVC does, to the byte. */
void jm_dvc_listing_write(const struct jm_dvc_files *files, struct jm_buffer *out);

#endif
