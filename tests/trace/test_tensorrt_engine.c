#define _GNU_SOURCE
#include "trace/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Each text is refused with the file and the line (or the byte) named. */
static void refuse_all(const char *importer, const char *const *texts, size_t n)
{
	struct jm_error err;
	struct collected c;
	size_t i;

	for (i = 0; i < n; i++) {
		memset(&err, 0, sizeof(err));
		assert_int_equal(collect_text(&c, importer, "bad", texts[i], strlen(texts[i]), &err), JM_E_FORMAT);
		assert_memory_equal(err.message, "bad:", 4);
		assert_int_equal(c.n_spans, 0);
		collect_finish(&c);
	}
}

static void names_come_with_their_types(void **state)
{
	struct jm_error err = {0};
	struct collected c;

	(void)state;
	assert_int_equal(collect_fixture(&c, "trt_engine_info.json", &err), 0);
	assert_int_equal(c.n_spans, 0);
	assert_int_equal(c.names.n, 3);
	assert_string_equal(c.names.items[0].text, "conv1");
	assert_string_equal(c.names.items[0].type, "CaskConvolution");
	assert_string_equal(c.names.items[1].text, "fc\nsecond line");
	assert_string_equal(c.names.items[1].type, "gemm");
	assert_string_equal(c.names.items[2].text, "bare name");
	assert_string_equal(c.names.items[2].type, "");
	assert_non_null(strstr(c.meta, "engine_layers=3\n"));
	collect_finish(&c);
}

static void bad_files_are_refused_with_their_place(void **state)
{
	static const char *const bad[] = {"{\"Layers\": [{\"LayerType\": \"x\"}]}", "{\"Layers\": [1]}",
					  "{\"Layers\": [{\"Name\": \"a\"}", "[]"};

	(void)state;
	refuse_all("tensorrt_engine", bad, sizeof(bad) / sizeof(bad[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_come_with_their_types),
	    cmocka_unit_test(bad_files_are_refused_with_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
