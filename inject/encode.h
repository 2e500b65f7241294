/* Numbers as the activity file holds them, and the clocks. */
#ifndef INJECT_ENCODE_H
#define INJECT_ENCODE_H

#include <stdint.h>
#include <time.h>

static inline void put_u16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static inline void put_u32(uint8_t *at, uint32_t value)
{
	put_u16(at, value & 0xffff);
	put_u16(at + 2, value >> 16);
}

static inline void put_u64(uint8_t *at, uint64_t value)
{
	put_u32(at, (uint32_t)value);
	put_u32(at + 4, (uint32_t)(value >> 32));
}

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#endif
