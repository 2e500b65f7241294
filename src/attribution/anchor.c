/* The response of a sensor from the edges of blocks in which layers ran alone. Each layer has a level, what lies between two
 * blocks one for all; readings that look outside a chain of blocks are left out, since nobody knows what ran there. */
#include "attribution/calibrate.h"
#include "attribution/isolate.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>

#define MIN_BLOCKS    4
#define CHAIN_GAP_S   0.05 /* blocks further apart belong to different chains */
#define MAX_LAG_SD    0.15 /* of the response: edges that show tell more */
#define LEVEL_SD      0.6  /* of a level about the mean of all */
#define KERNEL_SD     0.15 /* of what the search found */
#define MIN_SD        0.02 /* of the response: the curvature knows nothing of misfit, */
#define SD_SAFETY     3    /* nor of this */
#define BLOCK_S       1.0
#define LOOKS_BACK_S  0.25 /* no response of use reaches further, */
#define LOOKS_AHEAD_S 0.02 /* nor does a lag */

/* The load that is played by the blocks. */
struct chain {
	const struct jm_span **blocks; /* by start */
	size_t n_blocks;
	uint32_t *level_of_layer;
	struct jm_segment *segments;
	struct jm_fit_region *regions;
	struct jm_model_reading *readings;
	struct jm_fit_input fit;
	int64_t origin_ns;
};

static int by_start(const void *a, const void *b)
{
	const struct jm_span *x = *(const struct jm_span *const *)a, *y = *(const struct jm_span *const *)b;

	return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static int take_blocks(struct chain *c, const struct jm_work *w)
{
	size_t i;

	c->blocks = malloc((w->in->n_layers + 1) * sizeof(*c->blocks));
	if (!c->blocks)
		return JM_E_NOMEM;
	for (i = 0; i < w->in->n_layers; i++) {
		const struct jm_span *s = &w->in->layers[i];

		if ((s->flags & JM_SPAN_ISOLATED) && s->end_ns > s->start_ns &&
		    w->layer_of_name[s->name] != JM_NO_LAYER)
			c->blocks[c->n_blocks++] = s;
	}
	if (c->n_blocks < MIN_BLOCKS)
		return JM_E_UNIDENTIFIABLE;
	qsort(c->blocks, c->n_blocks, sizeof(*c->blocks), by_start);
	c->origin_ns = c->blocks[0]->start_ns;
	return 0;
}

static double seconds(const struct chain *c, int64_t t_ns)
{
	return jm_s_from_ns(t_ns - c->origin_ns);
}

/* Segments of the blocks and of what lies between them. The last level is that of the gaps. */
static int make_segments(struct chain *c, const struct jm_work *w)
{
	uint32_t n_levels = 0;
	size_t i, n = 0;

	c->level_of_layer = malloc((w->n_layers + 1) * sizeof(*c->level_of_layer));
	c->segments = malloc(2 * c->n_blocks * sizeof(*c->segments));
	c->regions = calloc(w->n_layers + 1, sizeof(*c->regions));
	if (!c->level_of_layer || !c->segments || !c->regions)
		return JM_E_NOMEM;
	for (i = 0; i < w->n_layers; i++)
		c->level_of_layer[i] = JM_NO_LAYER;
	for (i = 0; i < c->n_blocks; i++) {
		uint32_t *level = &c->level_of_layer[w->layer_of_name[c->blocks[i]->name]];

		*level = *level == JM_NO_LAYER ? n_levels++ : *level;
	}
	for (i = 0; i < c->n_blocks; i++) {
		const struct jm_span *b = c->blocks[i];
		double start = seconds(c, b->start_ns), end = n ? c->segments[n - 1].end_s : start;

		start = start > end ? start : end;
		if (start > end && start - end <= CHAIN_GAP_S)
			c->segments[n++] = (struct jm_segment){end, start, n_levels, 1};
		if (seconds(c, b->end_ns) > start)
			c->segments[n++] = (struct jm_segment){start, seconds(c, b->end_ns),
							       c->level_of_layer[w->layer_of_name[b->name]], 1};
	}
	for (i = 0; i <= n_levels; i++)
		c->regions[i].layer = (uint32_t)i;
	c->fit = (struct jm_fit_input){.segments = c->segments, .n_segments = n, .regions = c->regions};
	c->fit.n_regions = c->fit.n_layers = n_levels + 1u;
	return 0;
}

/* Keeps the readings that see nothing but one chain of blocks. */
static int make_readings(struct chain *c, const struct jm_series *s)
{
	double chain_start = c->segments[0].start_s, chain_end;
	size_t i, at = 0, n = 0;

	c->readings = malloc((s->n_readings + 1) * sizeof(*c->readings));
	if (!c->readings)
		return JM_E_NOMEM;
	for (i = 0; i < s->n_readings; i++) {
		double t = seconds(c, s->readings[i].t_ns), width = jm_s_from_ns(s->readings[i].span_ns);

		for (;; at++) {
			chain_end = c->segments[at].end_s;
			if (at + 1 == c->fit.n_segments || chain_end >= t + LOOKS_AHEAD_S)
				break;
			if (c->segments[at + 1].start_s > chain_end)
				chain_start = c->segments[at + 1].start_s;
		}
		if (t - width - LOOKS_BACK_S < chain_start || t + LOOKS_AHEAD_S > chain_end ||
		    s->readings[i].is_unsure)
			continue;
		c->readings[n++] = (struct jm_model_reading){t, width, s->readings[i].power_w};
	}
	c->fit.readings = c->readings;
	c->fit.n_readings = n;
	return 0;
}

/* Refines what was found, and tells the sensor's own noise from the straying of its updates: on the plateaus there is only
 * the one, at the edges there are both. What cannot be refined stays as it was found. */
static int refine(struct chain *c, const struct jm_series *s, struct jm_response *r)
{
	double size = r->box_s + r->tau_s, mean = 0, *prior = calloc(c->fit.n_layers, sizeof(*prior));
	uint32_t *classes = calloc(c->fit.n_layers, sizeof(*classes));
	struct jm_fit fit = {0};
	size_t i;
	int code = prior && classes ? 0 : JM_E_NOMEM;

	for (i = 0; i < c->fit.n_readings; i++)
		mean += c->readings[i].power_w / (double)c->fit.n_readings;
	for (i = 0; code == 0 && i < c->fit.n_layers; i++)
		prior[i] = mean;
	c->fit.prior_w = prior;
	c->fit.layer_class = classes;
	c->fit.n_classes = 1;
	c->fit.sd_eps = LEVEL_SD;
	c->fit.is_eps_fixed = true;
	c->fit.idle_w = c->fit.idle_sd_w = 0.5 * mean;
	c->fit.block_s = BLOCK_S;
	c->fit.step_w = s->step_w;
	c->fit.is_counter = s->is_counter;
	c->fit.kernel = (struct jm_kernel){r->lag_s, r->box_s, r->tau_s};
	c->fit.kernel_sd = (struct jm_kernel){KERNEL_SD * size, KERNEL_SD * r->box_s, KERNEL_SD * r->tau_s};
	code = code == 0 ? jm_fit(&c->fit, &fit, NULL) : code;
	if (code == 0) {
		r->lag_s = fit.kernel.lag_s;
		r->box_s = fit.kernel.box_s;
		r->tau_s = fit.kernel.tau_s;
		r->lag_sd_s = fmax(MIN_SD * size, SD_SAFETY * fit.kernel_sd.lag_s);
		r->box_sd_s = r->box_s > 0 ? fmax(MIN_SD * size, SD_SAFETY * fit.kernel_sd.box_s) : 0;
		r->tau_sd_s = r->tau_s > 0 ? fmax(MIN_SD * size, SD_SAFETY * fit.kernel_sd.tau_s) : 0;
		r->noise_w = fit.white_w;
		r->clock_sd_s = fit.jitter_s;
	}
	jm_fit_finish(&fit);
	free(prior);
	free(classes);
	return code == JM_E_NOMEM ? code : 0;
}

static double size_of(const struct jm_response *r, const struct jm_series *s)
{
	double size = r->box_s + r->tau_s;

	return size > 0 ? size : jm_s_from_ns(s->period_ns);
}

int jm_isolated_anchor(const struct jm_work *w, size_t channel, const struct jm_response *known,
		       struct jm_response *out)
{
	struct jm_response found = {0};
	struct chain c = {0};
	int code = w->layer_of_name ? take_blocks(&c, w) : JM_E_UNIDENTIFIABLE;

	if (code == 0)
		code = make_segments(&c, w);
	if (code == 0)
		code = make_readings(&c, &w->series[channel]);
	if (code == 0)
		code = jm_calibrate_blocks(&c.fit, known, &found);
	if (code == 0 && !(found.lag_sd_s <= MAX_LAG_SD * size_of(&found, &w->series[channel])))
		code = JM_E_UNIDENTIFIABLE;
	/* Edges tell the whole delay: what box and low-pass may be off by, the lag is off by the other way. */
	if (code == 0 && known->family != JM_RESPONSE_UNKNOWN)
		found.lag_sd_s = fmin(fmax(known->lag_sd_s, found.lag_sd_s),
				      hypot(found.lag_sd_s, hypot(known->tau_sd_s, 0.5 * known->box_sd_s)));
	if (code == 0 && known->family == JM_RESPONSE_UNKNOWN)
		code = refine(&c, &w->series[channel], &found);
	if (code == 0)
		*out = found;
	free(c.blocks);
	free(c.level_of_layer);
	free(c.segments);
	free(c.regions);
	free(c.readings);
	return code;
}
