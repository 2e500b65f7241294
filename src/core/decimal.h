/* A decimal number that is read from text and written again. Its value and the proof that its digits are the shortest
 * ones for that value take less time together than parsing it and searching for the shortest digits. */
#ifndef CORE_DECIMAL_H
#define CORE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

/* digits * 10^-places as digits << 6 | places, places >= 1; 0: none. */
typedef uint64_t jm_decimal;

/* Reads the digits, with a point between them or none, that begin at text ("0.25", "20"); at most up to end.
 * *value_out: what jm_text_double gives; jm_decimal_write makes of the decimal what jm_text_shortest makes of the value.
 * *after_out: what follows; an exponent is not read. Gives 0, and sets nothing, when all this cannot be told cheaply, or
 * there is no such number: use those two. */
jm_decimal jm_decimal_read(const char *text, const char *end, double *value_out, const char **after_out);

/* Writes decimal (not 0), not terminated; out: at least 32 bytes. Gives the length. */
size_t jm_decimal_write(jm_decimal decimal, char *out);

#endif
