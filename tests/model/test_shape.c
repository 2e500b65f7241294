#include "model/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void operands_are_read_as_recordings_keep_them(void **state)
{
	struct jm_operands o;

	(void)state;
	assert_int_equal(jm_operands_parse("fp32[1,3,8,8] int64[] strange[2] -> fp16[1,16,8,8]", &o), 0);
	assert_int_equal(o.n_in, 3);
	assert_int_equal(o.n_out, 1);
	assert_int_equal(o.in[0].dtype, JM_DTYPE_FP32);
	assert_int_equal(jm_shape_elements(&o.in[0]), 192);
	assert_int_equal(jm_shape_bytes(&o.in[0]), 768);
	assert_true(o.in[1].is_known);
	assert_int_equal(jm_shape_elements(&o.in[1]), 1);
	assert_int_equal(o.in[2].dtype, JM_DTYPE_UNKNOWN);
	assert_int_equal(jm_shape_bytes(&o.in[2]), 0);
	assert_int_equal(jm_shape_bytes(&o.out[0]), 2048);
	assert_int_equal(jm_operands_parse(" -> fp32[2]", &o), 0);
	assert_int_equal(o.n_in, 0);
}

static void an_operator_and_its_window_may_stand_before_the_operands(void **state)
{
	struct jm_operands o;

	(void)state;
	assert_int_equal(jm_operands_parse("Conv(kernel=3,5 stride=2,1 padding=2,4 dilation=1,2 groups=4) fp16[1,8,9,9] "
					   "fp16[8,2,3,5] -> fp16[1,8,5,5]",
					   &o),
			 0);
	assert_string_equal(o.op, "Conv");
	assert_true(o.window.is_known);
	assert_int_equal(o.window.kernel[1], 5);
	assert_int_equal(o.window.stride[0], 2);
	assert_int_equal(o.window.padding[1], 4);
	assert_int_equal(o.window.dilation[1], 2);
	assert_int_equal(o.window.groups, 4);
	assert_int_equal(o.n_in, 2);
	assert_int_equal(jm_operands_parse("MaxPool(kernel=2,2) fp32[1,8,8,8] -> fp32[1,8,4,4]", &o), 0);
	assert_int_equal(o.window.stride[0], 1);
	assert_int_equal(o.window.padding[0], 0);
	assert_int_equal(jm_operands_parse("Gelu() fp32[8] -> fp32[8]", &o), 0);
	assert_string_equal(o.op, "Gelu");
	assert_false(o.window.is_known);
	assert_int_equal(jm_operands_parse("fp32[8] -> fp32[8]", &o), 0);
	assert_string_equal(o.op, "");
}

static void anything_else_is_refused(void **state)
{
	static const char *const bad[] = {"",
					  "fp32",
					  "fp32[1",
					  "fp32[1,]",
					  "fp32[,1] ->",
					  "fp32[-1] ->",
					  "fp32[1]x2",
					  "fp32[1] fp32[2]",
					  "-> fp32[1] -> fp32[2]",
					  "fp32[x] ->",
					  "Gelu( fp32[1] ->",
					  "() fp32[1] ->",
					  "Conv(kernel) fp32[1] ->",
					  "Conv(kernel=) fp32[1] ->",
					  "Conv(kernel=3) fp32[1] ->",
					  "Conv(kernel=3,) fp32[1] ->",
					  "Conv(kernel=-3,3) fp32[1] ->",
					  "Conv(kernel=3,3 fp32[1] ->",
					  "Conv(groups=0) fp32[1] ->",
					  "Conv(groups=1,1) fp32[1] ->",
					  "Conv(colour=3,3) fp32[1] ->",
					  "AnOperatorWhoseNameIsMuchLongerThanAnythingThatIsKept() fp32[1] ->"};
	char many[4096] = "";
	struct jm_operands o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(jm_operands_parse(bad[i], &o), JM_E_FORMAT);
	assert_int_equal(jm_operands_parse("fp32[1,1,1,1,1,1,1,1,1] ->", &o), JM_E_FULL);
	for (i = 0; i <= JM_OPERANDS_MAX; i++)
		strcat(many, "fp32[1] ");
	assert_int_equal(jm_operands_parse(many, &o), JM_E_FULL);
}

static void shapes_are_written_for_people(void **state)
{
	struct jm_shape s = {JM_DTYPE_FP32, true, 3, {1, 128, 768}};
	char text[64], small[4];

	(void)state;
	jm_shape_text(&s, text, sizeof(text));
	assert_string_equal(text, "1x128x768");
	jm_shape_text(&s, small, sizeof(small));
	assert_string_equal(small, "1x1");
	s.n_dims = 0;
	jm_shape_text(&s, text, sizeof(text));
	assert_string_equal(text, "scalar");
	s.is_known = false;
	jm_shape_text(&s, text, sizeof(text));
	assert_string_equal(text, "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(operands_are_read_as_recordings_keep_them),
	    cmocka_unit_test(an_operator_and_its_window_may_stand_before_the_operands),
	    cmocka_unit_test(anything_else_is_refused),
	    cmocka_unit_test(shapes_are_written_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
