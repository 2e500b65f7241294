/* Energy, its variance and power statistics over a stretch of a series. */
#include "attribution/series.h"

#include "core/units.h"

#include <math.h>

/* Gives the first piece of [low, high) that ends after t, high when none does. */
static size_t find_between(const struct jm_series *s, size_t low, size_t high, int64_t t_ns)
{
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->pieces[middle].end_ns <= t_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Gives the first piece that ends after t, n_pieces when none does. */
static size_t find_piece(const struct jm_series *s, int64_t t_ns)
{
	return find_between(s, 0, s->n_pieces, t_ns);
}

/* The same, where no piece before i does: by steps that double, for it is often near. */
static size_t find_ahead(const struct jm_series *s, size_t i, int64_t t_ns)
{
	size_t step = 8;

	while (i + step < s->n_pieces && s->pieces[i + step].end_ns <= t_ns) {
		i += step;
		step *= 2;
	}
	return find_between(s, i, i + step < s->n_pieces ? i + step : s->n_pieces, t_ns);
}

static double power_in(const struct jm_piece *p, int64_t t_ns)
{
	return p->start_w + (p->end_w - p->start_w) * (double)(t_ns - p->start_ns) / (double)(p->end_ns - p->start_ns);
}

static struct jm_series_point point_in(const struct jm_piece *p, int64_t t_ns)
{
	struct jm_series_point out = {p->energy_j, p->seen_s};

	if (t_ns > p->start_ns) {
		double u = jm_s_from_ns(t_ns - p->start_ns);

		out.energy_j += 0.5 * (p->start_w + power_in(p, t_ns)) * u;
		out.seen_s += u;
	}
	return out;
}

struct jm_series_point jm_series_at(const struct jm_series *s, struct jm_series_cursor *c, int64_t t_ns)
{
	size_t i = c->piece_i;

	if (s->n_pieces == 0)
		return (struct jm_series_point){0, 0};
	if (i > s->n_pieces || (i > 0 && s->pieces[i - 1].end_ns > t_ns))
		i = find_piece(s, t_ns);
	else if (i + 8 < s->n_pieces && s->pieces[i + 8].end_ns <= t_ns)
		i = find_ahead(s, i, t_ns);
	while (i < s->n_pieces && s->pieces[i].end_ns <= t_ns)
		i++;
	c->piece_i = i;
	if (i == s->n_pieces)
		return point_in(&s->pieces[i - 1], s->pieces[i - 1].end_ns);
	return point_in(&s->pieces[i], t_ns);
}

double jm_series_energy(const struct jm_series *s, int64_t from_ns, int64_t to_ns, double *seen_s_out)
{
	struct jm_series_cursor c = {find_piece(s, from_ns)};
	struct jm_series_point a = jm_series_at(s, &c, from_ns), b = a;

	if (to_ns > from_ns)
		b = jm_series_at(s, &c, to_ns);
	if (seen_s_out)
		*seen_s_out = b.seen_s - a.seen_s;
	return b.energy_j - a.energy_j;
}

/* What is not known of E at one end of a run of pieces: the quantum, the time of the update, and how the power ran inside
 * the piece that is cut at fraction f: at the middle the scatter of the power times half the piece, at its ends nothing. */
static double end_variance(const struct jm_series *s, const struct jm_piece *p, int64_t t_ns)
{
	double length = jm_s_from_ns(p->end_ns - p->start_ns);
	double f = (double)(t_ns - p->start_ns) / (double)(p->end_ns - p->start_ns);
	double quantum = s->step_j, edge = power_in(p, t_ns) * s->edge_s,
	       inside = 2 * s->scatter_w * length * f * (1 - f);

	return quantum * quantum / 12 + edge * edge / 3 + inside * inside;
}

double jm_series_variance(const struct jm_series *s, int64_t from_ns, int64_t to_ns)
{
	double variance = 0, per_reading = s->step_w * s->step_w / 12;
	size_t i;

	/* Only what lies between two gauge readings is a guess; a counter and windows that tile miss nothing. */
	if (!s->is_counter && !s->is_tiled)
		per_reading += s->scatter_w * s->scatter_w;
	/* Between two gauge readings nothing says how far power strays: no interval. */
	if (!s->is_counter && !s->is_tiled && s->n_readings < 3)
		return NAN;
	for (i = find_piece(s, from_ns); i < s->n_pieces && s->pieces[i].start_ns < to_ns; i++) {
		const struct jm_piece *p = &s->pieces[i];
		int64_t a = p->start_ns > from_ns ? p->start_ns : from_ns, b = p->end_ns < to_ns ? p->end_ns : to_ns;
		double d = jm_s_from_ns(b - a);

		if (b <= a)
			continue;
		variance += per_reading * d * d;
		if (a == from_ns || i == 0 || p[-1].end_ns != p->start_ns)
			variance += end_variance(s, p, a);
		if (b == to_ns || i + 1 == s->n_pieces || p[1].start_ns != p->end_ns)
			variance += end_variance(s, p, b);
	}
	return variance;
}

void jm_power_stats_init(struct jm_power_stats *stats)
{
	*stats = (struct jm_power_stats){.min_w = NAN, .max_w = NAN};
}

void jm_series_stats(const struct jm_series *s, int64_t from_ns, int64_t to_ns, struct jm_power_stats *stats)
{
	size_t i;

	for (i = find_piece(s, from_ns); i < s->n_pieces && s->pieces[i].start_ns < to_ns; i++) {
		const struct jm_piece *p = &s->pieces[i];
		int64_t a = p->start_ns > from_ns ? p->start_ns : from_ns, b = p->end_ns < to_ns ? p->end_ns : to_ns;
		double d = jm_s_from_ns(b - a), start_w = power_in(p, a), end_w = power_in(p, b);

		if (b <= a)
			continue;
		stats->seconds += d;
		stats->sum_ws += 0.5 * (start_w + end_w) * d;
		stats->sum_w2s += (start_w * start_w + start_w * end_w + end_w * end_w) / 3 * d;
		/* On a short piece of a counter an edge that is off by a part of the update shows power that never was. */
		if (s->is_counter && p->end_ns - p->start_ns < s->period_ns / 4 * 3)
			continue;
		stats->min_w = fmin(stats->min_w, fmin(start_w, end_w));
		stats->max_w = fmax(stats->max_w, fmax(start_w, end_w));
	}
}

double jm_series_scatter(const struct jm_series *s)
{
	double sum = 0;
	size_t i, n = 0;

	for (i = 2; i < s->n_readings; i++) {
		double d = s->readings[i].power_w - 2 * s->readings[i - 1].power_w + s->readings[i - 2].power_w;

		sum += d * d;
		n++;
	}
	return n ? sqrt(sum / (6 * (double)n)) : 0;
}
