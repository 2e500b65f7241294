/* The contract of a sensor driver. See HACKING.md for how to add one: one file, one line in sensor_list.h, one test.
 *
 * A driver finds sensors; a sensor is a group of channels that are read together, within one pair of timestamps. What
 * takes long to read, or may block, is a sensor of its own, so that its time stays sharp and nobody waits for it. */
#ifndef SENSOR_SENSOR_H
#define SENSOR_SENSOR_H

#include "core/channel.h"
#include "core/env.h"
#include "core/sample.h"

struct jm_sensor_driver;

struct jm_sensor {
	const struct jm_sensor_driver *driver;
	const struct jm_env *env;
	char name[96];          /* "rapl_powercap/package-0": unique in a session */
	uint16_t first_channel; /* of this sensor, in its set; the session shifts it when it joins sets */
	uint16_t n_channels;    /* at most JM_SENSOR_CHANNELS_MAX */
	size_t max_samples;     /* one read gives at most this many; n_channels unless the device keeps a buffer */
	int64_t min_period_ns;  /* a shorter period only repeats values; 0: unknown */
	/* > 0: the device keeps a buffer of timestamped readings, to be drained this often */
	int64_t drain_period_ns;
	/* reads once more what another channel of the set already gives better: used only where the user names it */
	bool is_spare;
	/* a read can take longer than about 0.1 ms: the sampler gives it a thread of its own */
	bool may_block;
	/* a read waits until the device has a reading that it did not have at the read before */
	bool is_paced;
	/* set by read, where the device keeps a buffer: this reading and the ones before it hold all that the device has made, so
	 * that an update which it left out is none that was missed */
	bool is_complete;
	bool is_open;
	char device[160]; /* which device: name, serial or UUID, place; empty: unknown */
	void *state;      /* the driver's; one block from malloc unless the driver has destroy */
};

#define JM_SENSOR_CHANNELS_MAX 8

/* What probing found. Channel indices (part_of, same_as, first_channel) refer to channels of the same set. */
struct jm_sensor_set {
	struct jm_sensor *sensors;
	size_t n_sensors, sensors_capacity;
	struct jm_channel *channels;
	size_t n_channels, channels_capacity;
};

struct jm_sensor_driver {
	const char *name, *summary;
	/* argument_help: what may follow "name:" in a sensor choice ("COMMAND"), or NULL. needs_argument: not probed
	 * without one. is_fallback: used by default only where nothing else measures (estimate). */
	const char *argument_help;
	bool needs_argument, is_fallback;
	/* Appends the sensors found under env (root handle, library path, clock). No such hardware is success with none
	 * found and the reason and remedy in why. A channel that exists and cannot be read is appended with state
	 * unavailable, reason and remedy. argument: what followed "name:", or NULL. Cold: may allocate. */
	int (*probe)(const struct jm_env *env, const char *argument, struct jm_sensor_set *found, struct jm_error *why);
	/* Opens descriptors, once; allocates what read needs. */
	int (*open)(struct jm_sensor *s, struct jm_error *err);
	/* Hot: no allocation, formatting, logging, opening. Writes at most s->max_samples samples, times in order
	 *   within a
	 * channel, channel = s->first_channel + i, one per channel (status GAP for a channel that gave none) unless the
	 * device keeps a buffer. Gives 0; JM_E_AGAIN: nothing now, try at the next deadline; JM_E_GONE: stop this
	 * sensor, keep the run; another code: this reading failed (the sampler counts it missed and goes on). */
	int (*read)(struct jm_sensor *s, struct jm_sample *out, size_t *n_out);
	/* Takes a half-opened sensor; may be called twice. */
	void (*close)(struct jm_sensor *s);
	/* Says what was odd about all that was read so far, in a line for the user; false: nothing. Cold, beside no read. NULL: never. */
	bool (*remark)(const struct jm_sensor *s, char *out, size_t size);
	/* Frees s->state; NULL: free() is enough. */
	void (*destroy)(struct jm_sensor *s);
};

/* Registered drivers, in order of preference, NULL at the end. */
extern const struct jm_sensor_driver *const jm_sensor_drivers[];

/* Gives the driver of that name, or NULL. */
const struct jm_sensor_driver *jm_sensor_driver_find(const char *name);

/* Appends a sensor with no channel; the next jm_sensor_set_channel calls add to it. The pointer is good until the next
 * append. Gives NULL when out of memory. */
struct jm_sensor *jm_sensor_set_append(struct jm_sensor_set *set, const struct jm_sensor_driver *driver,
				       const struct jm_env *env, const char *name);
/* Appends a channel, initialised, to the last sensor. Gives NULL when out of memory or the sensor is full. */
struct jm_channel *jm_sensor_set_channel(struct jm_sensor_set *set, const char *name);
/* Takes the spare sensors out again; indices follow, and what referred to them refers to nothing. */
void jm_sensor_set_drop_spares(struct jm_sensor_set *set);
/* Closes every sensor, frees all. */
void jm_sensor_set_finish(struct jm_sensor_set *set);

/* Helper for read: fills one sample from the times before and after. */
static inline void jm_sample_fill(struct jm_sample *out, uint16_t channel, int64_t before_ns, int64_t after_ns,
				  int64_t value)
{
	int64_t half = (after_ns - before_ns) / 2;

	out->t_ns = before_ns + half;
	out->value = value;
	out->device_us = 0;
	out->half_width_ns = half > UINT32_MAX ? UINT32_MAX : (uint32_t)half;
	out->channel = channel;
	out->status = JM_SAMPLE_OK;
	out->reserved = 0;
}

#endif
