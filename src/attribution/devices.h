/* What the channels of a device say besides its energy, over the measured windows. Pure. */
#ifndef ATTRIBUTION_DEVICES_H
#define ATTRIBUTION_DEVICES_H

#include "attribution/attribution.h"

/* Samples of one channel, in order of time, GAPs included; reaching beyond the windows where a channel is read seldom. */
struct jm_track_of {
	const struct jm_channel *channel; /* NULL: the device has none such */
	const struct jm_sample *samples;
	size_t n;
};

/* The channels of one device that are looked at. */
struct jm_device_tracks {
	struct jm_track_of sm_clock, memory_clock, temperature, level, reasons;
	struct jm_track_of held_power, held_heat, held_brake; /* time, counters */
};

/* Fills the spreads and held[] of out. Bits of reasons: docs/recording-format.md. */
void jm_device_describe(const struct jm_device_tracks *tracks, const struct jm_stretch *windows, size_t n_windows,
			struct jm_device_result *out);

/* Picks the two readings of counter that stand nearest around [from, to). Gives false with fewer than two. */
bool jm_cross_check_ends(const struct jm_track_of *counter, int64_t from_ns, int64_t to_ns,
			 const struct jm_sample **first_out, const struct jm_sample **last_out);

/* Holds the integral of power against the counter between two of its readings. A counter that moves every u seconds shows,
 * when read, the energy of up to u ago: on average u/2, so that the integral is taken u/2 earlier; what is left, +-u/2 at
 * either end times the power there, is what it allows. Errors: JM_E_INVALID, JM_E_NOMEM; what cannot be compared is no
 * error but a reason in out. */
int jm_cross_check(const struct jm_track_of *power, const struct jm_track_of *counter, const struct jm_sample *first,
		   const struct jm_sample *last, struct jm_cross_check *out, struct jm_error *err);

#endif
