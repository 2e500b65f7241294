/* Random short rests between measured calls. A sensor's lag shows in a periodic load only modulo one period: rests that
 * differ from call to call tell it apart, give a low level, and spread the calls over the sensor's updates. */
#ifndef RUNNER_DITHER_H
#define RUNNER_DITHER_H

#include <stdint.h>

struct jm_dither {
	uint64_t state;
	double fraction;   /* longest rest, of a call; 0: none */
	double typical_ns; /* slow mean of the latency */
};

/* fraction: 0 to 1. The same seed gives the same schedule. */
void jm_dither_init(struct jm_dither *d, double fraction, uint64_t seed);

/* Gives the rest after a call of latency_ns: uniform on [0, fraction * typical latency), ns. */
int64_t jm_dither_rest_ns(struct jm_dither *d, int64_t latency_ns);

#endif
