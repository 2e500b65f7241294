/* A world with known truth: a network of 60 layers of 0.02 to 5 ms runs for a while, and a sensor looks at it. Everything is
 * exact (power is piecewise constant), seeded, in virtual time. The sensor's sums are written independently of
 * attribution/forward.c on purpose.
 *
 * Numbers: layers' durations log-uniform 0.02 .. 5 ms, powers 180 .. 650 W, idle 120 W; durations jitter by 1 %; in a layer
 * power ramps by 10 % (up or down, three steps); from one iteration to the next all powers wobble by 0.5 %; rests between
 * iterations uniform on 0 .. 0.3 of an iteration (dither). Isolated blocks: power of each layer alone, wrong by +8, -3, +2 %
 * for its class and by 3 % for itself. */
#ifndef SUPPORT_EMULATOR_H
#define SUPPORT_EMULATOR_H

#include "attribution/attribution.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef EMU_LAYERS
#define EMU_LAYERS 60
#endif
#define EMU_STEPS   3
#define EMU_IDLE_W  120.0
#define EMU_CLASSES 3

struct emu_sensor {
	const char *name;
	double period_ms, box_ms, tau_ms, lag_ms;
	double jitter_ms; /* sd of the true time of an update about the regular one */
	double noise_w, step_w;
	double duration_s;
	double time_error_ms;             /* the estimator's lag is wrong by that much, either way */
	double start_box, start_tau;      /* factor of the estimator's first guess */
	double lag_sd_ms, box_sd, tau_sd; /* priors: ms, fraction, fraction */
	bool is_counter;
};

struct emu_options {
	bool no_jitter, no_wobble, no_ramp; /* to see what each costs */
	bool no_dither, is_flat;            /* is_flat: no ramps, wobble or jitter of durations */
	double shift_s;                     /* the spans are shifted by that against the readings */
	bool has_twin;                      /* a counter, emu_counter, reads the same thing */
	/* The power of each layer strays by itself, slowly: sd as a fraction, and correlation time; as by what ran before, by the
	 * data, by clocks. What it draws grows by warming, a different fraction a layer, up to this one, over the run. */
	double slow_sd, slow_s, warming;
	double even_w; /* > 0: all layers draw about so much */
	int fixed_cycle; /* > 0: no jitter, rests make the iteration divide the window: period / fixed_cycle */
};

struct emu_rng {
	uint64_t s;
};

static inline uint64_t emu_next(struct emu_rng *r)
{
	uint64_t z = (r->s += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline double emu_uniform(struct emu_rng *r)
{
	return ((double)(emu_next(r) >> 11) + 0.5) / 9007199254740992.0;
}

static inline double emu_normal(struct emu_rng *r)
{
	double u = emu_uniform(r), v = emu_uniform(r);

	return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* Piecewise constant power. */
struct emu_piece {
	double start_s, end_s, power_w;
	double energy_j; /* before this piece */
	double state_w;  /* of the low-pass, at its start */
};

struct emu_world {
	double duration_s[EMU_LAYERS], power_w[EMU_LAYERS], isolated_w[EMU_LAYERS];
	uint32_t layer_class[EMU_LAYERS];
	double energy_j[EMU_LAYERS]; /* truth over the whole run, wobble included */
	double true_w[EMU_LAYERS];   /* energy over time */
	struct emu_piece *pieces;
	size_t n_pieces;
	struct jm_span *iterations, *layers; /* isolated blocks follow the layers */
	size_t n_iterations, n_layers;
	struct jm_sample *samples;
	size_t n_samples;
	struct jm_channel channel;
	struct jm_response response;
	struct jm_name names[EMU_LAYERS + 1];
	char texts[EMU_LAYERS][16];
	struct jm_stretch window;
	struct jm_sample *twin_samples;
	struct jm_channel channels[2]; /* used where there is a twin */
	struct jm_response responses[2];
	const struct jm_sample *sample_lists[2];
	size_t sample_counts[2];
	struct jm_attribution_input in;
};

static inline double emu_energy(const struct emu_world *w, double t_s, double *power_out, double *state_out,
				double tau_s)
{
	size_t low = 0, high = w->n_pieces - 1;
	const struct emu_piece *p;
	double u;

	while (low < high) {
		size_t middle = (low + high + 1) / 2;

		if (w->pieces[middle].start_s <= t_s)
			low = middle;
		else
			high = middle - 1;
	}
	p = &w->pieces[low];
	u = t_s - p->start_s;
	if (power_out)
		*power_out = p->power_w;
	if (state_out)
		*state_out = tau_s > 0 ? p->power_w + (p->state_w - p->power_w) * exp(-u / tau_s) : p->power_w;
	return p->energy_j + p->power_w * u;
}

/* What the sensor shows at t (s): box and low-pass of the power, exactly. */
static inline double emu_reading(const struct emu_world *w, double t_s, double box_s, double tau_s)
{
	double now, before, e0, e1;

	e1 = emu_energy(w, t_s, NULL, &now, tau_s);
	if (!(box_s > 0))
		return now;
	e0 = emu_energy(w, t_s - box_s, NULL, &before, tau_s);
	return (e1 - e0 - (tau_s > 0 ? tau_s * (now - before) : 0)) / box_s;
}

static inline void emu_add_piece(struct emu_world *w, size_t *capacity, double start_s, double end_s, double power_w,
				 double tau_s)
{
	struct emu_piece *p;

	if (w->n_pieces == *capacity) {
		*capacity = *capacity ? 2 * *capacity : 4096;
		w->pieces = realloc(w->pieces, *capacity * sizeof(*w->pieces));
		if (!w->pieces)
			abort();
	}
	p = &w->pieces[w->n_pieces];
	*p = (struct emu_piece){start_s, end_s, power_w, 0, power_w};
	if (w->n_pieces > 0) {
		double d = p[-1].end_s - p[-1].start_s;

		p->energy_j = p[-1].energy_j + p[-1].power_w * d;
		p->state_w = tau_s > 0 ? p[-1].power_w + (p[-1].state_w - p[-1].power_w) * exp(-d / tau_s) : power_w;
	}
	w->n_pieces++;
}

static inline struct jm_span emu_span(double start_s, double end_s, uint32_t name, uint32_t iteration, int kind,
				      int flags)
{
	struct jm_span s = {.start_ns = llround(start_s * 1e9), .end_ns = llround(end_s * 1e9), .name = name};

	s.iteration = iteration;
	s.kind = (uint8_t)kind;
	s.flags = (uint8_t)flags;
	return s;
}

/* even_w > 0: all layers draw about the same, alone and in place. */
static inline void emu_network(struct emu_world *w, double even_w, struct emu_rng *r)
{
	static const double kappa[EMU_CLASSES] = {0.08, -0.03, 0.02};
	size_t l;

	for (l = 0; l < EMU_LAYERS; l++) {
		w->duration_s[l] = 1e-3 * exp(log(0.02) + emu_uniform(r) * (log(5) - log(0.02)));
		w->power_w[l] = 180 + emu_uniform(r) * (650 - 180);
		w->layer_class[l] = (uint32_t)(emu_uniform(r) * EMU_CLASSES);
		w->isolated_w[l] = w->power_w[l] / (1 + kappa[w->layer_class[l]] + 0.03 * emu_normal(r));
		if (even_w > 0) {
			w->power_w[l] = even_w * (1 + 0.01 * emu_normal(r));
			w->isolated_w[l] = w->power_w[l] * (1 + 0.01 * emu_normal(r));
		}
		snprintf(w->texts[l], sizeof(w->texts[l]), "layer%zu", l);
		w->names[l].text = w->texts[l];
		w->names[l].type = w->layer_class[l] == 0 ? "Conv" : w->layer_class[l] == 1 ? "Gemm" : "Add";
	}
	w->names[EMU_LAYERS] = (struct jm_name){.text = "run", .type = ""};
}

static inline double emu_rest(const struct emu_options *o, const struct emu_sensor *s, double iteration_s,
			      double used_s, struct emu_rng *r)
{
	double cycle;

	if (o->fixed_cycle > 0) {
		cycle = 1e-3 * s->period_ms / o->fixed_cycle;
		while (cycle < used_s)
			cycle += 1e-3 * s->period_ms;
		return cycle - used_s;
	}
	return o->no_dither ? 0.05 * iteration_s : 0.3 * iteration_s * emu_uniform(r);
}

/* What layers draw in this iteration against the mean: stray is kept from one to the next. */
static inline double emu_context(const struct emu_options *o, double *stray, double step_s, double run_fraction, size_t l,
				 struct emu_rng *r)
{
	double rho, factor = 1;

	if (o->slow_sd > 0) {
		rho = exp(-step_s / o->slow_s);
		*stray = rho * *stray + sqrt(1 - rho * rho) * emu_normal(r);
		factor += o->slow_sd * *stray;
	}
	/* Towards the end as a chip settles, time constant a third of the run. */
	return factor + o->warming * (double)(l % 4) / 3 * (1 - exp(-3 * run_fraction));
}

/* Plays the schedule. */
static inline void emu_play(struct emu_world *w, const struct emu_sensor *s, const struct emu_options *o,
			    struct emu_rng *r)
{
	double tau_s = 1e-3 * s->tau_ms, t = 1.0, d_s = 0, sign[EMU_LAYERS], time_s[EMU_LAYERS] = {0},
	       stray[EMU_LAYERS] = {0};
	size_t l, k, capacity = 0, n_max, i = 0;

	for (l = 0; l < EMU_LAYERS; l++) {
		d_s += w->duration_s[l];
		sign[l] = emu_uniform(r) < 0.5 ? -1 : 1;
	}
	n_max = (size_t)(s->duration_s / d_s) + 2;
	w->iterations = calloc(n_max, sizeof(*w->iterations));
	w->layers = calloc(n_max * EMU_LAYERS + EMU_LAYERS * 16, sizeof(*w->layers));
	if (!w->iterations || !w->layers)
		abort();
	emu_add_piece(w, &capacity, -20, t, EMU_IDLE_W, tau_s);
	while (t < 1.0 + s->duration_s && i < n_max) {
		bool is_flat = o->is_flat || o->fixed_cycle > 0;
		double start = t, wobble = 1 + (is_flat || o->no_wobble ? 0 : 0.005 * emu_normal(r)), rest;

		for (l = 0; l < EMU_LAYERS; l++) {
			double from = t, context = emu_context(o, &stray[l], d_s, (t - 1.0) / s->duration_s, l, r);

			for (k = 0; k < EMU_STEPS; k++) {
				double jitter = fmax(-3, fmin(3, emu_normal(r)));
				double d = w->duration_s[l] / EMU_STEPS * (1 + (is_flat ? 0 : 0.01 * jitter));
				double p = w->power_w[l] *
					   (1 + (is_flat || o->no_ramp ? 0 : 0.1) * sign[l] * ((double)k - 1)) * wobble *
					   context;

				emu_add_piece(w, &capacity, t, t + d, p, tau_s);
				w->energy_j[l] += p * d;
				time_s[l] += d;
				t += d;
			}
			w->layers[w->n_layers++] =
			    emu_span(from + o->shift_s, t + o->shift_s, (uint32_t)l, (uint32_t)i, JM_SPAN_LAYER, 0);
		}
		w->iterations[i] =
		    emu_span(start + o->shift_s, t + o->shift_s, EMU_LAYERS, (uint32_t)i, JM_SPAN_ITERATION, 0);
		i++;
		rest = emu_rest(o, s, d_s, t - start, r);
		emu_add_piece(w, &capacity, t, t + rest, EMU_IDLE_W, tau_s);
		t += rest;
	}
	w->n_iterations = i;
	w->window = (struct jm_stretch){llround((1.0 + o->shift_s) * 1e9), w->iterations[i - 1].end_ns};
	emu_add_piece(w, &capacity, t, t + 1, EMU_IDLE_W, tau_s);
	for (l = 0; l < EMU_LAYERS; l++)
		w->true_w[l] = w->energy_j[l] / time_s[l];
}

/* Blocks of each layer alone, 220 ms each, four passes, after the run. */
static inline void emu_isolate(struct emu_world *w, const struct emu_sensor *s, struct emu_rng *r)
{
	double tau_s = 1e-3 * s->tau_ms, t = w->pieces[w->n_pieces - 1].end_s;
	double block_s = 1e-3 * (2.2 * fmax(s->period_ms, 10) + s->box_ms + 6 * s->tau_ms);
	size_t l, pass, capacity = w->n_pieces, order[EMU_LAYERS];

	for (pass = 0; pass < 4; pass++) {
		for (l = 0; l < EMU_LAYERS; l++)
			order[l] = l;
		for (l = EMU_LAYERS; l-- > 1;) {
			size_t k = (size_t)(emu_uniform(r) * (double)(l + 1)), swap = order[l];

			order[l] = order[k];
			order[k] = swap;
		}
		for (l = 0; l < EMU_LAYERS; l++) {
			size_t at = order[l];

			emu_add_piece(w, &capacity, t, t + block_s, w->isolated_w[at] * (1 + 0.002 * (double)pass),
				      tau_s);
			w->layers[w->n_layers++] =
			    emu_span(t, t + block_s, (uint32_t)at, (uint32_t)(block_s / w->duration_s[at]),
				     JM_SPAN_LAYER, JM_SPAN_ISOLATED);
			t += block_s;
		}
	}
	emu_add_piece(w, &capacity, t, t + 1, EMU_IDLE_W, tau_s);
}

static inline void emu_look(struct emu_world *w, const struct emu_sensor *s, const struct emu_options *o,
			    struct emu_rng *r, struct jm_sample **samples, size_t *n_samples)
{
	double period = 1e-3 * s->period_ms, first = 0.2 + period * emu_uniform(r),
	       end = w->pieces[w->n_pieces - 1].end_s - 0.2;
	double energy_uj = 1e6, last_s = 0, last_j = 0;
	size_t n = (size_t)((end - first) / period), i;

	*samples = calloc(n + 1, sizeof(**samples));
	if (!*samples)
		abort();
	for (i = 0; i < n; i++) {
		double t = first + period * (double)i,
		       exact = t + (o->no_jitter ? 0 : 1e-3) * s->jitter_ms * emu_normal(r);
		double noise = s->noise_w * emu_normal(r), value;

		if (s->is_counter) {
			double e = emu_energy(w, exact, NULL, NULL, 0);

			energy_uj += 1e6 * (i ? e - last_j : 0) + 1e6 * noise * (i ? t - last_s : 0);
			last_j = e;
			last_s = t;
			value = floor(energy_uj / (1e6 * s->step_w * period)) * (1e6 * s->step_w * period);
		} else {
			value = emu_reading(w, exact, 1e-3 * s->box_ms, 1e-3 * s->tau_ms) + noise;
			value = 1e6 * round(value / s->step_w) * s->step_w;
		}
		(*samples)[(*n_samples)++] =
		    (struct jm_sample){.t_ns = llround((t + 1e-3 * s->lag_ms) * 1e9), .value = llround(value)};
	}
}

static inline void emu_describe(const struct emu_sensor *s, struct emu_rng *r, struct jm_channel *channel,
				struct jm_response *q)
{
	double side = emu_uniform(r) < 0.5 ? -1 : 1;

	jm_channel_init(channel, s->name);
	channel->quantity = s->is_counter ? JM_QUANTITY_ENERGY : JM_QUANTITY_POWER;
	channel->kind = s->is_counter ? JM_KIND_COUNTER : JM_KIND_GAUGE;
	q->family = s->tau_ms > 0 ? (s->box_ms > 0 ? JM_RESPONSE_RC_BOX : JM_RESPONSE_RC) : JM_RESPONSE_BOX;
	q->lag_s = 1e-3 * (s->lag_ms + side * s->time_error_ms);
	q->box_s = 1e-3 * s->box_ms * s->start_box;
	q->tau_s = 1e-3 * s->tau_ms * s->start_tau;
	q->lag_sd_s = 1e-3 * s->lag_sd_ms;
	q->box_sd_s = s->is_counter ? 0 : s->box_sd * q->box_s;
	q->tau_sd_s = s->tau_sd * q->tau_s;
	q->period_s = 1e-3 * s->period_ms;
	q->noise_w = s->noise_w;
}

/* The energy counter beside a buffer: changes every 100 ms, mJ. */
static const struct emu_sensor emu_counter = {"counter", 100, 100, 0, 0,    0.1, 0.3, 0.01, 60,
					      0.3,	 1,   1, 2, 0,	  0,	true};
#define EMU_TWIN_GAIN 1.01

static inline void emu_add_twin(struct emu_world *w, const struct emu_options *o, struct emu_rng *r)
{
	size_t i;

	emu_look(w, &emu_counter, o, r, &w->twin_samples, &w->sample_counts[1]);
	for (i = 0; i < w->sample_counts[1]; i++)
		w->twin_samples[i].value = llround(EMU_TWIN_GAIN * (double)w->twin_samples[i].value);
	w->sample_lists[1] = w->twin_samples;
	w->channels[0] = w->channel;
	w->responses[0] = w->response;
	emu_describe(&emu_counter, r, &w->channels[1], &w->responses[1]);
	w->channels[1].same_as = 0;
	w->in.channels = w->channels;
	w->in.responses = w->responses;
	w->in.n_channels = 2;
}

/* Makes the world of a seed. */
static inline struct emu_world *emu_create(const struct emu_sensor *s, const struct emu_options *o, uint64_t seed)
{
	struct emu_world *w = calloc(1, sizeof(*w));
	struct emu_rng r = {seed * UINT64_C(1000003) + 17};

	if (!w)
		abort();
	emu_network(w, o->even_w, &r);
	emu_play(w, s, o, &r);
	emu_isolate(w, s, &r);
	emu_look(w, s, o, &r, &w->samples, &w->n_samples);
	emu_describe(s, &r, &w->channel, &w->response);
	w->sample_lists[0] = w->samples;
	w->sample_counts[0] = w->n_samples;
	w->in = (struct jm_attribution_input){.channels = &w->channel,
					      .n_channels = 1,
					      .samples = w->sample_lists,
					      .n_samples = w->sample_counts,
					      .windows = &w->window,
					      .n_windows = 1,
					      .iterations = w->iterations,
					      .n_iterations = w->n_iterations,
					      .layers = w->layers,
					      .n_layers = w->n_layers,
					      .names = w->names,
					      .n_names = EMU_LAYERS + 1,
					      .responses = &w->response};
	if (o->has_twin)
		emu_add_twin(w, o, &r);
	return w;
}

static inline void emu_destroy(struct emu_world *w)
{
	free(w->pieces);
	free(w->iterations);
	free(w->layers);
	free(w->samples);
	free(w->twin_samples);
	free(w);
}

/* The sensors that are imitated. */
static const struct emu_sensor emu_sensors[] = {
    {"a100-like", 100, 25, 0, 0, 0.1, 0.3, 0.01, 60, 0.3, 1.02, 1, 2, 0.1, 0, false},
    {"rc-12", 100, 0, 12, 0, 0.1, 0.3, 0.01, 60, 0.3, 1, 13.0 / 12, 2, 0, 0.2, false},
    {"h200-like", 20, 5, 12, -2, 0.1, 0.3, 0.01, 60, 0.3, 1.02, 13.0 / 12, 2, 0.1, 0.2, false},
    {"h200-like-2w", 20, 5, 12, -2, 0.1, 2.0, 0.01, 60, 0.3, 1.02, 13.0 / 12, 2, 0.1, 0.2, false},
    /* The same where the buffer's own time stamps are good to 20 us. */
    {"h200-like-stamped", 20, 5, 12, -2, 0.02, 0.3, 0.01, 60, 0.3, 1.02, 13.0 / 12, 2, 0.1, 0.2, false},
    {"3090-like", 100, 100, 0, 0, 0.1, 0.3, 0.01, 60, 0.3, 1.01, 1, 2, 0.1, 0, false},
    {"v100-like", 20, 10, 0, 0, 0.1, 0.3, 0.01, 60, 0.3, 1.02, 1, 2, 0.1, 0, false},
    {"rapl-1ms", 1, 1, 0, 0, 0.01, 0.3, 0.061, 6, 0.02, 1, 1, 0.05, 0, 0, true},
    {"ina3221", 6.6, 1.1, 0, 0, 0.1, 2.0, 0.01, 30, 0.1, 1.01, 1, 0.2, 0.02, 0, false},
};
#define EMU_SENSORS (sizeof(emu_sensors) / sizeof(emu_sensors[0]))

/* Energy-weighted error of layers and the part of 95 % intervals that hold the truth. Layers without a figure count with
 * the figure of the estimate behind them when all_w is given. */
struct emu_verdict {
	double error, coverage;
	size_t n_figures, n_rows;
};

static inline struct emu_verdict emu_judge(const struct emu_world *w, const struct jm_result *r)
{
	struct emu_verdict v = {0};
	double wrong = 0, all = 0;
	size_t i, n_held = 0, n_intervals = 0;

	for (i = 0; i < r->n_layers; i++) {
		const struct jm_row *row = &r->layers[i];
		size_t l = (size_t)atoi(row->name + 5);
		double truth = w->true_w[l] * w->duration_s[l];

		v.n_rows++;
		if (isnan(row->mean_power_w))
			continue;
		v.n_figures++;
		wrong += fabs(row->mean_power_w - w->true_w[l]) * w->duration_s[l];
		all += truth;
		if (!isnan(row->mean_power_ci_w.low)) {
			n_intervals++;
			n_held += row->mean_power_ci_w.low <= w->true_w[l] && w->true_w[l] <= row->mean_power_ci_w.high;
		}
	}
	v.error = all > 0 ? wrong / all : NAN;
	v.coverage = n_intervals ? (double)n_held / (double)n_intervals : NAN;
	return v;
}

#endif
