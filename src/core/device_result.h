/* What a recording says of a device besides its power: clocks, heat, what held it down, and whether two ways to read its
 * energy agree. Part of the result; NAN is unknown. */
#ifndef CORE_DEVICE_RESULT_H
#define CORE_DEVICE_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Over the looks that fell into the measured windows. n 0: nobody looked, the rest is NAN. */
struct jm_spread {
	double mean, min, max;
	uint64_t n;
};

/* What held clocks down, for how much of the measured windows. */
struct jm_held {
	const char *cause; /* "power cap", ...; constant */
	bool is_limit;     /* of power or heat, not a setting of the user */
	double share;      /* of the time, 0 to 1; NAN: unknown */
	double time_s;     /* NAN: unknown */
	bool is_counted;   /* told by the driver's own counter; else from n_looks looks, about one a second */
	uint64_t n_looks;
};
#define JM_HELD_MAX 8

/* The integral of a power channel against the counter beside it, between two readings of the counter. */
struct jm_cross_check {
	bool is_known;               /* else reason says why not */
	const char *power, *counter; /* names of channels; borrowed */
	double span_s;               /* between the two readings */
	double gap_s;                /* of it without power readings: then the integral is short of them */
	double integral_j, counter_j;
	double difference_fraction; /* (integral - counter) / counter */
	double allowed_fraction;    /* what the counter's steps at both ends allow, either way */
	char reason[128];
};

struct jm_device_result {
	const char *name;     /* "nvml/gpu0" */
	const char *identity; /* name, UUID, PCI id; NULL: unknown */
	const char *note;     /* of its counted power: how it is read, who shares it; NULL: nothing */
	struct jm_spread sm_clock_hz, memory_clock_hz, temperature_c, level;
	struct jm_held held[JM_HELD_MAX];
	size_t n_held;
	struct jm_cross_check check;
};

#endif
