/* Times and UUIDs as events write them: any bytes. What is taken is written so that it is taken again. */
#include "fuzz.h"

#include "service/event_message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data;
	char uuid[JM_EVENT_UUID_SIZE], again[JM_EVENT_UUID_SIZE], time[JM_EVENT_TIME_SIZE];
	int64_t t, back;

	if (jm_event_time_parse(text, n, &t) == 0) {
		jm_event_time_text(t, time);
		if (jm_event_time_parse(time, strlen(time), &back) || back / 1000 != t / 1000)
			abort();
	}
	if (jm_event_uuid_parse(text, n, uuid) == 0 &&
	    (jm_event_uuid_parse(uuid, strlen(uuid), again) || strcmp(uuid, again) != 0))
		abort();
	return 0;
}
