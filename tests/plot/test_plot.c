#include "plot/plot.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "export/small_result.h"

#define S INT64_C(1000000000)

/* A result of two layers and a scene of 2 s at 50 W and a peak, with nine spans. */
struct world {
	struct small_result small;
	struct jm_scene *scene;
	struct jm_name items[2];
	struct jm_names names;
	struct jm_plot_input in;
};

static void make_world(struct world *w)
{
	struct jm_scene_input in = {.start_ns = 0, .end_ns = 2 * S, .n_channels = 1};
	struct jm_span spans[9] = {0};
	struct jm_sample samples[200] = {0};
	const struct jm_sample *const lists[] = {samples};
	const size_t n_samples[] = {200};
	size_t i;

	memset(w, 0, sizeof(*w));
	small_result_init(&w->small);
	w->small.channel.state = JM_STATE_MEASURED;
	for (i = 0; i < 200; i++) {
		samples[i].t_ns = (int64_t)i * S / 100;
		samples[i].value = i == 100 ? 90000000 : 50000000;
	}
	for (i = 0; i < 9; i++)
		spans[i] = (struct jm_span){.start_ns = (int64_t)i * S / 5,
					    .end_ns = (int64_t)i * S / 5 + S / 6,
					    .name = i % 2,
					    .kind = JM_SPAN_LAYER,
					    .iteration = JM_NO_ITERATION};
	in.channels = &w->small.channel;
	in.samples = lists;
	in.n_samples = n_samples;
	in.spans = spans;
	in.n_spans = 9;
	assert_int_equal(jm_scene_create(&in, NULL, &w->scene, NULL), 0);
	w->items[0] = (struct jm_name){.text = (char *)"first, \"quoted\"", .type = (char *)"Conv"};
	w->items[1] = (struct jm_name){.text = (char *)"<second> & \xff\n", .type = (char *)"MatMul"};
	w->names = (struct jm_names){.items = w->items, .n = 2};
	w->in = (struct jm_plot_input){
	    .title = "<title> & \xc3", .result = &w->small.result, .scene = w->scene, .names = &w->names};
}

static char *draw(const struct world *w, enum jm_plot_kind kind, enum jm_canvas_format format, size_t *n)
{
	struct jm_plot_options options = {.kind = kind, .format = format, .channel = -1};
	struct jm_buffer b = {0};
	char *out = NULL;

	if (jm_plot_draw(&w->in, &options, &b, NULL) == 0) {
		*n = b.n;
		out = malloc(b.n + 1);
		memcpy(out, b.data, b.n);
		out[b.n] = '\0';
	}
	jm_buffer_finish(&b);
	return out;
}

static void every_plot_is_a_picture_in_both_formats(void **state)
{
	static const char signature[] = "\x89PNG\r\n\x1a\n";
	struct world w;
	size_t n;
	int kind;

	(void)state;
	make_world(&w);
	for (kind = JM_PLOT_LAYERS; kind <= JM_PLOT_MAPPING; kind++) {
		char *svg = draw(&w, (enum jm_plot_kind)kind, JM_CANVAS_SVG, &n), *png;

		assert_non_null(svg);
		assert_non_null(strstr(svg, "<svg"));
		assert_non_null(strstr(svg, "</svg>"));
		assert_null(strstr(svg, "<title>")); /* texts are drawn, not written */
		png = draw(&w, (enum jm_plot_kind)kind, JM_CANVAS_PNG, &n);
		assert_non_null(png);
		assert_memory_equal(png, signature, 8);
		/* 960 points at 2 pixels each: 0x780. */
		assert_memory_equal(png + 16, "\x00\x00\x07\x80", 4);
		assert_true(n > 4000);
		free(svg);
		free(png);
	}
	jm_scene_destroy(w.scene);
}

static void nothing_to_draw_is_said(void **state)
{
	struct jm_plot_options options = {.kind = JM_PLOT_TIMELINE, .format = JM_CANVAS_SVG, .channel = -1};
	struct jm_error err = {0};
	struct jm_buffer b = {0};
	struct world w;

	(void)state;
	make_world(&w);
	w.in.scene = NULL;
	assert_int_equal(jm_plot_draw(&w.in, &options, &b, &err), JM_E_NOT_FOUND);
	assert_non_null(strstr(err.message, "timeline"));
	options.kind = JM_PLOT_MAPPING;
	assert_int_equal(jm_plot_draw(&w.in, &options, &b, &err), JM_E_NOT_FOUND);
	w.small.result.n_layers = 0;
	options.kind = JM_PLOT_ENERGY;
	assert_int_equal(jm_plot_draw(&w.in, &options, &b, &err), JM_E_NOT_FOUND);
	assert_int_equal(b.n, 0);
	jm_scene_destroy(w.scene);
}

static void a_size_beyond_reason_is_refused(void **state)
{
	struct jm_canvas *c;

	(void)state;
	assert_int_equal(jm_canvas_create(JM_CANVAS_PNG, 1e9, 100, 1, &c, NULL), JM_E_INVALID);
	assert_int_equal(jm_canvas_create(JM_CANVAS_SVG, NAN, 100, 1, &c, NULL), JM_E_INVALID);
}

static void names_of_plots_are_known(void **state)
{
	enum jm_plot_kind kind;

	(void)state;
	assert_int_equal(jm_plot_parse("mapping", &kind), 0);
	assert_int_equal(kind, JM_PLOT_MAPPING);
	assert_int_equal(jm_plot_parse("pie", &kind), JM_E_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_plot_is_a_picture_in_both_formats),
	    cmocka_unit_test(nothing_to_draw_is_said),
	    cmocka_unit_test(a_size_beyond_reason_is_refused),
	    cmocka_unit_test(names_of_plots_are_known),
	};
	struct jm_canvas *c;
	struct jm_error err = {0};

	if (jm_canvas_create(JM_CANVAS_SVG, 10, 10, 1, &c, &err) == JM_E_UNSUPPORTED) {
		printf("SKIP: %s\n", err.message);
		return 77;
	}
	jm_canvas_destroy(c);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
