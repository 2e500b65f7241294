#include "importer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	return fuzz_importer("perf_stat", data, n);
}
