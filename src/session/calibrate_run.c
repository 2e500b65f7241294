/* One load: plan, record, play, fit. */
#define _GNU_SOURCE
#include "session/calibrate.h"

#include "attribution/series.h"
#include "core/error.h"
#include "core/grow.h"
#include "core/units.h"
#include "session/calibrate_fit.h"
#include "session/recorder.h"
#include "session/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PERIOD_NS           (JM_NS_PER_MS / 4) /* what sensors are asked for; each has its own limit */
#define START_DELAY_NS      (300 * JM_NS_PER_MS)
#define TAIL_NS             (1200 * JM_NS_PER_MS) /* a reading may come so long behind the load */
#define SLOW_PERIOD_NS      (10 * JM_NS_PER_MS)
#define N_PHASES            16
#define N_PHASE_PERIODS_MIN 8
#define LOCKED_FRACTION     (2.0 / 3) /* of the changing load's time: 25 periods of 100 ms a phase in 40 s */
#define SEEN_MIN            0.95      /* of the time, by both of two channels that are compared */
#define LOCKED_MIN_S        0.02      /* a load of a quarter of the period must be short against it and sharp */
#define LOCKED_MAX_S        0.5

struct take {
	struct jm_load_piece *pieces;
	size_t n_pieces;
	struct jm_recording *recording;
	char path[600];
};

static void take_finish(struct take *t)
{
	free(t->pieces);
	jm_recording_close(t->recording);
	if (t->path[0])
		unlink(t->path);
	memset(t, 0, sizeof(*t));
}

bool jm_calibrate_covers(const struct jm_calibrate_run *run, const struct jm_channel *channel)
{
	bool is_gpu = channel->domain == JM_DOMAIN_GPU || channel->domain == JM_DOMAIN_GPU_MEMORY;

	if (!jm_channel_has_energy(channel) || channel->state != JM_STATE_MEASURED)
		return false;
	return run->gpu == -2 || (run->gpu < 0 ? !is_gpu : is_gpu && channel->device == run->gpu);
}

static int plan(const struct jm_calibrate_run *run, struct take *t, struct jm_error *err)
{
	struct jm_stimulus_options o = {.seed = run->options->seed,
					.duration_ns = run->options->duration_ns,
					.steady_ns = run->options->steady_ns,
					.n_levels = run->player->n_levels,
					.shortest_ns = run->player->shortest_ns};
	const struct jm_sensor_set *set = &run->sensors->set;
	size_t i;
	int rc;

	o.duration_ns = o.duration_ns ? o.duration_ns : JM_DEFAULT_CALIBRATION_NS;
	o.steady_ns = o.steady_ns ? o.steady_ns : JM_DEFAULT_STEADY_NS;
	for (i = 0; i < set->n_channels; i++) {
		int64_t period_ns = set->channels[i].update_period_ns;

		if (!jm_calibrate_covers(run, &set->channels[i]))
			continue;
		o.is_fast |= period_ns > 0 && period_ns < SLOW_PERIOD_NS;
		o.is_slow |= period_ns == 0 || period_ns >= SLOW_PERIOD_NS;
	}
	rc = jm_stimulus_plan(&o, &t->pieces, &t->n_pieces);
	return rc ? jm_error_set(err, rc, "cannot plan a load of %.3g s: %s", jm_s_from_ns(o.duration_ns),
				 rc == JM_E_INVALID ? "give it more seconds" : jm_error_text(rc))
		  : 0;
}

/* The load stands in the recording as regions. */
static int write_pieces(struct jm_recorder *r, const struct take *t)
{
	struct jm_span_sink sink = jm_recorder_span_sink(r);
	size_t i;
	int rc = 0;

	for (i = 0; i < t->n_pieces && rc == 0; i++) {
		const struct jm_load_piece *p = &t->pieces[i];
		struct jm_span span = {
		    .start_ns = p->start_ns, .end_ns = p->end_ns, .iteration = JM_NO_ITERATION, .kind = JM_SPAN_REGION};
		char name[32];
		int n = snprintf(name, sizeof(name), "load %.0f %%", p->level * 100);

		if (p->end_ns <= p->start_ns)
			continue;
		rc = sink.name(sink.ctx, name, (size_t)n, "load", 4, &span.name);
		rc = rc ? rc : sink.write(sink.ctx, &span, 1);
	}
	return rc;
}

/* Records while the pieces of t are played. is_absolute: their times are; else they begin soon. */
static int record(struct jm_calibrate_run *run, struct take *t, const char *name, bool is_absolute,
		  struct jm_error *err)
{
	struct jm_record_options options = {.size = sizeof(options),
					    .path = t->path,
					    .overwrite = true,
					    .sensors = run->options->sensors,
					    .period_ns = PERIOD_NS,
					    .kind = "calibrate",
					    .is_oversampled = true};
	struct jm_recorder *r = NULL;
	struct jm_own_cost cost;
	struct jm_error stopping = {0};
	int64_t start_ns;
	size_t n_played = 0, i;
	const char *text;
	int rc;

	snprintf(t->path, sizeof(t->path), "%s/%s.jmap", run->folder, name);
	rc = jm_recorder_start_env(run->env, &options, &r, err);
	if (rc)
		return rc;
	start_ns = is_absolute ? 0 : jm_env_now(run->env) + START_DELAY_NS;
	for (i = 0; i < t->n_pieces; i++) {
		t->pieces[i].start_ns += start_ns;
		t->pieces[i].end_ns += start_ns;
	}
	rc = jm_player_play(run->player, t->pieces, t->n_pieces, run->progress, run->ctx, &n_played, err);
	t->n_pieces = n_played;
	if (rc == 0) {
		run->env->sleep_until_ns(run->env->ctx, jm_env_now(run->env) + TAIL_NS);
		rc = write_pieces(r, t);
		if (rc)
			jm_recorder_status(r, err);
	}
	if (jm_recorder_stop(r, &stopping) && rc == 0) {
		rc = stopping.code;
		if (err)
			*err = stopping;
	}
	for (i = 0; (text = jm_recorder_warning(r, i)); i++)
		jm_calibrate_note(run->out, "%s", text);
	jm_recorder_destroy(r);
	rc = rc ? rc : jm_recording_open(t->path, &t->recording, err);
	if (rc)
		return rc;
	jm_session_own_cost(t->recording, &cost);
	jm_own_cost_add(&run->out->own_cost, &cost);
	return 0;
}

static const struct jm_sensor *sensor_of(const struct jm_sensors *s, const char *channel, const struct jm_channel **out)
{
	size_t i, k;

	for (i = 0; i < s->set.n_sensors; i++) {
		for (k = 0; k < s->set.sensors[i].n_channels; k++) {
			*out = &s->set.channels[s->set.sensors[i].first_channel + k];
			if (strcmp((*out)->name, channel) == 0)
				return &s->set.sensors[i];
		}
	}
	return NULL;
}

/* Loads the temperature of the channel's device, if the recording has one. */
static struct jm_sample *load_temperature(const struct take *t, const struct jm_channel *channel, size_t *n_out)
{
	size_t n, i;
	const struct jm_channel *channels = jm_recording_channels(t->recording, &n);
	size_t driver_n = strcspn(channel->name, "/");
	struct jm_sample *samples = NULL;

	*n_out = 0;
	for (i = 0; i < n; i++) {
		if (channels[i].quantity != JM_QUANTITY_TEMPERATURE || channels[i].device != channel->device ||
		    strncmp(channels[i].name, channel->name, driver_n + 1) != 0)
			continue;
		if (jm_recording_samples(t->recording, (uint16_t)i, INT64_MIN, INT64_MAX, &samples, n_out, NULL))
			*n_out = 0;
		return *n_out ? samples : NULL;
	}
	return NULL;
}

/* Loads what a fit of channel i of the recording needs. samples, temperature: free(). */
static int load_input(const struct jm_calibrate_run *run, const struct take *t, size_t i, struct jm_calibrate_input *in,
		      struct jm_sample **samples, struct jm_sample **temperature, struct jm_error *err)
{
	size_t n;
	const struct jm_channel *channels = jm_recording_channels(t->recording, &n), *probed;
	const struct jm_sensor *sensor = sensor_of(run->sensors, channels[i].name, &probed);
	int rc = jm_recording_samples(t->recording, (uint16_t)i, INT64_MIN, INT64_MAX, samples, &in->n_samples, err);

	if (rc)
		return rc;
	*temperature = load_temperature(t, &channels[i], &in->n_temperature);
	in->channel = &channels[i];
	in->is_buffered = sensor && (sensor->drain_period_ns > 0 || sensor->is_paced);
	in->samples = *samples;
	in->temperature = *temperature;
	in->pieces = t->pieces;
	in->n_pieces = t->n_pieces;
	return 0;
}

static int append(struct jm_calibrations *list, struct jm_stored_calibration **out)
{
	if (!jm_grow(&list->items, &list->capacity, list->n, sizeof(*list->items)))
		return JM_E_NOMEM;
	*out = &list->items[list->n++];
	memset(*out, 0, sizeof(**out));
	jm_calibration_init(&(*out)->c);
	return 0;
}

static int fit_channel(struct jm_calibrate_run *run, const struct take *t, size_t i, struct jm_error *err)
{
	size_t n;
	const struct jm_channel *channel = &jm_recording_channels(t->recording, &n)[i], *probed;
	const struct jm_sensor *sensor = sensor_of(run->sensors, channel->name, &probed);
	struct jm_sample *samples = NULL, *temperature = NULL;
	struct jm_calibrate_input in;
	struct jm_stored_calibration *item;
	struct jm_error why = {0};
	int rc = append(run->out, &item);

	if (rc || !sensor)
		return jm_error_set(err, rc ? rc : JM_E_INVALID, "%s came from nowhere", channel->name);
	jm_calibration_identify(&item->c, run->env, sensor->driver->name, probed);
	rc = load_input(run, t, i, &in, &samples, &temperature, err);
	if (rc == 0) {
		rc = jm_calibrate_channel(&in, &item->c, &why);
		if (rc == JM_E_UNIDENTIFIABLE)
			snprintf(item->c.reason, sizeof(item->c.reason), "%.255s", why.message);
		else if (rc && err)
			*err = why;
		rc = rc == JM_E_UNIDENTIFIABLE ? 0 : rc;
	}
	free(samples);
	free(temperature);
	return rc;
}

static bool is_same_thing(const struct jm_channel *channels, size_t a, size_t b)
{
	int of_a = channels[a].same_as < 0 ? (int)a : channels[a].same_as;
	int of_b = channels[b].same_as < 0 ? (int)b : channels[b].same_as;

	return a != b && of_a == of_b;
}

/* Energy of a channel over the load, J; NAN where it did not see nearly all of it. */
static double energy_of(const struct jm_calibrate_run *run, const struct take *t, size_t i)
{
	int64_t from_ns = t->pieces[0].start_ns, to_ns = t->pieces[t->n_pieces - 1].end_ns;
	struct jm_sample *samples = NULL, *temperature = NULL;
	struct jm_calibrate_input in;
	struct jm_series series;
	double energy_j = NAN, seen_s;

	if (load_input(run, t, i, &in, &samples, &temperature, NULL))
		return NAN;
	if (jm_series_init(&series, in.channel, samples, in.n_samples, 0, NULL) == 0) {
		energy_j = jm_series_energy(&series, from_ns, to_ns, &seen_s);
		if (seen_s < SEEN_MIN * jm_s_from_ns(to_ns - from_ns))
			energy_j = NAN;
		jm_series_finish(&series);
	}
	free(samples);
	free(temperature);
	return energy_j;
}

/* Says how far counters and integrals of power readings of the same thing agree over the whole load. */
static void compare_counters(struct jm_calibrate_run *run, const struct take *t)
{
	size_t n, i, k;
	const struct jm_channel *channels = jm_recording_channels(t->recording, &n);

	for (i = 0; i < n; i++) {
		for (k = 0; k < n; k++) {
			double counter_j, integral_j;

			if (!jm_calibrate_covers(run, &channels[i]) || !jm_calibrate_covers(run, &channels[k]) ||
			    !is_same_thing(channels, i, k) || channels[i].kind != JM_KIND_COUNTER ||
			    channels[k].kind != JM_KIND_GAUGE)
				continue;
			counter_j = energy_of(run, t, i);
			integral_j = energy_of(run, t, k);
			if (isfinite(counter_j) && isfinite(integral_j) && integral_j > 0)
				jm_calibrate_note(run->out, "%s counted %.2f %% of the integral of %s",
						  channels[i].name, counter_j / integral_j * 100, channels[k].name);
		}
	}
}

/* Counters with a clock slow enough to lock a load to. Gives the slowest. */
static struct jm_calibration *lockable(struct jm_calibrate_run *run, size_t first)
{
	struct jm_calibration *found = NULL;
	const struct jm_channel *probed;
	size_t i;

	for (i = first; i < run->out->n; i++) {
		struct jm_calibration *c = &run->out->items[i].c;

		if (!sensor_of(run->sensors, c->channel, &probed) || probed->kind != JM_KIND_COUNTER ||
		    c->response.family == JM_RESPONSE_UNKNOWN || c->response.period_s < LOCKED_MIN_S ||
		    c->response.period_s > LOCKED_MAX_S)
			continue;
		if (!found || c->response.period_s > found->response.period_s)
			found = c;
	}
	return found;
}

static void judge_counter(struct jm_calibration *c, double spread)
{
	double before = c->full_time;

	c->counter_spread = spread;
	if (!isfinite(spread))
		return;
	c->full_time = spread <= 0.05 ? JM_FULL_TIME_YES : spread >= 0.3 ? JM_FULL_TIME_NO : JM_FULL_TIME_UNKNOWN;
	if (before != JM_FULL_TIME_UNKNOWN && c->full_time != JM_FULL_TIME_UNKNOWN && before != c->full_time)
		c->full_time = JM_FULL_TIME_UNKNOWN;
}

/* Square waves as long as the counter's period, a quarter on, at 16 phases: a counter that sees all the time shows the same
 * power at each. The phase is swept, so where the counter's clock stands does not matter, only its period. */
static int play_locked(struct jm_calibrate_run *run, struct jm_calibration *c, struct jm_error *err)
{
	struct jm_sample *samples = NULL, *temperature = NULL;
	struct jm_calibrate_input in = {0};
	struct take t = {0};
	size_t n, i;
	int64_t duration_ns = run->options->duration_ns ? run->options->duration_ns : JM_DEFAULT_CALIBRATION_NS;
	double n_periods = LOCKED_FRACTION * jm_s_from_ns(duration_ns) / (N_PHASES * c->response.period_s);
	int rc;

	n_periods = fmin(fmax(n_periods, N_PHASE_PERIODS_MIN), UINT16_MAX);
	rc = jm_stimulus_locked(0, c->response.period_s * 1e9, N_PHASES, (unsigned)n_periods, &t.pieces, &t.n_pieces);
	rc = rc ? jm_error_set(err, rc, "cannot plan the locked load") : record(run, &t, "locked", false, err);
	if (rc == 0) {
		const struct jm_channel *channels = jm_recording_channels(t.recording, &n);

		for (i = 0; i < n && strcmp(channels[i].name, c->channel) != 0; i++)
			;
		rc = i < n ? load_input(run, &t, i, &in, &samples, &temperature, err) : 0;
		if (rc == 0 && i < n)
			judge_counter(c, jm_calibrate_locked_spread(&in, c->swing_w));
	}
	free(samples);
	free(temperature);
	take_finish(&t);
	return rc;
}

int jm_calibrate_play(struct jm_calibrate_run *run, struct jm_error *err)
{
	struct jm_calibration *counter;
	struct take t = {0};
	size_t first = run->out->n, n, i;
	int rc = plan(run, &t, err);

	rc = rc ? rc : record(run, &t, "calibrate", false, err);
	if (rc == 0) {
		const struct jm_channel *channels = jm_recording_channels(t.recording, &n);

		jm_calibrate_note(run->out, "load: %s", run->player->text);
		for (i = 0; i < n && rc == 0; i++)
			if (jm_calibrate_covers(run, &channels[i]))
				rc = fit_channel(run, &t, i, err);
		if (rc == 0)
			compare_counters(run, &t);
	}
	take_finish(&t);
	counter = rc == 0 && run->gpu >= 0 ? lockable(run, first) : NULL;
	return counter ? play_locked(run, counter, err) : rc;
}

void jm_calibrate_note(struct jm_calibrations *list, const char *format, ...)
{
	char **notes = realloc(list->notes, (list->n_notes + 1) * sizeof(*notes));
	va_list args;

	if (!notes)
		return;
	list->notes = notes;
	va_start(args, format);
	if (vasprintf(&notes[list->n_notes], format, args) >= 0)
		list->n_notes++;
	va_end(args);
}
