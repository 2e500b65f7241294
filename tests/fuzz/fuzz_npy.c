/* A .npy file of any bytes. */
#include "fuzz.h"

#include "runner/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct jm_npy npy;
	struct jm_error err;

	if (jm_npy_read("fuzz", data, n, &npy, &err) == 0)
		jm_npy_finish(&npy);
	return 0;
}
