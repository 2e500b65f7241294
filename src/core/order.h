/* Sorting and selecting where there are millions. */
#ifndef CORE_ORDER_H
#define CORE_ORDER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Gives the value that would stand at index k < n if values were sorted; reorders them. Takes about 2 n steps, n log n at worst. */
int64_t jm_order_select_i64(int64_t *values, size_t n, size_t k);

/* qsort for what mostly is in order already: then it only looks. Recordings keep their spans in the order in which they ended. */
void jm_order_sort(void *items, size_t n, size_t size, int (*compare)(const void *a, const void *b));

#ifdef __cplusplus
}
#endif
#endif
