/* A stored calibration of any bytes: what is taken can be described, and written and read again. */
#include "fuzz.h"

#include "core/text.h"
#include "session/calibration.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct jm_calibration c, again;
	struct jm_buffer text = {0};
	struct jm_error err = {0};
	char line[160];

	if (jm_calibration_read("fuzz", (const char *)data, n, &c, &err)) {
		if (!err.message[0])
			abort();
		return 0;
	}
	jm_calibration_describe(&c, line, sizeof(line));
	jm_calibration_write(&c, &text);
	if (!text.is_failed && jm_calibration_read("again", text.data, text.n, &again, &err))
		abort();
	jm_buffer_finish(&text);
	return 0;
}
