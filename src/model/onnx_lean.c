#include "model/onnx_lean.h"

#include "onnx.pb-c.h"

#include <stdlib.h>
#include <string.h>

/* Above, no tensor is one that shapes are computed from. */
#define DATA_MAX 65536

/* Wire types (protobuf encoding specification). */
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* What is written is never longer than what was read. */
struct copying {
	const unsigned char *at;
	unsigned char *to;
};

/* Fields of a tensor (onnx.proto, TensorProto): float_data, int32_data, string_data, int64_data, raw_data, double_data, uint64_data. */
static bool is_data(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *field)
{
	return d == &onnx__tensor_proto__descriptor && field &&
	       ((field->id >= 4 && field->id <= 7) || (field->id >= 9 && field->id <= 11));
}

static uint64_t take_varint(struct copying *c)
{
	uint64_t value = 0;
	unsigned shift = 0;

	for (; *c->at & 0x80; shift += 7)
		value |= (uint64_t)(*c->at++ & 0x7f) << shift;
	return value | (uint64_t)*c->at++ << shift;
}

static void put(struct copying *c, const unsigned char *from)
{
	memcpy(c->to, from, (size_t)(c->at - from));
	c->to += c->at - from;
}

/* In as many bytes as it had: a number may have leading zeroes. */
static void put_length(unsigned char *to, size_t n_bytes, uint64_t value)
{
	size_t i;

	for (i = 0; i < n_bytes; i++, value >>= 7)
		to[i] = (unsigned char)((value & 0x7f) | (i + 1 < n_bytes ? 0x80 : 0));
}

static void copy_message(struct copying *c, const ProtobufCMessageDescriptor *d, const unsigned char *end);

/* All bytes but those of a large tensor's data. */
static void copy_bytes(struct copying *c, const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *field,
		       const unsigned char *key)
{
	const unsigned char *length = c->at;
	uint64_t n = take_varint(c);
	size_t n_length = (size_t)(c->at - length);
	unsigned char *to;

	if (field && field->type == PROTOBUF_C_TYPE_MESSAGE) {
		put(c, key);
		to = c->to;
		copy_message(c, field->descriptor, c->at + n);
		put_length(to - n_length, n_length, (uint64_t)(c->to - to));
		return;
	}
	c->at += n;
	if (n <= DATA_MAX || !is_data(d, field))
		put(c, key);
}

static void copy_message(struct copying *c, const ProtobufCMessageDescriptor *d, const unsigned char *end)
{
	while (c->at < end) {
		const unsigned char *key = c->at;
		uint64_t tag = take_varint(c);
		const ProtobufCFieldDescriptor *field =
		    tag >> 3 <= UINT32_MAX ? protobuf_c_message_descriptor_get_field(d, (unsigned)(tag >> 3)) : NULL;

		switch (tag & 7) {
		case WIRE_VARINT:
			take_varint(c);
			break;
		case WIRE_64:
			c->at += 8;
			break;
		case WIRE_32:
			c->at += 4;
			break;
		default:
			copy_bytes(c, d, field, key);
			continue;
		}
		put(c, key);
	}
}

int jm_onnx_lean(const void *bytes, size_t n, unsigned char **out, size_t *n_out)
{
	/* Of this only what is written becomes memory. */
	unsigned char *to = malloc(n + 1);
	struct copying c = {.at = bytes, .to = to};

	if (!to)
		return JM_E_NOMEM;
	copy_message(&c, &onnx__model_proto__descriptor, c.at + n);
	*out = to;
	*n_out = (size_t)(c.to - to);
	return 0;
}
