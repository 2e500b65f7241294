#define _GNU_SOURCE
#include "runner/ort_internal.h"

#include "core/error.h"
#include "core/text.h"

#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SessionOptionsAppendExecutionProvider, the youngest call made, came with interface 12 (onnxruntime_c_api.h). */
#define API_MIN 12

#define PATTERN_MAX 1024
#define ENV_LIBRARY "JOULEMAP_ONNXRUNTIME"

static const char *const system_names[] = {"libonnxruntime.so.1", "libonnxruntime.so"};

/* The official Python packages carry the library as onnxruntime/capi/libonnxruntime.so.<version>. %s at the
 * beginning: the home folder. */
static const char *const python_patterns[] = {
    "%s/.local/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.1*",
    "%s/.pyenv/versions/*/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.1*",
    "/usr/local/lib/python3*/dist-packages/onnxruntime/capi/libonnxruntime.so.1*",
    "/usr/local/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.1*",
    "/usr/lib/python3*/dist-packages/onnxruntime/capi/libonnxruntime.so.1*",
};

struct finder {
	void *handle;
	char library[512];
	struct jm_buffer tried; /* for the message */
};

/* ONNX Runtime writes its log to stderr unless it is given this. What matters comes back as a status. */
static void ORT_API_CALL drop_log(void *param, OrtLoggingLevel severity, const char *category, const char *logid,
				  const char *location, const char *message)
{
	(void)severity;
	(void)category;
	(void)logid;
	(void)location;
	(void)param;
	(void)message;
}

static bool try_file(struct finder *f, const char *path)
{
	if (f->handle || strlen(path) >= sizeof(f->library))
		return f->handle != NULL;
	f->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (f->handle)
		snprintf(f->library, sizeof(f->library), "%s", path);
	else
		jm_buffer_printf(&f->tried, "%s%s", f->tried.n ? ", " : "", path);
	return f->handle != NULL;
}

static void try_pattern(struct finder *f, const char *pattern)
{
	glob_t found;
	size_t i;

	if (f->handle || glob(pattern, 0, NULL, &found))
		return;
	for (i = found.gl_pathc; i > 0 && !f->handle; i--)
		try_file(f, found.gl_pathv[i - 1]);
	globfree(&found);
}

static void try_python(struct finder *f)
{
	const char *venv = getenv("VIRTUAL_ENV"), *home = getenv("HOME");
	char pattern[PATTERN_MAX];
	size_t i;

	if (venv) {
		snprintf(pattern, sizeof(pattern), "%s/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.1*", venv);
		try_pattern(f, pattern);
	}
	for (i = 0; i < sizeof(python_patterns) / sizeof(python_patterns[0]); i++) {
		const char *p = python_patterns[i];

		snprintf(pattern, sizeof(pattern), "%s%s", p[0] == '%' ? (home ? home : "/root") : "", p[0] == '%' ? p + 2 : p);
		try_pattern(f, pattern);
	}
}

static void find_anywhere(struct finder *f, const struct jm_ort_search *search)
{
	char path[PATTERN_MAX];
	size_t i;

	for (i = 0; i < search->n_folders && !f->handle; i++) {
		snprintf(path, sizeof(path), "%s/libonnxruntime.so.1", search->folders[i]);
		try_file(f, path);
		snprintf(path, sizeof(path), "%s/libonnxruntime.so.1*", search->folders[i]);
		try_pattern(f, path);
	}
	for (i = 0; i < sizeof(system_names) / sizeof(system_names[0]) && !f->handle; i++)
		try_file(f, system_names[i]);
	try_python(f);
}

static int find(struct finder *f, const struct jm_ort_search *search, struct jm_error *err)
{
	const char *named = search->library ? search->library : getenv(ENV_LIBRARY);

	if (named && named[0]) {
		if (try_file(f, named))
			return 0;
		jm_error_set(err, JM_E_NOT_FOUND, "cannot load ONNX Runtime: %s", dlerror());
		jm_error_remedy(err, "give the path of libonnxruntime.so with --onnxruntime or " ENV_LIBRARY
				     "; pip download onnxruntime has one");
		return JM_E_NOT_FOUND;
	}
	find_anywhere(f, search);
	if (f->handle)
		return 0;
	jm_error_set(err, JM_E_NOT_FOUND, "ONNX Runtime's library was not found; tried %s",
		     f->tried.is_failed ? "" : jm_buffer_terminate(&f->tried));
	jm_error_remedy(err, "pip install onnxruntime, or apt-get install libonnxruntime1.21 (Debian 13), or give the file with "
			     "--onnxruntime LIB");
	return JM_E_NOT_FOUND;
}

static int start(struct jm_ort *ort, void *handle, struct jm_error *err)
{
	const OrtApiBase *(*get_base)(void) = NULL;
	void *symbol = dlsym(handle, "OrtGetApiBase");
	const OrtApiBase *base;
	unsigned v;

	memcpy(&get_base, &symbol, sizeof(get_base));
	base = get_base ? get_base() : NULL;
	if (!base)
		return jm_error_set(err, JM_E_UNSUPPORTED, "%s is no ONNX Runtime: it has no OrtGetApiBase", ort->library);
	snprintf(ort->version, sizeof(ort->version), "%s", base->GetVersionString());
	for (v = ORT_API_VERSION; v >= API_MIN && !ort->api; v--) {
		ort->api = base->GetApi(v);
		ort->api_version = v;
	}
	if (!ort->api) {
		jm_error_set(err, JM_E_UNSUPPORTED, "ONNX Runtime %s (%s) is too old: interface %d or later is needed",
			     ort->version, ort->library, API_MIN);
		jm_error_remedy(err, "give version 1.%d or later with --onnxruntime LIB (pip download onnxruntime)", API_MIN);
		return JM_E_UNSUPPORTED;
	}
	return jm_ort_check(ort,
			    ort->api->CreateEnvWithCustomLogger(drop_log, NULL, ORT_LOGGING_LEVEL_ERROR, "joulemap", &ort->env),
			    "cannot start ONNX Runtime", err);
}

int jm_ort_open(const struct jm_ort_search *search, struct jm_ort **out, struct jm_error *err)
{
	struct finder f = {0};
	struct jm_ort *ort = NULL;
	int rc = find(&f, search, err);

	if (rc)
		goto out;
	ort = calloc(1, sizeof(*ort));
	if (!ort) {
		rc = jm_error_set(err, JM_E_NOMEM, "no memory");
		goto out;
	}
	memcpy(ort->library, f.library, sizeof(ort->library));
	rc = start(ort, f.handle, err);
	if (rc)
		jm_ort_close(ort);
	else
		*out = ort;
out:
	jm_buffer_finish(&f.tried);
	return rc;
}

void jm_ort_close(struct jm_ort *ort)
{
	if (!ort)
		return;
	if (ort->env)
		ort->api->ReleaseEnv(ort->env);
	free(ort);
}

const char *jm_ort_version(const struct jm_ort *ort)
{
	return ort->version;
}

const char *jm_ort_library(const struct jm_ort *ort)
{
	return ort->library;
}

unsigned jm_ort_api(const struct jm_ort *ort)
{
	return ort->api_version;
}

/* ONNX Runtime's codes (onnxruntime_c_api.h, OrtErrorCode) in ours. */
static int code_of(OrtErrorCode code)
{
	switch (code) {
	case ORT_INVALID_ARGUMENT:
		return JM_E_INVALID;
	case ORT_NO_SUCHFILE:
		return JM_E_NOT_FOUND;
	case ORT_INVALID_PROTOBUF:
	case ORT_INVALID_GRAPH:
	case ORT_NO_MODEL:
		return JM_E_FORMAT;
	case ORT_NOT_IMPLEMENTED:
		return JM_E_UNSUPPORTED;
	default:
		return JM_E_IO;
	}
}

int jm_ort_check(const struct jm_ort *ort, OrtStatus *status, const char *context, struct jm_error *err)
{
	int code;

	if (!status)
		return 0;
	code = jm_error_set(err, code_of(ort->api->GetErrorCode(status)), "%s: %s", context,
			    ort->api->GetErrorMessage(status));
	ort->api->ReleaseStatus(status);
	return code;
}

int jm_ort_providers(const struct jm_ort *ort, char *out, size_t size)
{
	char **names = NULL;
	int n = 0, i;
	size_t used = 0;

	if (size == 0 || jm_ort_check(ort, ort->api->GetAvailableProviders(&names, &n), "providers", NULL))
		return JM_E_IO;
	out[0] = '\0';
	for (i = 0; i < n && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? "," : "", names[i]);
	jm_ort_check(ort, ort->api->ReleaseAvailableProviders(names, n), "providers", NULL);
	return 0;
}
