/* Stands in for onnx_complexity.c where the build found no ONNX schema or no protobuf-c. */
#include "model/complexity.h"

#include "core/error.h"

#include <string.h>

int jm_complexity_open(const char *name, const void *bytes, size_t n, const struct jm_infer_input *inputs,
		       size_t n_inputs, struct jm_complexity_model **out, char *why_not, size_t size,
		       struct jm_error *err)
{
	(void)bytes;
	(void)n;
	(void)inputs;
	(void)n_inputs;
	(void)out;
	(void)why_not;
	(void)size;
	jm_error_set(err, JM_E_UNSUPPORTED, "%s cannot be read: joulemap was built without the ONNX schema", name);
	jm_error_remedy(err,
			"apt-get install protobuf-c-compiler libprotobuf-c-dev libonnx-dev, then configure and build "
			"again");
	return JM_E_UNSUPPORTED;
}

void jm_complexity_close(struct jm_complexity_model *m)
{
	(void)m;
}

int jm_complexity_unknown(const struct jm_complexity_model *m, const char ***names, size_t *n_out)
{
	(void)m;
	(void)names;
	*n_out = 0;
	return JM_E_UNSUPPORTED;
}

void jm_complexity_set(struct jm_complexity_model *m, const char *name, const struct jm_shape *shape)
{
	(void)m;
	(void)name;
	(void)shape;
}

int jm_complexity_count(const struct jm_complexity_model *m, struct jm_complexity *out)
{
	(void)m;
	memset(out, 0, sizeof(*out));
	return JM_E_UNSUPPORTED;
}

void jm_complexity_finish(struct jm_complexity *c)
{
	memset(c, 0, sizeof(*c));
}
