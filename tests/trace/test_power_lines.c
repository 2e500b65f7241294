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

static void lines_become_microwatts_in_order(void **state)
{
	struct jm_error err = {0};
	struct collected c;

	(void)state;
	assert_int_equal(collect_fixture(&c, "power_lines.log", &err), 0);
	assert_int_equal(c.clock, JM_TRACE_CLOCK_LOCAL);
	assert_int_equal(c.n_channels, 1);
	assert_int_equal(c.channels[0].domain, JM_DOMAIN_PLATFORM);
	assert_int_equal(c.n_samples, 3);
	assert_true(c.samples[0].t_ns == EPOCH + 1001300000);
	assert_true(c.samples[0].value == 4520000);
	assert_true(c.samples[1].t_ns == EPOCH + 1002000000); /* was last */
	assert_true(c.samples[2].value == 4527500);
	assert_non_null(strstr(c.warnings, "steps back 1 times"));
	assert_non_null(strstr(c.warnings, "power_lines.log:4: the last line has no end"));
	collect_finish(&c);
}

static void bad_files_are_refused_with_their_place(void **state)
{
	static const char *const bad[] = {"20300101-00:00:01.5,1.0\n", "20300101-00:00:01.5,nan,1.0\n",
					  "20300101-00:00:61.5,1.0,1.0\n", "20300101-00:00:01.5,1e300,1.0\n", "x\n"};

	(void)state;
	refuse_all("power_lines", bad, sizeof(bad) / sizeof(bad[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_become_microwatts_in_order),
	    cmocka_unit_test(bad_files_are_refused_with_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
