#include "scene/scene.h"

#include "core/error.h"
#include "core/grow.h"

#include <stdlib.h>

static struct jm_power_piece piece_of(const struct jm_piece *p)
{
	return (struct jm_power_piece){p->start_ns, p->end_ns, (float)p->start_w, (float)p->end_w};
}

/* Gives the index of the first piece that ends after t. */
static size_t first_after(const struct jm_series *series, int64_t t)
{
	size_t low = 0, high = series->n_pieces;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (series->pieces[middle].end_ns <= t)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Keeps the pieces of the windows, or all. */
static int keep_exact(const struct jm_scene *s, const struct jm_series *series, size_t n_max,
		      struct jm_scene_channel *out)
{
	size_t n = series->n_pieces < n_max ? series->n_pieces : n_max, w, i;

	out->exact = malloc((n + 1) * sizeof(*out->exact));
	if (!out->exact)
		return JM_E_NOMEM;
	out->is_whole = series->n_pieces <= n_max;
	for (i = 0; out->is_whole && i < series->n_pieces; i++)
		out->exact[out->n_exact++] = piece_of(&series->pieces[i]);
	for (w = 0; !out->is_whole && w < s->n_windows; w++)
		for (i = first_after(series, s->windows[w].start_ns);
		     i < series->n_pieces && series->pieces[i].start_ns < s->windows[w].end_ns && out->n_exact < n_max;
		     i++)
			out->exact[out->n_exact++] = piece_of(&series->pieces[i]);
	return 0;
}

static int add_channel(struct jm_scene *s, const struct jm_scene_input *in, size_t i, size_t n_buckets, size_t n_pieces)
{
	struct jm_scene_channel *c = &s->channels[s->n_channels];
	bool is_made = in->series && in->series[i].n_pieces && in->series[i].is_usual;
	struct jm_series own = {0};
	const struct jm_series *series = is_made ? &in->series[i] : &own;
	size_t k, n;
	int rc;

	if (!is_made && jm_series_init(&own, &in->channels[i], in->samples[i], in->n_samples[i], 0, NULL))
		return 0; /* the report says why it has no figures */
	*c = (struct jm_scene_channel){.channel = i, .n_readings = in->n_samples[i]};
	/* More buckets than readings say nothing more. */
	n = series->n_pieces < n_buckets ? series->n_pieces : n_buckets;
	rc = n ? jm_power_buckets_init(&c->buckets, s->start_ns, s->end_ns, n) : 0;
	for (k = 0; rc == 0 && n && k < series->n_pieces; k++) {
		struct jm_power_piece piece = piece_of(&series->pieces[k]);

		jm_power_buckets_add(&c->buckets, &piece);
	}
	rc = rc ? rc : keep_exact(s, series, n_pieces, c);
	s->n_channels++;
	jm_series_finish(&own);
	return rc;
}

static int add_channels(struct jm_scene *s, const struct jm_scene_input *in, const struct jm_scene_limits *limits)
{
	size_t n = 0, i;
	int rc = 0;

	s->channels = calloc(in->n_channels + 1, sizeof(*s->channels));
	if (!s->channels)
		return JM_E_NOMEM;
	for (i = 0; i < in->n_channels; i++)
		n += jm_channel_has_energy(&in->channels[i]) && in->n_samples[i] > 1;
	for (i = 0; rc == 0 && i < in->n_channels; i++)
		if (jm_channel_has_energy(&in->channels[i]) && in->n_samples[i] > 1)
			rc = add_channel(s, in, i, limits->n_buckets / n + 1, limits->n_pieces / n + 1);
	return rc;
}

static bool is_kept(const struct jm_scene *s, const struct jm_span *span, uint16_t lane, size_t *window)
{
	if (lane == UINT16_MAX || s->lanes[lane].is_whole)
		return lane != UINT16_MAX;
	while (*window < s->n_windows && s->windows[*window].end_ns <= span->start_ns)
		++*window;
	/* One that began before and reaches in is needed to see the window as it was. */
	return *window < s->n_windows && s->windows[*window].start_ns < span->end_ns;
}

static int keep_boxes(struct jm_scene *s, const struct jm_span *spans, size_t n, const uint16_t *lanes)
{
	size_t capacity = 0, window = 0, i;

	for (i = 0; i < n; i++) {
		if (!is_kept(s, &spans[i], lanes[i], &window))
			continue;
		if (!jm_grow(&s->boxes, &capacity, s->n_boxes, sizeof(*s->boxes)))
			return JM_E_NOMEM;
		s->boxes[s->n_boxes++] = (struct jm_scene_box){.start_ns = spans[i].start_ns,
							       .end_ns = spans[i].end_ns,
							       .name = spans[i].name,
							       .iteration = spans[i].iteration,
							       .lane = lanes[i],
							       .flags = spans[i].flags};
	}
	return 0;
}

/* Gives the most spans a lane may have to be kept whole: the small lanes first, in half of the room unless all fit. */
static uint64_t whole_up_to(const struct jm_scene *s, size_t n_boxes_max)
{
	uint64_t best = 0, room;
	size_t i, k;

	for (i = 0; i < s->n_lanes; i++) {
		uint64_t most = s->lanes[i].n_spans, sum = 0;
		bool is_all = true;

		for (k = 0; k < s->n_lanes; k++) {
			sum += s->lanes[k].n_spans <= most ? s->lanes[k].n_spans : 0;
			is_all = is_all && s->lanes[k].n_spans <= most;
		}
		room = is_all ? n_boxes_max : n_boxes_max / 2;
		best = sum <= room && most > best ? most : best;
	}
	return best;
}

/* Decides which lanes are kept whole. Gives how many spans there is room for besides. */
static size_t mark_whole(struct jm_scene *s, size_t n_boxes_max, bool *is_all)
{
	uint64_t most = whole_up_to(s, n_boxes_max);
	size_t left = n_boxes_max, i;

	*is_all = true;
	for (i = 0; i < s->n_lanes; i++) {
		s->lanes[i].is_whole = s->lanes[i].n_spans <= most;
		*is_all = *is_all && s->lanes[i].is_whole;
		left -= s->lanes[i].is_whole ? (size_t)s->lanes[i].n_spans : 0;
	}
	return left;
}

static int add_spans(struct jm_scene *s, const struct jm_scene_input *in, const struct jm_scene_limits *limits)
{
	uint16_t *lanes = malloc((in->n_spans + 1) * sizeof(*lanes));
	int rc = lanes ? jm_scene_assign_lanes(s, in->spans, in->n_spans, limits->n_lanes, lanes) : JM_E_NOMEM;
	size_t left = 0, n_coarse;
	bool is_all = false;

	s->n_spans = in->n_spans;
	if (rc == 0)
		left = mark_whole(s, limits->n_boxes, &is_all);
	if (rc == 0)
		rc = jm_scene_pick_windows(s, in->spans, in->n_spans, left);
	n_coarse = limits->n_coarse / (s->n_lanes ? s->n_lanes : 1);
	if (n_coarse > limits->n_coarse / 8)
		n_coarse = limits->n_coarse / 8;
	if (rc == 0 && !is_all)
		rc = jm_scene_fill_coarse(s, in->spans, in->n_spans, lanes, n_coarse ? n_coarse : 1);
	if (rc == 0)
		rc = keep_boxes(s, in->spans, in->n_spans, lanes);
	free(lanes);
	return rc;
}

int jm_scene_create(const struct jm_scene_input *in, const struct jm_scene_limits *limits, struct jm_scene **out,
		    struct jm_error *err)
{
	struct jm_scene_limits used = limits ? *limits : (struct jm_scene_limits){0};
	struct jm_scene *s;
	int rc;

	if (in->end_ns <= in->start_ns)
		return jm_error_set(err, JM_E_INVALID, "a scene must end after it starts");
	s = calloc(1, sizeof(*s));
	if (!s)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the scene");
	used.n_buckets = used.n_buckets ? used.n_buckets : JM_SCENE_BUCKETS;
	used.n_pieces = used.n_pieces ? used.n_pieces : JM_SCENE_PIECES;
	used.n_boxes = used.n_boxes ? used.n_boxes : JM_SCENE_BOXES;
	used.n_coarse = used.n_coarse ? used.n_coarse : JM_SCENE_COARSE;
	used.n_lanes = used.n_lanes ? used.n_lanes : JM_SCENE_LANES;
	s->start_ns = in->start_ns;
	s->end_ns = in->end_ns;
	rc = add_spans(s, in, &used);
	rc = rc ? rc : add_channels(s, in, &used);
	if (rc) {
		jm_scene_destroy(s);
		return jm_error_set(err, rc, "out of memory for the scene");
	}
	*out = s;
	return 0;
}

void jm_scene_destroy(struct jm_scene *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->n_channels; i++) {
		jm_power_buckets_finish(&s->channels[i].buckets);
		free(s->channels[i].exact);
	}
	for (i = 0; i < s->n_lanes; i++) {
		free(s->lanes[i].busy);
		free(s->lanes[i].count);
		free(s->lanes[i].name);
		free(s->lanes[i].longest_s);
	}
	free(s->channels);
	free(s->lanes);
	free(s->boxes);
	free(s->windows);
	free(s);
}
