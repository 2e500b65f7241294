/* Arrays that grow. */
#ifndef CORE_GROW_H
#define CORE_GROW_H

#include <stdbool.h>
#include <stddef.h>

/* jm_grow where there is no room. */
bool jm_grow_array(void *items, size_t *capacity, size_t n, size_t element_size);

/* Makes room for item n, counted from 0, of an array. items: the address of the pointer to it (of any type; NULL at first);
 * *capacity: how many items have room, element_size bytes each. Doubles, from 16 on. Gives false when out of memory: then
 * nothing has changed. Lists of millions are made with it: mostly it only looks. */
static inline bool jm_grow(void *items, size_t *capacity, size_t n, size_t element_size)
{
	return n < *capacity || jm_grow_array(items, capacity, n, element_size);
}

#endif
