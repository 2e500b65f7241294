/* One sensor under sampling: its deadline and its ledgers. Touched by one sampling thread alone while that runs. */
#ifndef SAMPLER_SLOT_H
#define SAMPLER_SLOT_H

#include "core/ledger.h"
#include "sensor/sensor.h"

struct jm_slot {
	struct jm_sensor *sensor;
	const struct jm_channel *channels_of; /* the sensor's; borrowed from the set */
	int64_t period_ns, deadline_ns, started_ns;
	bool is_gone, is_failing;
	int64_t drained_ns; /* a buffered device: until then it has given all it had */
	bool is_own_pace; /* readings come when the device has them: they are owed by its pace, not by our deadlines */
	/* Hot: what all channels have in common while every read is complete, in one cache line; folded into the ledgers
	 * when that ends, and when they are handed over. */
	bool is_uniform; /* every channel's last reading is at last_ns */
	uint64_t n_taken, n_late;
	int64_t last_ns, longest_gap_ns;
	struct jm_slot_channel {
		int64_t last_value;
		uint64_t n_repeated;
		uint64_t n_skipped;  /* a buffered device: updates that its stamps, or gap marks, show missing */
		uint64_t n_left_out; /* likewise: single ones that the device itself left out */
		/* likewise: how far the stamps are behind the pace; since how many of them by most of a period, at least */
		int64_t behind_ns, least_behind_ns;
		unsigned int n_behind;
		bool may_stay;     /* an estimate: equal values one after the other are news, too */
		int64_t low, high; /* what the quantity can be */
		uint64_t n_implausible;
		int64_t implausible; /* the first reading beyond them */
	} * channels;                /* n_channels of the sensor */
	struct jm_ledger *ledgers;   /* likewise */
};

/* Gives the period a sensor is read with when asked_ns is wanted: its own pace where that is slower. One whose reads wait
 * for the device is asked twice as often as that, when its readings are wanted as they come: no deadline then makes it wait. */
int64_t jm_slot_period(const struct jm_sensor *s, int64_t asked_ns);

/* channels: of the whole set. */
int jm_slot_init(struct jm_slot *slot, struct jm_sensor *s, const struct jm_channel *channels, int64_t asked_ns);
void jm_slot_finish(struct jm_slot *slot);

/* Moves the deadline behind now. Gives false when nothing is due; is_late_out: more than half a period behind.
 * Deadlines already past are booked missed, never caught up. */
bool jm_slot_is_due(struct jm_slot *slot, int64_t now_ns, bool *is_late_out);

/* Reads the sensor and books what came. Gives the number of samples in batch, gap marks included. */
size_t jm_slot_read(struct jm_slot *slot, struct jm_sample *batch, bool is_late);

/* Reads once more, behind the last deadline, to close the window; the reading is not one of the expected. */
size_t jm_slot_read_last(struct jm_slot *slot, struct jm_sample *batch);

/* Brings the common counts into the ledgers. */
void jm_slot_fold(struct jm_slot *slot);

/* Books n samples as lost after all (the ring was full). */
void jm_slot_lose(struct jm_slot *slot, const struct jm_sample *batch, size_t n);

/* Brings expected (and missed, for a buffered device) up to now. What a buffered device that says its pace owes is told by
 * its stamps: an update that comes late and is made up for is not missing, one that is never made up for is. */
void jm_slot_settle(struct jm_slot *slot, int64_t now_ns);

#endif
