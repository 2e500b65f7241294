#define _GNU_SOURCE
#include "trace/trace.h"

#include "core/error.h"
#include "trace/trace_list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define HEAD_BYTES ((size_t)65536)
/* What an importer may read behind the end. */
#define PAD_BYTES ((size_t)64)
/* A trace of this size is a mistake, or a gzip bomb. */
#define MAX_PLAIN_BYTES ((size_t)4 << 30)

#define DECLARE(name) extern const struct jm_importer jm_importer_##name;
JM_TRACE_LIST(DECLARE)
#undef DECLARE

#define ENTRY(name) &jm_importer_##name,
const struct jm_importer *const jm_importers[] = {JM_TRACE_LIST(ENTRY) NULL};
#undef ENTRY

const struct jm_importer *jm_importer_find(const char *name)
{
	size_t i;

	for (i = 0; jm_importers[i]; i++)
		if (strcmp(jm_importers[i]->name, name) == 0)
			return jm_importers[i];
	return NULL;
}

static const struct jm_importer *match_plain(const char *head, size_t n)
{
	const struct jm_importer *best = NULL;
	int confidence = 0;
	size_t i;

	for (i = 0; jm_importers[i]; i++) {
		int c = jm_importers[i]->match(head, n);

		if (c > confidence) {
			confidence = c;
			best = jm_importers[i];
		}
	}
	return best;
}

/* RFC 1952. */
static bool is_gzip(const char *data, size_t n)
{
	return n >= 18 && memcmp(data, "\x1f\x8b\x08", 3) == 0;
}

/* Inflates at most limit bytes into *out (grown, with PAD_BYTES of zeros behind).
 * Errors: JM_E_FORMAT (damaged, or beyond the limit), JM_E_NOMEM. */
static int inflate_all(const char *data, size_t n, size_t limit, char **out, size_t *n_out)
{
	z_stream z = {0};
	size_t capacity = 0, used = 0, fed = 0;
	char *text = NULL, *grown;
	int rc = 0, status = Z_OK;

	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return JM_E_NOMEM;
	while (!rc) {
		if (used == capacity) {
			capacity = capacity ? 2 * capacity : HEAD_BYTES;
			grown = capacity > limit && used >= limit ? NULL : realloc(text, capacity + PAD_BYTES);
			if (!grown) {
				rc = used >= limit ? JM_E_FORMAT : JM_E_NOMEM;
				break;
			}
			text = grown;
		}
		if (z.avail_in == 0) {
			z.next_in = (Bytef *)(uintptr_t)(data + fed);
			z.avail_in = (uInt)(n - fed < ((size_t)1 << 30) ? n - fed : (size_t)1 << 30);
			fed += z.avail_in;
		}
		z.next_out = (Bytef *)(text + used);
		z.avail_out = (uInt)(capacity - used < ((size_t)1 << 30) ? capacity - used : (size_t)1 << 30);
		used += z.avail_out;
		status = inflate(&z, Z_NO_FLUSH);
		used -= z.avail_out;
		if (status == Z_STREAM_END) { /* another member may follow */
			if (z.avail_in == 0 && fed == n)
				break;
			if (inflateReset(&z) != Z_OK)
				rc = JM_E_FORMAT;
		} else if (status != Z_OK) {
			rc = JM_E_FORMAT;
		}
	}
	inflateEnd(&z);
	if (rc) {
		free(text);
		return rc;
	}
	memset(text + used, 0, PAD_BYTES);
	*out = text;
	*n_out = used;
	return 0;
}

static const char *path_of(const struct jm_trace_input *in)
{
	return in->path ? in->path : "the input";
}

int jm_trace_read(const struct jm_importer *importer, const struct jm_trace_input *in, struct jm_trace_output *out,
		  struct jm_error *err)
{
	struct jm_trace_input plain = *in;
	char *text = NULL;
	int rc;

	if (is_gzip(in->data, in->n)) {
		rc = inflate_all(in->data, in->n, MAX_PLAIN_BYTES, &text, &plain.n);
		if (rc)
			return jm_error_set(err, rc, "%s: %s", path_of(in),
					    rc == JM_E_FORMAT ? "damaged or cut off gzip" : "out of memory");
		plain.data = text;
	}
	if (!importer)
		importer = match_plain(plain.data, plain.n < HEAD_BYTES ? plain.n : HEAD_BYTES);
	out->importer = importer;
	if (importer) {
		rc = importer->read(&plain, out, err);
	} else {
		rc = jm_error_set(err, JM_E_UNSUPPORTED, "%s: no importer recognises it", path_of(in));
		jm_error_remedy(err, "docs/importers.md lists what is known");
	}
	free(text);
	return rc;
}

int jm_trace_read_file(const struct jm_importer *importer, const char *path, struct jm_trace_output *out,
		       struct jm_error *err)
{
	struct jm_trace_input in = {.path = path};
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	struct stat st;
	ssize_t got = 0;
	char *data;

	if (fd < 0 || fstat(fd, &st)) {
		rc = jm_error_errno(err, errno, "cannot read %s", path);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	data = calloc(1, (size_t)st.st_size + PAD_BYTES);
	while (data && in.n < (size_t)st.st_size && (got = read(fd, data + in.n, (size_t)st.st_size - in.n)) > 0)
		in.n += (size_t)got;
	in.data = data;
	if (!data || got < 0)
		rc = jm_error_errno(err, data ? errno : ENOMEM, "cannot read %s", path);
	else
		rc = jm_trace_read(importer, &in, out, err);
	free(data);
	close(fd);
	return rc;
}
