#include "core/order.h"

#include <algorithm>
#include <cstdlib>

int64_t jm_order_select_i64(int64_t *values, size_t n, size_t k)
{
	std::nth_element(values, values + k, values + n);
	return values[k];
}

void jm_order_sort(void *items, size_t n, size_t size, int (*compare)(const void *a, const void *b))
{
	const char *at = static_cast<const char *>(items);

	for (size_t i = 1; i < n; i++, at += size) {
		if (compare(at, at + size) > 0) {
			qsort(items, n, size, compare);
			return;
		}
	}
}
