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

static void lists_of_processes_become_channels(void **state)
{
	struct jm_error err = {0};
	struct collected c;

	(void)state;
	assert_int_equal(collect_fixture(&c, "cpu_by_process.json", &err), 0);
	assert_int_equal(c.n_channels, 2);
	assert_string_equal(c.channels[0].name, "import/process/4242");
	assert_int_equal(c.channels[0].state, JM_STATE_ESTIMATED);
	assert_string_equal(c.channels[1].name, "import/process/77");
	assert_int_equal(c.n_samples, 3);
	assert_true(c.samples[0].t_ns == EPOCH + 1000000000 && c.samples[0].value == 3250000);
	assert_true(c.samples[2].t_ns == EPOCH + INT64_C(3000000000) && c.samples[2].value == 3500000);
	collect_finish(&c);
}

static void the_older_forms_are_read(void **state)
{
	struct collected c;

	(void)state;
	assert_int_equal(collect_fixture(&c, "CPU.json", NULL), 0);
	assert_int_equal(c.n_channels, 1);
	assert_int_equal(c.n_samples, 2);
	assert_true(c.samples[1].value == 2750000);
	collect_finish(&c);
	assert_int_equal(collect_fixture(&c, "GPU.json", NULL), 0);
	assert_int_equal(c.channels[0].domain, JM_DOMAIN_GPU);
	assert_int_equal(c.channels[0].state, JM_STATE_MEASURED);
	assert_true(c.samples[0].value == 12500000);
	assert_int_equal(c.samples[1].status, JM_SAMPLE_GAP);
	assert_non_null(strstr(c.warnings, "GPU.json:1: a negative power"));
	collect_finish(&c);
}

static void american_times_are_understood(void **state)
{
	const char *text =
	    "[{\"01/02/2030 12:00:01 AM\": [[1.5, \"7\"]]}, {\"01/02/2030 12:00:01 PM\": [[1.5, \"7\"]]}]";
	struct collected c;

	(void)state;
	assert_int_equal(collect_text(&c, NULL, NULL, text, strlen(text), NULL), 0);
	assert_true(c.samples[0].t_ns == EPOCH + INT64_C(86401000000000));
	assert_true(c.samples[1].t_ns - c.samples[0].t_ns == INT64_C(43200000000000));
	collect_finish(&c);
}

static void bad_files_are_refused_with_their_place(void **state)
{
	static const char *const bad[] = {"{\"yesterday\": 1}",
					  "{\"2030-01-01 00:00:01\": \"x\"}",
					  "{\"2030-01-01 00:00:01\": [1]}",
					  "{\"2030-01-01 00:00:01\": [[1]]}",
					  "{\"2030-01-01 00:00:01\": [[1, \"2\", [3]]]}",
					  "[[1]]",
					  "3",
					  "{\"2030-01-01 00:00:01\": [[1, \"2\"]"};

	(void)state;
	refuse_all("process_power", bad, sizeof(bad) / sizeof(bad[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lists_of_processes_become_channels),
	    cmocka_unit_test(the_older_forms_are_read),
	    cmocka_unit_test(american_times_are_understood),
	    cmocka_unit_test(bad_files_are_refused_with_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
