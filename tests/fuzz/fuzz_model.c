/* An ONNX model of any bytes. */
#include "fuzz.h"

#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct jm_model *m;
	struct jm_error err;

	if (jm_model_read("fuzz", data, n, &m, &err) == 0)
		jm_model_destroy(m);
	return 0;
}
