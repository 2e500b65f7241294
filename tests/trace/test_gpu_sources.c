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

static void the_ring_is_preferred_and_keeps_its_own_time(void **state)
{
	struct jm_error err = {0};
	struct collected c;

	(void)state;
	assert_int_equal(collect_fixture(&c, "gpu_sources.csv", &err), 0);
	assert_int_equal(c.clock, JM_TRACE_CLOCK_REALTIME);
	assert_int_equal(c.n_channels, 4);
	assert_string_equal(c.channels[0].name, "import/gpu/ring");
	assert_int_equal(c.channels[0].same_as, -1);
	assert_int_equal(c.channels[1].quantity, JM_QUANTITY_ENERGY);
	assert_int_equal(c.channels[1].kind, JM_KIND_COUNTER);
	assert_int_equal(c.channels[1].same_as, 0);
	assert_int_equal(c.n_samples, 6); /* one ring sample came twice */
	assert_true(c.samples[0].t_ns == EPOCH - 20000000);
	assert_true(c.samples[0].value == 119000000);
	assert_true(c.samples[0].device_us == EPOCH / 1000 - 20000);
	assert_int_equal(c.samples[3].channel, 1);
	assert_true(c.samples[3].t_ns == EPOCH + 300000); /* the middle of the call */
	assert_int_equal(c.samples[3].half_width_ns, 100000);
	assert_true(c.samples[3].value == 5000000);
	collect_finish(&c);
}

static void a_measured_gpu_is_read(void **state)
{
	const char *path = collect_shared("h200/power.csv");
	struct collected c;
	size_t n;
	char *text;

	(void)state;
	if (!path)
		skip();
	text = collect_load(path, &n);
	assert_int_equal(collect_text(&c, NULL, path, text, n, NULL), 0);
	assert_true(c.n_samples > 10000);
	assert_true(c.channels[0].update_period_ns > 19000000 && c.channels[0].update_period_ns < 21000000);
	collect_finish(&c);
	free(text);
}

static void bad_files_are_refused_with_their_place(void **state)
{
	static const char *const bad[] = {"ring,1,2\n", "other,1,2,3\n", "ring,1,2,-3\n", "ring,x,2,3\n"};

	(void)state;
	refuse_all("gpu_sources", bad, sizeof(bad) / sizeof(bad[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_ring_is_preferred_and_keeps_its_own_time),
	    cmocka_unit_test(a_measured_gpu_is_read),
	    cmocka_unit_test(bad_files_are_refused_with_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
