#include "page/base64.h"

#include <string.h>

/* RFC 4648, section 4. */
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void flush(struct jm_base64 *b)
{
	char text[4 * 1024];
	size_t i, n = 0;

	for (i = 0; i < b->n; i += 3) {
		uint32_t bits = (uint32_t)b->held[i] << 16;

		bits |= i + 1 < b->n ? (uint32_t)b->held[i + 1] << 8 : 0;
		bits |= i + 2 < b->n ? (uint32_t)b->held[i + 2] : 0;
		text[n++] = digits[bits >> 18];
		text[n++] = digits[bits >> 12 & 63];
		text[n++] = i + 1 < b->n ? digits[bits >> 6 & 63] : '=';
		text[n++] = i + 2 < b->n ? digits[bits & 63] : '=';
	}
	jm_buffer_append(b->out, text, n);
	b->n = 0;
}

void jm_base64_begin(struct jm_base64 *b, struct jm_buffer *out)
{
	b->out = out;
	b->n = 0;
	jm_buffer_puts(out, "\"");
}

void jm_base64_u8(struct jm_base64 *b, uint8_t value)
{
	if (b->n == sizeof(b->held))
		flush(b);
	b->held[b->n++] = value;
}

void jm_base64_u16(struct jm_base64 *b, uint16_t value)
{
	jm_base64_u8(b, (uint8_t)value);
	jm_base64_u8(b, (uint8_t)(value >> 8));
}

void jm_base64_u32(struct jm_base64 *b, uint32_t value)
{
	jm_base64_u16(b, (uint16_t)value);
	jm_base64_u16(b, (uint16_t)(value >> 16));
}

void jm_base64_f32(struct jm_base64 *b, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	jm_base64_u32(b, bits);
}

void jm_base64_f64(struct jm_base64 *b, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	jm_base64_u32(b, (uint32_t)bits);
	jm_base64_u32(b, (uint32_t)(bits >> 32));
}

void jm_base64_end(struct jm_base64 *b)
{
	flush(b);
	jm_buffer_puts(b->out, "\"");
}
