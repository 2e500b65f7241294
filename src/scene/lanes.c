#include "scene/scene.h"

#include <stdlib.h>
#include <string.h>

#define GROUPS_MAX 64
#define DEPTH_MAX  6

/* Spans of one kind on one track; each depth is a lane, free again from ends[depth] on. */
struct group {
	uint32_t track;
	uint8_t kind;
	size_t n_deep;
	int64_t ends[DEPTH_MAX];
	uint16_t lanes[DEPTH_MAX];
};

static struct group *find_group(struct group *groups, size_t *n, const struct jm_span *span, size_t *last)
{
	size_t i;

	if (*last < *n && groups[*last].track == span->track && groups[*last].kind == span->kind)
		return &groups[*last];
	for (i = 0; i < *n; i++)
		if (groups[i].track == span->track && groups[i].kind == span->kind)
			break;
	if (i == *n) {
		if (*n == GROUPS_MAX)
			return NULL;
		groups[(*n)++] = (struct group){.track = span->track, .kind = span->kind};
	}
	*last = i;
	return &groups[i];
}

/* Gives the depth at which the span fits; those deeper than we draw lie on the deepest. */
static size_t fit(const struct group *g, const struct jm_span *span)
{
	size_t d;

	for (d = 0; d < g->n_deep; d++)
		if (g->ends[d] <= span->start_ns)
			return d;
	return d < DEPTH_MAX ? d : DEPTH_MAX - 1;
}

/* Phases around all; iterations and requests; what users named; what the model and the device did. */
static int rank(const struct jm_scene_lane *lane)
{
	static const uint8_t ranks[] = {
	    [JM_SPAN_PHASE] = 0, [JM_SPAN_ITERATION] = 1, [JM_SPAN_REQUEST] = 2, [JM_SPAN_REGION] = 3,
	    [JM_SPAN_RANGE] = 4, [JM_SPAN_LAYER] = 5,     [JM_SPAN_KERNEL] = 6,  [JM_SPAN_COPY] = 7};

	return lane->kind < sizeof(ranks) ? ranks[lane->kind] : 8;
}

static int by_rank(const void *a, const void *b)
{
	const struct jm_scene_lane *x = a, *y = b;
	int order = rank(x) - rank(y);

	if (order)
		return order;
	if (x->track != y->track)
		return x->track < y->track ? -1 : 1;
	return (int)x->depth - (int)y->depth;
}

/* Brings the lanes into the order to be drawn in, and the spans' numbers with them. */
static int sort_lanes(struct jm_scene *s, size_t n_max, size_t n, uint16_t *lane_out)
{
	uint16_t *moved = malloc((s->n_lanes + 1) * sizeof(*moved));
	size_t i;

	if (!moved)
		return JM_E_NOMEM;
	qsort(s->lanes, s->n_lanes, sizeof(*s->lanes), by_rank);
	for (i = 0; i < s->n_lanes; i++) {
		moved[s->lanes[i].met] = i < n_max ? (uint16_t)i : UINT16_MAX;
		if (i >= n_max)
			s->n_left_out += s->lanes[i].n_spans;
	}
	s->n_lanes = s->n_lanes < n_max ? s->n_lanes : n_max;
	for (i = 0; i < n; i++)
		if (lane_out[i] != UINT16_MAX)
			lane_out[i] = moved[lane_out[i]];
	free(moved);
	return 0;
}

/* Gives the lane of a group at a depth, made when it is met first. */
static int lane_at(struct jm_scene *s, struct group *g, size_t depth, uint16_t *out)
{
	struct jm_scene_lane *grown;

	if (depth == g->n_deep) {
		grown = realloc(s->lanes, (s->n_lanes + 1) * sizeof(*grown));
		if (!grown)
			return JM_E_NOMEM;
		s->lanes = grown;
		grown[s->n_lanes] = (struct jm_scene_lane){
		    .track = g->track, .kind = g->kind, .depth = (uint8_t)depth, .met = (uint16_t)s->n_lanes};
		g->lanes[g->n_deep++] = (uint16_t)s->n_lanes++;
	}
	*out = g->lanes[depth];
	return 0;
}

int jm_scene_assign_lanes(struct jm_scene *s, const struct jm_span *spans, size_t n, size_t n_lanes_max,
			  uint16_t *lane_out)
{
	struct group *groups = calloc(GROUPS_MAX, sizeof(*groups));
	size_t n_groups = 0, last = 0, i, depth;
	int rc = groups ? 0 : JM_E_NOMEM;

	for (i = 0; rc == 0 && i < n; i++) {
		struct group *g = find_group(groups, &n_groups, &spans[i], &last);

		lane_out[i] = UINT16_MAX;
		if (!g) {
			s->n_left_out++;
			continue;
		}
		depth = fit(g, &spans[i]);
		rc = lane_at(s, g, depth, &lane_out[i]);
		if (rc == 0) {
			if (spans[i].end_ns > g->ends[depth])
				g->ends[depth] = spans[i].end_ns;
			s->lanes[lane_out[i]].n_spans++;
		}
	}
	free(groups);
	if (rc || s->n_lanes == 0)
		return rc;
	return sort_lanes(s, n_lanes_max, n, lane_out);
}

static int allocate_coarse(struct jm_scene_lane *lane, size_t n)
{
	lane->busy = calloc(n, sizeof(*lane->busy));
	lane->count = calloc(n, sizeof(*lane->count));
	lane->name = malloc(n * sizeof(*lane->name));
	lane->longest_s = calloc(n, sizeof(*lane->longest_s));
	if (!lane->busy || !lane->count || !lane->name || !lane->longest_s)
		return JM_E_NOMEM;
	memset(lane->name, 0xff, n * sizeof(*lane->name));
	return 0;
}

static void add_coarse(struct jm_scene_lane *lane, const struct jm_span *span, double start, double end, double bucket,
		       size_t n)
{
	size_t i = start > 0 ? (size_t)(start / bucket) : 0;

	if (start >= 0 && i < n)
		lane->count[i]++;
	for (; i < n && (double)i * bucket < end; i++) {
		double from = (double)i * bucket, to = from + bucket, inside;

		inside = ((end < to ? end : to) - (start > from ? start : from)) * 1e-9;
		if (!(inside > 0))
			continue;
		lane->busy[i] += (float)(inside * 1e9 / bucket);
		if (inside > (double)lane->longest_s[i]) {
			lane->longest_s[i] = (float)inside;
			lane->name[i] = span->name;
		}
	}
}

int jm_scene_fill_coarse(struct jm_scene *s, const struct jm_span *spans, size_t n, const uint16_t *lanes,
			 size_t n_coarse)
{
	double bucket = (double)(s->end_ns - s->start_ns) / (double)n_coarse;
	size_t i;

	s->n_coarse = n_coarse;
	for (i = 0; i < s->n_lanes; i++)
		if (!s->lanes[i].is_whole && allocate_coarse(&s->lanes[i], n_coarse))
			return JM_E_NOMEM;
	for (i = 0; i < n; i++)
		if (lanes[i] != UINT16_MAX && !s->lanes[lanes[i]].is_whole)
			add_coarse(&s->lanes[lanes[i]], &spans[i], (double)(spans[i].start_ns - s->start_ns),
				   (double)(spans[i].end_ns - s->start_ns), bucket, n_coarse);
	return 0;
}
