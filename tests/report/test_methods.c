#include "report/methods.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "export/small_result.h"

static void methods_stand_side_by_side(void **state)
{
	struct small_result share, fused;
	const struct jm_method_column columns[] = {
	    {.asked = JM_METHOD_SHARE, .result = small_result_init(&share)},
	    {.asked = JM_METHOD_FUSED, .result = small_result_init(&fused), .blocks_s = 12, .rests_s = 3.5}};
	struct jm_view view = {.limit = 0};
	struct jm_buffer b = {0};
	const char *text;

	(void)state;
	share.result.run.iterations = fused.result.run.iterations = 4;
	fused.layers[0].energy_j = 3;
	fused.layers[0].energy_per_iteration_mj = 600; /* of five iterations: one of them fell into a gap */
	fused.layers[0].method = JM_METHOD_FUSED;
	fused.layers[1].energy_j = 0.4;
	fused.layers[1].energy_per_iteration_mj = 100;
	fused.layers[1].resolvable = true;
	snprintf(fused.result.method_reason, sizeof(fused.result.method_reason), "because");
	assert_int_equal(jm_report_methods(columns, 2, &view, &b, NULL), 0);
	text = jm_buffer_terminate(&b);
	assert_non_null(text);
	assert_non_null(strstr(text, "500.0 [250, 1e+03]")); /* 2 J [1, 4] in 4 iterations */
	assert_non_null(strstr(text, "600.0 [200, 800]")); /* 3 J [1, 4] in 5, as the report has it */
	assert_non_null(strstr(text, "100.0 (share)")); /* asked for fused, share answered */
	assert_non_null(strstr(text, "fused     because"));
	assert_non_null(strstr(text, "residual"));
	assert_non_null(strstr(text, "cost: 12 s of blocks and 3.5 s of rests when recorded"));
	assert_true(strstr(text, "first") < strstr(text, "second"));
	jm_buffer_finish(&b);
}

static void what_has_no_figure_has_a_dash_and_rows_are_limited(void **state)
{
	struct small_result share;
	const struct jm_method_column columns[] = {{.asked = JM_METHOD_SHARE, .result = small_result_init(&share)}};
	struct jm_view view = {.limit = 1};
	struct jm_buffer b = {0};

	(void)state;
	assert_int_equal(jm_report_methods(columns, 1, &view, &b, NULL), 0);
	assert_non_null(strstr(jm_buffer_terminate(&b), "1 more"));
	assert_null(strstr(b.data, "second"));
	jm_buffer_finish(&b);
	view.limit = 0;
	assert_int_equal(jm_report_methods(columns, 1, &view, &b, NULL), 0);
	assert_non_null(strstr(jm_buffer_terminate(&b), "second"));
	assert_null(strstr(b.data, "nan"));
	jm_buffer_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(methods_stand_side_by_side),
	    cmocka_unit_test(what_has_no_figure_has_a_dash_and_rows_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
