/* The sampler: reads sensors at absolute deadlines of the monotonic clock and keeps a ledger of what came.
 *
 *   sensors ──read──> sampling threads ──rings──> jm_sampler_drain ──> sink
 *
 * All sensors that never block share one thread; each that may block has its own, so that nobody waits for it. */
#ifndef SAMPLER_SAMPLER_H
#define SAMPLER_SAMPLER_H

#include "core/ledger.h"
#include "core/sink.h"
#include "sensor/sensor.h"

struct jm_sampler;

/* Tells of a sensor that stopped for good (JM_E_GONE) at t_ns. Called from jm_sampler_drain. */
typedef void (*jm_sampler_lost_fn)(void *ctx, const struct jm_sensor *s, int64_t t_ns);

struct jm_sampler_options {
	int64_t period_ns; /* between deadlines, > 0; a sensor that updates more slowly is read at its own pace */
	struct jm_sample_sink sink;
	jm_sampler_lost_fn lost; /* may be NULL */
	void *lost_ctx;
};

/* Prepares to read the open sensors of set (borrowed, must stay until destroy). Allocates all that sampling needs.
 * Errors: JM_E_INVALID (period), JM_E_NOMEM. */
int jm_sampler_create(const struct jm_env *env, struct jm_sensor_set *set, const struct jm_sampler_options *options,
		      struct jm_sampler **out, struct jm_error *err);

/* Starts the threads; the first deadline is now. Errors: JM_E_NOMEM when a thread cannot start. */
int jm_sampler_start(struct jm_sampler *s, struct jm_error *err);

/* Gives what was read since the last call to the sink. One thread at a time. Errors: the sink's. */
int jm_sampler_drain(struct jm_sampler *s);

/* Reads every sensor a last time, ends the threads, drains. Twice is allowed. */
int jm_sampler_stop(struct jm_sampler *s);

/* Gives a channel's ledger as of the last drain (at most about a second old); exact after stop. Same thread as drain.
 */
const struct jm_ledger *jm_sampler_ledger(const struct jm_sampler *s, uint16_t channel);

/* Gives how many readings of a channel were beyond what its quantity can be (they are gaps), and the first of them. After
 * stop. */
uint64_t jm_sampler_implausible(const struct jm_sampler *s, uint16_t channel, int64_t *first_out);

/* Stops if need be, frees; NULL is allowed. The sensors stay open. */
void jm_sampler_destroy(struct jm_sampler *s);

#endif
