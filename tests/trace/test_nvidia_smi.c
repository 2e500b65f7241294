#define _GNU_SOURCE
#include "trace/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define EPOCH INT64_C(1893456000000000000) /* 2030-01-01 */

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

static void columns_become_channels_of_each_gpu(void **state)
{
	struct jm_error err = {0};
	struct collected c;

	(void)state;
	assert_int_equal(collect_fixture(&c, "nvidia_smi.csv", &err), 0);
	assert_int_equal(c.clock, JM_TRACE_CLOCK_LOCAL);
	assert_int_equal(c.n_channels, 8);
	assert_string_equal(c.channels[0].name, "import/nvidia-smi/0/power.draw.instant");
	assert_int_equal(c.channels[0].same_as, -1);
	assert_int_equal(c.channels[1].same_as, 0);
	assert_int_equal(c.channels[5].same_as, 4);
	assert_int_equal(c.channels[5].device, 1);
	assert_non_null(strstr(c.meta, "device:import/nvidia-smi/1=index 1\n"));
	assert_int_equal(c.n_samples, 12);
	assert_true(c.samples[0].t_ns == EPOCH + 100000000);
	assert_true(c.samples[0].value == 101500000);
	assert_true(c.samples[2].value == 40000);  /* mC */
	assert_true(c.samples[3].value == 500000); /* ppm */
	assert_int_equal(c.samples[4].status, JM_SAMPLE_GAP);
	assert_non_null(strstr(c.warnings, "1 values are no numbers"));
	assert_non_null(strstr(c.warnings, "nvidia_smi.csv:6: the last line has no end"));
	collect_finish(&c);
}

static void bad_files_are_refused_with_their_place(void **state)
{
	static const char *const bad[] = {"timestamp, temperature.gpu\n", "timestamp, power.draw [W]\nyesterday, 3 W\n",
					  ""};

	(void)state;
	refuse_all("nvidia_smi", bad, sizeof(bad) / sizeof(bad[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns_become_channels_of_each_gpu),
	    cmocka_unit_test(bad_files_are_refused_with_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
