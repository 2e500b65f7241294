/* Readings to pieces: see series.h for the formula.
 *
 * A counter is read at its own pace, which is not the pace at which it changes. A reading that repeats the value before
 * says nothing new; the time of a change is known to lie between two readings, so its best estimate is half the spacing
 * (at most half an update period) before the reading that showed it, give or take that half. */
#include "attribution/series.h"

#include "attribution/update_times.h"
#include "core/error.h"
#include "core/order.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* No channel of one counter draws more: half of its range at this power is how long it can be left unread, W. */
#define COUNTER_POWER_MAX_W 2000.0
#define OVERSAMPLED         4   /* readings an update and more show when it came */
#define GAP_PERIODS         3   /* a spacing above this many periods is a gap: two readings in a row were lost */
#define TILE_TOLERANCE      0.1 /* window means follow each other when spacing / window is 1 within this */

/* A reading on its way to a piece. */
struct node {
	int64_t t_ns;     /* time of the cause */
	int64_t read_ns;  /* time of the reading */
	int64_t value_uj; /* counter: since the start of the segment, uJ */
	double power_w;   /* gauge */
	uint32_t half_width_ns;
	bool is_first;    /* of a segment: no piece before it */
	bool is_new;      /* differs from the reading before */
	bool is_unsure;   /* its device stamped it far too late */
	bool is_standing; /* oversampled: no news for longer than an update takes */
};

struct builder {
	const struct jm_channel *channel;
	struct node *nodes;
	size_t n_nodes;
	int64_t spacing_ns; /* median, of readings */
	int64_t max_gap_ns, usual_gap_ns;
	int64_t shift_ns;  /* from reading to cause */
	int64_t origin_ns; /* of seconds */
};

/* Gives the median of n values, which it reorders; 0 of none. */
static int64_t median_i64(int64_t *values, size_t n)
{
	return n ? jm_order_select_i64(values, n, n / 2) : 0;
}

static int median_spacing(const struct jm_sample *samples, size_t n, int64_t *out, struct jm_error *err)
{
	int64_t *spacings = malloc((n + 1) * sizeof(*spacings));
	const struct jm_sample *previous = NULL;
	size_t i, n_spacings = 0;
	int code = 0;

	if (!spacings)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for %zu readings", n);
	for (i = 0; i < n && code == 0; i++) {
		if (i > 0 && samples[i].t_ns < samples[i - 1].t_ns)
			code = jm_error_set(err, JM_E_INVALID, "reading %zu is earlier than the one before it", i);
		if (samples[i].status != JM_SAMPLE_OK)
			continue;
		if (previous && samples[i].t_ns > previous->t_ns)
			spacings[n_spacings++] = samples[i].t_ns - previous->t_ns;
		previous = &samples[i];
	}
	*out = median_i64(spacings, n_spacings);
	free(spacings);
	return code;
}

static int64_t response_shift(const struct jm_channel *c, bool is_tiled)
{
	int64_t shift = c->lag_ns;

	if (c->quantity == JM_QUANTITY_POWER)
		shift += c->lowpass_ns + (is_tiled ? 0 : c->window_ns / 2);
	return shift;
}

/* Takes the OK readings over; a GAP, a long spacing or a counter that went back starts a new segment. */
static int take_readings(struct builder *b, struct jm_series *s, const struct jm_sample *samples, size_t n)
{
	const struct jm_sample *last = NULL;
	bool is_broken = true;
	int64_t value_uj = 0;
	size_t i;

	b->nodes = malloc((n + 1) * sizeof(*b->nodes));
	if (!b->nodes)
		return JM_E_NOMEM;
	for (i = 0; i < n; i++) {
		struct node *node = &b->nodes[b->n_nodes];
		int64_t increment = 0;

		/* A counter counts on while nobody reads it: its next reading tells what was missed. */
		if (samples[i].status != JM_SAMPLE_OK) {
			is_broken = is_broken || !s->is_counter;
			continue;
		}
		if (last && samples[i].t_ns == last->t_ns)
			continue;
		if (last && samples[i].t_ns - last->t_ns > b->max_gap_ns)
			is_broken = true;
		if (last && (samples[i].t_ns - last->t_ns > b->usual_gap_ns) != (samples[i].t_ns - last->t_ns > b->max_gap_ns))
			s->is_usual = false;
		if (s->is_counter && last && !is_broken &&
		    jm_counter_increment(last->value, samples[i].value, b->channel->wrap, &increment) < 0) {
			s->n_resets++;
			is_broken = true;
		}
		memset(node, 0, sizeof(*node));
		node->read_ns = samples[i].t_ns;
		node->t_ns = samples[i].t_ns - b->shift_ns;
		node->power_w = jm_si_from_micro(samples[i].value);
		node->half_width_ns = samples[i].half_width_ns;
		node->is_first = is_broken;
		node->is_new = is_broken || samples[i].value != last->value;
		value_uj = is_broken ? 0 : value_uj + increment;
		node->value_uj = value_uj;
		b->n_nodes++;
		last = &samples[i];
		is_broken = false;
	}
	return 0;
}

static size_t segment_end(const struct builder *b, size_t first)
{
	size_t i = first + 1;

	while (i < b->n_nodes && !b->nodes[i].is_first)
		i++;
	return i;
}

/* Median time between changes of a counter, 0 when it changed less than three times. */
static int64_t change_period(const struct builder *b)
{
	int64_t *spacings = malloc((b->n_nodes + 1) * sizeof(*spacings)), previous = 0, period;
	size_t i, n = 0, n_seen = 0;

	if (!spacings)
		return 0;
	for (i = 0; i < b->n_nodes; i++) {
		const struct node *node = &b->nodes[i];

		if (node->is_first)
			n_seen = 0;
		else if (node->is_new) {
			if (n_seen++ > 0)
				spacings[n++] = node->t_ns - previous;
			previous = node->t_ns;
		}
	}
	period = n > 1 ? median_i64(spacings, n) : 0;
	free(spacings);
	return period;
}

/* Says whether the first or last reading of a segment, which shows no change, still bounds a piece: only when it is so
 * far from the change next to it that the counter would have changed in between. */
static bool bounds_piece(int64_t distance_ns, int64_t period_ns, size_t n_changes)
{
	return n_changes < 2 || distance_ns >= 2 * period_ns;
}

/* Keeps, of a counter's segment [first, end), the readings that show a change; moves each to the likely time of the
 * change. Writes to out; gives how many. */
static size_t merge_segment(struct builder *b, struct jm_series *s, size_t first, size_t end, int64_t update_ns,
			    struct node *out)
{
	size_t i, n = 0, n_changes = 0, n_repeats = 0, first_change = end, last_change = first;

	for (i = first + 1; i < end; i++) {
		if (b->nodes[i].is_new) {
			first_change = n_changes == 0 ? i : first_change;
			last_change = i;
			n_changes++;
		} else {
			n_repeats++;
		}
	}
	s->n_repeats += n_repeats;
	for (i = first; i < end; i++) {
		struct node node = b->nodes[i];
		int64_t back = update_ns;
		bool is_kept = i > first && node.is_new;

		if (i == first)
			is_kept = n_repeats == 0 || first_change == end ||
				  bounds_piece(b->nodes[first_change].read_ns - node.read_ns, s->period_ns, n_changes);
		else if (i == end - 1 && !node.is_new)
			is_kept = bounds_piece(node.read_ns - b->nodes[last_change].read_ns, s->period_ns, n_changes);
		if (!is_kept)
			continue;
		if (i > first && node.read_ns - b->nodes[i - 1].read_ns < back)
			back = node.read_ns - b->nodes[i - 1].read_ns;
		node.t_ns -= back / 2;
		node.is_first = n == 0;
		out[n++] = node;
	}
	return n;
}

static void merge_counter(struct builder *b, struct jm_series *s)
{
	size_t first, end, n = 0;
	int64_t changes_ns = change_period(b), update_ns = b->channel->update_period_ns;

	s->period_ns = changes_ns ? changes_ns : b->spacing_ns;
	if (update_ns == 0 && changes_ns > b->spacing_ns + b->spacing_ns / 2)
		update_ns = changes_ns;
	/* In place: a segment only shrinks, and is read before its first node is overwritten. */
	for (first = 0; first < b->n_nodes; first = end) {
		end = segment_end(b, first);
		n += merge_segment(b, s, first, end, update_ns, &b->nodes[n]);
	}
	b->n_nodes = n;
	s->edge_s = 0.5 * jm_s_from_ns(update_ns < b->spacing_ns ? update_ns : b->spacing_ns);
}

/* Where the changes of an oversampled gauge stand: change i, seen first at before[i], is nodes[at[i]]. */
struct changes {
	double *after, *before, *t;
	size_t *at, n;
};

/* Moves the changes to where the sensor's clock puts them. */
static int sharpen(struct builder *b, const struct changes *c)
{
	struct jm_update_clock clock;
	size_t i;

	if (jm_update_times(c->after, c->before, c->n, c->t, &clock))
		return JM_E_NOMEM;
	for (i = 0; i < c->n; i++) {
		struct node *node = &b->nodes[c->at[i]];

		node->t_ns = b->origin_ns + llround(1e9 * c->t[i]) - b->shift_ns;
		node->half_width_ns = (uint32_t)llround(1e9 * clock.jitter_s);
	}
	return 0;
}

static void keep_changes(struct builder *b, struct jm_series *s, struct changes *c)
{
	int64_t stands_ns = b->channel->update_period_ns / 2 * 3, last_ns = 0;
	size_t i, n = 0;

	for (i = 0; i < b->n_nodes; i++) {
		struct node node = b->nodes[i];

		node.is_standing = !node.is_first && !node.is_new;
		if (node.is_standing && node.read_ns - last_ns < stands_ns) {
			s->n_repeats++;
			continue;
		}
		if (!node.is_first && node.is_new) {
			c->after[c->n] = jm_s_from_ns(b->nodes[i - 1].read_ns - b->origin_ns);
			c->before[c->n] = jm_s_from_ns(node.read_ns - b->origin_ns);
			c->at[c->n++] = n;
		}
		last_ns = node.read_ns;
		b->nodes[n++] = node;
	}
	b->n_nodes = n;
}

/* A gauge read several times an update: keeps the readings that show a change, at the time of the change. One that shows none
 * for one and a half updates bounds a piece, for power may stand, but it is no reading: an update may have failed to come. */
static int merge_oversampled(struct builder *b, struct jm_series *s)
{
	size_t n = b->n_nodes + 1;
	double *memory = malloc(3 * n * sizeof(*memory));
	struct changes c = {memory, memory + n, memory + 2 * n, malloc(n * sizeof(*c.at)), 0};
	int rc = memory && c.at ? 0 : JM_E_NOMEM;

	if (rc == 0) {
		keep_changes(b, s, &c);
		rc = sharpen(b, &c);
	}
	s->period_ns = b->channel->update_period_ns;
	free(memory);
	free(c.at);
	return rc;
}

/* Late stamps of a device's own are put right, where they would not come before what they follow. */
static int unlate(struct builder *b, const struct jm_sample *samples, size_t n)
{
	int64_t *t = malloc((b->n_nodes + 1) * sizeof(*t));
	bool *unsure = calloc(b->n_nodes + 1, sizeof(*unsure));
	size_t i;

	if (!t || !unsure) {
		free(t);
		free(unsure);
		return JM_E_NOMEM;
	}
	for (i = 0; i < b->n_nodes; i++)
		t[i] = b->nodes[i].t_ns;
	if (n && samples[0].device_us && b->spacing_ns > 0)
		jm_unlate_times(t, b->n_nodes, b->spacing_ns, unsure);
	for (i = 1; i < b->n_nodes; i++) {
		b->nodes[i].is_unsure = unsure[i];
		if (!b->nodes[i].is_first && t[i] > b->nodes[i - 1].t_ns)
			b->nodes[i].t_ns = t[i];
	}
	free(t);
	free(unsure);
	return 0;
}

/* Drops a gauge's repeats where the device is known to update more slowly than it was read. */
static void merge_gauge(struct builder *b, struct jm_series *s)
{
	int64_t keep_ns = b->channel->update_period_ns / 4 * 3, last_ns = 0;
	size_t i, n = 0;

	for (i = 0; i < b->n_nodes; i++) {
		struct node node = b->nodes[i];

		if (!node.is_new && i + 1 < b->n_nodes && !b->nodes[i + 1].is_first &&
		    node.read_ns - last_ns < keep_ns) {
			s->n_repeats++;
			continue;
		}
		last_ns = node.read_ns;
		b->nodes[n++] = node;
	}
	b->n_nodes = n;
	s->period_ns = b->spacing_ns > b->channel->update_period_ns ? b->spacing_ns : b->channel->update_period_ns;
}

static void add_piece(struct jm_series *s, int64_t start_ns, int64_t end_ns, double start_w, double end_w)
{
	struct jm_piece *p = &s->pieces[s->n_pieces];

	if (end_ns <= start_ns)
		return;
	p->start_ns = start_ns;
	p->end_ns = end_ns;
	p->start_w = start_w;
	p->end_w = end_w;
	p->energy_j = 0;
	p->seen_s = 0;
	if (s->n_pieces > 0) {
		double d = jm_s_from_ns(p[-1].end_ns - p[-1].start_ns);

		p->energy_j = p[-1].energy_j + 0.5 * (p[-1].start_w + p[-1].end_w) * d;
		p->seen_s = p[-1].seen_s + d;
	}
	s->n_pieces++;
}

static void add_reading(struct jm_series *s, const struct node *node, int64_t shift_ns, int64_t span_ns, double power_w)
{
	struct jm_reading *r = &s->readings[s->n_readings++];

	r->t_ns = node->t_ns + shift_ns;
	r->span_ns = span_ns;
	r->power_w = power_w;
	r->is_unsure = node->is_unsure;
}

static void build_counter(const struct builder *b, struct jm_series *s)
{
	size_t i;

	for (i = 1; i < b->n_nodes; i++) {
		const struct node *a = &b->nodes[i - 1], *c = &b->nodes[i];
		double power_w;

		if (c->is_first || c->t_ns <= a->t_ns)
			continue;
		power_w = jm_si_from_micro(c->value_uj - a->value_uj) / jm_s_from_ns(c->t_ns - a->t_ns);
		add_piece(s, a->t_ns, c->t_ns, power_w, power_w);
		add_reading(s, c, b->shift_ns, c->t_ns - a->t_ns, power_w);
	}
}

static void build_gauge(const struct builder *b, struct jm_series *s)
{
	int64_t window_ns = b->channel->window_ns;
	size_t i;

	for (i = 0; i < b->n_nodes; i++) {
		const struct node *c = &b->nodes[i];
		int64_t from_ns = c->t_ns - window_ns;

		if (!c->is_standing)
			add_reading(s, c, b->shift_ns, 0, c->power_w);
		if (s->is_tiled) {
			/* Jitter of the reading must not open or close the seam between two windows. */
			if (!c->is_first && c->t_ns - c[-1].t_ns < window_ns + window_ns / 2)
				from_ns = c[-1].t_ns;
			add_piece(s, from_ns, c->t_ns, c->power_w, c->power_w);
		} else if (!c->is_first) {
			add_piece(s, c[-1].t_ns, c->t_ns, c[-1].power_w, c->power_w);
		}
	}
}

static bool is_oversampled(const struct builder *b)
{
	return b->spacing_ns > 0 && b->spacing_ns * OVERSAMPLED <= b->channel->update_period_ns;
}

static int build(struct builder *b, struct jm_series *s)
{
	if (s->is_counter)
		merge_counter(b, s);
	else if (!is_oversampled(b))
		merge_gauge(b, s);
	else if (merge_oversampled(b, s))
		return JM_E_NOMEM;
	s->pieces = malloc((b->n_nodes + 1) * sizeof(*s->pieces));
	s->readings = malloc((b->n_nodes + 1) * sizeof(*s->readings));
	if (!s->pieces || !s->readings)
		return JM_E_NOMEM;
	if (s->is_counter)
		build_counter(b, s);
	else
		build_gauge(b, s);
	s->scatter_w = jm_series_scatter(s);
	return 0;
}

static int64_t longest_spacing(const struct builder *b)
{
	int64_t period = b->spacing_ns > b->channel->update_period_ns ? b->spacing_ns : b->channel->update_period_ns;
	double limit = GAP_PERIODS * (double)period;

	if (b->channel->quantity == JM_QUANTITY_ENERGY)
		limit =
		    b->channel->wrap ? fmax(limit, 0.5 * (double)b->channel->wrap / COUNTER_POWER_MAX_W * 1e3) : 9e18;
	return (int64_t)fmin(limit, 9e18);
}

int jm_series_init(struct jm_series *out, const struct jm_channel *channel, const struct jm_sample *samples, size_t n,
		   int64_t max_gap_ns, struct jm_error *err)
{
	struct builder b = {.channel = channel};
	struct jm_series s = {0};
	double step = jm_si_from_micro(channel->step > INT64_MAX ? 0 : (int64_t)channel->step);
	int code;

	if (channel->quantity != JM_QUANTITY_ENERGY && channel->quantity != JM_QUANTITY_POWER)
		return jm_error_set(err, JM_E_INVALID, "%s gives neither power nor energy", channel->name);
	s.is_counter = channel->quantity == JM_QUANTITY_ENERGY;
	s.step_j = s.is_counter ? step : 0;
	s.step_w = s.is_counter ? 0 : step;
	code = median_spacing(samples, n, &b.spacing_ns, err);
	if (code < 0)
		return code;
	s.is_tiled = channel->kind == JM_KIND_WINDOW_MEAN && channel->window_ns > 0 &&
		     fabs((double)b.spacing_ns / (double)channel->window_ns - 1) <= TILE_TOLERANCE;
	b.shift_ns = response_shift(channel, s.is_tiled);
	b.origin_ns = n ? samples[0].t_ns : 0;
	b.usual_gap_ns = longest_spacing(&b);
	b.max_gap_ns = max_gap_ns > 0 ? max_gap_ns : b.usual_gap_ns;
	s.is_usual = true;
	code = take_readings(&b, &s, samples, n);
	if (code == 0 && !s.is_counter && !is_oversampled(&b))
		code = unlate(&b, samples, n);
	if (code == 0)
		code = build(&b, &s);
	free(b.nodes);
	if (code < 0) {
		jm_series_finish(&s);
		return jm_error_set(err, code, "out of memory for the readings of %s", channel->name);
	}
	*out = s;
	return 0;
}

void jm_series_finish(struct jm_series *s)
{
	free(s->pieces);
	free(s->readings);
	memset(s, 0, sizeof(*s));
}
