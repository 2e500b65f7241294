/* Two steps. The clock of sensor_clock.c, which leaves the most room inside all brackets, numbers the updates; it rests on the few
 * tightest brackets, so the jitter of those would decide. Then a straight line through the middles of all brackets: their errors
 * are uniform over a bracket where the readings wander through the period, and average out. */
#include "attribution/update_times.h"

#include "attribution/calibrate.h"

#include <math.h>

#define BLOCK       2000 /* updates that one straight clock is fitted to: a minute at 33 Hz, two seconds at 1 kHz */
#define OUTSIDE_MAX 0.15 /* sd of the clock outside of the brackets, of their width: more is no clock */

struct sum {
	double period_s, slack_s, off_s2, outside_s2, width_s2;
	size_t n_blocks, n_regular;
};

static double middle(const double *after, const double *before, size_t i)
{
	return 0.5 * (after[i] + before[i]);
}

/* Puts the line t0 + k * period through the middles; number k by the clock given. */
static void fit_line(const double *after, const double *before, size_t n, struct jm_sensor_clock *c)
{
	double sk = 0, st = 0, skk = 0, skt = 0, count = (double)n, slope;
	size_t i;

	for (i = 0; i < n; i++) {
		double k = round((before[i] - before[0]) / c->period_s), t = middle(after, before, i) - before[0];

		sk += k;
		st += t;
		skk += k * k;
		skt += k * t;
	}
	slope = (count * skt - sk * st) / (count * skk - sk * sk);
	if (!(slope > 0))
		return;
	c->t0_s = before[0] + (st - slope * sk) / count;
	c->period_s = slope;
}

static void fit_block(const double *after, const double *before, size_t n, double *t, struct sum *sum)
{
	struct jm_sensor_clock clock, line;
	size_t i;

	if (jm_sensor_clock_fit(after, before, n, &clock, NULL))
		return;
	line = clock;
	fit_line(after, before, n, &line);
	sum->n_blocks++;
	sum->period_s += line.period_s;
	sum->slack_s += fmax(clock.slack_s, 0);
	sum->n_regular += n;
	for (i = 0; i < n; i++) {
		double at = line.t0_s + line.period_s * round((before[i] - before[0]) / clock.period_s);

		t[i] = fmin(fmax(at, after[i]), before[i]);
		sum->outside_s2 += (at - t[i]) * (at - t[i]);
		sum->off_s2 += (at - middle(after, before, i)) * (at - middle(after, before, i));
	}
}

int jm_update_times(const double *after_s, const double *before_s, size_t n, double *t_s, struct jm_update_clock *out)
{
	struct sum sum = {0};
	double count = (double)(n ? n : 1), width_s2 = 0, variance;
	size_t first, i;

	for (first = 0; first < n;) {
		size_t left = n - first, some = left < 2 * BLOCK ? left : BLOCK;

		fit_block(after_s + first, before_s + first, some, t_s + first, &sum);
		first += some;
	}
	for (i = 0; i < n; i++)
		width_s2 += (before_s[i] - after_s[i]) * (before_s[i] - after_s[i]) / count;
	*out = (struct jm_update_clock){.period_s = NAN, .jitter_s = sqrt(width_s2 / 12), .slack_s = sqrt(width_s2)};
	out->is_regular = n > 0 && sum.n_regular == n && sum.outside_s2 / count <= OUTSIDE_MAX * OUTSIDE_MAX * width_s2;
	for (i = 0; i < n && !out->is_regular; i++)
		t_s[i] = middle(after_s, before_s, i);
	if (!out->is_regular)
		return 0;
	variance = sum.off_s2 / count - width_s2 / 12;
	out->period_s = sum.period_s / (double)sum.n_blocks;
	out->jitter_s = variance > 0 ? sqrt(variance) : 0;
	out->slack_s = sum.slack_s / (double)sum.n_blocks;
	return 0;
}

static int64_t median_of_five(int64_t *v)
{
	size_t i, k;

	for (i = 1; i < 5; i++) {
		int64_t moved = v[i];

		for (k = i; k > 0 && v[k - 1] > moved; k--)
			v[k] = v[k - 1];
		v[k] = moved;
	}
	return v[2];
}

void jm_unlate_times(int64_t *t_ns, size_t n, int64_t period_ns, bool *unsure)
{
	int64_t before[2], v[5], now, middle;
	size_t i;

	for (i = 0; unsure && i < n; i++)
		unsure[i] = false;
	if (n < 5)
		return;
	before[0] = t_ns[0];
	before[1] = t_ns[1];
	for (i = 2; i + 2 < n; i++) {
		v[0] = before[0] + 2 * period_ns;
		v[1] = before[1] + period_ns;
		v[2] = now = t_ns[i];
		v[3] = t_ns[i + 1] - period_ns;
		v[4] = t_ns[i + 2] - 2 * period_ns;
		middle = median_of_five(v);
		if (unsure)
			unsure[i] = now - middle > period_ns / 4;
		if (now > middle)
			t_ns[i] = middle;
		before[0] = before[1];
		before[1] = now;
	}
}
