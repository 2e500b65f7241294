/* Quiet stretches of a run give its idle level only where they were quiet. */
#include "core/text.h"
#include "joulemap/joulemap.h"
#include "recording/recording_fixture.h"
#include "session/recorder.h"
#include "support/trial_recording.h"

static int append(void *ctx, const char *text, size_t n)
{
	jm_buffer_append(ctx, text, n);
	return 0;
}

static void report_says(struct scratch *s, const char *busy, const char *wanted, const char *unwanted)
{
	struct jm_view_options view = {.size = sizeof(view)};
	struct jm_report_options options = {.size = sizeof(options)};
	struct jm_buffer b = {0};
	struct jm_error err = {0};
	struct jm_report *report;
	char path[300];

	snprintf(path, sizeof(path), "%s/run.jmap", s->folder);
	assert_int_equal(
	    trial_write(&(struct trial_recording){
		.path = path, .seconds = 1, .rate_hz = 100, .power_w = 20, .latency_ms = 5, .quiet_busy = busy}),
	    0);
	if (jm_report_open(path, &options, &report, &err))
		fail_msg("%s", err.message);
	assert_int_equal(jm_report_write(report, &view, append, &b, &err), 0);
	if (!strstr(jm_buffer_terminate(&b), wanted) || strstr(b.data, unwanted))
		fail_msg("not '%s', or '%s', in: %s", wanted, unwanted, b.data);
	jm_buffer_finish(&b);
	jm_report_destroy(report);
}

static void quiet_stretches_give_the_level(void **state)
{
	report_says(*state, "0.0500", "idle level  the quiet stretch after", "were not quiet");
}

static void stretches_at_work_give_none(void **state)
{
	report_says(
	    *state, "1.0000",
	    "idle level  none: the stretches before and after were not quiet (processors at work 100 %); stop what "
	    "else runs, or measure the level once: joulemap idle",
	    "when idle");
}

static void load_is_the_part_of_all_processors_that_was_not_idle(void **state)
{
	struct jm_load a = {.is_known = true, .t_ns = 0, .idle_ns = 5, .n_cpus = 4};
	struct jm_load b = {.is_known = true, .t_ns = 1000000000, .idle_ns = 3000000005, .n_cpus = 4};

	(void)state;
	assert_float_equal(jm_recorder_busy(&a, &b), 0.25, 1e-9);
	b.idle_ns = 4100000000; /* ticks are coarse */
	assert_float_equal(jm_recorder_busy(&a, &b), 0, 1e-9);
	b.t_ns = JM_LOAD_MIN_NS - 1;
	assert_true(isnan(jm_recorder_busy(&a, &b)));
	b.t_ns = 1000000000;
	b.is_known = false;
	assert_true(isnan(jm_recorder_busy(&a, &b)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(quiet_stretches_give_the_level, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test_setup_teardown(stretches_at_work_give_none, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test(load_is_the_part_of_all_processors_that_was_not_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
