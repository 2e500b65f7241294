#include "export/export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "export/small_result.h"

static void expect(enum jm_view_by by, const char *text)
{
	struct jm_view view = {.by = by, .sort = JM_SORT_NONE};
	struct small_result small;
	struct jm_buffer b = {0};

	assert_non_null(jm_exporter_find("csv"));
	assert_int_equal(jm_exporter_find("csv")->write(small_result_init(&small), &view, &b, NULL), 0);
	assert_string_equal(jm_buffer_terminate(&b), text);
	jm_buffer_finish(&b);
}

/* Own cost: half a second in two. Energy 2 J of 4 executions in 0.5 s: 500 mJ each, 4 W, a quarter of 8 J. */
static void rows_keep_quotes_and_leave_unknown_cells_empty(void **state)
{
	(void)state;
	expect(JM_BY_LAYER,
	       "name,type,channel,state,count,time_s,latency_ms,energy_j,energy_low_j,energy_high_j,"
	       "energy_per_iteration_mj,energy_per_item_mj,mean_power_w,mean_power_low_w,mean_power_high_w,"
	       "share,macs,flops,bytes,method,resolvable,reason,own_cpu_s,own_cpu_fraction,own_rss_bytes\n"
	       "\"first, \"\"quoted\"\"\",Conv,estimate/cpu,estimated,4,0.5,125.0,2.0,1.0,4.0,500.0,500.0,4.0,,,0.25,"
	       ",,,share,true,,0.5,0.25,4096\n"
	       "second,Conv,estimate/cpu,estimated,4,0.5,125.0,,,,,,,,,,,,,share,false,shorter than one "
	       "reading,0.5,0.25,4096\n");
}

static void channels_carry_their_ledger(void **state)
{
	(void)state;
	expect(JM_BY_CHANNEL,
	       "name,state,kind,energy_j,energy_low_j,energy_high_j,mean_power_w,std_power_w,"
	       "min_power_w,max_power_w,gap_s,expected,taken,late,missed,repeated,coverage,reason,"
	       "own_cpu_s,own_cpu_fraction,own_rss_bytes\n"
	       "estimate/cpu,estimated,gauge,8.0,4.0,16.0,8.0,,7.0,9.0,0.0,100,97,2,3,5,0.97,,0.5,0.25,4096\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_keep_quotes_and_leave_unknown_cells_empty),
	    cmocka_unit_test(channels_carry_their_ledger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
