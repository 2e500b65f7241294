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

/* A stop of process 1234, as the original's tools encode it. */
static const char stop_hex[] =
    "2100"
    "0c00000008000c0007000800080000000000000a0c00000008000c000400080008000000100000000400000001000000d204000020000000"
    "323032342d30352d30325431353a30363a31352e3030303030312b30303a303000000000";

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2, i;
	unsigned byte;

	for (i = 0; i < n; i++) {
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
	return n;
}

static struct jm_buffer encode(const struct jm_event *e)
{
	struct jm_buffer b = {0};

	assert_int_equal(jm_event_encode(e, STAMP_NS, &b), 0);
	return b;
}

static struct jm_event *a_start(void)
{
	static struct jm_event e;

	memset(&e, 0, sizeof(e));
	e.kind = JM_EVENT_POWER_START;
	e.n_pids = 2;
	e.pids[0] = 1234;
	e.pids[1] = 99999;
	e.devices = JM_DEVICE_ALL;
	e.seconds = 10;
	return &e;
}

static void a_stop_made_by_the_originals_tools_is_read(void **state)
{
	uint8_t message[256];
	size_t n = from_hex(stop_hex, message);

	(void)state;
	assert_int_equal(jm_event_decode(message, n, &event), JM_EVENT_FAULT_NONE);
	assert_int_equal(event.kind, JM_EVENT_POWER_STOP);
	assert_int_equal(event.n_pids, 1);
	assert_int_equal(event.pids[0], 1234);
}

static void a_start_comes_back_as_it_went(void **state)
{
	struct jm_event *e = a_start();
	struct jm_buffer b;

	(void)state;
	e->devices = JM_DEVICE_BIT(JM_DEVICE_CPU) | JM_DEVICE_BIT(JM_DEVICE_DRAM);
	e->start_realtime_ns = STAMP_NS + 250000000;
	b = encode(e);
	assert_int_equal(b.data[0], 0x20);
	assert_int_equal(jm_event_decode(b.data, b.n, &event), JM_EVENT_FAULT_NONE);
	assert_int_equal(event.n_pids, 2);
	assert_int_equal(event.pids[1], 99999);
	assert_int_equal(event.devices, e->devices);
	assert_true(event.start_realtime_ns == e->start_realtime_ns);
	assert_int_equal(event.seconds, 10);
	jm_buffer_finish(&b);
}

static void events_about_plugins_come_back_as_they_went(void **state)
{
	static const enum jm_event_kind kinds[] = {JM_EVENT_PLUGIN_STARTED, JM_EVENT_PLUGIN_TERMINATING,
						   JM_EVENT_PLUGIN_TERMINATE};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct jm_event e = {
		    .kind = kinds[i], .name = "ext_power", .uuid = "4a0fca25-1935-472a-8674-58f22c3a32b3"};
		struct jm_buffer b = encode(&e);

		assert_int_equal(jm_event_decode(b.data, b.n, &event), JM_EVENT_FAULT_NONE);
		assert_int_equal(event.kind, kinds[i]);
		assert_string_equal(event.name, e.name);
		assert_string_equal(event.uuid, e.uuid);
		jm_buffer_finish(&b);
	}
}

static enum jm_event_fault fault_of(const struct jm_event *e)
{
	struct jm_buffer b = encode(e);
	enum jm_event_fault fault = jm_event_decode(b.data, b.n, &event);

	jm_buffer_finish(&b);
	return fault;
}

static void what_is_missing_or_too_much_has_its_reason(void **state)
{
	struct jm_event *e = a_start();
	struct jm_event stranger = {.kind = JM_EVENT_PLUGIN_TERMINATE, .name = "*", .uuid = "not-a-uuid"};

	(void)state;
	e->n_pids = 0;
	assert_int_equal(fault_of(e), JM_EVENT_FAULT_EMPTY);
	e = a_start();
	e->pids[1] = -5;
	assert_int_equal(fault_of(e), JM_EVENT_FAULT_PID);
	e = a_start();
	e->devices = 0;
	assert_int_equal(fault_of(e), JM_EVENT_FAULT_EMPTY);
	assert_int_equal(fault_of(&stranger), JM_EVENT_FAULT_UUID);
	assert_int_equal(jm_event_decode("\x20", 1, &event), JM_EVENT_FAULT_SHORT);
	assert_int_equal(jm_event_decode("\x99\x00 and so on and on and on", 26, &event), JM_EVENT_FAULT_PREFIX);
	assert_int_equal(jm_event_decode("\x20\x01 and so on and on and on", 26, &event), JM_EVENT_FAULT_PREFIX);
}

static void a_prefix_of_another_event_is_refused(void **state)
{
	struct jm_buffer b = encode(a_start());

	(void)state;
	b.data[0] = 0x21;
	assert_int_equal(jm_event_decode(b.data, b.n, &event), JM_EVENT_FAULT_TAG);
	jm_buffer_finish(&b);
}

/* Finds the one byte that is 1 (ALL) with a list length of 1 before it. */
static void monitor_types_beyond_the_four_are_refused_and_zero_is_all(void **state)
{
	static const uint8_t list[] = {1, 0, 0, 0, 1};
	struct jm_buffer b = encode(a_start());
	uint8_t *at = NULL;
	size_t i;

	(void)state;
	for (i = 0; i + sizeof(list) <= b.n; i++)
		if (memcmp(b.data + i, list, sizeof(list)) == 0)
			at = (uint8_t *)b.data + i + 4;
	assert_non_null(at);
	*at = 0;
	assert_int_equal(jm_event_decode(b.data, b.n, &event), JM_EVENT_FAULT_NONE);
	assert_int_equal(event.devices, JM_DEVICE_ALL);
	*at = 4;
	assert_int_equal(jm_event_decode(b.data, b.n, &event), JM_EVENT_FAULT_NONE);
	assert_int_equal(event.devices, JM_DEVICE_BIT(JM_DEVICE_DRAM));
	*at = 5;
	assert_int_equal(jm_event_decode(b.data, b.n, &event), JM_EVENT_FAULT_TYPE);
	*at = 0xff;
	assert_int_equal(jm_event_decode(b.data, b.n, &event), JM_EVENT_FAULT_TYPE);
	jm_buffer_finish(&b);
}

/* In a block of exactly its size, so that a sanitizer sees a read beyond. */
static enum jm_event_fault decode_exact(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	enum jm_event_fault fault;

	assert_non_null(copy);
	memcpy(copy, data, n);
	fault = jm_event_decode(copy, n, &event);
	free(copy);
	return fault;
}

static void no_cut_message_is_taken(void **state)
{
	struct jm_buffer b = encode(a_start());
	size_t n;

	(void)state;
	for (n = 0; n + 3 < b.n; n++) /* up to three bytes of padding may end it */
		assert_int_not_equal(decode_exact((uint8_t *)b.data, n), JM_EVENT_FAULT_NONE);
	jm_buffer_finish(&b);
}

static void no_flipped_byte_makes_it_read_beyond(void **state)
{
	struct jm_buffer b = encode(a_start());
	size_t i, n_refused = 0;
	int value;

	(void)state;
	for (i = 0; i < b.n; i++) {
		uint8_t was = (uint8_t)b.data[i];

		for (value = 0; value < 256; value += 5) {
			b.data[i] = (char)value;
			n_refused += decode_exact((uint8_t *)b.data, b.n) != JM_EVENT_FAULT_NONE;
		}
		b.data[i] = (char)was;
	}
	assert_true(n_refused > 100);
	assert_int_equal(decode_exact((uint8_t *)b.data, b.n), JM_EVENT_FAULT_NONE);
	jm_buffer_finish(&b);
}

static void lists_have_a_limit(void **state)
{
	struct jm_event *e = a_start();
	struct jm_buffer b;
	uint8_t *length;
	size_t i;

	(void)state;
	e->n_pids = JM_EVENT_MAX_PIDS;
	for (i = 0; i < e->n_pids; i++)
		e->pids[i] = (int64_t)i + 1;
	assert_int_equal(fault_of(e), JM_EVENT_FAULT_NONE);
	b = encode(e);
	for (length = (uint8_t *)b.data; memcmp(length, "\x00\x10\x00\x00\x01\x00\x00\x00\x02", 9) != 0; length++)
		assert_true(length < (uint8_t *)b.data + b.n - 9);
	length[3] = 0x40; /* a billion */
	assert_int_equal(jm_event_decode(b.data, b.n, &event), JM_EVENT_FAULT_BUFFER);
	jm_buffer_finish(&b);
}

static void times_are_read_as_rust_and_python_write_them(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
	    {"2024-05-02T15:05:15+00:00", STAMP_NS},
	    {"2024-05-02T15:05:15.000001", STAMP_NS + 1000},
	    {"2024-05-02T15:05:15", STAMP_NS},
	    {"2024-05-02 15:05:15Z", STAMP_NS},
	    {"2024-05-02T17:05:15.123456789+02:00", STAMP_NS + 123456789},
	    {"2024-05-02T10:35:15.5-04:30", STAMP_NS + 500000000},
	    {"1970-01-01T00:00:00Z", 0},
	    {"2000-02-29T00:00:00Z", INT64_C(951782400) * 1000000000},
	};
	static const char *const bad[] = {"",
					  "now",
					  "2024-05-02",
					  "2024-13-02T15:05:15",
					  "2023-02-29T00:00:00Z",
					  "2024-05-02T24:05:15",
					  "2024-05-02T15:05:15.",
					  "2024-05-02T15:05:15.1234567890",
					  "2024-05-02T15:05:15+0000",
					  "2024-05-02T15:05:15Z ",
					  "9999-05-02T15:05:15Z",
					  "1960-05-02T15:05:15Z"};
	int64_t ns;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(jm_event_time_parse(good[i].text, strlen(good[i].text), &ns), 0);
		assert_true(ns == good[i].ns);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(jm_event_time_parse(bad[i], strlen(bad[i]), &ns), JM_E_FORMAT);
}

static void written_times_have_their_offset(void **state)
{
	char text[JM_EVENT_TIME_SIZE];

	(void)state;
	assert_string_equal(jm_event_time_text(STAMP_NS + 42000, text), "2024-05-02T15:05:15.000042+00:00");
}

static void uuids_are_read_in_their_usual_forms(void **state)
{
	static const char *const good[] = {"4a0fca25-1935-472a-8674-58f22c3a32b3",
					   "4A0FCA25-1935-472A-8674-58F22C3A32B3", "4a0fca251935472a867458f22c3a32b3",
					   "{4a0fca25-1935-472a-8674-58f22c3a32b3}",
					   "urn:uuid:4a0fca25-1935-472a-8674-58f22c3a32b3"};
	static const char *const bad[] = {"", "*", "4a0fca25-1935-472a-8674-58f22c3a32b",
					  "4a0fca25-1935-472a-8674-58f22c3a32bg",
					  "4a0fca25+1935-472a-8674-58f22c3a32b3"};
	char out[JM_EVENT_UUID_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++) {
		assert_int_equal(jm_event_uuid_parse(good[i], strlen(good[i]), out), 0);
		assert_string_equal(out, good[0]);
		assert_int_equal(jm_event_uuid_parse(bad[i], strlen(bad[i]), out), JM_E_FORMAT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times_are_read_as_rust_and_python_write_them),
	    cmocka_unit_test(written_times_have_their_offset),
	    cmocka_unit_test(uuids_are_read_in_their_usual_forms),
	    cmocka_unit_test(a_stop_made_by_the_originals_tools_is_read),
	    cmocka_unit_test(a_start_comes_back_as_it_went),
	    cmocka_unit_test(events_about_plugins_come_back_as_they_went),
	    cmocka_unit_test(what_is_missing_or_too_much_has_its_reason),
	    cmocka_unit_test(a_prefix_of_another_event_is_refused),
	    cmocka_unit_test(monitor_types_beyond_the_four_are_refused_and_zero_is_all),
	    cmocka_unit_test(no_cut_message_is_taken),
	    cmocka_unit_test(no_flipped_byte_makes_it_read_beyond),
	    cmocka_unit_test(lists_have_a_limit),
	};
	struct jm_error err;

	if (jm_event_support(&err) != 0) {
		printf("SKIP: %s\n", err.message);
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
