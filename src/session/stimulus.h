/* What a calibration plays: pieces of known load, one behind the other. Deterministic by its seed. */
#ifndef SESSION_STIMULUS_H
#define SESSION_STIMULUS_H

#include "joulemap/joulemap.h"

/* STEP: long 0/100 % steps, for delay and slow responses. SLOW, FAST: pseudo-random bits for sensors of 20 to 100 ms and of
 * about 1 ms. STAIRS: levels up and down, for linearity. STEADY: full load, for noise and drift. LOCKED: square wave locked
 * to a counter's clock. */
enum jm_load_stage { JM_STAGE_STEP, JM_STAGE_SLOW, JM_STAGE_FAST, JM_STAGE_STAIRS, JM_STAGE_STEADY, JM_STAGE_LOCKED };

struct jm_load_piece {
	int64_t start_ns, end_ns; /* [start, end); a plan begins at 0; played: CLOCK_MONOTONIC */
	double level;             /* 0: idle, 1: all there is */
	enum jm_load_stage stage;
	uint32_t group; /* LOCKED: number of the phase */
};

struct jm_stimulus_options {
	uint64_t seed;
	int64_t duration_ns;   /* of all but the steady part; > 0 */
	int64_t steady_ns;     /* 0: none */
	bool is_slow, is_fast; /* which bits; at least one */
	unsigned n_levels;     /* > 1: stairs of so many levels above idle, but at most 8 */
	int64_t shortest_ns;   /* that the load can play; 0: any */
};

/* Plans a stimulus: contiguous pieces of positive length; neighbours of one stage differ in level. It begins and ends with
 * idle. *out: free(). Errors: JM_E_INVALID (duration, no bits), JM_E_NOMEM. */
int jm_stimulus_plan(const struct jm_stimulus_options *options, struct jm_load_piece **out, size_t *n_out);

/* Plans square waves of one period, a quarter of it on, first on at first_ns (absolute) + phase / n_phases of a period for
 * each phase in turn; each lasts n_periods. Errors: JM_E_INVALID, JM_E_NOMEM. */
int jm_stimulus_locked(int64_t first_ns, double period_ns, unsigned n_phases, unsigned n_periods,
		       struct jm_load_piece **out, size_t *n_out);

#endif
