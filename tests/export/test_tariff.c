#include "export/tariff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "export/export.h"
#include "export/small_result.h"
#include "report/table.h"

#define KWH_J 3.6e6

static void figures_are_the_users(void **state)
{
	struct jm_tariff t;

	(void)state;
	assert_int_equal(jm_tariff_parse("420", "0.30EUR", &t, NULL), 0);
	assert_true(fabs(jm_tariff_carbon_g(&t, KWH_J) - 420) < 1e-9);
	assert_true(fabs(jm_tariff_price(&t, KWH_J / 2) - 0.15) < 1e-12);
	assert_string_equal(t.currency, "EUR");
	assert_int_equal(jm_tariff_parse(NULL, "12 kr", &t, NULL), 0);
	assert_string_equal(t.currency, "kr");
	assert_false(t.has_carbon);
}

static void nothing_is_assumed(void **state)
{
	struct jm_tariff t;

	(void)state;
	assert_int_equal(jm_tariff_parse(NULL, NULL, &t, NULL), 0);
	assert_true(isnan(jm_tariff_carbon_g(&t, KWH_J)));
	assert_true(isnan(jm_tariff_price(&t, KWH_J)));
	assert_int_equal(jm_tariff_parse("0", NULL, &t, NULL), 0); /* a figure like any other */
	assert_true(jm_tariff_carbon_g(&t, KWH_J) == 0);
	assert_true(isnan(jm_tariff_carbon_g(&t, NAN)));
}

static void what_is_no_figure_is_refused(void **state)
{
	static const char *const carbons[] = {"", "-1", "many", "nan", "420g"};
	static const char *const prices[] = {
	    "", "EUR", "-0.3", "0.30EUR2", "0,30", "1.2.3", "1 a currency of far too many letters"};
	struct jm_error err;
	struct jm_tariff t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(carbons) / sizeof(carbons[0]); i++)
		assert_int_equal(jm_tariff_parse(carbons[i], NULL, &t, &err), JM_E_INVALID);
	for (i = 0; i < sizeof(prices) / sizeof(prices[0]); i++)
		assert_int_equal(jm_tariff_parse(NULL, prices[i], &t, &err), JM_E_INVALID);
	assert_true(err.remedy[0]);
}

/* 8 J are 0.000933.. g at 420 g/kWh. */
static void tables_csv_and_json_say_them_and_whose_they_are(void **state)
{
	struct jm_view view = {.by = JM_BY_CHANNEL};
	struct jm_buffer table = {0}, csv = {0}, json = {0}, plain = {0};
	struct small_result s;

	(void)state;
	small_result_init(&s);
	s.channels[0].energy_j = 8;
	assert_int_equal(jm_exporter_find("csv")->write(&s.result, &view, &plain, NULL), 0);
	assert_null(strstr(jm_buffer_terminate(&plain), "carbon"));
	assert_int_equal(jm_tariff_parse("420", "0.30EUR", &view.tariff, NULL), 0);
	assert_int_equal(jm_report_table(&s.result, &view, true, &table, NULL), 0);
	assert_int_equal(jm_exporter_find("csv")->write(&s.result, &view, &csv, NULL), 0);
	assert_int_equal(jm_exporter_find("json")->write(&s.result, &view, &json, NULL), 0);
	assert_non_null(strstr(jm_buffer_terminate(&table),
			       "carbon      estimate/cpu: 933.3 ug CO2e [466.7 ug, 1.867 mg]; "
			       "at 420 g/kWh, your figure, and estimated energy\n"));
	assert_non_null(strstr(table.data, "price       estimate/cpu: 6.667e-07 EUR"));
	assert_non_null(strstr(jm_buffer_terminate(&csv), "own_rss_bytes,carbon_g,price_EUR\n"));
	assert_non_null(strstr(csv.data, ",0.000933333"));
	assert_non_null(strstr(jm_buffer_terminate(&json), "\"source\":\"given by the user\""));
	jm_buffer_finish(&table);
	jm_buffer_finish(&csv);
	jm_buffer_finish(&json);
	jm_buffer_finish(&plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(figures_are_the_users),
	    cmocka_unit_test(nothing_is_assumed),
	    cmocka_unit_test(what_is_no_figure_is_refused),
	    cmocka_unit_test(tables_csv_and_json_say_them_and_whose_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
