#include "plot/plot_variants.h"

#include "core/error.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Three variants, one of them without figures, with names of every kind. */
static int draw(enum jm_canvas_format format, size_t n_panels, struct jm_buffer *out, struct jm_error *err)
{
	static const double trials[] = {1, 3, NAN, 0.5};
	static const struct jm_plot_bar bars[] = {{.value = 2, .below = "", .trials = trials, .n_trials = 3},
						  {.value = 0.5, .below = "0.25×", .trials = &trials[3], .n_trials = 1, .is_estimated = true},
						  {.value = NAN, .below = "not comparable", .trials = &trials[2], .n_trials = 1}};
	static const struct jm_plot_panel panels[] = {{"Energy", "J", bars}, {"Latency", "s", bars}, {"Accuracy", "%", bars}};
	static const char *const names[] = {"a", "<b> & \xff", ""};
	const struct jm_plot_variants in = {.title = "Comparison",
					    .subtitle = "of three",
					    .note = "",
					    .names = names,
					    .n_variants = 3,
					    .panels = panels,
					    .n_panels = n_panels,
					    .format = format};

	return jm_plot_variants_draw(&in, out, err);
}

static bool can_draw(void)
{
	struct jm_error err = {0};
	struct jm_buffer b = {0};
	int rc = draw(JM_CANVAS_SVG, 1, &b, &err);

	jm_buffer_finish(&b);
	if (rc == JM_E_UNSUPPORTED)
		printf("SKIP: %s\n", err.message);
	return rc != JM_E_UNSUPPORTED;
}

static void variants_are_a_picture_in_both_formats(void **state)
{
	size_t n;

	(void)state;
	for (n = 1; n <= JM_PLOT_PANELS_MAX; n++) {
		struct jm_buffer svg = {0}, png = {0};

		assert_int_equal(draw(JM_CANVAS_SVG, n, &svg, NULL), 0);
		assert_int_equal(draw(JM_CANVAS_PNG, n, &png, NULL), 0);
		assert_non_null(strstr(jm_buffer_terminate(&svg), "</svg>"));
		assert_true(png.n > 2000);
		assert_memory_equal(png.data, "\x89PNG\r\n\x1a\n", 8);
		/* 960 points at 2 pixels each: 0x780. */
		assert_memory_equal(png.data + 16, "\x00\x00\x07\x80", 4);
		jm_buffer_finish(&svg);
		jm_buffer_finish(&png);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(variants_are_a_picture_in_both_formats)};

	return can_draw() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
