#include "session/calibrate_fit.h"

#include "attribution/calibrate.h"
#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_STEPS_FITTED  500 /* readings of the steps; with those of the bits what jm_calibrate_search looks at */
#define N_BITS_FITTED   1000
#define FAST_PERIOD_S   0.01 /* sensors quicker than that get the short bits */
#define SETTLED         0.6  /* of a step: what follows is its plateau */
#define ACCEPTED_MAX    0.05 /* residual, of the swing: what a workload may leave, too */
#define GOOD_MAX        0.02
#define SWING_NOISE_MIN 5 /* the load must move the reading by that many times its noise */
#define DRIFT_MIN_S     2.0
#define DRIFT_MIN_N     20
#define DRIFT_MIN_K     2.0 /* a thermometer counts whole degrees */
#define BETTER          0.8 /* of two models of a counter, the residual of the one that is believed */
#define SAME_WINDOW     0.2
#define SETTLE_PERIODS  3 /* of a locked phase, left out */
/* What lasts longer is not what it was in the bits: an idle GPU lowers its clocks, a loaded one finds its own. So long idle
 * and long load have levels of their own from then on (SCIENCE 3.10: active idle, deep idle). */
#define LONG_S 0.25

enum level { LEVEL_LOAD, LEVEL_LONG_LOAD, LEVEL_LONG_IDLE, N_LEVELS }; /* beside short idle */

struct fitting {
	const struct jm_calibrate_input *in;
	struct jm_updates u;
	struct jm_model_reading *readings; /* one an update; a counter's first one is left out */
	size_t n;
	struct jm_segment *segments;
	size_t n_segments;
};

static double piece_s(const struct fitting *f, int64_t t_ns)
{
	return jm_s_from_ns(t_ns - f->in->pieces[0].start_ns);
}

/* Gives the piece that holds t, moving on from *i; NULL outside. */
static const struct jm_load_piece *piece_at(const struct fitting *f, double t_s, size_t *i)
{
	while (*i < f->in->n_pieces && piece_s(f, f->in->pieces[*i].end_ns) <= t_s)
		(*i)++;
	return *i < f->in->n_pieces && piece_s(f, f->in->pieces[*i].start_ns) <= t_s ? &f->in->pieces[*i] : NULL;
}

static void add_segment(struct fitting *f, double start_s, double end_s, enum level level, double weight)
{
	if (end_s > start_s)
		f->segments[f->n_segments++] = (struct jm_segment){start_s, end_s, (uint32_t)level, (float)weight};
}

/* A piece is one level, or two where it is long; short idle is none. */
static void add_piece(struct fitting *f, const struct jm_load_piece *p)
{
	double start_s = piece_s(f, p->start_ns), end_s = piece_s(f, p->end_ns);
	double long_s = fmin(start_s + LONG_S, end_s);

	if (p->level > 0)
		add_segment(f, start_s, long_s, LEVEL_LOAD, p->level);
	add_segment(f, long_s, end_s, p->level > 0 ? LEVEL_LONG_LOAD : LEVEL_LONG_IDLE, p->level > 0 ? p->level : 1);
}

static int make_readings(struct fitting *f)
{
	bool is_counter = f->in->channel->kind == JM_KIND_COUNTER;
	size_t i;

	f->readings = malloc((f->u.n + 1) * sizeof(*f->readings));
	f->segments = malloc((2 * f->in->n_pieces + 1) * sizeof(*f->segments));
	if (!f->readings || !f->segments)
		return JM_E_NOMEM;
	for (i = is_counter; i < f->u.n; i++) {
		const struct jm_update *u = &f->u.items[i];
		double width_s = is_counter ? u->t_s - u[-1].t_s : 0;

		if (is_counter && !(width_s > 0))
			continue;
		f->readings[f->n++] =
		    (struct jm_model_reading){.t_s = u->t_s,
					      .width_s = width_s,
					      .power_w = is_counter ? (u->value - u[-1].value) / width_s : u->value};
	}
	for (i = 0; i < f->in->n_pieces; i++)
		add_piece(f, &f->in->pieces[i]);
	return 0;
}

/* Mean level of the plateaus of the steps. */
static double plateau(const struct fitting *f, bool is_on)
{
	double sum = 0;
	size_t i, k = 0, n = 0;

	for (i = 0; i < f->n; i++) {
		const struct jm_load_piece *p = piece_at(f, f->readings[i].t_s, &k);
		double from_s;

		if (!p || p->stage != JM_STAGE_STEP || (p->level > 0) != is_on)
			continue;
		from_s = piece_s(f, p->start_ns) + SETTLED * jm_s_from_ns(p->end_ns - p->start_ns);
		if (f->readings[i].t_s - f->readings[i].width_s < from_s)
			continue;
		sum += f->readings[i].power_w;
		n++;
	}
	return n ? sum / (double)n : NAN;
}

/* First and behind last reading of the steady load, its beginning left out. */
static void steady_range(const struct fitting *f, size_t *first, size_t *last)
{
	size_t i, k = 0;

	*first = *last = 0;
	for (i = 0; i < f->n; i++) {
		const struct jm_load_piece *p = piece_at(f, f->readings[i].t_s, &k);
		double settle_s;

		if (!p || p->stage != JM_STAGE_STEADY || p->level <= 0)
			continue;
		settle_s = fmin(1, 0.3 * jm_s_from_ns(p->end_ns - p->start_ns));
		if (f->readings[i].t_s - f->readings[i].width_s < piece_s(f, p->start_ns) + settle_s)
			continue;
		if (*last == 0)
			*first = i;
		*last = i + 1;
	}
}

/* White noise: from neighbours, so that drift does not count. */
static double noise(const struct jm_model_reading *r, size_t n)
{
	double sum = 0;
	size_t i;

	for (i = 1; i < n; i++)
		sum += (r[i].power_w - r[i - 1].power_w) * (r[i].power_w - r[i - 1].power_w);
	return n > 4 ? sqrt(sum / (2 * (double)(n - 1))) : NAN;
}

/* Slope of y over x, per unit of y's mean; NAN when x does not move by min_range. */
static double relative_slope(const double *x, const struct jm_model_reading *y, size_t n, double min_range)
{
	double mx = 0, my = 0, sxx = 0, sxy = 0, low = INFINITY, high = -INFINITY;
	size_t i;

	for (i = 0; i < n; i++) {
		mx += x[i] / (double)n;
		my += y[i].power_w / (double)n;
		low = fmin(low, x[i]);
		high = fmax(high, x[i]);
	}
	if (n < DRIFT_MIN_N || !(high - low >= min_range) || !(my > 0))
		return NAN;
	for (i = 0; i < n; i++) {
		sxx += (x[i] - mx) * (x[i] - mx);
		sxy += (x[i] - mx) * (y[i].power_w - my);
	}
	return sxy / sxx / my;
}

static void measure_drift(const struct fitting *f, size_t first, size_t last, struct jm_calibration *c)
{
	const struct jm_calibrate_input *in = f->in;
	size_t n = last - first, i, k = 0;
	double *x = calloc(n + 1, sizeof(*x));

	if (!x)
		return;
	for (i = 0; i < n; i++)
		x[i] = f->readings[first + i].t_s;
	c->drift_per_s = relative_slope(x, f->readings + first, n, DRIFT_MIN_S);
	for (i = 0; i < n && in->n_temperature; i++) {
		while (k + 1 < in->n_temperature &&
		       piece_s(f, in->temperature[k + 1].t_ns) <= f->readings[first + i].t_s)
			k++;
		x[i] = (double)in->temperature[k].value * 1e-3;
	}
	if (in->n_temperature)
		c->drift_per_k = relative_slope(x, f->readings + first, n, DRIFT_MIN_K);
	free(x);
}

/* The largest step that all readings are multiples of, in W; for counters the channel's own, in W over a period. */
static double quantum(const struct fitting *f)
{
	const struct jm_calibrate_input *in = f->in;
	uint64_t a = 0;
	size_t i, k = in->n_samples;

	if (in->channel->kind == JM_KIND_COUNTER)
		return in->channel->step && f->u.period_s > 0
			   ? jm_si_from_micro((int64_t)in->channel->step) / f->u.period_s
			   : 0;
	for (i = 0; i < in->n_samples; i++) {
		uint64_t b;

		if (in->samples[i].status != JM_SAMPLE_OK)
			continue;
		b = k < in->n_samples ? (uint64_t)llabs(in->samples[i].value - in->samples[k].value) : 0;
		k = i;
		while (b) {
			uint64_t rest = a % b;

			a = b;
			b = rest;
		}
	}
	return a > 1 ? jm_si_from_micro((int64_t)a) : jm_si_from_micro((int64_t)in->channel->step);
}

/* Picks what is fitted: of the steps every so-manieth reading, of the bits the first. The search wants them in order. */
static size_t pick(const struct fitting *f, bool is_widths_kept, struct jm_model_reading *out)
{
	bool is_fast = f->u.period_s < FAST_PERIOD_S;
	enum jm_load_stage wanted = is_fast ? JM_STAGE_FAST : JM_STAGE_SLOW;
	size_t n = 0, n_steps = 0, n_wanted = 0, i, k = 0, stride, seen = 0;

	for (i = 0; i < f->n; i++) {
		const struct jm_load_piece *p = piece_at(f, f->readings[i].t_s, &k);

		n_steps += p && p->stage == JM_STAGE_STEP;
		n_wanted += p && p->stage == wanted;
	}
	if (n_wanted == 0)
		wanted = is_fast ? JM_STAGE_SLOW : JM_STAGE_FAST;
	stride = n_steps / N_STEPS_FITTED + 1;
	for (i = 0, k = 0, n_wanted = 0; i < f->n; i++) {
		const struct jm_load_piece *p = piece_at(f, f->readings[i].t_s, &k);
		bool is_step = p && p->stage == JM_STAGE_STEP;

		if (!is_step && !(p && p->stage == wanted))
			continue;
		if (is_step ? seen++ % stride != 0 : n_wanted++ >= N_BITS_FITTED)
			continue;
		out[n] = f->readings[i];
		if (!is_widths_kept)
			out[n].width_s = 0;
		n++;
	}
	return n;
}

static double best_hold_out(const struct jm_calibration_score *scores, enum jm_response_family family)
{
	size_t i;

	for (i = 0; i < JM_CALIBRATION_N_FAMILIES; i++)
		if (scores[i].family == family)
			return scores[i].hold_out_w;
	return INFINITY;
}

static int search(const struct fitting *f, bool is_widths_kept, struct jm_response *out,
		  struct jm_calibration_score *scores, size_t *n_out)
{
	static const struct jm_fit_region regions[N_LEVELS] = {
	    {.layer = LEVEL_LOAD}, {.layer = LEVEL_LONG_LOAD}, {.layer = LEVEL_LONG_IDLE}};
	struct jm_model_reading *readings = malloc((f->n + 1) * sizeof(*readings));
	struct jm_fit_input in = {.segments = f->segments,
				  .n_segments = f->n_segments,
				  .regions = regions,
				  .n_regions = N_LEVELS,
				  .readings = readings,
				  .n_layers = N_LEVELS,
				  .n_classes = 1};
	int rc;

	if (!readings)
		return JM_E_NOMEM;
	in.n_readings = *n_out = pick(f, is_widths_kept, readings);
	rc = jm_calibrate_search(&in, out, scores);
	free(readings);
	return rc;
}

/* A counter that sees all the time follows the load through a box as long as its period; a part-time one adds up single
 * readings, and the same increments fit the response of those better. */
static int fit_counter(const struct fitting *f, struct jm_response *out, struct jm_calibration_score *scores,
		       size_t *n_out, double *full_time_out)
{
	struct jm_calibration_score part_scores[JM_CALIBRATION_N_FAMILIES];
	struct jm_response full, part;
	double full_w, part_w;
	int rc = search(f, true, &full, scores, n_out);

	rc = rc ? rc : search(f, false, &part, part_scores, n_out);
	if (rc)
		return rc;
	full_w = best_hold_out(scores, full.family);
	part_w = best_hold_out(part_scores, part.family);
	*full_time_out = JM_FULL_TIME_UNKNOWN;
	full.box_s = f->u.period_s;
	full.box_sd_s = 0;
	*out = full;
	if (part_w < BETTER * full_w && part.box_s + 2 * part.tau_s < (1 - SAME_WINDOW) * f->u.period_s) {
		*full_time_out = JM_FULL_TIME_NO;
		*out = part;
		memcpy(scores, part_scores, sizeof(part_scores));
	} else if (full_w < BETTER * part_w || fabs(part.box_s - f->u.period_s) < SAME_WINDOW * f->u.period_s) {
		*full_time_out = JM_FULL_TIME_YES;
	}
	return 0;
}

static int fit_response(const struct fitting *f, struct jm_calibration *c, struct jm_error *err)
{
	struct jm_calibration_score scores[JM_CALIBRATION_N_FAMILIES];
	struct jm_response response;
	size_t n = 0, i;
	int rc;

	if (f->in->channel->kind == JM_KIND_COUNTER)
		rc = fit_counter(f, &response, scores, &n, &c->full_time);
	else
		rc = search(f, true, &response, scores, &n);
	if (rc)
		return jm_error_set(err, rc, "no response fits its %zu readings of the load", n);
	c->n_readings = (double)n;
	for (i = 0; i < JM_CALIBRATION_N_FAMILIES; i++)
		c->hold_out_w[scores[i].family - JM_RESPONSE_BOX] = scores[i].hold_out_w;
	/* The clock is known but for a shift of all updates. */
	response.lag_sd_s = sqrt(response.lag_sd_s * response.lag_sd_s + f->u.slack_s * f->u.slack_s / 12);
	response.period_s = c->response.period_s;
	response.clock_sd_s = c->response.clock_sd_s;
	response.noise_w = c->response.noise_w;
	response.step_w = c->response.step_w;
	response.residual_fraction = best_hold_out(scores, response.family) / c->swing_w;
	c->response = response;
	return 0;
}

static void judge(struct jm_calibration *c)
{
	const struct jm_response *r = &c->response;

	c->is_accepted = r->residual_fraction <= ACCEPTED_MAX;
	if (c->is_accepted == 0)
		snprintf(c->reason, sizeof(c->reason),
			 "the best response leaves %.1f %% of the swing, more than %.0f %%", r->residual_fraction * 100,
			 ACCEPTED_MAX * 100);
	else if (r->residual_fraction > GOOD_MAX)
		snprintf(c->reason, sizeof(c->reason), "it leaves %.1f %% of the swing, more than %.0f %%: coarse",
			 r->residual_fraction * 100, GOOD_MAX * 100);
	else if (r->family == JM_RESPONSE_RAMP)
		snprintf(c->reason, sizeof(c->reason), "a mean over a second: it shows no single layer");
}

static int calibrate(struct fitting *f, struct jm_calibration *c, struct jm_error *err)
{
	double low_w, high_w;
	size_t first, last;

	if (make_readings(f))
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the readings");
	c->response.period_s = isfinite(f->u.period_s) ? f->u.period_s : 0;
	c->response.clock_sd_s = isfinite(f->u.clock_sd_s) ? f->u.clock_sd_s : 0;
	c->jitter_s = f->u.jitter_s;
	steady_range(f, &first, &last);
	c->response.noise_w = noise(f->readings + first, last - first);
	if (!isfinite(c->response.noise_w))
		c->response.noise_w = 0;
	c->response.step_w = quantum(f);
	measure_drift(f, first, last, c);
	low_w = plateau(f, false);
	high_w = plateau(f, true);
	c->swing_w = high_w - low_w;
	if (!isfinite(c->swing_w)) {
		c->swing_w = NAN;
		return jm_error_set(err, JM_E_UNIDENTIFIABLE, "too few updates in the steps of the load");
	}
	if (!(c->swing_w > SWING_NOISE_MIN * c->response.noise_w) || !(c->swing_w > 0)) {
		jm_error_set(err, JM_E_UNIDENTIFIABLE, "the load moved it by %.3g W, its noise is %.3g W", c->swing_w,
			     c->response.noise_w);
		c->swing_w = NAN;
		return JM_E_UNIDENTIFIABLE;
	}
	jm_calibrate_stairs(f->in, f->readings, f->n, c);
	return fit_response(f, c, err);
}

int jm_calibrate_channel(const struct jm_calibrate_input *in, struct jm_calibration *c, struct jm_error *err)
{
	struct fitting f = {.in = in};
	int rc;

	if (in->n_pieces == 0)
		return jm_error_set(err, JM_E_INVALID, "no load was played");
	rc = jm_updates_find(in, &f.u, err);
	if (rc)
		return rc;
	rc = calibrate(&f, c, err);
	if (rc == 0)
		judge(c);
	free(f.readings);
	free(f.segments);
	jm_updates_finish(&f.u);
	return rc;
}

double jm_calibrate_locked_spread(const struct jm_calibrate_input *in, double swing_w)
{
	struct jm_updates u;
	double low = INFINITY, high = -INFINITY;
	size_t i = 0, first;

	if (in->n_pieces == 0 || jm_updates_find(in, &u, NULL))
		return NAN;
	for (first = 0; first < in->n_pieces;) {
		uint32_t group = in->pieces[first].group;
		double from_s, to_s, power_w;
		size_t end = first, a, b;

		while (end < in->n_pieces && in->pieces[end].group == group)
			end++;
		from_s =
		    jm_s_from_ns(in->pieces[first].start_ns - in->pieces[0].start_ns) + SETTLE_PERIODS * u.period_s;
		to_s = jm_s_from_ns(in->pieces[end - 1].end_ns - in->pieces[0].start_ns);
		while (i < u.n && u.items[i].t_s < from_s)
			i++;
		for (a = b = i; b + 1 < u.n && u.items[b + 1].t_s < to_s; b++)
			;
		first = end;
		if (b < a + 4)
			continue;
		power_w = (u.items[b].value - u.items[a].value) / (u.items[b].t_s - u.items[a].t_s);
		low = fmin(low, power_w);
		high = fmax(high, power_w);
	}
	jm_updates_finish(&u);
	return high > low && swing_w > 0 ? (high - low) / swing_w : NAN;
}
