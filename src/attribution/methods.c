/* share, window and integrate.
 *
 * share:     energy_l = E(busy) * time_l / time(busy). Every layer gets the same power. Wrong whenever layers differ in power,
 *            which is what one wants to know; right for the sum. It has no statistical interval.
 * window:    energy_l = mean of the readings inside spans of l * time_l. Wrong when the sensor averages over, or lags by, more
 *            than a span: then each reading speaks of the neighbours too.
 * integrate: energy_l = sum over spans of E(end) - E(start). Wrong when spans are shorter than two updates: then it
 *            interpolates, which is `share` between two readings. */
#include "attribution/levels.h"

#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MIN_RESPONSES 2 /* a run of a layer must last that many sensor responses to be seen on its own */

static double mean_run_s(const struct jm_layer *l)
{
	return l->count > 0 ? l->span_s / l->count : 0;
}

static void say_too_short(const struct jm_work *w, size_t c, const struct jm_layer *l, struct jm_part *p)
{
	double response_s = jm_work_response_s(w, c);

	p->resolvable = mean_run_s(l) >= MIN_RESPONSES * response_s;
	if (!p->resolvable)
		snprintf(p->reason, sizeof(p->reason),
			 "a run lasts %.3g ms, the sensor needs %.3g ms: neighbours are mixed in", 1e3 * mean_run_s(l),
			 1e3 * MIN_RESPONSES * response_s);
}

int jm_work_busy_energy(const struct jm_work *w, size_t c, struct jm_levels *levels, double *energy_j, double *seen_s)
{
	bool needs_search = false;
	struct jm_response r = jm_estimate_response(w, c, &needs_search);
	int code = 0;

	*energy_j = jm_stretches_energy(&w->busy, &w->series[c], seen_s);
	if (!needs_search && w->in->channels[c].state != JM_STATE_ESTIMATED)
		code = jm_levels_of_rests(w, c, &r, levels);
	if (code < 0 || !levels->is_known)
		return code;
	*energy_j += jm_stretches_energy(&w->rest, &w->series[c], NULL) - levels->idle_j;
	levels->bare_j = w->busy_s > 0 ? *energy_j * jm_stretches_seconds(&w->bare) / w->busy_s : 0;
	return 0;
}

int jm_method_share(const struct jm_work *w, size_t c, struct jm_part *parts, struct jm_levels *levels)
{
	double seen_s, energy_j;
	size_t l;

	if (jm_work_busy_energy(w, c, levels, &energy_j, &seen_s) < 0)
		return JM_E_NOMEM;

	for (l = 0; l < w->n_layers; l++) {
		double fraction = w->busy_s > 0 ? w->layers[l].time_s / w->busy_s : 0;

		parts[l].energy_j = energy_j * fraction;
		parts[l].variance_j2 = NAN;
		parts[l].seen_s = seen_s * fraction;
		parts[l].resolvable = true;
		snprintf(parts[l].reason, sizeof(parts[l].reason),
			 "by time share: every layer is given the same power, so there is no statistical interval");
	}
	return 0;
}

void jm_method_integrate(const struct jm_work *w, size_t c, struct jm_part *parts)
{
	const struct jm_series *s = &w->series[c];
	struct jm_series_cursor cursor = {0};
	size_t i, l;

	for (l = 0; l < w->n_layers; l++)
		say_too_short(w, c, &w->layers[l], &parts[l]);
	for (i = 0; i < w->slices.n; i++) {
		const struct jm_slice *slice = &w->slices.items[i];
		struct jm_part *p = &parts[w->layer_of_name[slice->name]];
		struct jm_series_point a = jm_series_at(s, &cursor, slice->start_ns), b;
		double n = (double)slice->n_sharing;

		b = jm_series_at(s, &cursor, slice->end_ns);
		p->energy_j += (b.energy_j - a.energy_j) / n;
		p->seen_s += (b.seen_s - a.seen_s) / n;
		if (p->resolvable)
			p->variance_j2 += jm_series_variance(s, slice->start_ns, slice->end_ns) / (n * n);
	}
	for (l = 0; l < w->n_layers; l++) {
		if (!parts[l].resolvable)
			parts[l].variance_j2 = NAN;
		if (w->layers[l].time_s > 0 && !(parts[l].seen_s > 0)) {
			parts[l].energy_j = parts[l].variance_j2 = NAN;
			parts[l].resolvable = false;
			snprintf(parts[l].reason, sizeof(parts[l].reason), "no readings while it ran");
		}
	}
}

/* Sums of the readings that fall into slices of a layer. */
struct tally {
	double sum_w, sum_w2;
	uint64_t n;
};

static void tally_readings(const struct jm_work *w, size_t c, struct tally *tallies)
{
	const struct jm_series *s = &w->series[c];
	int64_t shift_ns = w->in->channels[c].lag_ns;
	size_t i, k, first = 0;

	for (i = 0; i < s->n_readings; i++) {
		const struct jm_reading *r = &s->readings[i];
		/* A counter's reading speaks of the time since the one before: its middle stands for it. */
		int64_t t = r->t_ns - shift_ns - r->span_ns / 2;

		while (first < w->slices.n && w->slices.items[first].end_ns <= t)
			first++;
		for (k = first; k < w->slices.n && w->slices.items[k].start_ns <= t; k++) {
			struct tally *out = &tallies[w->layer_of_name[w->slices.items[k].name]];

			if (w->slices.items[k].end_ns <= t)
				continue;
			out->sum_w += r->power_w;
			out->sum_w2 += r->power_w * r->power_w;
			out->n++;
		}
	}
}

int jm_method_window(const struct jm_work *w, size_t c, struct jm_part *parts)
{
	struct tally *tallies = calloc(w->n_layers + 1, sizeof(*tallies));
	size_t l;

	if (!tallies)
		return JM_E_NOMEM;
	tally_readings(w, c, tallies);
	for (l = 0; l < w->n_layers; l++) {
		const struct tally *t = &tallies[l];
		double n = (double)t->n, time_s = w->layers[l].time_s, mean = t->n ? t->sum_w / n : 0;

		say_too_short(w, c, &w->layers[l], &parts[l]);
		parts[l].seen_s = time_s;
		parts[l].energy_j = mean * time_s;
		parts[l].variance_j2 = NAN;
		if (t->n > 1)
			parts[l].variance_j2 = time_s * time_s * fmax(0, t->sum_w2 / n - mean * mean) / (n - 1);
		if (t->n == 0 && time_s > 0) {
			parts[l].energy_j = NAN;
			parts[l].resolvable = false;
			snprintf(parts[l].reason, sizeof(parts[l].reason), "no reading fell into any of its %.0f runs",
				 w->layers[l].count);
		}
	}
	free(tallies);
	return 0;
}
