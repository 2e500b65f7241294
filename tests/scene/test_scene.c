#include "scene/scene.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

/* ---- Power ---- */

static void buckets_keep_energy_and_extremes(void **state)
{
	/* 1 s at 10 W, 1 s rising from 10 to 30 W, a peak of 1 ms at 500 W. */
	const struct jm_power_piece pieces[] = {
	    {0, S, 10, 10}, {S, 2 * S, 10, 30}, {2 * S, 2 * S + S / 1000, 500, 500}};
	struct jm_power_buckets b;
	double energy = 0, seen = 0;
	float least = INFINITY, most = 0;
	size_t i;

	(void)state;
	assert_int_equal(jm_power_buckets_init(&b, 0, 3 * S, 7), 0);
	for (i = 0; i < 3; i++)
		jm_power_buckets_add(&b, &pieces[i]);
	for (i = 0; i < b.n; i++) {
		energy += b.energy_j[i];
		seen += b.seen_s[i];
		least = b.min_w[i] < least ? b.min_w[i] : least;
		most = b.max_w[i] > most ? b.max_w[i] : most;
	}
	assert_float_equal(energy, 10 + 20 + 0.5, 1e-9);
	assert_float_equal(seen, 2.001, 1e-9);
	assert_float_equal(least, 10, 1e-6);
	assert_float_equal(most, 500, 1e-6);
	assert_float_equal(jm_power_buckets_mean_w(&b, 0), 10, 1e-9);
	jm_power_buckets_finish(&b);
}

static void a_bucket_nobody_looked_at_has_no_power(void **state)
{
	const struct jm_power_piece first = {0, S, 5, 5}, last = {3 * S, 4 * S, 7, 7};
	struct jm_power_buckets b;

	(void)state;
	assert_int_equal(jm_power_buckets_init(&b, 0, 4 * S, 4), 0);
	jm_power_buckets_add(&b, &first);
	jm_power_buckets_add(&b, &last);
	assert_true(isnan(jm_power_buckets_mean_w(&b, 1)));
	assert_true(isnan(b.min_w[2]) && isnan(b.max_w[2]));
	assert_true(b.seen_s[1] == 0);
	assert_float_equal(b.min_w[3], 7, 1e-6);
	jm_power_buckets_finish(&b);
}

static void a_piece_beyond_the_buckets_is_cut(void **state)
{
	const struct jm_power_piece piece = {-S, 5 * S, 2, 2};
	struct jm_power_buckets b;

	(void)state;
	assert_int_equal(jm_power_buckets_init(&b, 0, 3 * S, 3), 0);
	jm_power_buckets_add(&b, &piece);
	assert_float_equal(b.energy_j[0] + b.energy_j[1] + b.energy_j[2], 6, 1e-9);
	jm_power_buckets_finish(&b);
}

/* ---- Spans ---- */

static struct jm_span span(int64_t start, int64_t end, uint8_t kind, uint32_t track, uint32_t name)
{
	return (struct jm_span){
	    .start_ns = start, .end_ns = end, .kind = kind, .track = track, .name = name, .iteration = JM_NO_ITERATION};
}

static void spans_inside_of_spans_lie_a_lane_deeper(void **state)
{
	const struct jm_span spans[] = {span(0, 100, JM_SPAN_REGION, 1, 0), span(10, 40, JM_SPAN_REGION, 1, 1),
					span(20, 30, JM_SPAN_REGION, 1, 2), span(50, 90, JM_SPAN_REGION, 1, 1),
					span(60, 200, JM_SPAN_PHASE, 0, 3)};
	struct jm_scene s = {.start_ns = 0, .end_ns = 200};
	uint16_t lanes[5];

	(void)state;
	assert_int_equal(jm_scene_assign_lanes(&s, spans, 5, 8, lanes), 0);
	assert_int_equal(s.n_lanes, 4);
	/* Phases come first, whenever they were met. */
	assert_int_equal(s.lanes[0].kind, JM_SPAN_PHASE);
	assert_int_equal(lanes[4], 0);
	assert_int_equal(lanes[0], 1);
	assert_int_equal(lanes[1], 2);
	assert_int_equal(lanes[2], 3);
	assert_int_equal(lanes[3], 2);
	assert_int_equal(s.lanes[2].depth, 1);
	free(s.lanes);
}

static void lanes_beyond_the_limit_are_counted(void **state)
{
	struct jm_scene s = {.start_ns = 0, .end_ns = 200};
	struct jm_span spans[10];
	uint16_t lanes[10];
	uint32_t i;

	(void)state;
	for (i = 0; i < 10; i++)
		spans[i] = span(i, i + 5, JM_SPAN_KERNEL, i, 0);
	assert_int_equal(jm_scene_assign_lanes(&s, spans, 10, 4, lanes), 0);
	assert_int_equal(s.n_lanes, 4);
	assert_int_equal(s.n_left_out, 6);
	assert_int_equal(lanes[9], UINT16_MAX);
	free(s.lanes);
}

#define N_CALLS  400
#define N_LAYERS 10

/* Calls of 10 ms each 12.5 ms, ten layers in each; the 100th takes 12 ms. */
static struct jm_span *make_run(size_t *n)
{
	struct jm_span *spans = calloc(N_CALLS * (N_LAYERS + 1), sizeof(*spans));
	size_t i, k;

	*n = 0;
	for (i = 0; spans && i < N_CALLS; i++) {
		int64_t start = (int64_t)i * S / 80, length = i == 100 ? S / 1000 * 12 : S / 100;

		spans[*n] = span(start, start + length, JM_SPAN_ITERATION, 0, 0);
		spans[(*n)++].iteration = (uint32_t)i;
		for (k = 0; k < N_LAYERS; k++) {
			spans[*n] =
			    span(start + (int64_t)k * length / N_LAYERS, start + (int64_t)(k + 1) * length / N_LAYERS,
				 JM_SPAN_LAYER, 0, (uint32_t)k + 1);
			spans[(*n)++].iteration = (uint32_t)i;
		}
	}
	return spans;
}

/* A series that the caller has made already gives the same scene; one with other gaps is not taken. */
static void check_given_series(const struct jm_scene_input *in, const struct jm_scene_limits *limits,
			       const struct jm_scene *expected)
{
	struct jm_scene_input given = *in;
	struct jm_series series;
	struct jm_scene *s;
	size_t turn;

	given.series = &series;
	assert_int_equal(in->n_channels, 1);
	for (turn = 0; turn < 2; turn++) {
		const struct jm_power_buckets *a = &expected->channels[0].buckets, *b;

		assert_int_equal(jm_series_init(&series, in->channels, in->samples[0], in->n_samples[0], 0, NULL), 0);
		if (turn == 1) {
			series.is_usual = false;
			series.pieces[0].start_w = series.pieces[0].end_w = 1e9;
		}
		assert_int_equal(jm_scene_create(&given, limits, &s, NULL), 0);
		b = &s->channels[0].buckets;
		assert_int_equal(s->channels[0].n_exact, expected->channels[0].n_exact);
		assert_int_equal(a->n, b->n);
		assert_memory_equal(a->max_w, b->max_w, a->n * sizeof(*a->max_w));
		assert_memory_equal(a->energy_j, b->energy_j, a->n * sizeof(*a->energy_j));
		jm_scene_destroy(s);
		jm_series_finish(&series);
	}
}

static struct jm_scene *make_scene(const struct jm_scene_limits *limits)
{
	struct jm_scene_input in = {.start_ns = 0, .end_ns = 5 * S};
	struct jm_channel channel;
	struct jm_sample *samples = calloc(5001, sizeof(*samples));
	const struct jm_sample *const lists[] = {samples};
	const size_t n_samples[] = {5001};
	struct jm_scene *s = NULL;
	struct jm_span *spans = make_run(&in.n_spans);
	size_t i;

	jm_channel_init(&channel, "a/b");
	for (i = 0; samples && i < 5001; i++) {
		samples[i].t_ns = (int64_t)i * S / 1000;
		samples[i].value = 50000000 + (i == 2500 ? 40000000 : 0);
	}
	in.channels = &channel;
	in.n_channels = 1;
	in.samples = lists;
	in.n_samples = n_samples;
	in.spans = spans;
	assert_int_equal(jm_scene_create(&in, limits, &s, NULL), 0);
	check_given_series(&in, limits, s);
	free(samples);
	free(spans);
	return s;
}

static void what_is_small_is_kept_whole(void **state)
{
	struct jm_scene *s = make_scene(NULL);

	(void)state;
	assert_int_equal(s->n_boxes, N_CALLS * (N_LAYERS + 1));
	assert_true(s->lanes[0].is_whole && s->lanes[1].is_whole && !s->lanes[1].busy);
	assert_true(s->channels[0].is_whole);
	jm_scene_destroy(s);
}

static void what_is_large_is_merged_but_for_some_windows(void **state)
{
	const struct jm_scene_limits limits = {.n_boxes = 1200, .n_pieces = 500, .n_buckets = 100, .n_coarse = 800};
	struct jm_scene *s = make_scene(&limits);
	bool has_slowest = false;
	size_t i, inside = 0;
	double busy_s = 0;
	uint64_t count = 0;

	(void)state;
	assert_true(s->n_boxes <= 1200);
	/* The few iterations are all there, the layers are not. */
	assert_true(s->lanes[0].is_whole);
	assert_int_equal(s->lanes[0].kind, JM_SPAN_ITERATION);
	assert_false(s->lanes[1].is_whole);
	assert_true(s->n_windows > 2);
	for (i = 0; i < s->n_windows; i++) {
		has_slowest = has_slowest || strstr(s->windows[i].label, "slowest iteration (100)");
		assert_true(i == 0 || s->windows[i].start_ns > s->windows[i - 1].end_ns);
	}
	assert_true(has_slowest);
	for (i = 0; i < s->n_boxes; i++)
		inside += s->boxes[i].lane == 1;
	assert_true(inside >= N_LAYERS * s->n_windows);
	for (i = 0; i < s->n_coarse; i++) {
		busy_s += (double)s->lanes[1].busy[i] * 5 / (double)s->n_coarse;
		count += s->lanes[1].count[i];
	}
	assert_float_equal(busy_s, 399 * 0.01 + 0.012, 1e-4);
	assert_int_equal(count, N_CALLS * N_LAYERS);
	jm_scene_destroy(s);
}

static void a_short_peak_is_seen_in_wide_buckets(void **state)
{
	const struct jm_scene_limits limits = {.n_buckets = 20, .n_pieces = 10};
	struct jm_scene *s = make_scene(&limits);
	const struct jm_power_buckets *b = &s->channels[0].buckets;
	double energy = 0;
	float most = 0;
	size_t i;

	(void)state;
	assert_true(b->n <= 21);
	for (i = 0; i < b->n; i++) {
		energy += b->energy_j[i];
		most = b->max_w[i] > most ? b->max_w[i] : most;
	}
	assert_float_equal(most, 90, 1e-3);
	assert_float_equal(energy, 250 + 0.04, 1e-3);
	assert_true(s->channels[0].n_exact <= 11);
	jm_scene_destroy(s);
}

static void a_scene_of_nothing_is_refused(void **state)
{
	struct jm_scene_input in = {.start_ns = 5, .end_ns = 5};
	struct jm_scene *s = NULL;

	(void)state;
	assert_int_equal(jm_scene_create(&in, NULL, &s, NULL), JM_E_INVALID);
	assert_null(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(buckets_keep_energy_and_extremes),
	    cmocka_unit_test(a_bucket_nobody_looked_at_has_no_power),
	    cmocka_unit_test(a_piece_beyond_the_buckets_is_cut),
	    cmocka_unit_test(spans_inside_of_spans_lie_a_lane_deeper),
	    cmocka_unit_test(lanes_beyond_the_limit_are_counted),
	    cmocka_unit_test(what_is_small_is_kept_whole),
	    cmocka_unit_test(what_is_large_is_merged_but_for_some_windows),
	    cmocka_unit_test(a_short_peak_is_seen_in_wide_buckets),
	    cmocka_unit_test(a_scene_of_nothing_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
