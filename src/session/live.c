#define _GNU_SOURCE
#include "session/live_internal.h"

#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PERIOD_MIN_NS JM_NS_PER_MS
#define RETRY_NS      (5 * JM_NS_PER_S)
#define NOTES_MAX     64
/* A gauge speaks of the time between two readings; of a longer pause nobody knows. */
#define GAP_PERIODS 3
/* The sensors are read at their deadlines; the tick follows when they are through. */
#define TICK_BEHIND_NS (3 * JM_NS_PER_MS)
/* More than any package or board draws: in the time it takes to half its range, a counter cannot wrap unseen. */
#define COUNTER_POWER_MAX_W 2000.0
/* Who asks waits for a look at the processes: what they are called may come with the next ones. */
#define DESCRIBED_MAX 64

void jm_live_add_note(struct jm_live *live, const char *format, ...)
{
	char **notes = live->n_notes < NOTES_MAX ? realloc(live->notes, (live->n_notes + 1) * sizeof(*notes)) : NULL;
	char *text;
	va_list args;
	size_t i;
	int n;

	if (!notes)
		return;
	live->notes = notes;
	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return;
	for (i = 0; i < live->n_notes; i++)
		if (strcmp(notes[i], text) == 0)
			break;
	if (i < live->n_notes)
		free(text);
	else
		notes[live->n_notes++] = text;
}

static void note_left_out(void *ctx, const char *text)
{
	jm_live_add_note(ctx, "%s", text);
}

static int64_t gap_ns(const struct jm_live *live, const struct jm_channel *c)
{
	int64_t period_ns = live->awake_ns > c->update_period_ns ? live->awake_ns : c->update_period_ns;

	return GAP_PERIODS * (period_ns ? period_ns : JM_DEFAULT_LIVE_PERIOD_NS);
}

/* Energy since the reading before, J; NAN: nobody saw it. */
static double increment_j(const struct jm_live *live, const struct jm_live_sum *sum, const struct jm_sample *s)
{
	const struct jm_channel *c = sum->channel;
	int64_t apart_ns = s->t_ns - sum->last_ns, increment_uj;
	double apart_s = jm_s_from_ns(apart_ns);

	if (!sum->has_last || apart_ns <= 0)
		return NAN;
	if (c->quantity == JM_QUANTITY_ENERGY) {
		/* It counts on while nobody reads it, as long as it cannot have wrapped more than once. */
		if (c->wrap && 0.5e-6 * (double)c->wrap < apart_s * COUNTER_POWER_MAX_W && apart_ns > gap_ns(live, c))
			return NAN;
		if (jm_counter_increment(sum->last_value, s->value, c->wrap, &increment_uj))
			return NAN;
		return jm_si_from_micro(increment_uj);
	}
	/* An estimate is the mean since the reading before, whenever that was. */
	if (c->kind == JM_KIND_WINDOW_MEAN && c->state == JM_STATE_ESTIMATED && c->window_ns == 0)
		return jm_si_from_micro(s->value) * apart_s;
	if (apart_ns > gap_ns(live, c))
		return NAN;
	if (c->kind == JM_KIND_WINDOW_MEAN)
		return jm_si_from_micro(s->value) * apart_s;
	return 0.5 * (jm_si_from_micro(s->value) + jm_si_from_micro(sum->last_value)) * apart_s;
}

static int take_samples(void *ctx, const struct jm_sample *samples, size_t n)
{
	struct jm_live *live = ctx;
	size_t i;

	jm_live_record_samples(live, samples, n);
	for (i = 0; i < n; i++) {
		const struct jm_sample *s = &samples[i];
		struct jm_live_sum *sum = &live->sums[s->channel];
		double energy_j;

		sum->sample = *s;
		sum->has_sample = true;
		if (!jm_channel_has_energy(sum->channel))
			continue;
		if (s->status != JM_SAMPLE_OK) {
			sum->has_last = sum->has_last && sum->channel->quantity == JM_QUANTITY_ENERGY;
			continue;
		}
		energy_j = increment_j(live, sum, s);
		if (!isnan(energy_j)) {
			sum->energy_j += energy_j;
			sum->seen_s += jm_s_from_ns(s->t_ns - sum->last_ns);
		}
		if (sum->has_last && s->t_ns <= sum->last_ns)
			continue;
		sum->has_last = true;
		sum->last_ns = s->t_ns;
		sum->last_value = s->value;
	}
	return 0;
}

static void on_lost(void *ctx, const struct jm_sensor *sensor, int64_t t_ns)
{
	struct jm_live *live = ctx;
	uint16_t c;

	live->is_lost[sensor - live->sensors->set.sensors] = true;
	live->retry_ns = t_ns + RETRY_NS;
	jm_live_record_lost(live, sensor, t_ns);
	for (c = 0; c < sensor->n_channels; c++) {
		struct jm_live_sum *sum = &live->sums[sensor->first_channel + c];

		sum->has_last = false;
		sum->n_lost++;
	}
	jm_live_add_note(live, "%s was lost; it is tried again every %d s", sensor->name,
			 (int)(RETRY_NS / JM_NS_PER_S));
}

static void add_ledger(struct jm_ledger *to, const struct jm_ledger *l)
{
	to->expected += l->expected;
	to->taken += l->taken;
	to->late += l->late;
	to->missed += l->missed;
	to->repeated += l->repeated;
	to->cpu_ns += l->cpu_ns;
	to->longest_gap_ns = l->longest_gap_ns > to->longest_gap_ns ? l->longest_gap_ns : to->longest_gap_ns;
}

static void stop_sampler(struct jm_live *live)
{
	size_t i;

	if (!live->sampler)
		return;
	jm_sampler_stop(live->sampler);
	for (i = 0; i < live->sensors->set.n_channels; i++)
		add_ledger(&live->sums[i].past, jm_sampler_ledger(live->sampler, (uint16_t)i));
	jm_sampler_destroy(live->sampler);
	live->sampler = NULL;
}

/* A lost sensor is not sampled until it has been opened again. */
static int start_sampler(struct jm_live *live, struct jm_error *err)
{
	const struct jm_env *env = &live->sensors->env;
	struct jm_sensor_set *set = &live->sensors->set;
	struct jm_sampler_options options = {
	    .period_ns = live->period_ns ? live->period_ns : JM_LIVE_SLEEP_NS,
	    .sink = {take_samples, live},
	    .lost = on_lost,
	    .lost_ctx = live,
	};
	size_t i;
	int rc;

	for (i = 0; i < set->n_sensors; i++)
		if (live->is_lost[i])
			set->sensors[i].is_open = false;
	rc = jm_sampler_create(env, set, &options, &live->sampler, err);
	if (rc == 0)
		rc = jm_sampler_start(live->sampler, err);
	if (rc) {
		jm_sampler_destroy(live->sampler);
		live->sampler = NULL;
	}
	live->due_ns = jm_env_now(env) + options.period_ns + TICK_BEHIND_NS;
	return rc;
}

static void retry_lost(struct jm_live *live, int64_t now_ns)
{
	struct jm_sensor_set *set = &live->sensors->set;
	bool is_back = false, is_any_lost = false;
	size_t i;

	for (i = 0; i < set->n_sensors; i++) {
		struct jm_sensor *s = &set->sensors[i];
		struct jm_error why = {0};

		if (!live->is_lost[i])
			continue;
		s->driver->close(s);
		s->is_open = s->driver->open(s, &why) == 0;
		live->is_lost[i] = !s->is_open;
		is_back = is_back || s->is_open;
		is_any_lost = is_any_lost || !s->is_open;
		if (!s->is_open)
			s->driver->close(s);
		else
			jm_live_add_note(live, "%s was lost and has come back; the time between is a gap", s->name);
	}
	live->retry_ns = is_any_lost ? now_ns + RETRY_NS : 0;
	if (!is_back)
		return;
	stop_sampler(live);
	start_sampler(live, NULL);
}

static int init_sums(struct jm_live *live)
{
	struct jm_sensor_set *set = &live->sensors->set;
	size_t i;

	live->sums = calloc(set->n_channels + 1, sizeof(*live->sums));
	live->is_lost = calloc(set->n_sensors + 1, sizeof(*live->is_lost));
	if (!live->sums || !live->is_lost)
		return JM_E_NOMEM;
	for (i = 0; i < set->n_channels; i++) {
		struct jm_live_sum *sum = &live->sums[i];

		sum->channel = &set->channels[i];
		jm_sensors_channel(live->sensors, i, &sum->info);
		sum->is_counted = sum->channel->same_as < 0 && jm_channel_has_energy(sum->channel);
		sum->power_w = NAN;
		jm_live_basis_of(live, sum);
	}
	return 0;
}

int jm_live_open_env(const struct jm_env *env, const struct jm_live_options *options, struct jm_live **out,
		     struct jm_error *err)
{
	struct jm_live *live = calloc(1, sizeof(*live));
	struct jm_process_options watching = {.is_all = options->watches_all, .max_described = DESCRIBED_MAX};
	struct jm_error why = {0};
	int rc;

	if (!live)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the sensors");
	live->watches_all = options->watches_all;
	live->awake_ns = JM_DEFAULT_LIVE_PERIOD_NS;
	rc = jm_session_probe(env, options->sensors, true, &live->sensors, err);
	rc = rc ? rc : jm_session_open(live->sensors, note_left_out, live, err);
	if (rc == 0 && init_sums(live))
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory for the channels");
	/* Without /proc there is power still; who used it stays unknown. */
	if (rc == 0 && jm_process_watch_create(env, &watching, &live->watch, &why))
		jm_live_add_note(live, "no processes can be watched: %s", why.message);
	if (rc == 0) {
		jm_live_find_idle(live);
		jm_live_open_gpus(live);
	}
	rc = rc ? rc : start_sampler(live, err);
	if (rc) {
		jm_live_close(live);
		return rc;
	}
	*out = live;
	return 0;
}

int jm_live_open(const struct jm_live_options *options, struct jm_live **out, struct jm_error *err)
{
	struct jm_env env;

	if (!options || options->size < sizeof(*options))
		return jm_error_set(err, JM_E_INVALID, "live sensors need options of this version");
	jm_env_init(&env);
	return jm_live_open_env(&env, options, out, err);
}

void jm_live_close(struct jm_live *live)
{
	size_t i;

	if (!live)
		return;
	if (live->sums)
		stop_sampler(live);
	while (live->recordings)
		jm_live_recording_end(live->recordings);
	jm_live_close_gpus(live);
	jm_live_free_records(live);
	jm_process_watch_destroy(live->watch);
	jm_sensors_destroy(live->sensors);
	for (i = 0; i < live->n_notes; i++)
		free(live->notes[i]);
	free(live->notes);
	free(live->sums);
	free(live->is_lost);
	free(live);
}

int jm_live_pace(struct jm_live *live, int64_t period_ns, struct jm_error *err)
{
	if (period_ns < 0 || (period_ns && period_ns < PERIOD_MIN_NS))
		return jm_error_set(err, JM_E_INVALID, "the period of a live view must be at least 1 ms");
	if (period_ns == live->period_ns && live->sampler)
		return 0;
	stop_sampler(live);
	live->period_ns = period_ns;
	if (period_ns)
		live->awake_ns = period_ns;
	return start_sampler(live, err);
}

int64_t jm_live_due_ns(const struct jm_live *live)
{
	return live->retry_ns && live->retry_ns < live->due_ns ? live->retry_ns : live->due_ns;
}

static void finish_tick(struct jm_live *live)
{
	size_t i;

	for (i = 0; i < live->sensors->set.n_channels; i++) {
		struct jm_live_sum *sum = &live->sums[i];
		double seen_s = sum->seen_s - sum->powered_s;

		sum->power_w = seen_s > 0 ? (sum->energy_j - sum->powered_j) / seen_s : NAN;
		sum->powered_j = sum->energy_j;
		sum->powered_s = sum->seen_s;
		if (sum->basis == JM_LIVE_SPLIT_SM_TIME && !live->gpus_are_due)
			continue;
		sum->ticked_j = sum->energy_j;
		sum->ticked_s = sum->seen_s;
	}
}

/* Deadlines are absolute; what is past is not caught up. */
static void set_due(struct jm_live *live, int64_t now_ns)
{
	int64_t period_ns = live->period_ns ? live->period_ns : JM_LIVE_SLEEP_NS;

	if (live->due_ns <= now_ns)
		live->due_ns += ((now_ns - live->due_ns) / period_ns + 1) * period_ns;
}

int jm_live_tick(struct jm_live *live, struct jm_error *err)
{
	const struct jm_env *env = &live->sensors->env;
	struct jm_live_interval interval = {0};
	int64_t now_ns = jm_env_now(env);
	int rc;

	if (live->retry_ns && now_ns >= live->retry_ns)
		retry_lost(live, now_ns);
	if (live->sampler)
		jm_sampler_drain(live->sampler);
	rc = jm_live_look(live, &interval);
	jm_live_look_at_gpus(live, now_ns, false);
	jm_live_split(live, &interval);
	finish_tick(live);
	jm_live_tidy(live);
	live->n_ticks++;
	live->ticked_ns = now_ns;
	live->ticked_realtime_ns = jm_env_realtime(env);
	jm_live_record_commit(live, now_ns);
	set_due(live, now_ns);
	return rc ? jm_error_set(err, rc, "cannot look at the processes: %s", jm_error_text(rc)) : 0;
}

int jm_live_refresh(struct jm_live *live, int64_t older_ns, struct jm_error *err)
{
	int rc;

	if (live->n_ticks && jm_env_now(&live->sensors->env) - live->ticked_ns <= older_ns)
		return 0;
	/* The sampler reads every sensor when it ends and when it begins. */
	stop_sampler(live);
	rc = start_sampler(live, err);
	live->is_refreshing = true;
	rc = rc ? rc : jm_live_tick(live, err);
	live->is_refreshing = false;
	return rc;
}
