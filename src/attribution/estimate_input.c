#include "attribution/estimate_input.h"

#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SPLIT_ABOVE_S         0.25e-3 /* longer layers get three sub-segments, */
#define SPLIT_MAX_PART        0.15    /* for a fast sensor those above this part of its kernel, */
#define SPLIT_MIN_PART        0.017
#define N_PIECES              3
#define MAX_SPLIT_LAYERS      200  /* with more, no layer is split: the system would get too large */
#define PASSIVE_SD            0.4  /* flat prior of passive regression */
#define ISOLATED_SD           0.03 /* what a layer draws among others against alone, to start from */
#define BARE_SD               0.5
#define BARE_FRACTION         1e-4 /* of busy time: less is not worth a level of its own */
#define REACH_CONSTANTS       8    /* time constants a reading looks back: e^-8 = 0.03 % */
#define MIN_TEMPERATURE_RANGE 1.0  /* degrees */
#define MIN_BLOCKS            30
#define BLOCK_S               1.0
#define BLOCK_ITERATIONS      10
#define GROUPS_IN_KERNEL      5
#define MIN_TWIN_READINGS     10
#define MAX_TWIN_BOX_S        0.5
#define TWIN_GAIN_SD          0.05
#define MAX_TWIN_WOBBLE       0.01
#define MAX_TWIN_RESIDUAL     0.05 /* of the swing */
#define NO_ISOLATED_SD        0.4  /* fused: a layer that was not run alone */

/* A layer that the kernel's edges often cut shows its shape in the readings. */
static double split_above(double kernel_s)
{
	return fmax(SPLIT_MIN_PART * kernel_s, fmin(SPLIT_ABOVE_S, SPLIT_MAX_PART * kernel_s));
}

static double mean_run_s(const struct jm_layer *l)
{
	return l->count > 0 ? l->span_s / l->count : 0;
}

/* Layers that are said to be identical share one unknown. */
static int tie_layers(struct jm_estimate_input *e, const struct jm_work *w)
{
	uint32_t *first = NULL;
	size_t l, k;

	e->fitted_of_layer = malloc((w->n_layers + 1) * sizeof(*e->fitted_of_layer));
	first = malloc((w->n_layers + 1) * sizeof(*first));
	if (!e->fitted_of_layer || !first) {
		free(first);
		return JM_E_NOMEM;
	}
	for (l = 0; l < w->n_layers; l++) {
		size_t fitted = e->n_fitted;

		for (k = 0; w->in->ties && k < e->n_fitted; k++) {
			if (w->in->ties[w->layers[first[k]].name] == w->in->ties[w->layers[l].name])
				fitted = k;
		}
		if (fitted == e->n_fitted)
			first[e->n_fitted++] = (uint32_t)l;
		else
			e->has_ties = true;
		e->fitted_of_layer[l] = (uint32_t)fitted;
	}
	free(first);
	return 0;
}

/* One region per fitted layer, three where it is long; the last is the bare one. first_region: of each fitted layer;
 * pieces: how many. */
static int make_regions(struct jm_estimate_input *e, const struct jm_work *w, double kernel_s, uint32_t **first_out,
			uint8_t **pieces_out)
{
	size_t n = e->n_fitted + 1, l, k, n_regions = 0;
	uint32_t *first = calloc(n, sizeof(*first));
	uint8_t *pieces = calloc(n, sizeof(*pieces));

	e->regions = calloc(N_PIECES * n, sizeof(*e->regions));
	*first_out = first;
	*pieces_out = pieces;
	if (!first || !pieces || !e->regions)
		return JM_E_NOMEM;
	for (l = 0; l < w->n_layers; l++) {
		bool is_long = mean_run_s(&w->layers[l]) > split_above(kernel_s);

		pieces[e->fitted_of_layer[l]] |= is_long ? N_PIECES : 1;
	}
	for (l = 0; l < e->n_fitted && e->n_fitted > MAX_SPLIT_LAYERS; l++)
		pieces[l] = 1;
	pieces[e->n_fitted] = 1;
	for (l = 0; l < n; l++) {
		first[l] = (uint32_t)n_regions;
		for (k = 0; k < pieces[l]; k++) {
			struct jm_fit_region *r = &e->regions[n_regions++];

			r->layer = (uint32_t)l;
			if (pieces[l] > 1) {
				r->linear = (float)k - 1;
				r->quadratic = k == 1 ? -2.0f / 3 : 1.0f / 3;
			}
		}
	}
	e->fit.n_regions = n_regions - (e->has_bare ? 0 : 1);
	e->fit.n_layers = e->n_fitted + (e->has_bare ? 1 : 0);
	return 0;
}

static double seconds(const struct jm_estimate_input *e, int64_t t_ns)
{
	return jm_s_from_ns(t_ns - e->origin_ns);
}

/* Joins slices and bare stretches, both by start, into segments. */
static int make_segments(struct jm_estimate_input *e, const struct jm_work *w, const uint32_t *first,
			 const uint8_t *pieces)
{
	size_t i = 0, j = 0, k, n = 0, n_max = w->bare.n + 1;
	size_t n_bare = e->has_bare ? w->bare.n : 0;

	for (i = 0; i < w->slices.n; i++)
		n_max += pieces[e->fitted_of_layer[w->layer_of_name[w->slices.items[i].name]]];
	e->segments = malloc(n_max * sizeof(*e->segments));
	if (!e->segments)
		return JM_E_NOMEM;
	for (i = 0; i < w->slices.n || j < n_bare;) {
		const struct jm_slice *s = i < w->slices.n ? &w->slices.items[i] : NULL;
		uint32_t l;
		double a, d;

		if (!s || (j < n_bare && w->bare.items[j].start_ns < s->start_ns)) {
			const struct jm_stretch *b = &w->bare.items[j++];

			e->segments[n++] =
			    (struct jm_segment){seconds(e, b->start_ns), seconds(e, b->end_ns), first[e->n_fitted], 1};
			continue;
		}
		l = e->fitted_of_layer[w->layer_of_name[s->name]];
		a = seconds(e, s->start_ns);
		d = (seconds(e, s->end_ns) - a) / pieces[l];
		for (k = 0; k < pieces[l]; k++)
			e->segments[n++] = (struct jm_segment){
			    a + (double)k * d, k + 1u < pieces[l] ? a + (double)(k + 1) * d : seconds(e, s->end_ns),
			    first[l] + (uint32_t)k, 1.0f / (float)s->n_sharing};
		i++;
	}
	e->fit.segments = e->segments;
	e->fit.n_segments = n;
	return 0;
}

/* Groups of iterations, so that a kernel spans at most GROUPS_IN_KERNEL of them. */
static int make_groups(const struct jm_estimate_input *e, const struct jm_work *w, double reach_s, uint32_t **out)
{
	double iteration = w->n_iterations > 0 ? w->windows_s / w->n_iterations : 0;
	size_t per_group, i, at = 0;
	uint32_t *group;

	if (w->iterations.n < MIN_BLOCKS)
		return 0;
	per_group = (size_t)ceil(reach_s / (GROUPS_IN_KERNEL * iteration));
	per_group = per_group > 0 ? per_group : 1;
	*out = group = malloc((e->fit.n_segments + 1) * sizeof(*group));
	if (!group)
		return JM_E_NOMEM;
	for (i = 0; i < e->fit.n_segments; i++) {
		while (at + 1 < w->iterations.n &&
		       seconds(e, w->iterations.items[at + 1].start_ns) <= e->segments[i].start_s)
			at++;
		group[i] = (uint32_t)(at / per_group);
	}
	return 0;
}

int jm_estimate_readings(const struct jm_work *w, size_t c, const struct jm_response *r, struct jm_model_reading **out,
			 size_t *n_out)
{
	const struct jm_estimate_input e[] = {{.origin_ns = w->windows.items[0].start_ns}};
	const struct jm_series *s = &w->series[c];
	double margin = 2 * r->lag_sd_s;
	struct jm_model_reading *readings = malloc((s->n_readings + 1) * sizeof(*readings));
	size_t i, j = 0, n = 0;

	*out = readings;
	if (!readings)
		return JM_E_NOMEM;
	for (i = 0; i < s->n_readings; i++) {
		double t = seconds(e, s->readings[i].t_ns), width = jm_s_from_ns(s->readings[i].span_ns);
		double last = t - r->lag_s + margin, first = last - 2 * margin - REACH_CONSTANTS * r->tau_s;

		first -= width > 0 ? width : 1.1 * r->box_s;
		while (j < w->windows.n && seconds(e, w->windows.items[j].end_ns) < last)
			j++;
		if (j == w->windows.n)
			break;
		if (first < seconds(e, w->windows.items[j].start_ns) || s->readings[i].is_unsure)
			continue;
		readings[n++] = (struct jm_model_reading){t, width, s->readings[i].power_w};
	}
	*n_out = n;
	return 0;
}

/* Temperature of the same device at each reading, degrees about their mean; left out where it hardly moves. */
static int make_temperature(struct jm_estimate_input *e, const struct jm_work *w, size_t c)
{
	const struct jm_channel *channels = w->in->channels;
	size_t t = 0, i, k = 0, n = e->fit.n_readings;
	double mean = 0, low = INFINITY, high = -INFINITY;
	const struct jm_sample *s;

	while (t < w->in->n_channels &&
	       (channels[t].quantity != JM_QUANTITY_TEMPERATURE || channels[t].device != channels[c].device ||
		channels[t].domain != channels[c].domain || !w->in->samples[t]))
		t++;
	if (t == w->in->n_channels || w->in->n_samples[t] < 2 || n == 0)
		return 0;
	e->temperature = malloc(n * sizeof(*e->temperature));
	if (!e->temperature)
		return JM_E_NOMEM;
	s = w->in->samples[t];
	for (i = 0; i < n; i++) {
		while (k + 1 < w->in->n_samples[t] && seconds(e, s[k + 1].t_ns) <= e->readings[i].t_s)
			k++;
		e->temperature[i] =
		    s[k].status == JM_SAMPLE_OK || i == 0 ? 1e-3 * (double)s[k].value : e->temperature[i - 1];
		mean += e->temperature[i] / (double)n;
		low = fmin(low, e->temperature[i]);
		high = fmax(high, e->temperature[i]);
	}
	for (i = 0; i < n; i++)
		e->temperature[i] -= mean;
	if (high - low >= MIN_TEMPERATURE_RANGE && s[0].status == JM_SAMPLE_OK)
		e->fit.temperature = e->temperature;
	return 0;
}

/* Classes are layer types; in passive regression there is one. */
static void make_classes(struct jm_estimate_input *e, const struct jm_work *w, bool is_one)
{
	size_t l, k;

	e->fit.n_classes = 1;
	for (l = 0; l < w->n_layers && !is_one; l++) {
		for (k = 0; k < l && strcmp(w->layers[k].type, w->layers[l].type) != 0;)
			k++;
		e->layer_class[e->fitted_of_layer[l]] =
		    k < l ? e->layer_class[e->fitted_of_layer[k]] : (uint32_t)e->fit.n_classes++;
	}
}

/* What layers drew alone; of identical ones the mean. */
static void take_isolated(struct jm_estimate_input *e, const struct jm_work *w, const struct jm_isolated *isolated)
{
	size_t f, l;

	for (f = 0; f < e->n_fitted; f++) {
		double sum = 0, n = 0;

		for (l = 0; l < w->n_layers; l++) {
			if (e->fitted_of_layer[l] != f || isnan(isolated->power_w[l]) || !(isolated->power_w[l] > 0))
				continue;
			sum += isolated->power_w[l];
			n++;
		}
		if (n > 0) {
			e->prior_w[f] = sum / n;
			e->layer_sd[f] = 0;
		}
	}
}

static void make_priors(struct jm_estimate_input *e, const struct jm_work *w, size_t c,
			const struct jm_isolated *isolated)
{
	double seen_s, busy_j = jm_stretches_energy(&w->busy, &w->series[c], &seen_s);
	double busy_w = seen_s > 0 ? busy_j / seen_s : 0,
	       rest_j = jm_stretches_energy(&w->rest, &w->series[c], &seen_s);
	size_t l;

	/* Short rests look like the layers around them to a slow sensor; so this is only a place to start from. */
	e->fit.idle_w = seen_s > 0 ? fmin(busy_w, rest_j / seen_s) * 0.5 : 0.5 * busy_w;
	e->fit.idle_sd_w = 0.5 * busy_w;
	if (w->baselines[c].is_known) {
		e->fit.idle_w = w->baselines[c].power_w;
		e->fit.idle_sd_w = fmax(3 * w->baselines[c].sd_w, 0.3 * w->baselines[c].power_w);
	}
	for (l = 0; l <= e->n_fitted; l++) {
		e->prior_w[l] = busy_w;
		e->layer_sd[l] = isolated ? NO_ISOLATED_SD : 0;
	}
	e->layer_sd[e->n_fitted] = BARE_SD;
	/* Between layers of an iteration a device draws no less than between iterations. */
	e->fit.n_above_idle = e->has_bare;
	if (isolated)
		take_isolated(e, w, isolated);
	e->fit.sd_eps = isolated ? ISOLATED_SD : PASSIVE_SD;
	if (isolated && w->opt->isolated_sd_fraction > 0) {
		e->fit.sd_eps = w->opt->isolated_sd_fraction;
		e->fit.is_eps_fixed = true;
	}
	make_classes(e, w, !isolated);
}

static double block_length(const struct jm_work *w)
{
	double iteration_s = w->n_iterations > 0 ? w->windows_s / w->n_iterations : 0;
	double block = fmax(BLOCK_S, BLOCK_ITERATIONS * iteration_s);

	return fmax(fmin(block, w->windows_s / MIN_BLOCKS), iteration_s);
}

/* What belongs to one channel: readings, groups, kernel. */
static int make_channel(const struct jm_estimate_input *e, const struct jm_work *w, size_t c,
			const struct jm_response *r, struct jm_fit_input *fit, struct jm_model_reading **readings,
			uint32_t **group)
{
	int code = 0;

	fit->is_counter = w->series[c].is_counter;
	fit->kernel = (struct jm_kernel){r->lag_s, r->box_s, r->tau_s};
	fit->kernel_sd = (struct jm_kernel){r->lag_sd_s, r->box_sd_s, r->tau_sd_s};
	fit->step_w = w->series[c].step_w;
	if (!fit->is_counter)
		code = make_groups(e, w, r->box_s + 4 * r->tau_s, group);
	if (code == 0)
		code = jm_estimate_readings(w, c, r, readings, &fit->n_readings);
	fit->segment_group = *group;
	fit->readings = *readings;
	return code;
}

/* The twin that tells most, or -1. */
static int find_twin(const struct jm_work *w, size_t c, struct jm_response *response)
{
	size_t k, most = MIN_TWIN_READINGS;
	int found = -1;

	for (k = 0; k < w->in->n_channels; k++) {
		const struct jm_series *s = &w->series[k];
		bool needs_search;
		struct jm_response r;

		if (w->in->channels[k].same_as != (int)c || s->n_readings < most ||
		    s->is_counter == w->series[c].is_counter)
			continue;
		r = jm_estimate_response(w, k, &needs_search);
		if (needs_search || r.family == JM_RESPONSE_RAMP || r.box_s > MAX_TWIN_BOX_S)
			continue;
		most = s->n_readings;
		found = (int)k;
		*response = r;
	}
	return found;
}

/* Wobble is what two channels share, and the fit takes it for their own: where it is large, each tells the same error again. */
static bool is_steady(const struct jm_fit *fit)
{
	return fmax(fit->wobble, fit->twin_wobble) <= MAX_TWIN_WOBBLE &&
	       fit->residual_w <= MAX_TWIN_RESIDUAL * fit->swing_w;
}

int jm_estimate_input_stack(struct jm_estimate_input *in, const struct jm_work *w, size_t c, struct jm_fit *fit,
			    struct jm_error *err)
{
	struct jm_response r;
	int code, twin = is_steady(fit) ? find_twin(w, c, &r) : -1;
	struct jm_fit both;

	if (twin < 0)
		return 0;
	in->twin_fit = in->fit;
	in->twin_fit.temperature = NULL;
	in->twin_fit.gain_sd = TWIN_GAIN_SD;
	if (make_channel(in, w, (size_t)twin, &r, &in->twin_fit, &in->twin_readings, &in->twin_group) < 0)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the readings");
	if (in->twin_fit.n_readings < MIN_TWIN_READINGS)
		return 0;
	in->fit.twin = &in->twin_fit;
	code = jm_fit(&in->fit, &both, err);
	if (code == 0 && is_steady(&both)) {
		jm_fit_finish(fit);
		*fit = both;
		in->twin = twin;
		return 0;
	}
	jm_fit_finish(&both);
	in->fit.twin = NULL;
	return code == JM_E_NOMEM ? code : 0;
}

int jm_estimate_input_init(struct jm_estimate_input *out, const struct jm_work *w, size_t c,
			   const struct jm_response *r, const struct jm_isolated *isolated, struct jm_error *err)
{
	double kernel_s = r->box_s + 2 * r->tau_s;
	uint32_t *first = NULL;
	uint8_t *pieces = NULL;
	size_t n = w->n_layers + 1;
	int code;

	memset(out, 0, sizeof(*out));
	out->twin = -1;
	out->origin_ns = w->windows.items[0].start_ns;
	out->has_bare = jm_stretches_seconds(&w->bare) > BARE_FRACTION * w->busy_s;
	out->prior_w = calloc(n, sizeof(double));
	out->layer_sd = calloc(n, sizeof(double));
	out->layer_class = calloc(n, sizeof(uint32_t));
	code = out->prior_w && out->layer_sd && out->layer_class ? tie_layers(out, w) : JM_E_NOMEM;
	if (w->series[c].is_counter)
		kernel_s = jm_s_from_ns(w->series[c].period_ns);
	if (code == 0)
		code = make_regions(out, w, kernel_s, &first, &pieces);
	if (code == 0)
		code = make_segments(out, w, first, pieces);
	if (code == 0)
		code = make_channel(out, w, c, r, &out->fit, &out->readings, &out->segment_group);
	if (code == 0)
		code = make_temperature(out, w, c);
	free(first);
	free(pieces);
	if (code < 0) {
		jm_estimate_input_finish(out);
		return jm_error_set(err, code, "out of memory for the readings");
	}
	make_priors(out, w, c, isolated);
	out->fit.regions = out->regions;
	out->fit.prior_w = out->prior_w;
	out->fit.layer_sd = out->layer_sd;
	out->fit.layer_class = out->layer_class;
	out->fit.block_s = block_length(w);
	return 0;
}

void jm_estimate_input_finish(struct jm_estimate_input *e)
{
	free(e->segments);
	free(e->segment_group);
	free(e->temperature);
	free(e->regions);
	free(e->readings);
	free(e->prior_w);
	free(e->layer_sd);
	free(e->layer_class);
	free(e->fitted_of_layer);
	free(e->twin_group);
	free(e->twin_readings);
	memset(e, 0, sizeof(*e));
}
