/* How long one execution of a layer typically takes, from spans with given times. */
#include "session/recorder.h"
#include "session/typical.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define MS 1000000LL

struct fixture {
	char folder[64], path[96];
	struct jm_recorder *recorder;
	uint32_t layer, iteration, measured;
	int64_t origin_ns;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct jm_record_options options = {.size = sizeof(options), .sensors = "estimate", .may_lack_sensors = true};

	if (!f)
		return -1;
	snprintf(f->folder, sizeof(f->folder), "/tmp/joulemap-typical-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/run.jmap", f->folder);
	options.path = f->path;
	if (jm_recorder_start(&options, &f->recorder, NULL) || jm_span_name(f->recorder, "layer", "Conv", &f->layer) ||
	    jm_span_name(f->recorder, "inference", NULL, &f->iteration) ||
	    jm_span_name(f->recorder, "measured", NULL, &f->measured))
		return -1;
	f->origin_ns = jm_now_ns();
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

static void add(struct fixture *f, int64_t start_ms, int64_t end_ms, uint32_t name, uint32_t kind, uint32_t iteration,
		uint32_t flags)
{
	struct jm_timed_span s = {.start_ns = f->origin_ns + start_ms * MS,
				  .end_ns = f->origin_ns + end_ms * MS,
				  .name_id = name,
				  .iteration = iteration,
				  .kind = kind,
				  .flags = flags};

	assert_int_equal(jm_spans_add(f->recorder, NULL, &s, 1, NULL), 0);
}

static double typical_ms(struct fixture *f)
{
	struct jm_report_options options = {.size = sizeof(options), .method = "share"};
	struct jm_typical typical;
	struct jm_report *report;
	struct jm_error err = {0};
	double ms;

	assert_int_equal(jm_recorder_stop(f->recorder, NULL), 0);
	if (jm_report_open(f->path, &options, &report, &err))
		fail_msg("%s", err.message);
	assert_int_equal(jm_typical_load(report, 50, &typical, NULL), 0);
	assert_true(report->result.n_layers > 0);
	ms = jm_typical_ms(&typical, jm_recording_names(report->recording), &report->result.layers[0]);
	jm_typical_finish(&typical);
	jm_report_destroy(report);
	return ms;
}

/* An execution that took 50 times as long lies between the measured stretches, as the PyTorch profiler leaves it. */
static void what_lies_outside_of_the_measured_stretches_does_not_count(void **state)
{
	struct fixture *f = *state;
	int64_t t = 0;
	uint32_t i;

	for (i = 0; i < 20; i++) {
		int64_t ms = i == 10 ? 1000 : 20;

		add(f, t, t + ms, f->iteration, JM_SPAN_ITERATION, i, 0);
		add(f, t, t + ms, f->layer, JM_SPAN_LAYER, i, 0);
		t += ms;
	}
	add(f, 0, 200, f->measured, JM_SPAN_PHASE, JM_NO_ITERATION, 0);
	add(f, 1200, t, f->measured, JM_SPAN_PHASE, JM_NO_ITERATION, 0);
	assert_float_equal(typical_ms(f), 20, 1e-6);
}

/* Kernels of one execution: what counts is the execution. */
static void pieces_of_an_execution_are_added_up(void **state)
{
	struct fixture *f = *state;
	uint32_t i;

	for (i = 0; i < 20; i++) {
		int64_t t = 100 * (int64_t)i;

		add(f, t, t + 50, f->iteration, JM_SPAN_ITERATION, i, 0);
		add(f, t + 50, t + 100, f->iteration, JM_SPAN_ITERATION, 20 + i, JM_SPAN_PROFILED);
		add(f, t + 50, t + 62, f->layer, JM_SPAN_LAYER, 20 + i, JM_SPAN_PROFILED);
		add(f, t + 70, t + 78, f->layer, JM_SPAN_LAYER, 20 + i, JM_SPAN_PROFILED);
		add(f, t, t + 50, f->measured, JM_SPAN_PHASE, JM_NO_ITERATION, 0);
	}
	assert_int_equal(jm_recorder_meta(f->recorder, "calls", "0:1"), 0);
	assert_float_equal(typical_ms(f), 20, 1e-6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_lies_outside_of_the_measured_stretches_does_not_count, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(pieces_of_an_execution_are_added_up, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
