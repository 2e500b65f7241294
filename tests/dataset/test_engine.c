#include "dataset/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static const char engine[] =
    "{\"Layers\":[{\"Name\":\"conv\",\"LayerType\":\"CaskConvolution\",\"Inputs\":[{\"Name\":\"x\",\"Dimensions\":[1,32,56,56],"
    "\"Format/Datatype\":\"Row major linear FP16 format\"}],\"Outputs\":[{\"Name\":\"y\",\"Dimensions\":[1,64,28,28]}],"
    "\"Kernel\":[3,3],\"Stride\":[2,2],\"Dilation\":[1,1],\"PrePadding\":[1,1],\"PostPadding\":[1,1],\"Groups\":2},"
    "{\"Name\":\"pool\",\"LayerType\":\"CaskPooling\",\"Inputs\":[{\"Dimensions\":[1,64,55,55]}],"
    "\"Outputs\":[{\"Dimensions\":[1,64,27,27]}],\"WindowSize\":[3,3],\"Stride\":[2,2],\"PrePadding\":[0,0],\"PostPadding\":[0,0]},"
    "{\"Name\":\"fc\",\"LayerType\":\"CaskGemmConvolution\",\"Inputs\":[{\"Dimensions\":[1,4096]}],"
    "\"Outputs\":[{\"Dimensions\":[1000]}]},"
    "{\"Name\":\"odd\",\"LayerType\":\"Myelin\",\"Inputs\":[],\"Outputs\":[]}],\"Bindings\":[\"x\"]}";

static void layers_have_the_geometry_that_the_engine_states(void **state)
{
	struct jm_engine e;

	(void)state;
	assert_int_equal(jm_engine_read("e", engine, strlen(engine), false, &e, NULL), 0);
	assert_int_equal(e.n, 4);
	assert_true(e.layers[0].is_known && e.layers[0].features.dtype == JM_DTYPE_FP16);
	assert_true(e.layers[0].features.values[9] == 2 && e.layers[0].features.values[13] == 2);
	assert_true(e.layers[0].features.macs == 64.0 * 28 * 28 * 16 * 9);
	/* A pooling has WindowSize, no Kernel. */
	assert_true(e.layers[1].features.values[7] == 3 && e.layers[1].features.values[9] == 2);
	/* One and two dimensions are as good as four. */
	assert_true(e.layers[2].is_known && e.layers[2].features.values[1] == 4096 && e.layers[2].features.values[2] == 1000);
	assert_false(e.layers[3].is_known);
	jm_engine_finish(&e);
}

static void the_historic_scripts_took_every_pooling_for_a_global_one(void **state)
{
	struct jm_engine e;

	(void)state;
	assert_int_equal(jm_engine_read("e", engine, strlen(engine), true, &e, NULL), 0);
	assert_true(e.layers[1].features.values[7] == 55 && e.layers[1].features.values[8] == 55);
	jm_engine_finish(&e);
}

static void damage_is_refused(void **state)
{
	static const char *const texts[] = {"",
					    "[]",
					    "{\"Layers\":[\"a\"]}",
					    "{\"Layers\":[{\"Name\":\"a\"}]}",
					    "{\"Layers\":[{\"Name\":\"a\",\"LayerType\":\"b\",\"Kernel\":[-1,3]}]}",
					    "{\"Layers\":[{\"Name\":\"a\",\"LayerType\":\"b\",\"Kernel\":[1e300,3]}]}"};
	struct jm_engine e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(jm_engine_read("e", texts[i], strlen(texts[i]), false, &e, NULL), JM_E_FORMAT);
	for (i = 1; i < strlen(engine); i++)
		if (jm_engine_read("e", engine, i, false, &e, NULL) == 0)
			fail_msg("%zu bytes of it are taken for the whole", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(layers_have_the_geometry_that_the_engine_states),
	    cmocka_unit_test(the_historic_scripts_took_every_pooling_for_a_global_one),
	    cmocka_unit_test(damage_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
