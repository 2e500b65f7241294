/* The estimator's judgement: what it may say, and what it must not. See docs/attribution.md. */
#include "attribution/estimate.h"

#include "attribution/calibrate.h"
#include "attribution/consider.h"
#include "attribution/estimate_input.h"
#include "attribution/estimate_parts.h"
#include "attribution/gate.h"
#include "attribution/levels.h"
#include "attribution/scaled.h"
#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TARGET_FRACTION 0.10
#define MAX_LAYERS      800
#define DITHER_FRACTION                                                                                                \
	0.03 /* rests between iterations spread by more than this of an iteration break the lag's ambiguity */
#define MIN_INTERVALS    20
#define SIGMAS_5_TO_95   3.29
#define ANCHOR_FRACTION  0.125 /* a lag known better than this part of an iteration needs no dither */
#define MAX_BOX_S        0.5   /* a longer window says nothing of layers */
#define TYPE_DELAY       0.1   /* of an iteration: a delay less known than that tells no types, */
#define TYPE_NOISE       0.02  /* unless the model leaves less than that of the swing, */
#define TYPE_RESIDUAL    0.05  /* nor do readings of whose swing the model leaves more than that */
#define SHARED_SD        0.06  /* where types share a factor, what they differ by is the layers' own */
#define LIMITED_MIN      0.01  /* of the time, from which on a limit matters */
#define LIMITED_SD       0.025 /* what a layer draws alone or on another day differs by so much where a limit was at work */
#define TIGHT_LAG        0.05 /* of the response: a lag known so well needs no blocks */
#define DEFAULT_LAG_SD_S 2e-3

static struct jm_response declared_response(const struct jm_work *w, size_t c)
{
	const struct jm_channel *channel = &w->in->channels[c];
	struct jm_response r = {0};

	r.lag_s = jm_s_from_ns(channel->lag_ns);
	r.box_s = jm_s_from_ns(channel->window_ns);
	r.tau_s = jm_s_from_ns(channel->lowpass_ns);
	r.family = r.tau_s > 0 ? (r.box_s > 0 ? JM_RESPONSE_RC_BOX : JM_RESPONSE_RC) : JM_RESPONSE_BOX;
	r.lag_sd_s = fmin(DEFAULT_LAG_SD_S, 0.2 * fmax(r.box_s, r.tau_s));
	r.box_sd_s = 0.1 * r.box_s;
	r.tau_sd_s = 0.2 * r.tau_s;
	return r;
}

struct jm_response jm_estimate_response(const struct jm_work *w, size_t c, bool *needs_search)
{
	const struct jm_series *s = &w->series[c];
	struct jm_response r = declared_response(w, c);

	if (needs_search)
		*needs_search = false;
	if (w->in->responses && w->in->responses[c].family != JM_RESPONSE_UNKNOWN)
		r = w->in->responses[c];
	else if (needs_search && !s->is_counter && r.box_s == 0 && r.tau_s == 0)
		*needs_search = true;
	if (s->is_counter) {
		/* A counter's increment is a mean over the time between two changes, whatever else is known. */
		r.box_s = r.tau_s > 0 ? r.box_s : jm_s_from_ns(s->period_ns);
		r.box_sd_s = 0;
		if (r.lag_sd_s == 0 && !(w->in->responses && w->in->responses[c].family != JM_RESPONSE_UNKNOWN))
			r.lag_sd_s = fmax(s->edge_s, 0.05 * jm_s_from_ns(s->period_ns));
	}
	return r;
}

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Spread of the time from one start of an iteration to the next, against its mean: by the 5th and 95th percentile, so that a
 * few long pauses do not pass for dither. Without iterations: of the layer that runs most often. Negative: no telling. */
static double dither(const struct jm_work *w)
{
	size_t i, l, n = 0, most = 0, n_max = w->iterations.n > w->slices.n ? w->iterations.n : w->slices.n;
	int64_t *d = malloc((n_max + 1) * sizeof(*d)), last = 0;
	double spread = -1;

	if (!d)
		return -1;
	for (l = 1; l < w->n_layers; l++)
		most = w->layers[l].count > w->layers[most].count ? l : most;
	for (i = 1; i < w->iterations.n; i++)
		d[n++] = w->iterations.items[i].start_ns - w->iterations.items[i - 1].start_ns;
	for (i = 0; i < w->slices.n && w->iterations.n == 0; i++) {
		if (w->layer_of_name[w->slices.items[i].name] != most)
			continue;
		if (last != 0)
			d[n++] = w->slices.items[i].start_ns - last;
		last = w->slices.items[i].start_ns;
	}
	if (n >= MIN_INTERVALS) {
		qsort(d, n, sizeof(*d), compare_i64);
		spread = (double)(d[n * 95 / 100] - d[n * 5 / 100]) / SIGMAS_5_TO_95 / (double)d[n / 2];
	}
	free(d);
	return spread;
}

static double iteration_s(const struct jm_work *w)
{
	return w->n_iterations > 0 ? w->busy_s / w->n_iterations : w->busy_s;
}

/* Resolution rule: d* = [(s W / (q p))^2 D / (2 N)]^(1/3); W about 2 tau for a low-pass. */
static double shortest_layer(const struct jm_work *w, const struct jm_estimate *e)
{
	double width = e->kernel.box_s + 2 * e->kernel.tau_s, p = e->fit.n_layers ? 0 : 1, x;
	size_t l;

	for (l = 0; l < e->fit.n_layers; l++)
		p += e->fit.power_w[l] / (double)e->fit.n_layers;
	x = e->fit.residual_w * width / (e->target * p);
	return cbrt(x * x * iteration_s(w) / (2 * (double)e->n_readings));
}

static void refuse(struct jm_part *parts, size_t n, struct jm_levels *levels, const char *reason)
{
	size_t l;

	levels->is_refused = true;
	snprintf(levels->reason, sizeof(levels->reason), "%s", reason);
	for (l = 0; l < n; l++) {
		parts[l] = (struct jm_part){
		    .energy_j = NAN, .variance_j2 = NAN, .group = -1, .origin = JM_ORIGIN_UNIDENTIFIED};
		snprintf(parts[l].reason, sizeof(parts[l].reason), "%.159s", reason);
	}
}

/* Where layers cannot be told their sum stands; AUTO gives the channel shares by time instead, which find the sum by themselves. */
static int leave_sum(const struct jm_work *w, size_t c, const char *reason, struct jm_part *parts,
		     struct jm_levels *levels)
{
	refuse(parts, w->n_layers, levels, reason);
	return w->opt->method == JM_METHOD_AUTO ? 0 : jm_estimate_sum(w, c, parts, levels);
}

/* What must hold before anything is fitted. */
static bool can_try(const struct jm_work *w, size_t c, const struct jm_response *r, bool is_searched,
		    struct jm_estimate *e, char *reason, size_t size)
{
	double spread = dither(w);

	e->is_dithered = spread < 0 || spread >= DITHER_FRACTION;
	e->is_lag_known = r->is_lag_anchored || is_searched || (!w->in->responses && w->in->channels[c].lag_ns != 0) ||
			  r->lag_sd_s < ANCHOR_FRACTION * iteration_s(w);
	if (w->n_layers > MAX_LAYERS)
		snprintf(reason, size, "%zu layers are more than the estimator takes (%d)", w->n_layers, MAX_LAYERS);
	else if (w->is_scaled)
		snprintf(
		    reason, size,
		    "timed in profiled blocks only, %.3g times slower: up to %.2g ms from where that puts layers, so "
		    "readings cannot tell them; isolate and fused can (--isolate)",
		    1 / w->stretch, 1e3 * jm_scaled_displacement(w));
	else if (r->family == JM_RESPONSE_RAMP || r->box_s > MAX_BOX_S)
		snprintf(reason, size, "the sensor averages over %.2g s: no layer can be told from it", r->box_s);
	else if (!e->is_dithered && !(r->is_lag_anchored && e->is_lag_known))
		snprintf(reason, size,
			 "lag unanchored: iterations follow each other all alike (spread %.1f %%), so the lag is known "
			 "only modulo one; "
			 "use --dither or calibrate the sensor",
			 100 * spread);
	else
		return true;
	return false;
}

/* Under a limit clocks move, and layers share what it leaves: the power of one is that of this run. Five kernels on a throttled H200
 * drew 0.6 to 5.2 % more (2.8 % in the mean square) than in short bursts of their own (docs/validation.md). */
static double limited_sd(const struct jm_work *w, size_t c)
{
	return w->in->limited_fractions && w->in->limited_fractions[c] >= LIMITED_MIN ? LIMITED_SD : 0;
}

static void fill_levels(const struct jm_work *w, size_t c, const struct jm_estimate *e,
			const struct jm_estimate_input *in, struct jm_levels *levels)
{
	double rest_seen_s, bare_seen_s;
	char twin[96] = "";
	size_t used;

	jm_stretches_energy(&w->rest, &w->series[c], &rest_seen_s);
	jm_stretches_energy(&w->bare, &w->series[c], &bare_seen_s);
	levels->is_known = true;
	levels->idle_j = e->fit.idle_w * rest_seen_s;
	levels->bare_j = (in->has_bare ? e->fit.power_w[in->n_fitted] : 0) * bare_seen_s;
	if (in->twin >= 0)
		snprintf(twin, sizeof(twin), " and %zu of %.40s (gain %.4f)", in->twin_fit.n_readings,
			 w->in->channels[in->twin].name, e->fit.twin_gain);
	snprintf(levels->reason, sizeof(levels->reason),
		 "%zu readings%s; residual %.3g W (gate %.3g): noise %.2g W, jitter %.2g ms, wobble %.2g %%; lag %.3g, "
		 "box %.3g, "
		 "low-pass %.3g ms; idle %.4g W; %.2g ms layers within %.0f %%",
		 e->n_readings, twin, e->fit.residual_w, e->gate_w, e->fit.white_w, 1e3 * e->fit.jitter_s,
		 100 * e->fit.wobble, 1e3 * e->fit.kernel.lag_s, 1e3 * e->fit.kernel.box_s, 1e3 * e->fit.kernel.tau_s,
		 e->fit.idle_w, 1e3 * e->shortest_s, 100 * e->target);
	used = strlen(levels->reason);
	if (e->is_straying)
		snprintf(
		    levels->reason + used, sizeof(levels->reason) - used,
		    "; power strays by %.2g %% from one iteration to the next, whatever runs: a cap or clock at work?",
		    100 * e->straying);
	else if (e->is_class_shared)
		snprintf(levels->reason + used, sizeof(levels->reason) - used, "; one factor for all types");
	used = strlen(levels->reason);
	if (e->context > 0)
		used += (size_t)snprintf(levels->reason + used, sizeof(levels->reason) - used,
					 "; held down by a limit: %.2g %% (sd) in the intervals", 100 * e->context);
	if (e->unseen_s > 0 && used < sizeof(levels->reason))
		snprintf(levels->reason + used, sizeof(levels->reason) - used,
			 "; read too rarely to see when it changes (%.2g ms, in the intervals): read it faster",
			 1e3 * e->unseen_s);
}

/* All layers share one factor instead of one a type. */
static void share_class(struct jm_estimate_input *in, struct jm_estimate *e)
{
	memset(in->layer_class, 0, in->fit.n_layers * sizeof(*in->layer_class));
	in->fit.n_classes = 1;
	if (!in->fit.is_eps_fixed)
		in->fit.sd_eps = SHARED_SD;
	e->is_class_shared = true;
}

/* Fits. Types get factors of their own only where they can be told, by their place in an iteration: where the response is known
 * well enough and the model leaves no more than real kernels do. A delay that is wrong by 1 ms, or a residual that is not noise,
 * shifts some 40 W from one type to the next (docs/attribution.md). */
static int fit_types(const struct jm_work *w, const struct jm_response *r, struct jm_estimate_input *in,
		     struct jm_estimate *e, struct jm_error *err)
{
	double delay_sd = sqrt(r->lag_sd_s * r->lag_sd_s + r->box_sd_s * r->box_sd_s / 4 + r->tau_sd_s * r->tau_sd_s);
	/* The fit itself finds the delay to some 20 us, if the model is right. */
	double limit = delay_sd <= TYPE_DELAY * iteration_s(w) ? TYPE_RESIDUAL : TYPE_NOISE;
	int code;

	code = jm_fit(&in->fit, &e->fit, err);
	if (code < 0 || in->fit.n_classes < 2 || e->fit.residual_w <= limit * e->fit.swing_w)
		return code;
	jm_fit_finish(&e->fit);
	share_class(in, e);
	return jm_fit(&in->fit, &e->fit, err);
}

/* Finds the sensor's response in the readings. Where they do not tell it, r is left as it was. Errors: JM_E_NOMEM. */
static int search_response(struct jm_work *w, size_t c, const struct jm_isolated *isolated, struct jm_response *r,
			   struct jm_error *err)
{
	/* Wide enough for any kernel the search may try. */
	static const struct jm_response wide = {.box_s = 0.1, .tau_s = 0.01, .lag_sd_s = 0.02};
	struct jm_estimate_input in;
	int code = jm_estimate_input_init(&in, w, c, &wide, isolated, err);

	if (code == 0)
		code = jm_calibrate_search(&in.fit, r, NULL);
	jm_estimate_input_finish(&in);
	return code == JM_E_NOMEM ? code : 0;
}

/* Holds a fit against its gate; what passes becomes parts and levels. */
static int judge(struct jm_work *w, size_t c, const struct jm_response *r, const struct jm_isolated *isolated,
		 struct jm_estimate_input *in, struct jm_estimate *e, struct jm_part *parts, struct jm_levels *levels)
{
	char reason[256];
	double seen_s = 0;
	int code;

	e->kernel = e->fit.kernel;
	e->shortest_s = shortest_layer(w, e);
	code = jm_estimate_gate(w, r, isolated, in, e);
	if (code)
		return code;
	if (e->is_misfit) {
		snprintf(reason, sizeof(reason),
			 "model misfit: residual %.3g W, gate %.3g W (one power for all leaves %.3g W)",
			 e->fit.residual_w, e->gate_w, e->fit.shared_w);
		return leave_sum(w, c, reason, parts, levels);
	}
	jm_stretches_energy(&w->busy, &w->series[c], &seen_s);
	code = jm_estimate_parts(w, e, in, isolated != NULL, w->busy_s > 0 ? seen_s / w->busy_s : 0, parts, levels);
	fill_levels(w, c, e, in, levels);
	return code;
}

static int fit_layers(struct jm_work *w, size_t c, struct jm_response r, bool needs_search,
		      const struct jm_isolated *isolated, struct jm_part *parts, struct jm_levels *levels,
		      struct jm_error *err)
{
	struct jm_estimate e = {.target = w->opt->target_fraction > 0 ? w->opt->target_fraction : TARGET_FRACTION};
	struct jm_estimate_input in;
	char reason[256] = "";
	int code;

	if (!can_try(w, c, &r, needs_search, &e, reason, sizeof(reason)))
		return leave_sum(w, c, reason, parts, levels);
	code = needs_search ? search_response(w, c, isolated, &r, err) : 0;
	if (code == 0)
		code = jm_estimate_input_init(&in, w, c, &r, isolated, err);
	if (code < 0)
		return code;
	e.n_readings = in.fit.n_readings;
	e.context = limited_sd(w, c);
	code = fit_types(w, &r, &in, &e, err);
	if (code == 0)
		code = jm_estimate_input_stack(&in, w, c, &e.fit, err);
	e.unseen_s = jm_consider_edge_s(&w->series[c], &w->in->channels[c]);
	if (code == 0 && e.unseen_s > 0)
		code = jm_consider_lag(&in.fit, e.unseen_s, &e.fit, err);
	if (code == JM_E_UNIDENTIFIABLE)
		code = leave_sum(
		    w, c, err && err->message[0] ? err->message : "the readings do not determine the layers", parts, levels);
	else if (code == 0)
		code = judge(w, c, &r, isolated, &in, &e, parts, levels);
	jm_fit_finish(&e.fit);
	jm_estimate_input_finish(&in);
	return code;
}

/* Where the lag is not known well, the edges of isolated blocks tell it. */
static int take_anchor(const struct jm_work *w, size_t c, struct jm_response *r, bool *needs_search,
		       struct jm_error *err)
{
	static const struct jm_response unknown = {.family = JM_RESPONSE_UNKNOWN};
	double spread = dither(w);
	int code;

	if (!*needs_search && r->lag_sd_s <= TIGHT_LAG * (r->box_s + r->tau_s) &&
	    (r->is_lag_anchored || spread >= DITHER_FRACTION))
		return 0;
	code = jm_isolated_anchor(w, c, *needs_search ? &unknown : r, r);
	if (code == 0)
		*needs_search = false;
	return code == JM_E_NOMEM ? jm_error_set(err, code, "out of memory for isolated blocks") : 0;
}

int jm_method_estimate(struct jm_work *w, size_t c, enum jm_method method, struct jm_part *parts,
		       struct jm_levels *levels, struct jm_error *err)
{
	struct jm_isolated isolated = {0};
	bool needs_search = false;
	struct jm_response r = jm_estimate_response(w, c, &needs_search);
	int code = 0;

	if (method == JM_METHOD_ISOLATE || method == JM_METHOD_FUSED) {
		code = take_anchor(w, c, &r, &needs_search, err);
		if (code == 0)
			code = jm_isolated_init(&isolated, w, c, &r, err);
	}
	if (code == 0 && method != JM_METHOD_REGRESS && isolated.n_known == 0) {
		code = leave_sum(w, c, "no layer was run alone: use --isolate", parts, levels);
	} else if (code == 0 && method == JM_METHOD_ISOLATE) {
		jm_estimate_alone(w, &isolated, parts);
		if (!needs_search && jm_levels_of_rests(w, c, &r, levels) < 0)
			code = jm_error_set(err, JM_E_NOMEM, "out of memory for the rests");
	} else if (code == 0 && method == JM_METHOD_FUSED && w->is_scaled) {
		code = jm_scaled_estimate(w, c, &isolated, parts, levels, err);
	} else if (code == 0) {
		code =
		    fit_layers(w, c, r, needs_search, method == JM_METHOD_FUSED ? &isolated : NULL, parts, levels, err);
	}
	jm_isolated_finish(&isolated);
	return code;
}
