/* Allocations and reads that fail in turn: the n-th from when failing_at was set, and, if failing_is_lasting, all behind it. For
 * programs that are linked with --wrap (tests/CMakeLists.txt: those called test_*_failures), whose own calls and the library's come
 * here; SQLite's through its own hooks. What the C library allocates for itself does not fail. One thread. */
#ifndef TESTS_SUPPORT_FAILING_H
#define TESTS_SUPPORT_FAILING_H

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

static struct {
	long at; /* calls until the fault; 0: none */
	bool is_lasting, is_reading, was_hit;
	sqlite3_mem_methods sqlite;
} failing;

static inline bool failing_now(bool is_read)
{
	if (failing.at == 0 || is_read != failing.is_reading)
		return false;
	if (failing.at > 1) {
		failing.at--;
		return false;
	}
	if (!failing.is_lasting)
		failing.at = 0;
	failing.was_hit = true;
	errno = is_read ? EIO : ENOMEM;
	return true;
}

static inline void failing_begin(long at, bool is_lasting, bool is_reading)
{
	failing.at = at;
	failing.is_lasting = is_lasting;
	failing.is_reading = is_reading;
	failing.was_hit = false;
}

/* Gives whether the fault came. */
static inline bool failing_end(void)
{
	failing.at = 0;
	return failing.was_hit;
}

#define FAILING(type, name, parameters, arguments, is_read, failure)                                                   \
	type __real_##name parameters;                                                                                 \
	type __wrap_##name parameters;                                                                                 \
	type __wrap_##name parameters                                                                                  \
	{                                                                                                              \
		if (failing_now(is_read))                                                                              \
			return failure;                                                                                \
		return __real_##name arguments;                                                                        \
	}

FAILING(void *, malloc, (size_t n), (n), false, NULL)
FAILING(void *, calloc, (size_t n, size_t size), (n, size), false, NULL)
FAILING(void *, realloc, (void *old, size_t n), (old, n), false, NULL)
FAILING(char *, strdup, (const char *text), (text), false, NULL)
FAILING(char *, strndup, (const char *text, size_t n), (text, n), false, NULL)
FAILING(int, vasprintf, (char **out, const char *format, va_list args), (out, format, args), false, -1)
FAILING(ssize_t, read, (int fd, void *data, size_t n), (fd, data, n), true, -1)
FAILING(ssize_t, pread, (int fd, void *data, size_t n, off_t from), (fd, data, n, from), true, -1)
FAILING(int, open, (const char *path, int flags, int mode), (path, flags, mode), true, -1)

static inline void *failing_sqlite_malloc(int n)
{
	return failing_now(false) ? NULL : failing.sqlite.xMalloc(n);
}

static inline void *failing_sqlite_realloc(void *old, int n)
{
	return failing_now(false) ? NULL : failing.sqlite.xRealloc(old, n);
}

/* Before the first use of SQLite. */
static inline int failing_register(void)
{
	sqlite3_mem_methods methods;

	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &failing.sqlite))
		return -1;
	methods = failing.sqlite;
	methods.xMalloc = failing_sqlite_malloc;
	methods.xRealloc = failing_sqlite_realloc;
	return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}

#endif
