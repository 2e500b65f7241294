/* Stands in for perfetto.c where the build found no protobuf-c. */
#include "export/export.h"

#include "core/error.h"

static int write(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out, struct jm_error *err)
{
	(void)r;
	(void)view;
	(void)out;
	jm_error_set(err, JM_E_UNSUPPORTED, "joulemap was built without protobuf-c, which Perfetto's format takes");
	jm_error_remedy(err, "install protobuf-c-compiler and libprotobuf-c-dev and build again, or --format chrome");
	return JM_E_UNSUPPORTED;
}

const struct jm_exporter jm_exporter_perfetto = {
    .name = "perfetto",
    .summary = "not in this build: protobuf-c was missing",
    .write = write,
};
