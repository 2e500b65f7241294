/* Stands in for infer_onnx.cc where the build found no ONNX library. */
#include "model/infer.h"

#include "core/error.h"

int jm_infer_shapes(const void *bytes, size_t n, const struct jm_infer_input *inputs, size_t n_inputs, jm_infer_fn tell,
		    void *ctx, struct jm_error *err)
{
	(void)bytes;
	(void)n;
	(void)inputs;
	(void)n_inputs;
	(void)tell;
	(void)ctx;
	jm_error_set(err, JM_E_UNSUPPORTED, "shapes are not inferred: joulemap was built without the ONNX library");
	jm_error_remedy(err, "apt-get install libonnx-dev libprotobuf-dev, then configure and build again");
	return JM_E_UNSUPPORTED;
}
