#include "sampler/slot.h"

#include <stdlib.h>

/* A device that paces its reads owes a quarter fewer readings than it updates: its pace is known roughly, and some of its reads
 * go for something else (the voltage of a rail). */
#define PACE_SLACK 4

/* Two readings a deadline, or more often: whoever asks for that wants each reading that there is. */
static bool is_wanted_as_it_comes(const struct jm_sensor *s, int64_t asked_ns)
{
	return s->is_paced && s->min_period_ns > 0 && asked_ns < 2 * s->min_period_ns;
}

int64_t jm_slot_period(const struct jm_sensor *s, int64_t asked_ns)
{
	if (is_wanted_as_it_comes(s, asked_ns))
		return s->min_period_ns / 2;
	if (s->drain_period_ns)
		return s->drain_period_ns;
	return s->min_period_ns > asked_ns ? s->min_period_ns : asked_ns;
}

/* Gives how many updates are missing between two that are distance_ns apart. */
static uint64_t n_missing(int64_t distance_ns, int64_t period_ns)
{
	if (period_ns <= 0 || distance_ns <= period_ns + period_ns / 2)
		return 0;
	return (uint64_t)((distance_ns + period_ns / 2) / period_ns) - 1;
}

/* Stamps scatter: on an H200 one in 45 is 14 ms late, and the next three catch up. So an update is missing only when this
 * many stamps in a row are behind by most of a period; and what is known of the period is a little off, which is forgotten
 * over so many. */
#define N_BEHIND_SURE 4
#define N_FORGET      64

/* At load an H200 leaves out one update in 65 to 115: it makes one each 20.2 ms, most of them 20.0 ms apart. Where it has given
 * all that it made, that is its pace, as long as it is not more than one in so many. */
#define N_LEFT_OUT 50

static uint64_t n_skipped(const struct jm_slot_channel *c, uint64_t n_taken)
{
	return c->n_skipped + (c->n_left_out > 1 + n_taken / N_LEFT_OUT ? c->n_left_out : 0);
}

/* Follows the stamps of a buffered device by its pace. is_complete: all that it made is there. */
static void follow(struct jm_slot_channel *c, int64_t distance_ns, int64_t period_ns, bool is_complete)
{
	uint64_t n;

	if (period_ns <= 0)
		return;
	c->behind_ns += distance_ns - period_ns;
	/* Early is not to pay for what is missing later. */
	if (c->behind_ns < -period_ns / 2)
		c->behind_ns = -period_ns / 2;
	if (c->behind_ns < period_ns)
		c->behind_ns -= c->behind_ns / N_FORGET;
	if (c->behind_ns < period_ns / 4 * 3) {
		c->n_behind = 0;
		return;
	}
	if (c->n_behind++ == 0 || c->behind_ns < c->least_behind_ns)
		c->least_behind_ns = c->behind_ns;
	if (c->n_behind < N_BEHIND_SURE)
		return;
	n = (uint64_t)((c->least_behind_ns + period_ns / 2) / period_ns);
	if (n == 1 && is_complete)
		c->n_left_out++;
	else
		c->n_skipped += n;
	c->behind_ns -= (int64_t)n * period_ns;
	c->n_behind = 0;
}

/* What is missing by now and not yet sure. */
static uint64_t n_pending(const struct jm_slot_channel *c, int64_t period_ns)
{
	return c->n_behind ? (uint64_t)((c->behind_ns + period_ns / 2) / period_ns) : 0;
}

/* The pace of a buffered channel whose device says it; else 0. */
static int64_t own_pace(const struct jm_slot *slot, size_t i)
{
	return slot->sensor->drain_period_ns ? slot->channels_of[i].update_period_ns : 0;
}

int jm_slot_init(struct jm_slot *slot, struct jm_sensor *s, const struct jm_channel *channels, int64_t asked_ns)
{
	size_t n = s->n_channels ? s->n_channels : 1;
	size_t i;

	slot->sensor = s;
	slot->channels_of = channels + s->first_channel;
	slot->period_ns = jm_slot_period(s, asked_ns);
	slot->is_own_pace = s->drain_period_ns > 0 || is_wanted_as_it_comes(s, asked_ns);
	slot->ledgers = calloc(n, sizeof(*slot->ledgers));
	slot->channels = calloc(n, sizeof(*slot->channels));
	if (!slot->ledgers || !slot->channels)
		return JM_E_NOMEM;
	for (i = 0; i < s->n_channels; i++) {
		slot->channels[i].may_stay = slot->channels_of[i].state == JM_STATE_ESTIMATED;
		jm_channel_bounds(&slot->channels_of[i], &slot->channels[i].low, &slot->channels[i].high);
	}
	for (i = 0; i < n; i++)
		slot->ledgers[i].period_ns = s->drain_period_ns ? asked_ns : slot->period_ns;
	return 0;
}

void jm_slot_finish(struct jm_slot *slot)
{
	free(slot->ledgers);
	free(slot->channels);
	slot->ledgers = NULL;
	slot->channels = NULL;
}

void jm_slot_fold(struct jm_slot *slot)
{
	uint16_t i;

	for (i = 0; i < slot->sensor->n_channels; i++) {
		struct jm_ledger *l = &slot->ledgers[i];

		l->repeated += slot->channels[i].n_repeated;
		slot->channels[i].n_repeated = 0;
		if (slot->n_taken == 0)
			continue;
		l->taken += slot->n_taken;
		l->late += slot->n_late;
		l->last_ns = slot->last_ns;
		if (slot->longest_gap_ns > l->longest_gap_ns)
			l->longest_gap_ns = slot->longest_gap_ns;
	}
	slot->n_taken = slot->n_late = 0;
	slot->longest_gap_ns = 0;
}

/* A reading equal to the one before tells nothing new. */
static void book(struct jm_slot *slot, const struct jm_sample *sample, bool is_late)
{
	size_t i = (size_t)(sample->channel - slot->sensor->first_channel);
	struct jm_ledger *l = &slot->ledgers[i];

	if (sample->status != JM_SAMPLE_OK) {
		l->missed++;
		slot->channels[i].n_skipped += own_pace(slot, i) == 0;
		return;
	}
	if (l->taken == 0) {
		l->first_ns = sample->t_ns;
	} else {
		if (sample->t_ns - l->last_ns > l->longest_gap_ns)
			l->longest_gap_ns = sample->t_ns - l->last_ns;
		follow(&slot->channels[i], sample->t_ns - l->last_ns, own_pace(slot, i), slot->sensor->is_complete);
		l->repeated += sample->value == slot->channels[i].last_value && !slot->channels[i].may_stay;
	}
	l->taken++;
	l->late += is_late;
	l->last_ns = sample->t_ns;
	slot->channels[i].last_value = sample->value;
}

/* Books a complete read without touching the ledgers. Gives false where it is not complete, or what came before was
 * not: then nothing is booked. */
static bool book_uniform(struct jm_slot *slot, const struct jm_sample *samples, size_t n, bool is_late)
{
	size_t i;

	if (!slot->is_uniform || n != slot->sensor->n_channels || slot->sensor->drain_period_ns)
		return false;
	for (i = 0; i < n; i++)
		if (samples[i].status != JM_SAMPLE_OK || samples[i].t_ns != samples[0].t_ns ||
		    samples[i].channel != slot->sensor->first_channel + i)
			return false;
	for (i = 0; i < n; i++) {
		slot->channels[i].n_repeated +=
		    samples[i].value == slot->channels[i].last_value && !slot->channels[i].may_stay;
		slot->channels[i].last_value = samples[i].value;
	}
	if (samples[0].t_ns - slot->last_ns > slot->longest_gap_ns)
		slot->longest_gap_ns = samples[0].t_ns - slot->last_ns;
	slot->last_ns = samples[0].t_ns;
	slot->n_taken++;
	slot->n_late += is_late;
	return true;
}

static void book_all(struct jm_slot *slot, const struct jm_sample *samples, size_t n, bool is_late)
{
	size_t i;

	if (book_uniform(slot, samples, n, is_late))
		return;
	jm_slot_fold(slot);
	for (i = 0; i < n; i++)
		book(slot, &samples[i], is_late);
	slot->last_ns = slot->ledgers[0].last_ns;
	slot->is_uniform = n > 0;
	for (i = 0; i < slot->sensor->n_channels; i++)
		slot->is_uniform =
		    slot->is_uniform && slot->ledgers[i].taken && slot->ledgers[i].last_ns == slot->last_ns;
}

/* A reading beyond what there is (a driver that gives INT64_MAX for "unknown") becomes a gap. */
static void refuse_implausible(struct jm_slot *slot, struct jm_sample *samples, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct jm_slot_channel *c = &slot->channels[samples[i].channel - slot->sensor->first_channel];

		if (samples[i].status != JM_SAMPLE_OK || (samples[i].value >= c->low && samples[i].value <= c->high))
			continue;
		if (c->n_implausible++ == 0)
			c->implausible = samples[i].value;
		samples[i].value = 0;
		samples[i].status = JM_SAMPLE_GAP;
	}
}

static void book_missed(struct jm_slot *slot, uint64_t n)
{
	uint16_t i;

	/* What such a device owes is settled against its own pace, not against our visits. */
	if (slot->is_own_pace)
		return;
	for (i = 0; i < slot->sensor->n_channels; i++)
		slot->ledgers[i].missed += n;
}

bool jm_slot_is_due(struct jm_slot *slot, int64_t now_ns, bool *is_late_out)
{
	int64_t behind = now_ns - slot->deadline_ns;

	if (behind < 0)
		return false;
	if (behind >= slot->period_ns) {
		int64_t skipped = behind / slot->period_ns;

		book_missed(slot, (uint64_t)skipped);
		slot->deadline_ns += skipped * slot->period_ns;
		behind -= skipped * slot->period_ns;
	}
	slot->deadline_ns += slot->period_ns;
	if (slot->is_gone) {
		book_missed(slot, 1);
		return false;
	}
	*is_late_out = behind * 2 > slot->period_ns && !(slot->is_own_pace && slot->sensor->is_paced);
	return true;
}

/* One gap mark a channel opens a gap; nothing more is said until a reading comes again. */
static size_t open_gap(struct jm_slot *slot, struct jm_sample *out)
{
	int64_t now = jm_env_now(slot->sensor->env);
	uint16_t i;

	if (slot->is_failing)
		return 0;
	slot->is_failing = true;
	for (i = 0; i < slot->sensor->n_channels; i++) {
		jm_sample_fill(&out[i], (uint16_t)(slot->sensor->first_channel + i), now, now, 0);
		out[i].status = JM_SAMPLE_GAP;
	}
	return i;
}

size_t jm_slot_read(struct jm_slot *slot, struct jm_sample *batch, bool is_late)
{
	struct jm_sensor *s = slot->sensor;
	size_t n = 0;
	int rc = s->driver->read(s, batch, &n);

	if (s->drain_period_ns && (rc == 0 || rc == JM_E_AGAIN))
		slot->drained_ns = jm_env_now(s->env);
	if (rc == 0) {
		refuse_implausible(slot, batch, n);
		book_all(slot, batch, n, is_late);
		slot->is_failing = slot->is_failing && n == 0;
		return n;
	}
	/* A sensor that cannot have a first reading yet owes none: its deadlines begin with the next one. */
	if (rc == JM_E_AGAIN && !slot->is_own_pace && slot->n_taken == 0 && slot->ledgers[0].taken == 0 &&
	    slot->ledgers[0].missed == 0)
		slot->started_ns = slot->deadline_ns;
	else
		book_missed(slot, 1);
	slot->is_gone = rc == JM_E_GONE;
	return rc == JM_E_AGAIN ? 0 : open_gap(slot, batch);
}

size_t jm_slot_read_last(struct jm_slot *slot, struct jm_sample *batch)
{
	struct jm_sensor *s = slot->sensor;
	size_t n = 0;
	int rc = slot->is_gone ? JM_E_GONE : s->driver->read(s, batch, &n);

	if (s->drain_period_ns && (rc == 0 || rc == JM_E_AGAIN))
		slot->drained_ns = jm_env_now(s->env);
	if (rc)
		return 0;
	refuse_implausible(slot, batch, n);
	if (slot->is_own_pace)
		book_all(slot, batch, n, false);
	return n;
}

void jm_slot_lose(struct jm_slot *slot, const struct jm_sample *batch, size_t n)
{
	size_t i;

	jm_slot_fold(slot);
	for (i = 0; i < n; i++) {
		struct jm_ledger *l = &slot->ledgers[batch[i].channel - slot->sensor->first_channel];

		if (batch[i].status != JM_SAMPLE_OK)
			continue;
		l->taken--;
		l->missed++;
		slot->channels[batch[i].channel - slot->sensor->first_channel].n_skipped++;
	}
}

/* A buffered device that says its pace: what is missing between its stamps, and before and behind them. */
static void settle_stamped(const struct jm_slot *slot, struct jm_ledger *l, const struct jm_slot_channel *c,
			   int64_t update_ns, int64_t now_ns)
{
	/* What lies in the device's buffer is not missing yet. */
	int64_t until_ns = slot->is_gone || slot->is_failing || slot->drained_ns == 0 ? now_ns : slot->drained_ns;

	l->period_ns = update_ns;
	l->missed = n_skipped(c, l->taken) + n_pending(c, update_ns);
	if (l->taken == 0)
		l->missed += until_ns > slot->started_ns ? (uint64_t)((until_ns - slot->started_ns) / update_ns) : 0;
	else
		l->missed +=
		    n_missing(l->first_ns - slot->started_ns, update_ns) + n_missing(until_ns - l->last_ns, update_ns);
	l->expected = l->taken + l->missed;
}

void jm_slot_settle(struct jm_slot *slot, int64_t now_ns)
{
	uint16_t i;

	jm_slot_fold(slot);
	for (i = 0; i < slot->sensor->n_channels; i++) {
		struct jm_ledger *l = &slot->ledgers[i];

		/* What no reading will end is a gap all the same. */
		if ((slot->is_gone || slot->is_failing) && l->taken && now_ns - l->last_ns > l->longest_gap_ns)
			l->longest_gap_ns = now_ns - l->last_ns;
		if (!slot->is_own_pace) {
			l->expected = (uint64_t)((slot->deadline_ns - slot->started_ns) / slot->period_ns);
			continue;
		}
		if (own_pace(slot, i) > 0) {
			settle_stamped(slot, l, &slot->channels[i], own_pace(slot, i), now_ns);
			continue;
		}
		if (slot->sensor->is_paced)
			l->period_ns = slot->channels_of[i].update_period_ns * (PACE_SLACK + 1) / PACE_SLACK;
		l->expected = now_ns > slot->started_ns ? (uint64_t)((now_ns - slot->started_ns) / l->period_ns) : 0;
		/* A meter may print more often than it was asked for. */
		if (l->expected < l->taken + slot->channels[i].n_skipped)
			l->expected = l->taken + slot->channels[i].n_skipped;
		l->missed = l->expected - l->taken;
	}
}
