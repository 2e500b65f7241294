/* When a sensor updated: from polled readings that changed, through the sensor's own clock. */
#include "session/calibrate_fit.h"

#include "attribution/update_times.h"
#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define UPDATES_MIN     10
#define FRESH_MIN       0.8  /* of the readings are new: nothing was polled twice */
#define JITTER_OUTLIERS 4    /* spacings this far from the median, in periods, are pauses */

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Adds the readings that are new. Counters are summed up over their wraps. */
static size_t collect(const struct jm_calibrate_input *in, struct jm_update *out, size_t *n_readings_out)
{
	bool is_counter = in->channel->kind == JM_KIND_COUNTER;
	int64_t origin_ns = in->pieces[0].start_ns;
	const struct jm_sample *last = NULL;
	double energy_j = 0;
	size_t n = 0, i;

	*n_readings_out = 0;
	for (i = 0; i < in->n_samples; i++) {
		const struct jm_sample *s = &in->samples[i];
		double t_s = jm_s_from_ns(s->t_ns - origin_ns), half_s = jm_s_from_ns(s->half_width_ns);
		int64_t increment = 0;
		bool is_new = in->is_buffered || (last && s->value != last->value);

		if (s->status != JM_SAMPLE_OK) {
			last = NULL;
			continue;
		}
		(*n_readings_out)++;
		if (is_counter && last) {
			if (jm_counter_increment(last->value, s->value, in->channel->wrap, &increment))
				is_new = false;
			energy_j += jm_si_from_micro(increment);
		}
		if (is_new) {
			out[n].before_s = in->is_buffered ? t_s : t_s + half_s;
			out[n].after_s =
			    in->is_buffered ? t_s : jm_s_from_ns(last->t_ns - (int64_t)last->half_width_ns - origin_ns);
			out[n].t_s = in->is_buffered ? t_s : 0.5 * (out[n].after_s + out[n].before_s);
			out[n].value = is_counter ? energy_j : jm_si_from_micro(s->value);
			n++;
		}
		last = s;
	}
	return n;
}

/* Median spacing, and how far single spacings stray from it. */
static int measure_spacing(struct jm_updates *u)
{
	double *d = malloc(u->n * sizeof(*d)), sum = 0;
	size_t i, n = 0;

	if (!d)
		return JM_E_NOMEM;
	for (i = 1; i < u->n; i++)
		d[i - 1] = u->items[i].t_s - u->items[i - 1].t_s;
	qsort(d, u->n - 1, sizeof(*d), compare_doubles);
	u->period_s = d[(u->n - 1) / 2];
	for (i = 0; i + 1 < u->n; i++) {
		if (d[i] < JITTER_OUTLIERS * u->period_s) {
			sum += (d[i] - u->period_s) * (d[i] - u->period_s);
			n++;
		}
	}
	/* Two updates stray on their own: a spacing has the variance of both. */
	u->jitter_s = n ? sqrt(sum / (2 * (double)n)) : NAN;
	free(d);
	return 0;
}

/* Moves the updates to where the sensor's own clock puts them. */
static int fit_clock(struct jm_updates *u)
{
	double *after = malloc((3 * u->n + 1) * sizeof(*after)), *before = after + u->n, *t = before + u->n;
	struct jm_update_clock clock;
	size_t i;
	int rc;

	if (!after)
		return JM_E_NOMEM;
	for (i = 0; i < u->n; i++) {
		after[i] = u->items[i].after_s;
		before[i] = u->items[i].before_s;
	}
	rc = jm_update_times(after, before, u->n, t, &clock);
	for (i = 0; i < u->n && rc == 0; i++)
		u->items[i].t_s = t[i];
	free(after);
	if (rc)
		return rc;
	u->is_regular = clock.is_regular;
	u->clock_sd_s = clock.jitter_s;
	u->slack_s = clock.slack_s;
	if (clock.is_regular) {
		u->period_s = clock.period_s;
		u->jitter_s = clock.jitter_s;
	}
	return 0;
}

/* As attribution does it: both must mean the same times. */
static int unlate(struct jm_updates *u)
{
	int64_t *t = malloc((u->n + 1) * sizeof(*t));
	size_t i;

	if (!t)
		return JM_E_NOMEM;
	for (i = 0; i < u->n; i++)
		t[i] = llround(1e9 * u->items[i].t_s);
	jm_unlate_times(t, u->n, llround(1e9 * u->period_s), NULL);
	for (i = 1; i < u->n; i++)
		if (1e-9 * (double)t[i] > u->items[i - 1].t_s)
			u->items[i].t_s = 1e-9 * (double)t[i];
	free(t);
	return 0;
}

int jm_updates_find(const struct jm_calibrate_input *in, struct jm_updates *out, struct jm_error *err)
{
	struct jm_updates u = {.period_s = NAN, .jitter_s = NAN, .clock_sd_s = NAN};
	size_t n_readings, i;
	int rc = 0;

	u.items = malloc((in->n_samples + 1) * sizeof(*u.items));
	if (!u.items)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the updates");
	u.n = collect(in, u.items, &n_readings);
	if (u.n < UPDATES_MIN) {
		free(u.items);
		return jm_error_set(err, JM_E_UNIDENTIFIABLE, "only %zu updates came in %zu readings", u.n, n_readings);
	}
	u.is_fresh = in->is_buffered || (double)u.n >= FRESH_MIN * (double)n_readings;
	/* Measured when asked: the time is that of the reading. */
	for (i = 0; i < u.n && u.is_fresh && !in->is_buffered; i++)
		u.items[i].t_s = u.items[i].before_s;
	rc = measure_spacing(&u);
	if (rc == 0 && in->is_buffered && in->samples[0].device_us && u.period_s > 0)
		rc = unlate(&u);
	if (rc == 0 && u.is_fresh)
		u.clock_sd_s = in->is_buffered ? u.jitter_s : 0;
	if (rc == 0 && !u.is_fresh)
		rc = fit_clock(&u);
	if (rc) {
		free(u.items);
		return jm_error_set(err, rc, "out of memory for the sensor's clock");
	}
	*out = u;
	return 0;
}

void jm_updates_finish(struct jm_updates *u)
{
	free(u->items);
	memset(u, 0, sizeof(*u));
}
