/* Between text.c and the C++ library's <charconv>: the only correct and fast number conversions at hand without locale.
 */
#ifndef CORE_NUMBER_H
#define CORE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Parses all n bytes as a decimal number, "-" allowed in front, not "+". Gives false for anything else and for numbers
 * that no normal double holds. */
bool jm_number_parse(const char *text, size_t n, double *out);

/* Writes the shortest decimal digits that read back as value (finite, > 0); out: at least 17 bytes. Gives how many.
 * *exponent_out: value = 0.d1d2d3... * 10^exponent. */
int jm_number_digits(double value, char *out, int *exponent_out);

#ifdef __cplusplus
}
#endif
#endif
