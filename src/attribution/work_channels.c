/* The channels of an attribution: series, baselines, energy over the measured windows. */
#include "attribution/work.h"

#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define Z95 1.959964 /* two-sided 95 % of the normal distribution */

#define RHYTHM_READINGS 8

static bool can_have_energy(const struct jm_channel *c)
{
	return c->quantity == JM_QUANTITY_ENERGY || c->quantity == JM_QUANTITY_POWER;
}

double jm_work_response_s(const struct jm_work *w, size_t c)
{
	const struct jm_channel *channel = &w->in->channels[c];
	const struct jm_response *r = w->in->responses ? &w->in->responses[c] : NULL;
	double reach = jm_s_from_ns(channel->window_ns) + 5 * jm_s_from_ns(channel->lowpass_ns);
	double period = jm_s_from_ns(w->series[c].period_ns);

	if (r && r->family != JM_RESPONSE_UNKNOWN)
		reach = r->box_s + 5 * r->tau_s;
	return reach > period ? reach : period;
}

static void fill_interval(const struct jm_channel *c, double variance, double seen_s, struct jm_channel_result *out)
{
	double half;

	if (c->state == JM_STATE_ESTIMATED) {
		if (c->bound_low_uw == 0 && c->bound_high_uw == 0) {
			snprintf(out->reason, sizeof(out->reason), "the bounds of this estimate are unknown");
			return;
		}
		/* A sum at a bound may pass it by its rounding. */
		out->energy_ci_j.low = fmin(jm_si_from_micro(c->bound_low_uw) * seen_s, out->energy_j);
		out->energy_ci_j.high = fmax(jm_si_from_micro(c->bound_high_uw) * seen_s, out->energy_j);
		out->energy_absolute_ci_j = out->energy_ci_j;
		return;
	}
	half = Z95 * sqrt(variance);
	out->energy_ci_j = (struct jm_interval){out->energy_j - half, out->energy_j + half};
	if (c->accuracy_fraction < 0)
		return;
	half = hypot(half, c->accuracy_fraction * out->energy_j);
	if (c->accuracy_offset_w > 0)
		half = hypot(half, c->accuracy_offset_w * seen_s);
	out->energy_absolute_ci_j = (struct jm_interval){out->energy_j - half, out->energy_j + half};
}

static void fill_channel(struct jm_work *w, size_t c, struct jm_channel_result *out)
{
	const struct jm_series *s = &w->series[c];
	struct jm_power_stats stats;
	double variance = 0, seen_s, energy_j = jm_stretches_energy(&w->windows, s, &seen_s), mean;
	size_t i;

	out->gap_s = fmax(0, w->windows_s - seen_s);
	if (s->period_ns > 0)
		out->period_s = jm_s_from_ns(s->period_ns);
	if (!(seen_s > 0)) {
		snprintf(out->reason, sizeof(out->reason), "no readings in the measured window");
		return;
	}
	jm_power_stats_init(&stats);
	for (i = 0; i < w->windows.n; i++) {
		jm_series_stats(s, w->windows.items[i].start_ns, w->windows.items[i].end_ns, &stats);
		variance += jm_series_variance(s, w->windows.items[i].start_ns, w->windows.items[i].end_ns);
	}
	mean = energy_j / seen_s;
	out->energy_j = energy_j;
	out->mean_power_w = mean;
	out->std_power_w = sqrt(fmax(0, stats.sum_w2s / stats.seconds - mean * mean));
	out->min_power_w = stats.min_w;
	out->max_power_w = stats.max_w;
	fill_interval(&w->in->channels[c], variance, seen_s, out);
}

/* Level of the idle stretch nearest to the windows on one side. */
static struct jm_baseline side_level(const struct jm_work *w, size_t c, bool is_before)
{
	struct jm_baseline best = {0};
	int64_t first = w->windows.items[0].start_ns, last = w->windows.items[w->windows.n - 1].end_ns,
		best_ns = INT64_MAX;
	size_t i;

	for (i = 0; i < w->in->n_idle; i++) {
		const struct jm_stretch *s = &w->in->idle[i];
		int64_t distance = is_before ? first - s->end_ns : s->start_ns - last;
		struct jm_baseline level = {0};

		if (distance < 0 || distance >= best_ns)
			continue;
		if (jm_baseline_measure(&w->series[c], s->start_ns, s->end_ns, &level, NULL) < 0)
			continue;
		best = level;
		best_ns = distance;
	}
	return best;
}

static void find_baseline(struct jm_work *w, size_t c, const char **source)
{
	struct jm_baseline before, after;

	if (w->opt->no_baseline)
		return;
	if (w->in->baselines && w->in->baselines[c].is_known) {
		w->baselines[c] = w->in->baselines[c];
		*source = "idle level: given";
		return;
	}
	before = side_level(w, c, true);
	after = side_level(w, c, false);
	w->baselines[c] = jm_baseline_bracket(&before, &after);
	if (!w->baselines[c].is_known)
		return;
	if (before.is_known && after.is_known)
		*source = "idle level: mean of the quiet stretches before and after, half of their difference in its "
			  "interval";
	else
		*source =
		    before.is_known ? "idle level: the quiet stretch before" : "idle level: the quiet stretch after";
}

static int warn_channel(struct jm_work *w, size_t c, const struct jm_channel_result *r)
{
	const char *name = w->in->channels[c].name;
	int code = 0;

	if (w->series[c].n_resets > 0)
		code = jm_result_warn(w->result, "%s: its counter was reset %llu times; those intervals are gaps", name,
				      (unsigned long long)w->series[c].n_resets);
	/* A slower twin that is not counted need not be complete. */
	if (code == 0 && w->in->channels[c].same_as < 0 && r->gap_s > 0.01 * w->windows_s && !isnan(r->energy_j))
		code = jm_result_warn(w->result,
				      "%s: no readings for %.3g s of %.3g s; their energy is not in the figures", name,
				      r->gap_s, w->windows_s);
	return code;
}

static const char *channel_name(const struct jm_attribution_input *in, int i)
{
	return i >= 0 && (size_t)i < in->n_channels ? in->channels[i].name : NULL;
}

/* A gauge that was asked for more than it gave has a rhythm of its own only after some readings; before, what was asked
 * for is the measure. */
static int64_t max_gap(const struct jm_work *w, size_t c)
{
	const struct jm_channel *channel = &w->in->channels[c];
	const struct jm_ledger *l = w->in->ledgers ? w->in->ledgers[c] : NULL;
	int64_t period_ns = channel->update_period_ns;

	if (w->opt->max_gap_ns || !l || l->period_ns <= 0 || channel->quantity != JM_QUANTITY_POWER ||
	    w->in->n_samples[c] >= RHYTHM_READINGS)
		return w->opt->max_gap_ns;
	period_ns = l->period_ns > period_ns ? l->period_ns : period_ns;
	return 3 * period_ns;
}

static int take_channel(struct jm_work *w, size_t c, const char **source, struct jm_error *err)
{
	const struct jm_channel *channel = &w->in->channels[c];
	struct jm_channel_result *out = &w->result->channels[w->result->n_channels];
	int code;

	memset(out, 0, sizeof(*out));
	out->channel = channel;
	out->part_of = channel_name(w->in, channel->part_of);
	out->same_as = channel_name(w->in, channel->same_as);
	out->energy_j = out->mean_power_w = out->std_power_w = out->min_power_w = out->max_power_w = NAN;
	out->energy_ci_j = out->energy_absolute_ci_j = (struct jm_interval){NAN, NAN};
	out->idle_power_w = out->idle_power_sd_w = out->period_s = NAN;
	out->gap_s = w->windows_s;
	if (w->in->ledgers && w->in->ledgers[c]) {
		out->ledger = *w->in->ledgers[c];
		out->has_ledger = true;
	}
	w->channel_result[c] = (int)w->result->n_channels++;
	if (channel->state == JM_STATE_UNAVAILABLE) {
		snprintf(out->reason, sizeof(out->reason), "%s", channel->reason);
		return 0;
	}
	code = jm_series_init(&w->series[c], channel, w->in->samples[c], w->in->samples[c] ? w->in->n_samples[c] : 0,
			      max_gap(w, c), err);
	if (code < 0)
		return code;
	fill_channel(w, c, out);
	find_baseline(w, c, source);
	if (w->baselines[c].is_known) {
		out->idle_power_w = w->baselines[c].power_w;
		out->idle_power_sd_w = w->baselines[c].sd_w;
	}
	return warn_channel(w, c, out);
}

int jm_work_channels(struct jm_work *w, struct jm_error *err)
{
	const char *source = "no idle level: no quiet stretch in the recording and none given";
	size_t c, n = w->in->n_channels;
	int code = 0;

	w->series = calloc(n + 1, sizeof(*w->series));
	w->baselines = calloc(n + 1, sizeof(*w->baselines));
	w->channel_result = malloc((n + 1) * sizeof(*w->channel_result));
	w->levels_found = calloc(n + 1, sizeof(*w->levels_found));
	w->result->channels = calloc(n + 1, sizeof(*w->result->channels));
	if (!w->series || !w->baselines || !w->channel_result || !w->levels_found || !w->result->channels)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for %zu channels", n);
	if (w->opt->no_baseline)
		source = "no idle level: not wanted";
	for (c = 0; c < n && code == 0; c++) {
		w->channel_result[c] = -1;
		if (can_have_energy(&w->in->channels[c]))
			code = take_channel(w, c, &source, err);
	}
	snprintf(w->result->baseline_reason, sizeof(w->result->baseline_reason), "%s", source);
	return code;
}
