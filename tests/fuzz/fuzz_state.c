/* The service's state.json of any bytes. */
#include "fuzz.h"

#include "service/state_format.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct jm_state_reader reader = {0};
	struct jm_measurement *m;
	char boot[64];
	uint64_t next_id;

	if (jm_json_open("state.json", (const char *)data, n, &reader.json, NULL))
		return 0;
	jm_state_read_head(&reader, boot, sizeof(boot), &next_id);
	while (reader.rc == 0 && (m = jm_state_read_measurement(&reader)))
		jm_measurement_free(m);
	if (reader.rc == 0 && !memchr(boot, '\0', sizeof(boot)))
		abort();
	jm_json_close(reader.json);
	return 0;
}
