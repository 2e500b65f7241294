#include "recording/recording.h"
#include "session/recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char folder[64], path[96];
	struct jm_recorder *recorder;
	uint32_t name;
};

static void start(struct fixture *f, const char *sensors, bool may_lack_sensors)
{
	struct jm_record_options options = {.size = sizeof(options),
					    .path = f->path,
					    .overwrite = true,
					    .sensors = sensors,
					    .may_lack_sensors = may_lack_sensors};
	struct jm_error err = {0};

	assert_int_equal(jm_recorder_start(&options, &f->recorder, &err), 0);
	assert_int_equal(jm_span_name(f->recorder, "layer", "Conv", &f->name), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	snprintf(f->folder, sizeof(f->folder), "/tmp/joulemap-tracks-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/run.jmap", f->folder);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	jm_recorder_destroy(f->recorder);
	unlink(f->path);
	rmdir(f->folder);
	free(f);
	return 0;
}

static size_t read_back(const struct fixture *f, struct jm_span **spans)
{
	struct jm_recording *recording;
	size_t n;

	assert_int_equal(jm_recording_open(f->path, &recording, NULL), 0);
	assert_int_equal(jm_recording_spans(recording, UINT32_MAX, spans, &n, NULL), 0);
	jm_recording_close(recording);
	return n;
}

static struct jm_timed_span span_of(const struct fixture *f, int64_t start_ns, int64_t end_ns)
{
	return (struct jm_timed_span){.start_ns = start_ns,
				      .end_ns = end_ns,
				      .name_id = f->name,
				      .iteration = JM_NO_ITERATION,
				      .kind = JM_SPAN_LAYER};
}

static void spans_with_given_times_reach_the_file_as_they_are(void **state)
{
	struct fixture *f = *state;
	struct jm_timed_span given[600]; /* more than are written at a time */
	struct jm_span *spans;
	struct jm_track *track;
	size_t i;

	start(f, "estimate", false);
	assert_int_equal(jm_track_open(f->recorder, "device 0", &track, NULL), 0);
	for (i = 0; i < 600; i++) {
		given[i] = span_of(f, (int64_t)(1000 + 10 * i), (int64_t)(1005 + 10 * i));
		given[i].iteration = (uint32_t)i;
		given[i].flags = i % 2 ? JM_SPAN_ISOLATED : JM_SPAN_PROFILED | JM_SPAN_WARMUP;
	}
	assert_int_equal(jm_spans_add(f->recorder, track, given, 600, NULL), 0);
	given[0] = span_of(f, 7, 9);
	given[0].kind = JM_SPAN_PHASE;
	assert_int_equal(jm_spans_add(f->recorder, NULL, given, 1, NULL), 0);
	assert_int_equal(jm_recorder_stop(f->recorder, NULL), 0);
	assert_int_equal(read_back(f, &spans), 601);
	assert_int_equal(spans[0].start_ns, 7);
	assert_int_equal(spans[0].track, 0);
	assert_int_equal(spans[0].kind, JM_SPAN_PHASE);
	assert_true(spans[0].iteration == JM_NO_ITERATION);
	assert_int_equal(spans[300].start_ns, 1000 + 10 * 299);
	assert_int_equal(spans[300].end_ns, 1005 + 10 * 299);
	assert_int_equal(spans[300].iteration, 299);
	assert_int_equal(spans[300].flags, JM_SPAN_ISOLATED);
	assert_int_equal(spans[300].track, 1);
	free(spans);
}

static void no_spans_are_no_error(void **state)
{
	struct fixture *f = *state;

	start(f, "estimate", false);
	assert_int_equal(jm_spans_add(f->recorder, NULL, NULL, 0, NULL), 0);
}

/* The writer keeps its first failure for ever; a caller's slip must not end the recording. */
static void a_bad_span_is_refused_and_named_and_the_recording_goes_on(void **state)
{
	struct fixture *f = *state;
	struct jm_timed_span spans[4];
	struct jm_error err = {0};
	struct jm_span *got;
	size_t i;

	start(f, "estimate", false);
	for (i = 0; i < 4; i++) {
		struct jm_timed_span pair[2] = {span_of(f, 1, 2), span_of(f, 3, 4)};

		if (i == 0)
			pair[1].end_ns = 2;
		else if (i == 1)
			pair[1].kind = 99;
		else if (i == 2)
			pair[1].flags = 64;
		else
			pair[1].name_id = 1234;
		assert_int_equal(jm_spans_add(f->recorder, NULL, pair, 2, &err), JM_E_INVALID);
		assert_non_null(strstr(err.message, "span 1 of 2"));
	}
	spans[0] = span_of(f, 5, 6);
	assert_int_equal(jm_spans_add(f->recorder, NULL, spans, 1, NULL), 0);
	assert_int_equal(jm_recorder_stop(f->recorder, NULL), 0);
	assert_int_equal(read_back(f, &got), 1);
	free(got);
}

static void an_ended_recording_takes_no_spans_and_says_so(void **state)
{
	struct fixture *f = *state;
	struct jm_timed_span span;
	struct jm_error err = {0};

	start(f, "estimate", false);
	span = span_of(f, 1, 2);
	assert_int_equal(jm_recorder_stop(f->recorder, NULL), 0);
	assert_int_equal(jm_spans_add(f->recorder, NULL, &span, 1, &err), JM_E_INVALID);
	assert_non_null(strstr(err.message, "has ended"));
}

static void operands_of_a_layer_are_kept_and_nonsense_is_refused(void **state)
{
	static const char conv[] = "Conv(kernel=3,3 stride=1,1 padding=2,2) fp32[1,3,8,8] fp32[4,3,3,3] -> fp32[1,4,8,8]";
	struct fixture *f = *state;
	struct jm_recording *recording;
	struct jm_error err = {0};

	start(f, "estimate", false);
	assert_int_equal(jm_span_shapes(f->recorder, f->name, conv, &err), 0);
	assert_int_equal(jm_span_shapes(f->recorder, f->name, "Conv( fp32", &err), JM_E_INVALID);
	assert_non_null(strstr(err.message, "Conv( fp32"));
	assert_int_equal(jm_span_shapes(f->recorder, f->name, NULL, &err), JM_E_INVALID);
	assert_int_equal(jm_span_shapes(f->recorder, f->name + 1, conv, &err), JM_E_INVALID);
	assert_int_equal(jm_recorder_stop(f->recorder, NULL), 0);
	assert_int_equal(jm_span_shapes(f->recorder, f->name, conv, NULL), JM_E_INVALID);
	assert_int_equal(jm_recording_open(f->path, &recording, NULL), 0);
	assert_int_equal(jm_recording_load_shapes(recording, NULL), 0);
	assert_string_equal(jm_recording_names(recording)->items[f->name].shapes, conv);
	jm_recording_close(recording);
}

static void without_any_sensor_times_are_still_recorded(void **state)
{
	struct fixture *f = *state;
	struct jm_record_options options = {.size = sizeof(options), .path = f->path};
	struct jm_timed_span span;
	struct jm_error err = {0};
	struct jm_span *got;

	setenv("JOULEMAP_ROOT", f->folder, 1);
	setenv("JOULEMAP_NVML", "/nonexistent", 1);
	assert_int_equal(jm_recorder_start(&options, &f->recorder, &err), JM_E_NOT_FOUND);
	assert_non_null(strstr(err.message, "no sensor"));
	start(f, NULL, true);
	assert_non_null(jm_recorder_warning(f->recorder, 0));
	assert_non_null(strstr(jm_recorder_warning(f->recorder, 0), "times only"));
	span = span_of(f, 1, 2);
	assert_int_equal(jm_spans_add(f->recorder, NULL, &span, 1, NULL), 0);
	assert_int_equal(jm_recorder_stop(f->recorder, NULL), 0);
	assert_int_equal(read_back(f, &got), 1);
	free(got);
	unsetenv("JOULEMAP_ROOT");
	unsetenv("JOULEMAP_NVML");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(spans_with_given_times_reach_the_file_as_they_are, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(no_spans_are_no_error, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_bad_span_is_refused_and_named_and_the_recording_goes_on, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(an_ended_recording_takes_no_spans_and_says_so, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(operands_of_a_layer_are_kept_and_nonsense_is_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(without_any_sensor_times_are_still_recorded, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
