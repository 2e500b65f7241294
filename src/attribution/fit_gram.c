/* Rows to sums, random effects eliminated on the way. With D = diag(1/weight), effects e of variance R and feelings B:
 *   X' Sigma^-1 X = X' D^-1 X - Z' Z,   L L' = B' D^-1 B + 1/R,   Z = L^-1 B' D^-1 X
 * A reading feels at most JM_EFFECTS consecutive effects, so L is banded, and Z comes row by row as readings go by. */
#include "attribution/fit_gram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_AT_ONCE 8
#define RING         (2 * JM_EFFECTS)

int jm_gram_init(struct jm_gram *g, size_t n_regions, size_t n_channels)
{
	size_t n = n_regions + (n_channels > 1 ? JM_GRAM_WITH_TWIN : JM_GRAM_COMMON) + 1;

	memset(g, 0, sizeof(*g));
	g->n = n;
	g->half[0] = calloc(2 * n * n, sizeof(double));
	g->half[1] = g->half[0] ? g->half[0] + n * n : NULL;
	return g->half[0] ? 0 : JM_E_NOMEM;
}

void jm_gram_finish(struct jm_gram *g)
{
	free(g->half[0]);
	memset(g, 0, sizeof(*g));
}

/* Effects that readings may still add to, and those before that the band reaches. */
struct eliminator {
	size_t n;
	double *rows;                  /* RING x n: B' D^-1 X, then Z */
	double band[RING][JM_EFFECTS]; /* B' D^-1 B, then L: entry j couples with the effect j before */
	uint32_t first, newest;        /* effects first .. newest are open */
	uint32_t oldest;               /* closed ones down to here are of this block */
	bool is_empty;
	double precision; /* 1 / R */
	jm_gram_visit visit;
	void *ctx;
	size_t channel, block;
};

static void close_effect(struct eliminator *e, uint32_t id)
{
	double *l = e->band[id % RING], *z = e->rows + (id % RING) * e->n;
	uint32_t j, k, reach = id - e->oldest < JM_EFFECTS - 1 ? id - e->oldest : JM_EFFECTS - 1;
	size_t i;

	for (j = reach; j >= 1; j--) {
		const double *other = e->band[(id - j) % RING];
		const double *other_z = e->rows + ((id - j) % RING) * e->n;

		for (k = j + 1; k <= reach; k++)
			l[j] -= l[k] * other[k - j];
		l[j] /= other[0];
		for (i = 0; i < e->n && l[j] != 0; i++)
			z[i] -= l[j] * other_z[i];
	}
	l[0] += e->precision;
	for (j = 1; j <= reach; j++)
		l[0] -= l[j] * l[j];
	l[0] = sqrt(fmax(l[0], 1e-12 * e->precision));
	for (i = 0; i < e->n; i++)
		z[i] /= l[0];
	e->visit(e->ctx, e->channel, z, -1, e->block);
}

static void close_all(struct eliminator *e)
{
	for (; !e->is_empty && e->first <= e->newest; e->first++)
		close_effect(e, e->first);
	e->is_empty = true;
}

/* Opens effects up to `newest`; closes those that no later reading can feel. */
static void open_effects(struct eliminator *e, uint32_t newest)
{
	uint32_t id;

	if (e->is_empty || newest > e->newest + JM_EFFECTS) {
		close_all(e);
		e->first = e->oldest = newest >= JM_EFFECTS - 1 ? newest - (JM_EFFECTS - 1) : 0;
		e->newest = e->first - 1;
		e->is_empty = false;
	}
	/* Close before opening: the ring holds what is open and what the band still reaches, and no more. */
	for (; e->first + (JM_EFFECTS - 1) < newest && e->first != e->newest + 1; e->first++)
		close_effect(e, e->first);
	for (id = e->newest + 1; id != newest + 1; id++) {
		memset(e->band[id % RING], 0, sizeof(e->band[0]));
		memset(e->rows + (id % RING) * e->n, 0, e->n * sizeof(double));
	}
	e->newest = newest;
}

static void feel(struct eliminator *e, const double *row, double weight, const double *effects, uint32_t newest)
{
	uint32_t j, k;
	size_t i;

	open_effects(e, newest);
	for (j = 0; j < JM_EFFECTS && j <= newest; j++) {
		double *out = e->rows + ((newest - j) % RING) * e->n, a = weight * effects[j];

		if (a == 0)
			continue;
		for (i = 0; i < e->n; i++)
			out[i] += a * row[i];
		for (k = j; k < JM_EFFECTS && k <= newest; k++)
			e->band[(newest - j) % RING][k - j] += a * effects[k];
	}
}

/* One or three rows of a reading, see jm_fit_smear_s. */
static void build_row(struct jm_forward *f, const struct jm_fit_state *state, const struct jm_model_reading *reading,
		      double smear_s, double *row, double *side)
{
	size_t i, n = f[0].n_regions;
	int k;

	jm_forward_row(&f[0], &state->kernel, reading, row);
	if (smear_s == 0)
		return;
	for (i = 0; i < n; i++)
		row[i] *= JM_SMEAR_MIDDLE;
	for (k = 1; k <= 2; k++) {
		struct jm_kernel kernel = state->kernel;

		kernel.lag_s += k == 1 ? smear_s : -smear_s;
		jm_forward_row(&f[k], &kernel, reading, side);
		for (i = 0; i < n; i++)
			row[i] += JM_SMEAR_SIDE * side[i];
	}
}

/* One channel on its way through the readings. */
struct walk {
	const struct jm_fit_channel *channel;
	size_t next; /* reading */
	double smear_s;
	bool has_effects;
	struct jm_forward f[3];
	struct eliminator e;
	double *row, *side;
};

static int walk_begin(struct walk *w, const struct jm_fit_channel *channel, size_t index, size_t n_columns,
		      jm_gram_visit visit, void *ctx)
{
	const struct jm_fit_input *in = channel->in;
	const struct jm_fit_state *state = &channel->state;
	int i, code;

	memset(w, 0, sizeof(*w));
	w->channel = channel;
	w->smear_s = jm_fit_smear_s(in, state);
	w->has_effects = channel->columns.has_effects && state->effect_variance > 0;
	w->row = calloc((2 + RING) * n_columns, sizeof(*w->row));
	code = w->row ? 0 : JM_E_NOMEM;
	w->side = w->row + n_columns;
	w->e = (struct eliminator){.n = n_columns, .is_empty = true, .visit = visit, .ctx = ctx, .channel = index};
	w->e.rows = w->side + n_columns;
	w->e.precision = w->has_effects ? 1 / state->effect_variance : 0;
	for (i = 0; i < 3 && code == 0; i++)
		code = jm_forward_init(&w->f[i], in->segments, in->n_segments, in->n_regions, NULL);
	return code;
}

static void walk_end(struct walk *w)
{
	int i;

	for (i = 0; i < 3; i++)
		jm_forward_finish(&w->f[i]);
	free(w->row);
}

static size_t block_of(const struct walk *w, double block_s)
{
	const struct jm_fit_input *in = w->channel->in;

	return w->next < in->n_readings ? (size_t)fmax(0, in->readings[w->next].t_s / block_s) : SIZE_MAX;
}

static void fill_extra(const struct walk *w, size_t i, double *row)
{
	const struct jm_fit_columns *c = &w->channel->columns;
	size_t r, n_regions = w->channel->in->n_regions;
	double *extra = row + n_regions, sum = 0;

	for (r = 0; r < n_regions; r++)
		sum += row[r];
	extra[JM_GRAM_IDLE] = 1 - sum;
	extra[w->e.channel > 0 ? JM_GRAM_TWIN_LAG : JM_GRAM_LAG] = c->lag[i];
	extra[w->e.channel > 0 ? JM_GRAM_TWIN_BOX : JM_GRAM_BOX] = c->box[i];
	extra[w->e.channel > 0 ? JM_GRAM_TWIN_TAU : JM_GRAM_TAU] = c->tau[i];
	extra[JM_GRAM_DRIFT] = c->drift[i];
	extra[JM_GRAM_DRIFT2] = c->drift2[i];
	if (w->e.channel > 0)
		extra[JM_GRAM_TWIN_GAIN] = c->yhat[i];
	row[w->e.n - 1] = w->channel->in->readings[i].power_w / w->channel->state.gain;
}

/* All readings of a block. */
static void walk_block(struct walk *w, size_t block, double block_s)
{
	const struct jm_fit_columns *c = &w->channel->columns;
	const struct jm_fit_state *state = &w->channel->state;

	w->e.block = block;
	for (; block_of(w, block_s) == block; w->next++) {
		size_t i = w->next;
		double weight = 1 / (state->white_w2 + c->cut_w2[i] + state->jitter_s2 * c->slope2[i]);

		build_row(w->f, state, &w->channel->in->readings[i], w->smear_s, w->row, w->side);
		fill_extra(w, i, w->row);
		w->e.visit(w->e.ctx, w->e.channel, w->row, weight, block);
		if (w->has_effects)
			feel(&w->e, w->row, weight, c->effects + i * JM_EFFECTS, c->newest[i]);
	}
	close_all(&w->e);
}

int jm_gram_rows(const struct jm_fit_channel *channels, size_t n_channels, size_t n_columns, jm_gram_visit visit,
		 void *ctx)
{
	double block_s = channels[0].in->block_s;
	struct walk walks[JM_FIT_CHANNELS];
	size_t k, n_begun;
	int code = 0;

	for (n_begun = 0; n_begun < n_channels && code == 0; n_begun++)
		code = walk_begin(&walks[n_begun], &channels[n_begun], n_begun, n_columns, visit, ctx);
	while (code == 0) {
		size_t block = SIZE_MAX;

		for (k = 0; k < n_channels; k++)
			block = block_of(&walks[k], block_s) < block ? block_of(&walks[k], block_s) : block;
		if (block == SIZE_MAX)
			break;
		for (k = 0; k < n_channels; k++)
			walk_block(&walks[k], block, block_s);
	}
	for (k = 0; k < n_begun; k++)
		walk_end(&walks[k]);
	return code;
}

/* Rows wait until there are several for the same half: then the matrix is walked through once for all of them. */
struct summer {
	struct jm_gram *g;
	double *rows[2]; /* ROWS_AT_ONCE x n */
	double sign[2][ROWS_AT_ONCE];
	size_t n_rows[2];
};

static void flush(struct summer *s, int half)
{
	size_t n = s->g->n, i, j, k;
	double *g = s->g->half[half];
	const double *rows = s->rows[half];

	for (k = s->n_rows[half]; k < ROWS_AT_ONCE; k++)
		memset(s->rows[half] + k * n, 0, n * sizeof(double));
	for (i = 0; i < n; i++) {
		double a[ROWS_AT_ONCE], any = 0, *out = g + i * n;

		for (k = 0; k < ROWS_AT_ONCE; k++) {
			a[k] = s->sign[half][k] * rows[k * n + i];
			any += fabs(a[k]);
		}
		if (any == 0)
			continue;
		for (j = 0; j <= i; j++)
			out[j] += ((a[0] * rows[j] + a[1] * rows[n + j]) +
				   (a[2] * rows[2 * n + j] + a[3] * rows[3 * n + j])) +
				  ((a[4] * rows[4 * n + j] + a[5] * rows[5 * n + j]) +
				   (a[6] * rows[6 * n + j] + a[7] * rows[7 * n + j]));
	}
	s->n_rows[half] = 0;
}

static void take_row(void *ctx, size_t channel, const double *row, double weight, size_t block)
{
	struct summer *s = ctx;
	int half = (int)(block & 1);
	double root = sqrt(fabs(weight)), *out = s->rows[half] + s->n_rows[half] * s->g->n;
	size_t i;

	(void)channel;
	for (i = 0; i < s->g->n; i++)
		out[i] = row[i] * root;
	s->sign[half][s->n_rows[half]] = weight < 0 ? -1 : 1;
	s->g->n_readings += weight > 0;
	if (++s->n_rows[half] == ROWS_AT_ONCE)
		flush(s, half);
}

int jm_gram_sum(struct jm_gram *g, const struct jm_fit_channel *channels, size_t n_channels)
{
	struct summer s = {.g = g};
	int code;

	s.rows[0] = malloc(2 * ROWS_AT_ONCE * g->n * sizeof(double));
	if (!s.rows[0])
		return JM_E_NOMEM;
	s.rows[1] = s.rows[0] + ROWS_AT_ONCE * g->n;
	memset(g->half[0], 0, 2 * g->n * g->n * sizeof(double));
	g->n_readings = 0;
	code = jm_gram_rows(channels, n_channels, g->n, take_row, &s);
	if (code == 0) {
		flush(&s, 0);
		flush(&s, 1);
	}
	free(s.rows[0]);
	return code;
}
