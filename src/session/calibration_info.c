/* Calibrations for the public interface. */
#include "session/calibration.h"

#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

int jm_stored_calibration_fill(struct jm_stored_calibration *s)
{
	struct jm_buffer b = {0};

	jm_calibration_describe(&s->c, s->text, sizeof(s->text));
	jm_calibration_write(&s->c, &b);
	s->json = jm_buffer_terminate(&b);
	if (s->json)
		return 0;
	jm_buffer_finish(&b);
	return JM_E_NOMEM;
}

void jm_stored_calibration_info(const struct jm_stored_calibration *s, struct jm_calibration_info *out)
{
	const struct jm_calibration *c = &s->c;
	const struct jm_response *r = &c->response;

	*out = (struct jm_calibration_info){
	    .channel = c->channel,
	    .driver = c->driver,
	    .driver_version = c->driver_version,
	    .device = c->device,
	    .date = c->date,
	    .family = jm_response_text(r->family),
	    .period_s = r->period_s,
	    .jitter_s = c->jitter_s,
	    .lag_s = r->lag_s,
	    .window_s = r->box_s,
	    .lowpass_s = r->tau_s,
	    .lag_sd_s = r->lag_sd_s,
	    .window_sd_s = r->box_sd_s,
	    .lowpass_sd_s = r->tau_sd_s,
	    .noise_w = r->noise_w,
	    .step_w = r->step_w,
	    .swing_w = c->swing_w,
	    .hold_out_fraction = r->residual_fraction,
	    .drift_per_s = c->drift_per_s,
	    .drift_per_k = c->drift_per_k,
	    .full_time = c->full_time == JM_FULL_TIME_YES  ? 1
			 : c->full_time == JM_FULL_TIME_NO ? -1
							   : 0,
	    .counter_spread = c->counter_spread,
	    .is_accepted = c->is_accepted > 0,
	    .reason = c->reason,
	    .text = s->text,
	    .json = s->json,
	    .stairs = c->stairs,
	    .nonlinearity = c->nonlinearity,
	};
	memcpy(out->hold_out_w, c->hold_out_w, sizeof(out->hold_out_w));
}

static const struct jm_sensor *sensor_of(const struct jm_sensors *s, size_t channel)
{
	size_t i;

	for (i = 0; i < s->set.n_sensors; i++)
		if (channel - s->set.sensors[i].first_channel < s->set.sensors[i].n_channels)
			return &s->set.sensors[i];
	return NULL;
}

int jm_session_load_calibrations(struct jm_sensors *s)
{
	size_t i;

	s->calibrations = calloc(s->set.n_channels + 1, sizeof(*s->calibrations));
	if (!s->calibrations)
		return JM_E_NOMEM;
	for (i = 0; i < s->set.n_channels; i++) {
		struct jm_stored_calibration *stored = &s->calibrations[i];
		const struct jm_channel *channel = &s->set.channels[i];
		const struct jm_sensor *sensor = sensor_of(s, i);

		jm_error_set(&stored->why, JM_E_NOT_FOUND, "%s is not calibrated", channel->name);
		if (!sensor || !jm_channel_has_energy(channel))
			continue;
		stored->why.code =
		    jm_calibration_load(&s->env, sensor->driver->name, channel, &stored->c, &stored->why);
		if (stored->why.code == 0 && jm_stored_calibration_fill(stored))
			return JM_E_NOMEM;
	}
	return 0;
}

void jm_session_free_calibrations(struct jm_sensors *s)
{
	size_t i;

	for (i = 0; s->calibrations && i < s->set.n_channels; i++)
		free(s->calibrations[i].json);
	free(s->calibrations);
	s->calibrations = NULL;
}

int jm_sensors_calibration(const struct jm_sensors *s, size_t i, struct jm_calibration_info *out, struct jm_error *err)
{
	if (i >= s->set.n_channels || !s->calibrations)
		return jm_error_set(err, JM_E_INVALID, "there is no channel %zu", i);
	if (s->calibrations[i].why.code) {
		if (err)
			*err = s->calibrations[i].why;
		return s->calibrations[i].why.code;
	}
	jm_stored_calibration_info(&s->calibrations[i], out);
	return 0;
}
