/* The files of a recording: FILE, and beside it FILE-wal and FILE-shm while it is written or after a kill. */
#ifndef RECORDING_FILE_H
#define RECORDING_FILE_H

#include "core/error.h"

/* Makes path a new empty file, mode 0644 less umask. What is there, or is left there of an earlier recording, is
 * removed when overwrite is set; a symbolic link is replaced, what it points to stays as it is. Errors: JM_E_EXISTS;
 * JM_E_INVALID for a directory or device; JM_E_PERMISSION, JM_E_NOT_FOUND (no such folder), JM_E_FULL, JM_E_IO. */
int jm_recording_file_create(const char *path, bool overwrite, struct jm_error *err);

/* Gives path in a form that SQLite takes for nothing but a path ("./:memory:"), to be freed; NULL: out of memory. */
char *jm_recording_file_plain(const char *path);

/* Removes path with its -wal, -shm and -journal; what is not there is no error. */
void jm_recording_file_remove(const char *path);

/* Checks that path can be opened for reading and is a regular file. size_out: bytes of it and its -wal together.
 * wal_out: bytes of the -wal, 0 when there is none. Errors: JM_E_NOT_FOUND, JM_E_PERMISSION, JM_E_FORMAT (also
 * when it is cut short), JM_E_IO. */
int jm_recording_file_check(const char *path, int64_t *size_out, int64_t *wal_out, struct jm_error *err);

/* Copies path, its -wal and its -journal into a new private folder below TMPDIR or /tmp. *copy_out: path of the copy,
 * yours, free(). Undone by jm_recording_file_discard. */
int jm_recording_file_copy(const char *path, char **copy_out, struct jm_error *err);

/* Removes a copy and its folder. Gives nothing back; NULL is allowed. Does not free copy. */
void jm_recording_file_discard(const char *copy);

#endif
