/* The inside of the measurements: measurement.c (requests, ticks) and measurement_resume.c (those of an earlier service). */
#ifndef SERVICE_MEASUREMENT_INTERNAL_H
#define SERVICE_MEASUREMENT_INTERNAL_H

#include "service/measurement.h"

#define JM_MEASURE_LISTENERS_MAX 8

struct jm_measurements {
	struct jm_measure_world world;
	struct jm_measure_limits limits;
	struct jm_measure_listener listeners[JM_MEASURE_LISTENERS_MAX];
	size_t n_listeners;
	struct jm_measurement **items; /* in order of id */
	size_t n_items, capacity, n_active, n_parts;
	uint64_t next_id, n_done, n_gone;
};

/* Tells all listeners. part: NULL where it is about the whole. */
void jm_measurements_tell(struct jm_measurements *all, enum jm_measure_event event, const struct jm_measurement *m,
			  const struct jm_measure_part *part);
/* Ends the whole when none of its processes is left. */
void jm_measurements_end_if_over(struct jm_measurements *all, struct jm_measurement *m, int64_t now_ns);

#endif
