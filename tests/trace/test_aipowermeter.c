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

static void both_generations_and_a_torn_end_are_read(void **state)
{
	struct jm_error err = {0};
	struct collected c;
	size_t i;

	(void)state;
	assert_int_equal(collect_fixture(&c, "power_metrics.json", &err), 0);
	assert_int_equal(c.clock, JM_TRACE_CLOCK_LOCAL);
	assert_int_equal(c.n_channels, 5); /* psys was never there */
	assert_string_equal(c.channels[0].name, "import/aipowermeter/package");
	assert_int_equal(c.channels[0].part_of, -1);
	assert_string_equal(c.channels[1].name, "import/aipowermeter/core");
	assert_int_equal(c.channels[1].part_of, 0);
	assert_string_equal(c.channels[2].name, "import/aipowermeter/uncore");
	assert_string_equal(c.channels[3].name, "import/aipowermeter/gpu");
	assert_string_equal(c.channels[4].name, "import/aipowermeter/gpu-0");
	assert_int_equal(c.channels[4].part_of, 3);
	assert_int_equal(c.n_samples, 9);
	assert_true(c.samples[0].t_ns == EPOCH + 500000000 && c.samples[0].value == 20000000);
	assert_true(c.samples[2].value == 250000);
	for (i = 5; i < 9; i++)
		assert_true(c.samples[i].t_ns == EPOCH + INT64_C(2000000000));
	assert_int_equal(c.samples[6].status, JM_SAMPLE_GAP);
	assert_true(c.samples[8].value == 70500000);
	assert_non_null(strstr(c.warnings, "power_metrics.json:4: the last line is torn"));
	assert_non_null(strstr(c.meta, "recording_segments=1\n"));
	collect_finish(&c);
}

/* A logger that is killed leaves half a line, wherever it was: behind "0." the number is torn, too. */
static void a_line_torn_anywhere_is_left_out(void **state)
{
	static const char text[] =
	    "{\"date\": \"2030-01-01 00:00:00\", \"metrics\": {\"cpu\": {\"intel_power\": 20.0}}}\n"
	    "{\"date\": \"2030-01-01 00:00:01\", \"metrics\": {\"cpu\": {\"per_process_cpu_uses\": {\"1\": -0.5e-1, "
	    "\"2\": null},"
	    " \"intel_power\": 21.5}}}\n";
	size_t first = (size_t)(strchr(text, '\n') - text) + 1, n;
	struct jm_error err = {0};
	struct collected c;

	(void)state;
	for (n = first + 1; n < sizeof(text) - 3; n++) {
		if (collect_text(&c, "aipowermeter", "torn", text, n, &err))
			fail_msg("cut at %zu: %s", n, err.message);
		assert_int_equal(c.n_samples, 1);
		assert_non_null(strstr(c.warnings, "the last line is torn"));
		collect_finish(&c);
	}
}

static void bad_files_are_refused_with_their_place(void **state)
{
	static const char *const bad[] = {
	    "{\"date\": \"x\"}\n",
	    "{\"metrics\": {}}\n",
	    "{\"date\": \"2030-01-01 00:00:00\", \"metrics\": 1}\n",
	    "{\"date\": \"2030-01-01 00:00:00\", \"metrics\": {\"cpu\": {\"intel_power\": \"x\"}}}\n",
	    "{\"date\": \"2030-01-01 00:00:00\"\n",
	    "3\n"};

	(void)state;
	refuse_all("aipowermeter", bad, sizeof(bad) / sizeof(bad[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_generations_and_a_torn_end_are_read),
	    cmocka_unit_test(a_line_torn_anywhere_is_left_out),
	    cmocka_unit_test(bad_files_are_refused_with_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
