#include "core/grow.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 16

bool jm_grow_array(void *items, size_t *capacity, size_t n, size_t element_size)
{
	size_t wanted = *capacity ? *capacity : FIRST_CAPACITY;
	void *old, *grown;

	while (wanted <= n) {
		if (wanted > SIZE_MAX / 2 / element_size)
			return false;
		wanted *= 2;
	}
	memcpy(&old, items, sizeof(old));
	grown = realloc(old, wanted * element_size);
	if (!grown)
		return false;
	memcpy(items, &grown, sizeof(grown));
	*capacity = wanted;
	return true;
}
