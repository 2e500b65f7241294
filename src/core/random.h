/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
#ifndef CORE_RANDOM_H
#define CORE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t jm_random_next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Gives a number from [0, 1). */
static inline double jm_random_fraction(uint64_t *state)
{
	return (double)(jm_random_next(state) >> 11) * 0x1p-53;
}

/* Gives a number from 0 to n - 1, n > 0. */
static inline size_t jm_random_below(uint64_t *state, size_t n)
{
	return (size_t)(jm_random_fraction(state) * (double)n);
}

#endif
