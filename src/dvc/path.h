/* Paths that others wrote, and files that must appear whole or not at all. */
#ifndef DVC_PATH_H
#define DVC_PATH_H

#include "joulemap/joulemap.h"

#include <sys/types.h>

#define JM_DVC_PATH_MAX 4096

/* Says whether a relative path of a listing or a .dvc file stays below where it is put: no empty, "." or ".." part, not
 * absolute, no ".git" or ".dvc" (a listing that brings its own hooks or settings is an attack). */
bool jm_dvc_path_is_safe(const char *path);
/* Takes out "." and ".." parts and double slashes of a relative path. Errors: JM_E_INVALID when it leads out or is too long. */
int jm_dvc_path_normalise(const char *path, char *out, size_t size);
/* Joins; either may be empty. Errors: JM_E_INVALID: longer than size. */
int jm_dvc_path_join(const char *folder, const char *name, char *out, size_t size);
bool jm_dvc_is_utf8(const char *text, size_t n);

/* A folder below which files are opened without following a symbolic link, whatever others put there meanwhile. Keeps the folder
 * of the last file open. One thread at a time. */
struct jm_dvc_below {
	int root_fd;
	const char *shown; /* the folder, for messages; borrowed */
	int parent_fd;     /* -1: none yet */
	char parent[JM_DVC_PATH_MAX];
};

/* Opens the folder. Errors: those of open. */
int jm_dvc_below_open(struct jm_dvc_below *b, const char *folder, struct jm_error *err);
void jm_dvc_below_close(struct jm_dvc_below *b);
/* Gives the descriptor (borrowed, until the next call) of the folder that holds path, and path's last part. with_folders: makes
 * the folders on the way. Errors: JM_E_NOT_FOUND; JM_E_EXISTS: a link or a file is in the way, err names it. */
int jm_dvc_below_parent(struct jm_dvc_below *b, const char *path, bool with_folders, int *fd_out, const char **name_out,
			struct jm_error *err);

/* Makes a folder and those on the way to it. mode as for mkdir. */
int jm_dvc_make_folders(const char *path, mode_t mode, struct jm_error *err);
/* Replaces or makes a file with n bytes: a new one beside it, then renamed. An existing file's mode is kept when mode is 0. */
int jm_dvc_write_file(const char *path, const char *data, size_t n, mode_t mode, struct jm_error *err);
/* Reads a whole file of at most max bytes; terminated; *out is the caller's to free. Errors: JM_E_NOT_FOUND, JM_E_FORMAT when
 * it is larger, ... */
int jm_dvc_read_file(const char *path, size_t max, char **out, size_t *n_out, struct jm_error *err);

#endif
