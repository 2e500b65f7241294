/* Output files that other users of the machine cannot redirect. */
#ifndef CORE_FILE_H
#define CORE_FILE_H

#include "joulemap/joulemap.h"

/* Says whether jm_file_write would refuse path, so that long work need not be done in vain. Errors: JM_E_EXISTS (there and not
 * is_forced), JM_E_INVALID (a link, a folder, a device, a pipe: forced or not). */
int jm_file_is_free(const char *path, bool is_forced, struct jm_error *err);

/* Says of a link in the place of an output where it points. Gives JM_E_INVALID. */
int jm_file_refuse_link(const char *path, struct jm_error *err);

/* Makes a folder and those that it is in, where they are missing. Errors: of the system calls; JM_E_NOT_FOUND: something else is there. */
int jm_file_make_folders(const char *path, struct jm_error *err);

/* Writes n bytes to a new file beside path and gives it that name, so that path is never half there and no link is followed.
 * Errors: those of jm_file_is_free, of the system calls; path is then as it was. */
int jm_file_write(const char *path, const void *data, size_t n, bool is_forced, struct jm_error *err);

/* Writes all n bytes to fd. Gives 0, or -1 with errno. */
int jm_file_put(int fd, const void *data, size_t n);

#endif
