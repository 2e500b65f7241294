/* What has to be true of a protobuf message before protobuf-c may unpack it. */
#ifndef MODEL_ONNX_CHECK_H
#define MODEL_ONNX_CHECK_H

#include "joulemap/joulemap.h"

#include <protobuf-c/protobuf-c.h>

/* Walks the wire format of a message without allocating. protobuf-c 1.4 recurses once a nesting level without a limit
 * and turns two bytes on the wire into a structure of 200, so that a hostile file of some kilobytes could exhaust the
 * stack, one of some megabytes the memory. Errors: JM_E_FORMAT on a length beyond its message, a malformed number, a
 * group, a message nested deeper than 100 (protobuf's own limit), a single message given twice, or above 4 million
 * messages; offset_out: byte position of the trouble. */
int jm_onnx_check(const ProtobufCMessageDescriptor *descriptor, const unsigned char *data, size_t n,
		  size_t *offset_out);

#endif
