/* A series: the readings of one channel made ready for maths, as energy over time.
 *
 *   E(t) = sum of pieces before t + p0 * u + (p1 - p0) * u^2 / (2 * d),  u = t - start of the piece, d its length
 *
 * A piece lies between two readings (counter: constant power, increment / time; gauge: linear) or is one averaging
 * window (window means that follow each other without a gap: constant). Where there is no piece there were no readings:
 * E does not rise there, and the time is reported as a gap. Nothing is ever filled in.
 *
 * Times are those of the cause: lag, half the window and the low-pass constant are taken off (a window mean at t speaks of
 * t - lag - window/2 on average, a first-order low-pass delays by its time constant). This shift is right for energies over
 * stretches long against the response; layers shorter than it need the forward model (estimator.h). */
#ifndef ATTRIBUTION_SERIES_H
#define ATTRIBUTION_SERIES_H

#include "core/channel.h"
#include "core/result.h"
#include "core/sample.h"

struct jm_piece {
	int64_t start_ns, end_ns; /* [start, end), not empty */
	double start_w, end_w;    /* power at both ends, W */
	double energy_j;          /* of all pieces before this one, J */
	double seen_s;            /* length of all pieces before this one, s */
};

/* A single reading, for methods that look at readings: power gauges and window means at the time they were read; counters
 * as the mean power between two updates, at the later one. */
struct jm_reading {
	int64_t t_ns;    /* as read (a counter: likely time of its change), not shifted by the lag */
	int64_t span_ns; /* of a counter: time since the update before; else 0 */
	double power_w;
	bool is_unsure;      /* stamped so late that nobody knows when it was measured: nothing is told by it */
};

struct jm_series {
	struct jm_piece *pieces; /* in order, not overlapping */
	size_t n_pieces;
	struct jm_reading *readings;
	size_t n_readings;
	double step_j, step_w; /* quantum of a counter, J; of a gauge, W; 0: unknown */
	double edge_s;         /* how far the time of an update is off, half width, s */
	double scatter_w;      /* sd of a reading about the line through its neighbours, W */
	int64_t period_ns;     /* median time between two updates; 0: fewer than two */
	uint64_t n_resets;     /* counter went back without a wrap: gap */
	uint64_t n_repeats;    /* readings without new information, merged */
	bool is_counter, is_tiled;
	bool is_usual; /* the same as with max_gap_ns 0: no spacing lies between the two */
};

/* Makes a series of samples (n, one channel, any order is an error, GAPs included). channel: energy or power.
 * max_gap_ns: longest time between two readings that still counts as covered; 0: max(3 * median spacing, 3 * update period)
 * for a gauge; a counter counts on unread, so for it as long as it cannot have wrapped unseen.
 * Errors: JM_E_INVALID (times go back, or no power and no energy), JM_E_NOMEM. out is yours: jm_series_finish. */
int jm_series_init(struct jm_series *out, const struct jm_channel *channel, const struct jm_sample *samples, size_t n,
		   int64_t max_gap_ns, struct jm_error *err);
void jm_series_finish(struct jm_series *s);

/* Gives the sd of a reading about the line through its neighbours, W; 0 with fewer than three. */
double jm_series_scatter(const struct jm_series *s);

/* Gives the energy between two times, J, gaps left out; *seen_s_out (may be NULL): seconds of it with readings. O(log n). */
double jm_series_energy(const struct jm_series *s, int64_t from_ns, int64_t to_ns, double *seen_s_out);

/* A place in a series, for looking up increasing times in O(1) each. Start with 0. */
struct jm_series_cursor {
	size_t piece_i;
};

struct jm_series_point {
	double energy_j, seen_s; /* since the first piece */
};

/* Gives E(t) and the time seen up to t. The cursor makes times in any order right and increasing times fast. */
struct jm_series_point jm_series_at(const struct jm_series *s, struct jm_series_cursor *c, int64_t t_ns);

/* Variance of the energy over [from, to), J^2: quantum at both ends, time half width at both ends times the power there,
 * what interpolation inside a piece can miss, and for gauges the scatter between neighbouring readings. */
double jm_series_variance(const struct jm_series *s, int64_t from_ns, int64_t to_ns);

/* Adds the part of [from, to) to power statistics. Time-weighted over pieces. */
struct jm_power_stats {
	double seconds, sum_ws, sum_w2s; /* s, W s, W^2 s */
	double min_w, max_w;             /* NAN before the first */
};
void jm_power_stats_init(struct jm_power_stats *stats);
void jm_series_stats(const struct jm_series *s, int64_t from_ns, int64_t to_ns, struct jm_power_stats *stats);

#endif
