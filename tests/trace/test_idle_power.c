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

static void both_forms_give_the_idle_power(void **state)
{
	struct collected c;

	(void)state;
	assert_int_equal(collect_fixture(&c, "idling_power.json", NULL), 0);
	assert_string_equal(c.meta, "idle_power_uw=4200000.25\n");
	collect_finish(&c);
	assert_int_equal(collect_fixture(&c, "idling_power.log", NULL), 0);
	assert_string_equal(c.meta, "idle_power_uw=4200000.25\n");
	assert_int_equal(c.n_samples, 0);
	collect_finish(&c);
}

static void bad_files_are_refused_with_their_place(void **state)
{
	static const char *const bad[] = {"{\"avg_idle_power\": \"x\"}", "{\"avg_idle_power\": -1}", "{\"other\": 1}",
					  "no number at all", "{\"avg_idle_power\": 1"};

	(void)state;
	refuse_all("idle_power", bad, sizeof(bad) / sizeof(bad[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_forms_give_the_idle_power),
	    cmocka_unit_test(bad_files_are_refused_with_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
