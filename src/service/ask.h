/* A request for a measurement, as JSON. */
#ifndef SERVICE_ASK_H
#define SERVICE_ASK_H

#include "service/measurement.h"

#define JM_ASK_PIDS_MAX 4096

struct jm_ask {
	struct jm_measure_request request; /* pids points to the array below */
	int64_t pids[JM_ASK_PIDS_MAX];
	char label[64];
};

/* Reads {"pids": [1, 2], "devices": ["cpu"], "duration_s": 10, "start_in_s": 1 or "start_unix_s": T, "label": ""}; n bytes. Nothing but
 * pids is needed. Unknown keys are errors. now_ns, realtime_ns: for the start. Errors: JM_E_FORMAT (no JSON, or another one),
 * JM_E_INVALID (a value), JM_E_FULL (too many pids), JM_E_NOMEM. */
int jm_ask_read(const char *text, size_t n, int64_t now_ns, int64_t realtime_ns, struct jm_ask *out,
		struct jm_error *err);

#endif
