/* Dates and times as the tools write them, without zone: read as if they were UTC. */
#ifndef TRACE_STAMP_H
#define TRACE_STAMP_H

#include "joulemap/joulemap.h"

/* Remembers the last minute, since a million lines share a few. Zero-initialised. */
struct jm_stamp_cache {
	char minute[16]; /* "YYYYmmdd-HH:MM:" */
	int64_t minute_us;
};

/* Days since 1970-01-01 of a date of the Gregorian calendar. Errors: JM_E_FORMAT when there is no such day. */
int jm_stamp_days(int year, int month, int day, int64_t *out);

/* Parses "YYYYmmdd-HH:MM:SS.f", 1 to 6 digits of fraction, as Python's %Y%m%d-%H:%M:%S.%f does. out: us since 1970.
 * Errors: JM_E_FORMAT. Hot: about 10 ns. */
int jm_stamp_compact(struct jm_stamp_cache *cache, const char *text, size_t n, int64_t *out_us);

/* Parses "YYYY-mm-dd HH:MM:SS", "YYYY/mm/dd HH:MM:SS.fff", "YYYY-mm-ddTHH:MM:SS.ffffff" or "mm/dd/YYYY HH:MM:SS AM";
 * fraction of 1 to 9 digits, or none. out: ns since 1970. Errors: JM_E_FORMAT. */
int jm_stamp_text(const char *text, size_t n, int64_t *out_ns);

#endif
