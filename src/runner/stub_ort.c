/* Stands in for the ort_ files where the build found no header of ONNX Runtime. Without an open library
 * there is nothing to call the others on. */
#include "runner/ort.h"

#include "core/error.h"

int jm_ort_open(const struct jm_ort_search *search, struct jm_ort **out, struct jm_error *err)
{
	(void)search;
	(void)out;
	jm_error_set(err, JM_E_UNSUPPORTED, "models cannot be run: joulemap was built without ONNX Runtime's header");
	jm_error_remedy(err, "apt-get install libonnxruntime-dev (Debian 13), or unpack it and configure with "
			     "-DJOULEMAP_ONNXRUNTIME_INCLUDE=FOLDER; then build again");
	return JM_E_UNSUPPORTED;
}

void jm_ort_close(struct jm_ort *ort)
{
	(void)ort;
}

const char *jm_ort_version(const struct jm_ort *ort)
{
	(void)ort;
	return "";
}

const char *jm_ort_library(const struct jm_ort *ort)
{
	(void)ort;
	return "";
}

unsigned jm_ort_api(const struct jm_ort *ort)
{
	(void)ort;
	return 0;
}

int jm_ort_providers(const struct jm_ort *ort, char *out, size_t size)
{
	(void)ort;
	(void)out;
	(void)size;
	return JM_E_UNSUPPORTED;
}

int jm_ort_session_create(struct jm_ort *ort, const struct jm_ort_options *options, struct jm_ort_session **out,
			  struct jm_error *err)
{
	(void)ort;
	(void)options;
	(void)out;
	return jm_error_set(err, JM_E_UNSUPPORTED, "built without ONNX Runtime's header");
}

void jm_ort_session_destroy(struct jm_ort_session *s)
{
	(void)s;
}

const struct jm_ort_input *jm_ort_session_inputs(const struct jm_ort_session *s, size_t *n_out)
{
	(void)s;
	*n_out = 0;
	return NULL;
}

int jm_ort_session_bind(struct jm_ort_session *s, size_t i, const int64_t *dims, void *data, size_t size_bytes,
			struct jm_error *err)
{
	(void)s;
	(void)i;
	(void)dims;
	(void)data;
	(void)size_bytes;
	return jm_error_set(err, JM_E_UNSUPPORTED, "built without ONNX Runtime's header");
}

int jm_ort_session_run(struct jm_ort_session *s, struct jm_error *err)
{
	(void)s;
	return jm_error_set(err, JM_E_UNSUPPORTED, "built without ONNX Runtime's header");
}

int jm_ort_session_end_profile(struct jm_ort_session *s, char *path, size_t size, struct jm_error *err)
{
	(void)s;
	(void)path;
	(void)size;
	return jm_error_set(err, JM_E_UNSUPPORTED, "built without ONNX Runtime's header");
}

const char *jm_ort_session_output(const struct jm_ort_session *s, size_t i)
{
	(void)s;
	(void)i;
	return NULL;
}

int jm_ort_session_fetch(struct jm_ort_session *s, const char *const *names, size_t n, struct jm_ort_tensor *out,
			 struct jm_error *err)
{
	(void)s;
	(void)names;
	(void)n;
	(void)out;
	return jm_error_set(err, JM_E_UNSUPPORTED, "built without ONNX Runtime's header");
}

void jm_ort_tensor_finish(struct jm_ort_tensor *t)
{
	(void)t;
}
