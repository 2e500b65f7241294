/* Reads activity files (cuda_activity.h) piece by piece, also while they are written, and makes spans of them.
 *
 * A kernel, copy or set becomes a span of kind KERNEL or COPY on the track of its stream, and, launched inside of a range, a
 * second one with the same times, of kind RANGE with JM_SPAN_DEVICE and the range's name. The range itself, on the thread
 * that was in it, becomes a span of kind RANGE without that flag. */
#ifndef TRACE_ACTIVITY_READER_H
#define TRACE_ACTIVITY_READER_H

#include "trace/trace.h"

struct jm_activity_set;
struct jm_activity_reader;

/* What the files of one recording share: names, numbers of tracks, totals. out: borrowed; its spans, meta and warn are used.
 * first_track: number of the first track. Errors: JM_E_NOMEM. */
int jm_activity_set_create(struct jm_trace_output *out, uint32_t first_track, struct jm_activity_set **set_out);
/* Hands on what is held back, writes the totals as meta (cuda_...), and warns of what is missing. Errors: those of the
 * sinks since the start. */
int jm_activity_set_finish(struct jm_activity_set *set, struct jm_error *err);
void jm_activity_set_destroy(struct jm_activity_set *set);

/* path: for messages, copied. Errors: JM_E_NOMEM. */
int jm_activity_reader_create(struct jm_activity_set *set, const char *path, struct jm_activity_reader **out);
/* Takes the whole records at the beginning of n bytes that follow those taken before; used_out: their bytes. A record is at
 * most 65,536 bytes long. Errors: JM_E_FORMAT (no activity file, or damaged: file and byte), JM_E_VERSION, JM_E_NOMEM,
 * those of the sinks. After an error nothing more is taken. */
int jm_activity_reader_feed(struct jm_activity_reader *r, const void *data, size_t n, size_t *used_out,
			    struct jm_error *err);
/* Hands on what is held back; says what the process said of itself. n_left: bytes at the end that were no whole record. */
void jm_activity_reader_finish(struct jm_activity_reader *r, size_t n_left);
void jm_activity_reader_destroy(struct jm_activity_reader *r);

#endif
