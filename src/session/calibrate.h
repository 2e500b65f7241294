/* Calibration under another world than the machine's: for tests. */
#ifndef SESSION_CALIBRATE_H
#define SESSION_CALIBRATE_H

#include "core/own_cost.h"
#include "session/calibration.h"
#include "session/player.h"

/* As jm_calibrate, under env. player: the load for all sensors, borrowed; NULL: found by the options. */
int jm_calibrate_env(const struct jm_env *env, const struct jm_calibrate_options *options, struct jm_player *player,
		     jm_progress_fn progress, void *ctx, struct jm_calibrations **out, struct jm_error *err);

/* What a calibration collects. */
struct jm_calibrations {
	struct jm_stored_calibration *items;
	size_t n, capacity;
	char **notes;
	size_t n_notes;
	struct jm_own_cost own_cost; /* of the recordings, all together */
};

/* One load and the sensors that it is for. */
struct jm_calibrate_run {
	const struct jm_env *env;
	const struct jm_calibrate_options *options;
	const struct jm_sensors *sensors; /* as probed: what there is */
	struct jm_player *player;
	int gpu; /* number of the GPU that is loaded; -1: none, all other sensors; -2: all sensors */
	jm_progress_fn progress;
	void *ctx;
	struct jm_calibrations *out;
	char folder[512]; /* of the recordings; emptied and removed in the end */
};

/* Says whether the run's load is for this channel. */
bool jm_calibrate_covers(const struct jm_calibrate_run *run, const struct jm_channel *channel);
/* Plays, records and fits. Errors: as jm_calibrate. */
int jm_calibrate_play(struct jm_calibrate_run *run, struct jm_error *err);
void jm_calibrate_note(struct jm_calibrations *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
