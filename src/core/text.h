/* Bounded text: numbers in (trailing junk refused), numbers out, a growing buffer. No locale. */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include "joulemap/joulemap.h"

/* Parses all n bytes as a decimal integer, one trailing newline allowed. Errors: JM_E_FORMAT on anything else or
 * overflow. Hot path safe: no allocation, no locale. */
int jm_text_i64(const char *text, size_t n, int64_t *out);
int jm_text_u64(const char *text, size_t n, uint64_t *out);

/* Parses all n bytes as a finite decimal number ("1", "-2.5", "3e-4"). Errors: JM_E_FORMAT on anything else, on NaN,
 * infinity or overflow. */
int jm_text_double(const char *text, size_t n, double *out);

/* Parses all n bytes as a decimal number and gives it times 10^decimals, rounded to the nearest integer: ("1.5", 3) is
 * 1500. Exact, unlike a detour over double. decimals: 0 to 18. Errors: as jm_text_double, and on overflow. */
int jm_text_fixed(const char *text, size_t n, int decimals, int64_t *out);

/* Parses a duration with unit ns, us, ms, s, m or h ("10ms", "0.5s"); a bare number is seconds. out: ns, >= 0.
 * Errors: JM_E_FORMAT. */
int jm_text_duration_ns(const char *text, int64_t *out);

/* Writes the shortest decimal text that reads back as exactly value, as Python's repr does ("0.25", "1e-07",
 * "5500000.0": integral values keep ".0"). out: at least 32 bytes. Gives the length. value must be finite. */
size_t jm_text_shortest(double value, char *out);

/* A growing byte buffer. After any failure is_failed stays set, and further writes do nothing: check once at the end.
 */
struct jm_buffer {
	char *data; /* not terminated unless jm_buffer_terminate was called */
	size_t n, capacity;
	bool is_failed;
};

/* Frees, and makes it empty again. */
void jm_buffer_finish(struct jm_buffer *b);
/* Append: bytes, a text, a formatted text. */
void jm_buffer_append(struct jm_buffer *b, const void *data, size_t n);
void jm_buffer_puts(struct jm_buffer *b, const char *text);
void jm_buffer_printf(struct jm_buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends a JSON string with quotes; control characters escaped; bytes that are no UTF-8 become U+FFFD. */
void jm_buffer_json_string(struct jm_buffer *b, const char *text);
/* Appends a JSON number (shortest form), or null when value is not finite. */
void jm_buffer_json_number(struct jm_buffer *b, double value);
/* Appends a CSV field, quoted only where RFC 4180 asks for it. */
void jm_buffer_csv(struct jm_buffer *b, const char *text);
/* Terminates the text. Gives data, or NULL when is_failed. */
char *jm_buffer_terminate(struct jm_buffer *b);

#endif
