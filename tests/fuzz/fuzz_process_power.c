#include "importer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	return fuzz_importer("process_power", data, n);
}
