#include "core/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *jm_error_text(int code)
{
	switch (code) {
	case JM_E_OK:
		return "success";
#define CASE(name, number, text)                                                                                       \
	case JM_E_##name:                                                                                              \
		return text;
		JM_ERROR_LIST(CASE)
#undef CASE
	default:
		return "unknown error";
	}
}

/* What this thread's last error was: who has no place for a message still learns from a remedy that there was one. */
static _Thread_local int last_code;

int jm_error_set(struct jm_error *err, int code, const char *format, ...)
{
	va_list args;

	last_code = code;
	if (!err)
		return code;
	err->code = code;
	err->remedy[0] = '\0';
	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	return code;
}

int jm_error_from_errno(int errno_value)
{
	switch (errno_value) {
	case EACCES:
	case EPERM:
		return JM_E_PERMISSION;
	case ENOENT:
	case ENOTDIR:
		return JM_E_NOT_FOUND;
	case ENOSPC:
	case EDQUOT:
		return JM_E_FULL;
	case ENOMEM:
		return JM_E_NOMEM;
	case EEXIST:
		return JM_E_EXISTS;
	case ENODEV:
	case ENXIO:
		return JM_E_GONE;
	case EAGAIN:
	case EINTR:
		return JM_E_AGAIN;
	default:
		return JM_E_IO;
	}
}

int jm_error_errno(struct jm_error *err, int errno_value, const char *format, ...)
{
	int code = jm_error_from_errno(errno_value);
	va_list args;
	size_t n;

	last_code = code;
	if (!err)
		return code;
	err->code = code;
	err->remedy[0] = '\0';
	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	n = strlen(err->message);
	snprintf(err->message + n, sizeof(err->message) - n, ": %s", strerror(errno_value));
	return code;
}

int jm_error_remedy(struct jm_error *err, const char *format, ...)
{
	va_list args;

	if (!err)
		return last_code;
	va_start(args, format);
	vsnprintf(err->remedy, sizeof(err->remedy), format, args);
	va_end(args);
	return err->code;
}
