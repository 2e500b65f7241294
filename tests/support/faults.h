/* Calls that fail on demand, the n-th one counted over all kinds. The program must be linked with --wrap for each of
 * FAULTS_WRAPPED in tests/CMakeLists.txt; only calls from files linked into it are seen, not those inside of shared libraries. */
#ifndef TESTS_SUPPORT_FAULTS_H
#define TESTS_SUPPORT_FAULTS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAULTS_KILLED 99 /* exit code of a process that ended at its fault */

static atomic_long faults_left; /* calls until the fault; 0 and less: it is over, or there is none */
static bool faults_kill;

/* The n-th call from now on fails, or ends the process without a word. */
static inline void faults_arm(long n, bool kill)
{
	faults_kill = kill;
	atomic_store(&faults_left, n);
}

/* Says whether the fault came. */
static inline bool faults_disarm(void)
{
	return atomic_exchange(&faults_left, 0) <= 0;
}

static inline bool faults_here(int errno_value)
{
	if (atomic_load(&faults_left) <= 0 || atomic_fetch_sub(&faults_left, 1) != 1)
		return false;
	if (faults_kill)
		_exit(FAULTS_KILLED);
	errno = errno_value;
	return true;
}

/* type name(parameters): fails with a value and errno. */
#define FAULTS_CALL(type, name, parameters, arguments, failure, errno_value)                                           \
	type __real_##name parameters;                                                                                 \
	type __wrap_##name parameters;                                                                                 \
	type __wrap_##name parameters                                                                                  \
	{                                                                                                              \
		return faults_here(errno_value) ? (failure) : __real_##name arguments;                                 \
	}

FAULTS_CALL(void *, malloc, (size_t n), (n), NULL, ENOMEM)
FAULTS_CALL(void *, calloc, (size_t n, size_t size), (n, size), NULL, ENOMEM)
FAULTS_CALL(void *, realloc, (void *p, size_t n), (p, n), NULL, ENOMEM)
FAULTS_CALL(char *, strdup, (const char *text), (text), NULL, ENOMEM)
FAULTS_CALL(char *, realpath, (const char *path, char *out), (path, out), NULL, EIO)
FAULTS_CALL(DIR *, fdopendir, (int fd), (fd), NULL, ENOMEM)
FAULTS_CALL(struct dirent *, readdir, (DIR * dir), (dir), NULL, EIO)
FAULTS_CALL(int, scandir,
	    (const char *path, struct dirent ***out, int (*filter)(const struct dirent *),
	     int (*compare)(const struct dirent **, const struct dirent **)),
	    (path, out, filter, compare), -1, ENOMEM)
FAULTS_CALL(ssize_t, read, (int fd, void *data, size_t n), (fd, data, n), -1, EIO)
FAULTS_CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, ENOSPC)
FAULTS_CALL(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode), -1, ENOSPC)
FAULTS_CALL(int, mkostemp, (char *path, int flags), (path, flags), -1, ENOSPC)
FAULTS_CALL(int, rename, (const char *from, const char *to), (from, to), -1, EIO)
FAULTS_CALL(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), -1, EIO)
FAULTS_CALL(int, linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags), -1, EIO)
FAULTS_CALL(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags), -1, EIO)
FAULTS_CALL(int, fsync, (int fd), (fd), -1, EIO)
FAULTS_CALL(int, fchmod, (int fd, mode_t mode), (fd, mode), -1, EIO)
FAULTS_CALL(int, fstat, (int fd, struct stat *out), (fd, out), -1, EIO)
FAULTS_CALL(int, lstat, (const char *path, struct stat *out), (path, out), -1, EIO)
FAULTS_CALL(int, fstatat, (int fd, const char *path, struct stat *out, int flags), (fd, path, out, flags), -1, EIO)
FAULTS_CALL(int, ftruncate, (int fd, off_t size), (fd, size), -1, EIO)
FAULTS_CALL(off_t, lseek, (int fd, off_t at, int from), (fd, at, from), -1, EIO)
FAULTS_CALL(int, flock, (int fd, int how), (fd, how), -1, EIO)
FAULTS_CALL(ssize_t, copy_file_range, (int a, off_t *from, int b, off_t *to, size_t n, unsigned flags),
	    (a, from, b, to, n, flags), -1, ENOSPC)
FAULTS_CALL(int, pthread_create, (pthread_t * out, const pthread_attr_t *attr, void *(*run)(void *), void *ctx),
	    (out, attr, run, ctx), EAGAIN, EAGAIN)

/* Half of it gets there, as on a disk that becomes full. */
ssize_t __real_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n)
{
	if (!faults_here(ENOSPC))
		return __real_write(fd, data, n);
	(void)!__real_write(fd, data, n / 2);
	errno = ENOSPC;
	return -1;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	va_start(args, flags);
	if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(args, mode_t);
	va_end(args);
	return faults_here(EIO) ? -1 : __real_open(path, flags, mode);
}

int __real_openat(int fd, const char *path, int flags, ...);
int __wrap_openat(int fd, const char *path, int flags, ...);
int __wrap_openat(int fd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	va_start(args, flags);
	if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(args, mode_t);
	va_end(args);
	return faults_here(EIO) ? -1 : __real_openat(fd, path, flags, mode);
}

/* What it leaves in *out on failure is not to be freed. */
int __wrap_asprintf(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **out, const char *format, ...)
{
	va_list args;
	int n;

	if (faults_here(ENOMEM)) {
		*out = (char *)1;
		return -1;
	}
	va_start(args, format);
	n = vasprintf(out, format, args);
	va_end(args);
	return n;
}

#endif
