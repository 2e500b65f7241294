#include "model/onnx_check.h"

/* protobuf's default recursion limit (CodedInputStream::SetRecursionLimit). */
#define DEPTH_MAX 100
#define MESSAGES_MAX 4000000u
#define VARINT_BYTES_MAX 10

/* Wire types (protobuf encoding specification). */
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct cursor {
	const unsigned char *start, *at, *end;
	size_t n_messages;
};

static bool take_varint(struct cursor *c, const unsigned char *end, uint64_t *out)
{
	uint64_t value = 0;
	unsigned i;

	for (i = 0; i < VARINT_BYTES_MAX && c->at < end; i++) {
		unsigned char byte = *c->at++;

		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			*out = value;
			return true;
		}
	}
	return false;
}

static bool take_bytes(struct cursor *c, const unsigned char *end, uint64_t n)
{
	if (n > (uint64_t)(end - c->at))
		return false;
	c->at += n;
	return true;
}

/* Gives the message type of a field, NULL where it has none. A second occurrence of a single message is legal on the
 * wire, but nobody writes it, and merging is the least tried part of an unpacker: is_twice says so. */
static const ProtobufCMessageDescriptor *message_of(const ProtobufCMessageDescriptor *d, uint64_t number,
						    uint64_t *seen, bool *is_twice)
{
	const ProtobufCFieldDescriptor *field =
	    number <= UINT32_MAX ? protobuf_c_message_descriptor_get_field(d, (unsigned)number) : NULL;
	ptrdiff_t i;

	*is_twice = false;
	if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE)
		return NULL;
	i = field - d->fields;
	if (field->label != PROTOBUF_C_LABEL_REPEATED && i < 64) {
		*is_twice = (*seen >> i) & 1;
		*seen |= UINT64_C(1) << i;
	}
	return field->descriptor;
}

static bool walk(struct cursor *c, const ProtobufCMessageDescriptor *d, const unsigned char *end, unsigned depth);

static bool walk_bytes(struct cursor *c, const ProtobufCMessageDescriptor *inner, const unsigned char *end,
		       unsigned depth)
{
	uint64_t n;

	if (!take_varint(c, end, &n) || n > (uint64_t)(end - c->at))
		return false;
	return inner ? walk(c, inner, c->at + n, depth + 1) : take_bytes(c, end, n);
}

static bool walk(struct cursor *c, const ProtobufCMessageDescriptor *d, const unsigned char *end, unsigned depth)
{
	uint64_t seen = 0, key, number;

	if (depth > DEPTH_MAX || ++c->n_messages > MESSAGES_MAX)
		return false;
	while (c->at < end) {
		const ProtobufCMessageDescriptor *inner;
		bool is_twice, is_good;

		if (!take_varint(c, end, &key) || key >> 3 == 0)
			return false;
		inner = message_of(d, key >> 3, &seen, &is_twice);
		if (is_twice)
			return false;
		switch (key & 7) {
		case WIRE_VARINT:
			is_good = take_varint(c, end, &number);
			break;
		case WIRE_64:
			is_good = take_bytes(c, end, 8);
			break;
		case WIRE_32:
			is_good = take_bytes(c, end, 4);
			break;
		case WIRE_BYTES:
			is_good = walk_bytes(c, inner, end, depth);
			break;
		default:
			is_good = false;
		}
		if (!is_good)
			return false;
	}
	return true;
}

int jm_onnx_check(const ProtobufCMessageDescriptor *descriptor, const unsigned char *data, size_t n, size_t *offset_out)
{
	struct cursor c = {.start = data, .at = data, .end = data + n};

	if (walk(&c, descriptor, c.end, 0))
		return 0;
	*offset_out = (size_t)(c.at - c.start);
	return JM_E_FORMAT;
}
