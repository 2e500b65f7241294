/* FNV-1a, 64 bit (Fowler, Noll, Vo): spreads short texts well, keeps no secret. */
#ifndef CORE_HASH_H
#define CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define JM_HASH_BEGIN UINT64_C(0xcbf29ce484222325)

/* Gives the hash of what was hashed into h (JM_HASH_BEGIN: nothing) and of n more bytes. */
static inline uint64_t jm_hash(uint64_t h, const char *text, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return h;
}

#endif
