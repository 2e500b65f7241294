/* Activity files of libjoulemap_cuda.so: kernels, copies and ranges of one process. docs/cuda.md. */
#include "trace/activity_reader.h"

#include "core/error.h"
#include "trace/cuda_activity.h"
#include "trace/trace.h"

#include <string.h>

static int match(const char *head, size_t n)
{
	return n >= 8 && memcmp(head, JM_ACTIVITY_MAGIC, 8) == 0 ? 100 : 0;
}

static int read_with(struct jm_activity_set *set, const struct jm_trace_input *in, struct jm_error *err)
{
	struct jm_activity_reader *reader;
	size_t used = 0;
	int rc = jm_activity_reader_create(set, in->path ? in->path : "trace", &reader);

	if (rc)
		return jm_error_set(err, rc, "out of memory for %s", in->path ? in->path : "the trace");
	rc = jm_activity_reader_feed(reader, in->data, in->n, &used, err);
	if (rc == 0 && used == 0)
		rc = jm_error_set(err, JM_E_FORMAT, "%s: cut short in its header", in->path ? in->path : "trace");
	if (rc == 0)
		jm_activity_reader_finish(reader, in->n - used);
	jm_activity_reader_destroy(reader);
	return rc;
}

static int read(const struct jm_trace_input *in, struct jm_trace_output *out, struct jm_error *err)
{
	struct jm_activity_set *set;
	int rc = jm_activity_set_create(out, 0, &set), failed;

	out->clock = JM_TRACE_CLOCK_MONOTONIC;
	if (rc)
		return jm_error_set(err, rc, "out of memory");
	rc = read_with(set, in, err);
	failed = jm_activity_set_finish(set, rc ? NULL : err);
	jm_activity_set_destroy(set);
	return rc ? rc : failed;
}

const struct jm_importer jm_importer_cuda = {
    .name = "cuda",
    .summary = "activity file of joulemap's CUDA library: kernels, copies, ranges",
    .match = match,
    .read = read,
};
