#include "model/dtype.h"

#define TEXT(name, number, text, bits) [number] = text,
static const char *const texts[JM_DTYPE_MAX] = {JM_DTYPE_LIST(TEXT)};
#undef TEXT

#define BITS(name, number, text, bits) [number] = bits,
static const unsigned char bit_counts[JM_DTYPE_MAX] = {JM_DTYPE_LIST(BITS)};
#undef BITS

static size_t index_of(int dtype)
{
	return dtype > 0 && dtype < JM_DTYPE_MAX ? (size_t)dtype : JM_DTYPE_UNKNOWN;
}

const char *jm_dtype_text(int dtype)
{
	return texts[index_of(dtype)];
}

unsigned jm_dtype_bits(int dtype)
{
	return bit_counts[index_of(dtype)];
}

int jm_dtype_bytes(int dtype, uint64_t n_elements, uint64_t *out)
{
	unsigned bits = jm_dtype_bits(dtype);

	if (bits == 0)
		return JM_E_UNSUPPORTED;
	if (n_elements > (UINT64_MAX - 7) / bits)
		return JM_E_FORMAT;
	*out = (n_elements * bits + 7) / 8;
	return 0;
}

int jm_dtype_elements(const int64_t *dims, size_t n_dims, uint64_t *out)
{
	uint64_t n = 1;
	size_t i;

	for (i = 0; i < n_dims; i++) {
		if (dims[i] < 0)
			return JM_E_FORMAT;
		if (dims[i] == 0) {
			n = 0;
			continue;
		}
		if (n > (uint64_t)INT64_MAX / (uint64_t)dims[i])
			return JM_E_FORMAT;
		n *= (uint64_t)dims[i];
	}
	*out = n;
	return 0;
}
