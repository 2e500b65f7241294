/* Generated input data: the same for the same seed on every machine. Zeros would make multiplications cheaper than real
 * data does, and ids beyond a vocabulary would fail, so there are neither. */
#define _GNU_SOURCE
#include "runner/input.h"

#include "core/random.h"

#include <string.h>

#define ID_MAX 100 /* ids of tokens, classes and the like: inside any real vocabulary */

/* Gives a number of (-1, -2^-7] or [2^-7, 1): no zeros, and nothing that becomes one in fp16 or bf16. */
static double real(uint64_t *state)
{
	uint64_t bits = jm_random_next(state);
	double size = 0x1p-7 + (1 - 0x1p-6) * (double)(bits >> 11) * 0x1p-53;

	return bits & 1 ? size : -size;
}

/* fp16 by truncation: the numbers made here are normal there. */
static uint16_t half(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	if (value == 0)
		return 0;
	return (uint16_t)((bits >> 16 & 0x8000) | (((bits >> 23 & 0xff) - 127 + 15) << 10) | (bits >> 13 & 0x3ff));
}

static uint16_t brain(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return (uint16_t)(bits >> 16);
}

/* What an input's name says of its values. */
enum role { ROLE_DATA, ROLE_ONES, ROLE_ZEROS, ROLE_POSITIONS };

static enum role role_of(const char *name)
{
	if (strcasestr(name, "mask"))
		return ROLE_ONES;
	if (strcasestr(name, "token_type") || strcasestr(name, "segment"))
		return ROLE_ZEROS;
	if (strcasestr(name, "position"))
		return ROLE_POSITIONS;
	return ROLE_DATA;
}

static bool is_real(int dtype)
{
	return dtype == JM_DTYPE_FP32 || dtype == JM_DTYPE_FP16 || dtype == JM_DTYPE_BF16 || dtype == JM_DTYPE_FP64;
}

static double value_of(enum role role, int dtype, uint64_t i, int64_t last_dim, uint64_t *state)
{
	switch (role) {
	case ROLE_ONES:
		return 1;
	case ROLE_ZEROS:
		return 0;
	case ROLE_POSITIONS:
		return last_dim > 0 ? (double)(i % (uint64_t)last_dim) : 0;
	default:
		return is_real(dtype) ? real(state) : (double)(1 + jm_random_next(state) % ID_MAX);
	}
}

#define STORE(type, expression)                                                                                        \
	do {                                                                                                           \
		type stored = (type)(expression);                                                                      \
		memcpy(data + i * sizeof(stored), &stored, sizeof(stored));                                            \
	} while (0)

static int store(int dtype, unsigned char *data, uint64_t i, double v)
{
	switch (dtype) {
	case JM_DTYPE_FP32:
		STORE(float, v);
		return 0;
	case JM_DTYPE_FP64:
		STORE(double, v);
		return 0;
	case JM_DTYPE_FP16:
		STORE(uint16_t, half((float)v));
		return 0;
	case JM_DTYPE_BF16:
		STORE(uint16_t, brain((float)v));
		return 0;
	case JM_DTYPE_INT64:
	case JM_DTYPE_UINT64:
		STORE(int64_t, v);
		return 0;
	case JM_DTYPE_INT32:
	case JM_DTYPE_UINT32:
		STORE(int32_t, v);
		return 0;
	case JM_DTYPE_INT16:
	case JM_DTYPE_UINT16:
		STORE(int16_t, v);
		return 0;
	case JM_DTYPE_INT8:
	case JM_DTYPE_UINT8:
		STORE(int8_t, v);
		return 0;
	case JM_DTYPE_BOOL:
		STORE(uint8_t, 1);
		return 0;
	default:
		return JM_E_UNSUPPORTED;
	}
}

int jm_input_fill(const char *name, int dtype, uint64_t n_elements, int64_t last_dim, uint64_t seed, unsigned char *data)
{
	enum role role = role_of(name);
	uint64_t state = seed, i;
	const char *c;
	int rc = 0;

	/* Each input has a stream of its own. */
	for (c = name; *c; c++)
		state = (state ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
	for (i = 0; i < n_elements && rc == 0; i++)
		rc = store(dtype, data, i, value_of(role, dtype, i, last_dim, &state));
	return rc;
}
