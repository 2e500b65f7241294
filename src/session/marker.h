/* Live markers: spans of the running program, one ring a track. */
#ifndef SESSION_MARKER_H
#define SESSION_MARKER_H

#include "core/sink.h"

struct jm_track;

/* track: number in spans. Errors: JM_E_NOMEM. */
int jm_track_create(uint32_t number, struct jm_track **out);
/* Gives what ended since the last call to the sink. One thread at a time, not the owner of the track. */
int jm_track_drain(struct jm_track *t, struct jm_span_sink *sink);
/* Gives how many begins and ends were lost (too deep, unmatched, ring full). */
uint64_t jm_track_n_lost(const struct jm_track *t);
uint32_t jm_track_number(const struct jm_track *t);
void jm_track_destroy(struct jm_track *t);

#endif
