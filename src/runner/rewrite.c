#define _GNU_SOURCE
#include "runner/rewrite.h"

#include "core/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define BYTES_MAX ((uint64_t)INT32_MAX)
#define PATH_SIZE 512

const char *jm_runner_level_text(enum jm_ort_level level)
{
#define JM_TEXT(name, text) [JM_ORT_LEVEL_##name] = text,
	static const char *const texts[] = {JM_ORT_LEVEL_LIST(JM_TEXT)};
#undef JM_TEXT

	return texts[level];
}

/* Writes the rewritten model to path, reads it, and tries whether it can be loaded again. */
static int try_level(struct jm_runner *r, enum jm_ort_level level, const char *path, struct jm_error *why)
{
	struct jm_ort_options options = {.model_path = r->options.model_path,
					 .model_bytes = r->options.model_bytes,
					 .model_size = r->options.model_size,
					 .provider = r->options.provider,
					 .threads = r->options.threads,
					 .level = level,
					 .rewritten_path = path};
	struct jm_ort_session *s = NULL;
	unsigned char *bytes = NULL;
	size_t n = 0;
	int rc = jm_ort_session_create(r->ort, &options, &s, why);

	if (rc)
		return rc;
	jm_ort_session_destroy(s);
	rc = jm_model_file(path, BYTES_MAX, &bytes, &n, why);
	unlink(path);
	if (rc)
		return rc;
	options = (struct jm_ort_options){.model_path = r->options.model_path,
					  .model_bytes = bytes,
					  .model_size = n,
					  .provider = r->options.provider,
					  .threads = r->options.threads,
					  .level = JM_ORT_LEVEL_NONE};
	rc = jm_ort_session_create(r->ort, &options, &s, why);
	if (rc) {
		free(bytes);
		return rc;
	}
	jm_ort_session_destroy(s);
	r->rewritten = bytes;
	r->rewritten_size = n;
	r->rewritten_level = level;
	return 0;
}

static int try_levels(struct jm_runner *r, const char *path)
{
	struct jm_error why = {0};
	int level, rc = JM_E_UNSUPPORTED;

	for (level = JM_ORT_LEVEL_ALL; level < JM_ORT_LEVEL_NONE && rc != 0 && rc != JM_E_NOMEM; level++)
		rc = try_level(r, (enum jm_ort_level)level, path, &why);
	if (rc)
		snprintf(r->rewrite_reason, sizeof(r->rewrite_reason),
			 "ONNX Runtime's rewritten model cannot be loaded again: %.300s", why.message);
	return rc == JM_E_NOMEM ? rc : 0;
}

int jm_runner_rewrite(struct jm_runner *r, struct jm_error *err)
{
	const char *base = getenv("TMPDIR"), *provider = r->options.provider;
	char folder[PATH_SIZE], path[PATH_SIZE + 16];
	int rc;

	if (provider && strcasecmp(provider, "cpu") != 0) {
		snprintf(r->rewrite_reason, sizeof(r->rewrite_reason),
			 "only layers on the CPU can be run alone: on %.32s each call would copy its inputs to the "
			 "device, and that "
			 "draws power, too",
			 provider);
		return 0;
	}
	snprintf(folder, sizeof(folder), "%s/joulemap-XXXXXX", base && base[0] ? base : "/tmp");
	if (!mkdtemp(folder)) {
		snprintf(r->rewrite_reason, sizeof(r->rewrite_reason),
			 "the folder for ONNX Runtime's rewritten model cannot be made; set TMPDIR");
		return 0;
	}
	snprintf(path, sizeof(path), "%s/model.onnx", folder);
	rc = try_levels(r, path);
	unlink(path);
	rmdir(folder);
	return rc ? jm_error_set(err, rc, "no memory for the rewritten model") : 0;
}
