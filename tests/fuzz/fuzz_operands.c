/* What recordings keep of a layer's operands, and names of GPU kernels: any bytes. */
#include "fuzz.h"

#include "model/shape.h"
#include "trace/kernel_name.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct jm_operands operands;
	char *text = malloc(n + 1), out[JM_KERNEL_NAME_SIZE], shape[256];
	size_t i;

	if (!text)
		return 0;
	memcpy(text, data, n);
	text[n] = '\0';
	if (jm_operands_parse(text, &operands) == 0) {
		if (operands.n_in > JM_OPERANDS_MAX || operands.n_out > JM_OPERANDS_MAX)
			abort();
		for (i = 0; i < operands.n_in; i++) {
			if (operands.in[i].is_known && operands.in[i].n_dims > JM_SHAPE_DIMS_MAX)
				abort();
			jm_shape_elements(&operands.in[i]);
			jm_shape_bytes(&operands.in[i]);
			jm_shape_text(&operands.in[i], shape, sizeof(shape));
		}
	}
	jm_kernel_name(text, out, sizeof(out));
	if (!memchr(out, '\0', sizeof(out)))
		abort();
	free(text);
	return 0;
}
