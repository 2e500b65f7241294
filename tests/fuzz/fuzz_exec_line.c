/* What a metering program prints, and how it is said to be read: the first line is the options, the rest its output. */
#include "fuzz.h"

#include "sensor/exec_line.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *end = n ? memchr(data, '\n', n) : NULL;
	size_t length = end ? (size_t)(end - data) : n;
	char *options = malloc(length + 1);
	struct jm_exec_format format;
	const char *command = NULL;
	int64_t value, device_us;

	if (!options)
		return 0;
	if (length)
		memcpy(options, data, length);
	options[length] = '\0';
	if (jm_exec_parse_options(options, &format, &command, NULL) == 0) {
		if (command < options || command > options + length)
			abort();
		while (end) {
			const char *line = (const char *)end + 1;
			size_t left = (size_t)((const char *)data + n - line);

			end = left ? memchr(line, '\n', left) : NULL;
			jm_exec_parse_line(&format, line, end ? (size_t)((const char *)end - line) : left, &value,
					   &device_us);
		}
	}
	free(options);
	return 0;
}
