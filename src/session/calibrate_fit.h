/* From what a channel showed of a played load to its calibration. Pure: no files, no clock. */
#ifndef SESSION_CALIBRATE_FIT_H
#define SESSION_CALIBRATE_FIT_H

#include "core/sample.h"
#include "session/calibration.h"
#include "session/stimulus.h"

struct jm_calibrate_input {
	const struct jm_channel *channel;
	bool is_buffered;                /* the device stamps each reading: no update is to be found by polling */
	const struct jm_sample *samples; /* n_samples, in order of time, gaps included */
	size_t n_samples;
	const struct jm_sample *temperature; /* of the device; n_temperature may be 0 */
	size_t n_temperature;
	const struct jm_load_piece *pieces; /* n_pieces as played, in order */
	size_t n_pieces;
};

/* One update of a sensor: it happened in (after_s, before_s]; times in s since the first piece. */
struct jm_update {
	double after_s, before_s, t_s; /* t_s: where the sensor's clock puts it */
	double value;                  /* W, or J since the first */
};

/* All updates of a channel, and its clock. */
struct jm_updates {
	struct jm_update *items;
	size_t n;
	bool is_fresh;   /* nearly every reading was new: the sensor measures when it is asked, or its buffer stamps */
	bool is_regular; /* the clock's times were taken */
	double period_s, jitter_s, clock_sd_s; /* NAN: unknown */
	double slack_s; /* how far all updates could be moved together: what polling leaves open of the lag */
};

/* Errors: JM_E_NOMEM; JM_E_UNIDENTIFIABLE: fewer than ten updates. out is yours: jm_updates_finish. */
int jm_updates_find(const struct jm_calibrate_input *in, struct jm_updates *out, struct jm_error *err);
void jm_updates_finish(struct jm_updates *u);

/* Fills c's response and figures; identity is the caller's. Errors: JM_E_UNIDENTIFIABLE: too few updates, a load that the
 * channel does not see; JM_E_NOMEM. What was found before stays in c. */
int jm_calibrate_channel(const struct jm_calibrate_input *in, struct jm_calibration *c, struct jm_error *err);

/* Fills c's stairs and nonlinearity from n readings (times since the first piece); c's swing is known. */
struct jm_model_reading;
void jm_calibrate_stairs(const struct jm_calibrate_input *in, const struct jm_model_reading *readings, size_t n,
			 struct jm_calibration *c);

/* Spread of a counter's mean power over the phases of a locked load, fraction of swing_w; NAN where unknown. */
double jm_calibrate_locked_spread(const struct jm_calibrate_input *in, double swing_w);

#endif
