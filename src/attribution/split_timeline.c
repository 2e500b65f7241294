/* The result along time, for exporters. */
#include "attribution/split.h"
#include "attribution/work.h"

#include "core/timeline.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A mean since the record before, as other tools' records have it, is the interval's own: no curve is laid through it. */
static bool is_of_record(const struct jm_channel *c)
{
	return c->quantity == JM_QUANTITY_POWER && c->kind == JM_KIND_WINDOW_MEAN && c->window_ns == 0 &&
	       c->update_period_ns == 0;
}

static void fill_readings(const struct jm_work *w, size_t c, size_t column, struct jm_timeline *t)
{
	const struct jm_sample *samples = w->in->samples[c];
	size_t n = samples ? w->in->n_samples[c] : 0, i = 0, k;

	for (k = 0; k < t->n; k++) {
		int64_t t_ns = t->log->steps[k + 1].t_ns;

		while (i < n && samples[i].t_ns < t_ns)
			i++;
		if (i < n && samples[i].t_ns == t_ns && samples[i].status == JM_SAMPLE_OK)
			t->power_w[k * t->n_channels + column] = jm_si_from_micro(samples[i].value);
	}
}

static void fill_power(const struct jm_work *w, struct jm_timeline *t)
{
	const struct jm_process_step *steps = t->log->steps;
	size_t k, c;

	for (k = 0; k < t->n * t->n_channels; k++)
		t->power_w[k] = NAN;
	for (c = 0; c < w->in->n_channels; c++) {
		if (w->channel_result[c] < 0 || w->series[c].n_pieces == 0)
			continue;
		for (k = 0; k < t->n; k++) {
			double seen_s,
			    energy_j = jm_series_energy(&w->series[c], steps[k].t_ns, steps[k + 1].t_ns, &seen_s);

			if (seen_s > 0)
				t->power_w[k * t->n_channels + (size_t)w->channel_result[c]] = energy_j / seen_s;
		}
		if (is_of_record(&w->in->channels[c]))
			fill_readings(w, c, (size_t)w->channel_result[c], t);
	}
}

/* The last reading of a channel at the end of each interval. */
static void fill_temperature(const struct jm_work *w, size_t c, size_t column, struct jm_timeline *t)
{
	const struct jm_sample *samples = w->in->samples[c];
	size_t n = samples ? w->in->n_samples[c] : 0, i = 0, k;
	double last = NAN;

	for (k = 0; k < t->n; k++) {
		for (; i < n && samples[i].t_ns <= t->log->steps[k + 1].t_ns; i++)
			last = samples[i].status == JM_SAMPLE_OK ? (double)samples[i].value * 1e-3 : NAN;
		t->temperature_c[k * t->n_temperatures + column] = last;
	}
}

static int fill_temperatures(const struct jm_work *w, struct jm_timeline *t)
{
	size_t c, column = 0;

	for (c = 0; c < w->in->n_channels; c++)
		t->n_temperatures += w->in->channels[c].quantity == JM_QUANTITY_TEMPERATURE;
	t->temperatures = calloc(t->n_temperatures + 1, sizeof(*t->temperatures));
	t->temperature_c = calloc(t->n * t->n_temperatures + 1, sizeof(double));
	if (!t->temperatures || !t->temperature_c)
		return JM_E_NOMEM;
	for (c = 0; c < w->in->n_channels; c++) {
		if (w->in->channels[c].quantity != JM_QUANTITY_TEMPERATURE)
			continue;
		t->temperatures[column] = &w->in->channels[c];
		fill_temperature(w, c, column++, t);
	}
	return 0;
}

int jm_split_timeline(const struct jm_work *w, const struct jm_split *s, struct jm_timeline **out)
{
	struct jm_timeline *t = calloc(1, sizeof(*t));
	size_t k;

	if (!t)
		return JM_E_NOMEM;
	t->log = s->log;
	t->n = s->n_intervals;
	t->n_channels = w->result->n_channels;
	t->power_w = calloc(t->n * t->n_channels + 1, sizeof(double));
	t->busy_s = calloc(t->n + 1, sizeof(double));
	t->done_s = calloc(s->log->n_samples + 1, sizeof(double));
	t->first_sample = calloc(t->n + 3, sizeof(*t->first_sample));
	if (!t->power_w || !t->busy_s || !t->done_s || !t->first_sample || fill_temperatures(w, t)) {
		jm_timeline_destroy(t);
		return JM_E_NOMEM;
	}
	fill_power(w, t);
	for (k = 0; k < t->n; k++)
		t->busy_s[k] = s->watched_s[k] + s->others_s[k]; /* NAN where unknown */
	memcpy(t->done_s, s->done_s, s->log->n_samples * sizeof(double));
	memcpy(t->first_sample, s->first_sample, (t->n + 2) * sizeof(*t->first_sample));
	*out = t;
	return 0;
}
