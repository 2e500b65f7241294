/* The messages that the original's tools made. */
#include "service/event_message.h"
#include "service/measurement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct jm_event event; /* big */

/* 2024-05-02T15:05:15Z */
#define STAMP_NS (INT64_C(1714662315) * 1000000000)

static size_t read_vector(const char *name, uint8_t *out, size_t size)
{
	const char *shared = getenv("JM_SHARED");
	char path[1024];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/events/%s", shared ? shared : JM_SOURCE_DIR "/../shared/data", name);
	f = fopen(path, "rb");
	if (!f) {
		printf("SKIP: no test vectors of the original (%s)\n", path);
		exit(77);
	}
	n = fread(out, 1, size, f);
	fclose(f);
	return n;
}

static void vector(const char *name)
{
	uint8_t message[4096];
	size_t n = read_vector(name, message, sizeof(message));

	assert_int_equal(jm_event_decode(message, n, &event), JM_EVENT_FAULT_NONE);
}

static void the_originals_vectors_are_read_exactly(void **state)
{
	(void)state;
	vector("monitor_power_start.msg");
	assert_int_equal(event.kind, JM_EVENT_POWER_START);
	assert_int_equal(event.n_pids, 2);
	assert_int_equal(event.pids[0], 1234);
	assert_int_equal(event.pids[1], 99999);
	assert_int_equal(event.devices, JM_DEVICE_ALL);
	assert_int_equal(event.start_realtime_ns, 0);
	assert_int_equal(event.seconds, 10);
	vector("monitor_power_start_zero.msg");
	assert_int_equal(event.n_pids, 1);
	assert_int_equal(event.devices, JM_DEVICE_BIT(JM_DEVICE_CPU) | JM_DEVICE_BIT(JM_DEVICE_GPU));
	assert_true(event.start_realtime_ns == STAMP_NS + 1000000000);
	assert_int_equal(event.seconds, 0);
	vector("monitor_power_start_pyorder.msg");
	assert_int_equal(event.kind, JM_EVENT_POWER_START);
	assert_true(event.n_pids > 0 && event.devices != 0);
	vector("monitor_power_stop.msg");
	assert_int_equal(event.kind, JM_EVENT_POWER_STOP);
	assert_int_equal(event.pids[0], 1234);
	vector("plugin_terminate.msg");
	assert_int_equal(event.kind, JM_EVENT_PLUGIN_TERMINATE);
	assert_string_equal(event.name, "*");
	assert_string_equal(event.uuid, "4a0fca25-1935-472a-8674-58f22c3a32b3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_originals_vectors_are_read_exactly)};
	struct jm_error err;

	if (jm_event_support(&err) != 0) {
		printf("SKIP: %s\n", err.message);
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
