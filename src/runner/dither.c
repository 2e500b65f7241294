#include "runner/dither.h"

#include "core/random.h"

#define MEMORY 16 /* calls over which the mean forgets: one slow call must not stretch the next rest */

void jm_dither_init(struct jm_dither *d, double fraction, uint64_t seed)
{
	/* Another stream than that of the inputs, which have the same seed. */
	*d = (struct jm_dither){.state = seed ^ UINT64_C(0xd17be7d17be7d17b), .fraction = fraction};
}

int64_t jm_dither_rest_ns(struct jm_dither *d, int64_t latency_ns)
{
	double latency = latency_ns > 0 ? (double)latency_ns : 0;

	d->typical_ns += d->typical_ns > 0 ? (latency - d->typical_ns) / MEMORY : latency;
	return (int64_t)(jm_random_fraction(&d->state) * d->fraction * d->typical_ns);
}
