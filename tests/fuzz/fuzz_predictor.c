/* A predictor, and an engine's description, of any bytes. */
#include "fuzz.h"

#include "dataset/engine.h"
#include "predict/predictor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct jm_predictor p;
	struct jm_engine e;
	struct jm_error err;

	if (jm_predictor_read("fuzz", (const char *)data, n, &p, &err) == 0)
		jm_predictor_finish(&p);
	if (jm_engine_read("fuzz", (const char *)data, n, false, &e, &err) == 0)
		jm_engine_finish(&e);
	return 0;
}
