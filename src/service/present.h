/* Measurements and the machine as JSON. Unknown is null with a reason beside it. */
#ifndef SERVICE_PRESENT_H
#define SERVICE_PRESENT_H

#include "core/text.h"
#include "service/service.h"

/* Appends one measurement with its processes; brief: without them. */
void jm_present_measurement(struct jm_buffer *b, const struct jm_service *s, const struct jm_measurement *m,
			    bool is_brief);
void jm_present_measurements(struct jm_buffer *b, const struct jm_service *s);
/* Appends {"error": {"code", "message", "remedy"}}. */
void jm_present_error(struct jm_buffer *b, const struct jm_error *err);
/* Appends "2026-01-01T00:00:00.123Z", with quotes. */
void jm_present_time(struct jm_buffer *b, int64_t realtime_ns);
/* Appends ,"key":number or null. */
void jm_present_number(struct jm_buffer *b, const char *key, double value);

#endif
