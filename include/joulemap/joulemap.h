/* joulemap: where the energy of AI inference goes.
 *
 * The whole public C interface. Conventions:
 *  - A function that can fail returns 0 or a negative JM_E_ code; outputs are written on success only.
 *  - struct jm_error, last parameter, may be NULL: what failed, on what, and what would mend it.
 *  - A returned pointer is borrowed and lives as long as its parent; a pointer-to-pointer out is yours, to be freed
 *    with the matching destroy or close, which accept NULL.
 *  - Times are nanoseconds of CLOCK_MONOTONIC unless a name says otherwise. Units end the name.
 */
#ifndef JOULEMAP_JOULEMAP_H
#define JOULEMAP_JOULEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define JM_API __attribute__((visibility("default")))
#else
#define JM_API
#endif

#define JM_VERSION_MAJOR 0
#define JM_VERSION_MINOR 1
#define JM_VERSION_PATCH 0

/* Error codes: X(name, number, text). */
#define JM_ERROR_LIST(X)                                                                                               \
	X(AGAIN, -1, "not ready, try again")                                                                           \
	X(GONE, -2, "the device is gone")                                                                              \
	X(NOMEM, -3, "out of memory")                                                                                  \
	X(IO, -4, "input or output failed")                                                                            \
	X(INVALID, -5, "invalid argument")                                                                             \
	X(NOT_FOUND, -6, "not found")                                                                                  \
	X(PERMISSION, -7, "permission denied")                                                                         \
	X(UNSUPPORTED, -8, "not supported here")                                                                       \
	X(FORMAT, -9, "malformed data")                                                                                \
	X(VERSION, -10, "written by a newer version")                                                                  \
	X(EXISTS, -11, "exists already")                                                                               \
	X(FULL, -12, "no space left")                                                                                  \
	X(CANCELLED, -13, "cancelled")                                                                                 \
	X(UNIDENTIFIABLE, -14, "the data cannot tell the answer")

#define JM_ERROR_ENUM(name, number, text) JM_E_##name = number,
enum jm_error_code { JM_E_OK = 0, JM_ERROR_LIST(JM_ERROR_ENUM) };
#undef JM_ERROR_ENUM

/* What went wrong, for a person. message: what failed, on what. remedy: what to try, or empty. */
struct jm_error {
	int code;
	char message[384];
	char remedy[384];
};

/* Gives the text of a code, "unknown error" for others. Static storage. */
JM_API const char *jm_error_text(int code);

/* Gives "MAJOR.MINOR.PATCH" of the library in use. Static storage. */
JM_API const char *jm_version(void);

#ifdef __cplusplus
}
#endif
#endif
