#include "session/load.h"

#include "core/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define PADDING        64
#define CHUNK          (1 << 20)
#define SIZE_MAX_BYTES (INT64_C(4) << 30)

static int read_all(gzFile file, const char *path, char **data_out, size_t *n_out, struct jm_error *err)
{
	size_t capacity = CHUNK, n = 0;
	char *data = NULL;
	int got = 1;

	while (got > 0) {
		char *grown;

		if (data && capacity - n >= CHUNK + PADDING) {
			got = gzread(file, data + n, CHUNK);
			n += got > 0 ? (size_t)got : 0;
			continue;
		}
		capacity *= 2;
		grown = (int64_t)capacity <= SIZE_MAX_BYTES ? realloc(data, capacity) : NULL;
		if (!grown) {
			free(data);
			return jm_error_set(err, JM_E_NOMEM, "%s is too large to be read into memory", path);
		}
		data = grown;
	}
	if (got < 0 || gzeof(file) == 0) {
		int code;
		const char *text = gzerror(file, &code);

		jm_error_set(err, code == Z_ERRNO ? JM_E_IO : JM_E_FORMAT, "cannot read %s: %s", path, text);
		free(data);
		return code == Z_ERRNO ? JM_E_IO : JM_E_FORMAT;
	}
	memset(data + n, 0, PADDING);
	*data_out = data;
	*n_out = n;
	return 0;
}

int jm_session_load(const char *path, struct jm_trace_input *out, struct jm_error *err)
{
	/* zlib reads what is not compressed as it stands. */
	gzFile file = gzopen(path, "rb");
	char *data = NULL;
	size_t n = 0;
	int rc;

	if (!file)
		return jm_error_errno(err, errno ? errno : ENOMEM, "cannot open %s", path);
	gzbuffer(file, 1 << 17);
	rc = read_all(file, path, &data, &n, err);
	if (gzclose(file) == Z_BUF_ERROR && rc == 0) {
		free(data);
		return jm_error_set(err, JM_E_FORMAT, "%s ends in the middle of its compressed data", path);
	}
	if (rc)
		return rc;
	*out = (struct jm_trace_input){.path = path, .data = data, .n = n};
	return 0;
}

void jm_session_unload(struct jm_trace_input *in)
{
	free((char *)in->data);
	in->data = NULL;
	in->n = 0;
}
