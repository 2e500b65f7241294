/* How fast what ran the layers was clocked. */
#ifndef SESSION_CLOCKS_H
#define SESSION_CLOCKS_H

#include "session/report.h"

/* Means over the measured windows, or, where clocks are read too seldom for them, from the first window to the last; NAN: the
 * recording does not tell. */
struct jm_clocks {
	double clock_mhz;        /* of a GPU's multiprocessors, or of the processor */
	double memory_clock_mhz; /* of a GPU */
};

/* channel: the one that stands for what ran them, an index into the result's channels; -1: none. A GPU's clocks are those that stand
 * beside its power. The processor's is that of the only other channel of a frequency; of several nobody knows which is whose.
 * Errors: of reading. */
int jm_clocks_load(const struct jm_report *report, int channel, struct jm_clocks *out, struct jm_error *err);

#endif
