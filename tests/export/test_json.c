#include "export/export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "export/small_result.h"

static char *written;

static int write_small_result(void **state)
{
	struct jm_view view = {.by = JM_BY_LAYER, .sort = JM_SORT_NONE};
	struct small_result small;
	struct jm_buffer b = {0};

	(void)state;
	if (!jm_exporter_find("json") || jm_exporter_find("json")->write(small_result_init(&small), &view, &b, NULL))
		return -1;
	written = strdup(jm_buffer_terminate(&b));
	jm_buffer_finish(&b);
	return written ? 0 : -1;
}

static int forget(void **state)
{
	(void)state;
	free(written);
	return 0;
}

static void expect(const char *part)
{
	if (!strstr(written, part))
		fail_msg("no %s in %s", part, written);
}

static void the_format_names_itself(void **state)
{
	(void)state;
	assert_ptr_equal(strstr(written, "{\"format\":\"joulemap-report/1\""), written);
}

static void estimated_figures_are_marked(void **state)
{
	(void)state;
	expect("\"name\":\"first, "
	       "\\\"quoted\\\"\",\"type\":\"Conv\",\"channel\":\"estimate/cpu\",\"state\":\"estimated\"");
	expect("\"energy_j\":2.0,\"energy_per_iteration_mj\":500.0");
	expect("\"energy_ci_j\":[1.0,4.0]");
}

static void unknown_is_null_with_its_reason(void **state)
{
	(void)state;
	expect("\"name\":\"second\"");
	expect("\"energy_j\":null,\"energy_per_iteration_mj\":null");
	expect("\"resolvable\":false,\"reason\":\"shorter than one reading\"");
	expect("\"distortion\":null,\"exit_code\":null");
	expect("\"latency\":null");
	assert_null(strstr(written, "nan"));
}

static void the_ledger_and_the_sum_check_are_there(void **state)
{
	(void)state;
	expect("\"expected\":100,\"taken\":97,\"late\":2,\"missed\":3,\"repeated\":5");
	expect("\"coverage\":0.97");
	expect(
	    "\"total_j\":8.0,\"parts_j\":2.0,\"idle_j\":0.0,\"gaps_j\":null,\"unattributed_j\":6.0,\"residual_j\":0.0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_format_names_itself),
	    cmocka_unit_test(estimated_figures_are_marked),
	    cmocka_unit_test(unknown_is_null_with_its_reason),
	    cmocka_unit_test(the_ledger_and_the_sum_check_are_there),
	};

	return cmocka_run_group_tests(tests, write_small_result, forget);
}
