/* An event of any bytes. */
#include "fuzz.h"

#include "service/event_message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct jm_event event;
	struct jm_buffer again = {0};

	/* What was read can be written. */
	if (jm_event_decode(data, n, &event) == JM_EVENT_FAULT_NONE && event.kind >= JM_EVENT_PLUGIN_STARTED) {
		if (jm_event_encode(&event, 0, &again) != 0 && jm_event_support(NULL) == 0)
			abort();
		jm_buffer_finish(&again);
	}
	return 0;
}
