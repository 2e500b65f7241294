/* A sensor's clock: with period T the update i has number k_i = round((before_i - before_0) / T), and t0 must lie in
 * [max(after_i - k_i T), min(before_i - k_i T)]; the period that leaves the most room is taken. */
#include "attribution/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MIN_UPDATES  5
#define PERIOD_RANGE 0.02 /* around the mean spacing */
#define N_GRID       400
#define N_ZOOMS      5

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Gives the room for t0 at a period. */
static double slack(const double *after, const double *before, size_t n, double period, double *middle)
{
	double low = -INFINITY, high = INFINITY;
	size_t i;

	for (i = 0; i < n; i++) {
		double shift = period * round((before[i] - before[0]) / period);

		low = fmax(low, after[i] - shift);
		high = fmin(high, before[i] - shift);
	}
	*middle = 0.5 * (low + high);
	return high - low;
}

static double median_spacing(const double *t, size_t n)
{
	double *d = malloc(n * sizeof(*d)), median;
	size_t i;

	if (!d)
		return NAN;
	for (i = 1; i < n; i++)
		d[i - 1] = t[i] - t[i - 1];
	qsort(d, n - 1, sizeof(*d), compare_doubles);
	median = d[(n - 1) / 2];
	free(d);
	return median;
}

/* Mean period: polls blur single spacings, their sum hardly. An update with an unchanged value shows as a double spacing. */
static double mean_period(const double *t, size_t n)
{
	double median = median_spacing(t, n), periods = 0;
	size_t i;

	for (i = 1; i < n && median > 0; i++)
		periods += fmax(1, round((t[i] - t[i - 1]) / median));
	return median > 0 ? (t[n - 1] - t[0]) / periods : median;
}

int jm_sensor_clock_fit(const double *after_s, const double *before_s, size_t n, struct jm_sensor_clock *out,
			double *out_s)
{
	double centre, range, best = -INFINITY, middle;
	size_t zoom, i;

	if (n < MIN_UPDATES)
		return JM_E_UNIDENTIFIABLE;
	centre = mean_period(before_s, n);
	if (isnan(centre))
		return JM_E_NOMEM;
	if (!(centre > 0))
		return JM_E_UNIDENTIFIABLE;
	memset(out, 0, sizeof(*out));
	for (zoom = 0, range = PERIOD_RANGE * centre; zoom < N_ZOOMS; zoom++, range /= 20) {
		double around = zoom == 0 ? centre : out->period_s;

		for (i = 0; i <= N_GRID; i++) {
			double period = around + range * (2 * (double)i / N_GRID - 1), room;

			room = slack(after_s, before_s, n, period, &middle);
			if (room > best) {
				best = room;
				out->period_s = period;
				out->t0_s = middle;
				out->slack_s = room;
			}
		}
	}
	for (i = 0; i < n; i++) {
		double t = out->t0_s + out->period_s * round((before_s[i] - before_s[0]) / out->period_s);

		out->n_outside += t < after_s[i] || t > before_s[i];
		if (out_s)
			out_s[i] = t;
	}
	return 0;
}
