#ifndef CORE_ERROR_H
#define CORE_ERROR_H

#include "joulemap/joulemap.h"

/* Fills err (may be NULL) with code and a formatted message; clears the remedy. Gives code back, so that a caller can
 * write `return jm_error_set(err, JM_E_IO, "cannot read %s", path);`. */
int jm_error_set(struct jm_error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: code from errno_value (EACCES and EPERM give JM_E_PERMISSION, ENOENT
 * JM_E_NOT_FOUND, ENOSPC JM_E_FULL, ENOMEM JM_E_NOMEM, EEXIST JM_E_EXISTS, ENODEV, ENXIO JM_E_GONE, EAGAIN, EINTR
 * JM_E_AGAIN, else JM_E_IO); strerror's text is appended to the message. */
int jm_error_errno(struct jm_error *err, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sets what to try, right behind jm_error_set or jm_error_errno, whose code it gives back; for NULL, too. */
int jm_error_remedy(struct jm_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Maps an errno value to a JM_E_ code as jm_error_errno does. */
int jm_error_from_errno(int errno_value);

#endif
