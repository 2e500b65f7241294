#include "attribution/forward.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RESCALE_AT 40 /* time constants after which the exponentials are brought back to 1: e^40 = 2e17 */

/* All that ended before `at`. */
struct jm_stream {
	double *active_s; /* C per region */
	double *state;    /* z per region */
	size_t next;      /* first segment that ends after at */
	double at_s, ref_s, tau_s;
	double edge_s, edge_value; /* last exponential taken: segments often touch */
};

static struct jm_stream *stream_create(size_t n)
{
	struct jm_stream *s = calloc(1, sizeof(*s) + 2 * n * sizeof(double));

	if (s) {
		s->active_s = (double *)(s + 1);
		s->state = s->active_s + n;
	}
	return s;
}

static void stream_rewind(struct jm_stream *s, size_t n, double start_s, double tau_s)
{
	memset(s->active_s, 0, 2 * n * sizeof(double));
	s->next = 0;
	s->at_s = s->ref_s = start_s;
	s->tau_s = tau_s;
	s->edge_s = NAN;
}

static double growth(struct jm_stream *s, double t_s)
{
	if (t_s != s->edge_s) {
		s->edge_value = exp((t_s - s->ref_s) / s->tau_s);
		s->edge_s = t_s;
	}
	return s->edge_value;
}

static void rescale(struct jm_stream *s, size_t n, double to_s)
{
	double factor = exp(-(to_s - s->ref_s) / s->tau_s);
	size_t i;

	for (i = 0; i < n; i++)
		s->state[i] *= factor;
	s->ref_s = to_s;
	s->edge_s = NAN;
}

static size_t value_of(const struct jm_forward *f, size_t segment)
{
	if (!f->power)
		return f->segments[segment].region;
	return f->slots ? f->slots[segment] : 0;
}

static size_t row_length(const struct jm_forward *f)
{
	return f->power ? f->n_slots : f->n_regions;
}

static double weight_of(const struct jm_forward *f, const struct jm_segment *g)
{
	return f->power ? (double)g->weight * f->power[g->region] : (double)g->weight;
}

/* Takes over all segments that end at or before t. */
static void stream_advance(const struct jm_forward *f, struct jm_stream *s, size_t n, double t_s, double tau_s)
{
	if (t_s < s->at_s || tau_s != s->tau_s)
		stream_rewind(s, n, f->n_segments ? fmin(t_s, f->segments[0].start_s) : t_s, tau_s);
	for (; s->next < f->n_segments && f->segments[s->next].end_s <= t_s; s->next++) {
		const struct jm_segment *g = &f->segments[s->next];
		size_t r = value_of(f, s->next);
		double weight = weight_of(f, g);

		s->active_s[r] += weight * (g->end_s - g->start_s);
		if (tau_s > 0) {
			double before;

			if (g->end_s - s->ref_s > RESCALE_AT * tau_s)
				rescale(s, n, g->start_s);
			before = growth(s, g->start_s);
			s->state[r] += weight * (growth(s, g->end_s) - before);
		}
	}
	if (tau_s > 0 && t_s - s->ref_s > RESCALE_AT * tau_s)
		rescale(s, n, t_s);
	s->at_s = t_s;
}

/* Adds to row the part of the segments that are cut by t. scale: of the active time; state_scale: of the low-pass state. */
static void add_partial(const struct jm_forward *f, const struct jm_stream *s, double t_s, double scale,
			double state_scale, double *row, struct jm_cut *cut)
{
	size_t i;

	cut->length_s = 0;
	for (i = s->next; i < f->n_segments && f->segments[i].start_s < t_s; i++) {
		const struct jm_segment *g = &f->segments[i];
		size_t r = value_of(f, i);
		double weight = weight_of(f, g), u = t_s - g->start_s, d = g->end_s - g->start_s;

		row[r] += weight * scale * u;
		if (state_scale != 0)
			row[r] -= weight * state_scale * expm1(-u / s->tau_s);
		cut->region = g->region;
		cut->length_s = 2 * d * (u / d) * (1 - u / d);
	}
}

static int init(struct jm_forward *f)
{
	size_t n = row_length(f);

	f->head = stream_create(n);
	f->tail = stream_create(n);
	if (!f->head || !f->tail) {
		jm_forward_finish(f);
		return JM_E_NOMEM;
	}
	stream_rewind(f->head, n, INFINITY, 0);
	stream_rewind(f->tail, n, INFINITY, 0);
	return 0;
}

int jm_forward_init(struct jm_forward *f, const struct jm_segment *segments, size_t n_segments, size_t n_regions,
		    const double *power)
{
	memset(f, 0, sizeof(*f));
	f->segments = segments;
	f->n_segments = n_segments;
	f->n_regions = n_regions;
	f->power = power;
	f->n_slots = 1;
	return init(f);
}

int jm_forward_init_slots(struct jm_forward *f, const struct jm_segment *segments, size_t n_segments,
			  const double *power, const uint32_t *slots, size_t n_slots)
{
	memset(f, 0, sizeof(*f));
	f->segments = segments;
	f->n_segments = n_segments;
	f->power = power;
	f->slots = slots;
	f->n_slots = n_slots;
	return init(f);
}

void jm_forward_finish(struct jm_forward *f)
{
	free(f->head);
	free(f->tail);
	f->head = f->tail = NULL;
}

static void instant_row(struct jm_forward *f, double t_s, double *row)
{
	size_t i, r;

	stream_advance(f, f->head, row_length(f), t_s, 0);
	for (i = f->head->next; i < f->n_segments && f->segments[i].start_s <= t_s; i++) {
		r = value_of(f, i);
		row[r] += weight_of(f, &f->segments[i]);
	}
}

static void box_row(struct jm_forward *f, double t_s, double width_s, double tau_s, double *row)
{
	size_t i, n = row_length(f);
	double scale = 1 / width_s, state_scale = -tau_s / width_s, head_state = 0, tail_state = 0;

	stream_advance(f, f->head, n, t_s, tau_s);
	stream_advance(f, f->tail, n, t_s - width_s, tau_s);
	if (tau_s > 0) {
		head_state = state_scale * exp(-(t_s - f->head->ref_s) / tau_s);
		tail_state = state_scale * exp(-(t_s - width_s - f->tail->ref_s) / tau_s);
	}
	for (i = 0; i < n; i++) {
		row[i] = (f->head->active_s[i] - f->tail->active_s[i]) * scale;
		if (tau_s > 0)
			row[i] += f->head->state[i] * head_state - f->tail->state[i] * tail_state;
	}
	add_partial(f, f->head, t_s, scale, state_scale, row, &f->cut[0]);
	add_partial(f, f->tail, t_s - width_s, -scale, -state_scale, row, &f->cut[1]);
}

static void low_pass_row(struct jm_forward *f, double t_s, double tau_s, double *row)
{
	size_t i, n = row_length(f);
	double factor;

	stream_advance(f, f->head, n, t_s, tau_s);
	factor = exp(-(t_s - f->head->ref_s) / tau_s);
	for (i = 0; i < n; i++)
		row[i] = f->head->state[i] * factor;
	add_partial(f, f->head, t_s, 0, 1, row, &f->cut[0]);
}

void jm_forward_row(struct jm_forward *f, const struct jm_kernel *kernel, const struct jm_model_reading *reading,
		    double *row)
{
	double t_s = reading->t_s - kernel->lag_s, width_s = reading->width_s > 0 ? reading->width_s : kernel->box_s;

	memset(row, 0, (row_length(f)) * sizeof(*row));
	f->cut[0].length_s = f->cut[1].length_s = 0;
	if (width_s > 0)
		box_row(f, t_s, width_s, kernel->tau_s, row);
	else if (kernel->tau_s > 0)
		low_pass_row(f, t_s, kernel->tau_s, row);
	else
		instant_row(f, t_s, row);
}

int jm_forward_predict(const struct jm_segment *segments, size_t n_segments, size_t n_regions, const double *power,
		       double idle_w, const struct jm_kernel *kernel, const struct jm_model_reading *readings, size_t n,
		       double *out)
{
	struct jm_forward f;
	double *above = malloc((n_regions + 1) * sizeof(*above));
	size_t i;
	int code = JM_E_NOMEM;

	if (above) {
		for (i = 0; i < n_regions; i++)
			above[i] = power[i] - idle_w;
		code = jm_forward_init(&f, segments, n_segments, n_regions, above);
	}
	if (code < 0) {
		free(above);
		return code;
	}
	for (i = 0; i < n; i++) {
		jm_forward_row(&f, kernel, &readings[i], &out[i]);
		out[i] += idle_w;
	}
	jm_forward_finish(&f);
	free(above);
	return 0;
}
