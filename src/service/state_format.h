/* The text of state.json. It is the service's own: one that it does not understand is left aside.
 *
 *   {"joulemap_state": 1, "boot": "...", "next_id": 8, "measurements": [[id, ...], ...]} */
#ifndef SERVICE_STATE_FORMAT_H
#define SERVICE_STATE_FORMAT_H

#include "core/json.h"
#include "core/text.h"
#include "service/measurement.h"

struct jm_state_reader {
	struct jm_json *json;
	struct jm_json_token token;
	int rc; /* the first error; what is read behind it is nothing */
};

/* Reads up to the first measurement. */
void jm_state_read_head(struct jm_state_reader *r, char *boot, size_t size, uint64_t *next_id);
/* Gives the next measurement, yours (jm_measurement_free), NULL behind the last or on an error. Of a part that was running, last less first
 * is what it had by then, and first is 0. */
struct jm_measurement *jm_state_read_measurement(struct jm_state_reader *r);
/* Appends what is under way. */
void jm_state_write(struct jm_buffer *b, const char *boot, const struct jm_measurements *all);

#endif
