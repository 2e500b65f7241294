#include "attribution/devices.h"

#include "attribution/series.h"
#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>

/* Bits of NVML's clocks event reasons. */
enum {
	BIT_APPLICATION = 0x2,
	BIT_POWER_CAP = 0x4,
	BIT_SLOWDOWN = 0x8,
	BIT_SYNC = 0x10,
	BIT_HEAT_SOFTWARE = 0x20,
	BIT_HEAT_HARDWARE = 0x40,
	BIT_BRAKE = 0x80
};

static bool is_inside(int64_t t_ns, const struct jm_stretch *windows, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (t_ns >= windows[i].start_ns && t_ns < windows[i].end_ns)
			return true;
	return false;
}

static struct jm_spread spread(const struct jm_track_of *track, double scale, const struct jm_stretch *windows,
			       size_t n_windows)
{
	struct jm_spread out = {NAN, NAN, NAN, 0};
	double sum = 0;
	size_t i;

	for (i = 0; i < track->n; i++) {
		double value = (double)track->samples[i].value * scale;

		if (track->samples[i].status != JM_SAMPLE_OK || !is_inside(track->samples[i].t_ns, windows, n_windows))
			continue;
		out.min = fmin(out.min, value);
		out.max = fmax(out.max, value);
		sum += value;
		out.n++;
	}
	if (out.n)
		out.mean = sum / (double)out.n;
	return out;
}

/* Gives a counter's value at t, on the line between the readings around it; NAN outside of them. */
static double counter_at(const struct jm_track_of *track, int64_t t_ns)
{
	const struct jm_sample *before = NULL;
	size_t i;

	for (i = 0; i < track->n; i++) {
		const struct jm_sample *s = &track->samples[i];

		if (s->status != JM_SAMPLE_OK)
			continue;
		if (s->t_ns <= t_ns) {
			before = s;
			continue;
		}
		if (!before || s->value < before->value)
			return NAN;
		return (double)before->value + (double)(s->value - before->value) * (double)(t_ns - before->t_ns) /
						   (double)(s->t_ns - before->t_ns);
	}
	return before && before->t_ns == t_ns ? (double)before->value : NAN;
}

/* The part of a window that a counter's readings reach over. */
static struct jm_stretch covered(const struct jm_track_of *track, struct jm_stretch window)
{
	size_t first = 0, last = track->n;

	while (first < track->n && track->samples[first].status != JM_SAMPLE_OK)
		first++;
	while (last > first && track->samples[last - 1].status != JM_SAMPLE_OK)
		last--;
	if (first == last)
		return (struct jm_stretch){0, 0};
	if (window.start_ns < track->samples[first].t_ns)
		window.start_ns = track->samples[first].t_ns;
	if (window.end_ns > track->samples[last - 1].t_ns)
		window.end_ns = track->samples[last - 1].t_ns;
	return window;
}

/* Share of the windows that a counter of time says; NAN where it says nothing. */
static double counted_share(const struct jm_track_of *track, const struct jm_stretch *windows, size_t n_windows,
			    double *time_s_out)
{
	double held_s = 0, seen_s = 0;
	size_t i;

	for (i = 0; i < n_windows; i++) {
		struct jm_stretch w = covered(track, windows[i]);
		double delta_ns =
		    w.end_ns > w.start_ns ? counter_at(track, w.end_ns) - counter_at(track, w.start_ns) : NAN;

		if (!isfinite(delta_ns))
			continue;
		held_s += delta_ns * 1e-9;
		seen_s += jm_s_from_ns(w.end_ns - w.start_ns);
	}
	*time_s_out = held_s;
	/* The counter moves in steps: over a short window it may seem to run ahead of time. */
	return seen_s > 0 ? fmin(1, held_s / seen_s) : NAN;
}

static uint64_t count_looks(const struct jm_track_of *reasons, int64_t with, int64_t without,
			    const struct jm_stretch *windows, size_t n_windows, uint64_t *n_out)
{
	uint64_t n_with = 0;
	size_t i;

	*n_out = 0;
	for (i = 0; i < reasons->n; i++) {
		const struct jm_sample *s = &reasons->samples[i];

		if (s->status != JM_SAMPLE_OK || !is_inside(s->t_ns, windows, n_windows))
			continue;
		(*n_out)++;
		n_with += (s->value & with) && !(s->value & without);
	}
	return n_with;
}

void jm_device_describe(const struct jm_device_tracks *tracks, const struct jm_stretch *windows, size_t n_windows,
			struct jm_device_result *out)
{
	const struct {
		const char *cause;
		bool is_limit;
		int64_t with, without;
		const struct jm_track_of *counter;
	} causes[] = {
	    {"power cap", true, BIT_POWER_CAP, 0, &tracks->held_power},
	    {"heat", true, BIT_HEAT_SOFTWARE | BIT_HEAT_HARDWARE, 0, &tracks->held_heat},
	    {"power brake", true, BIT_BRAKE, 0, &tracks->held_brake},
	    {"hardware slowdown", true, BIT_SLOWDOWN, BIT_HEAT_HARDWARE | BIT_BRAKE, NULL},
	    {"sync boost", true, BIT_SYNC, 0, NULL},
	    {"application clocks", false, BIT_APPLICATION, 0, NULL},
	};
	size_t i;

	out->sm_clock_hz = spread(&tracks->sm_clock, 1, windows, n_windows);
	out->memory_clock_hz = spread(&tracks->memory_clock, 1, windows, n_windows);
	out->temperature_c = spread(&tracks->temperature, 1e-3, windows, n_windows);
	out->level = spread(&tracks->level, 1, windows, n_windows);
	out->n_held = 0;
	for (i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		struct jm_held *h = &out->held[out->n_held];
		uint64_t n_with, n_looks;
		double window_s = 0, time_s = NAN;
		size_t k;

		n_with = count_looks(&tracks->reasons, causes[i].with, causes[i].without, windows, n_windows, &n_looks);
		*h = (struct jm_held){causes[i].cause, causes[i].is_limit, NAN, NAN, false, n_looks};
		if (causes[i].counter)
			h->share = counted_share(causes[i].counter, windows, n_windows, &time_s);
		h->is_counted = isfinite(h->share) && (h->share > 0 || n_with == 0);
		if (h->is_counted) {
			h->time_s = time_s;
		} else if (n_looks) {
			for (k = 0; k < n_windows; k++)
				window_s += jm_s_from_ns(windows[k].end_ns - windows[k].start_ns);
			h->share = (double)n_with / (double)n_looks;
			h->time_s = h->share * window_s;
		}
		out->n_held += isfinite(h->share);
	}
}

bool jm_cross_check_ends(const struct jm_track_of *counter, int64_t from_ns, int64_t to_ns,
			 const struct jm_sample **first_out, const struct jm_sample **last_out)
{
	const struct jm_sample *first = NULL, *last = NULL;
	size_t i;

	for (i = 0; i < counter->n; i++) {
		const struct jm_sample *s = &counter->samples[i];

		if (s->status != JM_SAMPLE_OK)
			continue;
		if (!first || s->t_ns <= from_ns)
			first = s;
		if (!last || last->t_ns < to_ns)
			last = s;
	}
	if (!first || first == last)
		return false;
	*first_out = first;
	*last_out = last;
	return true;
}

static int unknown(struct jm_cross_check *out, const char *why)
{
	snprintf(out->reason, sizeof(out->reason), "%s", why);
	return 0;
}

/* Energy of a stretch before the first power reading, when it is shorter than one step of the counter: at the level right
 * behind it. What it is off by is within what is allowed, which grows by it. */
static double unseen_start(const struct jm_series *s, int64_t from_ns, int64_t update_ns)
{
	int64_t missing_ns = s->pieces[0].start_ns - from_ns;

	if (missing_ns <= 0 || missing_ns > update_ns)
		return 0;
	return jm_series_energy(s, s->pieces[0].start_ns, s->pieces[0].start_ns + missing_ns, NULL);
}

static void compare(const struct jm_series *s, const struct jm_track_of *counter, const struct jm_sample *first,
		    const struct jm_sample *last, struct jm_cross_check *out)
{
	int64_t update_ns = counter->channel->update_period_ns, from = first->t_ns - update_ns / 2,
		to = last->t_ns - update_ns / 2;
	double seen_s, start_j = unseen_start(s, from, update_ns),
		       step_j = jm_si_from_micro((int64_t)counter->channel->step);
	double ends_j = jm_series_energy(s, first->t_ns, first->t_ns + update_ns, NULL) +
			jm_series_energy(s, last->t_ns - update_ns, last->t_ns, NULL);

	out->integral_j = jm_series_energy(s, from, to, &seen_s) + start_j;
	out->span_s = jm_s_from_ns(to - from);
	out->gap_s = fmax(0, out->span_s - seen_s);
	if (start_j > 0)
		out->gap_s = fmax(0, out->gap_s - jm_s_from_ns(s->pieces[0].start_ns - from));
	out->difference_fraction = out->integral_j / out->counter_j - 1;
	out->allowed_fraction = (0.5 * ends_j + start_j + step_j) / out->counter_j;
	out->is_known = true;
}

int jm_cross_check(const struct jm_track_of *power, const struct jm_track_of *counter, const struct jm_sample *first,
		   const struct jm_sample *last, struct jm_cross_check *out, struct jm_error *err)
{
	struct jm_series s = {0};
	int64_t increment = 0;
	int rc;

	out->is_known = false;
	out->power = power->channel->name;
	out->counter = counter->channel->name;
	if (jm_counter_increment(first->value, last->value, counter->channel->wrap, &increment) < 0)
		return unknown(out, "the counter went back");
	if (increment == 0)
		return unknown(out, "the counter did not move");
	rc = jm_series_init(&s, power->channel, power->samples, power->n, 0, err);
	if (rc)
		return rc;
	out->counter_j = jm_si_from_micro(increment);
	if (s.n_pieces == 0)
		unknown(out, "no power readings");
	else
		compare(&s, counter, first, last, out);
	jm_series_finish(&s);
	return 0;
}
