/* Numbers as base64 of their little-endian bytes: what a page turns into typed arrays. */
#ifndef PAGE_BASE64_H
#define PAGE_BASE64_H

#include "core/text.h"

/* Writes "..." around what the put functions add. Begin with {.out = buffer}; the buffer says whether memory ran out. */
struct jm_base64 {
	struct jm_buffer *out;
	unsigned char held[3 * 1024];
	size_t n;
};

void jm_base64_begin(struct jm_base64 *b, struct jm_buffer *out);
void jm_base64_u8(struct jm_base64 *b, uint8_t value);
void jm_base64_u16(struct jm_base64 *b, uint16_t value);
void jm_base64_u32(struct jm_base64 *b, uint32_t value);
void jm_base64_f32(struct jm_base64 *b, float value);
void jm_base64_f64(struct jm_base64 *b, double value);
void jm_base64_end(struct jm_base64 *b);

#endif
