#include "service/ask.h"
#include "service/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define S INT64_C(1000000000)

static struct jm_ask ask;

static int reads(const char *text)
{
	return jm_ask_read(text, strlen(text), 100 * S, 5000 * S, &ask, NULL);
}

static void a_full_request_is_read(void **state)
{
	(void)state;
	assert_int_equal(
	    reads("{\"pids\": [12, 34], \"devices\": [\"cpu\", \"dram\"], \"duration_s\": 0.5, \"start_in_s\": 2, "
		  "\"label\": \"me\"}"),
	    0);
	assert_int_equal(ask.request.n_pids, 2);
	assert_int_equal(ask.request.pids[1], 34);
	assert_int_equal(ask.request.devices, JM_DEVICE_BIT(JM_DEVICE_CPU) | JM_DEVICE_BIT(JM_DEVICE_DRAM));
	assert_int_equal(ask.request.duration_ns, S / 2);
	assert_int_equal(ask.request.start_ns, 102 * S);
	assert_string_equal(ask.request.label, "me");
}

static void what_is_left_out_is_now_all_devices_and_until_stopped(void **state)
{
	(void)state;
	assert_int_equal(reads("{\"pids\":[1],\"duration_s\":null}"), 0);
	assert_int_equal(ask.request.devices, 0);
	assert_int_equal(ask.request.duration_ns, 0);
	assert_int_equal(ask.request.start_ns, 0);
	assert_int_equal(reads("{\"pids\":[1],\"devices\":\"all\",\"start_unix_s\":5003}"), 0);
	assert_int_equal(ask.request.devices, JM_DEVICE_ALL);
	assert_int_equal(ask.request.start_ns, 103 * S);
	assert_int_equal(reads("{\"pids\":[1],\"start_unix_s\":10}"), 0);
	assert_int_equal(ask.request.start_ns, 0);
}

static void anything_else_is_an_error(void **state)
{
	static const char *const bad[] = {"",
					  "{",
					  "[]",
					  "7",
					  "{\"pids\":[1]} x",
					  "{\"pids\":1}",
					  "{\"pids\":[\"1\"]}",
					  "{\"pids\":[1.5]}",
					  "{\"pids\":[[1]]}",
					  "{\"pids\":[1],\"duration_s\":-1}",
					  "{\"pids\":[1],\"duration_s\":0}",
					  "{\"pids\":[1],\"duration_s\":1e300}",
					  "{\"pids\":[1],\"duration_s\":\"1\"}",
					  "{\"pids\":[1],\"devices\":[\"tpu\"]}",
					  "{\"pids\":[1],\"devices\":[7]}",
					  "{\"pids\":[1],\"label\":{}}",
					  "{\"pids\":[1],\"nonsense\":1}",
					  "{\"duration_s\":1}",
					  "{\"pids\":[99999999999999999999]}"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (reads(bad[i]) == 0)
			fail_msg("taken: %s", bad[i]);
}

static void too_many_processes_are_refused(void **state)
{
	static char text[3 * JM_ASK_PIDS_MAX + 64];
	size_t n = (size_t)sprintf(text, "{\"pids\":[1"), i;

	(void)state;
	for (i = 0; i < JM_ASK_PIDS_MAX; i++)
		n += (size_t)sprintf(text + n, ",2");
	sprintf(text + n, "]}");
	assert_int_equal(reads(text), JM_E_FULL);
}

static void only_names_of_this_machine_are_our_host(void **state)
{
	(void)state;
	assert_true(jm_http_is_own_host("localhost", true, ""));
	assert_true(jm_http_is_own_host("LocalHost:7373", true, ""));
	assert_true(jm_http_is_own_host("127.0.0.1:80", true, ""));
	assert_true(jm_http_is_own_host("[::1]:80", true, ""));
	assert_true(jm_http_is_own_host("power.lan:80", true, "power.lan"));
	assert_true(jm_http_is_own_host("anything", false, ""));
	assert_false(jm_http_is_own_host(NULL, true, ""));
	assert_false(jm_http_is_own_host("", true, ""));
	assert_false(jm_http_is_own_host("evil.example", true, ""));
	assert_false(jm_http_is_own_host("localhost.evil.example", true, ""));
	assert_false(jm_http_is_own_host("127.0.0.1.evil.example", true, ""));
	assert_false(jm_http_is_own_host("localhost:80@evil.example", true, ""));
	assert_false(jm_http_is_own_host("10.0.0.1", true, ""));
	assert_false(jm_http_is_own_host("[::2]", true, ""));
	assert_false(jm_http_is_own_host(":80", true, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_full_request_is_read),
	    cmocka_unit_test(what_is_left_out_is_now_all_devices_and_until_stopped),
	    cmocka_unit_test(anything_else_is_an_error),
	    cmocka_unit_test(too_many_processes_are_refused),
	    cmocka_unit_test(only_names_of_this_machine_are_our_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
