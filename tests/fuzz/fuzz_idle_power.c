#include "importer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	return fuzz_importer("idle_power", data, n);
}
