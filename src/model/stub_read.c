/* Stands in for onnx_read.c where the build found no ONNX schema or no protobuf-c. */
#include "model/model.h"

#include "core/error.h"

int jm_model_read(const char *name, const void *bytes, size_t n, struct jm_model **out, struct jm_error *err)
{
	(void)bytes;
	(void)n;
	(void)out;
	jm_error_set(err, JM_E_UNSUPPORTED,
		     "the facts of %s cannot be read: joulemap was built without the ONNX schema", name);
	jm_error_remedy(err,
			"apt-get install protobuf-c-compiler libprotobuf-c-dev libonnx-dev, then configure and build "
			"again");
	return JM_E_UNSUPPORTED;
}
