#include "importer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	return fuzz_importer("tensorrt_latency", data, n);
}
